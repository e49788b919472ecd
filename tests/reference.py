"""Slow textbook forms, one entry at a time: oracles for the fast ones. They share no code with the package."""

from __future__ import annotations

import math

import numpy as np
import torch


def confusion(predictions, labels):
    """[[TN, FP], [FN, TP]] per column, unknown (NaN) labels left out."""
    cells = np.zeros((labels.shape[1], 2, 2), dtype=int)
    for n in range(labels.shape[0]):
        for t in range(labels.shape[1]):
            if not math.isnan(labels[n, t]):
                cells[t, int(labels[n, t]), int(predictions[n, t])] += 1
    return cells


def f1_at(scores, labels, threshold):
    """F1 of one attribute when a score above the threshold means present; None if undefined."""
    hits = wrong = missed = 0
    for score, label in zip(scores, labels, strict=True):
        if math.isnan(label):
            continue
        said = score > threshold
        hits += said and label == 1
        wrong += said and label == 0
        missed += not said and label == 1
    return 2 * hits / (2 * hits + wrong + missed) if hits + wrong + missed else None


def best_f1(scores, labels):
    """Highest F1 over every cut that a threshold in [0, 1] can make."""
    return max(f1_at(scores, labels, threshold) or 0.0 for threshold in [0.0, *scores])


def top_k_recall_images(scores, labels, k):
    """Mean over images with positives of the share of them within the k highest known scores; scores must differ."""
    shares = []
    for row, truth in zip(scores, labels, strict=True):
        known = [t for t in range(len(row)) if not math.isnan(truth[t])]
        top = sorted(known, key=lambda t: -row[t])[:k]
        positive = [t for t in known if truth[t] == 1]
        if positive:
            shares.append(sum(t in top for t in positive) / len(positive))
    return sum(shares) / len(shares) if shares else math.nan


def top_k_recall_tasks(scores, labels, k):
    """Mean over attributes of the share of their positive images in which they are within the k highest scores."""
    shares = []
    tops = [sorted(range(len(row)), key=lambda t: -row[t])[:k] for row in scores]
    for t in range(labels.shape[1]):
        having = [n for n in range(len(labels)) if labels[n, t] == 1]
        if having:
            shares.append(sum(t in tops[n] for n in having) / len(having))
    return sum(shares) / len(shares)


def holm(p_values):
    """Adjusted p-value of each test: the largest (m - rank) * p among it and all smaller ones, at most 1."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, (len(p_values) - rank) * p_values[i])
        adjusted[i] = min(1.0, highest)
    return adjusted


def enlarge(small, height, width):
    """Bilinear enlargement with pixel centres at half integers and repeated borders."""
    h, w = small.shape
    out = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            v = min(max((y + 0.5) * h / height - 0.5, 0), h - 1)
            u = min(max((x + 0.5) * w / width - 0.5, 0), w - 1)
            y0, x0 = int(v), int(u)
            y1, x1 = min(y0 + 1, h - 1), min(x0 + 1, w - 1)
            a, b = v - y0, u - x0
            top = small[y0, x0] * (1 - b) + small[y0, x1] * b
            bottom = small[y1, x0] * (1 - b) + small[y1, x1] * b
            out[y, x] = top * (1 - a) + bottom * a
    return out


def localisation(small, region):
    """(pointing hit, energy inside, equal-area IoU) of one map that is not flat; ties count with their share."""
    inside = region >= 0.5
    large = enlarge(small.astype(np.float64), *region.shape)
    peaks = [at for at in np.ndindex(*large.shape) if large.max() - large[at] < 1e-6]
    hit = sum(inside[at] for at in peaks) / len(peaks)

    area = int(inside.sum())
    last = sorted(large.ravel(), reverse=True)[area - 1]
    tied = [at for at in np.ndindex(*large.shape) if abs(large[at] - last) < 1e-6]
    above = [at for at in np.ndindex(*large.shape) if large[at] > last and at not in tied]
    overlap = sum(inside[at] for at in above) + sum(inside[at] for at in tied) * (area - len(above)) / len(tied)

    mass = np.clip(large, 0, None)
    return hit, mass[inside].sum() / mass.sum(), overlap / (2 * area - overlap)


def validation_loss_trend(losses, interval):
    """Weights after each iteration by He et al. (2017), Algorithms 1 and 2, every loss known and above 0."""
    tasks, windows, seen = range(len(losses[0])), [], []
    weights = [1.0 for _ in tasks]
    for iteration in range(1, len(losses) + 1):
        if iteration % interval == 0:
            window = losses[iteration - interval : iteration]
            windows.append([math.fsum(row[t] for row in window) / interval for t in tasks])
        if iteration % interval == 0 and len(windows) >= 2:
            earlier, now = windows[-2:]
            trend = [abs(now[t] - earlier[t]) / now[t] for t in tasks]
            factors = [(trend[t] / math.fsum(trend)) * (now[t] / math.fsum(now)) for t in tasks]
            weights = [len(factors) * factor / math.fsum(factors) for factor in factors]
        seen.append(weights)
    return seen


def dynamic_weight_average(losses, interval, temperature):
    """Weights after each iteration by Liu et al. (2019), Eq. 7, a window of iterations for an epoch."""
    tasks, seen = range(len(losses[0])), []
    for iteration in range(1, len(losses) + 1):
        epochs = iteration // interval
        means = [math.fsum(row[t] for row in losses[e * interval : (e + 1) * interval]) / interval for e in range(epochs) for t in tasks]
        if epochs < 2:
            seen.append([1.0 for _ in tasks])
            continue
        last, before = means[-len(tasks) :], means[-2 * len(tasks) : -len(tasks)]
        powers = [math.exp(last[t] / before[t] / temperature) for t in tasks]
        seen.append([len(powers) * power / sum(powers) for power in powers])
    return seen


def grad_norm_step(weights, optimizer, losses, first, features, *, alpha, least=1e-3):
    """One step of Chen et al. (2018), Algorithm 1, by automatic differentiation of their Eq. 2, the norms taken at `features`.

    weights is a leaf that the optimiser holds; it changes in place.
    """
    norms = []
    for t, loss in enumerate(losses):
        (gradient,) = torch.autograd.grad(weights[t] * loss, features, create_graph=True)
        norms.append((gradient**2).sum() ** 0.5)
    mean = (sum(norms) / len(norms)).item()
    progress = [loss.item() / start for loss, start in zip(losses, first, strict=True)]
    rates = [value / (sum(progress) / len(progress)) for value in progress]
    objective = sum(abs(norm - mean * rate**alpha) for norm, rate in zip(norms, rates, strict=True))
    (weights.grad,) = torch.autograd.grad(objective, weights, retain_graph=True)
    optimizer.step()
    moved = [max(weight, least) for weight in weights.tolist()]
    weights.data = torch.tensor([len(moved) * weight / sum(moved) for weight in moved], dtype=weights.dtype)


def random_groups(random, count):
    """A partition of 0 .. count - 1, most in groups of their own, groups in order of their first member."""
    labels = [k if random.random() < 0.7 else random.randrange(count) for k in range(count)]
    return sorted([k for k in range(count) if labels[k] == label] for label in set(labels))


def random_tree(random, num_tasks):
    """Parents of conv1_1 .. fc7 and of the outputs after a search from the outputs down that groups at random."""
    parents = [[0] for _ in range(15)] + [[0] * num_tasks]
    for junction in range(15, 1, -1):
        groups = random_groups(random, len(parents[junction]))
        parents[junction] = [g for k in range(len(parents[junction])) for g, group in enumerate(groups) if k in group]
        parents[junction - 1] = [0] * len(groups)
    return parents


def tasks_above(parents, layer, branch):
    """The tasks whose way down from the outputs passes a branch of a layer."""
    above = []
    for task in range(len(parents[15])):
        at = task
        for upper in range(15, layer, -1):
            at = parents[upper][at]
        if at == branch:
            above.append(task)
    return above


def branched_vgg(state, parents, images, *, training):
    """Logits of a VGG-16 that forks (Lu et al. 2017, Eq. 3 to 5), each task computed alone from the image to its output."""
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    image = (images - mean.to(images)[None, :, None, None]) / std.to(images)[None, :, None, None]

    def features(layer, branch):
        if layer == -1:
            return image
        x = features(layer - 1, parents[layer][branch])
        width = len(state[f"layers.{layer}.weight"]) // len(parents[layer])
        own = slice(branch * width, (branch + 1) * width)
        weight, bias = state[f"layers.{layer}.weight"][own], state[f"layers.{layer}.bias"][own]
        if layer < 13:
            x = torch.nn.functional.conv2d(x, weight, bias, padding=1)
        else:
            x = (x.reshape(len(x), -1) @ weight.reshape(width, -1).T + bias)[:, :, None, None]
        if training:
            centre = x.mean((0, 2, 3))
            spread = ((x - centre[:, None, None]) ** 2).mean((0, 2, 3))
        else:
            centre, spread = state[f"layers.{layer}.norm.running_mean"][own], state[f"layers.{layer}.norm.running_var"][own]
        x = (x - centre[:, None, None]) / (spread[:, None, None] + 1e-5) ** 0.5
        x = x.clamp(min=0)
        if layer in (1, 3, 6, 9, 12):
            x = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
            x = torch.maximum(torch.maximum(x[..., ::2, ::2], x[..., 1::2, ::2]), torch.maximum(x[..., ::2, 1::2], x[..., 1::2, 1::2]))
        return x

    logits = []
    for task, branch in enumerate(parents[15]):
        logits.append(features(14, branch).flatten(1) @ state["outputs.weight"][task] + state["outputs.bias"][task])
    return torch.stack(logits, 1)


def greedy_rows(rows, k):
    """At most k rows picked by simultaneous orthogonal matching pursuit (Lu et al. 2017, Eq. 2); stops when they span all rows."""
    lengths, residual, picks = [np.linalg.norm(row) for row in rows], rows.copy(), []
    while len(picks) < k:
        gains = [-1.0] * len(rows)
        for i, row in enumerate(rows):
            if i not in picks and np.linalg.norm(residual[i]) > 1e-5 * lengths[i]:
                gains[i] = math.sqrt(sum((signal @ row / lengths[i]) ** 2 for signal in residual))
        if max(gains) < 0:
            break
        picks.append(int(np.argmax(gains)))
        fit, *_ = np.linalg.lstsq(rows[picks].T, rows.T, rcond=None)
        residual = rows - fit.T @ rows[picks]
    return picks


def released_affinity(batches, decay):
    """(mean margins, affinities) as the released code of Lu et al. (2017) averages them over batches whose labels are all known."""
    tasks = range(len(batches[0][0]))
    weight, margin, affinity = 1e-16, [0.0 for _ in tasks], [[0.0 for _ in tasks] for _ in tasks]
    for batch in batches:
        difficult = [[row[t] >= margin[t] for t in tasks] for row in batch]
        before, weight = decay * weight, decay * weight + 1
        for i in tasks:
            for j in tasks:
                both_difficult = sum(e[i] and e[j] for e in difficult) / len(batch)
                both_easy = sum(not e[i] and not e[j] for e in difficult) / len(batch)
                affinity[i][j] = (before * affinity[i][j] + both_difficult + both_easy) / weight
            margin[i] = (before * margin[i] + sum(row[i] for row in batch) / len(batch)) / weight
    return margin, affinity


def affinity_of_known(batches, decay):
    """(mean margins, affinities) where every mean is over the images that know the label or both labels; NaN without any."""

    def mean(columns):
        total = count = 0.0
        for age, column in enumerate(reversed(columns)):
            known = [value for value in column if not math.isnan(value)]
            total += decay**age * sum(known) / len(column)
            count += decay**age * len(known) / len(column)
        return total / count if count else math.nan

    tasks = range(len(batches[0][0]))
    margins, agreeing = [[] for _ in tasks], [[[] for _ in tasks] for _ in tasks]
    for batch in batches:
        threshold = [mean(margins[t]) for t in tasks]
        threshold = [0.0 if math.isnan(value) else value for value in threshold]
        for i in tasks:
            for j in tasks:
                same = [float((row[i] >= threshold[i]) == (row[j] >= threshold[j])) for row in batch]
                known = [not math.isnan(row[i]) and not math.isnan(row[j]) for row in batch]
                agreeing[i][j].append([a if k else math.nan for a, k in zip(same, known, strict=True)])
            margins[i].append([row[i] for row in batch])
    return [mean(margins[t]) for t in tasks], [[mean(agreeing[i][j]) for j in tasks] for i in tasks]


def branch_affinity(matrix, branches):
    """Affinities of branches by Lu et al. (2017), Eq. 7 and 8."""

    def one_way(k, other):
        return sum(min(matrix[i][j] for j in other) for i in k) / len(k)

    return [[(one_way(k, other) + one_way(other, k)) / 2 for other in branches] for k in branches]


def separation_cost(affinity, groups):
    """How unlike the branches within one group are, by Lu et al. (2017), Eq. 10 and 11."""
    costs = [1 - sum(min(affinity[k][other] for other in group) for k in group) / len(group) for group in groups]
    return sum(costs) / len(costs)


def batch_norm(x, scale, shift, mean=None, variance=None, eps=1e-5):
    """`x` `(N, C, H, W)` normalised by the given statistics or by its own; second its own mean and its unbiased variance."""
    centre, count = x.mean((0, 2, 3)), x.numel() // x.shape[1]
    spread = ((x - centre[:, None, None]) ** 2).mean((0, 2, 3))
    own = (centre.detach(), spread.detach() * count / max(count - 1, 1))
    centre, spread = (centre, spread) if mean is None else (mean, variance)
    result = (x - centre[:, None, None]) / (spread[:, None, None] + eps) ** 0.5
    return result * scale[:, None, None] + shift[:, None, None], own


def norm_of_passes(passes, norm, *, statistics, training, momentum=0.1, eps=1e-5):
    """Batch norm of a list of passes, one a task: the normalised passes, and the running mean and variance after them.

    norm: scale, shift, running mean and running variance, the last two with a row for each task if statistics is "task".
    """
    scale, shift, mean, variance = norm
    means = [mean[t] if statistics == "task" else mean for t in range(len(passes))]
    variances = [variance[t] if statistics == "task" else variance for t in range(len(passes))]
    if not training:
        normalised = [batch_norm(x, scale, shift, means[t], variances[t], eps)[0] for t, x in enumerate(passes)]
        return normalised, mean.clone(), variance.clone()
    if statistics == "joint":
        together, (own_mean, own_variance) = batch_norm(torch.cat(passes), scale, shift, eps=eps)
        moved = [(1 - momentum) * old + momentum * new for old, new in ((mean, own_mean), (variance, own_variance))]
        return list(together.split(len(passes[0]))), *moved
    normalised = []
    for t, x in enumerate(passes):
        result, (own_mean, own_variance) = batch_norm(x, scale, shift, eps=eps)
        normalised.append(result)
        before = t if statistics == "task" else max(t - 1, 0)
        means[t] = (1 - momentum) * means[before] + momentum * own_mean
        variances[t] = (1 - momentum) * variances[before] + momentum * own_variance
    if statistics == "task":
        return normalised, torch.stack(means), torch.stack(variances)
    return normalised, means[-1], variances[-1]


def task_passes(blocks, features, gates, *, statistics="task", training=True):
    """A residual stage passed once for each task (Fukui et al. 2019, Eqs. 4 and 5): `(B, T, D, h, w)`, and its running statistics.

    blocks: of each the layers, pairs of a convolution (weight, stride, padding) and a norm as in `norm_of_passes`, and the
    shortcut, such a pair or None. The running means and variances come in the order of the norms, the shortcut's last.
    """
    after, how = [], {"statistics": statistics, "training": training}

    def layer(passes, conv, norm):
        weight, stride, padding = conv
        passes, *running = norm_of_passes(
            [torch.nn.functional.conv2d(x, weight, stride=stride, padding=padding) for x in passes], norm, **how
        )
        after.extend(running)
        return passes

    passes = [gates[:, t : t + 1] * features for t in range(gates.shape[1])]
    for layers, shortcut in blocks:
        inner = passes
        for position, (conv, norm) in enumerate(layers):
            inner = layer([x.clamp(min=0) for x in inner] if position else inner, conv, norm)
        direct = passes if shortcut is None else layer(passes, *shortcut)
        passes = [(x + y).clamp(min=0) for x, y in zip(inner, direct, strict=True)]
    return torch.stack(passes, dim=1), after


def gated_convolution(features, gates, weight, stride, padding):
    """Convolution of gates[:, t] * features for every task, output by output: `(B, T, O, h, w)` in numpy."""
    outputs, _, kernel, _ = weight.shape
    padded = np.pad(features[:, None] * gates[:, :, None], [(0, 0)] * 3 + [(padding, padding)] * 2)
    height, width = ((side - kernel) // stride + 1 for side in padded.shape[3:])
    made = np.zeros((*gates.shape[:2], outputs, height, width))
    for b, t, o, y, x in np.ndindex(*made.shape):
        top, left = y * stride, x * stride
        made[b, t, o, y, x] = (padded[b, t, :, top : top + kernel, left : left + kernel] * weight[o]).sum()
    return made


def linear_imputation(image, removed):
    """Image whose removed pixels solve, pixel by pixel, value = weighted mean of eight neighbours, as a dense system."""
    height, width = removed.shape
    system, right = np.eye(height * width), image.reshape(len(image), -1).T.copy()
    for y, x in zip(*np.nonzero(removed), strict=True):
        around = [(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
        weights = {(v, u): 2 if v == y or u == x else 1 for v, u in around if 0 <= v < height and 0 <= u < width}
        right[y * width + x] = 0
        for (v, u), weight in weights.items():
            system[y * width + x, v * width + u] = -weight / sum(weights.values())
    return np.linalg.solve(system, right).T.reshape(image.shape)


def deletion_and_insertion(score, image, large, steps, fill=None):
    """Mean score of one image while pixels, highest of `large` first, get its mean colour or a `fill`, and while they alone show."""
    height, width = large.shape
    order = sorted(np.ndindex(height, width), key=lambda at: -large[at])
    fill = fill or (lambda image, removed: np.where(removed, image.mean(axis=(1, 2), keepdims=True), image))
    deleted, inserted = [], []
    for i in range(steps + 1):
        removed = np.zeros((height, width), dtype=bool)
        for y, x in order[: round(i / steps * height * width)]:
            removed[y, x] = True
        deleted.append(score(fill(image, removed)))
        inserted.append(score(fill(image, ~removed)))
    return sum(deleted) / len(deleted), sum(inserted) / len(inserted)


def residual_sizes(widths, blocks, expansion, classes):
    """Parameters of a CIFAR ResNet with three stages of `blocks` blocks, and of the attention branch that is added to it."""

    def layer(inputs, outputs, kernel):
        return inputs * outputs * kernel**2 + 2 * outputs

    def stage(inputs, width, strides):
        total, outputs = 0, width * expansion
        for i in range(blocks):
            if expansion == 1:
                total += layer(inputs, width, 3) + layer(width, width, 3)
            else:
                total += layer(inputs, width, 1) + layer(width, width, 3) + layer(width, outputs, 1)
            if inputs != outputs or (strides and i == 0):
                total += layer(inputs, outputs, 1)
            inputs = outputs
        return total

    first, second, third = widths
    last = third * expansion
    base = layer(3, first, 3) + stage(first, first, False) + stage(first * expansion, second, True)
    base += stage(second * expansion, third, True) + last * classes + classes
    head = 2 * last + last * classes + 2 * classes + classes**2 + 9 * classes + 2
    return base, stage(second * expansion, third, False) + head


def convolution_same(x, weight, bias, *, dilation=1):
    """Convolution that keeps the size of `x` `(B, C, h, w)` by zeros around it: the sum over taps of the shifted image."""
    (height, width), reach = x.shape[2:], dilation * (weight.shape[-1] // 2)
    padded = x.new_zeros(*x.shape[:2], height + 2 * reach, width + 2 * reach)
    padded[:, :, reach : reach + height, reach : reach + width] = x
    total = bias[:, None, None]
    for i, j in np.ndindex(*weight.shape[2:]):
        tap = padded[:, :, i * dilation : i * dilation + height, j * dilation : j * dilation + width]
        total = total + torch.einsum("oc,bchw->bohw", weight[:, :, i, j], tap)
    return total


def vgg_dilated(state, images, *, blocks, normed=False, training=False):
    """The first blocks of VGG-16 from torchvision's names, three pools and none at the end, dilation 2 in the fifth; then a 1x1."""
    x, at = images, 0
    for block in range(blocks):
        for _ in range(2 if block < 2 else 3):
            weight, bias = state[f"features.{at}.weight"], state[f"features.{at}.bias"]
            x = convolution_same(x, weight, bias, dilation=2 if block == 4 else 1)
            if normed:
                scale, shift, mean, variance = (
                    state[f"features.{at + 1}.{name}"] for name in ("weight", "bias", "running_mean", "running_var")
                )
                x, _ = batch_norm(x, scale, shift) if training else batch_norm(x, scale, shift, mean, variance)
            x = x.clamp(min=0)
            at += 3 if normed else 2
        if block < min(3, blocks - 1):
            x = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
            x = torch.maximum(torch.maximum(x[..., ::2, ::2], x[..., 1::2, ::2]), torch.maximum(x[..., ::2, 1::2], x[..., 1::2, 1::2]))
        at += 1
    return convolution_same(x, state["adapter.weight"], state["adapter.bias"]).clamp(min=0)


def context_of(state, features, dilations):
    """Yu and Koltun (2016), Table 1: 3x3 convolutions with ReLU, one for each dilation, then a linear 1x1."""
    for i, dilation in enumerate(dilations):
        weight, bias = state[f"layers.{2 * i}.weight"], state[f"layers.{2 * i}.bias"]
        features = convolution_same(features, weight, bias, dilation=dilation).clamp(min=0)
    last = f"layers.{2 * len(dilations)}"
    return convolution_same(features, state[f"{last}.weight"], state[f"{last}.bias"])


def masks_by_attribute(state, features, count, activation="sigmoid"):
    """M^k(F) of Kimura and Tanaka (2019), Eq. 2, each attribute's by convolutions of its own: `(B, K, C or 1, h, w)`."""
    shapes = {"sigmoid": lambda z: 1 / (1 + (-z).exp()), "relu": lambda z: z.clamp(min=0), "tanh": lambda z: 1 - 2 / ((2 * z).exp() + 1)}
    masks = []
    for k in range(count):
        x = features
        for name in ("hidden", "conv"):
            if f"{name}.weight" not in state:
                continue
            each = len(state[f"{name}.weight"]) // count
            own = slice(k * each, (k + 1) * each)
            x = convolution_same(x, state[f"{name}.weight"][own], state[f"{name}.bias"][own])
            x = x.clamp(min=0) if name == "hidden" else x
        masks.append(shapes[activation](x))
    return torch.stack(masks, dim=1)


def classifiers_of_masks(state, features, masks, *, keep_one=True):
    """f_b^k((1 + M^k) F) of Kimura and Tanaka (2019), Eq. 2, one image, attribute and channel at a time: pooled inputs and logits."""
    count = masks.shape[1]
    pooled, logits = [], []
    for b, k in np.ndindex(len(features), count):
        gated = torch.empty_like(features[b])
        for c in range(features.shape[1]):
            mask = masks[b, k, c if masks.shape[2] > 1 else 0]
            gated[c] = (mask + 1 if keep_one else mask) * features[b, c]
        if "hidden.weight" in state:
            each = len(state["hidden.weight"]) // count
            own = slice(k * each, (k + 1) * each)
            gated = convolution_same(gated[None], state["hidden.weight"][own], state["hidden.bias"][own])[0].clamp(min=0)
        pooled.append(torch.stack([channel.sum() / channel.numel() for channel in gated]))
        logits.append(sum(w * p for w, p in zip(state["weight"][k], pooled[-1], strict=True)) + state["bias"][k])
    return torch.stack(pooled).reshape(len(features), count, -1), torch.stack(logits).reshape(len(features), count)


def reconstruction_of(state, features, doublings, upsampling="nearest"):
    """Images from features: each doubling repeats every position or lays down a 4x4 stamp for it; then colours in (0, 1)."""
    x, step = features, 3 if upsampling == "nearest" else 2
    for i in range(doublings):
        height, width = 2 * x.shape[2], 2 * x.shape[3]
        weight, bias = (state[f"layers.{step * i + step - 2}.{name}"] for name in ("weight", "bias"))
        if upsampling == "nearest":
            large = x.new_zeros(*x.shape[:2], height, width)
            for y, u in np.ndindex(height, width):
                large[:, :, y, u] = x[:, :, y // 2, u // 2]
            x = convolution_same(large, weight, bias)
        else:
            canvas = x.new_zeros(len(x), weight.shape[1], height + 2, width + 2)
            for y, u in np.ndindex(height // 2, width // 2):
                canvas[:, :, 2 * y : 2 * y + 4, 2 * u : 2 * u + 4] += torch.einsum("bc,coij->boij", x[:, :, y, u], weight)
            x = canvas[:, :, 1:-1, 1:-1] + bias[:, None, None]
        x = x.clamp(min=0)
    last = f"layers.{step * doublings}"
    return 1 / (1 + (-convolution_same(x, state[f"{last}.weight"], state[f"{last}.bias"])).exp())


def loss_of_four_terms(logits, multilabel, reconstruction, images, masks, labels, *, pixels="mean", mask_l1="sum"):
    """(L_b, L_m, L_r, ||M||_1) of Kimura and Tanaka (2019), Eq. 1, 3, 5 and 6, in loops over numpy arrays; unknown labels are NaN."""

    def cross_entropy(scores):
        total = 0.0
        for k in range(labels.shape[1]):
            known = [n for n in range(len(labels)) if not math.isnan(labels[n, k])]
            said = [1 / (1 + math.exp(-scores[n, k])) for n in known]
            losses = [-(labels[n, k] * math.log(p) + (1 - labels[n, k]) * math.log(1 - p)) for n, p in zip(known, said, strict=True)]
            total += sum(losses) / len(losses) if losses else 0.0
        return total

    squares = [(float(images[at]) - float(reconstruction[at])) ** 2 for at in np.ndindex(*images.shape)]
    sizes = [abs(float(masks[at])) for at in np.ndindex(*masks.shape)]
    return (
        cross_entropy(logits),
        cross_entropy(multilabel),
        sum(squares) / (len(images) if pixels == "sum" else len(squares)),
        sum(sizes) / (len(masks) if mask_l1 == "sum" else len(sizes)),
    )


def pearson(x, y):
    """Pearson's correlation of two lists of numbers."""
    first, second = sum(x) / len(x), sum(y) / len(y)
    products = sum((a - first) * (b - second) for a, b in zip(x, y, strict=True))
    return products / math.sqrt(sum((a - first) ** 2 for a in x) * sum((b - second) ** 2 for b in y))


def spearman(x, y):
    """Spearman's rank correlation, ties sharing their mean rank."""

    def ranks(values):
        return [sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2 for value in values]

    return pearson(ranks(x), ranks(y))


def mantel(a, b, orders):
    """(correlation, its 95 % quantile over the orders of the things of `a`, p) of two symmetric matrices, pair by pair."""
    pairs = [(i, j) for i in range(len(a)) for j in range(i)]

    def agreement(order):
        return spearman([float(a[order[i]][order[j]]) for i, j in pairs], [float(b[i][j]) for i, j in pairs])

    correlation, shuffled = agreement(range(len(a))), sorted(agreement(order) for order in orders)
    place = 0.95 * (len(shuffled) - 1)
    below, above = shuffled[math.floor(place)], shuffled[math.ceil(place)]
    reached = sum(value >= correlation - 1e-9 for value in shuffled)
    return correlation, below + (place - math.floor(place)) * (above - below), (1 + reached) / (1 + len(shuffled))


def spread_of_means(means):
    """Mean and deviations of mean masks `(N, K, C)` over attributes, channels, both beyond their levels, and images."""
    images, attributes, channels = (range(size) for size in means.shape)

    def deviation(values):
        centre = sum(values) / len(values)
        return math.sqrt(sum((value - centre) ** 2 for value in values) / len(values))

    table = [[sum(float(means[n, k, c]) for n in images) / len(images) for c in channels] for k in attributes]
    of_channel = [sum(row[c] for row in table) / len(table) for c in channels]
    of_attribute = [sum(row) / len(row) for row in table]
    mean = sum(of_attribute) / len(table)
    each = [deviation([float(means[n, k, c]) for n in images]) for k in attributes for c in channels]
    return {
        "mean": mean,
        "attributes": sum(deviation([row[c] for row in table]) for c in channels) / len(channels),
        "channels": sum(map(deviation, table)) / len(table),
        "own": deviation([table[k][c] - of_channel[c] - of_attribute[k] + mean for k in attributes for c in channels]),
        "images": sum(each) / len(each),
    }


def evidence_by_position(weight, features, masks, *, keep_one=True):
    """What each position adds to each logit: sum over c of w_kc (1 + M_kc) F_c, masks `(B, K, C or 1, h, w)` or None."""
    made = features.new_zeros(len(features), len(weight), *features.shape[2:])
    for b, k, y, x in np.ndindex(*made.shape):
        for c in range(features.shape[1]):
            gate = 1.0 if masks is None else masks[b, k, c if masks.shape[2] > 1 else 0, y, x] + keep_one
            made[b, k, y, x] += weight[k, c] * gate * features[b, c, y, x]
    return made


def most_important_masks(masks, count):
    """For each image and attribute the mean of the `count` masks `(N, K, C, h, w)` whose mean size over images is highest."""
    importance = masks.abs().mean((0, 3, 4))
    best = [sorted(range(masks.shape[2]), key=lambda c: -row[c])[:count] for row in importance.tolist()]
    return torch.stack([sum(masks[:, k, c] for c in channels) / len(channels) for k, channels in enumerate(best)], dim=1)
