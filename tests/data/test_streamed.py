import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from mtattr.data.batches import take
from mtattr.data.decode import Files, decode_image
from mtattr.data.image_data import ImageData
from mtattr.data.streamed import StreamedImages, centre_box, files_digest
from mtattr.errors import InputError
from mtattr.nets.output import Output
from mtattr.tasks import TaskSet
from mtattr.training import FitSettings, Loop, Measures, Plan, fit, predict
from PIL import Image
from torch import nn

N = 12


@pytest.fixture
def photos(tmp_path):
    random = np.random.RandomState(5)
    for i in range(N):
        noise = random.randint(0, 256, (5, 6, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((40 + i, 30), Image.Resampling.BICUBIC).save(tmp_path / f"{i:02d}.jpg")
    return Files(tmp_path, tuple(f"{i:02d}.jpg" for i in range(N)))


@pytest.fixture
def stream(photos):
    return StreamedImages(photos, (8, 10))


@pytest.fixture
def whole(photos):
    return torch.stack([torch.from_numpy(decode_image(photos.folder / name, (8, 10)).copy()) for name in photos.names])


def test_it_looks_like_the_tensor(stream, whole):
    assert stream.shape == whole.shape
    assert stream.size() == whole.size()
    assert stream.size(-1) == whole.size(-1)
    for name in ("ndim", "dtype", "device", "is_cuda"):
        assert getattr(stream, name) == getattr(whole, name)
    assert len(stream) == len(whole)
    assert stream.dim() == whole.dim()
    assert stream.numel() == whole.numel()


@pytest.mark.parametrize(
    "index", [0, 3, -1, np.int64(2), torch.tensor(4), slice(2, 5), slice(None), slice(-3, None, 2), slice(9, 99), slice(5, 5)]
)
def test_positions_and_slices_are_decoded(stream, whole, index):
    found = stream[index]
    assert isinstance(found, torch.Tensor)
    assert torch.equal(found, whole[index])


MASK = torch.arange(N) % 3 == 0


@pytest.mark.parametrize(
    "index", [torch.tensor([4, 0, 4]), [1, -1], np.array([2, 3]), MASK, MASK.tolist(), torch.tensor([], dtype=torch.long), []]
)
def test_tensors_and_lists_give_another_stream(stream, whole, index):
    found = stream[index]
    assert isinstance(found, StreamedImages)
    want = whole[torch.as_tensor(index, dtype=None if len(index) else torch.long)]
    assert found.shape == want.shape
    assert torch.equal(found[:], want)


def test_iteration_ends(stream, whole):
    assert torch.equal(torch.stack(list(stream)), whole)


@pytest.mark.parametrize("index", [N, -N - 1, [0, N]])
def test_positions_out_of_range(stream, index):
    with pytest.raises(IndexError):
        stream[index]


@pytest.mark.parametrize("index", [torch.tensor([0.5]), torch.tensor([[1]]), torch.ones(3, dtype=torch.bool), (slice(None), 0), None])
def test_unusable_indices(stream, index):
    with pytest.raises(InputError, match="indexed"):
        stream[index]
    with pytest.raises(InputError, match="axis 0"):
        stream.index_select(1, torch.tensor([0]))


def test_nothing_is_decoded_before_it_is_asked_for(stream, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "mtattr.data.streamed.decode_image", lambda path, *_: asked.append(path.name) or np.zeros((3, 8, 10), dtype=np.uint8)
    )
    part = stream[torch.tensor([5, 7, 1])]
    assert asked == []
    part.index_select(0, torch.tensor([2, 0]))
    assert sorted(asked) == ["01.jpg", "05.jpg"]


def test_batches_and_devices(stream, whole):
    rows = torch.tensor([3, 3, 0])
    assert torch.equal(take(stream, rows), take(whole, rows))
    assert stream.to("cpu") is stream
    assert stream.to("meta").shape == whole.shape
    assert torch.equal(stream.float(), whole.float())
    assert torch.equal(stream[rows].double(), whole[rows].double())
    assert torch.equal(stream[rows] / 255, whole[rows] / 255)
    assert torch.equal(pickle.loads(pickle.dumps(stream))[:], whole)


def test_boxes(photos, whole):
    boxes = tuple((i, 1, 20 + i, 21) for i in range(N))
    stream = StreamedImages(replace(photos, boxes=boxes), 16)
    assert torch.equal(stream[torch.tensor([7])][0], torch.from_numpy(decode_image(photos.folder / "07.jpg", 16, boxes[7]).copy()))


@pytest.mark.parametrize(("size", "shape"), [((60, 40), (16, 16)), ((40, 60), (16, 16)), ((60, 40), (10, 20)), ((31, 77), (20, 10))])
def test_centre_crop_is_the_usual_one(tmp_path, size, shape):
    gradient = np.linspace(0, 255, size[0])[None, :, None] * np.ones((size[1], 1, 3))
    Image.fromarray(gradient.astype(np.uint8)).save(tmp_path / "x.png")
    found = StreamedImages(Files(tmp_path, ("x.png",)), shape, box_of=centre_box(0.8, shape[0] / shape[1]))[0]
    # The usual way round: resize so that the crop fits 1 / 0.8 times, then cut the middle.
    scale = max(shape[1] / size[0], shape[0] / size[1]) / 0.8
    resized = Image.open(tmp_path / "x.png").resize((round(size[0] * scale), round(size[1] * scale)), Image.Resampling.BILINEAR)
    left, top = round((resized.width - shape[1]) / 2), round((resized.height - shape[0]) / 2)
    want = np.asarray(resized.crop((left, top, left + shape[1], top + shape[0]))).transpose(2, 0, 1)
    # A whole pixel more or less to the side is one step of the gradient.
    assert np.abs(found.numpy().astype(int) - want).max() <= 255 / size[0] / scale + 255 / size[0] + 2


def test_damaged_files_are_named(stream, photos):
    path = photos.folder / "04.jpg"
    path.write_bytes(path.read_bytes()[:-200])
    (photos.folder / "09.jpg").unlink()
    with pytest.raises(InputError, match=r"04\.jpg: expected a whole image file"):
        stream[2:6]
    with pytest.raises(InputError, match=r"09\.jpg: image file missing"):
        stream.index_select(0, torch.tensor([9]))
    assert stream.unreadable(block=5) == [4, 9]
    cropped = StreamedImages(photos, 16, box_of=centre_box(0.9))
    assert cropped.unreadable() == [4, 9]
    with pytest.raises(InputError, match="image file missing"):
        cropped[9]


def image_data(images, split="train", **facts):
    labels = (torch.arange(len(images)) % 2).float()[:, None]
    return ImageData(images, labels, TaskSet.binary(["odd"]), tuple(map(str, range(len(images)))), "set", split, facts=facts)


def test_image_data_streams_through_subset(stream, whole):
    data = image_data(stream, files_digest="a").subset([5, 2])
    assert isinstance(data.images, StreamedImages)
    assert torch.equal(data.images[:], whole[[5, 2]])
    assert data.keys == ("5", "2")


def test_the_fingerprint_reads_names_and_sizes_only(stream, whole, monkeypatch):
    prints = {image_data(stream, files_digest=files_digest(names, [1, 2])).fingerprint for names in (["a", "b"], ["a", "c"])}
    assert len(prints) == 2
    assert files_digest(["a", "b"], [1, 2]) != files_digest(["a", "b"], [1, 3])
    assert image_data(stream).fingerprint == image_data(whole).fingerprint
    monkeypatch.setattr("mtattr.data.streamed.decode_image", lambda *_: pytest.fail("decoded"))
    assert image_data(stream, files_digest="a").fingerprint


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3 * 8 * 10, 1)

    def forward(self, images):
        return Output(self.layer(images.flatten(1)))


def test_training_and_prediction_are_those_of_the_tensor(stream, whole, tmp_path):
    ends = []
    for kind, images in (("stream", stream), ("tensor", whole)):
        plan = Plan(
            data={split: image_data(images, split) for split in ("train", "val", "test")},
            build=Net,
            task_weights=torch.ones(1),
            settings=FitSettings(epochs=2, batch_size=5, flip=True, shift=1),
            measures=Measures(
                metrics=lambda logits, labels, tasks: {"accuracy": float(((logits > 0) == (labels > 0)).float().mean())},
                select_by="accuracy",
                floors=lambda labels, tasks: {},
            ),
        )
        fabric = Fabric(accelerator="cpu", devices=1)
        fitted = fit(plan, Loop(fabric, 3, tmp_path / kind, {}, progress=False))
        ends.append((fitted.last["layer.weight"], predict(fitted.model, images, fabric=fabric, batch_size=7)))
    for streamed, held in zip(*ends, strict=True):
        assert torch.equal(streamed, held)
