"""Attention branch: class scores and a map from one source (Fukui et al. 2019, Sec. 3.1)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from mtattr.errors import InputError, whole_number

FORMS = ("released", "paper", "log-sum")


class Attended(NamedTuple):
    """Logits `(B, K)`, map `(B, 1, h, w)`, and the responses `(B, K, h, w)` that both come from."""

    logits: Tensor
    maps: Tensor
    responses: Tensor


class AttentionBranch(nn.Module):
    """A stage that keeps the resolution, and a head that scores classes and draws the map.

    Args:
        stage: g to `(B, channels, h, w)`.
        form: the head, one of

            - "released": h = ReLU(BN(conv1x1(BN(stage)))); logits = GAP(conv1x1(h));
              map = sigmoid(BN(conv3x3(h))). It made the paper's numbers, says the first author.
            - "paper": h = conv1x1(stage); logits = GAP(h); map = sigmoid(conv1x1(h)).
            - "log-sum": as released, but the map is the sum over classes of log(1 + h), at least 0
              and without bound (released SE-ResNet).
    """

    def __init__(
        self, stage: nn.Module, channels: int, num_classes: int, form: str = "released"
    ) -> None:
        super().__init__()
        if form not in FORMS:
            raise InputError(f"form {form!r} is unknown; there are {', '.join(FORMS)}")
        whole_number("channels", channels)
        whole_number("num_classes", num_classes)
        self.stage, self.form = stage, form
        to_classes = nn.Conv2d(channels, num_classes, 1, bias=False)
        if form == "paper":
            self.responses, self.score = to_classes, nn.Identity()
            self.to_map = nn.Sequential(nn.Conv2d(num_classes, 1, 1, bias=False), nn.Sigmoid())
            return
        self.responses = nn.Sequential(
            nn.BatchNorm2d(channels), to_classes, nn.BatchNorm2d(num_classes), nn.ReLU(inplace=True)
        )
        self.score = nn.Conv2d(num_classes, num_classes, 1, bias=False)
        self.to_map = nn.Identity()
        if form == "released":
            to_map = nn.Conv2d(num_classes, 1, 3, padding=1, bias=False)
            self.to_map = nn.Sequential(to_map, nn.BatchNorm2d(1), nn.Sigmoid())

    def forward(self, features: Tensor) -> Attended:
        """Logits, map and responses for g `(B, C, h, w)`."""
        responses = self.responses(self.stage(features))
        logits = self.score(responses).mean(dim=(2, 3))
        if self.form == "log-sum":
            return Attended(logits, responses.log1p().sum(1, keepdim=True), responses)
        return Attended(logits, self.to_map(responses), responses)
