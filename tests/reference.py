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
