"""Truth and annotation of each identity, drawn at the published rates in blocks."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from mtattr.twins.drawing.chance import uniform_numbers
from mtattr.twins.people.attributes import DOMAINS, Attribute, Domain

#: Identities that are drawn together, so that the rates of even a few hundred come close to the
#: published ones.
BLOCK = 64

#: Chance that an identity's annotation is wrong. "binary": the rarer value of an attribute is taken
#: for the other one, and as many of the others for it, so that rates stay; an age becomes a
#: neighbouring one, a colour any other one of its list. Pictures show the truth.
LABEL_NOISE = {"binary": 0.05, "age": 0.05, "colour": 0.05}


@functools.lru_cache(maxsize=64)
def annotated_block(domain: str, role: str, block: int, seed: int) -> tuple[Tensor, Tensor]:
    """Truth int64 and labels float32, (BLOCK, T), of a block of a role's identities.

    role: "train" or "test", the official halves. Truth is 0 or 1 for a binary attribute and else a
    class index, one past the last for a colour that is none of the list. Labels hold the errors of
    `LABEL_NOISE` and NaN where unlabelled.
    """
    spec = DOMAINS[domain]
    uniform = uniform_numbers(f"{domain}-twin identities 1", role, block, seed=seed, rows=BLOCK)
    draw = _stratified(uniform, len(spec.attributes))
    female = draw[:, 0] < _positive_rate(spec.attributes[0], role)
    truth = torch.stack(
        [_truth(spec, a, role, draw[:, k], female) for k, a in enumerate(spec.attributes)], 1
    )
    wrong, other, unknown = (uniform(len(spec.attributes)) for _ in range(3))
    labels = [
        _label(a, role, truth[:, k], wrong[:, k], other[:, k], unknown[:, k])
        for k, a in enumerate(spec.attributes)
    ]
    return truth, torch.stack(labels, 1)


def _stratified(uniform, columns: int) -> Tensor:
    """Numbers in [0, 1), (BLOCK, columns): one in every BLOCKth, in random order."""
    return (
        uniform(columns).argsort(dim=0, stable=True).argsort(dim=0, stable=True) + uniform(columns)
    ) / BLOCK


def _positive_rate(attribute: Attribute, role: str) -> float:
    low, high = attribute.counts(role)
    return high / (low + high)


def _truth(spec: Domain, attribute: Attribute, role: str, draw: Tensor, female: Tensor) -> Tensor:
    if not attribute.values:
        rate = _positive_rate(attribute, role)
        if attribute.male_rate is None:
            return (draw < rate).long()
        women = _positive_rate(spec.attributes[0], role)
        female_rate = min(max((rate - (1 - women) * attribute.male_rate) / women, 0.0), 1.0)
        return (draw < torch.where(female, female_rate, attribute.male_rate)).long()
    counts = list(attribute.counts(role))
    if attribute.is_colour:
        nothing = attribute.unlabelled[role == "test"]
        identities = sum(spec.attributes[0].counts(role))
        counts = [count * (identities - nothing) / sum(counts) for count in counts] + [nothing]
    edges = torch.tensor(counts, dtype=torch.float64).cumsum(0) / sum(counts)
    return torch.searchsorted(edges[:-1].contiguous(), draw.contiguous(), right=True)


def _label(
    attribute: Attribute, role: str, truth: Tensor, wrong: Tensor, other: Tensor, unknown: Tensor
) -> Tensor:
    if attribute.values:
        last = len(attribute.values) - 1
        if attribute.is_colour:
            # Any class but the true one, all as likely.
            changed = (truth + 1 + (other * last).long()) % (last + 1)
            label = torch.where(wrong < LABEL_NOISE["colour"], changed, truth).float()
            return label.masked_fill(truth > last, float("nan"))
        step = torch.where(other < 0.5, -1, 1)
        changed = torch.where(
            (truth + step < 0) | (truth + step > last), truth - step, truth + step
        )
        return torch.where(wrong < LABEL_NOISE["age"], changed, truth).float()
    rate = _positive_rate(attribute, role)
    rarer = int(rate < 0.5)
    share = min(rate, 1 - rate)
    flip = wrong < torch.where(
        truth == rarer, LABEL_NOISE["binary"], LABEL_NOISE["binary"] * share / (1 - share)
    )
    label = (truth.bool() ^ flip).float()
    return label.masked_fill(
        unknown < attribute.unlabelled[role == "test"] / sum(attribute.counts(role)), float("nan")
    )
