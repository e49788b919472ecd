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
# # Evaluate: does attention help, and is it right?
#
# The paper reports that a network which multiplies its features by its own explanation gets better, and that its map highlights the places that matter. It prints one number for each
# network, without spread, and pictures as proof. We repeat its tables over several seeds, add the controls it lacks, and measure the maps.

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to separate the effect of attention from that of a larger network and of a second loss, compare explanation
# methods against blind ones, and read a t-SNE picture with a number beside it.
#
# **You need** the pages [build](build.ipynb), [train](train.ipynb) and [multitask](multitask.ipynb).
#
# **Scale.** *Reduced* numbers come from the committed {term}`ledger`, of drawn digits and faces. Every table and figure says so. Where nothing is on
# record yet, the page says *not run yet*.
# **Cost** of the runs on a CPU, as measured: see the [results page](../../book/results.md). No GPU is needed.
# ```

# %% tags=["parameters"]
dataset: str = "cluttered-digits"  # of the records in Tables 1 and 2
root: str | None = None  # not read here: this page draws from the ledger
scale: str = "smoke"  # of the page; the records are of scale reduced
seed: int = 0  # of the neighbours that are drawn

# %% tags=["hide-input"]
import numpy as np
from IPython.display import Markdown, display
from mtattr.attention_branch.gallery import SHOWN, gallery_of, recorded
from mtattr.evidence import (
    TRAINED_SHARE,
    Table,
    claims_table,
    deviation_table,
    errata_table,
    finding,
    format_number,
    interval_words,
    judge_all,
    load_paper,
    measures,
    paired_difference,
    runs_by_seed,
)
from mtattr.evidence.record import floor_of, measure
from mtattr.pages import records_of, show_finding, show_table
from mtattr.plots import figure, map_overlay

DIGITS, CARS, FACES = "cluttered-digits", "compcars-twin", "celeba-twin"
SCALE, NONE = "reduced", "not run yet"

# %% [markdown]
# Two short helpers ask the ledger: for the records of one network on one dataset, by seed, and for a number of each. The library has the rest.

# %% tags=["hide-input"]
paper = load_paper("attention_branch")
ledger = records_of(paper.name, scale=SCALE)
DEFAULT = {DIGITS: "resnet20", CARS: "resnet101", FACES: "resnet101"}
MAIN = {DIGITS: "true_class_accuracy", CARS: "true_class_accuracy", FACES: "true_mean_accuracy"}


def runs(variant: str, twin: str, backbone: str | None = None, **more) -> dict[int, dict]:
    which = {"variant": variant, "dataset": twin, "backbone": backbone or DEFAULT[twin]}
    return runs_by_seed(ledger, **which, **more)


def by_seed(
    variant, twin, metric=None, backbone=None, epoch="selected", **more
) -> dict[int, float]:
    return measures(runs(variant, twin, backbone, **more), metric or MAIN[twin], epoch)


def floors(variant: str, twin: str) -> list[float]:
    return [floor_of(r, MAIN[twin]) for r in runs(variant, twin).values()]


def heading(*needed: tuple) -> str:
    seeds = min((len(runs(*one)) for one in needed), default=0)
    return f"{needed[0][1]} (generated), {SCALE}, seeds: {seeds}"


# %% [markdown]
# ## What was found
#
# Each row is a difference of accuracies, with its 95 % interval over seeds, each of which draws its own images. The grey band is the smallest difference that matters, which was fixed before the runs.
# Accuracies are on what was drawn, not on the labels with their errors. A hollow mark was not judged, and the words beside it say why.

# %% tags=["hide-input"]
GAINS = {
    "ResNet20": "abn-beats-baseline-resnet20",
    "ResNet32": "abn-beats-baseline-resnet32",
    "ResNet56": "abn-beats-baseline-resnet56",
    "WideResNet": "abn-beats-baseline-wrn",
    "VGG-16": "abn-beats-baseline-vgg16",
}
ROWS = [(f"digits: {name}, abn − plain", claim, DIGITS) for name, claim in GAINS.items()]
ROWS += [
    ("digits: abn − matched", "abn-beats-matched-digits", DIGITS),
    ("digits: abn − unattended", "abn-beats-unattended-digits", DIGITS),
    ("faces: abn − plain", "attributes-gain", FACES),
    ("faces: abn − one map", "one-map-is-not-enough", FACES),
    ("faces: abn − matched", "abn-beats-matched-attributes", FACES),
    ("faces: abn − unattended", "abn-beats-unattended-attributes", FACES),
]

# %% tags=["hide-input"] mystnb={"image": {"alt": "Forest plot: differences of accuracy with 95 percent intervals for attention against the plain network, a network as large and the same branches without attention, on digits and faces, each with its smallest effect of interest and the verdict."}}
show_finding(
    paper.name,
    ROWS,
    statement="a network classifies better with an attention branch than without",
    about=[*GAINS.values(), "attributes-gain"],
    pooled="attention-minus-baseline-digits",
    so_what={
        "yes": "An attention branch pays. The rows of the controls say whether size or a second loss would have paid as well.",
        "in part": "Whether an attention branch pays depends on the network and the data.",
        "no": "Do not expect accuracy from an attention branch: a plain network does as well.",
        "not shown": "Do not add an attention branch for accuracy before more runs decide; the rows of the controls say what it does do.",
    },
    title="What an attention branch adds",
)

# %% [markdown]
# ## Verdicts
#
# A {term}`verdict` is computed from the ledger by tested code, paired by seed. The claims were committed before the runs; what an [earlier edition](../../book/first_edition.md) of the runs taught is on a page of its own.
# [How to read one](../../book/verdicts.md). *Trend holds* is the most that drawn data can give: the paper's own numbers can only be met on its own data, at {term}`paper scale`.

# %%
about = {"scale": SCALE, "datasets": (DIGITS, FACES)}
display(show_table(claims_table(paper, ledger, title="What the paper claims", **about)))
show_table(claims_table(paper, ledger, title="What the paper does not ask", ours=True, **about))

# %% [markdown]
# ## Table 1
#
# CIFAR-100 as printed, and ours on cluttered digits, as errors. Depths keep the paper's names, the networks are small. Where the authors published logs, the printed errors are those of
# the best epoch on the test split; which epoch the others show is not said. Ours was selected on validation, and tested on what was drawn.

# %%
first, rows = paper.table("attention-mechanism"), []
for depth in (20, 32, 44, 56, 110):
    row = {"network": f"ResNet{depth}"}
    for variant, head in (("baseline", "g"), ("eq1", "M g"), ("abn", "(1 + M) g")):
        ours = {s: 1 - v for s, v in by_seed(variant, DIGITS, backbone=f"resnet{depth}").items()}
        row[head] = (
            f"{format_number(first.value(f'ResNet{depth}', variant))}<br>ours {interval_words(ours)}"
        )
    rows.append(row)
found = floors("baseline", DIGITS)
row = {"network": "floor", "g": format_number(1 - np.mean(found)) if found else NONE}
rows.append(row | {"M g": "", "(1 + M) g": ""})
caption = f"Top-1 error; ours: {heading(('baseline', DIGITS))}"
show_table(Table(f"Table 1, printed for CIFAR-100. {caption}", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## Table 2
#
# Other networks. The columns of the paper are its own sets; ours is one.

# %%
second, rows = paper.table("classification-error"), []
PRINTED = {"wrn": ("WideResNet", "cifar100"), "densenet": ("DenseNet", "cifar100")}
PRINTED |= {"resnext": ("ResNeXt", "cifar100"), "vgg16": ("VGGNet+BN", "imagenet")}
PRINTED |= {"seresnet152": ("SENet", "imagenet"), "resnet20": ("ResNet", "imagenet")}
KINDS = {"baseline": "", "cam": "+CAM", "abn": "+ABN"}
for backbone, (name, column) in PRINTED.items():
    row = {"network": f"{name} ({column})"}
    for variant, suffix in KINDS.items():
        known = name + suffix in second.rows
        printed = format_number(second.value(name + suffix, column)) if known else "–"
        ours = {s: 1 - v for s, v in by_seed(variant, DIGITS, backbone=backbone).items()}
        row[variant] = f"{printed}<br>ours {interval_words(ours)}" if known or ours else "–"
    rows.append(row)
caption = f"Top-1 error; ours: {DIGITS} (generated), {SCALE}; ResNet: ours is ResNet20"
show_table(Table(f"Table 2. {caption}", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## Table 3
#
# Model and make of a car, as accuracy. The paper has 432 models and 75 makes, the drawn cars have 48 and 12. No claim is judged on drawn cars, so the evidence trains none.

# %%
third, rows = paper.table("compcars-accuracy"), []
for backbone, name in (("vgg16", "VGG16"), ("resnet101", "ResNet101")):
    for suffix, variant in (("", "baseline"), ("+ABN", "abn")):
        row = {"network": name + suffix}
        for column, prefix in (("model", ""), ("maker", "make-")):
            ours = interval_words(by_seed(prefix + variant, CARS, backbone=backbone))
            row[column] = f"{format_number(third.value(name + suffix, column))}<br>ours {ours}"
        rows.append(row)
for column, variant in (("model", "baseline"), ("maker", "make-baseline")):
    found = floors(variant, CARS)
    rows.append({"network": f"floor, {column}", "model": "", "maker": ""})
    rows[-1][column] = format_number(np.mean(found)) if found else NONE
caption = f"Accuracy; ours: {heading(('abn', CARS), ('make-abn', CARS))}"
show_table(Table(f"Table 3, printed for CompCars. {caption}", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## What the networks have learned
#
# A network that has learned too little judges nothing. The gate asks how much of the way from {term}`floor` to ceiling a run has covered; the ceiling is 1, because answers are compared with what was drawn. Each mark is one run, and the dashed line is the [gate](../../book/verdicts.md).

# %% tags=["hide-input"] mystnb={"image": {"alt": "For each network a row of marks, one a run: the share of the way from floor to ceiling that every seed has covered, with the gate as a dashed line."}}
learned = {}
for r in ledger:
    spec, metric = r["spec"], MAIN[r["spec"]["dataset"]]
    floor = floor_of(r, metric)
    name = f"{spec['dataset']}, {spec['settings']['backbone']}: {spec['variant']}"
    learned.setdefault(name, []).append((measure(r, metric) - floor) / (1 - floor))
names = sorted(learned)
fig, axis = figure(5.0, 1.6 + 0.26 * max(len(names), 2))
for y, name in enumerate(names):
    axis.scatter(learned[name], [y] * len(learned[name]), s=26, color="C0", alpha=0.7)
axis.axvline(TRAINED_SHARE, color="black", linestyle="--")
axis.set_yticks(range(len(names)), names, fontsize=9)
axis.set(xlim=(-0.02, 1.02), ylim=(max(len(names), 1) - 0.4, -0.6))
axis.set_xlabel("share of the way from floor to ceiling, selected epoch", fontsize=10)
_ = axis.set_title(f"generated data, {SCALE}, one mark a run" if names else NONE, fontsize=10)

# %%
below = sum(share < TRAINED_SHARE for of in learned.values() for share in of)
print(f"{below} of {sum(map(len, learned.values()))} runs below the gate of {TRAINED_SHARE:g}")

# %% [markdown]
# Table 4, the forty attributes, is on the page [multitask](multitask.ipynb).
#
# ## The controls
#
# Against the plain network, one with attention has three advantages: more parameters, a second loss in its middle, and attention. *Matched* takes away
# the first. *Unattended* has the parameters and the loss, and does not multiply. What remains against it is attention.

# %% tags=["hide-input"]
PAIRS = (
    ("abn", "baseline"),
    ("abn", "matched"),
    ("abn", "unattended"),
    ("unattended", "baseline"),
    ("abn", "eq1"),
    ("abn", "cam"),
    ("abn", "one-map"),
)
SETS, EMPTY = {"digits": DIGITS, "attributes": FACES}, "–"
ABSENT = {("one-map", DIGITS), ("eq1", FACES)}  # no claim asks for these

# %% tags=["hide-input"]
rows = []
for variant in dict.fromkeys(v for pair in PAIRS for v in pair):
    row = {"network": variant}
    for title, twin in SETS.items():
        missing = (variant, twin) in ABSENT
        row[title] = EMPTY if missing else interval_words(by_seed(variant, twin))
    rows.append(row)
for a, b in PAIRS:
    row = {"network": f"{a} − {b}"}
    for title, twin in SETS.items():
        gap = paired_difference(by_seed(a, twin), by_seed(b, twin))
        row[title] = EMPTY if (b, twin) in ABSENT else interval_words(gap, signed=True)
    rows.append(row)
row = {"network": "floor"}
for title, twin in SETS.items():
    found = floors("abn", twin)
    row[title] = format_number(np.mean(found)) if found else NONE
rows.append(row)
caption = f"Accuracy on what was drawn, and differences paired by seed, {SCALE}, generated data"
show_table(Table(caption, tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## Is the map used?
#
# A trained network answers three times: with its own map (*kept*), with a *flat* one that has the mean of its own everywhere, and with that of another image (*swapped*). If a flat map costs nothing, the network does not use *where* its map points.
# Answers are compared with the labels. A raw map of an attribute also carries the attention branch's answer, so a foreign one misleads for a second reason.

# %%
rows = []
for title, twin in SETS.items():
    for variant in ("abn", "eq1", "unattended", "sigmoid"):
        if runs(variant, twin) or variant == "abn":
            row = {"network": f"{title}: {variant}"}
            for kind in ("kept", "flat", "swapped"):
                row[kind] = interval_words(by_seed(variant, twin, f"map_{kind}"))
            rows.append(row)
show_table(Table(f"Accuracy by map, {SCALE}, generated data", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## Does the map show what was learned?
#
# The network forgets: the values of its layer groups are shuffled, one group after the other from the output down {cite:p}`adebayo2018sanity`. At 0 the map keeps the order of its pixels, at 1 it is unrelated to what it was.
# The attention map is made before the perception branch and the head, so it cannot feel that these forget.

# %%
MAPS = {
    "attention": ("abn", "attention"),
    "CAM": ("cam", "cam"),
    "Grad-CAM": ("baseline", "gradcam"),
}
rows = []
for title, twin in SETS.items():
    for name, (variant, method) in MAPS.items():
        row = {"map": f"{title}: {name}"}
        for group in ("head", "perception", "branch", "extractor"):
            of = list(by_seed(variant, twin, f"sanity_{method}_{group}").values())
            row[group] = EMPTY if of and np.isnan(of).all() else interval_words(of)
        rows.append(row)
caption = f"Change of the map after all groups down to this one forgot, {SCALE}, generated data"
show_table(Table(caption, tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## Are the maps right?
#
# On the twins the region of every digit and attribute is known. Three scores as on the page [multitask](multitask.ipynb).

# %%
OWN = {
    "attention": "abn",
    "CAM": "cam",
    "Grad-CAM": "baseline",
    "attention that does not act": "unattended",
}
SCORES = ("pointing", "energy", "iou")
for title, twin in SETS.items():
    rows = [
        {"map": name}
        | {score: interval_words(by_seed(variant, twin, f"map_{score}")) for score in SCORES}
        for name, variant in OWN.items()
    ]
    for rival in ("centre", "random"):
        row = {s: interval_words(by_seed("abn", twin, f"map_{s}_{rival}")) for s in SCORES}
        rows.append({"map": f"blind: {rival}"} | row)
    needed = [(v, twin) for v in OWN.values()]
    display(
        show_table(Table(f"Maps of {title}, {heading(*needed)}", tuple(rows[0]), tuple(rows)))
    )

# %% [markdown]
# The attention maps of attributes are raw, and many are negative everywhere: they have no energy at all, as the page [multitask](multitask.ipynb) counts. So for attributes read pointing and overlap first.
#
# The other question needs no regions. {term}`Deletion and insertion <deletion and insertion>`: how soon does the answer break down when the pixels that the map calls important are removed, and how soon
# does it stand when only they are left? What is removed is guessed from its neighbours {cite:p}`rong2022road`. A good map has a low deletion and a high insertion. Both are read on the network's own probabilities, so each map is compared with a bump on the centre *of the
# same network*: below zero is better for deletion, above zero for insertion.

# %%
for title, twin in SETS.items():
    rows = []
    for name, variant in OWN.items():
        row = {"map": name}
        for score in ("deletion", "insertion"):
            own, centre = (by_seed(variant, twin, f"{how}_{score}") for how in ("map", "centre"))
            row[score] = interval_words(own)
            row[f"{score} − centre"] = interval_words(paired_difference(own, centre), signed=True)
        rows.append(row)
    about = f"Pixels that matter, {heading(*[(v, twin) for v in OWN.values()])}"
    display(show_table(Table(f"{about}, {title}", tuple(rows[0]), tuple(rows))))

# %% [markdown]
# ## Figure 4
#
# Three methods on the first digits of the test split, of the networks of seed 0. Nobody chose them. A line marks the ink. ✗ marks a wrong answer.

# %%
gallery, cars = gallery_of(), gallery_of("attention_cars")


def is_recorded(data: dict | None) -> bool:
    return data is not None and all(recorded(x["methods"], ledger) for x in data["sets"].values())


def about_pictures(data: dict | None) -> str:
    if data is None:
        return NONE
    whose = "of the evidence" if is_recorded(data) else "not in the ledger: of an earlier edition"
    return f"networks {whose}; scale {data['scale']}, seed {data['seed']}"


print(about_pictures(gallery))

# %% [markdown]
# The next cell draws a column for each image and a row for each method.

# %% tags=["hide-input"]
SMALL = 7  # size of the letters above a picture


def draw(data: dict, twin: str, columns: int) -> None:
    shown = data["sets"][twin]
    methods = shown["methods"]
    height, width = shown["pictures"][0].shape[:2]
    tall = (0.45 + 6.6 / columns * height / width) * (1 + len(methods))
    fig, axes = figure(6.6, tall, rows=1 + len(methods), columns=columns)
    for i in range(columns):
        axes[0, i].imshow(shown["pictures"][i])
        axes[0, i].set_axis_off()
        true = " / ".join(dict.fromkeys(m["true"][i] for m in methods))
        axes[0, i].set_title(true, fontsize=8, loc="center")
        for axis, m in zip(axes[1:, i], methods, strict=True):
            mark = "" if m["says"][i] == m["true"][i] else " ✗"
            title = f"{m['name']}: {m['says'][i]}{mark}"
            look = {"outline": shown["regions"][m["task"]][i], "title": title, "bar": False}
            map_overlay(shown["pictures"][i], m["maps"][i], axes=axis, **look)
            axis.title.set_fontsize(SMALL)
    _ = fig.suptitle(f"{twin} (generated), {SCALE}, seed {data['seed']}", fontsize=11)


# %% tags=["hide-input"] mystnb={"image": {"alt": "Six digits, a column each. Rows: the image, Grad-CAM of the plain network, the class activation map, and the attention map, each over the image with the ink outlined and the network's answer."}}
if gallery is None:
    print(NONE)
else:
    draw(gallery, DIGITS, 6)

# %% [markdown]
# Each map has its own range here, from its lowest to its highest value.
#
# ## Figure 5
#
# The same cars for two networks, one of which learned the model and one the make. The paper shows three and says that the maps differ with the task. Outlined is the body for the model, and the marks of the
# make (grille, badge, lamps) for the make.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four drawn cars, a column each. Rows: the image, the attention map of the network that learned the model, and that of the one that learned the make, with the region of each task outlined."}}
print(about_pictures(cars))
if cars is not None:
    draw(cars, CARS, 4)

# %% [markdown]
# Maps of two networks differ anyway, even if both learned the same from other seeds. So the question is whether the task changes them *more than the seed does*. The distance is one
# minus the {term}`rank correlation` of two maps.

# %%
rows = [
    {"distance of maps": text, "mean": interval_words(by_seed("make-abn", CARS, metric))}
    for text, metric in (
        ("make and model, same seed", "task_distance"),
        ("model and model, two seeds", "seed_distance"),
        ("difference", "task_distance_over_seed"),
    )
]
show_table(Table(heading(("make-abn", CARS)), tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## Figure 6
#
# Features of drawn cars, flattened by {term}`t-SNE` {cite:p}`vandermaaten2008tsne`: of the network without attention, and of the one with attention: what its last stage makes of the features *before* the map acts (which it never saw in training) and *after*. The paper sees clusters of *pose* in the first two, and of pose and
# detailed form in the third.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three clouds of points, one for each kind of features, coloured by the viewpoint of the car."}}
print(about_pictures(cars))
if cars is not None:
    features = cars["features"]
    views = np.array(features["kinds"]["viewpoint"])
    fig, axes = figure(6.6, 2.6, columns=3)
    for axis, (name, points) in zip(axes[0], features["places"].items(), strict=True):
        points = np.array(points)
        for k, view in enumerate(np.unique(views)):
            axis.scatter(*points[views == view].T, s=5, color=f"C{k}", label=f"view {view}")
        axis.set(xticks=[], yticks=[], title=name)
        axis.title.set_fontsize(10)
    axes[0, 0].legend(
        fontsize=7, markerscale=2, ncols=3, loc="upper left", bbox_to_anchor=(0, -0.02)
    )
    _ = fig.suptitle(f"{len(views)} cars, {CARS} (generated), {SCALE}, seed 0", fontsize=11)

# %% [markdown]
# A picture by t-SNE keeps neighbours and loses distances, and two runs of it look different. A number says more: of the ten nearest neighbours in the features themselves, how many have the same viewpoint, and how many are the
# same model? Over the seeds:

# %%
if is_recorded(cars):
    for name, values in features["agreement"].items():
        print(f"{name:<26}{interval_words(values)}")
    for kind, of in features["kinds"].items():
        shares = np.unique(of, return_counts=True)[1] / len(of)
        print(f"by chance: {kind} {format_number((shares**2).sum())}")
else:
    print(NONE)

# %% [markdown]
# ## When this helps, and when not
#
# The words are chosen by code from the verdicts above, so they cannot outlive them.

# %%
QUESTIONS = {
    "abn-beats-matched": "attention beats a plain network as large",
    "abn-beats-unattended": "it beats the same branches without attention",
    "maps-point-better-than-centre": "the peak of its map beats the image's centre",
    "maps-point-better-than-gradcam": "its peak beats that of Grad-CAM",
    "maps-are-faithful": "insertion by its map beats insertion from the centre",
    "places-of-the-map-are-used": "a flat map costs accuracy",
    "own-map-is-used": "the map of another image costs accuracy",
    "maps-forget": "its map changes when all weights are shuffled",
}
verdicts, said = judge_all(paper, ledger, scale=SCALE), []
for title, twin in SETS.items():
    for claim, text in QUESTIONS.items():
        said.append(f"- {title}: {finding(text, [verdicts[f'{claim}-{title}', twin]])}")
Markdown("\n".join(said))

# %% [markdown]
# Before you add an attention branch to your own network, ask:
#
# - *Would a second loss do?* Train the two branches once more without the multiplication. It needs no new code.
# - *Would more parameters do?* Widen the plain network first.
# - *What do you want the map for?* If a person is to trust it, measure it on data where you know the place. A drawn twin will do.
# - *Many attributes?* The passes cost more than all the rest. Share what they have in common, and mind the batch norm.
#
# ## Failure cases
#
# Digits that the network with attention of seed 0 gets wrong, among the first of the test split, of which Figure 4 shows the first six, and where its map points.

# %%
if not is_recorded(gallery):
    print(NONE)
else:
    attention = gallery["sets"][DIGITS]["methods"][list(SHOWN).index("attention")]
    for i, (says, true) in enumerate(zip(attention["says"], attention["true"], strict=True)):
        inside = gallery["sets"][DIGITS]["regions"]["class"][i]
        values = np.array(attention["maps"][i])
        y, x = np.unravel_index(values.argmax(), values.shape)
        scale_y, scale_x = (a // b for a, b in zip(np.shape(inside), values.shape, strict=True))
        on = np.array(inside)[
            y * scale_y : (y + 1) * scale_y, x * scale_x : (x + 1) * scale_x
        ].any()
        if says != true:
            print(
                f"image {i}: a {true}, says {says}; the map's peak is {'on' if on else 'off'} the ink"
            )

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
# - A new part brings parameters, losses and an idea. Take them away one at a time.
# - A network that has not learned judges nothing. Look at floor and ceiling before you read a table.
# - An explanation needs a floor, like an accuracy: a bump on the centre of the image is a strong one.
# - Maps that look different may differ by chance. Compare with another seed before you say that they differ by the task.
# - A picture of flattened features shows what you look for. Put a number beside it.
#
# ## Exercises
#
# **1.** The paper says that attention lowers the error of every ResNet by more than 0.6 points. Check it in Table 1.

# %% tags=["hide-cell", "solution"]
for depth in (20, 32, 44, 56, 110):
    gain = 100 * (
        first.value(f"ResNet{depth}", "baseline") - first.value(f"ResNet{depth}", "abn")
    )
    print(f"ResNet{depth:<4}{gain:5.2f}{'' if gain > 0.6 else '   no'}")
assert first.value("ResNet44", "baseline") - first.value("ResNet44", "abn") < 0.006

# %% [markdown]
# **2.** The text says that attention raises the accuracy for the model of a car by 4.9 and 6.2 points. What does Table 3 say?

# %% tags=["hide-cell", "solution"]
for name in ("VGG16", "ResNet101"):
    for column in third.columns:
        gain = 100 * (third.value(f"{name}+ABN", column) - third.value(name, column))
        print(f"{name:<10}{column:<7}{gain:.1f}")
assert (
    round(100 * (third.value("ResNet101+ABN", "model") - third.value("ResNet101", "model")), 1)
    == 6.9
)

# %% [markdown]
# **3.** A map is the same everywhere. What are its pointing score and its energy for a region that covers a tenth of the image, by the library's rules, and why are they not the same?

# %% tags=["hide-cell", "solution"]
import torch
from mtattr.evaluation import energy_inside, pointing_game

flat, region = torch.ones(1, 1, 10, 10), torch.zeros(1, 1, 10, 10)
region[..., 0, :] = 1
yes = torch.ones(1, 1, dtype=torch.bool)
print(
    "pointing",
    pointing_game(flat, region, yes).item(),
    "energy",
    energy_inside(flat, region, yes).item(),
)
assert pointing_game(flat, region, yes).item() == 0
assert abs(energy_inside(flat, region, yes).item() - 0.1) < 1e-9

# %% [markdown]
# It points nowhere, which is a miss; but a tenth of its mass does lie inside.
#
# **Read next:** {cite:t}`petsiuk2018rise` on deletion and insertion, and the chapter on [attributes as reasons](../attribute_estimation/build.ipynb), where an explanation is a list of words.
