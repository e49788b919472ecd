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
# # Evaluate: what do masks buy, and what do they tell?
#
# The paper reads a lot off its masks: which attributes are alike, which features are alike, where the network looks. One network, a few masks shown, no measure. On drawn faces we know which attributes are alike and where each of them is.
# So we repeat the tables over several seeds, and put beside each of them the control that it lacks.

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to judge what each part of a network and each term of a loss buys, test whether two matrices of correlations agree more than chance,
# tell a correlation from the noise of nearly constant masks, and rank channels by what they really add.
#
# **You need** the pages [build](build.ipynb) and [train](train.ipynb), and the {term}`pointing game` of the page on [places](../attention_branch/multitask.ipynb).
#
# **Scale.** *Reduced* numbers come from the committed {term}`ledger`, of drawn faces. Every table and figure says so. Where nothing is on
# record yet, the page says *not run yet*.
# **Cost** of the runs on a CPU, as measured: see the [results page](../../book/results.md). No GPU is needed.
# ```

# %% tags=["parameters"]
dataset: str = "celeba-twin"  # of the records
root: str | None = None  # not read here: this page draws from the ledger
scale: str = "smoke"  # of the page; the records are of scale reduced
seed: int = 0  # of the shuffles

# %% [markdown]
# ## What came out
#
# Each line is the difference of two networks over seeds with its 95 % interval; the grey band is the smallest difference that would matter.
# The sentences are made from the verdicts. [How to read a verdict](../../book/verdicts.md) explains the words.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Forest plot: Masks, against networks without and parts left out. One line per comparison with its interval, the smallest effect of interest as a band, and the verdict."}}
from mtattr.pages import show_finding

show_finding(
    "channel_attention",
    [
        ("masks − plain", "mcan-beats-plain", "celeba-twin"),
        ("masks − plain, as large", "mcan-beats-matched", "celeba-twin"),
        ("masks − no masks", "mcan-beats-unmasked", "celeba-twin"),
        ("a mask per channel − one", "many-channels-beat-one", "celeba-twin"),
        ("trained − frozen masks", "training-of-masks-helps", "celeba-twin"),
        ("with − without context", "context-helps", "celeba-twin"),
        ("with − without reconstruction", "reconstruction-helps", "celeba-twin"),
        ("with − without second head", "multilabel-helps", "celeba-twin"),
    ],
    statement="a mask for each channel and attribute gives a higher accuracy than the same network without masks",
    about=["mcan-beats-unmasked"],
    so_what={
        "yes": "The masks are worth their weights; see below whether they lie on the attribute.",
        "in part": "The masks can be worth their weights.",
        "no": "Leave the masks out if accuracy is what you want.",
        "not shown": "These runs do not decide.",
    },
    title="Masks, against networks without and parts left out",
)

# %%
import warnings
from itertools import combinations

import numpy as np
import torch
from IPython.display import display
from mtattr.evaluation import mantel_test, rank_correlation
from mtattr.evidence import (
    Table,
    claims_table,
    deviation_table,
    errata_table,
    format_number,
    interval_words,
    judge_all,
    load_paper,
    measures,
    paired_difference,
    runs_by_seed,
)
from mtattr.pages import course_ledger, records_of, show_table
from mtattr.plots import figure, map_overlay

SCALE, NONE = "reduced", "not run yet"

# %% [markdown]
# Two short helpers ask the ledger: for the records of one network, by seed, and for a number of each. The library has the rest.

# %%
from mtattr.channel_attention import attribute_correlation, feature_correlation, neighbours
from mtattr.channel_attention.gallery import gallery_of

paper = load_paper("channel_attention")
everything = course_ledger()
ledger = records_of(paper.name, scale=SCALE)
gallery = gallery_of()


def runs(variant: str) -> dict[int, dict]:
    return runs_by_seed(ledger, variant=variant, dataset=dataset)


def by_seed(variant, metric="true_mean_accuracy", epoch="selected") -> dict[int, float]:
    return measures(runs(variant), metric, epoch)


def heading(*variants: str) -> str:
    seeds = min((len(runs(v)) for v in variants), default=0)
    return f"{dataset} (generated), {SCALE}, seeds: {seeds}"


# %% [markdown]
# ## Verdicts
#
# A {term}`verdict` is computed from the ledger by tested code, paired by seed. The claims were committed before the runs; those of the last table grew out of runs of an [earlier edition](../../book/first_edition.md). Numbers are
# differences, or the one number that a claim is about, with their 95 % interval. [How to read one](../../book/verdicts.md). Accuracies are on what was drawn, not on the labels with their errors.

# %%
about = {"scale": SCALE, "datasets": (dataset,)}
display(show_table(claims_table(paper, ledger, title="What the paper claims", **about)))
about["ours"] = True
display(show_table(claims_table(paper, ledger, title="What the paper does not ask", **about)))
show_table(claims_table(paper, ledger, title="Explored", exploratory=True, **about))

# %% [markdown]
# *Trend holds* is the most that drawn data can give: the paper's own numbers can only be met on its own data, at {term}`paper scale`.
#
# ## Table 3
#
# Accuracy of every attribute: printed, the mean of ours, the plain network, and the {term}`floor`, which says the more frequent answer.

# %%
printed, rows = paper.table("attribute-accuracy"), []


def by_task(variant: str, what: str = "accuracy") -> np.ndarray | None:
    # On what is drawn; photographs have their labels alone.
    rows = [r["task_metrics"] for r in runs(variant).values()]
    of = [row.get(f"true_{what}", row[what]) for row in rows]
    return np.mean(of, axis=0) if of else None


ours, plain, floor = by_task("mcan"), by_task("plain"), by_task("mcan", "floor")
tasks = next(iter(runs("mcan").values()))["tasks"] if runs("mcan") else list(printed.rows)
names = [task if isinstance(task, str) else task["name"] for task in tasks]
for k, name in enumerate(names):
    row = {"attribute": name.replace("_", " ")}
    row["printed"] = format_number(printed.value(name, "ours"))
    for head, values in (("masks", ours), ("plain", plain), ("floor", floor)):
        row[head] = NONE if values is None else format_number(values[k])
    rows.append(row)
caption = f"Table 3, printed for CelebA; others: {heading('mcan', 'plain')}"
show_table(Table(caption, tuple(rows[0]), tuple(rows)))

# %%
values = [printed.value(name, "ours") for name in printed.rows]
print(
    f"printed mean of the proposed network: {paper.table('mean-accuracy').value('ours', 'printed'):.4f}"
)
print(f"mean of its {len(values)} printed rows:      {np.mean(values):.4f}")
for name, variant in (("masks", "mcan"), ("plain", "plain"), ("plain, as large", "matched")):
    print(
        f"{name:<18}{interval_words(by_seed(variant))}   last epoch {interval_words(by_seed(variant, epoch='last'))}"
    )
if floor is not None:
    print(f"{'floor':<18}{format_number(floor.mean())}")
print("\nheads of the proposed network, first 1,000 test images for the last three")
for name, metric in (
    ("masked classifiers", "true_mean_accuracy"),
    ("multi-label head beside them", "multilabel_mean_accuracy"),
    ("mean of both", "both_mean_accuracy"),
    ("masked over multi-label", "masked_over_multilabel"),
):
    print(f"{name:<30}{interval_words(by_seed('mcan', metric), signed=' over ' in name)}")

# %% [markdown]
# Two heads answer in the proposed network, and the paper does not say which of them fills its table. The last line says how much that matters.

# %% [markdown]
# ## What each part buys
#
# The proposed network minus the same with one part taken away or changed. Above zero, the part helps. The share of the pixels' variance that the reconstructor explains is 0 for the
# mean image and 1 for the image itself.

# %%
PARTS = {
    "plain": "all of it (plain network)",
    "matched": "all of it (plain, as large)",
    "unmasked": "the masks",
    "single": "a mask for each channel, not one",
    "no-multilabel": "the multi-label head",
    "no-reconstruction": "the reconstructor",
    "no-sparsity": "the L1 norm",
    "frozen-masks": "training the masks",
    "no-context": "the context module",
}
gaps = {name: paired_difference(by_seed("mcan"), by_seed(v)) for v, name in PARTS.items()}
for name, gap in gaps.items():
    print(f"{name:<36}{interval_words(gap, signed=True)}")
explained = interval_words(by_seed("mcan", "reconstruction_explained"))
print(f"\nshare of the pixels' variance that the reconstructor explains: {explained}")

# %% mystnb={"image": {"alt": "For each part of the network the difference in accuracy that it makes, with its 95 percent interval."}} tags=["hide-input"]
fig, axis = figure(5.0, 4.2)
for y, gap in enumerate(gaps.values()):
    if gap.n > 2:
        axis.errorbar(
            100 * gap.mean, y, xerr=100 * (gap.high - gap.mean), fmt="o", capsize=3, color="C0"
        )
    else:
        axis.text(0, y, NONE, va="center", fontsize=9)
axis.axvline(0, color="black", linewidth=1)
axis.set_yticks(range(len(gaps)), list(gaps), fontsize=9)
axis.set(ylim=(len(gaps) - 0.4, -0.6), xlabel="what it adds to the accuracy, percentage points")
axis.grid(axis="x")
_ = axis.set_title(f"generated faces, {SCALE}, 95 % intervals over seeds", fontsize=10)

# %% [markdown]
# ## Figure 1
#
# The mean mask of every channel for every attribute: a row is what the paper draws as one grid. Attributes are sorted by part of the face, channels by their mean. Beside it the same network before it was trained.

# %% mystnb={"image": {"alt": "Two heat maps of 40 attributes by channels: mean masks of the trained network, mostly near zero with a few high ones in each row, and of the untrained one, all near one half."}} tags=["hide-input"]
from mtattr.twins.faces import PART_OF

if gallery is None:
    print(NONE)
else:
    order = sorted(range(len(gallery["tasks"])), key=lambda k: PART_OF[gallery["tasks"][k]])
    fig, axes = figure(6.6, 6.8, columns=2, sharey=True)
    for axis, name in zip(axes[0], ("mcan", "untrained"), strict=True):
        table = gallery["means"][name][0][order]
        drawn = axis.imshow(
            table[:, table.mean(0).argsort()[::-1]], vmin=0, vmax=1, aspect="auto"
        )
        title = "trained" if name == "mcan" else name
        axis.set(title=title, xlabel="channel, sorted")
        axis.grid(False)
    labels = [gallery["tasks"][k].replace("_", " ") for k in order]
    axes[0, 0].set_yticks(range(len(order)), labels, fontsize=7)
    fig.colorbar(drawn, ax=axes, fraction=0.03, label="mean mask")
    about = f"{gallery['dataset']} (generated), {gallery['scale']}, seed {gallery['seeds'][0]}"
    _ = fig.suptitle(about, fontsize=11)

# %%
SPREADS = {
    "mean": "mean",
    "attributes": "spread over attributes",
    "channels": "spread over channels",
    "own": "spread without row and column means",
    "images": "spread over images",
}
rows = []
for key, name in SPREADS.items():
    row = {"of mean masks": name}
    for head, variant, prefix in (("trained", "mcan", ""), ("untrained", "mcan", "untrained_")):
        row[head] = interval_words(by_seed(variant, f"{prefix}mask_{key}"))
    row |= {
        head: interval_words(by_seed(v, f"mask_{key}"))
        for head, v in (("lambda 0", "no-sparsity"), ("masks frozen", "frozen-masks"))
    }
    rows.append(row)
show_table(Table(f"Spread of the masks, {heading('mcan')}", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# A *spread* is a standard deviation over one index of the mean masks, averaged over the others. There are two floors for it: the same network before training, and one whose masks stay as they were drawn
# while all the rest is trained. Masks are made of the features, so they can spread while the features train, without having learned anything themselves.

# %%
trained = by_seed("mcan", "mask_own")
for name, rival in (
    ("the same network before training", by_seed("mcan", "untrained_mask_own")),
    ("masks left as they were drawn", by_seed("frozen-masks", "mask_own")),
):
    gap = paired_difference(trained, rival)
    word = "more" if gap.low > 0 else "less" if gap.high < 0 else "neither more nor less"
    said = f"trained masks differ by attribute {word} than" if gap.n > 2 else NONE
    print(f"{said} {name}: {interval_words(gap, signed=True)}")

# %% [markdown]
# The question is what the differences mean.
#
# ## Table 1 and Figure 4
#
# The five channels that correlate most with three channels: printed, and ours. Numbers of channels mean nothing across networks; look at the correlations.

# %%
pairs, rows = paper.table("feature-correlation"), []
for name in pairs.rows:
    row = {"channel": f"printed {name}"}
    for i in range(1, 6):
        other, r = (pairs.value(name, f"{what}_{i}") for what in ("feature", "correlation"))
        row[str(i)] = f"{other:.0f} ({r:.2f})"
    rows.append(row)
for name in ("mcan", "untrained") if gallery else ():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        correlation = feature_correlation(torch.tensor(gallery["means"][name][0]))
    for channel in (1, 8, 15):
        row = {"channel": f"{'trained' if name == 'mcan' else name} {channel}"}
        found = neighbours(correlation, channel)
        rows.append(
            row | {str(i + 1): f"{other} ({r:.2f})" for i, (other, r) in enumerate(found)}
        )
show_table(
    Table(f"Table 1; ours: {dataset} (generated), {SCALE}, seed 0", tuple(rows[0]), tuple(rows))
)

# %% mystnb={"image": {"alt": "Two square heat maps of the correlations of all channels, sorted: of the trained network, with a few bright blocks, and of the untrained one, without."}} tags=["hide-input"]
if gallery is None:
    print(NONE)
else:
    fig, axes = figure(6.6, 3.4, columns=2)
    for axis, name in zip(axes[0], ("mcan", "untrained"), strict=True):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = feature_correlation(torch.tensor(gallery["means"][name][0])).nan_to_num(0)
        order = torch.linalg.eigh(found).eigenvectors[:, -1].argsort()
        drawn = axis.imshow(found[order][:, order], vmin=-1, vmax=1, cmap="RdBu_r")
        axis.set(title="trained" if name == "mcan" else name, xlabel="channel, sorted")
        axis.grid(False)
    fig.colorbar(drawn, ax=axes, fraction=0.025, label="correlation")
    about = f"{gallery['dataset']} (generated), {gallery['scale']}, seed {gallery['seeds'][0]}"
    _ = fig.suptitle(f"Figure 4, {about}", fontsize=11)

# %%
for name, metric in (
    ("highest correlation of a channel, mean", "feature_correlation_top"),
    ("  the same before training", "untrained_feature_correlation_top"),
    ("without each attribute's level", "feature_correlation_own_top"),
    ("  the same before training", "untrained_feature_correlation_own_top"),
    ("size over all pairs of channels", "feature_correlation"),
    ("  the same before training", "untrained_feature_correlation"),
):
    print(f"{name:<42}{interval_words(by_seed('mcan', metric))}")

# %% [markdown]
# A correlation over forty numbers, the highest of many, is never near 0: the untrained rows say how high chance alone gets. The paper has four times as many channels to choose from.
#
# ## Table 2
#
# Which attributes have like masks? The paper lists neighbours of three attributes and calls them intuitive. Ours beside it, and two other ways to get such a list: from the labels alone, without any network, and from the
# weights of the classifiers.

# %%
NEAREST = 5  # as in the paper


def five(correlation: torch.Tensor, name: str) -> str:
    found = neighbours(correlation, gallery["tasks"].index(name), NEAREST)
    return ", ".join(gallery["tasks"][i].replace("_", " ") for i, _ in found)


# %%
from mtattr.twins.faces import label_correlation

listed, rows = paper.table("attribute-neighbours"), []
if gallery is not None:
    sources = {"masks": attribute_correlation(torch.tensor(gallery["means"]["mcan"][0]))}
    sources["labels alone"] = label_correlation(20_000)
    sources["weights"] = attribute_correlation(torch.tensor(gallery["weights"][0]))
    for target in listed.columns:
        places = {name: listed.value(name, target) for name in listed.rows}
        first = sorted((n for n, p in places.items() if p), key=places.get)
        printed_names = ", ".join(first).replace("_", " ")
        rows.append(
            {"target": target.replace("_", " "), "from": "printed", "five nearest": printed_names}
        )
        rows += [
            {"target": "", "from": name, "five nearest": five(c, target)}
            for name, c in sources.items()
        ]
heads = ("target", "from", "five nearest")
show_table(Table(f"Table 2; ours: {dataset} (generated), {SCALE}, seed 0", heads, tuple(rows)))

# %% [markdown]
# Three lists are three lists. The {term}`Mantel test` takes all pairs of attributes: the {term}`rank correlation` of two matrices, and how high it gets when the attributes of one are shuffled. Four matrices say what "alike" may mean: labels that occur
# together; labels that say much about each other in either direction; common hidden causes, from the factor graph that draws the faces; the same part of the face.

# %%
LIKE = {
    "labels": "labels",
    "absolute_labels": "size of labels' correlation",
    "factors": "hidden causes",
    "parts": "part of the face",
}
rows = []
for key, name in LIKE.items():
    row = {"alike by": name, "masks": interval_words(by_seed("mcan", f"masks_follow_{key}"))}
    row["above chance"] = interval_words(
        by_seed("mcan", f"masks_follow_{key}_over_chance"), signed=True
    )
    row["untrained"] = interval_words(by_seed("mcan", f"untrained_masks_follow_{key}"))
    row["frozen"] = interval_words(by_seed("frozen-masks", f"masks_follow_{key}"))
    row["weights"] = interval_words(by_seed("mcan", f"weights_follow_{key}"))
    rows.append(row)
show_table(
    Table(
        f"Rank correlation of attributes' correlations with what is known, {heading('mcan')}",
        tuple(rows[0]),
        tuple(rows),
    )
)

# %% [markdown]
# *Above chance* is above the 95 % quantile of shuffled attributes. Read the last column too: the classifiers' weights are there in every network, with or without masks.
#
# If masks told something about the attributes, two seeds should tell the same. Do they? Each number is the mean over all pairs of seeds, with the lowest and the highest pair.
# Pairs share seeds, so there is no interval. *Weights × (1 + mean mask)* is what a channel counts for with its mask.

# %%
LIKENESS = attribute_correlation


def agreement(tables: np.ndarray) -> list[float]:
    """Rank correlation of attributes' correlations, of each pair of seeds."""
    found = [LIKENESS(torch.tensor(table)) for table in tables]
    return [
        mantel_test(one, other, permutations=0)["correlation"]
        for one, other in combinations(found, 2)
    ]


if gallery is None:
    print(NONE)
else:
    print(f"{dataset} (generated), {SCALE}, seeds: {len(gallery['seeds'])}")
    for name, tables in (
        ("masks", gallery["means"]["mcan"]),
        ("masks, lambda 0", gallery["means"]["no-sparsity"]),
        ("masks, untrained", gallery["means"]["untrained"]),
        ("weights", gallery["weights"]),
        ("weights × (1 + mean mask)", gallery["weights"] * (1 + gallery["means"]["mcan"])),
    ):
        pairs = agreement(tables)
        print(f"{name:<28}{np.mean(pairs):+.3f}, from {min(pairs):+.3f} to {max(pairs):+.3f}")

# %% [markdown]
# ## Figure 3
#
# The three most important masks of two attributes over drawn faces, of the network of seed 0. Nobody chose the faces: they are the first of the test split that show at least one of the six attributes of the figure after this one. A line marks the region of an attribute that is present. Colours run from 0 to 1 everywhere.

# %% mystnb={"image": {"alt": "Four drawn faces; beside each the three most important masks of smiling and of an open mouth, under their channel numbers, with the region of the attribute outlined where it is present."}} tags=["hide-input"]
SHORT = {"Mouth_Slightly_Open": "Mouth open"}


def show_masks(attributes: tuple[str, ...], faces: int) -> None:
    shown = gallery["faces"]
    fig, axes = figure(6.6, 1.02 * faces + 0.9, rows=faces, columns=1 + 3 * len(attributes))
    for i in range(faces):
        picture = shown["pictures"][i]
        axes[i, 0].imshow(picture)
        axes[i, 0].set_axis_off()
        for j, name in enumerate(attributes):
            a = shown["attributes"].index(name)
            outline = shown["regions"][i, a].astype(float) if shown["drawn"][i][a] else None
            for c, axis in enumerate(axes[i, 1 + 3 * j : 4 + 3 * j]):
                look = {"limits": (0, 1), "bar": False, "outline": outline}
                map_overlay(picture, shown["masks"][i, a, c], axes=axis, **look)
                title = SHORT.get(name, name.replace("_", " ")) * (c == 1) + "\n"
                title = title * (i == 0) + str(shown["channels"][a][c])
                axis.set_title(title, fontsize=7, loc="center")
    _ = fig.suptitle(f"{dataset} (generated), {SCALE}, seed {gallery['seeds'][0]}", fontsize=11)


print(NONE) if gallery is None else show_masks(("Smiling", "Mouth_Slightly_Open"), 4)

# %% [markdown]
# Are the bright places those of the attribute? The next section counts. Now what really makes the answer: the *evidence*, $\sum_c w_{kc} (1 + M^k_c) F_c$, whose mean plus the bias is the logit. Each map has its own range. ✗ marks a wrong answer.

# %% mystnb={"image": {"alt": "Four drawn faces; beside each the evidence maps of six attributes under the probability that the network gives, with the region outlined where the attribute is present."}} tags=["hide-input"]
if gallery is None:
    print(NONE)
else:
    shown, faces = gallery["faces"], 4
    fig, axes = figure(6.6, 1.15 * faces + 0.9, rows=faces, columns=1 + len(shown["attributes"]))
    for i in range(faces):
        axes[i, 0].imshow(shown["pictures"][i])
        axes[i, 0].set_axis_off()
        for a, (axis, name) in enumerate(zip(axes[i, 1:], shown["attributes"], strict=True)):
            there, said = shown["drawn"][i][a], shown["probability"][i][a]
            outline = shown["regions"][i, a].astype(float) if there else None
            map_overlay(
                shown["pictures"][i],
                shown["evidence"][i, a],
                axes=axis,
                bar=False,
                outline=outline,
            )
            head = SHORT.get(name, name.replace("_", " ")) + "\n" if i == 0 else ""
            wrong = " ✗" if (said >= 0.5) != bool(there) else ""
            axis.set_title(f"{head}{said:.2f}{wrong}", fontsize=7, loc="center")
    _ = fig.suptitle(
        f"evidence, {dataset} (generated), {SCALE}, seed {gallery['seeds'][0]}", fontsize=11
    )

# %% [markdown]
# ## Are the places right?
#
# Three scores on 256 test images, for attributes that are drawn: the peak inside the region ({term}`pointing game`), the share of the mass inside, and the overlap at equal area. A bump on the centre and random maps are blind.

# %%
MAPS = {
    "masks, top three": ("mcan", "mask"),
    "evidence": ("mcan", "evidence"),
    "multi-label head beside them": ("mcan", "multilabel"),
    "masks, lambda 0": ("no-sparsity", "mask"),
    "masks frozen": ("frozen-masks", "mask"),
    "one mask for all channels": ("single", "mask"),
    "evidence without masks": ("unmasked", "evidence"),
    "plain network": ("plain", "evidence"),
    "masks, no context module": ("no-context", "mask"),
    "evidence, no context module": ("no-context", "evidence"),
}
SCORES, rows = ("pointing", "energy", "iou"), []
for name, (variant, method) in MAPS.items():
    rows.append(
        {"map": name} | {s: interval_words(by_seed(variant, f"{method}_{s}")) for s in SCORES}
    )
for rival in ("centre", "random"):
    row = {s: interval_words(by_seed("mcan", f"mask_{s}_{rival}")) for s in SCORES}
    rows.append({"map": f"blind: {rival}"} | row)
show_table(Table(f"Places, {heading('mcan', 'plain')}", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# The context module lets every position see the whole map. A feature then need not stay where it came from, and a mask over it need not mark a place of the image. The last rows before the blind ones take the module away. Whether that makes
# masks and evidence point better is in the list at the end of the page.
#
# ## Pruning
#
# The paper hopes that masks tell which channels a network can do without. So keep a quarter of the channels of each attribute, replace what the others say by its mean, and choose the quarter in three ways: by the mean mask, by the {term}`channel contribution` (its standard deviation over images), at random.

# %%
for name, metric in (
    ("all channels, all test images", "true_mean_accuracy"),
    ("a quarter, by contribution", "pruned_by_contribution"),
    ("a quarter, by mask", "pruned_by_mask"),
    ("a quarter, at random", "pruned_by_random"),
    ("mask over random", "pruned_by_mask_over_random"),
    ("contribution over mask", "pruned_by_contribution_over_mask"),
):
    print(f"{name:<31}{interval_words(by_seed('mcan', metric), signed=' over ' in name)}")
if gallery is not None:
    pairs = zip(gallery["means"]["mcan"], gallery["spreads"], strict=True)
    agree = {
        i: np.mean(
            [
                rank_correlation(torch.tensor(m), torch.tensor(s))
                for m, s in zip(*both, strict=True)
            ]
        )
        for i, both in enumerate(pairs)
    }
    print(f"rank correlation of mask and contribution, over channels {interval_words(agree)}")

# %% [markdown]
# ## Sharper masks under noise
#
# Masks as they are and sharpened, with and without noise on the images; and under noise masks spread evenly over positions. The formula is ours.

# %%
for name, metric in (
    ("clean, all test images", "true_mean_accuracy"),
    ("clean, sharpened", "sharp_mean_accuracy"),
    ("noise", "noisy_mean_accuracy"),
    ("noise, sharpened", "noisy_sharp_mean_accuracy"),
    ("noise, spread evenly", "noisy_flat_mean_accuracy"),
    ("sharpened − as they are, under noise", "sharpening_under_noise"),
    ("as they are − spread evenly, under noise", "places_under_noise"),
):
    print(f"{name:<42}{interval_words(by_seed('mcan', metric), signed='−' in name)}")

# %% [markdown]
# ## One story
#
# Five papers asked the same: *what may differ between the tasks of one network?* Each answer has its chapter, and one line here, with the verdict on its main claim about accuracy, on drawn data.

# %%
STORY = (
    (
        "their weight in the loss",
        "adaptive_weighting",
        "weighted-beats-basic-celeba",
        "celeba-twin",
    ),
    ("their layers", "adaptive_sharing", "branches-beat-width", "celeba-twin"),
    ("their role", "attribute_estimation", "pm-beats-cm-inception", "deepfashion-twin"),
    ("their places", "attention_branch", "attributes-gain", "celeba-twin"),
    ("their channels", "channel_attention", "mcan-beats-plain", "celeba-twin"),
)
rows = []
for what, room, name, twin in STORY:
    told = load_paper(room)
    claim, found = told.claim(name), judge_all(told, everything, scale=SCALE)[name, twin]
    link = f"[{what}](../{room}/evaluate.ipynb)"
    said = NONE if found.n == 0 else found.verdict
    rows.append({"what may differ": link, "claim": claim.statement, "drawn data": said})
show_table(Table(f"The course in five lines, scale: {SCALE}", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# Every rule does what its equations say; the chapters show it number by number. Whether that pays is another question, and each chapter answers it with controls that the papers lack: more parameters, a longer training, a second loss,
# a rule dealt at random, a mask that learned nothing. Read a verdict with its controls.
#
# ## When this helps, and when not
#
# The words are chosen by code from the verdicts above, so they cannot outlive them.

# %%
QUESTIONS = {
    "mcan-beats-plain": "the whole beats a plain network",
    "mcan-beats-matched": "it beats a plain network as large",
    "mcan-beats-unmasked": "masks help, all else equal",
    "masks-differ-by-attribute": "masks differ by attribute, more than before training",
    "masks-follow-factors": "attributes with common causes have like masks",
    "weights-follow-labels": "the classifiers' weights follow the labels",
    "masks-find-attributes": "masks point better than a bump on the centre",
    "local-masks-point-better": "they point better without the context module",
    "local-evidence-points-better": "the evidence of the answers does",
    "important-channels-suffice": "mean masks choose channels better than chance",
    "contributions-prune-better-than-masks": "contributions choose better still",
    "sharper-masks-resist-noise": "sharper masks resist noise",
}
SAYS = {
    "trend holds": "yes",
    "not reproduced": "no",
    "no difference": "no effect",
    "inconclusive": "open",
}
verdicts = judge_all(paper, ledger, scale=SCALE)
for name, question in QUESTIONS.items():
    found = verdicts[name, dataset]
    said = NONE if found.n == 0 else SAYS.get(found.verdict, found.verdict)
    print(f"{said:<12}{question}")

# %% [markdown]
# Before you read meaning into masks of your own, ask:
#
# - *What would untrained masks say?* Draw the same picture of the network before training.
# - *Does another seed say the same?* If not, the picture is of the seed.
# - *Is the mask all that matters?* A mask times a weight of 0 is 0. Contributions are exact; use them.
# - *Does a feature know its place?* After dilated convolutions with a wide reach it may not, and neither may a map over it. Measure it with the module and without.
#
# ## Failure cases
#
# The attributes on which masks lose most against the plain network, and those on which they gain most, on average over seeds.

# %%
if ours is None or plain is None:
    print(NONE)
else:
    gain = 100 * (ours - plain)
    for k in (*gain.argsort()[:4], *gain.argsort()[-4:]):
        print(f"{names[k].replace('_', ' '):<22}{gain[k]:+.2f} points, floor {floor[k]:.3f}")
    print(f"{(gain > 0).sum()} of {len(gain)} gain, {(ours < floor).sum()} are below their floor")

# %% [markdown]
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
# - A picture of a network's inside needs a floor, like an accuracy: the same picture of an untrained network, and of another seed.
# - A list of three neighbours that look right proves nothing. Test all pairs, against shuffled ones.
# - Look for the number that is exact by construction before you trust one that is suggestive.
# - Each term of a loss must show what it buys. Some buy nothing.
#
# ## Exercises
#
# **1.** Masks of forty attributes that are constant but for a trembling in the fourth digit, and no attribute is like another. What do their correlations say? And if channels have levels of their own?

# %% tags=["hide-cell", "solution"]
shaker = torch.Generator().manual_seed(seed)
trembling = 0.5 + 1e-4 * torch.randn(40, 32, generator=shaker)
levels = torch.rand(32, generator=shaker)
for name, means in (("constant", trembling), ("with levels of channels", trembling + levels)):
    found = attribute_correlation(means)
    best = np.mean([neighbours(found, k, 1)[0][1] for k in range(40)])
    print(f"{name:<26}nearest neighbour correlates by {best:.2f} on average")

# %% [markdown]
# Numbers with two decimals, and pure noise; and with levels, near copies that mean nothing. Print the spread first.
#
# **2.** Forty random numbers for each of 128 channels. How high is the highest correlation of a channel, on average?

# %% tags=["hide-cell", "solution"]
found = feature_correlation(torch.rand(40, 128, generator=shaker))
highest = found.fill_diagonal_(-1).amax(1).mean().item()
print(f"{highest:.2f}, by chance alone; the paper prints 0.94 to 0.98, which is not chance")

# %% [markdown]
# **Read next:** the [start of the book](../../book/start.md), with one of the other questions in mind.
