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
# # Train: a tree that grows
#
# The [previous page](build.ipynb) built the parts. Here they work together. A thin network starts with filters of a large one, trains for a
# while, looks at its mistakes, and splits. We watch it.

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to write the paper's search from memory, follow a tree from round to round, stop and resume a search
# without changing its result, and train on two domains when no image has all labels.
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
seed: int = 0  # of weights and order of images

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from IPython.display import display

# %%
from mtattr.adaptive_sharing import (
    LAYERS,
    BranchedVGG,
    ErrorAffinity,
    Tree,
    beginnings,
    branch_affinity,
    choose_branches,
    count_weights,
    unit_cost,
)
from mtattr.adaptive_sharing.grouping import branch_limit
from mtattr.adaptive_sharing.initialise import filters_of
from mtattr.adaptive_sharing.measurements import floors
from mtattr.adaptive_sharing.recipe import VARIANTS
from mtattr.adaptive_sharing.sizes import load_splits, size_of
from mtattr.data.batches import epoch_order, take
from mtattr.evidence import Table, load_paper
from mtattr.pages import show_source, show_table
from mtattr.plots import figure, image_grid, tree_diagram
from mtattr.training import Batch, FixedWeights, Loop, RunSpec, fit_or_load, plan_for
from mtattr.training.device import open_fabric
from mtattr.training.optimizer import build_optimizer

# %%
PAPER = "adaptive_sharing"
label = f"{dataset}{' (generated)' if dataset.endswith('-twin') else ''}, scale: {scale}"

# %% [markdown]
# ## The data
#
# Forty attributes of a face, each a {term}`task` with one output. The pictures are small: five poolings leave a single pixel of 32.

# %%
data = load_splits(dataset, scale, root=root)
tasks, train = data["train"].tasks, data["train"]
names = [name.replace("_", " ") for name in tasks.names]
parts = [task.group for task in tasks]
for split, of in data.items():
    print(f"{split:<6}{len(of):>7} images, {len(of.tasks)} tasks")

# %% tags=["hide-input"] mystnb={"image": {"alt": "Eight small drawn faces, each under two of the attributes that it has."}}
rate = train.labels.nanmean(0)


def words(i: int) -> str:
    present = sorted((train.labels[i] == 1).nonzero().flatten().tolist(), key=lambda t: rate[t])
    return "\n".join(([names[t] for t in present[:2]] + ["–"] * 2)[:2])


some = epoch_order(len(train), seed=seed, epoch=0)[:8].tolist()
_ = image_grid(train.images[some], [words(i) for i in some], size=1.35, title=label)

# %% [markdown]
# ## Filters to start with
#
# The paper starts from a VGG-16 that had learned to tell gender. Ours is small and has learned one attribute, *Male*, on drawn faces
# of other people. It is a run like all others: if it is not there yet, it is trained now. {term}`SOMP` then selects filters for the thin network.


# %% tags=["hide-input"] mystnb={"image": {"alt": "The filters of the first layer of the wide network as tiny colour patches. Those selected for the thin network are framed, with the order of the picks."}}
def first_filters():
    """Folded filters of the source network, and the rows that the thin network starts with."""
    thin = RunSpec(PAPER, "thin-32", "celeba-twin", "smoke", seed)
    plan, source = plan_for(thin), fit_or_load(beginnings.source_of(thin), progress=False)
    wide = filters_of(source.network(plan_for(source.spec)))[0][0]
    rows = plan.initial().weights["layers.0.weight"]
    picks = [(wide - row).flatten(1).norm(dim=1).argmin().item() for row in rows]
    return wide, picks


wide, picks = first_filters()
fig, axes = figure(4.6, 1.6, columns=len(wide))
for i, (axis, filter_) in enumerate(zip(axes[0], wide, strict=True)):
    axis.imshow((filter_ / (2 * filter_.abs().max()) + 0.5).permute(1, 2, 0).numpy())
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)
    if i in picks:
        axis.spines[:].set(visible=True, color="#D55E00", linewidth=2.5)
        axis.set_title(f"pick {picks.index(i) + 1}", fontsize=8, loc="center")
_ = fig.suptitle("conv1_1 of the wide network (scale: smoke)", fontsize=11, x=0.02, ha="left")

# %% [markdown]
# A filter is 3 × 3 pixels in three colours. The framed ones move into the thin network, and nothing else does.
#
# ## Algorithm 1, written out
#
# This is the whole search of the paper, for one process and without checkpoints. `train_and_get_affinity` is its inner part: a plain
# training with a fresh optimiser, in which each batch is also shown to the {term}`affinity`.


# %%
def train_and_get_affinity(net, plan, affinity, *, seed, iterations):
    how, of = plan.settings, plan.data["train"]
    optimizer = build_optimizer(how, net, FixedWeights(plan.task_weights))
    order, n = epoch_order(len(of), seed=seed, epoch=0), how.batch_size
    for c in range(iterations):
        rows = order[c * n : (c + 1) * n]
        images, labels = take(of.images, rows), of.labels[rows]
        output = net.train()(images.contiguous(memory_format=torch.channels_last))
        affinity.observe(output.logits.detach(), labels)
        optimizer.param_groups[0]["lr"] = how.rate_at(c, how.epochs * (len(of) // n))
        optimizer.zero_grad()
        plan.losses(output, Batch(images, labels), plan.tasks).sum().backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), how.clip_norm)
        optimizer.step()


# %%
def algorithm_1(plan, *, alpha, interval, limits, seed):
    thin = plan.initial()
    net = BranchedVGG.from_structure(thin.structure)
    net.load_state_dict(thin.weights)
    net = net.to(memory_format=torch.channels_last)
    affinity, trees = ErrorAffinity(len(plan.tasks)), []
    for t in range(14):  # conv1_1 is never copied
        round_seed = seed + 1_000_003 * t  # another order of the images in every round
        train_and_get_affinity(net, plan, affinity, seed=round_seed, iterations=interval)
        at = net.tree.junction
        branches = branch_affinity(affinity.matrix, net.tree.tasks_of(at))
        groups = choose_branches(branches, unit_cost(at - 1), alpha, limits[at - 1], seed)
        if len(groups) == 1:
            break
        trees.append(net.widen(groups).tree)
    return trees


# %% [markdown]
# The limit of branches is from the released code: no layer gets more channels than VGG-16 has there.

# %% tags=["nbval-ignore-output"]
short = RunSpec(PAPER, "branch-32-2.0", "celeba-twin", "smoke", seed)
rehearsal, size = plan_for(short), size_of("celeba-twin", "smoke")
widths = rehearsal.initial().structure["widths"]
limits = [branch_limit(w, n) for w, n in zip(size.wide, widths, strict=True)]
how = {"alpha": VARIANTS["branch-32-2.0"].alpha, "interval": size.interval, "limits": limits}
trees = algorithm_1(rehearsal, seed=seed, **how)
print(f"{len(trees)} splits in rounds of {size.interval} iterations")

# %% tags=["nbval-ignore-output"]
for tree, name in zip(trees, reversed(LAYERS), strict=False):
    print(f"{name:<8} {tree.copies[LAYERS.index(name)]:>2} branches")

# %% [markdown]
# ## The same, with a picture
#
# The library's search does the same and keeps checkpoints. After each split it calls a function of ours, which draws the tree. Run this cell yourself
# and watch it: the picture below is replaced round by round. Here you see the last one. A dot's colour tells the part of the face.

# %% tags=["nbval-ignore-output"] mystnb={"image": {"alt": "The tree after the last split: from the trunk on the left to the forty face attributes on the right, with a coloured dot for the part of the face."}}
import matplotlib.pyplot as plt

folder, found = Path(tempfile.mkdtemp()), []
screen = display(display_id=True)


def show(tree: Tree, affinity: torch.Tensor, layer: str) -> None:
    found.append(tree)
    title = f"After {len(found)} splits: {label}"
    axis = tree_diagram(tree.parents, names, [*LAYERS, "tasks"], marks=parts, title=title)
    screen.update(axis.figure)
    plt.close(axis.figure)


live = plan_for(replace(short, dataset=dataset, scale=scale), root=root)
on_cpu = open_fabric(device="cpu", precision="32-true")
loop = Loop(on_cpu, seed, folder / "live" / "state.safetensors", {}, progress=False)
searched = live.train(live, loop, on_round=show)
plt.close("all")

# %% [markdown]
# Is it the same search? At smoke scale we compare every tree. At any scale, groups only ever join on the way down: tasks that share a branch at
# one layer share one at all layers below.

# %%
if (dataset, scale) == ("celeba-twin", "smoke"):
    assert found == trees
for tree in found:
    for layer in range(1, len(LAYERS)):
        below = {t: k for k, branch in enumerate(tree.tasks_of(layer - 1)) for t in branch}
        assert all(len({below[t] for t in branch}) == 1 for branch in tree.tasks_of(layer))
print("both searches found the same trees; every group lies inside one group of the layer below")

# %% [markdown]
# ## Stop and go on
#
# A search of hours must survive a power cut. We pull the plug in the middle of a round, and start again.


# %%
calls = iter(range(10**9))


def unplugged(*arguments, **options):
    if next(calls) == 3 * size.interval + 2:  # the third iteration of the fourth round
        raise KeyboardInterrupt
    return rehearsal.losses(*arguments, **options)


state = folder / "killed" / "state.safetensors"
killed = replace(loop, checkpoint=state, checkpoint_seconds=0)
try:
    rehearsal.train(replace(rehearsal, losses=unplugged), killed)
except KeyboardInterrupt:
    print("killed; on disk:", sorted(path.name for path in (state.parent / "search").iterdir()))
resumed = rehearsal.train(rehearsal, killed)
assert Tree.from_list(resumed.structure["tree"]) == trees[-1]
print("resumed: the same tree")

# %% [markdown]
# Two files. One holds the last decision: tree, weights, affinities. The other is the checkpoint of the round that was running, as of any training. Round
# and final training are the same loop; a round just leaves it early.
#
# ## The plan
#
# The variants of this chapter, from the recipe. *Alpha* is the {term}`branching factor`. A regrouped network takes the tree of `branch-32-2.0` and deals
# its tasks anew.

# %%
rows = []
for name, variant in VARIANTS.items():
    tasks_from = {
        "original": "as found",
        "corrected": "by kappa",
        "correlated": "by label correlation",
    }
    start = "source" if variant.pretrained else "random weights"
    if variant.filters != "somp":
        start = f"source, {variant.filters} filters"
    rows.append(
        {
            "variant": name,
            "network": variant.network,
            "omega": str(variant.omega or "—"),
            "alpha": "—" if variant.alpha is None else f"{variant.alpha:g}",
            "start": start,
            "tasks": tasks_from.get(variant.regroup, variant.regroup or "—"),
            "longer": "yes" if variant.longer else "—",
        }
    )
show_table(Table("Variants of this chapter", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# *Longer* means: trained for as many iterations as the search and the final training together. A search trains, too. The settings, beside those of the
# paper; a dash says that the paper is silent:

# %%
protocol = load_paper(PAPER).protocol["training"]


def settings_of(at: str) -> dict[str, str]:
    of = size_of(dataset, at)
    steps = len(load_splits(dataset, at)["train"]) // of.fit.batch_size if of.train else None
    return {
        "image size": f"{of.image_size}",
        "channels divided by": f"{of.divisor}",
        "batch": f"{of.fit.batch_size}",
        "iterations": f"{of.fit.epochs * steps}" if steps else f"{of.fit.epochs} epochs",
        "between decisions": f"{of.interval}",
        "learning rate of branches": f"{of.rates.get('branched', of.fit.learning_rate):g}",
        "rate falls at": ", ".join(f"{m:.2f}" for m in of.fit.milestones),
        "momentum, weight decay": f"{of.fit.momentum:g}, {of.fit.weight_decay:g}",
    }


printed = (None, 1, "batch_size", "iterations", "update_interval", "learning_rate", None, None)
rows = []
for key, value in zip(settings_of(scale), printed, strict=True):
    ours = {f"scale {at}": settings_of(at)[key] for at in dict.fromkeys((scale, "paper"))}
    words_ = "—" if value is None else str(protocol.get(value, value))
    rows.append({"setting": key, **ours, "the paper": words_})
show_table(Table(f"Settings for {dataset}", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## Train
#
# Five networks: the wide one, the compact one, the thin one, and two that grew from it.

# %%
some = ("vgg", "low-rank", "thin-32", "branch-32-1.0", "branch-32-2.0")
runs = {v: fit_or_load(RunSpec(PAPER, v, dataset, scale, seed), root=root) for v in some}
for name in ("vgg", "low-rank", "thin-32"):
    print(f"{name:<10}{runs[name].metrics['selected']['weights']:>10,.0f} weights")

# %% tags=["hide-input"] mystnb={"image": {"alt": "Mean accuracy on validation images by epoch for VGG-16, low-rank, thin-32 and two branched networks."}}
fig, axis = figure(4.6, 3.8)
for (name, run), line in zip(runs.items(), ("s-", "v:", "o-", "^--", "D--"), strict=True):
    curve = [row["val_mean_accuracy"] for row in run.history]
    axis.plot(range(1, len(curve) + 1), curve, line, label=name)
axis.set(xlabel="epoch of the final training", ylabel="mean accuracy, validation")
axis.set_xticks(range(1, len(curve) + 1))
axis.legend(fontsize=9)
_ = axis.set_title(f"{label}, one seed", fontsize=11)

# %% tags=["nbval-ignore-output"]
lowest = floors(data["test"].labels, tasks)
metrics = {"mean_accuracy": "mean acc.", "top10_recall": "top-10 recall"}
rows = [{"variant": "floor"} | {n: f"{lowest[m]:.3f}" for m, n in metrics.items()}]
rows[0] |= {"weights": "—"}
for name, run in runs.items():
    values = run.metrics["selected"]
    row = {"variant": name} | {n: f"{values[m]:.3f}" for m, n in metrics.items()}
    rows.append(row | {"weights": f"{values['weights']:,.0f}"})
show_table(Table(f"Test, {label}, one seed", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# Some smoke networks stay at the {term}`floor` or below it: so few steps teach little. What must hold on any machine:

# %%
for name, run in runs.items():
    assert run.history[-1]["train_loss"] < run.history[0]["train_loss"], name
    assert 0 < run.metrics["selected"]["mean_accuracy"] < 1
size_of_run = {name: run.metrics["selected"]["weights"] for name, run in runs.items()}
assert size_of_run["thin-32"] <= size_of_run["branch-32-1.0"] < size_of_run["vgg"]
net = runs["branch-32-2.0"].network(plan_for(runs["branch-32-2.0"].spec, root=root))
assert count_weights(net) == size_of_run["branch-32-2.0"]
print("losses fell; sizes are in order; the branched network was rebuilt from its record")

# %% [markdown]
# ## Two domains, one network
#
# Faces have no labels for clothes, and clothes none for faces. The paper lets the VGG-16 of each domain answer for the images of the other, and
# trains on these {term}`soft labels <soft label>` beside the real ones. In the library, unknown labels are NaN until they are filled.

# %%
from mtattr.adaptive_sharing.domains import fill_unknown, join

show_source(join, fill_unknown, beginnings.taught)

# %%
both = "celeba+deepfashion-twin" if dataset.endswith("-twin") else "celeba+deepfashion"
joint = plan_for(RunSpec(PAPER, "branch-32-2.0", both, scale, seed), root=root)
bare = load_splits(both, scale, root=root)["train"].labels
labels = joint.data["train"].labels
half = bare[:, 0].isnan().nonzero()[0].item()  # faces come first
print(f"{len(labels)} images, {labels.shape[1]} tasks")
print(
    f"unknown before: {bare.isnan().float().mean():.2f} of all labels, after: {labels.isnan().sum()}"
)
assert labels.isnan().sum() == 0
assert torch.equal(labels[~bare.isnan()], bare[~bare.isnan()])
soft = labels[bare.isnan()]
assert ((soft > 0) & (soft < 1)).all()

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three drawn faces and three drawn garments. Under each stand the answers of the network of the other domain with their probabilities."}}
joined = joint.data["train"]
pictures = [*range(3), *range(half, half + 3)]
titles = []
for i in pictures:
    other = bare[i].isnan().nonzero().flatten()
    top = other[labels[i, other].argsort(descending=True)[:2]].tolist()
    titles.append(
        "\n".join(f"{joined.tasks[t].name.replace('_', ' ')} {labels[i, t]:.2f}" for t in top)
    )
_ = image_grid(
    joined.images[pictures], titles, columns=3, size=1.6, title=f"{both}, scale: {scale}"
)

# %% [markdown]
# A face is asked for its garment and a garment for its smile. The answers are nonsense in a way that has a system, and the joint network learns the system.
#
# ## On a GPU, on several
#
# The same commands. The affinities are gathered from all processes, so every process takes the same decision. Nothing here was measured on a GPU.
#
# ```bash
# mtattr run adaptive_sharing --variant branch-32-2.0 --dataset celeba --root FOLDER --scale paper
# torchrun --nproc-per-node 4 -m mtattr.cli run adaptive_sharing --variant branch-32-2.0 --dataset celeba --root FOLDER --scale paper
# ```
#
# ## Take away
#
# - The search is a training with interruptions. Each interruption makes one decision and starts afresh.
# - Who searches also trains. Compare with a network that had as much training.
# - A tree is data: it goes into the record, and the record suffices to rebuild the network.
# - Missing labels can be filled by other networks. What they fill in is their opinion.
#
# ## Exercises
#
# **1.** What does the search do with $\alpha = 0$? Predict the tree, then run it.

# %% tags=["hide-cell", "solution"]
none = fit_or_load(
    RunSpec(PAPER, "branch-32-2.0", dataset, "smoke", seed, {"alpha": 0}), root=root
)
decisions = none.record["search"]["decisions"]
print([f"{d['layer']}: {d['branches']} branch" for d in decisions])
assert Tree.from_list(none.record["structure"]["tree"]) == Tree.trunk(len(tasks))

# %% [markdown]
# Separation costs nothing, so any branch is too dear: the thin model of the paper's name Branch-32-0.
#
# **2.** How many iterations did the search of `branch-32-2.0` add to its final training?

# %% tags=["nbval-ignore-output", "hide-cell", "solution"]
run = runs["branch-32-2.0"]
extra = run.record["search"]["iterations"]
print(f"{extra} iterations in rounds that were over before it")
print(f"all in all {beginnings.iterations_of(run)}")

# %%
assert beginnings.iterations_of(run) - extra == len(run.history) * (
    len(train) // size_of(dataset, scale).fit.batch_size
)

# %% [markdown]
# **3.** Tasks of the other domain always come with soft labels. How does the library decide whether such an image is difficult? Look at `error_margins` on the
# previous page: the soft label is cut at one half first. So a teacher that says 0.49 and one that says 0.01 count alike.
#
# **Read next:** the [evaluation](evaluate.ipynb), with five seeds.
