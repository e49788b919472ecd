"""Networks of Maeda et al. 2020 (PM, CM, Ideal), and the concept bottleneck of Koh et al. 2020."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from mtattr.errors import InputError, whole_number
from mtattr.nets import Output, build_backbone

#: Network -> whether its class branch reads x, and whether it reads o_a.
READS = {
    "PM": (True, True),
    "CM": (True, False),
    "Ideal": (True, False),
    "bottleneck": (False, True),
}


class AttributeEstimationNet(nn.Module):
    """A backbone with an attribute branch and a class branch (Maeda et al., Fig. 1).

    x is the pooled feature map of the backbone, `(B, D)`; o_a are the K attribute probabilities.
    `forward` returns class logits, then attribute logits, and in `extra` the feature map
    ("features"), x ("pooled"), o_a ("attributes") and x's `classify` ("classify").

    Args:
        backbone: a name for `build_backbone`, or a module with `num_features` that maps images
            `(B, 3, H, W)` in [0, 1] to features `(B, num_features, h, w)`.
        variant: "PM", the class branch reads z = [x ; o_a]; "CM", both branches read x; "Ideal",
            the class branch alone; "bottleneck", the class branch reads o_a alone.
        attribute_units, class_units: M_a and M_c, hidden units of the branches.
        detach: cut the gradient of the class loss at o_a, which Maeda et al. do not.
        fixed: only the class branch learns; backbone and attribute branch keep their weights and
            statistics.
    """

    def __init__(
        self,
        backbone: str | nn.Module,
        num_classes: int,
        num_attributes: int,
        variant: str = "PM",
        attribute_units: int = 1024,
        class_units: int = 512,
        *,
        detach: bool = False,
        fixed: bool = False,
    ) -> None:
        super().__init__()
        if variant not in READS:
            raise InputError(f"variant {variant!r} is unknown; there are {', '.join(READS)}")
        self.variant, self.detach, self.fixed = variant, detach, fixed
        self.num_classes = whole_number("num_classes", num_classes, 2)
        self.num_attributes = whole_number(
            "num_attributes", num_attributes, int(variant != "Ideal")
        )
        self.backbone = build_backbone(backbone) if isinstance(backbone, str) else backbone
        width = self.backbone.num_features
        self.attribute_branch = None
        if variant != "Ideal":
            units = whole_number("attribute_units", attribute_units)
            self.attribute_branch = _branch(width, units, num_attributes)
        self.reads_image, self.reads_attributes = READS[variant]
        inputs = width * self.reads_image + num_attributes * self.reads_attributes
        self.class_branch = _branch(inputs, whole_number("class_units", class_units), num_classes)
        if fixed:
            self.requires_grad_(False)
            self.class_branch.requires_grad_(True)

    def train(self, mode: bool = True) -> AttributeEstimationNet:
        """Training mode, in which a fixed backbone keeps the statistics of its batch norm."""
        super().train(mode)
        if self.fixed:
            self.backbone.eval()
        return self

    def classify(self, pooled: Tensor, attributes: Tensor | None = None) -> Tensor:
        """Class logits `(B, C)` of x `(B, D)` and any attribute probabilities `(B, K)`."""
        z = [pooled] * self.reads_image + [attributes] * self.reads_attributes
        return self.class_branch(torch.cat(z, dim=1))

    def forward(self, images: Tensor) -> Output:
        """Logits for images `(B, 3, H, W)` in [0, 1]."""
        features = self.backbone(images)
        pooled = features.mean(dim=(2, 3))
        extra = {"features": features, "pooled": pooled}
        if self.attribute_branch is None:
            return Output(self.classify(pooled), extra=extra)
        attribute_logits = self.attribute_branch(pooled)
        attributes = torch.sigmoid(attribute_logits)
        class_logits = self.classify(pooled, attributes.detach() if self.detach else attributes)
        return Output(
            torch.cat([class_logits, attribute_logits], dim=1),
            extra=extra | {"attributes": attributes, "classify": partial(self.classify, pooled)},
        )


def _branch(inputs: int, units: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, units), nn.ReLU(inplace=True), nn.Linear(units, outputs))
