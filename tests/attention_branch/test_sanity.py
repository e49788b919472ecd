import copy
import itertools

import pytest
import torch
from mtattr.attention_branch import (
    AttentionBranchNet,
    BaselineNet,
    ClassActivationNet,
    MultitaskAttentionBranchNet,
    cifar_resnet,
    explanation_maps,
)
from mtattr.attention_branch.sanity import forgotten, map_change, sanity
from mtattr.data.image_data import ImageData
from mtattr.tasks import Task, TaskSet
from scipy import stats

from cases import each

K, N = 3, 12
ATTRIBUTES, CLASS = TaskSet.binary("abc"), TaskSet([Task("class", "categorical", ("r", "g", "b"))])
NETS = {
    "baseline": BaselineNet,
    "cam": lambda parts: ClassActivationNet(parts, K),
    "abn": lambda parts: AttentionBranchNet(parts, K),
    "per task": lambda parts: MultitaskAttentionBranchNet(K, parts),
}
#: Groups in order, and the first of them that each kind of map depends on.
GROUPS = {
    "baseline": (["head", "perception", "extractor"], {"gradcam": "head"}),
    "cam": (["head", "perception", "extractor"], {"cam": "head"}),
    "abn": (["head", "perception", "branch", "extractor"], {"attention": "branch", "gradcam": "head"}),
    "per task": (["head", "perception", "branch", "extractor"], {"attention": "branch", "gradcam": "head"}),
}


def made(kind):
    torch.manual_seed(0)
    net = NETS[kind](cifar_resnet(14, K, widths=(4, 6, 8), blocks=1))
    for _ in range(3):
        net(torch.rand(8, 3, 16, 16))
    return net.eval()


def data_of(tasks=CLASS, labels=None):
    images = torch.randint(0, 256, (N, 3, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    if labels is None:
        labels = [[float(i % 3)] for i in range(N)] if tasks is CLASS else [[1.0, float(i % 2), 0.0] for i in range(N)]
    return ImageData(images, torch.tensor(labels), tasks, tuple(map(str, range(N))), "toy", "test")


@each("kind", NETS)
def test_groups_are_forgotten_one_after_the_other_from_the_output_down(kind):
    net = made(kind)
    before = copy.deepcopy(net.state_dict())
    seen, untouched, steps = [], set(before), []
    for group, other in forgotten(net, seed=0):
        now = other.state_dict()
        changed = {name for name, value in now.items() if not torch.equal(value, before[name])}
        steps.append({name.split(".")[0] for name in changed})
        untouched -= changed
        for name in changed:
            # Shuffled: as large as before, in another order.
            assert torch.equal(now[name].flatten().sort().values, before[name].flatten().sort().values)
        seen.append(group)
    assert seen == GROUPS[kind][0]
    assert all(small < large for small, large in itertools.pairwise(steps))
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    # Nothing is left but counters and what is one value or many equal ones.
    assert all(before[name].unique().numel() == 1 or not before[name].is_floating_point() for name in untouched)


def test_the_seed_decides():
    def last(seed):
        *_, (_, other) = forgotten(made("abn"), seed=seed)
        return other.state_dict()["branch.responses.1.weight"].clone()

    assert torch.equal(last(1), last(1))
    assert not torch.equal(last(1), last(2))


@each("kind", NETS)
def test_a_map_changes_with_the_first_group_that_it_depends_on(kind):
    found = sanity(made(kind), data_of(), seed=0)
    groups, first = GROUPS[kind]
    assert list(found) == [f"sanity_{method}_{group}" for group in groups for method in first]
    for method, group in first.items():
        for at in groups:
            change = found[f"sanity_{method}_{at}"]
            if groups.index(at) < groups.index(group):
                assert change == pytest.approx(0, abs=1e-9)
            else:
                assert change > 0.1


@each("tasks", [CLASS, ATTRIBUTES])
def test_equals_a_loop_over_what_is_shown(tasks):
    net, data = made("per task" if tasks is ATTRIBUTES else "cam"), data_of(tasks)
    found = sanity(net, data, seed=2, images=10)
    method, classes = ("cam", data.labels[:10, 0]) if tasks is CLASS else ("attention", None)
    trained = explanation_maps(net, data.images[:10], method, classes=classes)
    for group, other in forgotten(net, seed=2):
        maps, values = explanation_maps(other, data.images[:10], method, classes=classes), []
        for n in range(10):
            for t in range(trained.shape[1]):
                if tasks is CLASS or data.labels[n, t] == 1:
                    values.append(stats.spearmanr(trained[n, t].flatten(), maps[n, t].flatten()).statistic)
        assert found[f"sanity_{method}_{group}"] == pytest.approx(1 - sum(values) / len(values))


def test_a_map_that_becomes_constant_is_unlike_and_one_that_was_constant_tells_nothing():
    maps = torch.randn(3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert map_change(maps, maps.exp()) == pytest.approx(0)
    assert map_change(maps, torch.cat([maps[:2], torch.ones(1, 4, 4)])) == pytest.approx(1 / 3)
    assert map_change(torch.cat([maps[:2], torch.ones(1, 4, 4)]), -maps) == pytest.approx(2)


def test_where_nothing_is_shown_nothing_is_said():
    assert sanity(made("per task"), data_of(ATTRIBUTES, [[0.0] * 3] * N), seed=0) == {}
