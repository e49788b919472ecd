import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.errors import InputError
from mtattr.evaluation.thresholds import choose_thresholds

from reference import best_f1, f1_at


def random_case(seed, n=25, t=4, unknown=0.2, levels=None):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(n, t, generator=generator)
    if levels:
        scores = (scores * levels).round() / levels
    labels = (torch.rand(n, t, generator=generator) < 0.3).float()
    return scores, labels.masked_fill(torch.rand(n, t, generator=generator) < unknown, torch.nan)


@given(st.integers(0, 10_000), st.sampled_from([None, 1, 4]))
@settings(max_examples=60, deadline=None)
def test_no_threshold_is_better(seed, levels):
    scores, labels = random_case(seed, levels=levels)
    thresholds = choose_thresholds(scores, labels)
    assert ((thresholds >= 0) & (thresholds <= 1)).all()
    for t in range(4):
        column, truth = scores[:, t].tolist(), labels[:, t].tolist()
        if 1.0 in truth:
            reached = f1_at(column, truth, thresholds[t].item()) or 0.0
            assert reached == pytest.approx(best_f1(column, truth))
            assert reached >= (f1_at(column, truth, 0.5) or 0.0)
        else:
            assert thresholds[t] == 0.5


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_scores_where_the_label_is_unknown_do_not_matter(seed, value):
    scores, labels = random_case(seed, unknown=0.5)
    changed = scores.masked_fill(labels.isnan(), value)
    assert choose_thresholds(changed, labels).equal(choose_thresholds(scores, labels))
    assert choose_thresholds(scores.masked_fill(labels.isnan(), torch.nan), labels).equal(choose_thresholds(scores, labels))


@given(st.integers(0, 10_000), st.permutations(range(4)))
@settings(max_examples=20, deadline=None)
def test_task_and_image_order_do_not_matter(seed, order):
    scores, labels = random_case(seed)
    assert choose_thresholds(scores[:, order], labels[:, order]).equal(choose_thresholds(scores, labels)[order])
    rows = torch.randperm(25, generator=torch.Generator().manual_seed(seed))
    assert choose_thresholds(scores[rows], labels[rows]).equal(choose_thresholds(scores, labels))


def threshold(scores, labels):
    return choose_thresholds(torch.tensor(scores).unsqueeze(1), torch.tensor(labels).unsqueeze(1)).item()


def test_a_cut_lies_halfway_or_at_one_half():
    assert threshold([0.2, 0.4], [0.0, 1.0]) == pytest.approx(0.3)
    assert threshold([0.2, 0.9], [0.0, 1.0]) == 0.5


def test_of_equal_cuts_the_nearest_to_one_half_wins():
    # Cutting after 0.9 finds one of two (F1 = 2/3), cutting after 0.2 finds both among four (F1 = 4/6).
    assert threshold([0.9, 0.4, 0.3, 0.2, 0.1], [1.0, 0.0, 0.0, 1.0, 0.0]) == 0.5


def test_adjacent_floating_point_scores_are_still_told_apart():
    # Halfway between neighbours rounds to the even one of them: down for one of these two pairs, up for the other.
    first = torch.tensor(0.3)
    second = torch.nextafter(first, torch.tensor(1.0))
    third = torch.nextafter(second, torch.tensor(1.0))
    for low, high in ((first, second), (second, third)):
        chosen = choose_thresholds(torch.stack([low, high]).unsqueeze(1), torch.tensor([[0.0], [1.0]]))
        assert low <= chosen < high


def test_without_a_positive_that_can_be_found_it_stays_at_one_half():
    assert threshold([0.2, 0.4], [0.0, 0.0]) == 0.5
    assert threshold([0.2, 0.4], [float("nan"), 0.0]) == 0.5
    assert threshold([0.0, 0.4], [1.0, float("nan")]) == 0.5
    assert choose_thresholds(torch.zeros(0, 2), torch.zeros(0, 2)).tolist() == [0.5, 0.5]


def test_bad_input_is_named():
    good = torch.rand(3, 2)
    for bad in (good + 1, good * torch.nan):
        with pytest.raises(InputError, match="probabilities"):
            choose_thresholds(bad, torch.ones(3, 2))
