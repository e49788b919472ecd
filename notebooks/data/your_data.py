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
# # Your data
#
# The chapters run on drawn pictures, so that they run anywhere. This page shows how to run them on a real download, and how to bring
# pictures and attributes of your own.

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to check a download, point a chapter at it by changing one parameter, and load your own folder of
# pictures with a table of attributes.
#
# **You need** [what an attribute is](attributes.ipynb). For the real sets: a copy that you may use. The
# [data cards](../../book/data_and_ethics.md) say where each comes from and on which terms.
#
# **Scale** smoke: small drawn sets stand in for downloads. **Cost** on a CPU: seconds. No GPU is used.
# ```

# %% tags=["parameters"]
dataset: str = "market1501-twin"  # the twin that plays the download on this page
root: str | None = None  # has no effect on this page
scale: str = "smoke"  # has no effect on this page
seed: int = 0  # of the drawn scenes

# %%
import csv
import tempfile
from pathlib import Path
from textwrap import wrap

import torch
from mtattr.data import load_dataset, options_of, twin_writer
from mtattr.data.report import report
from mtattr.errors import InputError
from mtattr.evaluation import (
    linear_probe,
    mean_accuracy,
    mean_accuracy_floor,
    task_accuracy,
    task_floor,
)
from mtattr.plots import image_grid
from mtattr.training import FitSettings, RunSpec, baseline_plan, fit_or_load
from PIL import Image

place = tempfile.TemporaryDirectory()
folder = Path(place.name)

# %% [markdown]
# ## A download
#
# We have no download here, so we write a twin to disk. The files have the official names and the official format, down to the order of
# fields in the MATLAB file. A real download has the same files and more of them.

# %%
download = folder / "download"
twin_writer(dataset)(download, image_size=(64, 32), limit=240, seed=seed)
for path in sorted(download.iterdir()):
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    print(f"{path.name + '/' * path.is_dir():<22}{len(files):>5} files, first {files[0].name}")

# %% [markdown]
# The twin and the copy on disk are read by different code: one draws, the other parses files. They must agree.

# %%
real = dataset.removesuffix("-twin")
drawn = load_dataset(dataset, "train", image_size=(64, 32), limit=240, seed=seed)
read = load_dataset(real, "train", root=download, image_size=(64, 32))
assert torch.equal(torch.as_tensor(read.images), torch.as_tensor(drawn.images))
assert torch.equal(read.labels.nan_to_num(-1), drawn.labels.nan_to_num(-1))
assert read.keys == drawn.keys
print(f"{real}: {len(read)} pictures, labels and names read back equal")

# %% [markdown]
# A folder that was drawn says so in a file of its own, so that a run on it can never pass for a run on photographs.

# %%
print((download / "GENERATED.txt").read_text().strip())
print("generated:", read.generated)

# %% [markdown]
# ## Check it
#
# The first thing to do with a download is to ask what is in it. In a terminal:
#
# ```text
# mtattr data check market1501 --root DIR
# ```
#
# It reads every picture once and sets what it finds beside what was published. This is the same report, for our small copy:

# %%
splits = [
    load_dataset(real, split, root=download, image_size=(64, 32))
    for split in ("train", "val", "test")
]
print("\n".join(report(splits[::2], longest=12)))  # train and test

# %% [markdown]
# Counts that differ are reported and never an error: copies differ by a few images. A damaged file is an error that names it and says what
# was expected, and nothing of it is kept. Loading a split finds the damaged files of this split; `mtattr data check` reads all three.

# %%
victim = next(download.glob(f"*/{read.keys[0]}"))
whole = victim.read_bytes()
_ = victim.write_bytes(whole[: len(whole) // 2])
try:
    load_dataset(real, "train", root=download, image_size=(64, 32))
    raise AssertionError("a damaged file was accepted")
except InputError as error:
    print("\n".join(wrap(str(error).replace(str(folder), "DIR"), 88)))
_ = victim.write_bytes(whole)

# %% [markdown]
# ## One parameter
#
# The notebooks of a paper's chapter begin with the same cell: `dataset`, `root`, `scale`, `seed`. A comment there names the sets that the
# chapter knows. Change the first two, and it runs on your copy. From a terminal, for a whole chapter:
#
# ```text
# mtattr reproduce --papers attribute_estimation --datasets deepfashion --root DIR --scale reduced
# ```
#
# In Python it is the same one change:
#
# ```python
# load_dataset("celeba-twin", "train")            # drawn
# load_dataset("celeba", "train", root="DIR")     # your download
# ```
#
# Some sets take options of their own:

# %%
for name in ("celeba", "duke", "compcars", "svhn"):
    own = [o for o in options_of(name) if o not in options_of("digits")]
    print(f"{name:<10} {', '.join(own)}")

# %% [markdown]
# Duke's set was withdrawn by its makers. The loader says so and asks for a decision before it reads anything:

# %%
try:
    load_dataset("duke", "train", root=folder)
except InputError as error:
    print("\n".join(wrap(str(error), 88)))

# %% [markdown]
# ## Your own folder
#
# Two things are needed: pictures, and a table in a file `labels.csv` beside them.
#
# | image | split | hat | coat |
# |---|---|---|---|
# | a.jpg | train | 1 | red |
# | b.jpg | train | 0 | |
# | c.jpg | val | 0 | red |
# | d.jpg | test | | black |
#
# A column of 0 and 1 becomes a yes-no task. A column of words becomes a task with one class for each word. An empty cell means that nobody
# knows. Without a column `split` about 80, 10 and 10 percent of the pictures are drawn by chance, or of the people if there is a column
# `identity`. A tiny folder needs the column `split`, with all three words.
#
# Let us make such a folder from scikit-learn's handwritten digits.

# %%
digits = {
    split: load_dataset("digits", split, image_size=16) for split in ("train", "val", "test")
}
mine = folder / "mine"
(mine / "images").mkdir(parents=True)
with (mine / "labels.csv").open("w", newline="", encoding="utf-8") as file:
    table = csv.writer(file)
    table.writerow(["image", "split", "even", "slanted", "name"])
    for split, of in digits.items():
        for i, key in enumerate(of.keys):
            Image.fromarray(of.images[i].permute(1, 2, 0).numpy()).save(
                mine / "images" / f"{key}.png"
            )
            digit = int(of.labels[i, 0])
            slanted = (
                "" if i % 10 == 0 else int(of.labels[i, of.tasks.index("slanted to the right")])
            )
            table.writerow([f"{key}.png", split, int(digit % 2 == 0), slanted, f"digit {digit}"])
print("".join((mine / "labels.csv").read_text().splitlines(keepends=True)[:4]))

# %%
own = {split: load_dataset("csv", split, root=mine, image_size=16) for split in digits}
train = own["train"]
for task in train.tasks:
    print(
        f"{task.name:<8} {task.kind:<12} {', '.join(task.values[:3])}{' ...' * (len(task.values) > 3)}"
    )
print(
    f"{len(train)} training images, {train.labels.isnan().float().mean():.1%} of the labels unknown"
)

# %% tags=["hide-input"] mystnb={"image": {"alt": "Six handwritten digits with the labels that the table gives them."}}
titles = []
for i in range(6):
    even, slanted, name = train.labels[i].tolist()
    lean = "slant unknown" if slanted != slanted else "slanted" if slanted else "upright"
    titles.append(f"{train.tasks[2].values[int(name)]}\n{'even' if even else 'odd'}, {lean}")
_ = image_grid(
    train.images[:6], titles, columns=3, title="Our own folder: handwritten digits, 16 px"
)

# %% [markdown]
# The parts of the library take this data as they take any other. Three readers: one that never looks, one that adds up pixels, and a small
# network that learns for seconds.

# %%
(logits,) = linear_probe(own["train"], own["test"])
score = mean_accuracy(logits, own["test"].labels, train.tasks)
floor = mean_accuracy_floor(own["test"].labels, train.tasks)
print(f"floor {floor:.3f}, linear probe {score:.3f}")
assert score > floor + 0.1

# %% tags=["nbval-ignore-output"]
settings = FitSettings(epochs=6, batch_size=64, learning_rate=3e-3, schedule="cosine")
plan = baseline_plan(own, settings=settings, stem_stride=1)
run = fit_or_load(RunSpec("data", "baseline", "csv", scale, seed), plan=plan)
network = run.metrics["selected"]["mean_accuracy"]
print(f"small network {network:.3f}")

# %%
assert network > floor + 0.1
print("the network is well above the floor")

# %% [markdown]
# A paper's recipe is written for the sets of that paper, and a folder of your own is none of them. Take the paper's network and loss, and make
# a plan like `baseline_plan` from them.

# %% [markdown]
# A mistake in the table is named with its line:

# %%
text = (mine / "labels.csv").read_text().splitlines(keepends=True)
(mine / "labels.csv").write_text(
    "".join([*text[:5], text[5].replace("train", "trian"), *text[6:]])
)
try:
    load_dataset("csv", "train", root=mine)
except InputError as error:
    print(str(error).replace(str(mine), "DIR"))
_ = (mine / "labels.csv").write_text("".join(text))

# %% [markdown]
# ## Before you use pictures of people
#
# Being able to load a folder is not permission to use it. Read [the questions](../../book/data_and_ethics.md) first: who is shown, did they
# agree, who decided what the labels mean, and what happens to whom when the network is wrong.
#
# ## What went wrong
#
# - Official files are less official than they look. Copies of CelebA differ in line ends, folders and a trailing space; one MATLAB file
#   exists with and without its index. Two tables of one set need not have the same order, so every table is joined by file name.
# - An identity that is in both training and validation makes validation too easy. The people's sets have no validation split, so we
#   divide them by person and never by picture.
#
# ## Take away
#
# - Check a download before you train on it.
# - One parameter turns a chapter from drawn to real pictures of the same set.
# - Unknown is a value. Write it down as empty, never as *no*.
#
# ## Exercises
#
# **1.** Leave out the column `split`. Which share of the digits lands in each split, and do two calls agree?

# %% tags=["hide-cell", "solution"]
rows = [line.split(",") for line in text]
no_split = folder / "no_split"
no_split.mkdir()
(no_split / "images").symlink_to(mine / "images")
(no_split / "labels.csv").write_text("".join(",".join(row[:1] + row[2:]) for row in rows))
keys = [load_dataset("csv", s, root=no_split, image_size=16).keys for s in digits]
again = [load_dataset("csv", s, root=no_split, image_size=16).keys for s in digits]
counts = [len(k) for k in keys]
print([f"{n / sum(counts):.1%}" for n in counts])
assert keys == again
assert abs(counts[0] / sum(counts) - 0.8) < 0.05

# %% [markdown]
# **2.** Which score does the linear probe reach for each of the three tasks alone? Which one profits least from looking?

# %% tags=["hide-cell", "solution"]
gain = task_accuracy(logits, own["test"].labels, train.tasks) - task_floor(
    own["test"].labels, train.tasks
)
for task, points in zip(train.tasks, gain.tolist(), strict=True):
    print(f"{task.name:<8} {100 * points:+.0f} points over the floor")
assert int(gain.argmin()) == train.tasks.index("slanted")
place.cleanup()

# %% [markdown]
# **Next:** the first paper, [attributes as reasons](../attribute_estimation/build.ipynb).
