import math

import pytest
import torch
from mtattr.adaptive_sharing import BranchedVGG, LowRankVGG, Tree, agreement, count_weights
from mtattr.adaptive_sharing.domains import CLOTHES
from mtattr.adaptive_sharing.measurements import analyse, analyse_training, floors, metrics, task_metrics
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet
from mtattr.training import predict

from reference import top_k_recall_tasks

NAN = math.nan
WIDTHS = (2,) * 13 + (3, 3)


def face_tasks(count):
    return [Task(f"face {t}", group="head") for t in range(count)]


def clothes_tasks(count):
    return [Task(f"garment {t}", group=CLOTHES) for t in range(count)]


def one_hot(classes, count):
    rows = torch.zeros(len(classes), count)
    for n, c in enumerate(classes):
        rows[n] = NAN if c is None else 0
        if c is not None:
            rows[n, c] = 1
    return rows


def test_faces_by_hand():
    tasks = TaskSet(face_tasks(2))
    logits = torch.tensor([[1.0, -1.0], [2.0, 3.0], [-1.0, -2.0], [-0.5, 1.0]])
    labels = torch.tensor([[1.0, 1.0], [0.0, 1.0], [0.2, NAN], [0.9, 0.0]])
    found = metrics(logits, labels, tasks)
    # First task: right, wrong, right, wrong. Second: wrong, right, unknown, wrong.
    assert found["mean_accuracy"] == pytest.approx((2 / 4 + 1 / 3) / 2)
    # Two tasks are always among ten.
    assert found == pytest.approx({"mean_accuracy": 5 / 12, "top10_recall": 1.0, "selection_score": 5 / 12})


def test_recall_is_that_of_every_task_among_the_ten_highest():
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(30, 14, generator=generator), (torch.rand(30, 14, generator=generator) < 0.3).float()
    labels[:, 3] = 0
    found = metrics(logits, labels, TaskSet(face_tasks(14)))["top10_recall"]
    assert found == pytest.approx(top_k_recall_tasks(logits.numpy(), labels.numpy(), 10))
    assert 0.4 < found < 0.95


def test_clothes_by_hand():
    tasks = TaskSet(clothes_tasks(7))
    logits = torch.arange(7.0).expand(6, 7)  # the highest is 6, then 5, 4, ...
    found = metrics(logits, one_hot([6, 4, 3, 2, 1, None], 7), tasks)
    assert found == pytest.approx({"top3_accuracy": 2 / 5, "top5_accuracy": 4 / 5, "selection_score": 2 / 5})


def test_both_domains_at_once_are_each_measured_on_their_own_images():
    tasks = TaskSet([*clothes_tasks(4), *face_tasks(2)])
    logits = torch.tensor([[4.0, 3, 2, 1, 1, 1], [4.0, 3, 2, 1, 1, 1], [9.0, 9, 9, 9, 1, -1], [9.0, 9, 9, 9, -1, -1]])
    labels = torch.full((4, 6), NAN)
    labels[:2, :4] = one_hot([3, 0], 4)
    labels[2:, 4:] = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    found = metrics(logits, labels, tasks)
    expected = {"mean_accuracy": (1 / 2 + 1) / 2, "top10_recall": 1.0, "top3_accuracy": 1 / 2, "top5_accuracy": 1.0}
    assert found == pytest.approx(expected | {"selection_score": (3 / 4 + 1 / 2) / 2})


def test_a_domain_without_labels_is_undefined_and_a_diverged_network_shows():
    tasks = TaskSet([*face_tasks(2), *clothes_tasks(4)])
    labels = torch.full((3, 6), NAN)
    labels[:, :2] = torch.tensor([0.0, 1.0])
    found = metrics(torch.zeros(3, 6), labels, tasks)
    assert found["mean_accuracy"] == 0.5
    assert all(math.isnan(found[name]) for name in ("top3_accuracy", "top5_accuracy", "selection_score"))
    logits = torch.zeros(3, 6)
    logits[1, 0] = NAN
    assert math.isnan(metrics(logits, labels, tasks)["mean_accuracy"])


def test_floors_by_hand():
    tasks = TaskSet([*face_tasks(11), *clothes_tasks(4)])
    labels = torch.full((9, 15), NAN)
    faces = torch.zeros(5, 11)
    faces[:, 1] = 1  # always
    faces[0, 2] = 1  # one of five
    faces[:4, 3] = 1  # four of five
    faces[:2, 4:11] = 1  # two of five
    labels[:5, :11] = faces
    labels[5:, 11:] = one_hot([2, 2, 1, 0], 4)
    found = floors(labels, tasks)
    assert found["mean_accuracy"] == pytest.approx((1 + 1 + 4 / 5 + 4 / 5 + 7 * 3 / 5) / 11)
    # All but the task that never occurs are among the ten most common ones.
    assert found["top10_recall"] == pytest.approx(1)
    # Three garments of four occur, all in the three most common.
    assert found["top3_accuracy"] == found["top5_accuracy"] == 1
    assert found["selection_score"] == pytest.approx((found["mean_accuracy"] + 1) / 2)


def test_the_floor_of_recall_answers_with_the_most_common_tasks():
    labels = torch.zeros(20, 12)
    for t in range(12):
        labels[: t + 1, t] = 1
    # The two rarest are never among the ten.
    assert floors(labels, TaskSet(face_tasks(12)))["top10_recall"] == pytest.approx(10 / 12)


def test_the_floor_of_clothes_answers_with_the_most_common_ones():
    classes = [0] * 6 + [1] * 5 + [2] * 4 + [3] * 3 + [4] * 2 + [5] + [None] * 3
    found = floors(one_hot(classes, 6), TaskSet(clothes_tasks(6)))
    assert found == pytest.approx({"top3_accuracy": 15 / 21, "top5_accuracy": 20 / 21, "selection_score": 15 / 21})


def test_floors_of_a_task_without_labels_leave_the_others():
    labels = torch.tensor([[1.0, NAN], [1.0, NAN], [0.0, NAN]])
    found = floors(labels, TaskSet(face_tasks(2)))
    assert found["mean_accuracy"] == pytest.approx(2 / 3)
    assert found["top10_recall"] == 1


def test_every_task_by_hand():
    labels = torch.tensor([[1.0, 0.0, NAN], [1.0, 1.0, NAN], [0.0, 0.0, NAN], [1.0, NAN, NAN]])
    logits = torch.tensor([[1.0, 1.0, 1.0], [-1.0, 1.0, 1.0], [-1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
    found = task_metrics(logits, labels, TaskSet(face_tasks(3)))
    assert found["accuracy"] == pytest.approx([3 / 4, 1 / 3, NAN], nan_ok=True)
    assert found["floor"] == pytest.approx([3 / 4, 2 / 3, NAN], nan_ok=True)


def small_set(count=6, num_tasks=4):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
    labels = (torch.rand(count, num_tasks, generator=generator) < 0.5).float()
    return ImageData(images, labels, TaskSet(face_tasks(num_tasks)), tuple(map(str, range(count))), "toy", "test")


def branched(groups):
    torch.manual_seed(0)
    return BranchedVGG(Tree.trunk(4).widen(groups), WIDTHS, input_size=32)


def test_analysis_of_a_network_that_forks():
    net, test = branched([[0, 1], [2, 3]]), small_set()
    known = {"region": ["a", "a", "b", "b"], "factor": [0, 1, 0, 1]}
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found = analyse(known, {"mean_accuracy": 0.25}, net, {"test": test}, "cpu")
    assert found["weights"] == count_weights(net)
    # Two operations for each weight and pixel that it is used at; batch norm is folded.
    sides = [32, 32, 16, 16, 8, 8, 8, 4, 4, 4, 2, 2, 2, 1, 1]
    operations = sum(2 * layer.weight.numel() * side**2 for layer, side in zip(net.layers, sides, strict=True))
    # The few of the outputs aside: as sums of products they are not counted.
    assert found["megaflops"] == pytest.approx(operations / 1e6, rel=1e-3)
    assert found["milliseconds"] > 0
    assert found["region_index"] == 1
    assert found["factor_index"] == pytest.approx(agreement([0, 0, 1, 1], [0, 1, 0, 1])["index"])
    assert found["region_p"] == pytest.approx(agreement([0, 0, 1, 1], [0, 0, 1, 1])["p"])
    ours = metrics(predict(net, test.images), test.labels, test.tasks)["mean_accuracy"]
    assert found["mean_accuracy_gap"] == pytest.approx(ours - 0.25)
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in before.items())
    assert net.training


def test_milliseconds_are_those_of_one_image_without_batch_norm(monkeypatch):
    def latency(net, example, repeats):
        assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in net.modules())
        assert example.shape == (1, 3, 32, 32)
        assert repeats >= 10
        return 0.25  # seconds

    monkeypatch.setattr("mtattr.adaptive_sharing.measurements.latency", latency)
    assert analyse({}, {}, branched([[0, 1], [2, 3]]), {"test": small_set()}, "cpu")["milliseconds"] == 250


def test_analysis_of_networks_without_branches():
    known = {"region": ["a", "a", "b", "b"]}
    low_rank = LowRankVGG(4, WIDTHS, ranks=(1,) * 15, input_size=32)
    for net in (branched([[0, 1, 2, 3]]), low_rank):
        found = analyse(known, {}, net, {"test": small_set(2)}, "cpu")
        assert set(found) == {"weights", "megaflops", "milliseconds"}
        assert found["weights"] == count_weights(net)


def test_images_of_another_size_are_refused():
    small = small_set()
    other = ImageData(small.images[:, :, :, :16], small.labels, small.tasks, small.keys, "toy", "test")
    with pytest.raises(InputError, match="images must be floats"):
        analyse({}, {}, branched([[0], [1, 2, 3]]), {"test": other}, "cpu")


def test_validation_loss_is_averaged_over_tasks_and_epochs():
    history = {"validation_loss": torch.tensor([[0.5, NAN], [0.1, 0.3]])}
    found, each = analyse_training(history, branched([[0, 1, 2, 3]]), {}, "cpu")
    assert found == pytest.approx({"mean_validation_loss": 0.3})
    assert each == {}
