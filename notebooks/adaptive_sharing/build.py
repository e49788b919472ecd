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
# # Build: a network that branches
#
# Who should share with whom? Lu et al. {cite:p}`lu2017` let a network find out while it trains. It begins thin and splits from the top
# down. This page builds every part of it: the thin network, the filters it starts with, the affinity of two tasks, the price of a branch,
# and the network that widens without changing its answers.

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to count the weights of VGG-16 and of any tree by hand, select filters by {term}`SOMP`, compute the
# {term}`affinity` of two tasks, choose the number of {term}`branches <branch>`, and widen a network without changing its answers.
#
# **You need** convolutions, the sigmoid, the mean, least squares, and a little PyTorch.
#
# **Scale** smoke: everything here runs on a laptop without a network connection. No training happens on this page.
# **Cost** of the runs on a CPU, as measured: see the
# [results page](../../book/results.md). No GPU is needed here.
# ```

# %% tags=["parameters"]
dataset: str = "celeba-twin"  # whose labels the last example uses; or celeba with root
root: str | None = None  # folder of the official files, for the real set
scale: str = "smoke"  # smoke, reduced or paper
seed: int = 0  # of weights and simulations

# %%
import math

import numpy as np
import torch
from mtattr.adaptive_sharing.affinity import (
    affinity_beyond_chance,
    chance_affinity,
    error_margins,
)
from mtattr.adaptive_sharing.initialise import filters_of, start_from_wide, start_low_rank
from mtattr.adaptive_sharing.layer import BranchedLayer
from mtattr.data import load_dataset
from mtattr.pages import show_source
from mtattr.plots import figure, tree_diagram

_ = torch.manual_seed(seed)

# %%
from mtattr import adaptive_sharing as sharing
from mtattr.adaptive_sharing import (
    LAYERS,
    BranchedVGG,
    ErrorAffinity,
    ThinVGG,
    Tree,
    branch_affinity,
    choose_branches,
    count_weights,
    fold_batch_norm,
    grouping_loss,
    low_rank_vgg16,
    separation_cost,
    somp,
    thin_widths,
    unit_cost,
    vgg16,
)

# %% [markdown]
# ## Thin
#
# VGG-16 {cite:p}`simonyan2015vgg` has thirteen convolutions in five blocks and two fully connected layers, fc6 and fc7. A
# {term}`thin model` has the same layers. It differs in one number, the thinness factor $\omega$: at most $\omega$ channels in a
# convolution, $2\omega$ in fc6 and fc7. One linear output for each task comes last.
#
# ### Figure 1
#
# The paper draws both networks on top of each other. So do we, from the live networks.


# %% tags=["hide-input"] mystnb={"image": {"alt": "Two outlines of bars, one for each layer from the image to fc7. The bars of VGG-16 grow from 64 to 4096 channels, those of thin-32 stay at 32 and 64."}}
with torch.device("meta"):  # shapes without numbers: this costs no memory
    wide, thin = vgg16(40), ThinVGG(40, omega=32)
fig, axis = figure(4.6, 4.4)
for net, color, name in ((wide, "#9ECAE1", "VGG-16"), (thin, "#08519C", "thin-32")):
    widths = [layer.outputs for layer in net.layers]
    axis.barh(range(len(LAYERS)), widths, color=color, label=name, height=0.8)
axis.set_yticks(range(len(LAYERS)), LAYERS, fontsize=9)
axis.set(xscale="log", xlim=(8, 8192), xlabel="channels")
axis.set_xticks([32, 64, 512, 4096], ["32", "64", "512", "4096"])
axis.grid(axis="x")
axis.legend(loc="lower right", fontsize=10)
_ = axis.set_title("Fig. 1: VGG-16 and thin-32", fontsize=11)

# %% [markdown]
# How small is thin? The paper's tables count weights, in millions. A convolution from $c$ to $c'$ channels has $9cc'$ of them. The map
# before fc6 is $7 \times 7$. So, for thin-32 and 40 tasks:
#
# | part | weights | |
# |---|---|---|
# | conv1_1 | 9 · 3 · 32 | 864 |
# | twelve more convolutions | 12 · 9 · 32 · 32 | 110,592 |
# | fc6 | 7 · 7 · 32 · 64 | 100,352 |
# | fc7 | 64 · 64 | 4,096 |
# | outputs | 64 · 40 | 2,560 |
# | sum | | 218,464 |

# %%
by_hand = 9 * 3 * 32 + 12 * 9 * 32 * 32 + 49 * 32 * 64 + 64 * 64 + 64 * 40
assert count_weights(thin) == by_hand == 218_464
with torch.device("meta"):
    counts = {name: count_weights(net) for name, net in (("thin-32", thin), ("VGG-16", wide))}
    counts["low-rank"] = count_weights(low_rank_vgg16(40))
for name, count in counts.items():
    print(f"{name:<10}{count:>13,} weights = {count / 1e6:.2f} million")

# %% [markdown]
# The paper prints 0.22, 134.41 and 4.52 million. All three agree, but only if biases are left out. *Low-rank* is the paper's compact
# baseline: each layer becomes a product of two, as in the exercise at the end.
#
# ## A layer and its branches
#
# Let $y^l = \sigma_l(\mathcal{P}_l(W^l)\, x^l)$ be a layer (Eq. 1). A layer at a {term}`junction` has several outputs on one input (Eq. 3):
#
# $$y_i^l = \sigma_l(\mathcal{P}_l(W_i^l)\, x^l) \quad \text{for } i \in [d]$$
#
# In the library one layer holds all its branches, and `parents` says which branch below each of them reads. Batch norm
# {cite:p}`ioffe2015bn` has no scale and no shift here, as in the released code.

# %%
show_source(BranchedLayer.forward, BranchedLayer._grouped, BranchedLayer._loop)

# %% [markdown]
# `_loop` is the textbook: one convolution after the other. `_grouped` computes them in one operation. Faster must not mean different:

# %%
layer = BranchedLayer(4, 8, (3, 3), parents=(0, 0, 1), padding=1)  # three branches on two
maps = torch.rand(5, 2 * 4, 10, 10)
gap = (layer._grouped(maps) - layer._loop(maps)).abs().max().item()
assert gap < 1e-5, gap
print("three branches of 8 channels:", tuple(layer(maps).shape), "both ways agree")

# %% [markdown]
# ## The tree
#
# The whole network is a {py:class}`Tree <mtattr.adaptive_sharing.tree.Tree>`: for every layer, the parents of its branches. Nothing else is
# stored, so a tree fits into a line of a run's record.
#
# ### Figure 2
#
# The paper shows seven tasks. At first all of them hang on one branch. The seven are grouped into three, and fc7 gets three branches. Then the
# three are grouped into two, and fc6 gets two. Each step looks at the {term}`junction` only.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three trees from left to right, each with seven leaves. First all leaves hang on one trunk. Then fc7 has three branches. Then fc6 has two branches below them."}}
trees = [Tree.trunk(7)]
trees.append(trees[-1].widen([[0, 1], [2, 3], [4, 5, 6]]))
trees.append(trees[-1].widen([[0, 1], [2]]))
top = LAYERS.index("conv5_3")
fig, axes = figure(6.4, 2.6, columns=3)
for axis, tree, title in zip(
    axes[0], trees, ("at first", "fc7 widened", "fc6 widened"), strict=True
):
    shown = tree.parents[top:]
    names = [*LAYERS[top:], "tasks"]
    tree_diagram(shown, [str(t + 1) for t in range(7)], names, title=title, axes=axis)
    axis.set_xlim(-0.3, len(names) + 1.5)

# %%
show_source(Tree.widen)

# %% [markdown]
# ## Widening changes nothing
#
# To widen layer $l-1$, each of the $c$ groups gets a copy of it (Eq. 4), and each branch above reads the copy of its group, $g(i)$ (Eq. 5):
#
# $$y_j^{l-1} = \sigma_{l-1}(\mathcal{P}_{l-1}(W_j^{l-1})\, x^{l-1}), \qquad
# y_i^l = \sigma_l(\mathcal{P}_l(W_i^l)\, y_{g(i)}^{l-1})$$
#
# All $W_j^{l-1}$ start equal to the old $W^{l-1}$. So nothing changes at first, and later each copy follows the tasks above it.

# %%
show_source(BranchedVGG.widen, BranchedLayer.take_branches)

# %%
net = BranchedVGG(Tree.trunk(7), thin_widths(8), input_size=32).double()
for _ in range(5):  # some batches, so that batch norm has statistics
    net.train()(torch.rand(16, 3, 32, 32, dtype=torch.float64))
images = torch.rand(16, 3, 32, 32, dtype=torch.float64)
before = {mode: net.train(mode)(images).logits.detach() for mode in (True, False)}
net.eval()
size = count_weights(net)
net.widen([[0, 1], [2, 3], [4, 5, 6]]).widen([[0, 1], [2]])
for mode in (False, True):
    gap = (net.train(mode)(images).logits - before[mode]).abs().max().item()
    print(f"{'training' if mode else 'evaluation'} mode: outputs agree, {gap < 1e-12}")
    assert gap < 1e-12, gap
print(f"{size:,} weights became {count_weights(net):,}; branches a layer {net.tree.copies}")
extra = 2 * 16 * 16 + 1 * 8 * 16  # two more fc7, one more fc6 (1 x 1 maps at 32 px)
assert count_weights(net) == size + extra

# %% [markdown]
# Evaluation mode needs care: batch norm of the copies must take the running statistics along. The released code starts them anew.
#
# ## Algorithm 2
#
# Where do the first weights come from? From a large network that is already trained. Let $W$ hold a filter in each row. We want $d'$ of its rows,
# indexed by a set $\omega$ (not the thinness factor), of which the others are combinations as closely as can be (Eq. 2; $p$: pretrained, $l$: the layer, $d$:
# its number of filters):
#
# $$A^*, \omega^*(l) = \arg\min_{A \in \mathbb{R}^{d \times d'},\, |\omega| = d'} \big\| W^{p,l} - A\, W^{p,l}_\omega \big\|_F$$
#
# Trying all choices is hopeless. {term}`SOMP` {cite:p}`tropp2006somp` is greedy: it picks the row, scaled to length one, whose products with all
# residuals have the largest 2-norm, as in the released code. Then it fits all rows to the picked ones by least squares, and goes on with what is left.
# Rows are here both what is to be explained and what explains. So the library never stores residuals: it keeps the table of all products between rows and
# updates it after each pick.

# %%
show_source(somp)

# %% [markdown]
# Four filters by hand. The first two are nearly the same.
#
# | row | filter | products with all rows | their 2-norm | by its length |
# |---|---|---|---|---|
# | 0 | (3, 0) | 9, 9, 0, 6 | 14.07 | 4.69 |
# | 1 | (3, 1) | 9, 10, 2, 8 | 15.78 | 4.99 |
# | 2 | (0, 2) | 0, 2, 4, 4 | 6 | 3 |
# | 3 | (2, 2) | 6, 8, 4, 8 | 13.42 | 4.74 |
#
# Row 1 wins. What it cannot explain is at a right angle to it, so the second pick is the row that points most in that direction, in the
# sum over all residuals: row 2.

# %%
filters = torch.tensor([[3.0, 0.0], [3.0, 1.0], [0.0, 2.0], [2.0, 2.0]])
gain = (filters @ filters.T).norm(dim=0) / filters.norm(dim=1)
print("first gains", [round(v, 2) for v in gain.tolist()])
picks = somp(filters, 2).tolist()
print("picks", picks)
assert picks == [1, 2]


# %% [markdown]
# A slow form shares no code with it: real least squares after every pick.


# %%
def somp_by_least_squares(rows: np.ndarray, k: int) -> list[int]:
    length, picks = np.linalg.norm(rows, axis=1), []
    residual = rows
    for _ in range(k):
        gain = np.linalg.norm(residual @ rows.T, axis=0) / length
        gain[picks] = -1
        picks.append(int(gain.argmax()))
        fit, *_ = np.linalg.lstsq(rows[picks].T, rows.T, rcond=None)
        residual = rows - (rows[picks].T @ fit).T
    return picks


for shape, k in (((40, 60), 12), ((64, 27), 20), ((30, 8), 8)):
    rows = torch.randn(shape, dtype=torch.float64)
    assert somp(rows, k).tolist() == somp_by_least_squares(rows.numpy(), k)
print("three random matrices: the same picks in the same order")

# %% [markdown]
# Layer by layer, then (Algorithm 2): select filters, copy them, and drop the columns of the next layer that belong to filters not selected.

# %%
show_source(start_from_wide)

# %% [markdown]
# One trap. A filter of conv1_1 has $3 \cdot 3 \cdot 3 = 27$ numbers. Any 27 that are independent explain all 64 without a rest, so Eq. 2 does not
# say what the picks from 28 to 32 of thin-32 are. The library then takes the longest of those left; the released code draws at random.

# %%
rows = torch.randn(64, 27)
picks = somp(rows, 32)
left = [i for i in rows.norm(dim=1).argsort(descending=True).tolist() if i not in picks[:27]]
assert picks[27:].tolist() == left[:5]
assert len(picks.unique()) == 32
print("27 picks by gain, then by length:", picks[27:].tolist())

# %% [markdown]
# ## Who finds the same images hard
#
# Two tasks may share if they are easy and difficult on the same images. The {term}`margin` of task $i$ on image $n$ is $m_i^n = |t_i^n - s_i^n|$,
# label minus probability. The image is *difficult* for the task if its margin is at least the task's mean margin: $e_i^n = \mathbf{1}_{m_i^n \ge
# \mathbb{E}\{m_i\}}$. The affinity is the probability that they agree (Eq. 6):
#
# $$A(i, j) = \mathbb{E}\{e_i^n e_j^n + (1 - e_i^n)(1 - e_j^n)\}$$
#
# Four images, three tasks:
#
# | image | $m_1$ | $m_2$ | $m_3$ | $e_1$ | $e_2$ | $e_3$ |
# |---|---|---|---|---|---|---|
# | 1 | 0.9 | 0.4 | 0.1 | 1 | 1 | 0 |
# | 2 | 0.1 | 0.1 | 0.2 | 0 | 0 | 0 |
# | 3 | 0.1 | 0.3 | 0.8 | 0 | 1 | 1 |
# | 4 | 0.1 | 0.0 | 0.1 | 0 | 0 | 0 |
# | mean | 0.3 | 0.2 | 0.3 | | | |
#
# Tasks 1 and 2 agree on images 1, 2 and 4: $A(1,2) = 3/4$. Tasks 1 and 3 agree on 2 and 4, $A(1,3) = 1/2$, and $A(2,3) = 3/4$.

# %%
margins = torch.tensor([[0.9, 0.4, 0.1], [0.1, 0.1, 0.2], [0.1, 0.3, 0.8], [0.1, 0.0, 0.1]])
affinity = ErrorAffinity(num_tasks=3, decay=0.0)  # remember the last batch only
affinity.update(margins)  # the first batch: no mean yet
affinity.update(margins)
by_hand = torch.tensor([[1, 0.75, 0.5], [0.75, 1, 0.75], [0.5, 0.75, 1]], dtype=torch.float64)
assert torch.equal(affinity.matrix, by_hand)
print(affinity.matrix)

# %% [markdown]
# The network changes all the time, so each training batch counts less with every later one. The averages are divided by the weight that they hold.
# That is all the method needs: it looks at the very batches it trains on.

# %%
show_source(error_margins, ErrorAffinity.update)

# %% [markdown]
# A branch has several tasks. The affinity of two branches takes, for each task of one, the *least* affinity to the other, and the mean of these (Eq.
# 7); the other way round (Eq. 8); and the mean of both. With the tasks above, for the branches $\{1, 2\}$ and $\{3\}$: one way $(0.5 + 0.75)/2 =
# 0.625$, the other way $\min(0.5, 0.75) = 0.5$, so $0.5625$.

# %%
branches = branch_affinity(by_hand, [[0, 1], [2]])
print(branches)
assert math.isclose(branches[0, 1], 0.5625)
assert math.isclose(branches[0, 0], 0.75)  # a branch of two tasks is not quite like itself

# %% [markdown]
# ## A trap: agreement by chance
#
# Suppose two tasks have nothing to do with each other. An image is difficult for a share $p_1$ and $p_2$. They still agree on
# $p_1 p_2 + (1-p_1)(1-p_2)$ of the images. If both are rare, 0.05 say, that is 0.905. If both are difficult for half of the images, it is 0.5. So rare
# attributes look alike, whatever they show. The paper has no correction. One is well known, {term}`Cohen's kappa`: how much of the room above chance is used.

# %%
p = torch.tensor([0.05, 0.05, 0.5, 0.5], dtype=torch.float64)
draws = torch.rand(200_000, 4, dtype=torch.float64) < p  # four tasks that ignore each other
agree = (draws[:, :, None] == draws[:, None, :]).double().mean(0)
assert torch.allclose(agree.triu(1), chance_affinity(p).triu(1), atol=0.01)
print("affinity of unrelated tasks, two rare and two not")
for row in agree.fill_diagonal_(1).tolist():
    print("  ", "  ".join(f"{v:.2f}" for v in row))
kappa = affinity_beyond_chance(agree, p)
assert kappa.triu(1).max() < 0.02
print(f"beyond chance: at most {kappa.triu(1).max():.2f}")

# %% [markdown]
# Keep this in mind when you see a group of attributes that do not seem to belong together. The [last page](evaluate.ipynb) measures it.
#
# ## The price of a branch
#
# How many groups? Few groups put unlike tasks together, many groups cost weights. For a grouping $g_d$ into $d$ groups, the loss at layer $l$ is (Eq. 9)
#
# $$L^l(g_d) = (d - 1)\, L_0\, 2^{p_l} + \alpha\, L_s(g_d)$$
#
# $p_l$ counts the poolings above the layer, so a branch is dearer near the image. $\alpha$ is the {term}`branching factor`. $L_s$ is the
# {term}`separation cost`, the mean over groups of one minus the least affinity inside (Eq. 10 and 11):
#
# $$L_s^i(g_d) = 1 - \operatorname*{mean}_{k \in g^{-1}(i)} \min_{l \in g^{-1}(i)} A_b(k, l), \qquad L_s(g_d) = \frac{1}{d} \sum_{i \in [d]} L_s^i(g_d)$$
#
# $L_0$ is the unit cost of a branch. The paper gives no value; the released code has 1/64. The paper now writes $d$ for the number of groups, which was $c$
# above, and $[d]$ for the numbers 1 to $d$.

# %%
show_source(unit_cost, separation_cost, grouping_loss, choose_branches)

# %% [markdown]
# Three tasks with the affinities above, $\alpha = 1$, at the top of the network, where a branch costs 1/64 = 0.0156:
#
# | groups | separation cost | branches | loss |
# |---|---|---|---|
# | {1, 2, 3} | 1 − (0.5 + 0.75 + 0.5)/3 = 0.4167 | 0 | 0.4167 |
# | {1, 2}, {3} | (0.25 + 0)/2 = 0.125 | 0.0156 | 0.1406 |
# | {1}, {2}, {3} | 0 | 0.0312 | 0.0312 |
#
# Three branches win. Were a branch 16 times as dear, as in conv2, the losses would be 0.4167, 0.375 and 0.5, and two would win.

# %%
for layer in ("fc7", "conv5_3", "conv2_2"):
    cost = unit_cost(LAYERS.index(layer))
    groups = choose_branches(by_hand, cost, alpha=1.0)
    loss = grouping_loss(by_hand, groups, cost, alpha=1.0)
    print(f"{layer:<8} a branch costs {cost:.4f}: {len(groups)} groups, loss {loss:.4f}")
assert choose_branches(by_hand, 1 / 64, 1.0) == [[0], [1], [2]]
assert len(choose_branches(by_hand, 16 / 64, 1.0)) == 2

# %% [markdown]
# For each number of groups, the grouping comes from {term}`spectral clustering`.
#
# ## Algorithm 1
#
# Now all parts are there. The search of the paper, in our words:
#
# 1. Make the thin network; fill it by Algorithm 2 if there is a large one.
# 2. Train for some iterations, 1,000 in the paper. Note the affinities from these very batches.
# 3. Group the branches at the junction, as many groups as Eq. 9 says.
# 4. One group? Then the tree is final: train it to the end.
# 5. Else widen the layer below, one copy for each group, and go to 2. The junction is now one layer lower.
#
# The library's search does this, and remembers after each decision where it is.

# %%
show_source(sharing.search)

# %% [markdown]
# Without a network, from the labels alone, one can play a search through. Take a network that gives each image the {term}`base rate` of each task: its
# margins depend on the labels alone. What would it group?

# %% tags=["hide-input"] mystnb={"image": {"alt": "A tree of forty face attributes grown from labels alone, with the share of images that have each attribute beside its name. Rare attributes hang on one large branch."}}
labels = load_dataset(dataset, "train", root=root, image_size=16, limit=4000).labels
names = load_dataset(dataset, "train", root=root, image_size=16, limit=4000).tasks.names
rates = labels.mean(0)
play = ErrorAffinity(len(names))
for batch in labels.split(32):
    play.update((batch - rates).abs())
grown = Tree.trunk(len(names))
for at in range(15, 12, -1):
    affinities = branch_affinity(play.matrix, grown.tasks_of(at))
    grown = grown.widen(choose_branches(affinities, unit_cost(at - 1), alpha=2.0, seed=seed))
lowest = grown.junction
words = [f"{name.replace('_', ' ')}, {rate:.2f}" for name, rate in zip(names, rates, strict=True)]
about = f"{dataset}{' (generated)' if dataset.endswith('-twin') else ''}"
axis = tree_diagram(
    grown.parents[lowest:],
    words,
    [*LAYERS[lowest:], "tasks"],
    title=f"From labels alone: {about}",
)
axis.set_xlim(-0.2, 11)
_ = axis.figure.set_size_inches(4.8, 7.2)

# %% [markdown]
# The number beside each name is its base rate. Rare attributes end up together. This is the trap from above, at work.
# Other branches make sense, though no network has seen an image. So a group that makes sense is no proof of learning.
#
# ## Fast at the end
#
# Batch norm is there for training. In evaluation mode it multiplies and shifts by fixed numbers, and these can go into the weights (Sec. 4.5). All speeds
# are measured on such folded networks.

# %%
show_source(fold_batch_norm, BranchedLayer.fold, sharing.layer.folded_into)

# %%
net.eval()
folded = fold_batch_norm(net)
with torch.no_grad():
    gap = (folded(images).logits - net(images).logits).abs().max().item()
assert gap < 1e-4, gap
print(
    "folded: same answers,",
    sum(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules()),
    "batch norms left",
)

# %% [markdown]
# ## Take away
#
# - A layer with branches is one tensor and a list of parents. The whole architecture is a list of lists.
# - Copying a layer changes no output; only different gradients tell the copies apart. Mind the batch norm.
# - Rows that stand for all rows can be found greedily, by updates of one table of products.
# - An agreement means little until you know the agreement by chance.
#
# ## Exercises
#
# **1.** The paper's Branch-32-1.0 has 1.49 million weights; its tree is not printed. Take 1, 1, 1, 1, 4, 4, 4, 6, 6, 6, 8, 8, 8, 9 and 13 branches from
# conv1_1 to fc7, a tree of ours. Why has a layer with $n$ branches $n$ times the weights of one? Count all weights, and compare.

# %% tags=["hide-cell", "solution"]
copies = (1, 1, 1, 1, 4, 4, 4, 6, 6, 6, 8, 8, 8, 9, 13)
weights = [864, *[9_216] * 12, 100_352, 4_096]
total = sum(n * w for n, w in zip(copies, weights, strict=True)) + 64 * 40
print(f"{total:,}")
assert round(total / 1e6, 2) == 1.49

# %% [markdown]
# Every branch has one parent, so its input has as many channels as ever.
#
# **2.** The low-rank baseline writes a layer as two: $W \approx U_r S_r V_r^T$. Fill one by the library and check that the product of its factors is the
# best approximation of rank 4 of the layer, by the singular values that it leaves out.

# %% tags=["hide-cell", "solution"]
source = BranchedVGG(Tree.trunk(5), [16] * 13 + [32, 32], input_size=32)
low = sharing.LowRankVGG(5, [16] * 13 + [32, 32], ranks=[4] * 15, output_rank=4, input_size=32)
wide_filters = filters_of(source)
start_low_rank(low, wide_filters)
original = wide_filters[5][0].flatten(1)
product = low.layers[5].combine.weight.flatten(1) @ low.layers[5].basis.weight.flatten(1)
left_out = torch.linalg.svdvals(original)[4:].square().sum().sqrt()
error = (original - product).norm()
print(f"error {error:.4f}, left out {left_out:.4f}")
assert torch.isclose(error, left_out, rtol=1e-4)

# %% [markdown]
# **3.** A branch near the image costs 32/64. With $\alpha = 2$, by how much must the separation cost fall so that a second branch in conv1 pays?

# %% tags=["hide-cell", "solution"]
needed = unit_cost(LAYERS.index("conv1_2")) / 2.0
print(f"by more than {needed}")
assert needed == 0.25

# %% [markdown]
# **Read next:** the [training page](train.ipynb) watches a search. {cite:t}`vonluxburg2007spectral` explains spectral clustering.
