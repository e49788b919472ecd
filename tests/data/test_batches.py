import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mtattr.data.batches import augment, batch_rows, epoch_order, take
from mtattr.data.cache import cached_images
from mtattr.errors import InputError


@given(n=st.integers(0, 300), seed=st.integers(0, 2**40), epoch=st.integers(0, 10**6))
def test_order_is_a_permutation_and_nothing_else_matters(n, seed, epoch):
    torch.manual_seed(epoch)
    order = epoch_order(n, seed=seed, epoch=epoch)
    assert sorted(order.tolist()) == list(range(n))
    torch.rand(7)
    assert torch.equal(order, epoch_order(n, seed=seed, epoch=epoch))


def test_order_differs_between_epochs_and_seeds():
    orders = {tuple(epoch_order(50, seed=s, epoch=e).tolist()) for s in range(5) for e in range(5)}
    assert len(orders) == 25


def test_order_leaves_the_global_generator_alone():
    torch.manual_seed(3)
    want = torch.rand(2)
    torch.manual_seed(3)
    epoch_order(100, seed=1, epoch=1)
    augment(torch.zeros(4, 3, 8, 8), seed=1, epoch=1, positions=torch.arange(4), shift=2)
    assert torch.equal(torch.rand(2), want)


@given(n=st.integers(0, 60), world=st.integers(1, 4), extra=st.integers(0, 12), drop_last=st.booleans())
def test_processes_share_each_batch(n, world, extra, drop_last):
    batch_size = world + extra
    order = epoch_order(n, seed=0, epoch=0)
    alone = [rows.tolist() for rows in batch_rows(order, batch_size=batch_size, drop_last=drop_last)]
    kept = n - n % batch_size if drop_last else n
    assert [row for rows in alone for row in rows] == order[:kept].tolist()
    assert all(len(rows) == batch_size for rows in alone[: n // batch_size])
    shares = [list(batch_rows(order, batch_size=batch_size, rank=r, world=world, drop_last=drop_last)) for r in range(world)]
    for together, *parts in zip(alone, *shares, strict=True):
        assert torch.cat(parts).tolist() == together
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_impossible_shares():
    for arguments in [{"batch_size": 1, "world": 2}, {"batch_size": 0}, {"batch_size": 4, "rank": 2, "world": 2}]:
        with pytest.raises(InputError):
            next(batch_rows(torch.arange(8), **arguments))


def test_take_from_memory_and_from_a_mapped_file(fresh_home):
    images = torch.randint(0, 256, (20, 3, 6, 5), dtype=torch.uint8)

    def fill(out):
        out[:] = images.numpy()

    mapped = cached_images("set", {}, images.shape, fill)
    rows = torch.tensor([7, 0, 19, 7])
    for source in (images, mapped):
        batch = take(source, rows)
        assert batch.dtype == torch.float32
        for row, image in zip(rows, batch, strict=True):
            assert torch.equal(image, images[row].to(torch.float32) / 255)
    assert take(images, rows[:0]).shape == (0, 3, 6, 5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_gets_the_same_batches():
    images = torch.randint(0, 256, (20, 3, 9, 8), dtype=torch.uint8)
    rows = torch.tensor([7, 0, 19, 7])
    here, there, inside = take(images, rows), take(images, rows, "cuda"), take(images.cuda(), rows, "cuda")
    assert there.is_cuda
    assert torch.equal(there, inside)
    torch.testing.assert_close(here, there.cpu(), rtol=0, atol=1e-7)
    moved = augment(there, seed=0, epoch=0, positions=rows, shift=2)
    torch.testing.assert_close(augment(here, seed=0, epoch=0, positions=rows, shift=2), moved.cpu(), rtol=0, atol=1e-7)


def views(image, flip, shift):
    """Every augmentation of one image (3, H, W), by padding, cropping and mirroring."""
    height, width = image.shape[1:]
    padded = torch.nn.functional.pad(image[None], (shift,) * 4, mode="reflect")[0]
    for down in range(2 * shift + 1):
        for right in range(2 * shift + 1):
            view = padded[:, down : down + height, right : right + width]
            yield view
            if flip:
                yield view.flip(2)


def test_each_image_becomes_one_of_its_views():
    for flip, shift in [(True, 0), (False, 1), (True, 2), (True, 4)]:
        batch = torch.rand(60, 3, 7, 5)
        out = augment(batch, seed=3, epoch=1, positions=torch.arange(60), flip=flip, shift=shift)
        for image, result in zip(batch, out, strict=True):
            assert any(torch.equal(view, result) for view in views(image, flip, shift))


def test_every_view_is_drawn_equally_often():
    image = torch.rand(3, 6, 6)
    count = 9000
    out = augment(image.expand(count, 3, 6, 6), seed=0, epoch=0, positions=torch.arange(count), shift=1)
    shares = [(out == view).flatten(1).all(1).float().mean().item() for view in views(image, True, 1)]
    assert sum(shares) == pytest.approx(1)
    # Five standard deviations of a share of 1/18 among 9000.
    assert max(abs(share - 1 / 18) for share in shares) < 5 * (1 / 18 * 17 / 18 / count) ** 0.5


@given(seed=st.integers(0, 1000), world=st.integers(1, 4), batch_size=st.integers(4, 9))
def test_the_same_for_any_number_of_processes_and_any_batch_size(seed, world, batch_size):
    images = torch.arange(20 * 3 * 4 * 4, dtype=torch.float32).reshape(20, 3, 4, 4)
    order = epoch_order(20, seed=seed, epoch=2)
    options = {"seed": seed, "epoch": 2, "shift": 1}
    whole = augment(images[order], positions=torch.arange(20), **options)
    for rank in range(world):
        share = {"batch_size": batch_size, "rank": rank, "world": world}
        for rows, positions in zip(batch_rows(order, **share), batch_rows(torch.arange(20), **share), strict=True):
            assert torch.equal(augment(images[rows], positions=positions, **options), whole[positions])


def test_epochs_seeds_and_positions_differ():
    batch = torch.rand(1, 3, 8, 8).expand(64, 3, 8, 8)
    kinds = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 64)]
    outs = [augment(batch, seed=s, epoch=e, positions=torch.arange(64) + start, shift=1) for s, e, start in kinds]
    assert all(not torch.equal(a, b) for i, a in enumerate(outs) for b in outs[:i])


def test_nothing_to_do():
    batch = torch.rand(3, 3, 4, 4)
    assert torch.equal(augment(batch, seed=0, epoch=0, positions=torch.arange(3), flip=False), batch)


def test_impossible_shift():
    for shift in [-1, 4, 5]:
        with pytest.raises(InputError, match=r"0\.\.3"):
            augment(torch.zeros(1, 3, 4, 6), seed=0, epoch=0, positions=torch.arange(1), shift=shift)
