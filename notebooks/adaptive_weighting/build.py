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
# # Build: weights that follow the loss
#
# A network with forty answers has forty losses. Their sum treats all alike.
# He et al. {cite:p}`he2017` give each loss a weight, and let the weights follow what happens on validation images during training.
# This page builds their networks and their two algorithms, checks both by hand, and asks what the weights really measure.

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to write the three losses, run the {term}`validation loss trend` on paper, prove that its two factors are
# one, and say how much of a weight is chance.
#
# **You need** linear layers, square error, the mean and the standard deviation, and a little PyTorch.
# The page [what an attribute is](../data/attributes.ipynb) helps.
#
# **Scale** smoke: everything here runs on a laptop without a network connection. No training happens on this page.
# **Cost** of the runs on a CPU, as measured: see the
# [results page](../../book/results.md). No GPU is needed here.
# ```

# %% tags=["parameters"]
dataset: str = "celeba-twin"  # or market1501-twin, duke-twin; with root celeba, market1501, duke
root: str | None = None  # folder of the official files, for the real sets
scale: str = "smoke"  # smoke, reduced or paper
seed: int = 0  # of weights, simulations and drawn batches

# %%
from itertools import pairwise

import torch
from mtattr import adaptive_weighting as aw
from mtattr.adaptive_weighting import ValidationLossTrend, change_weights, two_factor_weights
from mtattr.adaptive_weighting.analysis import noise_floor
from mtattr.adaptive_weighting.loss import square_error
from mtattr.adaptive_weighting.network import SeparateNets, StackedSeparateNets, stack
from mtattr.adaptive_weighting.trend import WindowedWeights
from mtattr.data import load_dataset
from mtattr.evaluation import count_parameters, task_floor
from mtattr.nets import MultiTaskNet, build_backbone
from mtattr.pages import show_source
from mtattr.plots import block_diagram, figure
from mtattr.tasks import Task, TaskSet
from mtattr.training import RunSpec, plan_for
from mtattr.training.device import open_fabric
from mtattr.training.steering import steering_losses

_ = torch.manual_seed(seed)

# %% [markdown]
# ## Why weights
#
# Some attributes are easier than others. Fig. 1 of the paper shows a hat and a smile: a hat is large, a smile is a few pixels.
# Here is such a pair of pairs. Each time the left picture has the attribute and the right one has not.


# %% tags=["hide-input"]
def sharp_images(name: str, root: str | None = None):
    """Two hundred pictures of a set, without those that are labelled blurry."""
    shape = (131, 107) if name.startswith("celeba") else (160, 80)
    data = load_dataset(name, "train", root=root, image_size=shape, limit=200)
    if "Blurry" not in data.tasks.names:
        return data
    return data.subset((data.labels[:, data.tasks.index("Blurry")] == 0).nonzero().flatten())


def draw_pairs(axes, data, names: list[str]) -> None:
    """One row of pairs: orange frame = has the attribute, blue frame = has not."""
    for i, axis in enumerate(axes):
        turn, answer = divmod(i, 2)  # answer 0 = yes, 1 = no
        label = data.labels[:, data.tasks.index(names[turn])]
        found = (label == 1 - answer).nonzero().flatten()
        row = found[turn * (1, 20)[answer] % len(found)]  # further on for each turn
        axis.imshow(data.images[row].permute(1, 2, 0).numpy())
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set(visible=True, color=("#D55E00", "#0072B2")[answer], linewidth=2.5)
        words = names[turn].removeprefix("Wearing_").replace("_", " ").lower()
        axis.set_title("without" if answer else words, fontsize=9, loc="center")


# %% tags=["hide-input"] mystnb={"image": {"alt": "Four pictures side by side: with and without a hat, with and without a smile. The hat covers a large part of the picture, the smile a small one."}}
faces = dataset.startswith("celeba")
data = sharp_images(dataset, root)
easy_hard = ["Wearing_Hat", "Smiling"] if faces else ["backpack", "handbag"]
about = f"{dataset}{' (generated data)' if data.generated else ''}"
fig, axes = figure(4.6, 2.3 if faces else 3.2, columns=4)
draw_pairs(axes[0], data, easy_hard)
floors = task_floor(data.labels, data.tasks)
noise = data.facts.get("label_noise", {})  # only the twin of CelebA knows
for axis, name in zip(axes[0, ::2], easy_hard, strict=True):
    room = f"floor {floors[data.tasks.index(name)]:.3f}"
    room += f"\nceiling {1 - noise[name]:.3f}" if name in noise else ""
    axis.set_xlabel(room, fontsize=9, loc="left")
_ = fig.suptitle(f"Large sign, small sign: {about}", x=0.02, ha="left", fontsize=11)

# %% [markdown]
# The paper calls this difference obvious. {term}`Mean accuracy <mean accuracy>` cannot show it, because hats are rare: who always answers
# "no hat" is nearly always right. That is the {term}`floor` below each pair. The drawn faces also have a {term}`label ceiling`: a known
# share of their labels is wrong on purpose, so no reader can pass it.
#
# Between floor and ceiling lies the room for a network. It differs from task to task, and so does the time that a network takes to
# use it. In a plain sum the task with the largest gradient leads. The paper wants a better leader: a
# {term}`loss weight` for each task, set anew during training.
#
# ### Figure 8
#
# The paper shows such pairs for its three sets. Here they are for the three twins.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three rows of picture pairs with orange and blue frames: pedestrians of two drawn sets with and without backpack, hat and bag, and drawn faces with and without glasses, bangs and a smile."}}
fig, axes = figure(4.6, 4.9, rows=3, columns=6, height_ratios=[1.44, 1.44, 0.88])
sets = {
    "market1501-twin": ["backpack", "bag", "handbag"],
    "duke-twin": ["hat", "boots", "handbag"],
    "celeba-twin": ["Eyeglasses", "Bangs", "Smiling"],
}
for row, (name, wanted) in zip(axes, sets.items(), strict=True):
    draw_pairs(row, sharp_images(name), wanted)
_ = fig.suptitle("Has it, has it not: generated data", x=0.02, ha="left", fontsize=11)

# %% [markdown]
# Above the twin of Market-1501, in the middle that of Duke, below the faces. An orange frame means that the label says yes. Labels err, so look twice.
#
# ## Figure 2
#
# The network of the paper, in our words. A shared trunk reads all images; one small head $\psi_j$ per attribute answers.
# Half of each batch comes from the training images, the other half, the {term}`validation half`, from the validation images.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Block diagram. Training half and validation half enter a shared trunk with several heads. Training losses enter a weighted sum, validation losses enter the weights. One orange arrow leads back from the weighted sum to the trunk."}}
blocks = {
    "training half": (0.18, 0.06),
    "validation half": (0.82, 0.06),
    "shared trunk $\\Theta$": (0.5, 0.27),
    "head $\\psi_1$": (0.2, 0.46),
    "head $\\psi_2$": (0.5, 0.46),
    "head $\\psi_M$": (0.8, 0.46),
    "training losses": (0.18, 0.69),
    "validation losses": (0.82, 0.69),
    "weighted loss $\\sum_j \\lambda_j L_j$": (0.18, 0.92),
    "weights $\\lambda_j$": (0.82, 0.92),
}
image, valid, trunk, *heads, train_loss, val_loss, total, weight = blocks
arrows = [(image, trunk), (valid, trunk), (train_loss, total), (val_loss, weight)]
arrows += [(trunk, head) for head in heads]
arrows += [(head, loss) for head in heads for loss in (train_loss, val_loss)]
fig, axis = figure(4.6, 4.4)
block_diagram(blocks, arrows, title="Fig. 2: who sees what, who learns", axes=axis)
style = {"arrowstyle": "->", "lw": 1.8, "color": "#404040"}
axis.annotate("", (0.44, 0.92), (0.68, 0.92), arrowprops=style)
style |= {"color": "#D55E00", "connectionstyle": "arc3,rad=0.55", "lw": 2.4}
axis.annotate("", (0.3, 0.25), (-0.02, 0.88), arrowprops=style)
_ = axis.text(-0.1, 0.3, "gradient", color="#D55E00", fontsize=9)

# %% [markdown]
# One arrow leads back, and it starts at the losses of the training half. The validation half has none: it sets the weights and teaches
# nothing else.
#
# The trunk is ResNet-50 {cite:p}`he2016resnet`. The figure in the paper counts 2, 3, 5 and 2 building blocks, each row after one
# down-sampling block. That makes 3, 4, 6 and 3, the usual ResNet-50. We count the blocks and the parameters. On PyTorch's device `meta`
# tensors have shapes and no numbers, so this costs no memory.

# %%
with torch.device("meta"):
    resnet = build_backbone("resnet50")
stages = [len(resnet.trunk.get_submodule(f"layer{stage}")) for stage in (1, 2, 3, 4)]
assert stages == [2 + 1, 3 + 1, 5 + 1, 2 + 1]
units = 40
per_unit = resnet.num_features + 1  # weights and a bias
trunk_size = count_parameters(resnet)
print("building blocks a stage", stages)
print(f"trunk                   {trunk_size:>13,}")
print(f"one head                {per_unit:>13,}")
print(f"basic: one trunk        {trunk_size + units * per_unit:>13,}")
print(f"separate: forty trunks  {units * (trunk_size + per_unit):>13,}")
with torch.device("meta"):
    assert count_parameters(MultiTaskNet(resnet, units)) == trunk_size + units * per_unit

# %% [markdown]
# ## Separate and basic
#
# Two networks without weights come first. The {term}`separate model` has parameters $\Theta_j$ of its own for each attribute (Eq. 1):
#
# $$\Theta_j = \operatorname{argmin}_{\Theta_j} \sum_{i=1}^{N} \mathcal{L}\big(\psi_j(\mathbf{I}_i; \Theta_j) - \mathbf{L}_{ij}\big)$$
#
# The {term}`basic model` shares $\Theta$ (Eq. 2):
#
# $$\Theta = \operatorname{argmin}_{\Theta} \sum_{j=1}^{M} \sum_{i=1}^{N} \mathcal{L}\big(\psi_j(\mathbf{I}_i; \Theta) - \mathbf{L}_{ij}\big)$$
#
# Sharing saves parameters and lets tasks help each other. It can also hurt: the paper names {term}`negative transfer` as a reason for its
# weights.
#
# The basic one is the plain {term}`backbone` with a linear layer.
# The separate ones are a loop over such networks. Forty loops are slow. So at small scales we lay all networks side by side: every
# convolution gets as many groups as there are tasks, and a group reads its own network's channels only.

# %%
show_source(MultiTaskNet, SeparateNets, StackedSeparateNets.forward)

# %% [markdown]
# Faster must not mean different. Three tasks, the same weights in both forms, and in training mode, so that batch norm counts too:

# %%
three = TaskSet.binary(["hat", "smile", "beard"])
widths = (8, 16, 32)
loop = SeparateNets(three, lambda: build_backbone("small_resnet", widths=widths))
stacked = stack(loop)
images = torch.rand(16, 3, 32, 32)
gap = (loop(images).logits - stacked(images).logits).abs().max().item()
assert gap < 1e-5, gap
small = MultiTaskNet(build_backbone("small_resnet", widths=widths), len(three))
print(f"loop {count_parameters(loop):,} parameters, stacked {count_parameters(stacked):,}")
print(f"basic, one trunk for three tasks: {count_parameters(small):,}")
assert count_parameters(loop) == count_parameters(stacked)
assert count_parameters(loop) == 3 * count_parameters(small) - 3 * 2 * (widths[-1] + 1)

# %% [markdown]
# The last line is a check by hand: three networks with a head each have what three basic networks have, less two heads of
# $32 + 1$ numbers for each of them.
#
# The training of all forty at once is still forty trainings: no parameter is shared, so no gradient of one loss reaches another network.
#
# ## Square error on −1 and +1
#
# The proposed network minimises a weighted sum (Eq. 3):
#
# $$\Theta = \operatorname{argmin}_{\Theta} \sum_{j=1}^{M} \sum_{i=1}^{N} \lambda_j\, \mathcal{L}\big(\psi_j(\mathbf{I}_i; \Theta) - \mathbf{L}_{ij}\big)$$
#
# Labels are $-1$ or $+1$, and $\mathcal{L}$ is the square error. The released code halves it, and so do we.
# The answer is yes where the output is above $\tau$, with $\tau = 0$ (Eq. 4).

# %%
show_source(square_error, aw.loss._squares)

# %% [markdown]
# By hand, for two images and three tasks. Labels are stored as 0 and 1; the target of a label $y$ is $2y - 1$.
#
# | task | outputs | labels | targets | half squares | mean |
# |---|---|---|---|---|---|
# | hat | 0.5, −1 | 1, 0 | 1, −1 | 0.125, 0 | 0.0625 |
# | smile | 2, 0 | 1, {term}`unknown <unknown label>` | 1, – | 0.5, – | 0.5 |
# | beard | 0, 1 | 0.5, 1 | 0, 1 | 0, 0 | 0 |
#
# A confident right answer costs: 2 is as far from 1 as 0 is. That is the price of square error on a decision.
# An unknown label neither counts nor pushes. A soft label of one half wants the output 0.

# %%
outputs = torch.tensor([[0.5, 2.0, 0.0], [-1.0, 0.0, 1.0]], requires_grad=True)
labels = torch.tensor([[1.0, 1.0, 0.5], [0.0, torch.nan, 1.0]])
losses = square_error(outputs, labels, three)
assert torch.equal(losses, torch.tensor([0.0625, 0.5, 0.0]))
losses.sum().backward()
print("losses  ", losses.tolist())
print("answers ", (outputs > 0).int().tolist())
print("gradient", outputs.grad.tolist())

# %% [markdown]
# A colour has many values, and the paper does not say how it becomes $-1$ and $+1$. We take one unit a value: $+1$ for the true value and
# $-1$ for the others, the mean over the units as the loss, the largest unit as the answer, and *one* weight for the attribute.
# The setting `unit_loss` of the recipe takes the sum over the units instead.
# For the outputs $(0, 1, -1)$ and the true value red the half squares are $0.5, 0, 0$.

# %%
colour = TaskSet([Task("colour", "categorical", ("black", "red", "white")), Task("hat")])
outputs = torch.tensor([[0.0, 1.0, -1.0, -1.0]])
labels = torch.tensor([[1.0, 0.0]])  # colour = value 1 = red, no hat
print(f"{colour.num_units} units, {len(colour)} losses")
for units, expected in {"mean": 0.5 / 3, "sum": 0.5}.items():
    loss = square_error(outputs, labels, colour, units=units)
    print(f"{units} over units:", [round(v, 4) for v in loss.tolist()])
    assert torch.allclose(loss, torch.tensor([expected, 0.0]))

# %% [markdown]
# ## Algorithm 1
#
# How do the weights follow the validation loss? Algorithm 1 of the paper, in our words, for one iteration:
#
# 1. Draw training images and as many validation images.
# 2. Note the loss of every task on the validation images. Learn nothing from them.
# 3. After every $k$ iterations, set the weights $\lambda$ by Algorithm 2. Before the end of the second {term}`window` of $k$ iterations, all
#    weights are 1, since there is nothing to compare with.
# 4. Take one gradient step on the training images, on their losses times $\lambda$ (Eq. 3).
#
# The paper uses $k = 200$ and 10 + 10 images.
#
# ## Algorithm 2
#
# Let $c_j$ be the mean validation loss of task $j$ in the window that just ended and $p_j$ that of the window before.
# The paper names two factors. How fast does the loss move, relative to its size? And how large is it? Each is divided by its mean over the
# tasks, and so is their product:
#
# $$\text{trend}_j = \frac{|c_j - p_j|}{c_j}$$
#
# $$\lambda_j \propto \underbrace{\frac{\text{trend}_j}{\operatorname{mean}(\text{trend})}}_{\text{normalised trend}} \cdot
# \underbrace{\frac{c_j}{\operatorname{mean}(c)}}_{\text{normalised loss}}$$
#
# $$\operatorname{mean}(\lambda) = 1$$

# %%
show_source(two_factor_weights)

# %% [markdown]
# Three tasks by hand:
#
# | | hat | smile | necktie | mean |
# |---|---|---|---|---|
# | $p$, window before | 0.12 | 0.44 | 0.04 | |
# | $c$, window now | 0.10 | 0.40 | 0.10 | 0.2 |
# | trend | 0.2 | 0.1 | 0.6 | 0.3 |
# | normalised trend | 2/3 | 1/3 | 2 | 1 |
# | normalised loss | 1/2 | 2 | 1/2 | 1 |
# | product | 1/3 | 2/3 | 1 | 2/3 |
# | $\lambda$ | 1/2 | 1 | 3/2 | 1 |
#
# Smile has four times the loss of the others and gets the weight 1. Necktie gets the most, because its loss moved most. It moved *up*.

# %%
previous = torch.tensor([0.12, 0.44, 0.04], dtype=torch.float64)
current = torch.tensor([0.10, 0.40, 0.10], dtype=torch.float64)
by_hand = two_factor_weights(current, previous)
print([round(v, 6) for v in by_hand.tolist()])
assert torch.allclose(by_hand, torch.tensor([0.5, 1.0, 1.5], dtype=torch.float64), atol=1e-12)

# %% [markdown]
# ## Two factors that are one
#
# Look again at the table. The losses moved by 0.02, 0.04 and 0.06. The weights are in the same proportion, 1 : 2 : 3. That is no accident.
# Put the trend into the product:
#
# $$\lambda_j \;\propto\; \frac{|c_j - p_j|}{c_j} \cdot c_j \;=\; |c_j - p_j|$$
#
# $$\Longrightarrow \quad \lambda_j = \frac{|c_j - p_j|}{\operatorname{mean}_i |c_i - p_i|}$$
#
# The two means are the same for all tasks, so the last division removes them. The loss stands below in one factor and above in
# the other: it cancels. What remains is the change of the validation loss, and nothing else.

# %%
show_source(change_weights)

# %%
furthest = 0.0
for _ in range(1000):
    current, previous = 0.01 + torch.rand(2, 40, dtype=torch.float64)
    gap = (change_weights(current, previous) - two_factor_weights(current, previous)).abs().max()
    furthest = max(furthest, gap.item())
assert furthest < 1e-12, furthest
print("1000 random windows of 40 tasks: both forms agree to 1e-12")

# %% [markdown]
# To be fair. This is *our* finding, listed among the [errata](../../book/errata.md); the paper presents two factors. It concerns their product, as the paper's algorithm and the
# released code form it. It does not say that the weights are bad. Without the last division only a number common to all tasks would be
# left over, and that acts like a learning rate. So the library computes the short form, which never divides by a loss of zero.
#
# It does say what the weights mean:
#
# - The level of a loss plays no part. A hard task whose loss stands still gets a weight near 0.
# - Up or down plays no part. A task that gets worse counts like one that learns.
# - A task with large losses may still get large weights, because large losses tend to move more. Whether they do is a question for the runs.

# %% [markdown]
# ## The whole thing
#
# The library's class keeps the sum of the window that runs and the mean of the one before. The training loop calls `observe` once an
# iteration, before the gradient step. A task without a known label in the whole window gets the weight 1.

# %%
show_source(
    WindowedWeights.observe,
    WindowedWeights._end_window,
    ValidationLossTrend._compare,
    WindowedWeights.forward,
)

# %% [markdown]
# With $k = 2$ we can follow it. Three tasks, eight iterations: hat learns quickly and is done, smile learns slowly and steadily,
# and stuck stays where it is, at the highest loss of all.

# %%
script = torch.tensor(
    [
        [0.6, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2, 0.2],
        [0.9, 0.9, 0.8, 0.8, 0.7, 0.7, 0.6, 0.6],
        [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ],
    dtype=torch.float64,
)
trend = ValidationLossTrend(num_tasks=3, interval=2)
print("iteration  losses             weights in this step (hat, smile, stuck)")
seen = []
for iteration, losses in enumerate(script.T, start=1):
    trend.observe(losses)
    seen.append(trend.weights.clone())
    now = "  ".join(f"{v:.2f}" for v in trend.weights)
    print(f"{iteration:>9}  {losses.tolist()}    {now}{'   <- new' * (iteration in (4, 6, 8))}")
expected = torch.tensor([[1, 1, 1]] * 3 + [[2, 1, 0]] * 2 + [[1.5, 1.5, 0]] * 2 + [[0, 3, 0]])
assert torch.allclose(torch.stack(seen), expected.double(), atol=1e-12)

# %% [markdown]
# Check the first change, at iteration 4: the window means of hat are 0.5 and 0.3, of smile 0.9 and 0.8, of stuck 1 and 1. The changes are
# 0.2, 0.1 and 0, their mean is 0.1, and the weights are 2, 1 and 0.
#
# At the end smile has all the weight, and stuck, the hardest task, has none.
#
# ## What a change is made of
#
# Real losses never stand still. A window holds $n$ images ($k$ times the validation half), drawn at random, and their mean wobbles.
# Let $\sigma_j$ be the standard deviation of the loss over images. Two window means of a task *that does not learn at all* still differ
# by a normal amount with variance $2 \sigma_j^2 / n$, and the mean of its absolute value is
#
# $$\mathbb{E}\,|c_j - p_j| = \frac{2 \sigma_j}{\sqrt{\pi n}}.$$
#
# So where nothing is learned any more, the weights follow $\sigma_j$, not the loss. We test it with four tasks at rest: two have a low loss,
# two a high one; of each two, one varies little over images and one varies much.

# %%
means = torch.tensor([0.2, 0.2, 0.8, 0.8], dtype=torch.float64)
sigmas = torch.tensor([0.1, 0.4, 0.1, 0.4], dtype=torch.float64)
names = ["low, calm", "low, wild", "high, calm", "high, wild"]
interval, half, updates = 20, 32, 1000
at_rest = torch.distributions.Gamma((means / sigmas) ** 2, means / sigmas**2)
trend = ValidationLossTrend(num_tasks=4, interval=interval)
weights, changes = [], []
for iteration in range(1, interval * (updates + 1) + 1):
    trend.observe(at_rest.sample((half,)).mean(0))
    if iteration % interval == 0 and iteration > interval:
        weights.append(trend.weights.clone())
        changes.append(trend.change.clone())
weights, changes = torch.stack(weights), torch.stack(changes)
formula = noise_floor(at_rest.sample((50_000,)), interval * half)
for row in zip(names, changes.mean(0), formula, weights.mean(0), strict=True):
    print("{:<11} mean change {:.4f}, formula {:.4f}, mean weight {:.2f}".format(*row))
assert (changes.mean(0) / formula - 1).abs().max() < 0.15
assert weights[:, 1::2].mean() > 2 * weights[:, ::2].mean()

# %% tags=["hide-input"] mystnb={"image": {"alt": "Above: the weights of four tasks over twenty-five updates; two of them jump between zero and three, two stay low. Below: their mean change as bars, which depends on the spread of the loss and not on its level, with the formula as black marks on the bars."}}
fig, axes = figure(4.6, 5.6, rows=2, height_ratios=[1.2, 1])
for line, name, color, dash in zip(
    weights[:25].T.numpy(),
    names,
    ["#56B4E9", "#E69F00", "#0072B2", "#D55E00"],
    ["-", "-", "--", "--"],
    strict=True,
):
    axes[0, 0].plot(range(2, 27), line, dash, color=color, label=name, lw=1.5)
axes[0, 0].set(xlabel="window", ylabel="weight", title="Four tasks at rest (simulated)")
axes[0, 0].legend(ncols=2, fontsize=9, loc="upper left")
axes[0, 0].set_ylim(0, 4.6)
axes[1, 0].bar(names, changes.mean(0).numpy(), color=["#56B4E9", "#E69F00", "#0072B2", "#D55E00"])
axes[1, 0].plot(names, formula.numpy(), "k_", ms=34, mew=2.5, label="formula")
axes[1, 0].tick_params(axis="x", labelsize=9)
axes[1, 0].set(ylabel="mean change", ylim=(0, 0.024))
_ = axes[1, 0].legend(fontsize=9, loc="upper left", markerscale=0.5)

# %% [markdown]
# Two things to see. The formula holds. And the weights of tasks at rest are not calm. The absolute value of normal noise has a standard
# deviation of $\sqrt{\pi / 2 - 1} = 0.76$ times its mean. So with many tasks at rest each weight jumps by about three quarters of its own mean
# from update to update; with few, as here, a little less, because they share a fixed sum.
#
# ## A task that is pure noise
#
# Loss-driven weights have a known weakness: a task with random labels never gets better, so its loss stays high. Does the trend fall for it?
# The answer depends on what the *network* does. Let the labels be $+1$ with probability $q$, whatever the image shows.
#
# The best output is the constant $m = 2q - 1$. A network that memorised its training images gives other outputs, spread around
# $m$ by some $s$ and, on validation images, unrelated to the labels. The variance of the half square follows from $m$ and $s$. For
# $s = 0$ the loss takes two values, $(1 - m)^2 / 2$ and $(1 + m)^2 / 2$. Their difference is $2m$, and so
#
# $$\sigma = 2 |m| \sqrt{q (1 - q)} = |m| \sqrt{1 - m^2}.$$
#
# That is 0 for fair coins ($q = 1/2$): every image costs one half, the window means do not wobble, the weight is 0. It is largest at
# $m^2 = 1/2$, near $q = 0.15$, which is a usual {term}`base rate`. We simulate both beside a task that was learned well enough, all three at rest.


# %%
def weights_at_rest(spread: float, images: int = 640, updates: int = 400) -> torch.Tensor:
    """Mean weights of a learned task and of two of pure noise, whose outputs have the given spread."""
    yes = torch.tensor([0.5, 0.5, 0.15], dtype=torch.float64)
    truth = 2.0 * (torch.rand(updates + 1, images, 3, dtype=torch.float64) < yes) - 1
    wobble = torch.randn(updates + 1, images, 3, dtype=torch.float64)
    learned = truth[..., :1] + 0.5 * wobble[..., :1]
    guessed = (2 * yes - 1)[1:] + spread * wobble[..., 1:]
    loss = (torch.cat([learned, guessed], -1) - truth).square().mean(1) / 2
    return torch.stack([change_weights(c, p) for p, c in pairwise(loss)]).mean(0)


spreads = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0]
at_rest = torch.stack([weights_at_rest(spread) for spread in spreads])
print("spread  learned  noise, fair  noise, 15 % yes")
for spread, row in zip(spreads, at_rest, strict=True):
    print(f"{spread:>6}  {row[0]:>7.2f}  {row[1]:>11.2f}  {row[2]:>15.2f}")
assert at_rest[0, 1] < 1e-9 < 1 < at_rest[0, 2]
assert at_rest[-1, 1] > 2 * at_rest[-1, 0]

# %% tags=["hide-input"] mystnb={"image": {"alt": "Mean weight against the spread of the outputs for noise tasks. The learned task falls, fair noise rises from zero, noise with fifteen percent yes starts highest."}}
fig, axis = figure(4.6, 3.4)
named = ["learned", "noise, fair coin", "noise, 15 % yes"]
for line, name, mark in zip(at_rest.T.numpy(), named, ["o-", "s--", "^-."], strict=True):
    axis.plot(spreads, line, mark, label=name)
axis.axhline(1, color="#808080", lw=1, ls=":")
axis.set(
    xlabel="spread of the outputs for noise tasks",
    ylabel="mean weight",
    ylim=(0, 2.6),
    title="Weights of noise (simulated)",
)
_ = axis.legend(fontsize=9)

# %% [markdown]
# So the honest answer has three parts.
#
# - A network that answers fair noise by 0 gives it no weight. The level of the loss, one half, does not count. Here the trend is wiser than a
#   weight that follows the loss itself.
# - Noise with a skewed rate gets a large weight once the other tasks are at rest. The same holds for a rare attribute that the network does not
#   recognise: its loss wobbles with the number of rare images in the window.
# - A network that overfits spreads its outputs. Then noise takes the weight from the task that was learned, and a larger weight may invite
#   more overfitting.
#
# Which of these a trained network does is a question for the [next page](train.ipynb).
#
# ## Half a batch that teaches nothing
#
# Validation images may set the weights and must not train the network. A gradient is easily left out. Batch norm is the trap: in training
# mode it learns its running means from every image that passes. So the library passes the validation half by itself, in evaluation mode.

# %%
show_source(steering_losses)

# %% [markdown]
# We check it bit by bit, with a network of the recipe and images of the dataset. Then the wrong way, for comparison.

# %%
spec = RunSpec("adaptive_weighting", "weighted", dataset, scale, seed)
plan = plan_for(spec, root=root)
net, val = plan.build().train(), plan.steering
before = {name: value.clone() for name, value in net.state_dict().items()}
fabric = open_fabric(device="cpu", precision="32-true")
options = {"batch": 32, "seed": seed, "epoch": 0, "step": 0}
losses = steering_losses(plan, net, val, val.images, fabric=fabric, **options)
same = [torch.equal(value, before[name]) for name, value in net.state_dict().items()]
assert losses.shape == (len(plan.tasks),)
assert all(same)
print(f"right way: {len(same) - sum(same)} of {len(same)} tensors changed")
net(val.images[:32].float() / 255)
changed = [n for n, value in net.state_dict().items() if not torch.equal(value, before[n])]
assert changed
assert all("running" in name or "num_batches" in name for name in changed)
print(f"wrong way: {len(changed)} of {len(same)} tensors changed, among them {changed[0]}")

# %% [markdown]
# That the network cannot learn *from* these images does not make them fresh. They choose what it learns from the others, in every iteration.
# A score on them afterwards is not {term}`held out <split>`. The [last page](evaluate.ipynb) measures how much that flatters.
#
# ## Other ways to weigh
#
# Three later methods set weights by other rules. They run in the same loop, on the same images.
#
# **{term}`Homoscedastic uncertainty weighting <homoscedastic uncertainty weighting>`** {cite:p}`kendall2018` learns a noise level $\sigma_j$ for each task:
#
# $$\min_{\Theta, \sigma} \; \sum_j \frac{L_j}{2 \sigma_j^2} + \ln \sigma_j .$$
#
# For fixed losses the best $\sigma_j^2$ is $L_j$, so the weight is $1 / (2 L_j)$: *hard tasks weigh less*.
#
# **{term}`Dynamic weight average <dynamic weight average>`** {cite:p}`liu2019mtan` compares training losses of two windows (there: two epochs):
#
# $$\lambda_j = M \, \operatorname{softmax}_j\!\left( \frac{c_j / p_j}{2} \right).$$
#
# A loss that stands still has the ratio 1, one that falls less: *tasks at rest weigh more*, nearly the opposite of the trend.
#
# **{term}`GradNorm`** {cite:p}`chen2018gradnorm` moves the weights so that the gradients $G_j = \lambda_j \lVert \nabla L_j \rVert$ get sizes that suit the tasks' progress:
#
# $$\min_\lambda \; \sum_j \left| G_j - \operatorname{mean}(G) \, r_j^{1.5} \right|$$
#
# $$r_j = \frac{L_j / L_j(0)}{\operatorname{mean}_i (L_i / L_i(0))}.$$
#
# We give all four the same scripted losses. For GradNorm the loss needs a gradient: let each loss be the square of a distance, so its
# gradient is twice the distance.

# %%
window, count = 10, 30
time = torch.arange(window * count, dtype=torch.float64) / window
scripts = {
    "quick": 0.05 + 0.45 * torch.exp(-time / 3),
    "slow": 0.45 - 0.008 * time,
    "stuck": torch.full_like(time, 0.5),
    "overfits": 0.15 + 0.25 * torch.exp(-time / 2) + 0.006 * (time - 10).clamp(min=0),
}
curves = torch.stack(list(scripts.values()))
ways = {
    "validation loss trend": ValidationLossTrend(4, interval=window),
    "dynamic weight average": aw.DynamicWeightAverage(4, interval=window),
    "GradNorm": aw.GradNorm(4),
}
weights = {name: [] for name in ways}
for losses in curves.T:
    distance = losses.sqrt().view(1, 4, 1, 1).requires_grad_()
    for name, way in ways.items():
        way(distance.square().flatten(), distance)
        way.observe(losses)
        weights[name].append(way.weights.clone())
weights = {name: torch.stack(rows).T for name, rows in weights.items()}
weights["uncertainty, optimum"] = (1 / curves) / (1 / curves).mean(0)

# %%
learned = aw.UncertaintyWeighting(4)
with torch.no_grad():
    learned.log_variance.copy_(curves[:, -1].log())
learned(curves[:, -1]).backward()
assert learned.log_variance.grad.abs().max() < 1e-6  # the optimum: its gradient is 0
for name, rows in weights.items():
    last = ", ".join(f"{task} {v:.2f}" for task, v in zip(scripts, rows[:, -1], strict=True))
    print(f"{name:<23} {last}")
assert weights["validation loss trend"][2, -1] == 0
assert weights["uncertainty, optimum"][2, -1] < 1 < weights["uncertainty, optimum"][0, -1]
assert all(torch.allclose(rows.mean(0), torch.ones(1).double()) for rows in weights.values())

# %% tags=["hide-input"] mystnb={"image": {"alt": "Five panels above each other with four tasks each: the scripted losses, and the weights that the trend, dynamic weight average, GradNorm and uncertainty weighting give. The four ways disagree on which task weighs most."}}
fig, axes = figure(4.6, 9.6, rows=5, columns=1, sharex=True)
panels = {"scripted losses (no data, no network)": curves} | weights
styles = dict(zip(scripts, ["-", "--", "-.", ":"], strict=True))
for axis, (name, rows) in zip(axes[:, 0], panels.items(), strict=True):
    for task, row in zip(scripts, rows, strict=True):
        axis.plot(time, row, styles[task], label=task)
    zoomed = name == "dynamic weight average"
    axis.set_ylim(*(0.9, 1.1) if zoomed else (0, None))
    axis.set_title(name + " (note the scale)" * zoomed, fontsize=11)
    axis.set_ylabel("loss" if rows is curves else "weight", fontsize=10)
fig.legend(*axes[0, 0].get_legend_handles_labels(), ncols=4, fontsize=9, loc="outside upper left")
_ = axes[-1, 0].set_xlabel("window")

# %% [markdown]
# Four rules, four answers. Look at *stuck*, the hardest task. GradNorm gives it the most, dynamic weight average a little more than the
# rest at first, uncertainty little, and the trend nothing. Look at *overfits*, whose loss turns upwards: three of the rules then give it
# more, and uncertainty gives it less.
#
# So "the difficult task should weigh more" is not one idea. Which rule is better cannot be read from scripts. That takes runs, and a control:
# weights of the same spread, dealt to the tasks at random.
#
# ## Take away
#
# - The {term}`validation loss trend` weighs a task by how much its validation loss moved between two windows, up or down.
# - The two factors of the paper are one: the loss cancels.
# - Where little is learned, a change is chance. Then weights follow the spread of the loss over images, $2 \sigma / \sqrt{\pi n}$.
# - Among tasks at rest, random labels get weight if their rate is skewed or if the network overfits.
# - The validation half changes no parameter and no running mean. It still steers, so it is no longer held out.
#
# ## Exercises
#
# **1.** Derive the collapse on paper, without looking. Then change the algorithm: divide the trend by $p_j$, the *previous* loss. What
# is left of the loss now? Which tasks gain?

# %% tags=["hide-cell", "solution"]
# lambda ~ |c - p| / p * c = |c - p| * (c / p). The loss still cancels but for the ratio c / p,
# which is near 1 between neighbouring windows. Tasks whose loss rises gain, the others lose.
previous = torch.tensor([0.12, 0.44, 0.04], dtype=torch.float64)
current = torch.tensor([0.10, 0.40, 0.10], dtype=torch.float64)
product = (current - previous).abs() / previous * current
changed = product / product.mean()
print("as it is ", [round(v, 3) for v in change_weights(current, previous).tolist()])
print("by p     ", [round(v, 3) for v in changed.tolist()])
assert changed[2] > change_weights(current, previous)[2]

# %% [markdown]
# **2.** Multiply $k$ by 4. For tasks at rest, what happens to the mean change, and what to the jumps of the weights? And for a task whose loss
# falls by the same small amount in every iteration: how much better does its change stand out from the noise?

# %% tags=["hide-cell", "solution"]
# The change of a task at rest halves, by 1 / sqrt(n). The weights jump as before: they are ratios.
# A steady fall adds up to 4 times the change between neighbouring windows, so it stands out
# 4 * 2 = 8 times better. Longer windows buy a better signal with fewer updates.
errors = torch.rand(5000, 4, dtype=torch.float64)
one, four = noise_floor(errors, 640), noise_floor(errors, 4 * 640)
assert torch.allclose(one, 2 * four)
for images in (640, 4 * 640):
    means = torch.rand(401, images, 4, dtype=torch.float64).mean(1)
    rows = torch.stack([change_weights(means[i], means[i + 1]) for i in range(400)])
    change = means.diff(dim=0).abs().mean()
    print(f"{images:>5} images: mean change {change:.4f}, spread of the weights {rows.std():.2f}")

# %% [markdown]
# **3.** Nine of ten tasks move by 0.01. The loss of the tenth is 0.9 and stands still. What is its weight? And if nine stand still and one
# moves by 0.0001?

# %% tags=["hide-cell", "solution"]
# It gets 0, at whatever level it stands. Its head then gets no gradient, so only a moving trunk can
# move its loss again. In the second case the only moving task gets all the weight: 10.
previous = torch.full((10,), 0.5, dtype=torch.float64)
previous[-1] = 0.9
moved = torch.full((10,), 0.01, dtype=torch.float64)
moved[-1] = 0
print([round(v, 3) for v in change_weights(previous - moved, previous).tolist()])
barely = torch.zeros(10, dtype=torch.float64)
barely[0] = 0.0001
weights = change_weights(previous - barely, previous)
print([round(v, 3) for v in weights.tolist()])
assert weights[0] == 10
assert weights[1:].sum() == 0

# %% [markdown]
# **Next:** [train separate, basic and weighted](train.ipynb), and see the weights that the paper never shows.
