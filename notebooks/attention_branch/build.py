# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Build: a branch that looks
#
# A classifier looks at the whole image. {cite:t}`fukui2019` give it a second branch that draws a map of what matters, and let the
# map multiply the features. The map is used and shown at once: attention and explanation are the same numbers. This page builds all parts.

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to cut a network into extractor, attention branch and perception branch, compute both forms of
# attention by hand, say where the map comes from in the text and in the released code, count the parameters of the networks of the
# paper, and draw an {term}`explanation map` without lying about its range.
#
# **You need** convolutions, residual blocks, the sigmoid, cross-entropy, and a little PyTorch.
#
# **Scale** smoke: everything here runs on a laptop without a network connection. No training happens on this page.
# **Cost** of the runs on a CPU, as measured: see the
# [results page](../../book/results.md). No GPU is needed here.
# ```

# %% tags=["parameters"]
dataset: str = (
    "cluttered-digits"  # whose images the examples use; or cifar10, cifar100, svhn with root
)
root: str | None = None  # folder of the official files, for the real set
scale: str = "smoke"  # smoke, reduced or paper
seed: int = 0  # of weights and simulations

# %%
import torch
import torch.nn.functional as F
from mtattr.attention_branch import attention_branch_loss
from mtattr.attention_branch.sizes import load_splits
from mtattr.evaluation import class_activation_maps, count_parameters, grad_cam
from mtattr.evidence import Table, load_paper
from mtattr.pages import show_source, show_table
from mtattr.plots import block_diagram, figure, image_grid, map_overlay
from mtattr.tasks import Task, TaskSet

_ = torch.manual_seed(seed)

# %%
from mtattr.attention_branch import (
    AttentionBranch,
    AttentionBranchNet,
    AttentionBranchResNet,
    BaselineNet,
    apply_attention,
    cifar_resnet,
    densenet,
    imagenet_resnet,
    resnext,
    wide_resnet,
)
from mtattr.attention_branch.parts import Parts
from mtattr.attention_branch.residual import residual_parts

# %% [markdown]
# ## Figure 1
#
# A {term}`class activation map` (CAM, {cite:p}`zhou2016cam`) replaces the end of a network: a convolution gives one map for each class, and the mean of the map
# is the class's score. The map explains, but it does nothing else. In the Attention Branch Network a map of the same kind goes back into the network.

# %% tags=["hide-input"] mystnb={"image": {"alt": "A diagram of blocks, class activation mapping: image, extractor, last stage with stride 1, a map for each class, mean, scores."}}
blocks = {"image": (0.5, 0.06), "extractor": (0.5, 0.28), "last stage\nstride 1": (0.5, 0.5)}
blocks |= {"a map for\neach class": (0.5, 0.72), "mean: scores": (0.5, 0.94)}
_ = block_diagram(
    blocks,
    list(zip(blocks, list(blocks)[1:], strict=False)),
    title="Class activation mapping",
    axes=figure(3.4, 4.0)[1],
)

# %% tags=["hide-input"] mystnb={"image": {"alt": "A diagram of blocks, the attention branch network: the extractor feeds the attention branch, whose responses give scores and a map; the map multiplies the extractor's features, which the perception branch reads and answers."}}
branches = {"image": (0.5, 0.06), "extractor g": (0.5, 0.26), "attention\nbranch": (0.12, 0.5)}
branches |= {"responses": (0.12, 0.72), "scores": (0.12, 0.94), "map M": (0.45, 0.62)}
branches |= {"(1 + M) g": (0.85, 0.5), "perception\nbranch": (0.85, 0.74), "answer": (0.85, 0.94)}
axis = figure(4.0, 4.0)[1]
ways = [
    ("image", "extractor g"),
    ("extractor g", "attention\nbranch"),
    ("extractor g", "(1 + M) g"),
]
ways += [("attention\nbranch", "responses"), ("responses", "scores")]
ways += [("(1 + M) g", "perception\nbranch"), ("perception\nbranch", "answer")]
_ = block_diagram(branches, ways, title="Attention branch network", axes=axis)
for start, end in (((0.24, 0.72), (0.36, 0.64)), ((0.54, 0.6), (0.72, 0.52))):  # the map's way
    axis.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": "#D55E00", "lw": 2})

# %% [markdown]
# ## Three parts
#
# Any classifier with stages can be cut: what comes before the last stage is the *extractor*, the last stage and the linear layer are
# the {term}`perception branch`. The {term}`attention branch` begins with a second copy of the last stage, with one change: stride 1, so that the map keeps the
# resolution of the features it will multiply.

# %%
show_source(Parts, cifar_resnet, residual_parts)

# %%
images = torch.rand(2, 3, 32, 32)
parts = cifar_resnet(20, num_classes=10)
g = parts.extractor(images)
for name, value in (
    ("features g", g),
    ("attention stage", parts.attention(g)),
    ("perception stage", parts.perception(g)),
    ("logits", parts.top(parts.perception(g))),
):
    print(f"{name:<18}{tuple(value.shape)}")
assert parts.attention(g).shape[2:] == g.shape[2:] == (16, 16)

# %% [markdown]
# ## Figure 2
#
# The branch ends in a small head. With $K$ classes, the text describes a $1 \times 1$ convolution to $K$ response maps, whose mean is the score, and
# another one from these $K$ maps to the one map $M$, through a sigmoid. The released code does more, and with it the paper's numbers were made, as its first
# author says in the repository: batch norm, a second convolution for the scores, and $3 \times 3$ for the map.

# %%
show_source(AttentionBranch)

# %% [markdown]
# The map comes from the responses *before* the second convolution. So changing the scores' convolution does not change the map:

# %%
branch = AttentionBranch(parts.attention, parts.attention_channels, num_classes=10).eval()
with torch.no_grad():
    before = branch(g)
    branch.score.weight.zero_()
    after = branch(g)
assert torch.equal(before.maps, after.maps)
assert not torch.equal(before.logits, after.logits)
print(
    f"map {tuple(before.maps.shape)} from {before.maps.min():.2f} to {before.maps.max():.2f}, always in (0, 1)"
)

# %% [markdown]
# ## Equations 1 and 2
#
# The map multiplies all channels alike. Either the product replaces the features, or it is added to them:
#
# $$g'_c(x) = M(x) \cdot g_c(x) \qquad (1) \qquad\qquad g'_c(x) = (1 + M(x)) \cdot g_c(x) \qquad (2)$$
#
# With a sigmoid, Eq. 1 can only weaken features, to zero at worst. Eq. 2 can only strengthen them, to twice their size at most: nothing is ever lost. One channel, four
# positions:
#
# | position | 1 | 2 | 3 | 4 |
# |---|---|---|---|---|
# | $g$ | 2 | −1 | 4 | 3 |
# | $M$ | 0 | 0.5 | 1 | 0.1 |
# | Eq. 1: $Mg$ | 0 | −0.5 | 4 | 0.3 |
# | Eq. 2: $(1 + M)g$ | 2 | −1.5 | 8 | 3.3 |

# %%
show_source(apply_attention)

# %%
features = torch.tensor([2.0, -1, 4, 3]).view(1, 1, 2, 2)
maps = torch.tensor([0.0, 0.5, 1, 0.1]).view(1, 1, 2, 2)
for residual, by_hand in ((False, [0, -0.5, 4, 0.3]), (True, [2, -1.5, 8, 3.3])):
    result = apply_attention(features, maps, residual=residual).flatten()
    assert torch.allclose(result, torch.tensor(by_hand))
    print(f"Eq. {1 + residual}: {[round(v, 2) for v in result.tolist()]}")

# %% [markdown]
# ## Equation 3
#
# Both branches answer the same question, and both are told when they are wrong: $L = L_{att} + L_{per}$. No gradient is stopped. So the attention branch learns from
# its own loss, and also, through $M$, from the loss of the perception branch. The whole network:

# %%
show_source(AttentionBranchNet.forward, attention_branch_loss)

# %%
net = AttentionBranchResNet(20, num_classes=10)
labels = torch.tensor([[3.0], [7.0]])
task = TaskSet([Task("class", "categorical", tuple("0123456789"))])
output = net.train()(images)
loss = attention_branch_loss(output.logits, output.extra["attention_logits"], labels, task)
by_hand = sum(
    F.cross_entropy(logits, torch.tensor([3, 7]))
    for logits in (output.logits, output.extra["attention_logits"])
)
assert torch.allclose(loss, by_hand)
to_map = net.branch.to_map[0].weight
(through_perception,) = torch.autograd.grad(
    F.cross_entropy(output.logits, labels[:, 0].long()), to_map
)
assert through_perception.abs().sum() > 0
print(
    "the loss is the sum of both, and the perception branch's loss reaches the map's convolution"
)

# %% [markdown]
# ## What it costs
#
# Our networks, counted on a device that stores no numbers, against counts of the released code. All must be equal.

# %%
KINDS = {
    "ResNet20": (lambda k: cifar_resnet(20, k), 100),
    "ResNet44": (lambda k: cifar_resnet(44, k), 100),
    "ResNet110": (lambda k: cifar_resnet(110, k), 100),
    "WRN-28-10": (wide_resnet, 100),
    "DenseNet-BC": (densenet, 100),
    "ResNeXt-29": (resnext, 100),
    "ResNet101": (lambda k: imagenet_resnet("resnet101", k), 1000),
}
rows, counted = [], {}
with torch.device("meta"):
    for name, (make, k) in KINDS.items():
        without = count_parameters(BaselineNet(make(k)))
        extra = count_parameters(AttentionBranchNet(make(k), k).branch)
        counted[name] = (without, extra)
        rows.append({"network": name, "without": f"{without:,}", "branch": f"{extra:,}"})
        rows[-1]["more"] = f"{extra / without:.0%}"
show_table(Table("Parameters, at the paper's size", tuple(rows[0]), tuple(rows)))

# %%
printed = load_paper("attention_branch").table("parameters")
names = {name: next(row for row in printed.rows if row.startswith(name)) for name in counted}
for name, row in names.items():
    assert counted[name] == tuple(
        printed.value(row, c) for c in ("baseline", "attention_branch")
    ), name
print("equal to the released code:", ", ".join(counted))

# %% [markdown]
# On the ResNets of CIFAR the branch adds more than three quarters. So a fair question is whether a network without attention, but as large, would
# be as good. The paper does not ask it. [We do](evaluate.ipynb).
#
# ## Three maps
#
# How else could one explain? A {term}`class activation map` needs a network that ends in a mean. {term}`Grad-CAM` {cite:p}`selvaraju2017gradcam` needs only gradients: it weighs
# each channel by its mean gradient and keeps what speaks *for* the class. For a network that ends in a mean and a linear layer Grad-CAM is the positive part of the class activation
# map, up to a factor. One line of algebra: the gradient of $\sum_c w_c\, \frac{1}{hw} \sum_p f_c(p)$ at every position is $w_c / hw$.

# %%
plain = BaselineNet(cifar_resnet(20, num_classes=10)).eval()
answer = plain(images)
cam = class_activation_maps(answer.extra["features"], plain.top[2].weight)
gradient = grad_cam(answer.extra["features"], answer.logits)
gap = (gradient - cam.relu() / (8 * 8)).abs().max()
assert gap < 1e-6
assert torch.allclose(cam.mean((2, 3)) + plain.top[2].bias, answer.logits, atol=1e-5)
print(
    "Grad-CAM is the positive part of the class activation map, divided by the number of positions"
)

# %% [markdown]
# A map of attention is another thing. It is made *before* the answer, it is the same for all classes, and the network depends on it.
#
# ## Drawing a map
#
# A map has a range. The released code for faces cuts negative values to zero, and the one for photographs undoes the image's normalisation by a wrong formula, as the errata tell. The library has
# one function for all maps. It undoes the image's normalisation, blends image and map, and its bar shows the raw range.

# %%
show_source(map_overlay)

# %% mystnb={"image": {"alt": "Four small colourful pictures of handwritten digits in front of clutter, each under its class."}}
data = load_splits(dataset, scale, root=root)
test = data["test"]
about = f"{dataset}{' (generated)' if test.generated else ''}, scale: {scale}"
some = test.images[:4]
answers = [f"class {test.tasks[0].values[int(k)]}" for k in test.labels[:4, 0]]
_ = image_grid(some, answers, size=1.5, title=about)

# %% [markdown]
# Random weights, so the map means nothing yet. That is what nothing looks like: note the narrow range on the bar.

# %% tags=["hide-input"] mystnb={"image": {"alt": "The same four images under the map of a network with random weights, each with a bar of its raw range."}}
fresh = AttentionBranchResNet(20, num_classes=test.tasks.num_units).train()
fresh(some.float() / 255)  # a first batch, so that batch norm has statistics
with torch.no_grad():
    untrained = fresh.eval()(some.float() / 255).maps[:, 0]
fig, axes = figure(6.6, 1.9, columns=4)
for axis, image, map_ in zip(axes[0], some, untrained, strict=True):
    map_overlay(image, map_, axes=axis)
_ = fig.suptitle(f"Maps before training, {about}", fontsize=11)
assert (untrained > 0).all()
assert (untrained < 1).all()

# %% [markdown]
# ## Any size
#
# The released networks pool a window of fixed size, so they take images of one size. Ours adapt. CompCars images are 224 high and 323 wide:

# %%
with torch.device("meta"):
    cars = AttentionBranchNet(imagenet_resnet("resnet101", 431), 431).eval()
    shapes = {size: cars(torch.rand(1, 3, *size)).maps.shape for size in ((224, 224), (224, 323))}
for size, shape in shapes.items():
    print(f"{size[0]} x {size[1]} px: map {shape[2]} x {shape[3]}")
assert shapes[224, 323][2:] == (14, 21)

# %% [markdown]
# ## Take away
#
# - A network cut in three can give baseline, class activation mapping and attention from the same parts. Then they differ in nothing else.
# - Eq. 2 can only strengthen features. A map of zeros gives back the plain network.
# - The text and the code differ in the map's head. Know which one made the numbers.
# - A branch costs parameters. Count them before you praise the idea.
#
# ## Exercises
#
# **1.** ResNet-110 of the released code has bottleneck blocks, but as many of them as the name promises basic ones. How many weight layers does it really have?

# %% tags=["hide-cell", "solution"]
blocks = (110 - 2) // 6
layers = 1 + 3 * blocks * 3 + 1
print(f"3 stages x {blocks} blocks x 3 convolutions, first and last layer: {layers}")
assert layers == 164

# %% [markdown]
# **2.** For which map does Eq. 1 give the plain network's features? For which does Eq. 2?

# %% tags=["hide-cell", "solution"]
assert torch.equal(apply_attention(features, torch.ones_like(maps), residual=False), features)
assert torch.equal(apply_attention(features, torch.zeros_like(maps), residual=True), features)
print("Eq. 1: ones, which a sigmoid never reaches; Eq. 2: zeros, which it never reaches either")

# %% [markdown]
# **3.** The head has $D$ input channels and $K$ classes. Count its parameters by hand, for $D = 64$ and $K = 100$: batch norms have two numbers a channel, and
# no convolution has a bias.

# %% tags=["hide-cell", "solution"]
d, k = 64, 100
head = 2 * d + d * k + 2 * k + k * k + 9 * k + 2
with torch.device("meta"):
    stage = count_parameters(cifar_resnet(20, 100).attention)
    whole = count_parameters(AttentionBranchResNet(20, 100).branch)
print(f"{head:,} of the branch's {whole:,}; the rest is the copied stage")
assert head + stage == whole == 223_326

# %% [markdown]
# **Read next:** the [training page](train.ipynb) teaches a branch where to look. {cite:t}`zhou2016cam` is where the idea of the map comes from.
