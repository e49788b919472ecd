"""Measurements of a run, and floors of answers that ignore the image.

Those of the test split are taken on what is drawn, where the images are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from mtattr.channel_attention.importance import channel_contributions, mask_means, mask_spread
from mtattr.channel_attention.loss import loss_terms
from mtattr.channel_attention.maps import explanation_maps, methods_of
from mtattr.channel_attention.network import ChannelAttentionNet
from mtattr.channel_attention.pruning import ORDERS, channel_scores, kept_channels, pruned_logits
from mtattr.channel_attention.sharing import likenesses, sharing_metrics
from mtattr.channel_attention.sharpening import noisy_logits
from mtattr.data.batches import take
from mtattr.data.image_data import ImageData
from mtattr.evaluation import accuracy, known_regions, localisation_scores
from mtattr.tasks import TaskSet

#: Images whose maps are judged; images for mean masks, pruning and noise.
LOCALISED, ANALYSED = 256, 1000
#: Deviation of the noise, power of sharper masks, share of channels that pruning keeps.
NOISE, POWER, KEPT = 0.1, 4.0, 0.25


def metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """Mean accuracy and balanced accuracy over attributes, in [0, 1]."""
    return {
        "mean_accuracy": accuracy.mean_accuracy(logits, labels, tasks),
        "balanced_accuracy": accuracy.balanced_accuracy(logits, labels, tasks).nanmean().item(),
    }


def floors(labels: Tensor, tasks: TaskSet) -> dict[str, float]:
    """Scores of the most frequent answer."""
    return {"mean_accuracy": accuracy.mean_accuracy_floor(labels, tasks), "balanced_accuracy": 0.5}


def task_metrics(logits: Tensor, labels: Tensor, tasks: TaskSet) -> dict[str, list[float]]:
    """Accuracy of every attribute and its floor."""
    return {
        "accuracy": accuracy.task_accuracy(logits, labels, tasks).tolist(),
        "floor": accuracy.task_floor(labels, tasks).tolist(),
    }


def analyse(
    untrained: Callable[[], nn.Module],
    net: nn.Module,
    data: Mapping[str, ImageData],
    device: object,
) -> dict[str, float]:
    """Localisation and `heads_and_losses`; for networks with masks, also all mask metrics.

    Spreads, correlations and the order of pruning use validation images, everything else test
    images, including the choice of the three channels whose masks are localised.

    Args:
        untrained: builds the network as it was before training, whose masks are the control.
    """
    test, val = data["test"], data["val"].subset(range(min(ANALYSED, len(data["val"]))))
    found = localisation(net, test, device=device)
    if not isinstance(net, ChannelAttentionNet):
        return found
    part = test.subset(range(min(ANALYSED, len(test))))
    found |= heads_and_losses(net, part, device=device)
    if net.masks is None:
        return found
    if {"mask_pointing", "evidence_pointing"} <= found.keys():
        found["mask_pointing_over_evidence"] = found["mask_pointing"] - found["evidence_pointing"]
    means = mask_means(net, val.images, device=device)
    found |= {f"mask_{name}": value for name, value in mask_spread(means).items()}
    if net.masks.mask_channels == 1:
        return found
    before = mask_means(untrained(), val.images[:LOCALISED], device=device)
    found |= {f"untrained_mask_{name}": value for name, value in mask_spread(before).items()}
    found["mask_own_over_untrained"] = found["mask_own"] - found["untrained_mask_own"]
    weights, alike = None, likenesses(val.tasks, data["train"].labels)
    if net.classifiers.hidden is None:
        weights = net.classifiers.weight.detach().float().cpu()
    found |= sharing_metrics(means.mean(0), before.mean(0), weights, alike)
    if weights is not None:
        found |= pruning(net, means, val, part, device=device)
    return found | robustness(net, part, device=device)


def truth_of(data: ImageData) -> Tensor:
    """What is drawn, or the labels `(N, K)` of data that nobody drew."""
    return data.labels if data.truth is None else data.truth


def localisation(
    net: nn.Module, test: ImageData, *, images: int = LOCALISED, device: object = "cpu"
) -> dict[str, float]:
    """`localisation_scores` of all maps on attributes that are drawn; empty without regions."""
    if test.region_of is None:
        return {}
    images = min(images, len(test))
    maps = {
        method: explanation_maps(net, test.images[:images], method, device=device)
        for method in methods_of(net)
    }
    return localisation_scores(maps, known_regions(test, images), truth_of(test)[:images] == 1)


@torch.no_grad()
def heads_and_losses(
    net: ChannelAttentionNet, test: ImageData, *, device: object = "cpu"
) -> dict[str, float]:
    """Accuracy of the multi-label head and of the mean of both heads, and the terms of the loss."""
    net.eval().to(device)
    answers, terms, truth = [], [], truth_of(test)
    for rows in torch.arange(len(test)).split(50):
        x, labels = take(test.images, rows, device), truth[rows].to(device)
        output = net(x)
        logits = (output.logits, output.extra.get("multilabel_logits", output.logits))
        answers.append(torch.stack(logits).float().cpu())
        other = loss_terms(output, x, labels, pixels="sum", mask_l1="mean")
        terms.append(len(rows) * torch.tensor((*loss_terms(output, x, labels), *other)))
    masked, multilabel = torch.cat(answers, dim=1)
    values = (torch.stack(terms).sum(0) / len(test)).tolist()
    found = {"masked_loss": values[0]}
    if net.multilabel is not None:
        found["multilabel_loss"] = values[1]
        both = ((masked.sigmoid() + multilabel.sigmoid()) / 2).logit(eps=1e-7)
        own = metrics(masked, truth, test.tasks)["mean_accuracy"]
        for name, logits in (("multilabel", multilabel), ("both", both)):
            scores = metrics(logits, truth, test.tasks)
            found |= {f"{name}_{key}": value for key, value in scores.items()}
        found["masked_over_multilabel"] = own - found["multilabel_mean_accuracy"]
    if net.reconstructor is not None:
        found |= {"reconstruction_mean": values[2], "reconstruction_sum": values[6]}
        # The share of the pixels' variance that is explained; 0 for the mean image.
        variance = (test.images.float() / 255).var(0, correction=0).mean().item()
        found["reconstruction_explained"] = 1 - values[2] / variance
    if net.masks is not None:
        found |= {"mask_l1_sum": values[3], "mask_l1_mean": values[7]}
    return found


def pruning(
    net: ChannelAttentionNet,
    means: Tensor,
    val: ImageData,
    test: ImageData,
    *,
    device: object = "cpu",
) -> dict[str, float]:
    """Mean accuracy when each attribute keeps `KEPT` of its channels, the others at their mean.

    They are chosen on `val` by each of `ORDERS`; "random" is the mean of five draws.
    """
    of_val, of_test = (channel_contributions(net, of.images, device=device) for of in (val, test))
    count, found = max(1, round(KEPT * of_val.shape[2])), {}
    bias = net.classifiers.bias.detach().float().cpu()

    def kept(order: str, seed: int) -> float:
        keep = kept_channels(channel_scores(means, of_val, order, seed=seed), count)
        logits = pruned_logits(of_test, keep, of_val.mean(0)) + bias
        return metrics(logits, truth_of(test), test.tasks)["mean_accuracy"]

    for order in ORDERS:
        draws = 5 if order == "random" else 1
        found[f"pruned_by_{order}"] = sum(kept(order, seed) for seed in range(draws)) / draws
    found["pruned_by_mask_over_random"] = found["pruned_by_mask"] - found["pruned_by_random"]
    gain = found["pruned_by_contribution"] - found["pruned_by_mask"]
    return found | {"pruned_by_contribution_over_mask": gain}


def robustness(
    net: ChannelAttentionNet, test: ImageData, *, device: object = "cpu"
) -> dict[str, float]:
    """Mean accuracy with and without noise, by masks as they are, sharpened and flat."""
    if net.masks.activation == "tanh":
        return {}

    def accuracy_at(noise: float, power: float) -> float:
        logits = noisy_logits(net, test.images, noise=noise, power=power, device=device)
        return metrics(logits, truth_of(test), test.tasks)["mean_accuracy"]

    noisy, sharp = accuracy_at(NOISE, 1.0), accuracy_at(0.0, POWER)
    noisy_sharp, noisy_flat = accuracy_at(NOISE, POWER), accuracy_at(NOISE, 0.0)
    return {
        "noisy_mean_accuracy": noisy,
        "sharp_mean_accuracy": sharp,
        "noisy_sharp_mean_accuracy": noisy_sharp,
        "noisy_flat_mean_accuracy": noisy_flat,
        "sharpening_under_noise": noisy_sharp - noisy,
        "places_under_noise": noisy - noisy_flat,
    }
