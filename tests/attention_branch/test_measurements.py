import copy
import math
from dataclasses import replace

import pytest
import torch
from mtattr.attention_branch import (
    AttentionBranchNet,
    BaselineNet,
    ClassActivationNet,
    MultitaskAttentionBranchNet,
    cifar_resnet,
    explanation_maps,
    map_use,
    sanity,
)
from mtattr.attention_branch.localisation import faithfulness, localisation, map_distance, on_both_regions
from mtattr.attention_branch.measurements import analyse, floors, main_metric, metrics
from mtattr.data.image_data import ImageData
from mtattr.tasks import Task, TaskSet

from cases import each

NAN = math.nan
CLASS, FACES = TaskSet([Task("class", "categorical", ("a", "b", "c"))]), TaskSet.binary("xy")
CARS = TaskSet([Task("model", "categorical", tuple("abc")), Task("make", "categorical", tuple("de"))])


def test_a_class_by_hand():
    logits = torch.tensor([[3.0, 1, 2], [0, 1, 2], [0, 5, 1], [1, 2, 0], [9, 0, 0]])
    labels = torch.tensor([[0.0], [2.0], [0.0], [1.0], [NAN]])
    assert metrics(logits, labels, CLASS) == pytest.approx({"class_accuracy": 3 / 4})
    assert main_metric(CLASS) == "class_accuracy"
    assert floors(labels, CLASS) == pytest.approx({"class_accuracy": 2 / 4})


def test_attributes_by_hand():
    logits = torch.tensor([[1.0, 1], [1, 1], [-1, 1], [-1, -1], [1, 1]])
    labels = torch.tensor([[1.0, 1], [0, NAN], [0, 0], [0, 1], [0, 1]])
    found = metrics(logits, labels, FACES)
    # First task: right in 1 of 1 and in 2 of 4; second: in 2 of 3 and in 0 of 1.
    assert found == pytest.approx({"mean_accuracy": (3 / 5 + 2 / 4) / 2, "balanced_accuracy": ((1 + 2 / 4) / 2 + (2 / 3 + 0) / 2) / 2})
    assert main_metric(FACES) == "mean_accuracy"
    assert floors(labels, FACES) == pytest.approx({"mean_accuracy": (4 / 5 + 3 / 4) / 2, "balanced_accuracy": 0.5})


def test_a_task_of_one_value_leaves_the_balance_of_the_others():
    labels = torch.tensor([[1.0, 1], [0, 1]])
    assert metrics(torch.tensor([[1.0, 1], [1, 1]]), labels, FACES)["balanced_accuracy"] == pytest.approx(0.5)


PARTS = {"widths": (4, 6, 8), "blocks": 1}


def made(kind, outputs, seed=0):
    torch.manual_seed(seed)
    parts = cifar_resnet(14, outputs, **PARTS)
    net = {
        "baseline": lambda: BaselineNet(parts),
        "cam": lambda: ClassActivationNet(parts, outputs),
        "abn": lambda: AttentionBranchNet(parts, outputs),
        "per task": lambda: MultitaskAttentionBranchNet(outputs, parts),
    }[kind]()
    net(torch.rand(8, 3, 16, 16))
    return net.eval()


def data_of(tasks, count=40, *, regions=True):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 16, 16), generator=generator, dtype=torch.uint8)
    labels = torch.stack([torch.randint(0, task.num_units if task.values else 2, (count,), generator=generator) for task in tasks], 1)

    def region_of(i):
        region = torch.zeros(len(tasks), 16, 16)
        for t in range(len(tasks)):
            region[t, 4 * t : 4 * t + 6, i % 10 : i % 10 + 6] = 1
        return region

    keys = tuple(f"{tasks.names} {i}" for i in range(count))
    return ImageData(images, labels.float(), tasks, keys, "toy", "test", region_of=region_of if regions else None)


def splits_of(tasks, **options):
    return {"test": data_of(tasks, **options)}


@each(("kind", "tasks"), [("cam", FACES), ("abn", FACES), ("per task", FACES), ("baseline", CLASS), ("abn", CLASS)])
def test_every_network_is_measured_by_what_it_has(kind, tasks, fresh_home):
    net, splits = made(kind, tasks.num_units), splits_of(tasks)
    found = analyse(splits, (), net, splits, "cpu", seed=3)
    expected = localisation(net, splits["test"]) | faithfulness(net, splits["test"]) | sanity(net, splits["test"], seed=3)
    if kind not in ("baseline", "cam"):
        expected |= map_use(net, splits["test"])
    more = set(found) - set(expected)
    assert {name: found[name] for name in expected} == pytest.approx(expected, nan_ok=True)
    if kind in ("baseline", "cam"):
        assert not more
        return
    output = net(splits["test"].images / 255)
    attention = metrics(output.extra["attention_logits"].detach(), splits["test"].labels, tasks)
    main = main_metric(tasks)
    perception = metrics(output.logits.detach(), splits["test"].labels, tasks)[main]
    maps = output.maps.detach()
    wanted = {f"attention_branch_{name}": value for name, value in attention.items()}
    wanted |= {"perception_over_attention": perception - attention[main], "map_spread": maps.flatten(2).std(2).mean().item()}
    assert {name: found[name] for name in more} == pytest.approx(wanted, rel=1e-4)


def test_data_without_regions_are_measured_too():
    net, splits = made("abn", 3), splits_of(CLASS, regions=False)
    found = analyse(splits, (), net, splits, "cpu")
    assert "map_deletion" in found
    assert not any("pointing" in name or name.startswith("energy_on") for name in found)


def test_where_a_network_learns_one_of_two_tasks_its_maps_are_held_against_both_regions(fresh_home):
    # More images than are looked at.
    whole = splits_of(CARS, count=300)
    splits = {"test": whole["test"].select_tasks(["make"])}
    net = made("abn", 2)
    found = analyse(whole, (), net, splits, "cpu")
    maps = explanation_maps(net, whole["test"].images[:256], "attention", classes=torch.zeros(256))
    expected = on_both_regions(whole, maps)
    assert set(expected) == {"energy_on_model", "energy_on_make"}
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert found["energy_on_make"] == pytest.approx(found["map_energy"])
    whole = splits_of(CARS)
    splits = {"test": whole["test"].select_tasks(["make"])}
    assert not any(name.startswith("energy_on") for name in analyse(whole, (), made("baseline", 2), splits, "cpu"))
    blind = {"test": replace(whole["test"], region_of=None)}
    without = {"test": replace(splits["test"], region_of=None)}
    assert not any(name.startswith("energy_on") for name in analyse(blind, (), net, without, "cpu"))


def test_another_task_is_compared_with_another_seed(fresh_home):
    whole = splits_of(CARS)
    splits = {"test": whole["test"].select_tasks(["make"])}
    net, first, second = made("abn", 2), made("abn", 3, seed=1), made("abn", 3, seed=2)
    found = analyse(whole, [first, second], net, splits, "cpu")
    of = [explanation_maps(one, whole["test"].images[:256], "attention", classes=torch.zeros(256)) for one in (net, first, second)]
    assert found["task_distance"] == pytest.approx(map_distance(of[0], of[1]))
    assert found["seed_distance"] == pytest.approx(map_distance(of[2], of[1]))
    assert found["task_distance_over_seed"] == pytest.approx(found["task_distance"] - found["seed_distance"])
    assert found["task_distance"] != found["seed_distance"]
    # A network that looks where the first rival looks has distance 0.
    same = analyse(whole, [copy.deepcopy(net), second], net, splits, "cpu")
    assert same["task_distance"] == pytest.approx(0)
    assert same["task_distance_over_seed"] == pytest.approx(-same["seed_distance"])
    assert not any("distance" in name for name in analyse(whole, (), net, splits, "cpu"))


def test_measuring_changes_no_network(fresh_home):
    net, splits = made("abn", 3), splits_of(CLASS, count=40)
    before = copy.deepcopy(net.state_dict())
    first = analyse(splits, (), net.train(), splits, "cpu")
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert analyse(splits, (), net, splits, "cpu") == pytest.approx(first)
    assert all(value.grad is None for value in net.parameters())
