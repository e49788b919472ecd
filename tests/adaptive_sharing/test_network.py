import copy
import json
import random
from itertools import pairwise

import pytest
import torch
from mtattr.adaptive_sharing import BranchedVGG, ThinVGG, Tree, count_weights, fold_batch_norm, vgg16
from mtattr.nets.normalise import IMAGENET_MEAN, IMAGENET_STD, Normalise
from mtattr.training.checkpoint import load_tensors, save_tensors
from torch import nn

from cases import assert_refused
from reference import branched_vgg, random_groups, random_tree

WIDTHS = (3, 4, 5, 4, 3, 5, 4, 3, 4, 5, 4, 3, 4, 6, 5)
SIZES = [32, (64, 32), (40, 70)]


def tree_of(seed, num_tasks=6):
    return Tree.from_list(random_tree(random.Random(seed), num_tasks))


def made(tree, *, size=32, dtype=torch.float64, seed=0, **options):
    """A network with biases and running statistics as training leaves them: none 0, no two alike."""
    torch.manual_seed(seed)
    net = BranchedVGG(tree, WIDTHS, input_size=size, **options).to(dtype)
    with torch.no_grad():
        for name, value in net.named_parameters():
            if name.endswith("bias"):
                value.normal_(std=0.3)
        for layer in net.layers:
            layer.norm.momentum = 0.5
        for _ in range(3):
            net(torch.rand(8, 3, *net.input_size, dtype=dtype))
        for layer in net.layers:
            layer.norm.momentum = 0.05
    return net


def images_of(size=32, count=4, dtype=torch.float64):
    height, width = (size, size) if isinstance(size, int) else size
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(5)).to(dtype)


def assert_alive(logits):
    """Every logit depends on the image: a network whose units are all 0 would equal any other."""
    assert logits.std(0).min() > 1e-3


def logits(net, images):
    """Logits without a trace in the running statistics."""
    with torch.no_grad():
        return copy.deepcopy(net)(images).logits


def with_copies(copies, num_tasks):
    layers = [[k * below // here for k in range(here)] for below, here in pairwise((1, *copies, num_tasks))]
    return Tree.from_list(layers)


@pytest.mark.parametrize(
    ("build", "weights", "with_biases"),
    [
        (lambda: vgg16(40), 134_411_968, 134_424_424),
        (lambda: vgg16(50), 134_452_928, 134_465_394),
        (lambda: ThinVGG(40, 32), 218_464, 219_048),
        (lambda: ThinVGG(40, 64), 867_008, 868_136),
    ],
)
def test_published_sizes(build, weights, with_biases):
    with torch.device("meta"):
        net = build()
    assert count_weights(net) == weights
    assert sum(value.numel() for value in net.parameters()) == with_biases
    assert net.input_size == (224, 224)


@pytest.mark.parametrize(
    ("omega", "copies", "weights"),
    [
        (32, (1, 1, 1, 1, 4, 4, 4, 6, 6, 6, 8, 8, 8, 9, 13), 1_485_152),
        (32, (1, 1, 1, 1, 5, 5, 6, 7, 8, 9, 11, 12, 12, 13, 16), 2_092_384),
        (64, (1, 1, 1, 1, 2, 2, 2, 4, 4, 4, 6, 6, 7, 8, 18), 4_987_584),
    ],
)
def test_sizes_of_trees_that_fit_the_published_ones(omega, copies, weights):
    with torch.device("meta"):
        net = BranchedVGG(with_copies(copies, 40), ThinVGG(40, omega).widths)
    assert net.tree.copies == copies
    assert count_weights(net) == weights


@pytest.mark.parametrize("seed", range(5))
def test_the_size_of_any_tree_follows_from_its_copies(seed):
    tree = tree_of(seed, num_tasks=9)
    net = BranchedVGG(tree, WIDTHS, input_size=(96, 64))
    expected, biases = 9 * WIDTHS[14], 9
    for layer, copies in enumerate(tree.copies):
        taps = 9 if layer < 13 else 3 * 2 if layer == 13 else 1
        expected += copies * taps * (3 if layer == 0 else WIDTHS[layer - 1]) * WIDTHS[layer]
        biases += copies * WIDTHS[layer]
    assert count_weights(net) == expected
    assert sum(value.numel() for value in net.parameters()) == expected + biases


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("size", "seed"), [*((32, seed) for seed in range(6)), *((size, 0) for size in SIZES[1:])])
def test_equals_every_task_computed_alone(size, seed, training):
    tree = tree_of(seed)
    net = made(tree, size=size).train(training)
    expected = branched_vgg(net.state_dict(), tree.to_list(), images_of(size), training=training)
    assert_alive(expected)
    for execution in ("grouped", "loop"):
        net.execution = execution
        torch.testing.assert_close(logits(net, images_of(size)), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_both_executions_learn_the_same(seed, training):
    tree, pull = tree_of(seed), torch.randn(4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = {}
    for execution in ("grouped", "loop"):
        net, images = made(tree, execution=execution).train(training), images_of().requires_grad_()
        out = net(images).logits
        (out * pull).sum().backward()
        found[execution] = [out, images.grad, *(value.grad for value in net.parameters()), *net.buffers()]
        assert net.execution == execution
    for fast, slow in zip(found["grouped"], found["loop"], strict=True):
        torch.testing.assert_close(fast, slow, rtol=0, atol=1e-10)
    assert found["loop"][1].abs().max() > 1e-4


# Fifteen layers of batch norm magnify what is rounded otherwise: some hundred units in the last place.
@pytest.mark.parametrize(("dtype", "close"), [(torch.float32, 2e-4), (torch.float64, 1e-12)])
@pytest.mark.parametrize("seed", range(2))
def test_widening_changes_no_output_at_any_step_of_a_search(seed, dtype, close):
    rng, images = random.Random(seed), images_of(dtype=dtype)
    net = made(Tree.trunk(6), dtype=dtype)
    before = {training: logits(net.train(training), images) for training in (True, False)}
    for value in before.values():
        assert_alive(value)
    for at in range(15, 1, -1):
        count = len(net.tree.parents[at])
        # At least two groups until the end, so that all 14 steps are taken.
        groups = random_groups(rng, count)
        groups = groups if len(groups) > 1 else [[0], list(range(1, count))]
        was, state = net.tree, copy.deepcopy(net.state_dict())
        assert net.widen(groups) is net
        assert net.tree == was.widen(groups)
        for training, expected in before.items():
            torch.testing.assert_close(logits(net.train(training), images), expected, rtol=0, atol=close)
        for name, value in net.state_dict().items():
            part = state[name]
            if name.startswith(f"layers.{at - 1}.") and value.ndim:
                part = part.repeat(len(groups), *[1] * (part.ndim - 1))
            assert torch.equal(value, part), name
    assert net.tree.copies[0] == 1 < net.tree.copies[1]


def test_widening_changes_no_gradient_of_the_image():
    gradients = []
    for groups in (None, [[0, 2], [1, 3, 5], [4]]):
        net, images = made(Tree.trunk(6)), images_of().requires_grad_()
        if groups:
            net.widen(groups)
        net(images).logits.square().sum().backward()
        gradients.append(images.grad)
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-10)


def test_copies_part_as_their_tasks_pull_them_apart():
    net = made(Tree.trunk(4)).widen([[0, 1], [2, 3]])
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)
    layer = net.layers[14]

    def gaps():
        values = layer.weight, layer.norm.running_mean, layer.norm.running_var
        return [(value[: WIDTHS[14]] - value[WIDTHS[14] :]).abs().max().item() for value in values]

    labels = torch.tensor([[1.0, 1.0, 0.0, 1.0]], dtype=torch.float64).expand(4, 4)
    seen = [gaps()]
    for _ in range(2):
        loss = nn.functional.binary_cross_entropy_with_logits(net(images_of()).logits, labels, reduction="sum")
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        seen.append(gaps())
    assert seen[0] == [0, 0, 0]
    # Statistics of the first batch are those of equal weights.
    assert seen[1][0] > 1e-4
    assert max(seen[1][1:]) < 1e-12
    assert min(seen[2]) > 1e-6


def test_it_is_saved_as_a_tree_and_tensors(tmp_path):
    net = made(tree_of(1), dtype=torch.float32).eval()
    save_tensors(tmp_path / "net.safetensors", net.state_dict(), {"tree": net.tree.to_list()})
    tensors, about = load_tensors(tmp_path / "net.safetensors")
    again = BranchedVGG(Tree.from_list(json.loads(json.dumps(about["tree"]))), WIDTHS, input_size=32).eval()
    again.load_state_dict(tensors)
    assert again.tree == net.tree
    assert torch.equal(logits(again, images_of(dtype=torch.float32)), logits(net, images_of(dtype=torch.float32)))
    other = BranchedVGG(Tree.trunk(6), WIDTHS, input_size=32)
    with pytest.raises(RuntimeError, match="size mismatch"):
        other.load_state_dict(tensors)


@pytest.mark.parametrize("size", SIZES)
def test_it_is_made_anew_from_its_structure(size):
    net = made(tree_of(1), size=size).eval()
    again = BranchedVGG.from_structure(json.loads(json.dumps(net.structure))).double().eval()
    assert (again.structure, again.tree, again.widths, again.input_size) == (net.structure, net.tree, net.widths, net.input_size)
    again.load_state_dict(net.state_dict())
    assert torch.equal(logits(again, images_of(size)), logits(net, images_of(size)))


def test_permuting_tasks_permutes_logits():
    net, order = made(tree_of(3)).eval(), [4, 1, 5, 0, 2, 3]
    moved = BranchedVGG(net.tree.permute_tasks(order), WIDTHS, input_size=32).double().eval()
    state = copy.deepcopy(net.state_dict())
    for part in ("weight", "bias"):
        state[f"outputs.{part}"][order] = net.state_dict()[f"outputs.{part}"]
    moved.load_state_dict(state)
    torch.testing.assert_close(logits(moved, images_of())[:, order], logits(net, images_of()), rtol=0, atol=1e-12)


@pytest.mark.parametrize("execution", ["grouped", "loop"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_folded_batch_norm_equals_evaluation_mode(dtype, execution):
    net = made(tree_of(2), dtype=dtype, execution=execution).train()
    before, images = copy.deepcopy(net.state_dict()), images_of(dtype=dtype)
    folded = fold_batch_norm(net)
    assert net.training
    assert all(torch.equal(value, net.state_dict()[name]) for name, value in before.items())
    expected = logits(net.eval(), images)
    for training in (True, False):
        close = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 0, "atol": 1e-10}
        torch.testing.assert_close(logits(folded.train(training), images), expected, **close)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    assert (folded.tree, count_weights(folded), folded.execution) == (net.tree, count_weights(net), execution)


def test_a_folded_network_can_still_fork():
    folded = fold_batch_norm(made(Tree.trunk(3)))
    expected = logits(folded, images_of())
    torch.testing.assert_close(logits(folded.widen([[0, 2], [1]]), images_of()), expected, rtol=0, atol=1e-12)


def test_images_lose_their_mean_colour_and_spread():
    pixels = torch.tensor([0.485, 0.456 + 0.224, 0.406 - 2 * 0.225]).view(1, 3, 1, 1)
    found = Normalise(IMAGENET_MEAN, IMAGENET_STD)(pixels).flatten()
    torch.testing.assert_close(found, torch.tensor([0.0, 1.0, -2.0]), atol=1e-6, rtol=0)


def test_a_seed_gives_the_initial_weights():
    torch.manual_seed(3)
    first = ThinVGG(2, 2, input_size=32).state_dict()
    torch.manual_seed(3)
    second = ThinVGG(2, 2, input_size=32).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_bad_arguments_are_refused():
    trunk = Tree.trunk(2)
    for omega in (0, -1, 1.5, "32", None):
        assert_refused("omega", ThinVGG, 4, omega)
    for num_tasks in (0, -1, 2.5):
        assert_refused("num_tasks", ThinVGG, num_tasks, 2)
        assert_refused("num_tasks", vgg16, num_tasks)
    for widths in ((), WIDTHS[:-1], (*WIDTHS, 3), (0, *WIDTHS[1:]), (*WIDTHS[:-1], -2)):
        assert_refused("widths must be", BranchedVGG, trunk, widths, input_size=32)
    for size in (0, -32, 31, (32, 31), (16, 64), (32,), (32, 32, 32)):
        assert_refused("input_size must be", BranchedVGG, trunk, WIDTHS, input_size=size)
    assert_refused("'fast' is unknown; there are grouped, loop", BranchedVGG, trunk, WIDTHS, input_size=32, execution="fast")


def test_other_images_are_refused():
    net = BranchedVGG(Tree.trunk(2), WIDTHS, input_size=(64, 32))
    for images in (
        torch.rand(2, 3, 32, 64),
        torch.rand(2, 3, 64, 64),
        torch.rand(2, 1, 64, 32),
        torch.rand(3, 64, 32),
        torch.zeros(2, 3, 64, 32, dtype=torch.uint8),
    ):
        assert_refused(r"images must be floats \(B, 3, 64, 32\)", net, images)


def test_a_refused_widening_changes_nothing():
    net = made(Tree.trunk(3))
    before = copy.deepcopy(net.state_dict())
    for groups in ([[0, 1]], [[0, 1, 2], []], [[0], [0, 1, 2]]):
        assert_refused("each of", net.widen, groups)
        assert net.tree == Tree.trunk(3)
        assert all(torch.equal(value, net.state_dict()[name]) for name, value in before.items())
    assert_refused("nothing to widen", made(Tree.trunk(1)).widen, [[0]])


def test_a_damaged_structure_is_refused():
    sound = {"tree": Tree.trunk(2).to_list(), "widths": [1] * 15, "input_size": [32, 32]}
    assert BranchedVGG.from_structure(sound).structure == sound
    for structure in (None, [], {}, {"low_rank": True}, {name: sound[name] for name in ("tree", "widths")}):
        assert_refused("expected tree, widths, input_size", BranchedVGG.from_structure, structure)
    for name, values in {
        "widths": (None, "123456789012345", [1.9] * 15),
        "input_size": (["a", "b"], 64.0),
        "tree": (3, [[0.7]] * 16, ["0"] * 16, [0] * 16, None),
    }.items():
        for wrong in values:
            assert_refused(name, BranchedVGG.from_structure, sound | {name: wrong})


def test_widening_a_trained_network_keeps_its_outputs_to_a_millionth():
    """In float32, relative to the largest logit: what a search sees at each of the 14 splits, in both modes."""
    torch.manual_seed(0)
    net = ThinVGG(12, 16, input_size=32)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-2, momentum=0.9)
    for _ in range(30):
        images = torch.rand(32, 3, 32, 32)
        red = (images.mean((2, 3))[:, :1] > 0.5).float().expand(32, 12)
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(net.train()(images).logits, red).backward()
        optimizer.step()
    images, chance = torch.rand(32, 3, 32, 32), random.Random(0)

    @torch.no_grad()
    def outputs() -> list[torch.Tensor]:
        # On copies, for a pass in training mode moves the running statistics.
        return [copy.deepcopy(net).train(mode)(images).logits for mode in (True, False)]

    splits = 0
    while net.tree.junction > 1:
        before, count = outputs(), len(net.tree.parents[net.tree.junction])
        groups = [[k] for k in range(chance.randint(2, count))]
        for branch in range(len(groups), count):
            chance.choice(groups).append(branch)
        net.widen(groups)
        splits += 1
        for old, new in zip(before, outputs(), strict=True):
            assert (new - old).abs().max() <= 1e-6 * max(1.0, old.abs().max().item())
    assert splits == 14
