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
# # Multitask: a map for each attribute
#
# A face has forty attributes, in many places. The paper says that one map cannot point at all of them. So each attribute gets a map of its own, and the perception
# branch runs once for each. That is slow, and it hides a trap. This page builds it, makes it exact and fast, and asks whether the maps are right.

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to write the network for many attributes, share work between its passes without changing a number, explain
# what batch norm remembers after forty passes, and measure whether the map of an attribute lies on the attribute.
#
# **You need** the pages [build](build.ipynb) and [train](train.ipynb).
#
# **Scale** smoke for what is trained here. *Reduced* numbers come from the committed {term}`ledger`. Every table and figure says which.
# **Cost** of the runs on a CPU, as measured: see the [results page](../../book/results.md). Nothing was measured on a GPU.
# ```

# %% tags=["parameters"]
dataset: str = "celeba-twin"  # or celeba with root
root: str | None = None  # folder of the official files, for the real set
scale: str = "smoke"  # smoke, reduced or paper
seed: int = 0  # of weights and order of images

# %%
import math

import numpy as np
import torch
from IPython.display import display
from mtattr.attention_branch.explorer import look_at
from mtattr.attention_branch.gallery import recorded
from mtattr.attention_branch.residual import residual_parts
from mtattr.data.image_data import ImageData
from mtattr.evaluation import energy_inside, pointing_game, t_interval
from mtattr.evidence import (
    Table,
    format_number,
    interval_words,
    load_paper,
    measures,
    runs_by_seed,
)
from mtattr.evidence.record import floor_of
from mtattr.pages import records_of, show_source, show_table
from mtattr.plots import figure, map_overlay
from mtattr.training import RunSpec, fit_or_load, plan_for

PAPER, FACES, SCALE, NONE = "attention_branch", "celeba-twin", "reduced", "not run yet"

# %%
from mtattr.attention_branch import (
    MultitaskAttentionBranchNet,
    TaskAttentionBranch,
    TaskBatchNorm2d,
    apply_attention,
    gated_conv2d,
)

_ = torch.manual_seed(seed)

# %% [markdown]
# ## Figure 3
#
# The attention branch ends in a $1 \times 1$ convolution to $T$ maps, one for each {term}`task`. The pooled map is the branch's score of the task. The same map multiplies the
# features, and the one perception branch reads them: $T$ times.

# %% tags=["hide-input"] mystnb={"image": {"alt": "A diagram: the image feeds an extractor, the attention branch gives a map for each of three tasks, each map multiplies the features, and one perception branch is passed three times to give three answers."}}
fig, axis = figure(6.4, 3.6)
axis.set(xlim=(0, 1), ylim=(0, 1), title="One perception branch, run once for each task")
axis.set_axis_off()
BOX = {"boxstyle": "round", "fc": "#DCEAF4", "ec": "#0072B2"}


def join(a, b, color="#404040"):
    axis.annotate("", b, a, arrowprops={"arrowstyle": "->", "lw": 1.6, "color": color})


for text, x, y in (("image", 0.05, 0.5), ("g", 0.19, 0.5), ("attention\nbranch", 0.3, 0.86)):
    axis.text(x, y, text, ha="center", va="center", fontsize=9, bbox=BOX)
join((0.1, 0.5), (0.16, 0.5))
join((0.2, 0.56), (0.27, 0.77))
for t, y in ((1, 0.7), (2, 0.42), (3, 0.14)):
    axis.text(0.44, y, f"$M^{t} g$", ha="center", va="center", fontsize=10, bbox=BOX)
    axis.text(0.68, y, "perception\nbranch", ha="center", va="center", fontsize=9, bbox=BOX)
    axis.text(0.93, y, f"answer {t}", ha="center", va="center", fontsize=9, bbox=BOX)
    join((0.22, 0.5), (0.38, y))
    join((0.33, 0.78), (0.43, y + 0.07), "#D55E00")
    join((0.5, y), (0.58, y))
    join((0.78, y), (0.85, y))
_ = axis.text(0.68, 0.95, "the same weights", ha="center", fontsize=9)

# %% [markdown]
# ## Equations 4 and 5
#
# $$g_c'^{\,t}(x) = M^t(x) \cdot g_c(x) \qquad (4) \qquad\qquad O(g_c'^{\,t}(x)) = p_{per}(g_c'^{\,t}(x); \theta) \qquad (5)$$
#
# Of the answers $O$ only that of task $t$ counts, and the weights $\theta$ are the same in every pass. There is no residual here and, in the released run, no sigmoid: a map can be negative. The score is
# the map's maximum, where the text has its mean. The library has all of these as options.

# %%
show_source(
    TaskAttentionBranch.forward,
    MultitaskAttentionBranchNet.loop,
    MultitaskAttentionBranchNet.forward,
)

# %% [markdown]
# A tiny network with three tasks, and the textbook beside it: a loop over tasks, with plain layers.


# %%
def small(num_tasks=3, **options):
    torch.manual_seed(seed)
    parts = residual_parts(num_tasks, widths=(8, 8, 16), blocks=2, expansion=4)
    return MultitaskAttentionBranchNet(num_tasks, parts, **options).double()


net = small().eval()
torch.manual_seed(seed)
plain = residual_parts(3, widths=(8, 8, 16), blocks=2, expansion=4).perception.double().eval()
images = torch.rand(4, 3, 16, 16, dtype=torch.float64)
with torch.no_grad():
    output = net(images)
    for t in range(3):
        attended = apply_attention(
            output.extra["extracted"], output.maps[:, t : t + 1], residual=False
        )
        read = plain(attended).mean((2, 3))
        answer = read @ net.head_weight[t, 0] + net.head_bias[t, 0]
        assert torch.allclose(answer, output.logits[:, t], atol=1e-10)
print("three passes by hand give the three logits")

# %% [markdown]
# ## The same, with less work
#
# Forty passes through a ResNet's last stage cost more than all the rest of the network. But the passes have something in common. A map multiplies all
# *channels* of a position alike, and a $1 \times 1$ convolution $W$ mixes channels only. So the two commute:
#
# $$W (M^t g) = M^t (W g)$$
#
# and $Wg$ needs to be computed once. A bottleneck block begins with such a convolution, and so does its shortcut. A $3 \times 3$ convolution is a sum of nine of them, each shifted.

# %%
show_source(gated_conv2d)

# %% [markdown]
# By hand: two channels, one position, $g = (1, 2)$, $W = (3, -1)$, maps 0.5 and 2. Once: $Wg = 3 - 2 = 1$. So the answers are 0.5 and 2. The long way: $W(0.5, 1) = 1.5 - 1 = 0.5$, and $W(2, 4) = 6 - 4 = 2$.

# %%
g = torch.tensor([1.0, 2.0]).view(1, 2, 1, 1)
weight = torch.tensor([[3.0, -1.0]]).view(1, 2, 1, 1)
gates = torch.tensor([0.5, 2.0]).view(1, 2, 1, 1)
once = gated_conv2d(g, gates, weight).flatten()
print(once.tolist())
assert once.tolist() == [0.5, 2.0]

# %% [markdown]
# Faster must not mean different. Three ways, in training mode: outputs, gradients and what batch norm remembers.

# %%
results = {}
for execution in ("loop", "fold", "shared"):
    net = small(execution=execution).train()
    output = net(images)
    (output.logits.square().sum() + output.extra["attention_logits"].sum()).backward()
    gradients = torch.cat([p.grad.flatten() for p in net.parameters()])
    remembered = torch.cat([b.flatten() for name, b in net.named_buffers() if "running" in name])
    results[execution] = (output.logits.detach(), gradients, remembered)
for execution in ("fold", "shared"):
    gaps = [(a - b).abs().max() for a, b in zip(results[execution], results["loop"], strict=True)]
    assert max(gaps) < 1e-10, gaps
    print(f"{execution:<7}= loop, to the last digits")

# %% [markdown]
# `benchmarks/attention.py` times them at the paper's size: ResNet-101, forty tasks.
#
# ## A trap: forty passes, one memory
#
# Batch norm normalises by the batch, and remembers a running mean for later, $r \leftarrow 0.9\, r + 0.1\, m$. In the released code the forty passes of one step
# move the same memory, one after the other. After them the pass of task $t$ has the weight $0.1 \cdot 0.9^{40 - t}$. The last ten passes hold two thirds of it:

# %%
weights = 0.1 * 0.9 ** (40 - torch.arange(1, 41))
for last in (1, 10, 20):
    print(f"the last {last:>2} of 40 tasks: {weights[-last:].sum():.2f} of the memory")
assert math.isclose(weights[-10:].sum(), 1 - 0.9**10, rel_tol=1e-5)

# %% [markdown]
# So whose statistics are used in evaluation? Mostly those of the last attributes in the list. A small layer shows it. Three tasks whose features have the
# means 0, 0 and 10; a memory of half instead of a tenth, so that three passes are enough:

# %%
x = torch.randn(64, 3, 1, 4, 4) + torch.tensor([0.0, 0, 10]).view(3, 1, 1, 1)
for order in ([0, 1, 2], [2, 1, 0]):
    norm = TaskBatchNorm2d(3, 1, "sequential", momentum=0.5).train()
    norm(x[:, order], slice(0, 3))
    print(f"order {order}: remembers {norm.running_mean.item():.1f}")
own = TaskBatchNorm2d(3, 1, "task", momentum=0.5).train()
own(x, slice(0, 3))
print(f"a memory for each task: {[round(v, 1) for v in own.running_mean.flatten().tolist()]}")
assert own.running_mean[2] > 4
assert own.running_mean[:2].abs().max() < 0.2

# %% [markdown]
# The order of the tasks changes what the network says. With a memory for each task it does not, and training and evaluation do the same. That is the library's default. `--variant sequential` trains the released form.

# %%
show_source(TaskBatchNorm2d.forward)

# %%
order = [2, 0, 1]
first, second = small().train(), small().train()
for name in ("to_tasks.weight",):
    parameter = second.branch.get_parameter(name)
    parameter.data = parameter.data[order]
for name in ("head_weight", "head_bias"):
    setattr(second, name, torch.nn.Parameter(getattr(first, name).data[order]))
for _ in range(3):
    first(images), second(images)
a, b = first.eval()(images).logits, second.eval()(images).logits
assert torch.allclose(a[:, order], b, atol=1e-10)
print("tasks in another order: the same answers, in that order")

# %% [markdown]
# ## Train it
#
# At smoke scale. The scores are no result.

# %%
VARIANTS = {"baseline": "no attention", "one-map": "one map for all", "abn": "a map for each"}
specs = {v: RunSpec(PAPER, v, dataset, scale, seed, {"backbone": "resnet101"}) for v in VARIANTS}
runs = {v: fit_or_load(spec, root=root, progress=False) for v, spec in specs.items()}
plan = plan_for(specs["abn"], root=root)
test: ImageData = plan.data["test"]
names = [name.replace("_", " ") for name in test.tasks.names]
about = f"{dataset}{' (generated)' if test.generated else ''}, scale: {scale}"
print(f"{len(runs)} networks, {len(names)} attributes, {len(test)} test images")

# %% tags=["nbval-ignore-output"]
for variant, run in runs.items():
    print(f"{VARIANTS[variant]:<16}{run.metrics['selected']['mean_accuracy']:.3f}")
print(f"{'floor':<16}{runs['abn'].record['floors']['mean_accuracy']:.3f}")

# %%
for run in runs.values():
    assert run.history[-1]["train_loss"] < run.history[0]["train_loss"]
print("the training loss of each has fallen")

# %% [markdown]
# ## Table 4
#
# As printed, and ours on drawn faces. The paper counts on how many of the forty attributes ABN beats a method. We count over the mean of the seeds, and beside it how many differences an interval
# over the seeds keeps clear of zero.

# %%
paper = load_paper(PAPER)
ledger = [r for r in records_of(PAPER, scale=SCALE) if r["spec"]["dataset"] == FACES]


def records(variant: str) -> dict[int, dict]:
    return runs_by_seed(ledger, variant=variant, dataset=FACES, backbone="resnet101")


def words(variant: str, metric: str, epoch: str = "selected") -> str:
    return interval_words(measures(records(variant), metric, epoch))


# %%
def wins(variant: str) -> str:
    seeds = sorted(records("abn").keys() & records(variant).keys())
    if not seeds:
        return NONE
    of = [
        [records(v)[s]["task_metrics"]["true_accuracy"] for s in seeds] for v in ("abn", variant)
    ]
    gain = np.subtract(*np.array(of))
    clear = [t_interval(gain[:, t].tolist()) for t in range(gain.shape[1])]
    better, worse = sum(i.low > 0 for i in clear), sum(i.high < 0 for i in clear)
    return (
        f"{(gain.mean(0) > 0).sum()} of {gain.shape[1]} (clear: {better} better, {worse} worse)"
    )


# %%
OURS = {"baseline": "no attention", "matched": "no attention, as many parameters"}
OURS |= {"unattended": "two branches, no attention", "cam": "class activation mapping"}
OURS |= {"one-map": "one map for all", "abn": "a map for each", "average": "its score by average"}
OURS |= {"sigmoid": "sigmoid map, residual"}
rows = [
    {
        "network": name,
        "selected": words(v, "true_mean_accuracy"),
        "last": words(v, "true_mean_accuracy", "last"),
        "ABN wins": "" if v == "abn" else wins(v),
    }
    for v, name in OURS.items()
]
floors = [floor_of(r, "true_mean_accuracy") for r in ledger]
rows.append({"network": "floor", "selected": format_number(np.mean(floors)) if floors else NONE})
rows[-1] |= {"last": "", "ABN wins": ""}

# %%
table = paper.table("celeba-accuracy")
printed = []
for method, values in table.rows.items():
    accuracy, won = (format_number(v) if v is not None else "–" for v in values)
    printed.append(
        {"method": method, "mean accuracy": accuracy, "ABN wins, of 40": won.split(".")[0]}
    )

# %%
head = f"{FACES} (generated), {SCALE}, seeds: {min(map(len, map(records, ('abn', 'baseline'))))}"
display(show_table(Table("Table 4, printed for CelebA", tuple(printed[0]), tuple(printed))))
show_table(Table(f"Mean accuracy, {head}", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# Read each row against the {term}`floor`. The networks are small, so only orderings count. Accuracies are on what was drawn, not on the labels with their errors. The verdicts on them are on the
# [next page](evaluate.ipynb). Which attributes gain and which lose?

# %% tags=["hide-input"] mystnb={"image": {"alt": "For each attribute the difference of accuracy between the network with a map for each attribute and the one without attention, with intervals over seeds."}}
both = sorted(records("abn").keys() & records("baseline").keys())
fig, axis = figure(4.8, 8.6)
if both:
    of = [
        [records(v)[s]["task_metrics"]["true_accuracy"] for s in both]
        for v in ("abn", "baseline")
    ]
    gains = [t_interval((100 * column).tolist()) for column in np.subtract(*np.array(of)).T]
    order = np.argsort([gain.mean for gain in gains])
    tasks = [name.replace("_", " ") for name in records("abn")[both[0]]["tasks"]]
    for y, t in enumerate(order):
        gain = gains[t]
        axis.errorbar(
            gain.mean, y, xerr=gain.high - gain.mean, fmt="o", color="#0072B2", markersize=4
        )
    axis.set_yticks(range(len(order)), [tasks[t] for t in order], fontsize=8)
axis.axvline(0, color="black", linewidth=1)
axis.set(xlabel="accuracy, percentage points", ylim=(-1, 40))
axis.grid(axis="x")
_ = axis.set_title(f"a map for each − no attention\n{head}", fontsize=10)

# %% [markdown]
# Forty intervals at once: about two would miss zero by chance alone.
#
# ## Are the maps right?
#
# The paper says that maps light the places of their attributes. On photographs one can look at pictures. On the drawn faces we know the region of every
# attribute, so we can measure. Three scores, on attributes that are present:
#
# - *pointing*: how often the highest point lies inside ({term}`pointing game`);
# - *energy*: the share of the positive part of the map inside;
# - *overlap*: {term}`intersection over union` with as many of the highest pixels as the region has.
#
# And two blind rivals of the same size: a bump on the image's centre, and noise. A map that does not beat them has found nothing.

# %%
METHODS = {
    "map for each": ("abn", "map"),
    "its score by average": ("average", "map"),
    "sigmoid map": ("sigmoid", "map"),
    "one map": ("one-map", "map"),
    "CAM": ("cam", "map"),
    "Grad-CAM, no attention": ("baseline", "map"),
    "Grad-CAM, map for each": ("abn", "gradcam"),
}
SCORES = {"pointing": "pointing", "energy": "energy", "iou": "overlap"}
rows = []
for name, (variant, method) in METHODS.items():
    scored = {label: words(variant, f"{method}_{score}") for score, label in SCORES.items()}
    rows.append({"map": name} | scored)
for rival in ("centre", "random"):
    scored = {label: words("abn", f"map_{score}_{rival}") for score, label in SCORES.items()}
    rows.append({"map": f"blind: {rival}"} | scored)
show_table(Table(f"Localisation, mean over attributes, {head}", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# Energy counts the positive part of a map. A raw map may be negative everywhere, above all for a rare attribute: look at the bars of Figure 7. Such a map has no positive part and scores
# nothing, wherever its peak is. Pointing and overlap only ask which pixels are higher than others. But where a map is negative everywhere, its highest point is also where it multiplies the features by the
# smallest factor. It is then the attention branch's score, and not what the perception branch sees most of. So read the three scores together.
#
# ## Figure 7
#
# A map and a score for each attribute, of the network of seed 0. The faces are the first of the test split, and nobody chose them. A line marks the region of an attribute that is present.

# %% tags=["hide-input"] mystnb={"image": {"alt": "Four drawn faces with their attention maps for five attributes, the region outlined where the attribute is present, and the probability that the network gives."}}
looks = look_at("attention_explorer")
is_recorded = looks is not None and recorded(looks["methods"], ledger)
if looks is None:
    print(NONE)
else:
    whose = "of the evidence" if is_recorded else "not in the ledger: of an earlier edition"
    print(f"networks {whose}; scale {looks['scale']}, seed {looks['seed']}")
    wanted = ("Eyeglasses", "Smiling", "Wearing_Hat", "Blond_Hair", "Wearing_Lipstick")
    fig, axes = figure(7.0, 6.4, rows=4, columns=len(wanted))
    for row, i in zip(axes, range(4), strict=True):
        for axis, name in zip(row, wanted, strict=True):
            t = looks["tasks"].index(name)
            says, true = looks["methods"][0]["probability"][i][t], looks["labels"][i][t]
            mark = "" if (says >= 0.5) == (true == 1) else " ✗"
            title = f"{name.replace('_', ' ') if i == 0 else ''}\n{says:.2f}{mark}"
            where = looks["regions"][i, t] if true == 1 else None
            look = {"outline": where, "title": title, "axes": axis}
            map_overlay(looks["pictures"][i], looks["maps"]["abn"][i, t], **look)
    _ = fig.suptitle(
        f"Maps and scores, {FACES} (generated), {SCALE}, seed 0; ✗ = wrong", fontsize=11
    )

# %% [markdown]
# More faces of the evidence, all attributes, and the maps of three methods side by side: [look at the maps](../../book/explorer.md).
#
# ## Failure cases
#
# Where does the map point elsewhere although the answer is right? And where does it point well and the answer is wrong? Counted over the faces of that page:

# %%
if not is_recorded:
    print(NONE)
else:
    point = np.array(looks["methods"][0]["pointing"], dtype=float)
    right = np.array(looks["methods"][0]["probability"], dtype=float) >= 0.5
    judged = ~np.isnan(point)
    print(f"{len(point)} faces, {FACES} (generated), {SCALE}, seed 0")
    inside = point >= 0.5
    for text, cell in (
        ("peak inside, answer right", inside & right),
        ("peak inside, answer wrong", inside & ~right),
        ("peak elsewhere, answer right", ~inside & right),
        ("peak elsewhere, answer wrong", ~inside & ~right),
    ):
        print(f"{text:<30}{(cell & judged).sum():>4} of {judged.sum()} attributes that are there")
    negative = np.array(looks["methods"][0]["high"]) <= 0
    print(f"{'map negative everywhere':<30}{(negative & judged).sum():>4}")

# %% [markdown]
# *Peak elsewhere, answer right* is the line to worry about: there the peak does not explain the right answer.
#
# ## Take away
#
# - What commutes can be computed once. Look for it before you optimise anything.
# - A shared layer that is passed many times a step has one memory. Ask whose statistics it keeps.
# - An explanation that anybody can look at is still only a claim. Where regions are known, measure it, beside a map that knows nothing.
# - A gain on a mean over forty attributes hides which attributes gain.
#
# ## Exercises
#
# **1.** A stage begins with a $1 \times 1$ convolution from 1024 to 512 channels with stride 1, at $14 \times 14$. How many multiplications do forty passes save if it is shared?

# %% tags=["hide-cell", "solution"]
one = 1024 * 512 * 14 * 14
saved = 39 * one - 40 * 512 * 14 * 14
print(
    f"{saved / 1e9:.1f} billion of {40 * one / 1e9:.1f}: forty become one, and forty cheap gates"
)
assert 0.97 < saved / (40 * one) < 0.975

# %% [markdown]
# **2.** Does sharing still work for $(1 + M^t) g$?

# %% tags=["hide-cell", "solution"]
gates = 1 + torch.tensor([0.5, 2.0]).view(1, 2, 1, 1)
direct = [
    torch.einsum("oc,bchw->bohw", weight[:, :, 0, 0], gates[:, t : t + 1] * g) for t in (0, 1)
]
shared = gated_conv2d(g, gates, weight)
assert torch.allclose(shared[:, 0], direct[0])
assert torch.allclose(shared[:, 1], direct[1])
print("yes: 1 + M is a gate like any other")

# %% [markdown]
# **3.** Draw a map with all its mass on one pixel, at a random place. What is its expected pointing score for a region that covers a twentieth of the image, and what its energy?

# %% tags=["hide-cell", "solution"]
draws = torch.zeros(4000, 1, 20, 20)
places = torch.randint(400, (4000,))
draws.flatten(2)[torch.arange(4000), 0, places] = 1
region = torch.zeros(4000, 1, 20, 20)
region[..., :1, :] = 1
valid = torch.ones(4000, 1, dtype=torch.bool)
for score in (pointing_game, energy_inside):
    assert abs(score(draws, region, valid).item() - 0.05) < 0.02
print("one twentieth, both")

# %% [markdown]
# **Read next:** the [evaluation](evaluate.ipynb) judges all claims. {cite:t}`zhang2018pointing` is where the pointing game comes from.
