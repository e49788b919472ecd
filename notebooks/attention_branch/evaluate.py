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
# **Scale.** *Reduced* numbers come from the committed {term}`ledger`, of drawn digits, cars and faces. Every table and figure says so. Where nothing is on
# record yet, the page says *not run yet*.
# **Cost** of the runs on a CPU, as measured: see the [results page](../../book/results.md). No GPU is needed.
# ```

# %% tags=["parameters"]
dataset: str = "cluttered-digits"  # of the records in Tables 1 and 2
root: str | None = None  # not read here: this page draws from the ledger
scale: str = "smoke"  # of the page; the records are of scale reduced
seed: int = 0  # of the neighbours that are drawn

# %% [markdown]
# ## What came out
#
# Each line is the difference of two networks over seeds with its 95 % interval; the grey band is the smallest difference that would matter.
# The sentences below the figure are made from the verdicts. [How to read a verdict](../../book/verdicts.md) explains the words.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Forest plot: Attention, against plain networks and controls. One line per comparison with its interval, the smallest effect of interest as a band, and the verdict."}}
from mtattr.pages import show_finding

show_finding(
    "attention_branch",
    [
        ("attention − plain, ResNet20", "abn-beats-baseline-resnet20", "cluttered-digits"),
        ("attention − plain, ResNet32", "abn-beats-baseline-resnet32", "cluttered-digits"),
        ("attention − plain, ResNet56", "abn-beats-baseline-resnet56", "cluttered-digits"),
        ("attention − plain, VGG16", "abn-beats-baseline-vgg16", "cluttered-digits"),
        ("attention − plain, WRN", "abn-beats-baseline-wrn", "cluttered-digits"),
        ("attention − as large", "abn-beats-matched-digits", "cluttered-digits"),
        ("attention − not multiplied", "abn-beats-unattended-digits", "cluttered-digits"),
        ("attention − plain, forty attributes", "attributes-gain", "celeba-twin"),
        ("own map − flat map", "places-of-the-map-are-used-digits", "cluttered-digits"),
        ("own map − another image's", "own-map-is-used-digits", "cluttered-digits"),
    ],
    statement="a network that multiplies its features by an attention map is more accurate than the plain one",
    about=[
        "abn-beats-baseline-resnet20",
        "abn-beats-baseline-resnet32",
        "abn-beats-baseline-resnet56",
        "abn-beats-baseline-vgg16",
        "abn-beats-baseline-wrn",
        "attributes-gain",
    ],
    so_what={
        "yes": "Attention helps these networks; compare with the row of a network as large before you pay for it.",
        "in part": "Attention helps some of these networks; compare with the row of a network as large before you pay for it.",
        "no": "These networks do as well without attention.",
        "not shown": "These runs do not decide; more seeds or longer training will.",
        "not tested": "The networks that were compared have not learned enough to say.",
        "not run yet": "The runs of this edition are not on record yet.",
    },
    title="Attention, against plain networks and controls",
    pooled="attention-minus-baseline-digits",
)

# %%
import numpy as np
from IPython.display import display
from mtattr.attention_branch.gallery import SHOWN, gallery_of
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
from mtattr.pages import course_ledger, show_table
from mtattr.plots import figure, map_overlay

DIGITS, CARS, FACES = "cluttered-digits", "compcars-twin", "celeba-twin"
SCALE, NONE = "reduced", "not run yet"

# %% [markdown]
# Two short helpers ask the ledger: for the records of one network on one dataset, by seed, and for a number of each. The library has the rest.

# %%
paper = load_paper("attention_branch")
ledger = [
    r for r in course_ledger() if (r["spec"]["paper"], r["spec"]["scale"]) == (paper.name, SCALE)
]
DEFAULT = {DIGITS: "resnet20", CARS: "resnet101", FACES: "resnet101"}
MAIN = {DIGITS: "true_class_accuracy", CARS: "true_class_accuracy", FACES: "true_mean_accuracy"}


def runs(variant: str, twin: str, backbone: str | None = None, **more) -> dict[int, dict]:
    which = {"variant": variant, "dataset": twin, "backbone": backbone or DEFAULT[twin]}
    return runs_by_seed(ledger, **which, **more)


def by_seed(
    variant, twin, metric=None, backbone=None, epoch="selected", **more
) -> dict[int, float]:
    return measures(runs(variant, twin, backbone, **more), metric or MAIN[twin], epoch)


def heading(*needed: tuple) -> str:
    seeds = min((len(runs(*one)) for one in needed), default=0)
    return f"{needed[0][1]} (generated), {SCALE}, seeds: {seeds}"


# %% [markdown]
# ## Verdicts
#
# A {term}`verdict` is computed from the ledger by tested code, paired by seed. The claims were committed before the runs. Numbers are
# differences, or the one number that a claim is about, with their 95 % interval. [How to read one](../../book/verdicts.md).

# %%
about = {"scale": SCALE, "datasets": (DIGITS, CARS, FACES)}
display(show_table(claims_table(paper, ledger, title="What the paper claims", **about)))
show_table(claims_table(paper, ledger, title="What the paper does not ask", ours=True, **about))

# %% [markdown]
# *Trend holds* is the most that drawn data can give: the paper's own numbers can only be met on its own data, at {term}`paper scale`.
#
# ## Table 1
#
# CIFAR-100 as printed, and ours on cluttered digits, as errors. Depths keep the paper's names, the networks are small. Where the authors published logs, the printed errors are those of
# the best epoch on the test split; which epoch the others show is not said. Ours was selected on validation.

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
floors = [1 - r["floors"]["true_class_accuracy"] for r in runs("baseline", DIGITS).values()]
row = {"network": "floor", "g": format_number(np.mean(floors)) if floors else NONE}
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
# Model and make of a car, as accuracy. The paper has 432 models and 75 makes, the drawn cars have 48 and 12.

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
    floors = [r["floors"]["true_class_accuracy"] for r in runs(variant, CARS).values()]
    rows.append({"network": f"floor, {column}", "model": "", "maker": ""})
    rows[-1][column] = format_number(np.mean(floors)) if floors else NONE
caption = f"Accuracy; ours: {heading(('abn', CARS), ('make-abn', CARS))}"
show_table(Table(f"Table 3, printed for CompCars. {caption}", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## Selected and last epoch
#
# The tables hold the epoch that was selected on validation. Here the last one stands beside it, as differences between networks of the same seed.

# %%
DEPTHS = [f"resnet{depth}" for depth in (20, 32, 44, 56, 110)]
WHERE = [(name, DIGITS, "", name) for name in (*DEPTHS, *list(PRINTED)[:-1])]
for backbone in ("vgg16", "resnet101"):
    for column, prefix in (("model", ""), ("make", "make-")):
        WHERE.append((f"{backbone}, {column} of a car", CARS, prefix, backbone))
rows = []
for title, twin, prefix, backbone in WHERE:
    row = {"network": title}
    for name, (first_one, other) in {
        "ABN − plain": ("abn", "baseline"),
        "Eq. 2 − Eq. 1": ("abn", "eq1"),
    }.items():
        for epoch in ("selected", "last"):
            pair = (
                by_seed(prefix + v, twin, backbone=backbone, epoch=epoch)
                for v in (first_one, other)
            )
            gap = paired_difference(*pair)
            asked = name == "ABN − plain" or backbone in DEPTHS
            row[f"{name}, {epoch}"] = interval_words(gap, signed=True) if asked else "–"
    rows.append(row)
caption = f"Differences of accuracy, {DIGITS} and {CARS} (generated), {SCALE}, seeds paired"
show_table(Table(caption, tuple(rows[0]), tuple(rows)))

# %% [markdown]
# Each mark is one run: how far two seeds of one network lie apart says how large a difference these seeds can show.

# %% tags=["hide-input"] mystnb={"image": {"alt": "For each network on digits a row of marks, one a run: the accuracy of every seed without attention, with Equation 1 and with Equation 2."}}
fig, axis = figure(6.2, 5.2)
LOOKS = {"baseline": ("o", "plain"), "eq1": ("^", "Eq. 1"), "abn": ("s", "Eq. 2")}
names = [*DEPTHS, *list(PRINTED)[:-1]]
for y, backbone in enumerate(names):
    for k, (variant, (marker, label)) in enumerate(LOOKS.items()):
        values = list(by_seed(variant, DIGITS, backbone=backbone).values())
        style = {"marker": marker, "s": 26, "color": f"C{k}", "alpha": 0.8}
        axis.scatter(values, [y + 0.22 * (k - 1)] * len(values), label=label * (y == 0), **style)
floor = [r["floors"]["true_class_accuracy"] for r in runs("baseline", DIGITS).values()]
axis.axvline(np.mean(floor or [0.1]), color="black", linestyle="--", label="floor")
axis.set_yticks(range(len(names)), names, fontsize=9)
axis.set(ylim=(len(names) - 0.4, -0.6), xlabel="accuracy of one run, selected epoch")
axis.legend(fontsize=9, ncols=4, loc="upper left", bbox_to_anchor=(0, -0.13))
_ = axis.set_title(f"{DIGITS} (generated), {SCALE}, one mark a run", fontsize=10)

# %% [markdown]
# Table 4, the forty attributes, is on the page [multitask](multitask.ipynb).
#
# ## The controls
#
# Against the plain network, one with attention has three advantages: more parameters, a second loss in its middle, and attention. *Matched* takes away
# the first. *Unattended* has the parameters and the loss, and does not multiply. What remains against it is attention.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Differences of accuracy with 95 percent intervals on digits, makes of cars and attributes: attention minus baseline, minus matched, minus unattended, and unattended minus baseline."}}
PAIRS = (
    ("abn", "baseline"),
    ("abn", "matched"),
    ("abn", "unattended"),
    ("unattended", "baseline"),
)
SETS = (("digits", DIGITS, ""), ("make of a car", CARS, "make-"), ("attributes", FACES, ""))
fig, axis = figure(5.0, 4.6)
ticks = []
for i, (title, twin, prefix) in enumerate(SETS):
    for j, (a, b) in enumerate(PAIRS):
        y = i * (len(PAIRS) + 1) + j
        ticks.append((y, f"{title}: {a} − {b}"))
        gap = paired_difference(by_seed(prefix + a, twin), by_seed(prefix + b, twin))
        if gap.n > 2:
            style = {"fmt": "osD"[i], "capsize": 3, "color": f"C{i}"}
            axis.errorbar(100 * gap.mean, y, xerr=100 * (gap.high - gap.mean), **style)
        else:
            axis.text(0, y, NONE, va="center", fontsize=9)
axis.axvline(0, color="black", linewidth=1)
axis.set_yticks(*zip(*ticks, strict=True), fontsize=8)
axis.set(ylim=(ticks[-1][0] + 0.6, -0.6), xlabel="accuracy, percentage points")
axis.grid(axis="x")
_ = axis.set_title(f"generated data, {SCALE}, 95 % intervals over seeds", fontsize=10)

# %%
for title, twin, prefix in SETS:
    for a, b in PAIRS:
        gap = paired_difference(by_seed(prefix + a, twin), by_seed(prefix + b, twin))
        print(f"{title + ': ' + a + ' − ' + b:<40}{interval_words(gap, signed=True)}")

# %% [markdown]
# ## Are the maps right?
#
# On the twins the region of every digit and attribute is known. Three scores as on the page before.

# %%
OWN = {
    "attention": "abn",
    "CAM": "cam",
    "Grad-CAM": "baseline",
    "attention that does not act": "unattended",
}
ROWS = ("pointing", "energy", "iou")
for title, twin in (("digits", DIGITS), ("attributes", FACES)):
    rows = [
        {"map": name}
        | {score: interval_words(by_seed(variant, twin, f"map_{score}")) for score in ROWS}
        for name, variant in OWN.items()
    ]
    for rival in ("centre", "random"):
        row = {s: interval_words(by_seed("abn", twin, f"map_{s}_{rival}")) for s in ROWS}
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
for title, twin in (("digits", DIGITS), ("attributes", FACES)):
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
gallery = gallery_of()
print(
    NONE if gallery is None else f"networks of scale {gallery['scale']}, seed {gallery['seed']}"
)

# %% [markdown]
# The next cell draws a column for each image and a row for each method.

# %% tags=["hide-input"]
SMALL = 7  # size of the letters above a picture


def draw(twin: str, columns: int) -> None:
    shown = gallery["sets"][twin]
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
    _ = fig.suptitle(f"{twin} (generated), {SCALE}, seed {gallery['seed']}", fontsize=11)


# %% tags=["hide-input"] mystnb={"image": {"alt": "Six digits, a column each. Rows: the image, Grad-CAM of the plain network, the class activation map, and the attention map, each over the image with the ink outlined and the network's answer."}}
if gallery is None:
    print(NONE)
else:
    draw(DIGITS, 6)

# %% [markdown]
# Each map has its own range here, from its lowest to its highest value.
#
# ## Figure 5
#
# The same cars for two networks, one of which learned the model and one the make. The paper shows three and says that the maps differ with the task. Outlined is the body for the model, and the marks of the
# make (grille, badge, lamps) for the make.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four drawn cars, a column each. Rows: the image, the attention map of the network that learned the model, and that of the one that learned the make, with the region of each task outlined."}}
if gallery is None:
    print(NONE)
else:
    draw(CARS, 4)

# %% [markdown]
# Maps of two networks differ anyway, even if both learned the same from other seeds. So the question is whether the task changes them *more than the seed does*. The distance is one
# minus the {term}`rank correlation` of two maps. Energy on the marks has its blind rivals, too.

# %%
print(heading(("make-abn", CARS), ("abn", CARS)))
for text, metric, variant in (
    ("make and model, same seed", "task_distance", "make-abn"),
    ("model and model, two seeds", "seed_distance", "make-abn"),
    ("difference", "task_distance_over_seed", "make-abn"),
    ("energy on the marks, learned the make", "energy_on_make", "make-abn"),
    ("energy on the marks, learned the model", "energy_on_make", "abn"),
    ("  of a bump on the centre", "map_energy_centre", "make-abn"),
    ("  of noise", "map_energy_random", "make-abn"),
):
    print(f"{text:<42}{interval_words(by_seed(variant, CARS, metric))}")

# %% [markdown]
# ## Figure 6
#
# Features of drawn cars, flattened by {term}`t-SNE` {cite:p}`vandermaaten2008tsne`: of the network without attention, and of the one with attention: what its last stage makes of the features *before* the map acts (which it never saw in training) and *after*. The paper sees clusters of *pose* in the first two, and of pose and
# detailed form in the third.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Three clouds of points, one for each kind of features, coloured by the viewpoint of the car."}}
if gallery is None:
    print(NONE)
else:
    features = gallery["features"]
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
if gallery is None:
    print(NONE)
else:
    for name, values in gallery["features"]["agreement"].items():
        print(f"{name:<26}{interval_words(values)}")
    models = np.array(gallery["features"]["kinds"]["model"])
    chance = sum((models == m).mean() ** 2 for m in np.unique(models))
    chance_view = sum((views == v).mean() ** 2 for v in np.unique(views))
    print(f"by chance: viewpoint {chance_view:.3f}, model {chance:.3f}")
    for kind in gallery["features"]["kinds"]:
        after, before = (
            dict(enumerate(gallery["features"]["agreement"][f"{at}, {kind}"]))
            for at in ("after", "before")
        )
        gap = paired_difference(after, before)
        word = "more" if gap.low > 0 else "less" if gap.high < 0 else "neither more nor less"
        print(
            f"after, {kind}s stand together {word} than before: {interval_words(gap, signed=True)}"
        )

# %% [markdown]
# ## When this helps, and when not
#
# The words are chosen by code from the verdicts above, so they cannot outlive them.

# %%
QUESTIONS = {
    "abn-beats-baseline-resnet20": (DIGITS, "attention beats the plain network on digits"),
    "abn-beats-matched-digits": (DIGITS, "it beats a plain network as large"),
    "abn-beats-unattended-digits": (DIGITS, "it beats the same branches without attention"),
    "attributes-gain": (FACES, "a map for each attribute beats the plain network on faces"),
    "one-map-is-not-enough": (FACES, "a map for each beats one map for all"),
    "maps-find-objects": (DIGITS, "its map has more energy on the ink than a centred bump"),
    "maps-find-attributes": (FACES, "maps of attributes have more energy inside than one"),
    "maps-point-better-than-centre-attributes": (FACES, "their peaks beat the centre"),
    "maps-point-better-than-gradcam-attributes": (FACES, "they point better than Grad-CAM"),
    "places-of-the-map-are-used-digits": (DIGITS, "it is right less often with a flat map"),
    "own-map-is-used-digits": (DIGITS, "and with the map of another image"),
    "places-of-the-map-are-used-attributes": (FACES, "so it is with flat maps of attributes"),
    "maps-forget-digits": (DIGITS, "its map changes when all weights are shuffled"),
}
SAYS = {"trend holds": "yes", "not reproduced": "no", "inconclusive": "open", "not tested": NONE}
verdicts = judge_all(paper, ledger, scale=SCALE)
for name, (twin, question) in QUESTIONS.items():
    found = verdicts[name, twin]
    print(f"{SAYS.get(found.verdict, found.verdict):<15}{question}")

# %% [markdown]
# Before you add an attention branch to your own network, ask:
#
# - *Would a second loss do?* Train the two branches once more without the multiplication. It needs no new code.
# - *Would more parameters do?* Widen the plain network first.
# - *What do you want the map for?* If a person is to trust it, measure it on data where you know the place. A drawn twin will do.
# - *How long do you train?* A second loss in the middle may make the start faster, and then a short training flatters it. Look at *unattended − baseline* above.
# - *Many attributes?* The passes cost more than all the rest. Share what they have in common, and mind the batch norm.
#
# ## Failure cases
#
# Digits that the network with attention of seed 0 gets wrong, among the first of the test split, of which Figure 4 shows the first six, and where its map points.

# %%
if gallery is None:
    print(NONE)
else:
    attention = gallery["sets"][DIGITS]["methods"][list(SHOWN[DIGITS]).index("attention")]
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
# - A short training shows who starts first, a longer one who ends higher. Draw the curves before you read a table.
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
