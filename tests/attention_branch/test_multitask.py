import copy

import pytest
import torch
from mtattr.attention_branch import MultitaskAttentionBranchNet, TaskAttentionBranch, residual_parts, vgg16
from mtattr.errors import InputError
from mtattr.evaluation import count_flops, count_parameters
from mtattr.nets import read_weights
from safetensors.torch import save_file
from torch import nn

from cases import each
from reference import task_passes

T = 4
#: Every way to compute the same: one task after the other, all in one batch, with shared work, and both in chunks.
WAYS = [{"execution": "loop"}, {"execution": "fold"}, {"execution": "shared"}]
CHUNKS = [{"execution": way, "chunk": size} for way, size in (("loop", 3), ("fold", 3), ("shared", 1), ("shared", 3), ("shared", 9))]
BASIC, BOTTLENECK = 1, 4


def made(*, tasks=T, kind=BASIC, dtype=torch.float64, seed=0, **options):
    """A network whose norms, maps and heads are as training leaves them: no scale 1, no shift 0."""
    torch.manual_seed(seed)
    parts = residual_parts(tasks, widths=(3, 4, 4), blocks=2, expansion=kind)
    net = MultitaskAttentionBranchNet(**({"num_tasks": tasks, "backbone": parts} | options))
    with torch.no_grad():
        for name, value in [*net.named_parameters(), *net.named_buffers()]:
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif name.endswith(("bias", "running_mean")):
                value.normal_(std=0.3)
            elif value.ndim == 1:
                value.uniform_(0.5, 1.5)
            elif value.ndim == 4:
                value.mul_(2)
    return net.to(dtype)


def images_of(count=3, size=(12, 10), dtype=torch.float64):
    images = torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    # From dark to light, so that answers differ.
    return (images * torch.linspace(1, 0.1, count).double()[:, None, None, None]).to(dtype)


def textbook(net, images):
    """The paper's perception branch for one task after the other, with the weights of `net` and plain functions."""

    def pair(conv, norm):
        return (conv.weight, conv.stride[0], conv.padding[0]), (norm.weight, norm.bias, norm.running_mean, norm.running_var)

    blocks, norms = [], []
    for block in net.stage.blocks:
        layers = [pair(conv, norm) for conv, norm in zip(block.convs, block.norms, strict=True)]
        blocks.append((layers, None if block.shortcut is None else pair(block.shortcut, block.shortcut_norm)))
        norms += [*block.norms, *([block.shortcut_norm] if block.shortcut else [])]
    features = net.extractor(images)
    attention_logits, maps = net.branch(features)
    gates = maps + 1 if net.residual else maps
    last, running = task_passes(blocks, features, gates, statistics=norms[0].statistics, training=net.training)
    with torch.no_grad():
        for norm, mean, variance in zip(norms, running[::2], running[1::2], strict=True):
            norm.running_mean, norm.running_var = mean, variance
    logits = []
    for t in range(net.num_tasks):
        units = last[:, t].mean((2, 3)) @ net.head_weight[t].T + net.head_bias[t]
        logits.append(units[:, 0] if units.shape[1] == 1 else units[:, 1] - units[:, 0])
    return torch.stack(logits, 1), maps, attention_logits


def learned(net, images, way):
    """Everything that one step of training or one answer leaves: outputs, gradients, running statistics."""
    images = images.clone().requires_grad_()
    if way == "textbook":
        answers = textbook(net, images)
    else:
        output = net(images)
        answers = output.logits, output.maps, output.extra["attention_logits"]
    weights = [torch.randn(answers[0].shape, generator=torch.Generator().manual_seed(seed)).to(images.dtype) for seed in (2, 3)]
    (answers[0] * weights[0] + answers[2] * weights[1]).sum().backward()
    found = {"logits": answers[0], "maps": answers[1], "attention logits": answers[2], "gradient of the images": images.grad}
    found |= {f"gradient of {name}": value.grad for name, value in net.named_parameters()}
    return found | {name: value.clone() for name, value in net.named_buffers()}


def assert_same(found, expected, close):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        # In float32 sums of many terms are exact to some units of their largest.
        scale = 1.0 if value.dtype == torch.float64 or not value.is_floating_point() else max(1.0, value.abs().max().item())
        torch.testing.assert_close(found[name] / scale, value / scale, rtol=0, atol=close, msg=lambda text, name=name: f"{name}: {text}")


@each("training", [True, False])
@each("statistics", ["task", "sequential"])
@each("residual", [True, False])
@each("kind", [BASIC, BOTTLENECK])
def test_every_execution_is_the_textbook_loop(kind, residual, statistics, training):
    how = {"kind": kind, "residual": residual, "statistics": statistics, "head_units": 2 if residual else 1}
    expected = learned(made(**how).train(training), images_of(), "textbook")
    assert expected["logits"].std(0).min() > 1e-2
    assert expected["gradient of the images"].abs().max() > 1e-3
    for way in (*WAYS, *CHUNKS):
        assert_same(learned(made(**how, **way).train(training), images_of(), "ours"), expected, 1e-10)


@each("training", [True, False])
@each("kind", [BASIC, BOTTLENECK])
def test_joint_statistics_are_those_of_the_textbook_too(kind, training):
    how = {"kind": kind, "statistics": "joint"}
    expected = learned(made(**how).train(training), images_of(), "textbook")
    for way in ({"execution": "fold"}, {"execution": "shared"}, {"execution": "shared", "chunk": T}):
        assert_same(learned(made(**how, **way).train(training), images_of(), "ours"), expected, 1e-10)


@each("training", [True, False])
@each("kind", [BASIC, BOTTLENECK])
def test_executions_agree_in_single_precision(kind, training):
    expected = learned(made(kind=kind).train(training), images_of(), "textbook")
    expected = {name: value.float() if value.is_floating_point() else value for name, value in expected.items()}
    for way in (*WAYS, {"execution": "shared", "chunk": 3}):
        found = learned(made(kind=kind, dtype=torch.float32, **way).train(training), images_of(dtype=torch.float32), "ours")
        assert_same(found, expected, 1e-5)


@each("options", [{}, {"residual": True, "maps": "sigmoid"}, {"head_units": 2, "depthwise": True}])
def test_channels_last_changes_nothing(options):
    expected = learned(made(**options), images_of(), "ours")
    net = made(**options).to(memory_format=torch.channels_last)
    assert_same(learned(net, images_of().contiguous(memory_format=torch.channels_last), "ours"), expected, 1e-10)


def branch_of(**options):
    torch.manual_seed(0)
    branch = TaskAttentionBranch(nn.Conv2d(3, 5, 1), 5, T, **({"pool": "max", "maps": "raw", "depthwise": False} | options))
    return branch.double(), torch.randn(3, 3, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@each("maps", ["raw", "sigmoid"])
@each("pool", ["max", "average"])
@each("depthwise", [True, False])
def test_maps_and_scores_of_the_attention_branch_by_hand(pool, maps, depthwise):
    branch, g = branch_of(pool=pool, maps=maps, depthwise=depthwise)
    stage = branch.stage(g)
    raw = torch.zeros(3, T, 4, 5, dtype=torch.float64)
    for t in range(T):
        for channel in range(5):
            raw[:, t] += branch.to_tasks.weight[t, channel, 0, 0] * stage[:, channel]
        if depthwise:
            raw[:, t] = branch.depthwise.weight[t, 0, 0, 0] * raw[:, t] + branch.depthwise.bias[t]
    of_positions = raw.flatten(2)
    expected = of_positions.max(2).values if pool == "max" else of_positions.sum(2) / 20
    logits, found = branch(g)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(found, 1 / (1 + (-raw).exp()) if maps == "sigmoid" else raw)


def test_the_score_of_a_map_is_pooled_before_the_sigmoid():
    raw, squashed = branch_of(pool="average")[0], branch_of(pool="average", maps="sigmoid")[0]
    g = branch_of()[1]
    torch.testing.assert_close(raw(g)[0], squashed(g)[0])


def test_defaults_are_those_of_the_released_run():
    net, images = made(), images_of()
    said = made(residual=False, pool="max", maps="raw", depthwise=False, head_units=1, statistics="task", execution="shared", chunk=None)
    assert_same(learned(net, images, "ours"), learned(said, images, "ours"), 0)
    assert net.execution == "shared"
    for changed in ({"residual": True}, {"pool": "average"}, {"maps": "sigmoid"}, {"statistics": "joint"}):
        output = made(**changed)(images)
        different = output.extra["attention_logits"] if "pool" in changed else output.logits
        assert not torch.allclose(different, net(images).extra["attention_logits"] if "pool" in changed else net(images).logits)


@each(("units", "expected"), [(1, 57_628_776), (2, 57_710_736)])
def test_sizes_of_the_released_network(units, expected):
    with torch.device("meta"):
        net = MultitaskAttentionBranchNet(40, head_units=units)
        assert count_parameters(net) == expected
        output = net.eval()(torch.empty(1, 3, 224, 224))
    assert output.maps.shape == (1, 40, 14, 14)
    assert output.extra["evidence"].shape == (1, 40, 7, 7)
    assert output.extra["pooled"].shape == (1, 40, 2048)
    assert output.logits.shape == output.extra["attention_logits"].shape == (1, 40)


def test_a_named_backbone_begins_with_the_weights_of_the_file(tmp_path):
    import timm

    torch.manual_seed(0)
    save_file(timm.create_model("resnet18", num_classes=3).state_dict(), tmp_path / "resnet18.safetensors")
    given = read_weights(tmp_path / "resnet18.safetensors", "resnet18")
    net = MultitaskAttentionBranchNet(T, "resnet18", weights=tmp_path / "resnet18.safetensors").eval()
    assert torch.equal(net.stage.blocks[1].convs[1].weight, given["layer4.1.conv2.weight"])
    assert torch.equal(net.branch.stage[1].conv2.weight, given["layer4.1.conv2.weight"])
    assert net.stride == 32
    with torch.no_grad():
        assert net(torch.rand(1, 3, 40, 70)).maps.shape == (1, T, 3, 5)
    with pytest.raises(InputError, match="no such file"):
        MultitaskAttentionBranchNet(T, "resnet18", weights=tmp_path / "none.safetensors")


ORDER = [2, 0, 3, 1]
#: Tensors with a row for each task.
ROWS = ("to_tasks.weight", "depthwise.weight", "depthwise.bias", "head_weight", "head_bias")


def permuted(net):
    """The same network with its tasks in another order."""
    other, state = copy.deepcopy(net), net.state_dict()
    each = net.stage.blocks[0].norms[0].statistics == "task"
    for name, value in state.items():
        if name.endswith(ROWS) or (each and name.startswith("stage.") and "running" in name):
            state[name] = value[ORDER]
    other.load_state_dict(state)
    return other


@each("training", [True, False])
@each(("statistics", "way"), [("task", way) for way in (*WAYS, CHUNKS[2])] + [("joint", way) for way in WAYS[1:]])
def test_permuted_tasks_permute_outputs_and_statistics(statistics, way, training):
    net = made(statistics=statistics, depthwise=True, **way).train(training)
    expected, found = ({k: v for k, v in learned(one, images_of(), "ours").items() if "gradient" not in k} for one in (net, permuted(net)))
    for name, value in expected.items():
        if name in ("logits", "maps", "attention logits"):
            value = value[:, ORDER]
        elif statistics == "task" and name.startswith("stage.") and "running" in name:
            value = value[ORDER]
        torch.testing.assert_close(found[name], value, rtol=0, atol=1e-10, msg=name)


@each("statistics", ["task", "sequential", "joint"])
def test_permuted_tasks_learn_the_same(statistics):
    net, gradients = made(statistics=statistics, depthwise=True), []
    pull = torch.randn(3, T, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    for one, order in ((net, [0, 1, 2, 3]), (permuted(net), ORDER)):
        images = images_of().requires_grad_()
        (one(images).logits * pull[:, order]).sum().backward()
        gradients.append({name: value.grad for name, value in one.named_parameters()} | {"images": images.grad})
    before, after = gradients
    for name, value in before.items():
        torch.testing.assert_close(after[name], value[ORDER] if name.endswith(ROWS) else value, rtol=0, atol=1e-10, msg=name)


def test_in_sequence_the_running_statistics_depend_on_the_order_by_a_closed_form():
    def after_a_step(net):
        for value in net.stage.buffers():
            value.zero_()
        net(images_of())
        return dict(net.stage.named_buffers())

    in_order = after_a_step(made(statistics="sequential"))
    swapped = after_a_step(permuted(made(statistics="sequential")))
    # From 0 a step leaves a tenth of a task's own statistics; in sequence task t of T holds 0.1 * 0.9 ** (T - 1 - t) of them.
    shares = torch.tensor([0.1 * 0.9 ** (T - 1 - t) for t in range(T)], dtype=torch.float64)
    for name, tenth in after_a_step(made(statistics="task")).items():
        own = tenth * 10
        torch.testing.assert_close(in_order[name], shares @ own, rtol=0, atol=1e-10)
        torch.testing.assert_close(swapped[name], shares @ own[ORDER], rtol=0, atol=1e-10)
        assert (swapped[name] - in_order[name]).abs().max() > 1e-4


@each("statistics", ["task", "sequential"])
@each("way", CHUNKS)
def test_chunks_move_running_statistics_once_though_they_are_computed_twice(way, statistics):
    net, calls = made(statistics=statistics, **way), []
    net.stage.register_forward_pre_hook(lambda module, inputs: calls.append(inputs[1].stop - inputs[1].start))
    output = net(images_of())
    after_forward = {name: value.clone() for name, value in net.named_buffers()}
    forward = len(calls)
    output.logits.sum().backward()
    chunked = way["chunk"] < T and way["execution"] != "loop"
    if way["execution"] != "loop":
        assert max(calls) == min(way["chunk"], T)
        assert sum(calls[:forward]) == T
    assert len(calls) == (2 if chunked else 1) * forward
    for name, value in net.named_buffers():
        assert torch.equal(value, after_forward[name]), name
    assert not torch.equal(net.stage.blocks[0].norms[0].running_mean, made(statistics=statistics).stage.blocks[0].norms[0].running_mean)


@each(("chunk", "expected"), [(None, 1), (2, 2), (4, 1)])
def test_nothing_is_computed_again_without_gradients(chunk, expected):
    net, calls = made(chunk=chunk), []
    net.stage.register_forward_pre_hook(lambda module, inputs: calls.append(0))
    with torch.no_grad():
        net(images_of())
    net.eval()(images_of()).logits.sum().backward()
    assert len(calls) == 2 * expected


def test_chunks_keep_fewer_activations():
    def kept(**way):
        net, total = made(tasks=8, **way), []
        with torch.autograd.graph.saved_tensors_hooks(lambda x: total.append(x.numel()) or x, lambda x: x):
            net.perceive(*given_maps(net))
        return sum(total)

    # What a chunk keeps are its inputs.
    assert kept(chunk=2) < 0.2 * min(kept(), kept(execution="loop"))


def test_a_loop_passes_one_task_at_a_time_and_the_others_all():
    for way, expected in (("loop", [1] * T), ("fold", [T]), ("shared", [T])):
        net, calls = made(execution=way), []
        net.stage.register_forward_pre_hook(lambda module, inputs, calls=calls: calls.append(inputs[1].stop - inputs[1].start))
        net(images_of())
        assert calls == expected


@each("kind", [BASIC, BOTTLENECK])
def test_sharing_computes_less_than_the_loop_and_folding_as_much(kind):
    loop, fold, shared = (count_flops(made(kind=kind, tasks=16, dtype=torch.float32, **way), images_of(1).float()) for way in WAYS)
    assert shared < 0.95 * loop
    assert fold == loop


def perceived(net, features, maps):
    """Logits for given maps."""
    pooled, _ = net.perceive(features, maps)
    weight, bias = net.head_difference
    return (pooled * weight).sum(2) + bias


def given_maps(net, batch=3, size=(6, 5)):
    generator = torch.Generator().manual_seed(4)
    features = torch.randn(batch, 4, *size, generator=generator, dtype=torch.float64)
    return features, torch.randn(batch, net.num_tasks, *size, generator=generator, dtype=torch.float64)


@each("training", [True, False])
@each("way", [*WAYS, {"execution": "shared", "chunk": 3}])
def test_only_the_logit_of_a_task_depends_on_its_map(way, training):
    net = made(**way).train(training)
    features, maps = given_maps(net)
    maps.requires_grad_()
    logits = perceived(net, features, maps)
    for t in range(T):
        (gradient,) = torch.autograd.grad(logits[:, t].square().sum(), maps, retain_graph=True)
        touched = gradient.abs().amax((0, 2, 3)) > 0
        assert touched.tolist() == [other == t for other in range(T)]


@each("training", [True, False])
@each("statistics", ["task", "sequential"])
@each("way", [*WAYS, {"execution": "shared", "chunk": 3}])
def test_a_nan_in_a_map_stays_in_its_task(way, statistics, training):
    net = made(statistics=statistics, **way).train(training)
    features, maps = given_maps(net)
    clean = perceived(copy.deepcopy(net), features, maps)
    maps[1, 2, 3, 4] = torch.nan
    found = perceived(net, features, maps)
    others = [0, 1, 3]
    torch.testing.assert_close(found[:, others], clean[:, others], rtol=0, atol=1e-10)
    # In training the batch of the task shares its statistics; else the other images are spared, too.
    assert found[:, 2].isnan().tolist() == ([True] * 3 if training else [False, True, False])


def test_joint_statistics_spread_a_nan_to_all_tasks_in_training_alone():
    net = made(statistics="joint")
    features, maps = given_maps(net)
    maps[1, 2, 3, 4] = torch.nan
    assert perceived(copy.deepcopy(net), features, maps).isnan().all()
    assert perceived(net.eval(), features, maps).isnan().nonzero().tolist() == [[1, 2]]


def test_gates_are_the_maps_or_one_more():
    plain, residual = made().eval(), made(residual=True).eval()
    features, maps = given_maps(plain)
    torch.testing.assert_close(perceived(residual, features, maps), perceived(plain, features, 1 + maps), rtol=0, atol=1e-12)


@each("shape", [(3, T, 5, 5), (3, T - 1, 6, 5), (2, T, 6, 5), (3, T, 6, 5, 1), (1, T, 6, 5)])
def test_maps_of_another_size_are_refused(shape):
    net = made()
    with pytest.raises(InputError, match=r"expected maps \(3, 4, 6, 5\), got"):
        net.perceive(given_maps(net)[0], torch.zeros(shape).double())


@each("training", [True, False])
def test_two_units_are_one_on_their_difference(training):
    two, one = made(head_units=2).train(training), made().train(training)
    state = two.state_dict()
    for name in ("head_weight", "head_bias"):
        state[name] = state[name][:, 1:] - state[name][:, :1]
    one.load_state_dict(state)
    outputs = [net(images_of()) for net in (two, one)]
    torch.testing.assert_close(outputs[0].logits, outputs[1].logits, rtol=0, atol=1e-12)
    assert outputs[0].logits.std(0).min() > 1e-3
    # The softmax of two units, of which the second means yes, is the sigmoid of the logit.
    pooled = outputs[0].extra["pooled"]
    units = torch.stack([pooled[:, t] @ two.head_weight[t].T + two.head_bias[t] for t in range(T)], 1)
    torch.testing.assert_close(units.softmax(2)[..., 1], outputs[0].logits.sigmoid(), rtol=0, atol=1e-12)
    (of_two,) = torch.autograd.grad(outputs[0].logits.sum(), two.head_bias)
    assert of_two.tolist() == [[-3.0, 3.0]] * T


@each("way", [*WAYS, {"execution": "shared", "chunk": 3}])
@each("units", [1, 2])
def test_the_mean_of_the_evidence_and_the_bias_are_the_logit(units, way):
    net = made(head_units=units, **way).eval()
    output = net(images_of())
    evidence, bias = output.extra["evidence"], net.head_difference[1]
    assert evidence.shape == (3, T, 3, 3)
    torch.testing.assert_close(evidence.mean((2, 3)) + bias, output.logits, rtol=0, atol=1e-12)
    assert evidence.flatten(2).std(2).min() > 1e-4
    assert (evidence[0] - evidence[1]).abs().max() > 1e-3
    assert "evidence" not in net.train()(images_of()).extra


def test_what_the_heads_read_is_handed_out():
    net = made().eval()
    output = net(images_of())
    torch.testing.assert_close(output.extra["extracted"], net.extractor(images_of()))
    expected = torch.stack([output.extra["pooled"][:, t] @ net.head_weight[t, 0] + net.head_bias[t, 0] for t in range(T)], 1)
    torch.testing.assert_close(output.logits, expected)
    attention_logits, maps = net.branch(output.extra["extracted"])
    torch.testing.assert_close(output.extra["attention_logits"], attention_logits)
    torch.testing.assert_close(output.maps, maps)


@each("training", [True, False])
@each("statistics", ["task", "sequential", "joint"])
def test_one_task_is_enough(statistics, training):
    expected = learned(made(tasks=1, statistics="task").train(training), images_of(), "textbook")
    found = learned(made(tasks=1, statistics=statistics).train(training), images_of(), "ours")
    for name, value in expected.items():
        # Statistics of one task have a row, or none.
        torch.testing.assert_close(found[name], value.view_as(found[name]), rtol=0, atol=1e-10, msg=name)


@each("way", [*WAYS, {"execution": "shared", "chunk": 3}])
def test_one_image_is_enough(way):
    expected = learned(made(), images_of(1), "textbook")
    assert_same(learned(made(**way), images_of(1), "ours"), expected, 1e-10)
    net = made(**way).eval()
    assert net(images_of(1, (4, 4))).maps.shape == (1, T, 2, 2)
    torch.testing.assert_close(net(images_of()).logits[:1], net(images_of(1)).logits, rtol=0, atol=1e-12)


def test_no_gradient_is_stopped():
    net = made(depthwise=True)
    net(images_of()).logits.square().sum().backward()
    assert all(value.grad.abs().max() > 0 for name, value in net.named_parameters())


def test_the_attention_loss_teaches_the_extractor_and_not_the_perception_branch():
    net = made()
    net(images_of()).extra["attention_logits"].square().sum().backward()
    learning = {name for name, value in net.named_parameters() if value.grad is not None and value.grad.abs().max() > 0}
    assert learning == {name for name, _ in net.named_parameters() if name.startswith(("extractor.", "branch."))}


@each("statistics", ["task", "sequential", "joint"])
def test_maps_and_answers_are_restored_from_the_state(statistics):
    net, other = (made(statistics=statistics, depthwise=True, seed=seed) for seed in (0, 1))
    net(images_of())
    expected = net.eval()(images_of())
    assert not torch.equal(other.eval()(images_of()).maps, expected.maps)
    other.load_state_dict(net.state_dict())
    found = other(images_of())
    assert torch.equal(found.maps, expected.maps)
    assert torch.equal(found.logits, expected.logits)


@each("way", [*WAYS, {"execution": "shared", "chunk": 3}])
@each("training", [True, False])
def test_works_under_bfloat16(way, training):
    net, images = made(dtype=torch.float32, **way).train(training), images_of(dtype=torch.float32)
    exact = copy.deepcopy(net)(images)
    before = {name: value.clone() for name, value in net.named_buffers()}
    with torch.autocast("cpu", torch.bfloat16):
        output = net(images)
        loss = output.logits.float().square().sum()
    after = {name: value.clone() for name, value in net.named_buffers()}
    loss.backward()
    for found, expected in ((output.logits, exact.logits), (output.maps, exact.maps)):
        assert (found.float() - expected).norm() < 0.05 * expected.norm()
    assert all(value.grad.isfinite().all() and value.grad.dtype == torch.float32 for value in net.parameters())
    assert all(torch.equal(value, after[name]) for name, value in net.named_buffers())
    moved = [name for name, value in after.items() if not torch.equal(value, before[name])]
    assert bool(moved) is training


@each(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 16, 16), r"images must be floats \(B, 3, H, W\) in \[0, 1\], got torch.float32 \(2, 1, 16, 16\)"),
        (torch.zeros(3, 16, 16), "images must be floats"),
        (torch.zeros(2, 3, 16, 16, dtype=torch.uint8), "images must be floats"),
        (torch.zeros(2, 3, 3, 16), "images of 3 x 16 px are smaller than the network's stride of 4 px"),
        (torch.zeros(1, 3, 4, 4), "one image of 4 x 4 px leaves one value per channel"),
    ],
)
def test_images_that_would_be_misread_are_refused(images, message):
    with pytest.raises(InputError, match=message) as caught:
        made(dtype=torch.float32)(images)
    assert "\n" not in str(caught.value)


@each(
    ("options", "message"),
    [
        ({"num_tasks": 0}, "num_tasks must be a whole number of at least 1 that fits 63 bits, got 0"),
        ({"pool": "min"}, "pool 'min' is unknown; there are max, average"),
        ({"maps": "relu"}, "maps 'relu' is unknown; there are raw, sigmoid"),
        ({"execution": "fast"}, "execution 'fast' is unknown; there are loop, fold, shared"),
        ({"head_units": 3}, "head_units must be 1 or 2, got 3"),
        ({"chunk": 0}, "chunk must be a whole number of at least 1 that fits 63 bits, got 0"),
        ({"chunk": 1.5}, "chunk must be a whole number"),
        ({"statistics": "batch"}, "statistics 'batch' are unknown; there are task, sequential, joint"),
        ({"statistics": "joint", "execution": "loop"}, "joint statistics need all tasks in one batch"),
        ({"statistics": "joint", "chunk": T - 1}, "joint statistics need all tasks in one batch"),
    ],
)
def test_bad_input_has_one_clear_line(options, message):
    with pytest.raises(InputError, match=message) as caught:
        made(**options)
    assert "\n" not in str(caught.value)


def test_backbones_without_a_residual_last_stage_are_refused():
    with pytest.raises(InputError, match="needs a residual last stage"):
        MultitaskAttentionBranchNet(T, vgg16(T, divisor=64, pools=2, side=1))
    with torch.device("meta"), pytest.raises(InputError, match="squeeze and excitation"):
        MultitaskAttentionBranchNet(T, "seresnet50")
    with pytest.raises(InputError, match="network 'vgg99' is unknown"):
        MultitaskAttentionBranchNet(T, "vgg99")
