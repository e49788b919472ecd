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
# # Build: a mask for every channel
#
# The [attention branch](../attention_branch/build.ipynb) gives each attribute one map of *where* to look. {cite:t}`kimura2019` ask a second question: *at which features*?
# Each attribute gets a {term}`mask` for every single channel of the features. Whoever reads the masks sees which channels an attribute uses, and which attributes
# use the same ones. The paper fits on four pages and leaves most of the network open. This page builds it, and says at each open place what we took and why.

# %% [markdown]
# ```{admonition} Before you start
# :class: note
# **Objectives.** You will be able to compute a masked classifier by hand, name the four terms of the loss and what the paper leaves open in them,
# begin a network as the identity, bound the memory of thousands of masks, and read correlations of channels and of attributes off the masks.
#
# **You need** convolutions, the sigmoid, cross-entropy, correlation, and the page on [places](../attention_branch/build.ipynb).
#
# **Scale** smoke: everything here runs on a laptop without a network connection. No training happens on this page.
# **Cost** of the runs on a CPU, as measured: see the
# [results page](../../book/results.md). No GPU is needed here.
# ```

# %% tags=["parameters"]
dataset: str = "celeba-twin"  # whose images the examples use; or celeba with root
root: str | None = None  # folder of the official files, for the real set
scale: str = "smoke"  # smoke, reduced or paper
seed: int = 0  # of weights and drawn faces

# %%
import inspect

import torch
from mtattr.channel_attention.sizes import load_splits
from mtattr.evaluation import count_parameters
from mtattr.evidence import Table, load_paper
from mtattr.pages import show_source, show_table
from mtattr.plots import block_diagram, figure, image_grid

_ = torch.manual_seed(seed)

# %%
from mtattr.channel_attention import (
    ChannelAttentionNet,
    ChannelMasks,
    ContextModule,
    FrontEnd,
    MaskedClassifiers,
    Reconstructor,
    apply_masks,
    attribute_correlation,
    channel_attention_loss,
    feature_correlation,
    feature_extractor,
    fitting_dilations,
    loss_terms,
    masked_pool,
    neighbours,
    pool_masked,
    sharpen,
)
from mtattr.channel_attention.context import DILATIONS, identity_
from mtattr.channel_attention.masks import ACTIVATIONS

# %% [markdown]
# ## Figure 2
#
# One extractor feeds three readers. Only the first of them sees masks, and it is there once for each attribute. The other two are there to make the features better: one names all
# attributes at once, one paints the image again.

# %% mystnb={"image": {"alt": "A diagram of blocks: the image goes through the extractor to features F. From F come, for each attribute, a mask, the features times one plus the mask, and a yes or no; beside it a head for all labels and one that makes the image again."}} tags=["hide-input"]
boxes = {"image": (0.5, 0.04), "extractor\nf_f": (0.5, 0.22), "features F": (0.5, 0.4)}
boxes |= {"mask M^k": (0.13, 0.56), "(1 + M^k) F": (0.13, 0.74), "yes or no\nf_b^k": (0.13, 0.93)}
boxes |= {"all labels\nf_m": (0.52, 0.74), "image again\nf_r": (0.86, 0.74)}
ways = [("image", "extractor\nf_f"), ("extractor\nf_f", "features F")]
ways += [("features F", "mask M^k"), ("mask M^k", "(1 + M^k) F"), ("features F", "(1 + M^k) F")]
ways += [("(1 + M^k) F", "yes or no\nf_b^k")]
ways += [("features F", "all labels\nf_m"), ("features F", "image again\nf_r")]
axis = figure(4.6, 4.4)[1]
_ = block_diagram(boxes, ways, title="For each attribute k the left column once", axes=axis)

# %% [markdown]
# ## The extractor
#
# The paper takes "the Dilation Network" {cite:p}`yu2016dilated` and says no more. That network ends in as many channels as it has classes, so we read "128" as that number. It has two halves. The
# {term}`front end <dilated convolution>` is VGG-16 without its last two pools. A pool halves the map; leaving it out and spreading the taps of the next convolutions apart (*dilation* 2)
# sees as much of the image and keeps the map fine. A {term}`context module` follows: seven convolutions with dilations that grow, and one that only mixes channels.

# %%
show_source(FrontEnd.forward, ContextModule, fitting_dilations)

# %% [markdown]
# A $3 \times 3$ convolution with dilation $d$ reaches $d$ positions to each side. So seven of them see
#
# $$1 + 2 (1 + 1 + 2 + 4 + 8 + 16 + 1) = 67 \text{ positions.}$$
#
# Count it: put a gradient on one position of the output, and see which inputs it reaches.

# %%
module = ContextModule(2, DILATIONS)
for part in module.layers:
    if hasattr(part, "weight"):
        part.weight.data.fill_(0.1)  # positive, so that no ReLU blocks the way
x = torch.ones(1, 2, 81, 81, requires_grad=True)
module(x)[0, 0, 40, 40].backward()
reached = (x.grad[0, 0, 40] != 0).sum().item()
assert reached == 1 + 2 * sum(DILATIONS)
print(f"{reached} positions in a row; a map of 128 px images has only 16")
print("dilations that fit 16 x 16:", fitting_dilations(16))

# %% [markdown]
# On a small map a dilation of 16 only reads the padding around it. We lower such dilations to the largest power of two that still meets the map; an option keeps the list as it is.
#
# Plain random weights are said to fail in such a module. So it begins as the identity: the centre tap of each channel is 1, all others are near 0. This is {term}`identity initialisation`.
# Without noise on the weights, features of at least 0 then pass through all eight layers as they came; with the default noise they change, as the cell below measures.

# %%
show_source(identity_)

# %%
features = torch.rand(1, 8, 12, 12)
for noise in (0.0, 0.01):
    with torch.no_grad():
        after = ContextModule(8, fitting_dilations(12), noise=noise)(features)
    print(f"noise {noise}: largest change {(after - features).abs().max():.3f}")
    assert noise or torch.equal(after, features)

# %% [markdown]
# ## Masks
#
# The paper gives the size: as many channels as the features. Layers and activation are ours. We take the least that can do it, a convolution from $C$ to $K \cdot C$ channels with a sigmoid. It looks like
# one layer and is $K$ separate ones, for all read the same features. With a sigmoid a mask lies in $(0, 1)$, as in the attention branch from which the paper takes $1 + M$. The other choices are arguments.

# %%
show_source(ChannelMasks.forward)

# %%
masks = ChannelMasks(channels=4, num_attributes=3)
features = torch.rand(2, 4, 5, 5)
with torch.no_grad():
    made = masks(features)
    own = masks(features, slice(1, 2))
print("masks (B, K, C, h, w):", tuple(made.shape))
assert torch.allclose(made[:, 1:2], own), "the masks of one attribute can be made alone"
for name, activation in ACTIVATIONS.items():
    low, high = activation(torch.tensor([-4.0, 4.0])).tolist()
    print(
        f"{name:<8} from {low:6.3f} to {high:.3f}, gate 1 + M from {1 + low:.3f} to {1 + high:.3f}"
    )

# %% [markdown]
# ## Equations 1 and 2
#
# $$\hat y_b^k = f_b^k\big((1 + M^k(F)) \otimes F\big) \qquad (2)$$
#
# The factor $1 + M$ is a {term}`gate` between 1 and 2: a mask can double a feature and never remove it. Two channels, two positions, one attribute:
#
# | | channel 1 | channel 2 |
# |---|---|---|
# | $F$ | 2, 4 | 1, 3 |
# | $M$ | 0.5, 1 | 0, 0.2 |
# | $(1 + M) F$ | 3, 8 | 1, 3.6 |
# | mean over positions | 5.5 | 2.3 |
#
# With weights 1 and −2 and a bias of 0.1, the {term}`logit` is $5.5 - 4.6 + 0.1 = 1$.

# %%
show_source(apply_masks, pool_masked, MaskedClassifiers.forward)

# %%
F = torch.tensor([[2.0, 4], [1, 3]]).view(1, 2, 1, 2)
M = torch.tensor([[0.5, 1.0], [0, 0.2]]).view(1, 1, 2, 1, 2)
assert torch.allclose(apply_masks(F, M).flatten(), torch.tensor([3, 8, 1, 3.6]))
pooled = pool_masked(F, M)
assert torch.allclose(pooled.flatten(), torch.tensor([5.5, 2.3]))
classifier = MaskedClassifiers(channels=2, num_attributes=1)
classifier.weight.data = torch.tensor([[1.0, -2]])
classifier.bias.data = torch.tensor([0.1])
logit = classifier(pooled).item()
assert abs(logit - 1) < 1e-6
print(f"pooled {[round(v, 3) for v in pooled.flatten().tolist()]}, logit {logit:.3f}")

# %% [markdown]
# The classifier's layers are not in the paper either. With a mean over positions and a linear layer, a logit *is* a sum over channels, $w_{kc} \cdot \operatorname{mean}((1 + M^k_c) F_c)$, and each term
# is exactly what channel $c$ says about attribute $k$: its {term}`channel contribution`. That will be worth more than a mean mask, for a mask can be high where the weight is 0.
#
# Three things must hold, whatever the weights: a mask touches its own attribute alone, the other two readers never see a mask, and without masks the plain classifier is left.

# %%
net = ChannelAttentionNet(3, 4, front_end="light", width=0.0625, image_size=16).eval()
images = torch.rand(2, 3, 16, 16)
with torch.no_grad():
    before = net(images)
    net.masks.conv.weight[4:8] += 1  # those of attribute 1
    after = net(images)
changed = [not torch.equal(before.logits[:, k], after.logits[:, k]) for k in range(3)]
print("changed logits:", changed)
assert changed == [False, True, False]
for reader in ("multilabel_logits", "reconstruction"):
    assert torch.equal(before.extra[reader], after.extra[reader])

# %%
with torch.no_grad():
    net.masks.conv.weight.zero_()
    net.masks.conv.bias.fill_(-200)  # sigmoid(-200) is 0
    masked = net(images)
    plain = (
        masked.extra["extracted"].mean((2, 3)) @ net.classifiers.weight.T + net.classifiers.bias
    )
assert torch.allclose(masked.logits, plain)
print("M = 0 leaves the plain classifier")

# %% [markdown]
# ## Equations 3 to 6
#
# $$L = \alpha L_b + \beta L_m + \gamma L_r + \lambda \lVert M \rVert_1, \qquad \alpha = \beta = 1,\ \gamma = 4,\ \lambda = 10^{-5} \qquad (6)$$
#
# $L_b$ and $L_m$ are cross-entropies, summed over the attributes. $L_r$ is the squared error of the repainted image. $\lVert M \rVert_1$ presses masks down, so that only what matters stays: {term}`L1 sparsity`.

# %%
show_source(loss_terms, channel_attention_loss)

# %% [markdown]
# Two reductions are open: over the pixels in $L_r$ and over the values of $M$. The size of the terms decides. Here they are for an untrained network with all 40 attributes and 128 channels, the light front end and images of 64 px, on noise:

# %% tags=["nbval-ignore-output"]
full = ChannelAttentionNet(40, 128, front_end="light", mask_kernel=1, image_size=64)
noise, coins = torch.rand(2, 3, 64, 64), torch.randint(0, 2, (2, 40)).float()
with torch.no_grad():
    output = full(noise)
    small = loss_terms(output, noise, coins, pixels="mean", mask_l1="mean")
    large = loss_terms(output, noise, coins, pixels="sum", mask_l1="sum")
print(f"L_b {small.masked:.1f}   L_m {small.multilabel:.1f}")
print(f"4 L_r      mean {4 * small.reconstruction:10.3f}   sum {4 * large.reconstruction:10.1f}")
print(f"1e-5 |M|   mean {1e-5 * small.sparsity:10.6f}   sum {1e-5 * large.sparsity:10.2f}")

# %% [markdown]
# Summed pixels would drown the answers; averaged masks would feel nothing. So pixels are averaged and masks are summed. Each reading has its price, as the [last page](evaluate.ipynb) measures: averaged pixels
# may be too weak to teach the features anything, and the sum over masks grows with the map, so $\lambda$ means something else at every image size. Recompute Eq. 6 with nothing but elementary operations:

# %%
labels = torch.tensor([[1.0, 0, 1], [0, 0, 1]])
out = net(images)
with torch.no_grad():
    m = net.masks(out.extra["extracted"])
    by_hand = 0.0
    for answer in (out.logits, out.extra["multilabel_logits"]):
        p = answer.sigmoid()
        by_hand -= (labels * p.log() + (1 - labels) * (1 - p).log()).sum() / len(images)
    by_hand += 4 * ((out.extra["reconstruction"] - images) ** 2).mean()
    by_hand += 1e-5 * m.abs().sum() / len(images)
loss = channel_attention_loss(out, images, labels)
assert torch.allclose(loss, by_hand, atol=1e-5)
print(f"Eq. 6: {loss.item():.4f}, by hand {by_hand.item():.4f}")

# %% [markdown]
# ## The reconstructor
#
# The {term}`reconstructor` enlarges the map step by step to the size of the image. Its layers are ours as well.

# %%
show_source(Reconstructor)

# %% [markdown]
# ## What it weighs
#
# The counts of the full networks, part by part. With $3 \times 3$ masks, more than a quarter of all parameters are masks.

# %%
rows = []
for front, kernel in (("vgg16", 3), ("vgg16", 1), ("light", 1)):
    whole = ChannelAttentionNet(front_end=front, mask_kernel=kernel)
    parts = {"extractor": whole.extractor, "masks": whole.masks, "f_b": whole.classifiers}
    parts |= {"f_m": whole.multilabel, "f_r": whole.reconstructor, "total": whole}
    row = {"network": f"{front}, {kernel} x {kernel}"}
    rows.append(row | {name: f"{count_parameters(part):,}" for name, part in parts.items()})
show_table(Table("Parameters, K = 40, C = 128", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## Every open choice is an argument
#
# What the paper does not say, where it is set, what we take and why. The full list with effects is among the deviations on the [last page](evaluate.ipynb).

# %%
OPEN = {
    "front_end, context": "which Dilation Network: the first fits 128 channels",
    "literal_dilations": "taps beyond the map read padding alone",
    "noise": "the identity, as its authors begin",
    "mask_kernel, mask_layers": "the least that can differ by place",
    "mask_activation": "1 + M is from a network with a sigmoid",
    "keep_one": "the paper's 1 + M, to be taken away",
    "classifier_hidden": "without it, contributions are exact",
    "multilabel_hidden": "the same form as the masked classifiers",
    "upsampling": "no chequered pattern",
    "chunk": "memory, see below",
}
defaults = {
    name: parameter.default
    for made in (feature_extractor, ChannelAttentionNet)
    for name, parameter in inspect.signature(made).parameters.items()
}
rows = []
for name, reason in OPEN.items():
    ours = ", ".join(str(defaults[argument]) for argument in name.split(", "))
    rows.append({"argument": name, "default": ours, "because": reason})
show_table(Table("Arguments of ChannelAttentionNet", tuple(rows[0]), tuple(rows)))

# %% [markdown]
# ## Thousands of masks
#
# Forty attributes times 128 channels are 5,120 masks for each image. Autograd would keep all of them, several times over. But the classifiers only need their means. So we make the masks of a few attributes, pool, forget, and
# make them again when gradients ask. With $z$ the convolution's answer, $g$ the gradient of the mean of $M F$ and $s$ that of the mean of $M$, the chain rule gives
#
# $$\frac{\partial L}{\partial z} = \frac{(g F + s)\, M (1 - M)}{h w}.$$

# %%
show_source(masked_pool)

# %%
conv = ChannelMasks(channels=6, num_attributes=5).double()
F = torch.rand(2, 6, 7, 7, dtype=torch.float64, requires_grad=True)
results = []
for chunk in (None, 2, 5):
    if chunk is None:
        M = conv(F)
        pooled, means = pool_masked(F, M), M.mean((3, 4))
    else:
        pooled, means = masked_pool(F, conv.conv.weight, conv.conv.bias, chunk=chunk)
    gradients = torch.autograd.grad((pooled**2).sum() + means.sum(), [F, conv.conv.weight])
    results.append([pooled, means, *gradients])
worst = max(
    (a - b).abs().max().item() for r in results[1:] for a, b in zip(results[0], r, strict=True)
)
assert worst < 1e-10
print("whole, two at a time, five at a time: the same answers and gradients")

# %% [markdown]
# ## Figure 4 and Tables 1 and 2
#
# The mean of each mask over positions and images is a table of attributes and channels. Two columns that rise and fall together are correlated channels (Fig. 4, Table 1); two rows that do are correlated attributes
# (Table 2). The paper does not say over what it correlates; this is the table that its Figure 1 shows. Three attributes, four channels, of which the last is the same for all:

# %%
import warnings

means = torch.tensor([[0.9, 0.8, 0.1, 0.5], [0.7, 0.6, 0.3, 0.5], [0.1, 0.0, 0.9, 0.5]])
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    channels = feature_correlation(means)
print(channels.numpy().round(2))
print("warning:", caught[0].message)
print("most like channel 0:", [(i, round(r, 2)) for i, r in neighbours(channels, 0)])
print("attributes:\n", attribute_correlation(means).numpy().round(2))

# %% [markdown]
# A channel that is equally important for everyone correlates with nothing. Its correlation is not 0 but undefined: the code says so, instead of hiding it. Keep that in mind for masks that are *nearly* constant. Their
# correlations are defined, and they are noise.
#
# ## Sharper masks
#
# A follow-up by the same authors {cite:p}`kimura2019robust` makes networks robust by strengthening what matters for an attribute. Only its summary could be read, so the formula is ours: raise a mask to a power and scale it back to its
# mean. High places rise, low ones fall.

# %%
show_source(sharpen)

# %%
mask = torch.tensor([[0.2, 0.4], [0.6, 0.8]])
for power in (0, 1, 2, 8):
    sharp = sharpen(mask, power)
    assert torch.isclose(sharp.mean(), mask.mean())
    print(
        f"power {power}: {[round(v, 2) for v in sharp.flatten().tolist()]}, mean {sharp.mean():.2f}"
    )

# %% [markdown]
# ## The data
#
# Faces with forty attributes, drawn or real. On the drawn ones the region of each attribute is known, so masks can be checked.

# %% mystnb={"image": {"alt": "Four drawn faces, each under a few of its attributes."}} tags=["hide-input"]
test = load_splits(dataset, scale, draw=seed, root=root)["test"]
names = test.tasks.names
shown = ("Smiling", "Male", "Bangs", "Black_Hair", "Chubby", "Wearing_Hat", "Young", "No_Beard")
titles = []
for row in test.labels[:4].tolist():
    present = [n.replace("_", " ") for n in shown if row[names.index(n)] == 1]
    titles.append("\n".join(present[:2]))
made = " (generated)" if test.generated else ""
_ = image_grid(
    test.images[:4], [t[:24] for t in titles], size=1.6, title=f"{dataset}{made}, {scale}"
)

# %% [markdown]
# ## Take away
#
# - A paper of four pages can leave more open than it fixes. Write each choice down, make it an argument, and say why.
# - If a module is to begin harmless, begin it as the identity.
# - The scale of each term of a loss tells which reading is meant, when the text does not.
# - A reader that is linear after the pool explains itself: every channel's part of the answer is a number.
#
# ## Exercises
#
# **1.** How many values have the masks of a batch of 32 images on a $16 \times 16$ map, and how many megabytes is that in float32?

# %% tags=["hide-cell", "solution"]
values = 32 * 40 * 128 * 16 * 16
print(f"{values:,} values, {values * 4 / 1e6:.0f} MB, once; autograd keeps them several times")

# %% [markdown]
# **2.** Two masks have the same mean. Can their attributes differ in where they look?

# %% tags=["hide-cell", "solution"]
a, b = torch.tensor([[1.0, 0], [0, 0]]), torch.tensor([[0.0, 0], [0, 1]])
assert a.mean() == b.mean()
assert not torch.equal(a, b)
print("yes: Figure 1, Tables 1 and 2 are blind to places")

# %% [markdown]
# **3.** The printed mean of the paper's own column in Table 3 is 92.05. What is the mean of its rows, and does the same happen in the other columns?

# %% tags=["hide-cell", "solution"]
paper = load_paper("channel_attention")
rows = paper.table("attribute-accuracy")
for column in rows.columns:
    values = [rows.value(name, column) for name in rows.rows]
    said = paper.table("mean-accuracy").value(column, "printed")
    print(f"{column:<14}{100 * sum(values) / len(values):.2f}, printed {100 * said:.2f}")

# %% [markdown]
# The others are printed as whole numbers and agree. See the [errata](../../book/errata.md).
#
# **Read next:** [train](train.ipynb), where we watch every term, and the masks.
