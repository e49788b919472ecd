import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.adaptive_sharing import ErrorAffinity, branch_affinity, choose_branches, error_margins
from mtattr.adaptive_sharing.affinity import affinity_beyond_chance, chance_affinity
from safetensors.torch import load, save
from sklearn.metrics import cohen_kappa_score

from cases import assert_refused
from reference import affinity_of_known, random_groups, released_affinity
from reference import branch_affinity as by_loops

NAN = float("nan")


def batches_of(count, tasks=4, *, unknown=0.0, seed=0, size=None):
    """Margins that fall as in training, tasks that resemble each other to different degrees."""
    generator = torch.Generator().manual_seed(seed)
    for number in range(count):
        images = size or int(torch.randint(1, 9, (), generator=generator))
        common = torch.rand(images, 1, generator=generator)
        margins = (common + torch.rand(images, tasks, generator=generator)) / (2 + number / 20)
        yield margins.masked_fill(torch.rand(images, tasks, generator=generator) < unknown, NAN)


def after(batches, decay=0.99, tasks=4):
    affinity = ErrorAffinity(tasks, decay)
    for margins in batches:
        affinity.update(margins)
    return affinity


def assert_equals(affinity, expected):
    margins, matrix = (torch.tensor(part, dtype=torch.float64) for part in expected)
    torch.testing.assert_close(affinity.mean_margin, margins.nan_to_num(0), rtol=0, atol=1e-12)
    torch.testing.assert_close(affinity.matrix, matrix, rtol=0, atol=1e-12, equal_nan=True)


def as_lists(batches):
    # Doubles of the single-precision margins: compared with a mean, they must not round anew.
    return [margins.double().tolist() for margins in batches]


@pytest.mark.parametrize("cut", [None, 0, 1, 70])
@pytest.mark.parametrize("decay", [0.99, 0.5, 0])
def test_equals_the_released_averages_also_when_saved_and_loaded(decay, cut):
    batches = list(batches_of(150))
    affinity = ErrorAffinity(4, decay)
    for number, margins in enumerate(batches):
        if number == cut:
            state = load(save(affinity.state_dict()))
            affinity = ErrorAffinity(4, decay)
            affinity.load_state_dict(state)
        affinity.update(margins)
    assert_equals(affinity, released_affinity(as_lists(batches), decay))


@pytest.mark.parametrize("decay", [0.99, 0.7])
@pytest.mark.parametrize("unknown", [0.0, 0.3, 0.8])
def test_an_unknown_label_takes_no_part(unknown, decay):
    batches = list(batches_of(40, unknown=unknown))
    assert_equals(after(batches, decay), affinity_of_known(as_lists(batches), decay))


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 12), st.sampled_from([0.0, 0.4]))
@settings(deadline=None, max_examples=30)
def test_it_is_symmetric_with_ones_on_the_diagonal(seed, tasks, count, unknown):
    matrix = after(batches_of(count, tasks, unknown=unknown, seed=seed), 0.9, tasks).matrix
    known = ~matrix.isnan()
    assert torch.equal(matrix.nan_to_num(7), matrix.T.nan_to_num(7))
    assert ((matrix[known] >= 0) & (matrix[known] <= 1)).all()
    assert (matrix.diagonal()[known.diagonal()] == 1).all()


def test_by_hand():
    affinity = ErrorAffinity(2, decay=0.5)
    affinity.update(torch.tensor([[0.2, 0.4], [0.6, 0.0]]))  # all difficult
    assert affinity.matrix.tolist() == [[1, 1], [1, 1]]
    assert affinity.mean_margin.tolist() == pytest.approx([0.4, 0.2])
    # Against means of 0.4 and 0.2: easy and difficult, difficult and easy, both difficult, both easy.
    affinity.update(torch.tensor([[0.3, 0.5], [0.5, 0.1], [0.5, 0.3], [0.0, 0.1]]))
    assert affinity.mean_margin.tolist() == pytest.approx([(0.5 * 0.4 + 1.3 / 4) / 1.5, (0.5 * 0.2 + 1.0 / 4) / 1.5])
    assert affinity.matrix[0, 1].item() == pytest.approx((0.5 * 1 + 2 / 4) / 1.5)


def test_a_margin_equal_to_the_mean_is_difficult():
    affinity = ErrorAffinity(2, decay=0)
    affinity.update(torch.tensor([[0.5, 0.5]]))
    affinity.update(torch.tensor([[0.5, 0.75], [0.25, 0.25]]))
    assert affinity.matrix[0, 1] == 1


def test_a_small_batch_weighs_as_much_as_a_large_one():
    first, small = torch.full((4, 2), 0.5), torch.tensor([[0.2, 0.8], [0.8, 0.9]])
    repeated = [after([first, small.repeat(times, 1)], 0.9, 2) for times in (1, 10)]
    torch.testing.assert_close(repeated[0].matrix, repeated[1].matrix)
    torch.testing.assert_close(repeated[0].mean_margin, repeated[1].mean_margin)


def test_tasks_that_agree_by_chance_alone_have_affinity_one_half():
    generator = torch.Generator().manual_seed(0)
    affinity = after((torch.rand(32, 4, generator=generator) for _ in range(600)), 0.99)
    off_diagonal = affinity.matrix[~torch.eye(4, dtype=torch.bool)]
    torch.testing.assert_close(off_diagonal, torch.full((12,), 0.5, dtype=torch.float64), rtol=0, atol=0.04)


def test_the_past_is_forgotten():
    alike, opposed = torch.tensor([[0.1, 0.1], [0.9, 0.9]]), torch.tensor([[0.1, 0.9], [0.9, 0.1]])
    affinity = after([alike] * 200, 0.9, 2)
    # The very first batch found everything difficult, and even that agrees.
    assert affinity.matrix[0, 1] == pytest.approx(1)
    for _ in range(100):
        affinity.update(opposed)
    assert affinity.matrix[0, 1] == pytest.approx(0.9**100, rel=1e-6)


def test_tasks_follow_into_another_order():
    order, batches = [2, 0, 3, 1], list(batches_of(30, unknown=0.2))
    moved = after([margins[:, order] for margins in batches])
    torch.testing.assert_close(moved.matrix, after(batches).matrix[order][:, order])


def test_constant_margins_and_answers_without_error_are_finite():
    # One task is answered perfectly, one is hopeless and one undecided in the same way on every image.
    generator, constant = torch.Generator().manual_seed(0), torch.tensor([0.0, 1.0, 0.3])
    batches = [torch.cat([constant.expand(8, 3), torch.rand(8, 1, generator=generator)], 1) for _ in range(50)]
    affinity = after(batches)
    assert affinity.mean_margin[:3].tolist() == pytest.approx([0, 1, 0.3])
    # A margin that never changes is at least its mean: these three are difficult everywhere and so agree.
    assert (affinity.matrix[:3, :3] == 1).all()
    assert (affinity.difficult_share[:3] == 1).all()
    torch.testing.assert_close(affinity.matrix[0, 3], affinity.matrix[1, 3])
    assert affinity.matrix.isfinite().all()
    assert branch_affinity(affinity.matrix, [[0, 3], [1, 2]]).isfinite().all()


def test_one_task_has_affinity_one_with_itself():
    assert after(batches_of(5, 1), tasks=1).matrix.tolist() == [[1.0]]


def test_a_pair_never_known_together_is_named():
    batches = list(batches_of(20))
    for number, margins in enumerate(batches):
        margins[:, 1 if number % 2 else 3] = NAN
    affinity = after(batches)
    unknown = torch.zeros(4, 4, dtype=torch.bool)
    unknown[1, 3] = unknown[3, 1] = True
    assert torch.equal(affinity.matrix.isnan(), unknown)
    expected = r"not finite at \[1, 3\]: no image has known labels of both tasks"
    assert_refused(expected, branch_affinity, affinity.matrix, [[0, 1], [2, 3]])
    assert_refused(expected, choose_branches, affinity.matrix, 0.1, 1.0)


def test_a_task_unknown_at_first_begins_with_its_first_label():
    batches = list(batches_of(30))
    hidden = [margins.clone() for margins in batches]
    for margins in hidden[:20]:
        margins[:, 2] = NAN
    late = after(hidden)
    assert_equals(late, affinity_of_known(as_lists(hidden), 0.99))
    assert late.mean_margin[2] == pytest.approx(after(batches[20:]).mean_margin[2].item())


def test_nothing_is_known_before_the_first_batch():
    affinity = ErrorAffinity(3)
    assert affinity.matrix.isnan().all()
    assert affinity.mean_margin.tolist() == [0, 0, 0]
    affinity.update(torch.full((2, 3), NAN))
    assert affinity.matrix.isnan().all()
    assert affinity.mean_margin.tolist() == [0, 0, 0]


def test_observing_takes_margins_of_logits_and_keeps_no_graph():
    generator = torch.Generator().manual_seed(0)
    observed, updated = ErrorAffinity(3), ErrorAffinity(3)
    for _ in range(20):
        logits = torch.randn(6, 3, generator=generator, requires_grad=True)
        labels = (torch.rand(6, 3, generator=generator) < 0.4).float()
        observed.observe(logits, labels)
        updated.update(error_margins(logits.detach(), labels))
    assert torch.equal(observed.matrix, updated.matrix)
    assert not any(value.requires_grad for value in observed.state_dict(keep_vars=True).values())
    assert not list(observed.parameters())


@pytest.mark.parametrize("unknown", [0.0, 0.4])
def test_the_difficult_share_is_over_the_known_images(unknown):
    batches, decay = list(batches_of(30, 3, unknown=unknown, size=6)), 0.8
    found, total, count = ErrorAffinity(3, decay), [0.0] * 3, [0.0] * 3
    assert found.difficult_share.isnan().all()
    for margins in batches:
        threshold = found.mean_margin.tolist()
        for t in range(3):
            known = [m for m in margins[:, t].double().tolist() if not math.isnan(m)]
            total[t] = decay * total[t] + sum(m >= threshold[t] for m in known) / 6
            count[t] = decay * count[t] + len(known) / 6
        found.update(margins)
    assert found.difficult_share.tolist() == pytest.approx([a / b for a, b in zip(total, count, strict=True)])


def test_affinity_beyond_chance_is_kappa():
    generator = torch.Generator().manual_seed(0)
    difficult = torch.rand(200, 4, generator=generator) < torch.tensor([0.5, 0.1, 0.3, 0.3])
    # The first two are opposed, the last two alike.
    for copy, original, flipped in ((1, 0, 0.7), (3, 2, 0.1)):
        difficult[:, copy] = difficult[:, original] ^ (torch.rand(200, generator=generator) < flipped)
    share = difficult.double().mean(0)
    matrix = (difficult[:, :, None] == difficult[:, None, :]).double().mean(0)
    found, chance = affinity_beyond_chance(matrix, share), chance_affinity(share)
    for i in range(4):
        for j in range(4):
            p, q = share[i].item(), share[j].item()
            assert chance[i, j].item() == pytest.approx(p * q + (1 - p) * (1 - q))
            kappa = 1 if i == j else cohen_kappa_score(difficult[:, i].numpy(), difficult[:, j].numpy())
            assert found[i, j].item() == pytest.approx(max(0, kappa), abs=1e-12)
    assert found[2, 3] > 0.6
    assert found[0, 1] == 0


def test_tasks_without_differences_have_no_affinity_beyond_chance():
    # Two are difficult nowhere, one everywhere, one half of the time.
    share = torch.tensor([0.0, 0.0, 1.0, 0.5], dtype=torch.float64)
    matrix = torch.tensor([[1, 1, 0, 0.5], [1, 1, 0, 0.5], [0, 0, 1, 0.5], [0.5, 0.5, 0.5, 1]], dtype=torch.float64)
    assert torch.equal(affinity_beyond_chance(matrix, share), torch.eye(4, dtype=torch.float64))
    assert matrix[0, 1] == 1


def test_margins_by_hand():
    score = torch.tensor([0.9, 0.2], dtype=torch.float64)
    labels = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.49], [0.51, NAN], [NAN, 0.8]], dtype=torch.float64)
    expected = [[0.1, 0.2], [0.9, 0.8], [0.1, 0.2], [0.1, NAN], [NAN, 0.8]]
    assert error_margins(score.logit().expand(5, 2), labels).tolist() == [pytest.approx(row, nan_ok=True) for row in expected]


def test_margins_of_hard_labels_are_distances():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(20, 5, generator=generator) * 8, torch.randint(0, 2, (20, 5), generator=generator).float()
    torch.testing.assert_close(error_margins(logits, labels), (labels - 1 / (1 + (-logits).exp())).abs())
    sure = error_margins(torch.tensor([[math.inf, -math.inf]]), torch.tensor([[0.0, 0.0]]))
    assert sure.tolist() == [[1.0, 0.0]]


def test_bad_arguments_are_refused():
    for decay in (-0.1, 1, 1.0, 2.0, NAN, "0.9", None):
        assert_refused("decay", ErrorAffinity, 3, decay)
    for num_tasks in (0, -1, 2.0, True, None):
        assert_refused("num_tasks", ErrorAffinity, num_tasks)
    for shape in ((3,), (2, 4), (2, 1), (2, 3, 1)):
        assert_refused(r"margins \(B, 3\)", ErrorAffinity(3).update, torch.ones(shape))
    for shape in ((3,), (2, 3), (0, 0)):
        assert_refused("must be square", branch_affinity, torch.ones(shape), [[0]])


def symmetric(tasks, seed=0):
    matrix = torch.rand(tasks, tasks, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return ((matrix + matrix.T) / 2).fill_diagonal_(1)


@given(st.randoms(use_true_random=False), st.integers(1, 9), st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_branches_by_loops_over_their_tasks(random, tasks, seed):
    matrix, branches = symmetric(tasks, seed), random_groups(random, tasks)
    found = branch_affinity(matrix, branches)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, torch.tensor(by_loops(matrix.tolist(), branches), dtype=torch.float64), rtol=0, atol=1e-12)
    assert torch.equal(found, found.T)


def test_branches_of_one_task_have_its_affinities():
    matrix = symmetric(5)
    assert torch.equal(branch_affinity(matrix, [[t] for t in range(5)]), matrix)
    assert torch.equal(branch_affinity(matrix.float(), [[3], [1]]), matrix.float()[[3, 1]][:, [3, 1]])


def test_branches_by_hand():
    matrix = torch.tensor([[1.0, 0.5, 0.25], [0.5, 1.0, 0.75], [0.25, 0.75, 1.0]])
    # From {0, 1} to 2: the mean of 0.25 and 0.75; back: the least of both. Within {0, 1}: the least, not 1.
    assert branch_affinity(matrix, [[0, 1], [2]]).tolist() == [[0.5, (0.5 + 0.25) / 2], [(0.5 + 0.25) / 2, 1.0]]


def test_the_order_of_branches_and_of_their_tasks():
    matrix, branches, order = symmetric(8), [[0, 3], [1], [2, 5, 7], [4, 6]], [2, 0, 3, 1]
    found = branch_affinity(matrix, branches)
    moved = branch_affinity(matrix, [list(reversed(branches[k])) for k in order])
    torch.testing.assert_close(moved, found[order][:, order], rtol=0, atol=1e-12)


def test_an_empty_batch_and_a_diverged_network_change_nothing():
    affinity = ErrorAffinity(3)
    affinity.update(torch.rand(8, 3, generator=torch.Generator().manual_seed(0)))
    affinity.update(torch.rand(8, 3, generator=torch.Generator().manual_seed(1)))
    before = affinity.matrix.clone()
    affinity.update(torch.empty(0, 3))
    affinity.observe(torch.full((8, 3), torch.nan), torch.ones(8, 3))
    torch.testing.assert_close(affinity.matrix, before)


def test_beyond_chance_of_a_task_that_was_never_known_stays_unknown():
    share = torch.tensor([0.5, torch.nan, 0.2], dtype=torch.float64)
    matrix = torch.full((3, 3), 0.7, dtype=torch.float64)
    found = affinity_beyond_chance(matrix, share)
    assert found.isnan().tolist() == [[False, True, False], [True, False, True], [False, True, False]]


def test_margins_of_half_precision_logits_are_those_of_single_precision():
    logits = torch.tensor([[-9.0, -5, 0, 5, 5.5, 6, 6.5, 7, 9, 30]]).bfloat16()
    for label in (0.0, 1.0):
        labels = torch.full(logits.shape, label)
        margins = error_margins(logits, labels)
        assert margins.dtype == torch.float32
        exact = [1 / (1 + math.exp(-z if label < 0.5 else z)) for z in logits[0].double().tolist()]
        torch.testing.assert_close(margins[0].double(), torch.tensor(exact, dtype=torch.float64), rtol=1e-5, atol=0)
