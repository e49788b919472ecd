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
# # What an attribute is
#
# *Wearing glasses. Long sleeves. A sedan.* An attribute is a question about a picture that a person can answer by looking.
# The five papers predict such answers, most of them many at once. This page looks at the questions, at the answers, and at how wrong they
# can be.

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to say what a label of a multi-task set means, compute its {term}`base rate` and the score of a guess,
# measure how attributes hang together, and tell how far a perfect reader of the pictures could come.
#
# **You need** the mean, the correlation, and a little PyTorch.
#
# **Scale** smoke: labels only, nothing is trained on this page. **Cost** on a CPU: seconds. No GPU is used.
# ```

# %% tags=["parameters"]
dataset: str = "celeba-twin"  # or celeba with root
root: str | None = None  # folder of the official files, for celeba
scale: str = "smoke"  # has no effect on this page
seed: int = 0  # of the drawn scenes

# %%
import torch
from mtattr.data import load_dataset
from mtattr.data.celeba_attributes import CORRELATIONS, NUM_TRAIN_IMAGES, TRAIN_POSITIVES
from mtattr.evaluation import mean_accuracy_floor, phi_coefficients, task_floor
from mtattr.evidence import Table
from mtattr.pages import show_source, show_table
from mtattr.plots import figure
from mtattr.tasks import Task, TaskSet
from mtattr.training import per_task_loss
from mtattr.twins.faces.factors import FACTORS, loading_table
from mtattr.twins.faces.label_noise import label_ceiling

# %% [markdown]
# ## Questions and answers
#
# Most questions have two answers. Some have more: the colour of a coat, the make of a car. We call each question a {term}`task`.
# A {term}`task set` keeps them in order.

# %%
tasks = TaskSet(
    [Task("hat"), Task("coat colour", "categorical", ("black", "red", "green")), Task("bag")]
)
for task, units in zip(tasks, tasks.slices, strict=True):
    print(f"{task.name:<12} {task.kind:<12} network units {units.start}..{units.stop - 1}")
print(len(tasks), "tasks,", tasks.num_units, "units")

# %% [markdown]
# The answers are numbers: 0 or 1 for *no* and *yes*, the position of the class for a colour, and NaN where nobody knows.
# A network emits the units. A yes-no task needs one, a colour one for each class.
#
# Here are two pictures and what a network might say. In the second picture nobody wrote down the colour.

# %%
labels = torch.tensor([[1.0, 2.0, 0.0], [0.0, torch.nan, 1.0]])
logits = torch.tensor([[2.0, 0.0, 0.0, 1.0, -1.0], [0.0, 5.0, 0.0, 0.0, 0.0]])
losses = per_task_loss(logits, labels, tasks)
for task, loss in zip(tasks, losses.tolist(), strict=True):
    print(f"{task.name:<12} {loss:.4f}")

# %% [markdown]
# Check the colour with a pocket calculator. Only the first picture counts: $-\log\frac{e^1}{e^0+e^0+e^1}$.
# The five in the second picture, however wrong or right, changes nothing.

# %%
by_hand = -torch.log(torch.exp(torch.tensor(1.0)) / (2 + torch.exp(torch.tensor(1.0))))
assert torch.isclose(losses[1], by_hand)
print(f"{by_hand.item():.4f}")

# %% [markdown]
# This is the library's own code:

# %%
show_source(per_task_loss)

# %% [markdown]
# ## The schemas side by side
#
# The papers use real sets, and this book has drawn {term}`twins <twin>` of them. Those of faces and people ask the same questions in the
# same order as the real sets; those of clothes and cars have fewer attributes and classes; digits stand in for the rest.
# The table describes the twins, so that this page runs on any machine.

# %%
TWINS = (
    "celeba-twin",
    "market1501-twin",
    "duke-twin",
    "deepfashion-twin",
    "compcars-twin",
    "cluttered-digits",
)
small = {
    name: load_dataset(name, "train", image_size=32, limit=1000, seed=seed) for name in TWINS
}
rows = []
for name, data in small.items():
    many = [f"{t.name} ({t.num_units})" for t in data.tasks if t.kind == "categorical"]
    rows.append(
        {
            "set (generated)": name,
            "tasks": str(len(data.tasks)),
            "units": str(data.tasks.num_units),
            "yes-no": str(len(data.tasks.binary_indices)),
            "one of several": ", ".join(many) or "none",
        }
    )
show_table(Table("Tasks of each set", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# Most questions belong to a part of the picture, some to the whole person. Two of the sets (`up` asks for short sleeves, `down` for
# short trousers or skirts, `clothes` for trousers instead of a dress):

# %%
for name in ("celeba-twin", "market1501-twin"):
    parts = {}
    for task in small[name].tasks:
        parts.setdefault(task.group, []).append(task.name)
    print(name)
    for part, names in parts.items():
        print(f"  {part:<9} {', '.join(names)}")

# %% [markdown]
# ## Base rates, and what a guess scores
#
# A set of faces with 40 attributes. Few wear a hat; most have no beard. The {term}`base rate` of an attribute is its share of positives.
# For the real set the numbers of positives are known, from published rates and a published histogram. The twin is drawn to meet them.

# %%
faces = load_dataset(dataset, "train", root=root, image_size=16, limit=10_000, seed=seed)
rate = faces.labels.nanmean(0)
published = torch.tensor([TRAIN_POSITIVES[t.name] / NUM_TRAIN_IMAGES for t in faces.tasks])
off = (rate - published).abs()
print(f"{len(faces)} images, largest distance from the published rate {off.max():.3f}")

# %% tags=["hide-input"] mystnb={"image": {"alt": "Forty pairs of dots: the published and the generated base rate of every face attribute, from bald to no beard."}}
label = f"{dataset}{' (generated)' if faces.generated else ''}"
order = published.argsort()
fig, axis = figure(4.6, 9.4)
axis.scatter(published[order], range(40), label="CelebA", s=60, color="#0072B2")
axis.scatter(rate[order], range(40), label=label, s=20, color="#D55E00")
axis.set_yticks(range(40), [faces.tasks.names[i] for i in order.tolist()], fontsize=9)
axis.set(
    xlabel="share of positives", xlim=(0, 1), title=f"Base rates, {len(faces)} training images"
)
_ = axis.legend(loc="lower right")

# %% [markdown]
# Who always answers with the more common answer is right this often:

# %%
floor = mean_accuracy_floor(faces.labels, faces.tasks)
print(f"mean accuracy of the constant guess {floor:.4f}")
guess = torch.maximum(published, 1 - published).mean()
print(f"the same from the published rates   {guess:.4f}")

# %% [markdown]
# So a mean accuracy of 80 percent on faces is the score of a machine that never looks. This is the {term}`floor`.
# A mean of 90 percent is half of the way from there to a hundred.
#
# ## Attributes are correlated
#
# Lipstick goes with makeup, a goatee with a moustache. For two yes-no answers the correlation has a name of its own, $\phi$, and needs
# only four counts:
#
# $$\phi = \frac{n_{11} n_{00} - n_{10} n_{01}}{\sqrt{n_{1\cdot}\, n_{0\cdot}\, n_{\cdot 1}\, n_{\cdot 0}}}$$
#
# Ten people, by hand: three have both, five neither, two just one of the two.

# %%
ten = torch.tensor([[1.0, 1.0]] * 3 + [[1.0, 0.0]] + [[0.0, 1.0]] + [[0.0, 0.0]] * 5)
by_hand = (3 * 5 - 1 * 1) / (4 * 6 * 4 * 6) ** 0.5
print(f"{phi_coefficients(ten)[0, 1].item():.4f}  by hand {by_hand:.4f}")

# %% tags=["hide-input"] mystnb={"image": {"alt": "Real against generated correlation of 28 pairs of face attributes; the dots lie near the diagonal."}}
phi = phi_coefficients(faces.labels)
at = [(faces.tasks.index(a), faces.tasks.index(b)) for a, b in CORRELATIONS]
found = torch.stack([phi[a, b] for a, b in at])
fig, axis = figure(5.2, 5.2)
axis.plot([-1, 1], [-1, 1], color="#404040", linewidth=1)
axis.scatter(list(CORRELATIONS.values()), found, s=40)
for (a, b), x, y in zip(CORRELATIONS, CORRELATIONS.values(), found.tolist(), strict=True):
    if abs(x) > 0.6:
        axis.annotate(
            f"{a}\n{b}", (x, y), textcoords="offset points", xytext=(6, -12), fontsize=7
        )
axis.set(
    xlabel="$\\phi$ in the first 20,000 images of CelebA",
    ylabel=f"$\\phi$ in {label}",
    xlim=(-1, 1),
    ylim=(-1, 1),
)
axis.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
_ = axis.set_title(f"{len(at)} chosen pairs, {len(faces)} drawn images")

# %%
far = (found - torch.tensor(list(CORRELATIONS.values()))).abs()
print(f"{len(CORRELATIONS)} pairs, largest distance {far.max():.3f}")

# %% [markdown]
# ## Where correlations come from
#
# Lipstick does not cause makeup. Both have a common cause: someone dressed up. The twin is built this way. A few hidden
# {term}`factors <factor graph>` (age, styling, a smile) each push some attributes up or down.
#
# Take two attributes that follow one factor $f$ with loadings $a$ and $b$. Their scores are
#
# $$s_1 = a f + \sqrt{1-a^2}\, e_1, \qquad s_2 = b f + \sqrt{1-b^2}\, e_2 .$$
#
# With $f$, $e_1$, $e_2$ independent and of variance 1, the correlation of the scores is $a\,b$. An attribute is present when its score
# exceeds a threshold, which sets its base rate. Cutting loses information, so $\phi$ is smaller than $a\,b$:

# %%
generator = torch.Generator().manual_seed(seed)
f, e1, e2 = torch.randn(3, 100_000, generator=generator)
a, b = 0.8, 0.7
s1, s2 = a * f + (1 - a**2) ** 0.5 * e1, b * f + (1 - b**2) ** 0.5 * e2
scores = torch.corrcoef(torch.stack([s1, s2]))[0, 1]
cut = phi_coefficients(torch.stack([s1 > 0, s2 > 1], 1).float())[0, 1]
print(f"a b = {a * b:.2f}, scores {scores:.2f}, after cutting {cut:.2f}")
assert abs(scores - a * b) < 0.02
assert 0 < cut < scores

# %% [markdown]
# These are the loadings of the face twin. A column is a cause, a row an attribute.

# %% tags=["hide-input"] mystnb={"image": {"alt": "A table of coloured cells: how strongly each of the 40 face attributes follows each hidden factor."}}
loadings = loading_table()
by_cause = sorted(
    range(40), key=lambda k: (int(loadings[k].abs().argmax()), -float(loadings[k].abs().max()))
)
fig, axis = figure(5.0, 9.8)
shown = axis.imshow(loadings[by_cause], cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
axis.set_xticks(
    range(len(FACTORS)), [n.replace("_", " ") for n in FACTORS], rotation=60, ha="right"
)
axis.set_yticks(range(40), [faces.tasks.names[k] for k in by_cause], fontsize=9)
axis.grid(visible=False)
fig.colorbar(shown, ax=axis, location="top", shrink=0.6, label="loading")
_ = axis.set_xlabel("celeba-twin (generated): causes of the labels")

# %% [markdown]
# The real causes of CelebA's labels are unknown. Those of the twin are known, and later chapters use that: do the groups that
# a network finds follow the causes, or the parts of the face?
#
# Some of it is logic, not chance: the bald have no hair colour.

# %%
bald = faces.labels[:, faces.tasks.index("Bald")] == 1
colours = [faces.tasks.index(f"{c}_Hair") for c in ("Black", "Blond", "Brown", "Gray")]
some_colour = (faces.labels[:, colours] == 1).any(1)
print(f"some hair colour: {some_colour[~bald].float().mean():.2f} of those with hair")
print(f"                  {some_colour[bald].float().mean():.2f} of the bald")

# %% [markdown]
# Why not zero? Because labels are wrong.
#
# ## Labels are wrong
#
# CelebA's labels were made by hand, for 202,599 pictures. An audit by {cite:t}`wu2022consistency` looked at some of them again and found that only 12 of
# the 40 attributes are assigned consistently; high cheekbones and oval faces are close to chance.
#
# The twin errs on a known share. Labels that are matters of taste are wrong more often. So we know the best score that a perfect reader of the pictures can reach
# against these labels, the {term}`label ceiling`. Nobody knows it for the real set.

# %% tags=["hide-input"] mystnb={"image": {"alt": "For every face attribute two marks, the floor and the ceiling of its accuracy; for some the room between them is small."}}
twin = load_dataset("celeba-twin", "train", image_size=16, limit=10_000, seed=seed)
ceiling = torch.tensor([label_ceiling()[name] for name in twin.tasks.names])
floors = task_floor(twin.labels, twin.tasks).float()
room = (ceiling - floors).argsort()
fig, axis = figure(4.6, 9.4)
axis.hlines(range(40), floors[room], ceiling[room], color="#999999", linewidth=3)
axis.scatter(floors[room], range(40), label="floor: constant guess", s=36, color="#404040")
axis.scatter(ceiling[room], range(40), label="ceiling: perfect reader", s=36, color="#D55E00")
axis.set_yticks(range(40), [twin.tasks.names[k] for k in room.tolist()], fontsize=9)
axis.set(xlabel="accuracy", xlim=(0.4, 1.01), title="celeba-twin (generated): room for a method")
_ = axis.legend(loc="lower left")

# %%
print(f"mean ceiling {ceiling.mean():.3f}, mean floor {floors.mean():.3f}")
assert (ceiling > floors - 0.02).all()

# %% [markdown]
# ## Who decides
#
# Some of these questions should give you pause. *Attractive* is an opinion with a column of its own. *Male* is one bit that an annotator
# read from a face, and neither sex nor gender. *Pale_Skin* and *Big_Lips* are words that have been used to rank people.
#
# We keep the names because the papers report them, and because a result must be comparable. We do not recommend to build anything on them.
# In the twin each is drawn as a sign of our choice: clear skin for *Attractive*, a jaw for *Male*. The
# [card of CelebA](../../book/data/celeba.md) says more.
#
# ## What went wrong
#
# - A few factors cannot meet all rates and correlations at once. Where they fight, we kept the rates; the figure of the pairs shows how far
#   the correlations are off.
# - A label that is wrong half of the time would make every method equal. So the errors of the twin are milder than the audit of the real set
#   suggests, and its scores say nothing about the scores on CelebA.
#
# ## Take away
#
# - A score needs a floor below it, and it helps to know the ceiling above it.
# - Attributes share causes. A method that shares parts of a network between tasks bets on that.
# - Unknown is not *no*.
#
# ## Exercises
#
# **1.** Which attribute has the least room between floor and ceiling? How many more right answers in 1,000 are one point, and what else must
# you know before you praise a method for it?

# %% tags=["hide-cell", "solution"]
least = int((ceiling - floors).argmin())
print(f"{twin.tasks.names[least]}: {floors[least]:.3f} to {ceiling[least]:.3f}")
assert ceiling[least] - floors[least] < 0.05
print("one point is 10 answers in 1,000; compare it with the spread over seeds first")

# %% [markdown]
# **2.** Compute $\phi$ of *Smiling* and *Mouth_Slightly_Open* from four counts, without the library.

# %% tags=["hide-cell", "solution"]
x, y = (faces.labels[:, faces.tasks.index(n)] for n in ("Smiling", "Mouth_Slightly_Open"))
n11, n10 = (x * y).sum(), (x * (1 - y)).sum()
n01, n00 = ((1 - x) * y).sum(), ((1 - x) * (1 - y)).sum()
value = (n11 * n00 - n10 * n01) / (
    (n11 + n10) * (n01 + n00) * (n11 + n01) * (n10 + n00)
).double().sqrt()
print(f"{value:.3f}")
i, j = faces.tasks.index("Smiling"), faces.tasks.index("Mouth_Slightly_Open")
assert torch.isclose(value.double(), phi[i, j], atol=1e-6)

# %% [markdown]
# **Next:** [the pictures, and where their attributes are](twins.ipynb).
