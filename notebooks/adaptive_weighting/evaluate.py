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
# # Evaluate: do the weights know anything?
#
# The paper reports that weights which follow the validation loss beat equal ones on three datasets, with one run each. We repeat its tables
# and figures over several seeds. Then we ask what it does not: would random weights have done as well, would a wider network, and how much of
# a weight is noise?

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to judge a gain by paired seeds and by a control, tell a weight's signal from its sampling noise, and say
# what it costs to steer a training by validation images.
#
# **You need** the pages [build](build.ipynb) and [train](train.ipynb).
#
# **Two scales** appear here. *Reduced* numbers come from the committed {term}`ledger`, of drawn faces and pedestrians, each seed with images of
# its own. *Smoke* pictures come from three short runs of this page. Where nothing is on record yet, the page says *not run yet*.
# **Cost** of the runs on a CPU, as measured: see the [results page](../../book/results.md). No GPU is needed.
#
# **Accuracy** is measured on what was drawn, unless *labels* stands beside it: labels have documented errors, which no network should learn.
#
# **One learning rate** serves all shared networks: the one at which the adaptive weights did best in trials before these runs. The trials are
# among the deviations at the end of this page.
# ```

# %% tags=["parameters"]
dataset: str = "celeba-twin"  # celeba, market1501 or duke, with -twin or with root
root: str | None = None  # folder of the official files, for the real sets
scale: str = "smoke"  # smoke, reduced or paper
seed: int = 0  # of weights and order of images

# %% [markdown]
# ## What came out
#
# Each line is the difference of two networks over seeds with its 95 % interval; the grey band is the smallest difference that would matter.
# The sentences are made from the verdicts. [How to read a verdict](../../book/verdicts.md) explains the words.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Forest plot: adaptive weights against equal ones and controls. One line per comparison with its interval, the smallest effect of interest as a band, and the verdict."}}
from mtattr.pages import show_finding

FACES, MARKET, DUKE = TWINS = ("celeba-twin", "market1501-twin", "duke-twin")
ASKED = {f"weighted-beats-basic-{twin.removesuffix('-twin')}": twin for twin in TWINS}
show_finding(
    "adaptive_weighting",
    [
        *((f"weighted − basic, {twin}", claim, twin) for claim, twin in ASKED.items()),
        ("weighted − shuffled, faces", "weights-beat-shuffled", FACES),
        ("weighted − uncertainty, faces", "weighted-beats-uncertainty", FACES),
        ("long windows − weighted, faces", "longer-windows-help", FACES),
        ("twice the width − weighted, faces", "width-beats-weights", FACES),
        ("basic − separate, faces", "basic-beats-separate-celeba", FACES),
    ],
    statement="weights that follow the validation loss give a higher accuracy than equal weights",
    about=[*ASKED],
    so_what={
        "yes": "Try these weights, with shuffled ones beside them: only the difference of the two pays for the second forward pass.",
        "in part": "Begin with equal weights; whether adaptive ones pay depends on the data.",
        "no": "Use equal weights: looking at validation images in every step costs time and bought no accuracy here.",
        "not shown": "These runs do not decide, and equal weights cost less.",
    },
    title="Adaptive weights, against equal ones and controls",
    pooled="weighted-minus-basic",
)

# %% tags=["hide-input"]
import math

import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown, display
from mtattr.adaptive_weighting.analysis import noise_floor
from mtattr.adaptive_weighting.measurements import RARE
from mtattr.adaptive_weighting.recipe import EVIDENCE, VARIANTS
from mtattr.adaptive_weighting.sizes import load_splits, size_of
from mtattr.data import load_dataset
from mtattr.evaluation import predict, rank_correlation, t_interval
from mtattr.pages import records_of, show_source, show_table
from mtattr.plots import figure, to_picture
from mtattr.training import RunSpec, fit_or_load, plan_for

SCALE, NOT_RUN = "reduced", "not run yet"
NAMES = dict(zip(TWINS, ("faces", "Market-1501", "Duke"), strict=True))
SUMMED = {"unit_loss": "sum"}  # the loss of an attribute of several values is a sum over them

# %% [markdown]
# Short helpers ask the ledger: for the records of one network on one dataset by seed, for a number of each, and for the values per attribute.
# The title of a figure is a statement with the answer that the verdicts give.

# %% tags=["hide-input"]
from mtattr.evidence import (
    TRAINED_SHARE,
    Table,
    answer,
    finding,
    format_number,
    interval_words,
    judge_all,
    load_paper,
    measures,
    paired_difference,
    pooled_table,
    runs_by_seed,
)

paper = load_paper("adaptive_weighting")
ledger = records_of(paper.name, scale=SCALE)
verdicts = judge_all(paper, ledger, scale=SCALE)


def found(*claims: str) -> list:
    return [verdicts[c, twin] for c in claims for twin in TWINS if (c, twin) in verdicts]


# %% tags=["hide-input"]
def runs(variant: str, twin: str, **settings) -> dict[int, dict]:
    return runs_by_seed(ledger, variant=variant, dataset=twin, **settings)


def by_seed(variant: str, twin: str, metric="true_mean_accuracy", epoch="selected", **settings):
    return measures(runs(variant, twin, **settings), metric, epoch)


def per_task(variant: str, twin: str, name: str, part: str = "task_metrics") -> np.ndarray:
    return np.array([r[part][name] for r in runs(variant, twin).values()], dtype=float)


def gain(twin: str, name: str) -> np.ndarray:
    """Weighted minus basic, `(seeds, attributes)`, over the seeds that both have."""
    a, b = runs("weighted", twin), runs("basic", twin)
    both = [[np.array(r[s]["task_metrics"][name], float) for r in (a, b)] for s in a if s in b]
    return np.array([weighted - basic for weighted, basic in both])


def heading(twin: str, *variants: str) -> str:
    seeds = [set(runs(v, twin)) for v in variants]
    return f"{NAMES[twin]} (drawn), {SCALE}, seeds: {len(set.intersection(*seeds))}"


# %% tags=["hide-input"]
def say(statement: str, *claims: str) -> None:
    answered = f"{statement}: {answer(found(*claims))}" if claims else statement
    plt.gcf().suptitle(answered, x=0.01, ha="left", fontsize=12)


def describe(axis, *lines: str) -> None:
    axis.set_title("\n".join(lines), fontsize=9, color="#505050")


def panels(height: float | dict[str, float], x: str, y: str, *variants: str):
    """Axes and name of each dataset that has these runs; the figure names the others."""
    there = [t for t in TWINS if set.intersection(*(set(runs(v, t)) for v in variants))]
    tall = [height[t] if isinstance(height, dict) else height for t in there] or [0.8]
    fig, axes = figure(4.6, 0.4 + sum(tall), rows=len(tall), height_ratios=tall)
    if missing := ", ".join(NAMES[t] for t in TWINS if t not in there):
        fig.supxlabel(f"{missing}: {NOT_RUN}", x=0.01, ha="left", fontsize=9)
    if not there:
        axes.set_axis_off()
    for axis, twin in zip(np.ravel(axes), there, strict=False):
        describe(axis, heading(twin, *variants))
        axis.set(xlabel=x, ylabel=y)
        axis.tick_params(which="both", labelsize=9)
        yield axis, twin


# %% [markdown]
# ## The method minus its baseline
#
# One question asked of several data is one number with a spread. *One more dataset* says where the true difference of a fourth set would lie;
# it is wide when the sets disagree.

# %%
heads = ("question", "differences", "pooled [95 % CI]", "one more dataset")
show_table(pooled_table(paper, ledger, scale=SCALE), columns=heads)

# %% [markdown]
# ## Have the networks learned?
#
# A network that has not learned cannot show what weights do. Each mark is one run: how far it came from the {term}`floor`, the most frequent
# answer for every image, to the ceiling, no error at all. Left of the dashed line nothing is judged.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Share of the way from floor to ceiling for every run, one row per network and one mark per dataset, with the gate as a dashed line."}}
fig, axis = figure(4.6, 4.6)
cells = [(twin, settings) for twin in TWINS for settings in ({}, SUMMED)]
passed, total = 0, 0
for i, (twin, settings) in enumerate(cells):
    shares = {
        v: [r["learned"]["share"] for r in runs(v, twin, **settings).values()] for v in VARIANTS
    }
    points = [(share, y) for y, v in enumerate(VARIANTS) for share in shares[v]]
    if points:
        x, y = np.array(points).T
        passed, total = passed + int((x >= TRAINED_SHARE).sum()), total + len(x)
        name = f"{NAMES[twin]}, sums" if settings else NAMES[twin]
        axis.plot(x, y + 0.13 * (i - 2.5), "os^Dv<"[i], markersize=4, color=f"C{i}", label=name)
for y, v in enumerate(VARIANTS):
    if not any(runs(v, twin, **settings) for twin, settings in cells):
        axis.text(0.02, y, NOT_RUN, va="center", fontsize=9)
axis.axvline(TRAINED_SHARE, color="black", linestyle="--", linewidth=1)
axis.set_yticks(range(len(VARIANTS)), VARIANTS, fontsize=9)
axis.set(xlim=(0, 1), ylim=(len(VARIANTS) - 0.5, -0.5))
axis.set_xlabel("share of the way from floor to ceiling", fontsize=10)
describe(axis, f"drawn data, {SCALE}")
axis.grid(axis="x")
if total:
    axis.legend(fontsize=9, ncols=2, loc="upper left", bbox_to_anchor=(-0.3, -0.14))
say(f"{passed} of {total} runs have passed the gate" if total else NOT_RUN)

# %% [markdown]
# ## What the controls say
#
# If weights help, is it because the right attributes get them? *Shuffled* deals the same weights to the attributes at random, anew at each
# update: it keeps the jumps of the weights and takes away which attribute has which. *Averaged*, an exploration, is the mean of all weights so
# far: it keeps who has more and takes away the jumps. *Weighted-long* has windows five times as long, *basic-wide* equal weights and
# twice the channels. *Train-steered* follows training images by the same rule, *held-out* one half of the validation images.
# *Uncertainty* {cite:p}`kendall2018`, *dwa* {cite:p}`liu2019mtan` and *gradnorm* {cite:p}`chen2018gradnorm` are three published rules with the
# settings of their papers. *Separate* is one whole network per attribute, *separate-equal* one small network per attribute, together as large
# as the shared one.

# %% tags=["hide-input"]
SEPARATE = [f"basic-beats-separate-{name}" for name in ("celeba", "market1501", "duke")]
RIVALS = [f"weighted-beats-{rule}" for rule in ("uncertainty", "dwa", "gradnorm")]
QUESTIONS = {
    "which attribute has which weight matters": ["weights-beat-shuffled"],
    "weights dealt at random change the accuracy": ["shuffled-differs-from-basic"],
    "without their jumps the weights do better": ["averaged-beats-weighted"],
    "without their jumps they beat equal weights": ["averaged-beats-basic"],
    "longer windows, thus less noise, help": ["longer-windows-help"],
    "with longer windows the weights beat equal ones": ["weighted-longer-windows"],
    "twice the channels help more than weights": ["width-beats-weights"],
    "the weights beat three other rules": RIVALS,
    "validation images steer better than training images": ["validation-matters"],
    "half of the validation images steer as well as all": ["held-out-as-good"],
    "the images that steer look better than they are": ["steering-flatters-its-images"],
    "one network beats separate ones": SEPARATE,
    "it beats separate ones that are as large together": ["sharing-pays-at-equal-parameters"],
}
Markdown("\n".join(f"- {finding(said, found(*claims))}" for said, claims in QUESTIONS.items()))

# %% tags=["hide-input"] mystnb={"image": {"alt": "Difference of mean accuracy to equal weights with 95 percent intervals for every other network, one panel for each drawn dataset."}}
planned = {
    t: [v for d, _, names in EVIDENCE if d == t for v in names if v != "basic"] for t in TWINS
}
planned = {twin: sorted({*names}, key=[*VARIANTS].index) for twin, names in planned.items()}
tall = {twin: 1.0 + 0.22 * len(names) for twin, names in planned.items()}
better, compared = 0, 0
for axis, twin in panels(tall, "mean accuracy − basic, percentage points", "", "basic"):
    rivals = planned[twin]
    for settings, mark, shift in (({}, "o", -0.15), (SUMMED, "s", 0.15)):
        basic = by_seed("basic", twin, **settings)
        for y, variant in enumerate(rivals):
            seen = paired_difference(by_seed(variant, twin, **settings), basic)
            half = seen.high - seen.mean if seen.n > 2 else math.nan
            place = {"xerr": 100 * half, "fmt": mark, "capsize": 3, "markersize": 5}
            color = "#D55E00" if settings else "#0072B2"
            if seen.n:
                axis.errorbar(100 * seen.mean, y + shift, color=color, **place)
                better, compared = better + (seen.low > 0), compared + (seen.n > 2)
            elif not settings:
                axis.text(0.02, y, NOT_RUN, fontsize=9, transform=axis.get_yaxis_transform())
    axis.axvline(0, color="black", linewidth=1)
    axis.set_yticks(range(len(rivals)), rivals, fontsize=9)
    axis.set_ylim(len(rivals) - 0.5, -0.5)
    axis.grid(axis="x")
say(f"{better} of {compared} intervals lie above equal weights" if compared else NOT_RUN)

# %% [markdown]
# Squares on the pedestrians: the loss of an attribute of several values is summed over them, not averaged. Basic is then another network too,
# trained with the same sums. Each panel starts from the seeds that *basic* has; an interval needs three.
#
# ## Table 1
#
# Mean accuracy on CelebA as printed, and ours on drawn faces with a small network. Only orderings can be compared, never the numbers.


# %%
def beside_print(name: str, column: str, twin: str) -> Table:
    printed, rows = paper.table(name), []
    ours = {"ours": "true_mean_accuracy", "ours, labels": "mean_accuracy"}
    for row in dict.fromkeys((*printed.rows, *VARIANTS)):
        said = f"{printed.value(row, column):g}" if row in printed.rows else "—"
        words = [interval_words(by_seed(row, twin, m)) for m in ours.values()]
        if row in printed.rows or runs(row, twin):
            rows.append([row, said, *(words if row in VARIANTS else ["—", "—"])])
    floors = [r["floors"] for r in ledger if r["spec"]["dataset"] == twin]
    means = [
        format_number(float(np.mean([f[m] for f in floors]))) for m in ours.values() if floors
    ]
    rows.append(["floor", "—", *(means or [NOT_RUN, NOT_RUN])])
    heads = ("network", "printed", *ours)
    caption = f"{printed.where}: {column.removesuffix('-twin')}; ours: {heading(twin, 'basic')}"
    return Table(caption, heads, tuple(dict(zip(heads, row, strict=True)) for row in rows))


show_table(beside_print("celeba-accuracy", "accuracy", FACES))

# %% [markdown]
# ## Table 2

# %%
for name in ("market1501", "duke"):
    display(show_table(beside_print("pedestrian-accuracy", name, f"{name}-twin")))

# %% [markdown]
# The paper prints neither a floor nor a spread. Without the first, nobody knows how much of an accuracy was learned; without the second,
# whether a difference would come back in another run.
#
# ## Figure 4
#
# The error of each attribute, one minus accuracy, on drawn faces. Attributes are sorted by the error of equal weights. The upright stroke is
# the error of the floor: a mark to the right of it is worse than not looking.


# %% tags=["hide-input"]
def mean_and_half(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    seen = [t_interval(column) for column in values.reshape(len(values), -1).T]
    halves = [i.high - i.mean if i.n > 2 else math.nan for i in seen]
    return tuple(np.reshape(x, values.shape[1:]) for x in ([i.mean for i in seen], halves))


def draw_errors(axis, twin: str, order: np.ndarray) -> None:
    for i, (variant, mark) in enumerate(
        zip(("separate", "basic", "weighted"), "sod", strict=True)
    ):
        places, label = np.arange(len(order)) + 0.25 * (i - 1), f"{variant}: {NOT_RUN}"
        mean = half = np.full(len(order), math.nan)
        if runs(variant, twin):
            mean, half = mean_and_half(1 - per_task(variant, twin, "true_accuracy"))
            label = variant
        style = {"markersize": 4, "capsize": 0, "label": label, "color": f"C{i}"}
        axis.errorbar(mean[order], places, xerr=half[order], fmt=mark, **style)
    floor = 1 - per_task("basic", twin, "true_floor").mean(0)[order]
    axis.plot(floor, range(len(order)), "|k", markersize=9, label="floor")


# %% tags=["hide-input"] mystnb={"image": {"alt": "Dots with intervals: error of each of the 40 drawn face attributes under separate, basic and weighted, sorted, with the error of the floor as an upright stroke."}}
def errors(twin: str) -> None:
    fig, axis = figure(4.6, 0.6)
    change, said = gain(twin, "true_accuracy"), NOT_RUN
    if len(change):
        said = f"errs more on {(change.mean(0) < 0).sum()} of {change.shape[1]} attributes"
    say(f"{NAMES[twin].capitalize()}: weighted {said}")
    if not runs("basic", twin):
        return axis.set_axis_off()
    tasks = next(iter(runs("basic", twin).values()))["tasks"]
    fig.set_size_inches(4.6, 1.7 + 0.23 * len(tasks))
    order = np.argsort(per_task("basic", twin, "true_accuracy").mean(0))
    draw_errors(axis, twin, order)
    axis.legend(loc="upper right", bbox_to_anchor=(1.0, -1.0 / len(tasks)), ncols=2, fontsize=9)
    axis.set_yticks(range(len(tasks)), [tasks[i].replace("_", " ") for i in order], fontsize=9)
    axis.set(ylim=(len(tasks) - 0.5, -0.5))
    axis.grid(axis="x")
    axis.grid(visible=False, axis="y")
    axis.tick_params(axis="x", labelsize=9)
    return describe(axis, heading(twin, "basic"))


errors(FACES)

# %% [markdown]
# ## Figure 6

# %% tags=["hide-input"] mystnb={"image": {"alt": "Dots with intervals: error of each attribute of the drawn Market-1501 pedestrians under separate, basic and weighted, with the floor."}}
errors(MARKET)

# %% [markdown]
# ## Figure 7

# %% tags=["hide-input"] mystnb={"image": {"alt": "Dots with intervals: error of each attribute of the drawn Duke pedestrians under separate, basic and weighted, with the floor."}}
errors(DUKE)

# %% [markdown]
# ## Figure 5
#
# The validation loss, summed over attributes without weights. In the paper the two curves are alike for more than half of the training; then
# the weighted one goes on falling. The band is the 95 % interval over seeds. The panels are cut above, so that the end can be seen.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Validation loss by epoch of weighted and basic, one panel for each drawn dataset, with a band over seeds."}}
for axis, twin in panels(2.3, "epoch", "validation loss", "basic", "weighted"):
    late = []
    for variant, line in (("basic", "--"), ("weighted", "-")):
        curves = [[e["val_loss"] for e in r["history"]] for r in runs(variant, twin).values()]
        mean, half = mean_and_half(np.array(curves))
        epochs = np.arange(1, len(mean) + 1)
        late += [*(mean - np.nan_to_num(half))[1:], *(mean + np.nan_to_num(half))[1:]]
        axis.plot(epochs, mean, line, marker="o", markersize=3, label=variant)
        axis.fill_between(epochs, mean - half, mean + half, alpha=0.25)
    axis.set_xticks(epochs)
    axis.set_ylim(0.98 * min(late), 1.03 * max(late))
    axis.legend(fontsize=9)
say("Adaptive weights end with a lower loss", "validation-loss-falls-further")

# %% [markdown]
# The paper reads such curves as a proof of better convergence. Two cautions. The plotted images are those that steer the weights. And a lower
# square error need not be a higher accuracy: compare with Tables 1 and 2.
#
# ## Figure 9
#
# The paper shows pictures on which its network names more attributes rightly than the others do. We train the three at the scale of this page
# and show images drawn by the seed, failures included.

# %% tags=["nbval-ignore-output"]
THREE = ("separate", "basic", "weighted")
SHOWN = {
    "celeba": ("Eyeglasses", "Wearing_Hat", "Smiling", "Male", "Bangs", "Young"),
    "market1501": ("backpack", "bag", "up", "hair", "hat", "up_colour"),
    "duke": ("backpack", "bag", "boots", "gender", "top", "up_colour"),
}
specs = {v: RunSpec(paper.name, v, dataset, scale, seed) for v in THREE}
data = load_splits(dataset, scale, root=root)
plans = {v: plan_for(spec, root=root, data=data) for v, spec in specs.items()}
trained = {v: fit_or_load(spec, plan=plans[v], root=root) for v, spec in specs.items()}
label = f"{dataset}{' (generated)' if data['test'].generated else ''}, scale: {scale}"
print(label)
for v, run in trained.items():
    score, floor = run.metrics["selected"]["mean_accuracy"], run.record["floors"]["mean_accuracy"]
    print(f"  {v:<9} mean accuracy {score:.3f}, floor {floor:.3f}")


# %%
assert len({run.record["data"]["fingerprint"] for run in trained.values()}) == 1
assert all(0.5 < run.metrics["selected"]["mean_accuracy"] < 1 for run in trained.values())


def answer_table(axis, i: int, wrong: dict[str, torch.Tensor]) -> None:
    def word(v: str, t: int) -> str:
        value = said[v][i, t]
        known = "?" if value.isnan() else (test.tasks[t].values or ("no", "yes"))[int(value)]
        return f"✗ {known}" if wrong[v][t] else known

    names = [test.tasks[t].name.removeprefix("Wearing_").replace("_", " ") for t in chosen]
    rows = [[n, *(word(v, t) for v in said)] for n, t in zip(names, chosen, strict=True)]
    look = {"cellLoc": "left", "colLoc": "left", "edges": "horizontal", "bbox": (0, 0, 1, 1)}
    look |= {"colLabels": ["", *said], "colWidths": (1.3, 0.8, 1.1, 0.9, 1.1)}
    table = axis.table(rows, **look)
    table.auto_set_font_size(False)
    for cell in table.get_celld().values():
        cell.set(fontsize=9, linewidth=0.5, edgecolor="#A0A0A0")
        cell.PAD = 0.03


# %% tags=["hide-input", "nbval-ignore-output"] mystnb={"image": {"alt": "Three test images, each beside a small table of six attributes with the truth and the answers of separate, basic and weighted; a wrong answer is marked with a cross."}}
test = data["test"]
options = {"limit": size_of(dataset, scale).test, "root": None if test.generated else root}
side = tuple(2 * length for length in test.images.shape[-2:])
large = load_dataset(dataset, "test", image_size=side, **options)
logits = {v: r.predictions()["test_selected"] for v, r in trained.items()}
said = {"truth": test.labels} | {v: predict(x, test.tasks).float() for v, x in logits.items()}
chosen = [test.tasks.index(name) for name in SHOWN[dataset.removesuffix("-twin")]]
picked = torch.randperm(len(test), generator=torch.Generator().manual_seed(seed))[:3].tolist()
fig, axes = figure(4.6, 5.8, rows=3, columns=2, width_ratios=(1, 2.9))
for (left, right), i in zip(axes, picked, strict=True):
    left.imshow(to_picture(large.images[i]))
    wrong = {v: (x[i] != test.labels[i]) & ~test.labels[i].isnan() for v, x in said.items()}
    for axis in (left, right):
        axis.set_axis_off()
    answer_table(right, i, wrong)
    counts = ", ".join(f"{v} {int(wrong[v].sum())}" for v in THREE)
    right.set_title(f"wrong of {len(test.tasks)}: {counts}", fontsize=9)
say(f"Three images, and who is wrong (✗)\n{label}")

# %% [markdown]
# A cross marks an answer that the label denies. The column *truth* is the label, which itself may be wrong. Three pictures are an illustration;
# which network errs less is said by the tables above.
#
# ## Weights over time
#
# The paper never shows its weights. Here is the mean weight of each epoch at reduced scale: in colour the three attributes of highest mean
# weight and the three of lowest, in grey all others. All weights are 1 for the first two {term}`windows <window>`, and their mean is always 1.
# The number in the panel is the rank correlation of the weights of one epoch with those of the next: 1 says that they stay, 0 that they are new.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Weight of each attribute by epoch, one panel for each drawn dataset; the three highest and three lowest are coloured and named, all others grey."}}
again = {}
for axis, twin in panels(3.0, "epoch", "weight", "weighted"):
    tasks = next(iter(runs("weighted", twin).values()))["tasks"]
    curves = per_task("weighted", twin, "weight", "task_history").mean(0)
    epochs, order = np.arange(1, len(curves) + 1), np.argsort(-curves.mean(0))
    axis.plot(epochs, curves[:, order[3:-3]], color="#C0C0C0", linewidth=1)
    for t in (*order[:3], *order[-3:]):
        line = "-" if t in order[:3] else "--"
        axis.plot(epochs, curves[:, t], line, label=tasks[t].replace("_", " "))
    axis.axhline(1, color="black", linewidth=0.8)
    axis.set_xticks(epochs)
    again[twin] = list(by_seed("weighted", twin, "weight_persistence").values())
    words = f"epoch to next epoch: {interval_words(again[twin], signed=True)}"
    describe(axis, axis.get_title(loc="left"), words)
    axis.legend(fontsize=9, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.28))
stay = sum(np.mean(values) > 0.5 for values in again.values())
say(f"Weights keep their order on {stay} of {len(again)} datasets" if again else NOT_RUN)

# %% [markdown]
# ## Do hard attributes weigh more?
#
# The paper says that attributes of low performance get heavy weights. The rule looks at the *change* of the validation loss, not at its level.
# The two can still go together. Each dot is an attribute: its mean validation loss and its mean weight over the training. The rank correlation
# is computed in each run; its mean and interval stand in the panel. A loss is also high for the mere reason that both answers are common, so a
# second number takes another measure of difficulty: the test error over the error of the floor, which is 1 where nothing was learned.
#
# Attributes of several values are drawn as squares. Their loss is a mean over their values, most of which are easy to rule out, so it is small.
# Divide a loss by $c$, and the rule divides its weight by $c$ as well: the gradient falls by $c^2$. The scale of a loss, which nobody chose
# with care, counts twice. The runs with sums, above, put the attributes on another scale.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Scatter of mean weight against mean validation loss, one mark for each attribute, squares for those of several values, one panel for each drawn dataset, with the rank correlation."}}
for axis, twin in panels(2.5, "mean validation loss", "mean weight", "weighted"):
    tasks = load_dataset(twin, "test", image_size=16, limit=2).tasks
    loss, weight = (
        per_task("weighted", twin, name).mean(0) for name in ("validation_loss", "weight")
    )
    for kind, mark in (("binary", "o"), ("categorical", "s")):
        of = [t for t, task in enumerate(tasks) if task.kind == kind]
        axis.plot(loss[of], weight[of], mark, color="C0")
    for t in {*np.argsort(weight)[[0, -1]], np.argmax(loss)}:
        side = "right" if loss[t] > np.mean((loss.min(), loss.max())) else "left"
        word = f" {tasks[t].name.replace('_', ' ')} "
        axis.text(loss[t], weight[t], word, fontsize=9, ha=side, va="bottom")
    level = list(by_seed("weighted", twin, "weight_difficulty_correlation").values())
    rows = (
        torch.tensor(per_task("weighted", twin, name))
        for name in ("weight", "true_accuracy", "true_floor")
    )
    left = [rank_correlation(w, (1 - a) / (1 - f)) for w, a, f in zip(*rows, strict=True)]
    words = [f"rank correlation {interval_words(level, signed=True)}"]
    words += [f"with error over floor {interval_words(left, signed=True)}"]
    describe(axis, axis.get_title(loc="left"), *words)
    axis.margins(y=0.18)
say("Attributes of high loss weigh more", "hard-tasks-weigh-more")

# %% [markdown]
# ## How much of a weight is noise?
#
# A weight is a change between two means, each over the validation images of one window. The means differ even if the network has stopped
# learning, because other images were drawn. How much? If the loss of an attribute has standard deviation $\sigma$ over images and a window
# holds $n$ draws, the difference $d$ of two means is about normal with variance $2 \sigma^2 / n$, and
#
# $$\mathbb{E}\,|d| = \sqrt{\tfrac{2}{\pi}} \cdot \sqrt{\tfrac{2 \sigma^2}{n}} = \frac{2 \sigma}{\sqrt{\pi n}}.$$
#
# With $\sigma = 1$ and $n = 400$ that is about $0.056$. The library computes it from the trained network's loss on each validation image:

# %%
show_source(noise_floor)

# %% [markdown]
# The change that sets the weights, summed over attributes, beside that floor. The floor is computed for the network of the last epoch, so
# compare the *last* points with it. The share in each panel is floor over change: 1 says that all of it could be chance. The correlation is
# that of the last weights with the floor, by rank over attributes: if it is high, attributes weigh more because their losses are more
# scattered, not because they learn. A first point far above the others is the work of batch norm, whose running statistics lag behind.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Change of the validation loss between windows by epoch, and as a dashed line the change that sampling alone would give, one panel for each drawn dataset."}}
for axis, twin in panels(2.5, "epoch", "change, summed", "weighted"):
    change = np.nansum(per_task("weighted", twin, "change", "task_history"), axis=2)
    mean, half = mean_and_half(change)
    epochs = np.arange(1, len(mean) + 1)
    axis.errorbar(epochs, mean, yerr=half, fmt="o-", markersize=4, label="change")
    floor = np.nansum(per_task("weighted", twin, "noise_floor"), axis=1).mean()
    axis.axhline(floor, color="black", linestyle="--", label="sampling alone")
    words = [
        f"{m} {interval_words(by_seed('weighted', twin, f'noise_{m}', 'last'))}"
        for m in ("share", "correlation")
    ]
    if longer := by_seed("weighted-long", twin, "noise_share", "last"):
        words[0] += f"; long windows {interval_words(longer)}"
    axis.set(yscale="log", xticks=epochs)
    describe(axis, axis.get_title(loc="left"), *words)
    axis.legend(fontsize=9)
say("Late changes are mostly noise", "late-weights-are-noise")

# %% [markdown]
# ## Rare attributes
#
# An attribute that few images have can be ignored at little cost in accuracy. {term}`Balanced accuracy` does not forgive that. Does weighting help
# there? To the right of the dotted line, less than a tenth of the images give the rarer answer. The line in the panel is for these. Where *basic
# itself* has 0.5, no network gets off the floor for any rare attribute, and the verdict compares two floors.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Difference of balanced accuracy between weighted and basic for each attribute, against how common its most frequent answer is, one panel for each drawn dataset."}}
METRIC = "true_rare_balanced_accuracy"
for axis, twin in panels(
    2.5, "share of the most frequent answer", "weighted − basic", "basic", "weighted"
):
    mean, half = mean_and_half(gain(twin, "true_balanced_accuracy"))
    floor = per_task("basic", twin, "true_floor").mean(0)
    axis.errorbar(floor, mean, yerr=half, fmt="o", markersize=4, elinewidth=0.8, capsize=0)
    axis.axhline(0, color="black", linewidth=1)
    axis.axvline(1 - RARE, color="grey", linestyle=":", linewidth=1.5)
    basic = by_seed("basic", twin, METRIC)
    change = paired_difference(by_seed("weighted", twin, METRIC), basic)
    words = f"rare: basic {interval_words(basic)}, change {interval_words(change, signed=True)}"
    describe(axis, axis.get_title(loc="left"), words)
    axis.margins(y=0.2)
say("Rare attributes gain", "rare-attributes-gain")

# %% [markdown]
# ## What steering does to the validation images
#
# The paper says that validation images are kept unknown in training. Yet they decide the weights. *Optimism* is the loss on one half of them
# minus the loss on the other, at the last epoch. In *held-out* only the second half steered. In *basic* neither did: its value says by how
# much the halves differ anyway. What counts is the difference of the two. Steering has a price too: processor time over that of basic, one thread,
# runs of one seed. `benchmarks/weighting.py` measures one step, both kinds in turn.


# %%
def over_basic(twin: str, metric: str) -> str:
    mine, basic = by_seed("weighted", twin, metric), by_seed("basic", twin, metric)
    return interval_words([mine[s] / basic[s] for s in mine.keys() & basic.keys()])


def optimism(twin: str) -> str:
    pair = (by_seed(v, twin, "optimism", "last") for v in ("held-out", "basic"))
    return interval_words(paired_difference(*pair), signed=True)


heads = ("dataset", "optimism, held-out − basic", "time, weighted / basic")
rows = [(NAMES[twin], optimism(twin), over_basic(twin, "cost.cpu_seconds")) for twin in TWINS]
caption = f"What steering does and costs, scale: {SCALE}"
show_table(Table(caption, heads, tuple(dict(zip(heads, row, strict=True)) for row in rows)))

# %% [markdown]
# ## When this helps, and when not
#
# Beyond these sets, ask some questions before you use the rule.
#
# - *Does the validation loss still move for a reason?* Measure the noise share on your own data. Near 1, weights are drawn by lot.
# - *Are validation images to spare?* Those that steer are no longer held out. Keep others for the choice of the epoch.
# - *Are the losses on one scale?* The rule multiplies a difference of scale by itself.
# - *Is a task on a plateau?* Its loss stands still, so it gets little weight, and with little weight it stays there.
# - *Is a task harmful or hopeless?* The rule cannot tell. A loss that rises, or jumps about, gets as much weight as one that falls.
# - *Is the floor the problem?* A weight on a rare attribute raises both of its answers alike. It does not balance them.
#
# ## Take away
#
# - A gain over one baseline does not say why. A control that breaks the supposed cause does: same weights, random owners.
# - A weight computed from a difference of means inherits the noise of both means. Compute that noise before you read the weight.
# - The scale of a loss is a weight too. A rule that follows changes of the loss counts it twice.
# - Images that steer a training are no test of it.
# - Print the floor, and more than one run.
#
# ## Exercises
#
# **1.** The paper counts a win on 7 of 12 attributes. Suppose two methods are equally good and each attribute is decided by a fair coin. How
# likely are 7 wins or more?

# %% tags=["hide-cell", "solution"]
likely = sum(math.comb(12, wins) for wins in range(7, 13)) / 2**12
print(f"{likely:.3f}")
assert 0.3 < likely < 0.5

# %% [markdown]
# Attributes share their images, so they are not even twelve independent coins.
#
# **2.** Check $2 \sigma / \sqrt{\pi n}$ by simulation, for a loss that is not normal.

# %% tags=["hide-cell", "solution"]
generator = torch.Generator().manual_seed(0)
errors_of_images = torch.empty(2000, 1, dtype=torch.float64).exponential_(generator=generator)
rows = torch.randint(2000, (2, 4000, 400), generator=generator)
first, second = errors_of_images[rows, 0].mean(2)
seen, predicted = (first - second).abs().mean().item(), noise_floor(errors_of_images, 400).item()
print(f"simulated {seen:.4f}, formula {predicted:.4f}")
assert abs(seen / predicted - 1) < 0.05

# %% [markdown]
# **3.** The paper has one run of each network. With ours, in how many of the seeds does *weighted* come out ahead of *basic*? Had you drawn one
# seed, what would you have written?

# %% tags=["hide-cell", "solution"]
for twin in TWINS:
    weighted, basic = (by_seed(v, twin) for v in ("weighted", "basic"))
    both = weighted.keys() & basic.keys()
    ahead = sum(weighted[s] > basic[s] for s in both)
    print(f"{twin}: ahead in {ahead} of {len(both)}" if both else f"{twin}: not run yet")

# %% [markdown]
# ## Claims, deviations and errata
#
# The claims were committed before the runs. Numbers are differences, or the one number that a claim is about, with their 95 % interval.
# *Trend holds* is the most that drawn data can give: the paper's own numbers can only be met on its own data, at {term}`paper scale`. The
# explorations were asked after the first runs and weigh less.

# %% tags=["hide-output"]
from mtattr.evidence import claims_table, deviation_table, errata_table

about = {"scale": SCALE, "datasets": TWINS}
display(show_table(claims_table(paper, ledger, title="What the paper claims", **about)))
about["ours"] = True
display(show_table(claims_table(paper, ledger, title="What the paper does not ask", **about)))
display(show_table(claims_table(paper, ledger, title="Explorations", exploratory=True, **about)))
departures = ("item", "paper says", "we do", "expected effect")
display(show_table(deviation_table(paper), columns=departures))
show_table(errata_table(paper), columns=("item", "where", "finding", "evidence"))

# %% [markdown]
# **Read next:** {cite:t}`kendall2018` derive weights from a noise model, {cite:t}`liu2019mtan` from the pace of training losses, and
# {cite:t}`chen2018gradnorm` from gradients. {cite:t}`caruana1997` says why tasks should be learned together at all.
