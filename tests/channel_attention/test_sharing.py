import math
import warnings

import numpy as np
import pytest
import torch
from mtattr.channel_attention.correlation import attribute_correlation
from mtattr.channel_attention.sharing import likenesses, sharing_metrics
from mtattr.tasks import TaskSet
from mtattr.twins.faces import LOADINGS, NAMES, PART_OF

from cases import each
from reference import pearson, spearman

NAN = math.nan
#: Out of the official order.
FACES = TaskSet.binary(["No_Beard", "Male", "Mustache", "Black_Hair", "Blond_Hair", "Eyeglasses"])
K, C = len(FACES), 8
LABELS_ALONE = {"labels", "absolute_labels"}


def random(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def labels_of(count=60, seed=0):
    """Attributes of which neighbours go together."""
    generator = torch.Generator().manual_seed(seed)
    walk = torch.randn(count, K, generator=generator).cumsum(1)
    return (walk > 0).float()


def matrix_of(seed=0, size=K):
    matrix = torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return matrix + matrix.T


def above(matrix):
    return [float(matrix[i, j]) for i in range(len(matrix)) for j in range(i)]


def test_likenesses_of_labels_by_hand():
    labels = torch.tensor([[1.0, 1, 0], [1, 1, 0], [0, 0, 1], [0, 1, 1]])
    found = likenesses(TaskSet.binary("xyz"), labels)
    assert set(found) == LABELS_ALONE
    # First and second: n11 = 2, n00 = 1, n01 = 1, so (4 * 2 - 2 * 3) / sqrt(2 * 2 * 3 * 1).
    phi = 2 / math.sqrt(12)
    expected = torch.tensor([[1, phi, -1], [phi, 1, -phi], [-1, -phi, 1]], dtype=torch.float64)
    torch.testing.assert_close(found["labels"], expected)
    torch.testing.assert_close(found["absolute_labels"], expected.abs())


def test_soft_labels_count_as_the_nearer_and_unknown_ones_not_at_all():
    labels = labels_of()
    labels[3, 1] = labels[7, 0] = NAN
    expected = likenesses(FACES, labels)["labels"]
    torch.testing.assert_close(likenesses(FACES, 0.2 + 0.6 * labels)["labels"], expected)
    known = ~(labels[:, 0].isnan() | labels[:, 1].isnan())
    assert expected[0, 1].item() == pytest.approx(pearson(labels[known, 0].tolist(), labels[known, 1].tolist()))


def test_factors_and_parts_of_the_face_follow_the_names():
    found = likenesses(FACES, labels_of())
    assert set(found) == LABELS_ALONE | {"factors", "parts"}
    for i, a in enumerate(FACES.names):
        for j, b in enumerate(FACES.names):
            assert found["parts"][i, j] == (PART_OF[a] == PART_OF[b])
            common = sum(LOADINGS[a][factor] * LOADINGS[b][factor] for factor in LOADINGS[a].keys() & LOADINGS[b].keys())
            assert found["factors"][i, j].item() == pytest.approx(abs(common))
    hair, beard = FACES.index("Black_Hair"), FACES.index("Mustache")
    assert found["parts"][hair, FACES.index("Blond_Hair")] == 1
    assert found["parts"][hair, beard] == 0
    assert all(value.shape == (K, K) for value in found.values())


@each("names", [("Male", "Young", "Tall"), ("male", "Young"), ("a", "b")])
def test_one_name_that_is_not_celebas_leaves_the_labels_alone(names):
    labels = torch.rand(9, len(names)).round()
    assert set(likenesses(TaskSet.binary(names), labels)) == LABELS_ALONE
    assert set(likenesses(TaskSet.binary(NAMES), torch.rand(9, 40).round())) == LABELS_ALONE | {"factors", "parts"}


def test_masks_that_know_the_labels_follow_them():
    labels = labels_of()
    found = sharing_metrics(labels.T, random(K, C), None, likenesses(FACES, labels))
    assert found["masks_follow_labels"] == pytest.approx(1, abs=0.01)
    # Of 720 orders of six attributes few agree as well as the right one.
    assert found["masks_follow_labels_p"] < 0.02
    assert found["masks_follow_labels_over_chance"] > 0.1
    assert found["masks_follow_absolute_labels"] < 1


def test_random_masks_follow_nothing():
    found = [sharing_metrics(random(12, 40, seed=s), random(12, 40), None, {"x": matrix_of(s, 12)}) for s in range(1, 9)]
    assert np.mean([of["masks_follow_x"] for of in found]) == pytest.approx(0, abs=0.12)
    assert np.mean([of["masks_follow_x_p"] for of in found]) > 0.25
    assert np.mean([of["masks_follow_x_over_chance"] for of in found]) < 0


@each("weighted", [True, False])
def test_each_likeness_has_its_controls(weighted):
    after, before, weights = random(K, C), random(K, C, seed=1), random(K, C, seed=2)
    likeness = {"x": matrix_of(3), "y": matrix_of(4)}
    found = sharing_metrics(after, before, weights if weighted else None, likeness)
    expected = {}
    for name, target in likeness.items():
        own, control, of_weights = (spearman(above(attribute_correlation(of)), above(target)) for of in (after, before, weights))
        key = f"masks_follow_{name}"
        expected |= {key: own, f"untrained_{key}": control, f"{key}_over_untrained": own - control}
        if weighted:
            expected |= {f"weights_follow_{name}": of_weights, f"{key}_over_weights": own - of_weights}
        assert (found[f"{key}_over_chance"] > 0) is (found[f"{key}_p"] < 0.05)
    about = {name: value for name, value in found.items() if "follow" in name and not name.endswith(("_p", "_over_chance"))}
    assert about == pytest.approx(expected)


@each("level", [0, 5])
def test_correlations_of_channels_by_loops(level):
    after, before = (random(K, C, seed=s) + level * torch.arange(K)[:, None] for s in (0, 1))
    found = sharing_metrics(after, before, None, {})
    expected = {}
    for prefix, means in (("", after), ("untrained_", before)):
        for name, values in (("feature_correlation", means), ("feature_correlation_own", means - means.mean(1)[:, None])):
            columns = values.double().T.tolist()
            table = [[pearson(a, b) for j, b in enumerate(columns) if j != i] for i, a in enumerate(columns)]
            expected[f"{prefix}{name}"] = np.abs(table).mean()
            expected[f"{prefix}{name}_top"] = np.max(table, axis=1).mean()
    for name in ("feature_correlation_top", "feature_correlation_own_top"):
        expected[f"{name}_over_untrained"] = expected[name] - expected[f"untrained_{name}"]
    assert found == pytest.approx(expected, abs=1e-5)
    if level:
        assert found["feature_correlation_top"] > 0.95 > found["feature_correlation_own_top"]


def test_the_same_masks_before_and_after_differ_by_nothing():
    found = sharing_metrics(random(K, C), random(K, C), None, likenesses(FACES, labels_of()))
    of_training = {name: value for name, value in found.items() if name.endswith("_over_untrained")}
    assert len(of_training) == 2 + 4
    assert set(of_training.values()) == {0.0}


def test_another_order_of_attributes_changes_nothing():
    after, before, weights, target = random(K, C), random(K, C, seed=1), random(K, C, seed=2), matrix_of()
    order = torch.tensor([4, 1, 5, 0, 3, 2])
    found = sharing_metrics(after, before, weights, {"x": target})
    moved = sharing_metrics(after[order], before[order], weights[order], {"x": target[order][:, order]})
    shuffled = {"masks_follow_x_p", "masks_follow_x_over_chance"}
    assert {name: moved[name] for name in moved.keys() - shuffled} == pytest.approx({name: found[name] for name in found.keys() - shuffled})


def test_constant_masks_follow_nothing_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = sharing_metrics(torch.full((K, C), 0.5), random(K, C), random(K, C), {"x": matrix_of()})
    assert {name for name, value in found.items() if math.isnan(value)} >= {
        "feature_correlation",
        "feature_correlation_own",
        "masks_follow_x",
        "masks_follow_x_p",
        "masks_follow_x_over_chance",
        "masks_follow_x_over_untrained",
        "masks_follow_x_over_weights",
    }
    assert not math.isnan(found["untrained_masks_follow_x"] + found["weights_follow_x"] + found["untrained_feature_correlation"])


@each("constant", [slice(0, C), slice(0, 1)])
def test_a_constant_channel_has_no_highest_correlation(constant):
    means = random(K, C)
    means[:, constant] = 0.5
    found = sharing_metrics(means, random(K, C), None, {})["feature_correlation_top"]
    others = sharing_metrics(means[:, 1:], random(K, C), None, {})["feature_correlation_top"] if constant.stop == 1 else NAN
    assert found == pytest.approx(others, nan_ok=True)
