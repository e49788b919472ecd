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
# # Evaluate: is it the branches?
#
# The paper reports that a network which branches while it trains comes close to VGG-16 at a fraction of its size, with one run of each
# network. We repeat its tables and figures over several seeds. Then we ask what it does not: is it the branching, or the size, or the time
# spent searching? And does it matter who shares a branch with whom?

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to judge an architecture against the right controls, read a learned tree, and tell an agreement from
# an agreement by chance.
#
# **You need** the pages [build](build.ipynb) and [train](train.ipynb).
#
# **Scale.** *Reduced* numbers come from the committed {term}`ledger`, of drawn faces and drawn clothes. Every table and figure says so. Where nothing is on
# record yet, the page says *not run yet*. One cell times networks of the paper's size, on the machine that runs it.
# **Cost** of the runs on a CPU, as measured: see the [results page](../../book/results.md). No GPU is needed.
# ```

# %% tags=["parameters"]
dataset: str = "celeba-twin"  # or celeba with root
root: str | None = None  # folder of the official files, for the real set
scale: str = "smoke"  # smoke, reduced or paper
seed: int = 0  # of the tree that is drawn and of the timed networks

# %%
import math
from itertools import combinations

import numpy as np
import torch
from IPython.display import display
from mtattr.evaluation import latency, rank_correlation, t_interval
from mtattr.evidence import (
    Table,
    claims_table,
    deviation_table,
    errata_table,
    format_number,
    interval_words,
    judge,
    load_paper,
    measures,
    paired_difference,
    runs_by_seed,
)
from mtattr.pages import course_ledger, show_table
from mtattr.plots import figure, tree_diagram

FACES, CLOTHES, BOTH = "celeba-twin", "deepfashion-twin", "celeba+deepfashion-twin"
SCALE, NONE = "reduced", "not run yet"

# %% [markdown]
# Two short helpers ask the ledger: for the records of one network on one dataset, by seed, and for a number of each. The library has the rest.

# %%
from mtattr.adaptive_sharing import (
    LAYERS,
    VGG16_WIDTHS,
    BranchedVGG,
    Tree,
    agreement,
    count_weights,
    fold_batch_norm,
    low_rank_vgg16,
    thin_widths,
)
from mtattr.adaptive_sharing.affinity import chance_affinity
from mtattr.adaptive_sharing.agreement import group_labels
from mtattr.adaptive_sharing.regroup import label_affinity
from mtattr.adaptive_sharing.search import affinity_from
from mtattr.twins.faces import TASKS, factor_of, sample_scenes

paper = load_paper("adaptive_sharing")
ledger = [
    r
    for r in course_ledger()
    if (r["spec"]["paper"], r["spec"]["scale"], r["spec"]["settings"]) == (paper.name, SCALE, {})
]


# %%
def runs(variant: str, twin: str = FACES) -> dict[int, dict]:
    return runs_by_seed(ledger, variant=variant, dataset=twin)


def by_seed(variant: str, metric: str, twin: str = FACES, epoch="selected") -> dict[int, float]:
    return measures(runs(variant, twin), metric, epoch)


def heading(*variants: str, twin: str = FACES) -> str:
    seeds = min((len(runs(v, twin)) for v in variants), default=0)
    return f"{twin} (generated), {SCALE}, seeds: {seeds}"


# %% [markdown]
# ## Verdicts
#
# A {term}`verdict` is computed from the ledger by tested code, paired by seed. The claims were committed before the runs. Numbers are
# differences, or the one number that a claim is about, with their 95 % interval. [How to read one](../../book/verdicts.md).

# %%
about = {"scale": SCALE, "datasets": (FACES, CLOTHES, BOTH)}
display(show_table(claims_table(paper, ledger, title="What the paper claims", **about)))
about["ours"] = True
display(show_table(claims_table(paper, ledger, title="What the paper does not ask", **about)))
title = "Asked after the first runs"
show_table(claims_table(paper, ledger, title=title, exploratory=True, **about))

# %% [markdown]
# *Trend holds* is the most that drawn data can give: the paper's own numbers can only be met on its own data, at {term}`paper scale`. Of its joint networks the
# paper says that they are comparable to the single ones. We take the losses that it prints as the bound.
#
# ## Table 1
#
# CelebA as printed, and ours on drawn faces. All our networks have a quarter of the channels, the names are those of the paper. Only orderings can be
# compared, never the numbers. The {term}`floor` is what the most frequent answer reaches without looking; for recall, the ten most common attributes.


# %%
def beside_print(table, metrics: dict[str, str], names: dict[str, tuple[str, str]]) -> Table:
    """metrics: our metric -> the column that the paper prints."""
    rows = []
    for name, (variant, twin) in names.items():
        row = {"network": name}
        for metric, column in metrics.items():
            printed = format_number(table.value(name, column))
            row[column] = f"{printed}<br>ours {interval_words(by_seed(variant, metric, twin))}"
        rows.append(row)
    floors = [r["floors"] for r in runs(*names["vgg"]).values()]
    row = {"network": "floor"}
    for metric, column in metrics.items():
        row[column] = (
            format_number(float(np.mean([f[metric] for f in floors]))) if floors else NONE
        )
    caption = f"{table.where}, printed; ours: {heading('vgg', twin=names['vgg'][1])}; joint rows: {BOTH}"
    return Table(caption, ("network", *metrics.values()), (*rows, row))


# %%
ROWS = {name: (name, FACES) for name in ("vgg", "low-rank", "thin-32")}
ROWS |= {name: (name, FACES) for name in ("branch-32-1.0", "branch-32-2.0", "branch-64-1.0")}
JOINT = {f"joint {name}": (name, BOTH) for name in ("branch-32-2.0", "branch-64-2.0")}
first = paper.table("celeba-accuracy")
show_table(
    beside_print(
        first, {"mean_accuracy": "accuracy", "top10_recall": "top10_recall"}, ROWS | JOINT
    )
)

# %% [markdown]
# Those were the selected epochs. The last ones, with size and speed at the size of these runs: 32 px, one image at a time, batch norm folded,
# one thread of a busy machine.

# %%
rows = []
for variant, twin in (ROWS | JOINT).values():
    ours = runs(variant, twin)
    row = {"network": f"{'joint ' * (twin == BOTH)}{variant}"}
    row["accuracy, last epoch"] = interval_words(by_seed(variant, "mean_accuracy", twin, "last"))
    for metric, head in (("weights", "weights"), ("megaflops", "Mflop"), ("milliseconds", "ms")):
        values = [r["metrics"]["selected"][metric] for r in ours.values()]
        row[head] = f"{np.mean(values):,.{0 if metric == 'weights' else 1}f}" if values else NONE
    rows.append(row)
show_table(Table(f"{heading('vgg')}; joint rows: {BOTH}", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# At this size a layer is so small that starting it takes longer than computing it. So the small times say little, and no verdict rests on
# them. The next cell builds networks of the paper's own size, 224 px, with the trees of our runs, and times them on the machine that runs this page.

# %% tags=["nbval-ignore-output"]
named = {"vgg": BranchedVGG(Tree.trunk(40), VGG16_WIDTHS), "low-rank": low_rank_vgg16(40)}
named["thin-32"] = BranchedVGG(Tree.trunk(40), thin_widths(32))
for variant in ("branch-32-1.0", "branch-32-2.0", "branch-64-1.0"):
    if seed in runs(variant):
        tree = Tree.from_list(runs(variant)[seed]["structure"]["tree"])
        named[variant] = BranchedVGG(tree, thin_widths(int(variant.split("-")[1])))
printed, image = lambda name: first.value(name, "milliseconds"), torch.rand(1, 3, 224, 224)
seconds = {name: latency(fold_batch_norm(net), image, repeats=5) for name, net in named.items()}
rows = [
    {
        "network": name,
        "weights, million": f"{count_weights(net) / 1e6:.2f}",
        "ms": f"{1000 * seconds[name]:.0f}",
        "times faster": f"{seconds['vgg'] / seconds[name]:.1f}",
        "printed, K40": f"{printed('vgg') / printed(name):.1f}",
    }
    for name, net in named.items()
]
sizes = [round(count_weights(net) / 1e6, 2) for net in named.values()]
assert sizes[:3] == [134.41, 4.52, 0.22], "the printed sizes, in million weights"
del named
show_table(Table("The paper's size, random weights, this machine", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# Compare the last two columns: the printed ratios are of another machine and another implementation, and of other trees. `benchmarks/branches.py` times trees with the printed numbers of weights, many times over, for one image and for many, and against a loop over branches.
#
# ## Table 2
#
# Clothes: 50 categories in the paper, 17 drawn ones here, which makes a place among three or five easier.

# %%
second = paper.table("deepfashion-accuracy")
clothes = {name: (name, CLOTHES) for name in ("vgg", "low-rank")} | JOINT
columns = {name: name for name in ("top3_accuracy", "top5_accuracy")}
show_table(beside_print(second, columns, clothes))

# %% [markdown]
# What the joint networks lose against the two networks that taught them, on the same test images:

# %%
rows = []
for variant in ("branch-32-2.0", "branch-64-2.0"):
    row = {"joint": variant}
    for metric, head in (
        ("mean_accuracy_gap", "faces, accuracy"),
        ("top3_accuracy_gap", "clothes, top 3"),
    ):
        values = list(by_seed(variant, metric, BOTH).values())
        row[head] = interval_words(values, signed=True)
    rows.append(row)
show_table(
    Table(
        f"Joint minus alone, {heading('branch-32-2.0', twin=BOTH)}", tuple(rows[0]), tuple(rows)
    )
)

# %% [markdown]
# ## Table 3
#
# How much accuracy branch-32-2.0 loses against VGG-16, in percentage points, with and without a pretrained start. If the thin network made poor use of the
# pretrained filters, the loss should shrink when both networks start from random weights. The intervals are of each loss; the difference of the two losses is
# not tested.

# %%
third, rows = paper.table("accuracy-drop"), []
for name, a, b in (
    ("pretrained", "branch-32-2.0", "vgg"),
    ("scratch", "branch-32-2.0-scratch", "vgg-scratch"),
):
    row = {"start": name}
    for metric, column in zip(("mean_accuracy", "top10_recall"), third.columns, strict=True):
        ours = {s: 100 * v for s, v in by_seed(a, metric).items()}
        gap = paired_difference(ours, {s: 100 * v for s, v in by_seed(b, metric).items()})
        text = f"{gap.mean:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]" if gap.n else NONE
        row[column] = f"{100 * third.value(name, column):+.2f}<br>ours {text}".replace("-", "−")
    rows.append(row)
show_table(
    Table(f"Table 3, printed; ours: {heading('vgg-scratch', 'vgg')}", tuple(rows[0]), tuple(rows))
)

# %% [markdown]
# ## The controls
#
# Against the thin network it grew from, a branched one has three advantages: more weights, more training, and branches. *Longer* takes away
# the second, *matched* the first two. The lower half of the figure keeps the tree and moves the tasks.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Differences of mean accuracy with 95 percent intervals: branch-32-2.0 minus thin, longer and matched networks, and four ways to deal the tasks minus the learned one."}}
PAIRS = [
    ("branch-32-2.0", other, f"branched − {other}")
    for other in ("thin-32", "thin-32-longer", "matched", "vgg")
]
PAIRS += [
    (f"regroup-{how}", "regroup-original", f"{how} − learned places")
    for how in ("swapped", "shuffled", "correlated", "corrected")
]
fig, axis = figure(4.8, 3.9)
for y, (a, b, _) in enumerate(PAIRS):
    gap = paired_difference(by_seed(a, "mean_accuracy"), by_seed(b, "mean_accuracy"))
    if gap.n > 2:
        style = {"fmt": "os"[y > 3], "capsize": 3, "color": ("#0072B2", "#D55E00")[y > 3]}
        axis.errorbar(100 * gap.mean, y, xerr=100 * (gap.high - gap.mean), **style)
    else:
        axis.text(0, y, NONE, va="center", fontsize=9)
axis.axvline(0, color="black", linewidth=1)
axis.set_yticks(range(len(PAIRS)), [name for *_, name in PAIRS], fontsize=9)
axis.set(ylim=(len(PAIRS) - 0.5, -0.5), xlabel="mean accuracy, percentage points")
axis.grid(axis="x")
_ = axis.set_title(heading("matched", "regroup-original"), fontsize=10)

# %%
for a, b, name in PAIRS:
    gap = paired_difference(by_seed(a, "mean_accuracy"), by_seed(b, "mean_accuracy"))
    print(f"{name:<28}{interval_words(gap, signed=True)}")
grown = (by_seed(f"{v}", "mean_accuracy") for v in ("branch-32-2.0-scratch", "regroup-original"))
gap = paired_difference(*grown)
print(
    f"exploration: a tree grown from random weights − a grown tree planted whole {interval_words(gap, signed=True)}"
)
for other in ("thin-32", "thin-32-longer", "matched"):
    both = sorted(runs("branch-32-2.0").keys() & runs(other).keys())
    if both:
        accuracy = [
            [runs(v)[s]["task_metrics"]["accuracy"] for s in both]
            for v in ("branch-32-2.0", other)
        ]
        gain = np.subtract(*np.array(accuracy, dtype=float)).mean(0)
        top = np.argsort(-gain)[:3]
        share = gain[top].sum() / gain.sum()
        print(
            f"against {other}, three tasks have {share:.0%} of the gain: {', '.join(TASKS.names[t] for t in top)}"
        )

# %% [markdown]
# A mean hides where a gain comes from. If a few related tasks bring most of it, then "branches help" means that they helped with these.
#
# The lower four ask whether it matters who shares with whom. If random places did as well as learned ones, the learned ones would be worth nothing; a better
# grouping could still exist. An interval that spans 0 says neither.
#
# The exploration came after the runs. It compares a network that grew its tree from random weights with one that was given a tree from its first step.
# The trees differ too: one grew from random weights, the other from selected filters. So it compares two procedures and has no single cause.
#
# ## Figure 3
#
# What each task loses when the left half of the tree changes places with the right half. The paper shows this for one tree and one run; here each dot is the
# mean over seeds, each with a tree of its own. Hollow: all tasks dealt at random. Many hardly move; the title
# counts. The paper reports a loss for most tasks. Those that move are tasks which a narrow network
# learns in some runs and misses in others, whence the wide intervals.


# %%
def lost(how: str) -> np.ndarray:
    """Accuracy with learned places minus with others, percentage points, seeds x tasks."""
    both = runs("regroup-original").keys() & runs(f"regroup-{how}").keys()
    of = [
        [runs(f"regroup-{h}")[s]["task_metrics"]["accuracy"] for s in both]
        for h in ("original", how)
    ]
    return 100 * np.subtract(*np.array(of, dtype=float))


# %% tags=["hide-input"] mystnb={"image": {"alt": "Accuracy lost by each of forty drawn face attributes when the grouping is swapped, sorted, with intervals; hollow marks for random dealing."}}
fig, axis = figure(4.6, 8.0)
if runs("regroup-swapped"):
    swapped, dealt = lost("swapped"), lost("shuffled")
    order = np.argsort(-swapped.mean(0))
    for place, t in enumerate(order):
        found = t_interval(swapped[:, t])
        style = {"fmt": "o", "color": "#0072B2", "markersize": 4, "capsize": 0}
        axis.errorbar(found.mean, place, xerr=found.high - found.mean, **style)
        axis.plot(dealt[:, t].mean(), place, "o", mfc="white", mec="#D55E00", markersize=5)
    axis.set_yticks(range(40), [TASKS.names[t].replace("_", " ") for t in order], fontsize=9)
    axis.set_ylim(39.5, -0.5)
    mean = swapped.mean(0)
    counts = f"{(mean > 0).sum()} lose, {(mean < 0).sum()} gain, {(mean == 0).sum()} equal"
    axis.set_title(f"{heading('regroup-swapped')}\n{counts}", fontsize=10)
else:
    axis.set_title(NONE)
axis.axvline(0, color="black", linewidth=1)
axis.set_xlabel("accuracy lost, percentage points")
axis.grid(axis="x")

# %% [markdown]
# ## Figure 4
#
# The tree of one seed. The paper finds its groups intuitive: facial hair together, make-up together. Look for both, and for groups that you cannot name. A
# dot's colour and shape tell the part of the face, the number the {term}`base rate`.

# %% tags=["hide-input"] mystnb={"image": {"alt": "The tree that branch-32-2.0 found, from conv1_1 to the forty face attributes, each with its base rate and a mark for the part of the face."}}
labels = sample_scenes("train", 6000, 0).labels  # of the training images, without drawing them
rates = labels.mean(0)
named = [f"{n.replace('_', ' ')}, {r:.2f}" for n, r in zip(TASKS.names, rates, strict=True)]
mine = runs("branch-32-2.0").get(seed)
tree = Tree.from_list(mine["structure"]["tree"]) if mine else Tree.trunk(40)
title = f"seed {seed}, {SCALE}, generated" if mine else NONE
axis = tree_diagram(
    tree.parents, named, [*LAYERS, "tasks"], marks=[t.group for t in TASKS], title=title
)
_ = axis.set_xlim(-0.2, 25)

# %%
KNOWN = {
    "part of the face": [t.group for t in TASKS],
    "hidden cause": [factor_of(t.name) or t.name for t in TASKS],
    "base rate, in fifths": (rates.argsort().argsort() // 8).tolist(),
}


def indices(layer: str, known: list) -> list[float]:
    """Adjusted Rand index of the groups at a layer with known ones, a number a seed."""
    found = []
    for record in runs("branch-32-2.0").values():
        branches = Tree.from_list(record["structure"]["tree"]).tasks_of(LAYERS.index(layer))
        groups = group_labels(branches, 40)
        found.append(
            agreement(groups, known, permutations=0)["index"] if max(groups) else math.nan
        )
    return found


# %%
rows = []
for layer in ("fc7", "fc6", "conv5_3", "conv4_3", "conv3_3"):
    row = {"groups at": layer}
    for name, known in KNOWN.items():
        values = [v for v in indices(layer, known) if not math.isnan(v)]
        row[name] = interval_words(values, signed=True)
    rows.append(row)
display(
    show_table(
        Table(f"Adjusted Rand index, {heading('branch-32-2.0')}", tuple(rows[0]), tuple(rows))
    )
)
for name, known in KNOWN.items():
    if not mine:
        print(f"{name}: {NONE}")
        continue
    found = agreement(group_labels(tree.tasks_of(LAYERS.index("fc7")), 40), known)
    print(
        f"{name:<22}index {found['index']:+.3f}, 95 % of random deals below {found['chance']:.3f}, p = {found['p']:.3f}"
    )

# %% [markdown]
# 0 is what random groups of these sizes reach on average, 1 is perfect agreement. The column of base rates is an exploration: it was added when the first trees
# had been seen. The lines below the table are a permutation test for the tree of
# one seed: how often does chance do as well?
#
# ## Agreement by chance
#
# Two tasks that ignore each other agree on $p_1 p_2 + (1 - p_1)(1 - p_2)$ of the images, where $p$ is the share of difficult ones. Here is the affinity of each
# pair, beside that number. On the line, there is nothing but chance.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Affinity of each pair of attributes against the affinity that chance alone would give; the points scatter around the diagonal, widely on the left, where chance gives one half."}}
fig, axis = figure(4.6, 4.2)
pairs = torch.triu_indices(40, 40, offset=1)
if mine:
    matrix, shares = affinity_from(mine["search"])
    expected = chance_affinity(shares)[pairs[0], pairs[1]]
    actual = matrix[pairs[0], pairs[1]]
    axis.plot(expected, actual, "o", markersize=3, alpha=0.5, markeredgewidth=0)
    axis.plot([0.4, 1], [0.4, 1], color="black", linewidth=1)
    above = (actual - expected).argsort(descending=True)[:4].tolist()
    for k in above:
        names = [TASKS.names[pairs[side][k]].replace("_", " ") for side in (0, 1)]
        style = {"fontsize": 8, "va": "center", "bbox": {"fc": "white", "ec": "none", "pad": 1}}
        line = {"arrowstyle": "-", "color": "black", "lw": 0.8}
        place = (0.415, 1.04 - 0.03 * above.index(k))
        axis.annotate(
            " + ".join(names), (expected[k], actual[k]), place, arrowprops=line, **style
        )
axis.set(xlabel="by chance", ylabel="affinity", xlim=(0.4, 1), ylim=(0.25, 1.06))
_ = axis.set_title(f"seed {seed}, {heading('branch-32-2.0')}", fontsize=10)

# %%
rows = []
for record in runs("branch-32-2.0").values():
    matrix, shares = affinity_from(record["search"])
    expected, actual = (m[pairs[0], pairs[1]] for m in (chance_affinity(shares), matrix))
    explained = 1 - ((actual - expected).var() / actual.var()).item()
    phi = label_affinity(labels)[pairs[0], pairs[1]]
    rows.append(
        (rank_correlation(actual, expected), explained, rank_correlation(actual - expected, phi))
    )
heads = (
    "rank correlation with chance",
    "variance that chance explains",
    "beyond chance: rank correlation with |phi|",
)
for head, values in zip(heads, zip(*rows, strict=True) if rows else [[]] * 3, strict=True):
    print(f"{head:<44}{interval_words(values)}")

# %% [markdown]
# The last line asks whether what remains beyond chance follows the correlation of the labels, $|\phi|$, which needs no network at all.
#
# ## Would another seed find the same tree?

# %%
searched = runs("branch-32-2.0")
affinities = {s: affinity_from(r["search"])[0][pairs[0], pairs[1]] for s, r in searched.items()}
at_fc7 = {
    s: Tree.from_list(r["structure"]["tree"]).tasks_of(LAYERS.index("fc7"))
    for s, r in searched.items()
}


def alike(a: int, b: int) -> float:
    return agreement(*(group_labels(at_fc7[s], 40) for s in (a, b)), permutations=0)["index"]


between = {
    "rank correlation of affinities": lambda a, b: rank_correlation(affinities[a], affinities[b]),
    "adjusted Rand index of the groups at fc7": alike,
}
for name, of in between.items():
    values = [of(a, b) for a, b in combinations(sorted(searched), 2)] or [math.nan]
    low, high = min(values), max(values)
    print(f"{name:<42}mean of pairs {np.mean(values):.2f}, from {low:.2f} to {high:.2f}")

# %%
for variant in ("branch-32-1.0", "branch-32-2.0", "branch-64-1.0"):
    copies = [Tree.from_list(r["structure"]["tree"]).copies for r in runs(variant).values()]
    lowest = [LAYERS[sum(n == 1 for n in c)] for c in copies if max(c) > 1]
    print(f"{variant:<14} branches at fc7: {[c[-1] for c in copies]}, forks down to: {lowest}")

# %% [markdown]
# ## Figure 5
#
# The thin network from selected filters, and from random weights. The band is the 95 % interval over seeds. The paper plots training accuracy as well; we keep the
# training loss. Dotted, an exploration of ours: filters of the same wide network, drawn at random.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Validation accuracy and training loss by epoch of thin-32 from SOMP filters and from random weights, with bands over seeds."}}
fig, axes = figure(4.6, 5.4, rows=2, sharex=True)
STARTS = {"thin-32": "SOMP", "thin-32-scratch": "random weights"}
STARTS |= {"thin-32-random-filters": "random filters"}
PANELS = {"val_mean_accuracy": "mean accuracy, validation", "train_loss": "training loss"}
for axis, (key, y) in zip(axes.flat, PANELS.items(), strict=True):
    for (variant, name), line in zip(STARTS.items(), ("-", "--", ":"), strict=True):
        curves = [[e[key] for e in r["history"]] for r in runs(variant).values()]
        if curves:
            found = [t_interval(column) for column in zip(*curves, strict=True)]
            at = range(1, len(found) + 1)
            (drawn,) = axis.plot(at, [f.mean for f in found], line, label=name)
            low, high = [f.low for f in found], [f.high for f in found]
            axis.fill_between(at, low, high, color=drawn.get_color(), alpha=0.2)
    axis.set_ylabel(y, fontsize=10)
axes[1, 0].set(xlabel="epoch", xticks=range(1, 10, 2))
axes[0, 0].legend(fontsize=10)
_ = axes[0, 0].set_title(heading("thin-32", "thin-32-scratch"), fontsize=10)

# %% [markdown]
# ## When this helps, and when not
#
# The words are chosen by code from the verdicts above, so they cannot outlive them.

# %%
QUESTIONS = {
    "branching-beats-thin-2": "a branched network beats the thin one it grew from",
    "branches-beat-width": "it beats one without branches, as large and trained for as long",
    "as-good-as-low-rank": "it is within half a point of the low-rank VGG-16",
    "grouping-beats-swapped": "exchanging the halves hurts",
    "grouping-beats-random": "dealing the tasks at random hurts",
    "grouping-beats-correlation": "learned groups beat groups by label correlation",
}
SAYS = {"trend holds": "yes", "not reproduced": "no", "inconclusive": "open"}
for name, question in QUESTIONS.items():
    found = judge(paper.claim(name), ledger, dataset=FACES, scale=SCALE)
    print(f"{SAYS.get(found.verdict, NONE):<12}{question}")

# %% [markdown]
# Before you let a network branch on your own attributes, ask:
#
# - *Is the trunk too thin?* Branches can only help where tasks compete for channels. Try one that is simply wider first.
# - *Does the grouping matter on your data?* Deal the tasks at random, several times, with several seeds. Once tells nothing.
# - *How rare are your attributes?* Rare ones look alike by chance. Compare each affinity with its chance before you read meaning into a group. Whether that
#   also makes a better network is a question of its own: see the list above.
# - *Which tasks gain?* Look at each, not at the mean.
# - *Do you need one small network for many tasks?* A tree is one shape for it. Measure its speed on your machine, at your size.
#
# ## Failure cases
#
# Attributes on which the branched network is no better than not looking, and those that win and lose most against the thin one.

# %%
both = sorted(runs("branch-32-2.0").keys() & runs("thin-32").keys())
if both:
    deep, thin = (
        np.array([runs(v)[s]["task_metrics"]["accuracy"] for s in both])
        for v in ("branch-32-2.0", "thin-32")
    )
    floor = np.array([runs("thin-32")[s]["task_metrics"]["floor"] for s in both]).mean(0)
    below = [TASKS.names[t] for t in (deep.mean(0) <= floor).nonzero()[0]]
    print(f"not above the floor: {len(below)} of 40: {', '.join(below)}")
    for text, t in (
        ("most won", (deep - thin).mean(0).argmax()),
        ("most lost", (deep - thin).mean(0).argmin()),
    ):
        print(f"{text}: {TASKS.names[t]} {interval_words((deep - thin)[:, t], signed=True)}")
else:
    print(NONE)

# %% [markdown]
# The extremes of many attributes are extreme partly by chance: their intervals were not chosen before the look, and are too narrow.
#
# ## Deviations and errata
#
# Where we depart from the paper, and what is odd in it. Both lists are part of the library, with the arithmetic.

# %%
departures = ("item", "paper says", "we do", "expected effect")
display(show_table(deviation_table(paper), columns=departures))
display(show_table(errata_table(paper), columns=("item", "where", "finding", "evidence")))

# %% [markdown]
# ## Take away
#
# - A gain over a smaller network mixes three causes: size, training time, and the idea. One control takes away the time, another the time and the size.
# - A learned structure looks meaningful to whoever looks for meaning. Count against chance.
# - Two events that are rare agree nearly always. An agreement needs its own floor.
# - Speed is a property of a network *and* of the machine and the size at which it runs.
#
# ## Exercises
#
# **1.** The paper says 90 times smaller and 3 times faster than VGG-16. Both from Table 1: which network is it, and what does it lose?

# %% tags=["hide-cell", "solution"]
for column in first.columns:
    a, b = (first.value(name, column) for name in ("vgg", "branch-32-1.0"))
    print(f"{column:<20} {a} / {b} = {a / b:.2f}, {a} - {b} = {a - b:.4f}")
assert round(a / b) == 90  # the last column: parameters

# %% [markdown]
# It is the least accurate of the three branched networks for faces alone.
#
# **2.** Four attributes are each difficult for 3 % of the images, independently. How large is the affinity of two branches with two of them each, by Eq. 7 and 8?

# %% tags=["hide-cell", "solution"]
p = torch.full((4,), 0.03, dtype=torch.float64)
value = chance_affinity(p)[0, 1].item()
print(f"{value:.4f}: the minimum and the mean of equal numbers are that number")
assert math.isclose(value, 0.03**2 + 0.97**2)

# %% [markdown]
# **3.** With which $\alpha$ would a tree of singletons at fc7 win over one branch for all, if the separation cost of the latter is 0.4 and there are 40 tasks?

# %% tags=["hide-cell", "solution"]
alpha = 39 / 64 / 0.4
print(f"above {alpha:.2f}")
assert 1.5 < alpha < 1.53

# %% [markdown]
# **Read next:** {cite:t}`caruana1997` on why tasks should share at all, and the chapter on [loss weights](../adaptive_weighting/build.ipynb), which
# leaves the network as it is and changes the sum.
