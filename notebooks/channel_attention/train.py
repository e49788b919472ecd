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
# # Train: four losses at once
#
# The [previous page](build.ipynb) built extractor, masks, three readers and a loss of four terms. Here they learn together. We follow every term, and watch what the fourth one, the L1 norm, does to the masks.

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to train a network whose loss needs more than its answers, read four terms of different size beside each other, follow masks while they
# are learned, and tell a reconstructor that works from one that does not.
#
# **You need** the [previous page](build.ipynb).
#
# **Scale** smoke: a proof that the code runs, with numbers that are no result. The committed evidence is *reduced*; see
# [how to read a verdict](../../book/verdicts.md). **Cost** of the runs on a CPU, as measured: see the
# [results page](../../book/results.md). Nothing was measured on a GPU.
# ```

# %% tags=["parameters"]
dataset: str = "celeba-twin"  # or celeba with root
root: str | None = None  # folder of the official files, for the real set
scale: str = "smoke"  # smoke, reduced or paper
seed: int = 0  # of weights, order of images and drawn faces

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

# %%
from mtattr.channel_attention.importance import mask_means
from mtattr.channel_attention.loss import loss_terms, losses
from mtattr.channel_attention.maps import explanation_maps
from mtattr.channel_attention.sizes import load_splits, size_of
from mtattr.data.batches import epoch_order, take
from mtattr.evaluation import count_parameters
from mtattr.evidence import Table
from mtattr.pages import show_source, show_table
from mtattr.plots import figure, image_grid, map_overlay
from mtattr.training import Loop, RunSpec, fit_or_load, plan_for
from mtattr.training.device import open_fabric
from mtattr.training.fit import fit

PAPER = "channel_attention"
about = f"{dataset}{'' if root else ' (generated)'}, scale: {scale}"

# %% [markdown]
# ## The data
#
# CelebA, or its drawn twin where you do not have it. The paper trains on the training *and* the validation images and says nothing of how it selected. We keep the validation images for that.

# %%
data = load_splits(dataset, scale, draw=seed, root=root)
train, val, test = (data[split] for split in ("train", "val", "test"))
for split, of in data.items():
    print(
        f"{split:<6}{len(of):>6} images of {tuple(of.images.shape[1:])}, {len(of.tasks)} attributes"
    )

# %% mystnb={"image": {"alt": "Eight small drawn faces; those that smile say so."}} tags=["hide-input"]
some = epoch_order(len(train), seed=seed, epoch=0)[:8].tolist()
smiles = [
    "smiling" if y == 1 else "" for y in train.labels[some, train.tasks.index("Smiling")].tolist()
]
_ = image_grid(train.images[some], smiles, size=1.3, title=about)

# %% [markdown]
# ## The recipe
#
# The paper names the weights of its loss, and no optimiser, rate, batch or length. All of these are ours.

# %%
rows = []
for name, of in (("paper scale", size_of("celeba", "paper")), ("here", size_of(dataset, scale))):
    row = {"": name, "image": f"{of.image_size} px", "channels": of.channels}
    row |= {"epochs": of.fit.epochs, "batch": of.fit.batch_size, "rate": of.fit.learning_rate}
    row |= {"falls": of.fit.schedule, "front end": of.network["front_end"]}
    rows.append({key: str(value) for key, value in row.items()})
show_table(Table("Ours at paper scale, and this page", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## Four losses in one loop
#
# The loop of this course adds up a loss for each task. $L_b$ and $L_m$ come attribute by attribute. The repainted image and the masks belong to no
# attribute, so each attribute gets an equal share of them. The sum of all shares is Eq. 6 again. This is the function that the loop calls:

# %%
show_source(losses)

# %% [markdown]
# Three networks: the proposed one, the same without the L1 norm, and a plain one with a head for all labels and nothing else.

# %%
VARIANTS = {"mcan": "masks", "no-sparsity": "masks, lambda = 0", "plain": "plain"}
specs = {v: RunSpec(PAPER, v, dataset, scale, seed) for v in VARIANTS}
HOW = {"root": root, "progress": False, "device": "cpu", "precision": "32-true"}
runs = {v: fit_or_load(spec, **HOW) for v, spec in specs.items()}
plans = {v: plan_for(spec, root=root) for v, spec in specs.items()}
for variant, name in VARIANTS.items():
    weights = count_parameters(plans[variant].build())
    print(f"{name:<20}{len(runs[variant].history)} epochs, {weights:,} parameters, finished")

# %% mystnb={"image": {"alt": "Validation accuracy and validation loss by epoch of the three networks."}} tags=["hide-input", "nbval-ignore-output"]
fig, axes = figure(6.4, 3.0, columns=2)
for axis, key, label in (
    (axes[0, 0], "val_mean_accuracy", "validation accuracy"),
    (axes[0, 1], "val_loss", "validation loss of the answers"),
):
    for (variant, name), style in zip(VARIANTS.items(), ("-", "--", ":"), strict=True):
        curve = [row[key] for row in runs[variant].history]
        axis.plot(range(1, len(curve) + 1), curve, style, marker="o", label=name)
    axis.set(xlabel="epoch", title=label)
fig.legend(
    *axes[0, 0].get_legend_handles_labels(), fontsize=9, ncols=3, loc="outside lower center"
)
_ = fig.suptitle(about, fontsize=11)

# %%
for run in runs.values():
    losses = [row["train_loss"] for row in run.history]
    assert losses[-1] < losses[0], "the training loss falls"
print("all three have learned something; at smoke scale that is all one can say")

# %% [markdown]
# ## Watching every term
#
# The loop can stop after any iteration and go on later. So let us look in after every epoch: at the four terms on validation images, each with its weight, and at the masks.

# %%
fabric = open_fabric(device="cpu", devices=1, num_nodes=1, precision="32-true")
part = val.subset(range(min(200, len(val))))
x, y = take(part.images, torch.arange(len(part))), part.labels


def look_in(net) -> dict:
    with torch.no_grad():
        output = net.eval()(x)
        terms = loss_terms(output, x, y)
    means = mask_means(net, part.images).mean(0)
    return {"terms": [v.item() for v in terms], "means": means}


# %%
watched, nets = {}, {}
for variant in ("mcan", "no-sparsity"):
    plan = plans[variant]
    torch.manual_seed(seed)
    watched[variant] = [look_in(plan.build())]
    steps = len(train) // plan.settings.batch_size
    with tempfile.TemporaryDirectory() as folder:
        loop = Loop(fabric, seed, Path(folder) / "state", {}, progress=False)
        for epoch in range(1, plan.settings.epochs + 1):
            fitted = fit(plan, loop, stop_after=epoch * steps)
            watched[variant].append(look_in(fitted.model.module))
    nets[variant] = fitted.model.module.eval()

# %% mystnb={"image": {"alt": "Four curves by epoch on a logarithmic axis: both cross-entropies, the reconstruction, and the norm of the masks."}} tags=["hide-input", "nbval-ignore-output"]
NAMES = ("L_b, masked answers", "L_m, all labels", "4 L_r, image", "1e-5 |M|, masks")
fig, axis = figure(5.4, 3.6)
for name, weight, index, style in zip(NAMES, (1, 1, 4, 1e-5), range(4), "os^D", strict=True):
    curve = [weight * seen["terms"][index] for seen in watched["mcan"]]
    axis.plot(range(len(curve)), curve, marker=style, label=name)
axis.set_yscale("log")
axis.set(xlabel="epoch, 0 = untrained", title="weighted terms of the loss, validation")
axis.set_xticks(range(len(watched["mcan"])))
axis.legend(fontsize=9, ncols=2, loc="upper left", bbox_to_anchor=(0, -0.2))
_ = fig.suptitle(about, fontsize=11)

# %% [markdown]
# Mind the axis: each of its lines is ten times the one below. The terms of the answers are far larger than those of the image and the masks. Size is not pull: what moves a weight is the
# gradient, and the masks' small term will press the masks down below. Does the reconstructor paint anything? Compare its error with that of the *mean image*, which looks at nothing:

# %% mystnb={"image": {"alt": "Four faces and, below them, what the reconstructor paints from their features."}} tags=["hide-input", "nbval-ignore-output"]
mean_image = (x - train.images.float().mean(0) / 255).square().mean().item()
error = watched["mcan"][-1]["terms"][2]
how_close = "closer to" if error < mean_image else "farther from"
print(f"mean image {mean_image:.4f}, reconstructor {error:.4f}: {how_close} the images")
with torch.no_grad():
    painted = nets["mcan"](x[:4]).extra["reconstruction"].clamp(0, 1)
pictures = torch.cat([x[:4], painted])
_ = image_grid(pictures, ["image"] * 4 + ["painted"] * 4, size=1.3, title=about)

# %% [markdown]
# ## Watching the masks
#
# Every dot is the mean mask of one channel for one attribute. Untrained they lie near one half. What happens next depends on $\lambda$.

# %% mystnb={"image": {"alt": "Mean masks by epoch, with and without the L1 norm, as clouds of dots between 0 and 1."}} tags=["hide-input", "nbval-ignore-output"]
fig, axes = figure(6.4, 3.2, columns=2, sharey=True)
for axis, (variant, seen) in zip(axes[0], watched.items(), strict=True):
    for epoch, one in enumerate(seen):
        values = one["means"].flatten()
        spread = torch.linspace(-0.3, 0.3, len(values))
        axis.plot(epoch + spread, values, ".", markersize=2)
    axis.set(xlabel="epoch, 0 = untrained", title=VARIANTS[variant], ylim=(0, 1))
    axis.set_xticks(range(len(seen)))
axes[0, 0].set_ylabel("mean mask")
_ = fig.suptitle(about, fontsize=11)

# %% tags=["nbval-ignore-output"]
for variant, seen in watched.items():
    first, last = (one["means"].mean().item() for one in (seen[0], seen[-1]))
    print(f"{VARIANTS[variant]:<20}mean of all masks {first:.2f} -> {last:.2f}")

# %%
last = {variant: seen[-1]["means"].mean().item() for variant, seen in watched.items()}
assert last["mcan"] < last["no-sparsity"]
print("the L1 norm presses masks down")

# %% [markdown]
# The page interrupted its training after each epoch. It must not matter. The same training once more, which nobody interrupts, compared bit by bit:

# %%
with tempfile.TemporaryDirectory() as folder:
    whole = fit(plan, replace(loop, checkpoint=Path(folder) / "state"))
assert all(torch.equal(value, whole.last[name]) for name, value in fitted.last.items())
print(f"{len(whole.last)} tensors, all equal")

# %% [markdown]
# ## A first look at places
#
# The mean of the masks of an attribute's three most important channels, as the paper shows them, over two faces. After so short a training they say little; the [last page](evaluate.ipynb) has longer ones, and measures them.

# %% mystnb={"image": {"alt": "Two faces, and over each the mean of the three most important masks of smiling, black hair and eyeglasses, with bars of the raw range."}} tags=["hide-input", "nbval-ignore-output"]
trained = runs["mcan"].network(plans["mcan"])
maps = explanation_maps(trained, test.images[:2], "mask")
shown = ("Smiling", "Black_Hair", "Eyeglasses")
fig, axes = figure(6.4, 3.6, rows=2, columns=1 + len(shown))
for row in range(2):
    axes[row, 0].imshow(test.images[row].permute(1, 2, 0).numpy())
    axes[row, 0].set_axis_off()
    for axis, name in zip(axes[row, 1:], shown, strict=True):
        of = maps[row, test.tasks.index(name)]
        map_overlay(test.images[row], of, axes=axis, title=name.replace("_", " "))
_ = fig.suptitle(f"mean of three masks, {about}", fontsize=11)

# %% [markdown]
# ## On a GPU
#
# Nothing changes: `mtattr run` finds one. Masks are made for a chunk of attributes at a time, so memory does not grow with their number; `--set chunk=40` makes all at once, which a GPU prefers if they fit,
# and `--precision bf16-mixed` halves the bytes of each. For the real set
# at the full size:
#
# ```bash
# mtattr run channel_attention --variant mcan,plain --dataset celeba --root FOLDER --scale paper
# ```
#
# ## What went wrong on the way
#
# - All masks at once, the simplest code, was slower on a CPU than a loop over attributes: the tensor of masks left every cache. Making, pooling and forgetting a few at a time was faster and needs less memory.
# - With sums over forty attributes the gradients are large. They are clipped here.
# - The first reconstructor painted the mean image. We looked for a bug and found the reading of Eq. 5: see the [last page](evaluate.ipynb), where a sum over pixels stands beside the mean.
#
# ## Take away
#
# - Print every term of a loss with its weight, and do not take size for pull. Train once without the term and compare.
# - An L1 norm on a sigmoid pulls masks towards 0, where features pass unchanged. Look at the masks before and after you believe that what is left is what matters.
# - Compare a reconstruction with the mean image.
#
# ## Exercises
#
# **1.** Which parameters get a gradient from the reconstruction alone?

# %% tags=["hide-cell", "solution"]
net = plans["mcan"].build()
net.train()(x[:4]).extra["reconstruction"].sum().backward()
touched = {name.split(".")[0] for name, p in net.named_parameters() if p.grad is not None}
print(sorted(touched))
assert touched == {"extractor", "reconstructor"}

# %% [markdown]
# **2.** The map of 48 px images is $12 \times 12$, that of 128 px images in the full network $16 \times 16$. With the same $\lambda$, by what factor does the pull on each single mask value change? And the pull on a mean mask?

# %% tags=["hide-cell", "solution"]
print("on a single value: not at all, lambda times the sign of M")
print(f"on the mean of a mask: {16 * 16 / (12 * 12):.2f} times as strong")

# %% [markdown]
# **Read next:** [evaluate](evaluate.ipynb): what the masks buy, what they tell, and what only seems so.
