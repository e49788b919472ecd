"""Networks of Maeda et al. 2020: attributes as reasons (PM), beside the class (CM), or none."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtattr.errors import InputError, whole_number
from mtattr.nets import Output, build_backbone

VARIANTS = ("PM", "CM", "Ideal")


class AttributeEstimationNet(nn.Module):
    """A backbone with an attribute branch and a class branch (Maeda et al., Fig. 1).

    x is the pooled feature map of the backbone, `(B, D)`; o_a are the K attribute probabilities.
    `forward` returns class logits, then attribute logits, and in `extra` the feature map
    ("features"), x ("pooled") and o_a ("attributes").

    Args:
        backbone: a name for `build_backbone`, or a module with `num_features` that maps images
            `(B, 3, H, W)` in [0, 1] to features `(B, num_features, h, w)`.
        variant: "PM", the class branch reads z = [x ; o_a]; "CM", both branches read x; "Ideal",
            the class branch alone.
        attribute_units, class_units: M_a and M_c, hidden units of the branches.
        detach: cut the gradient of the class loss at o_a, which Maeda et al. do not.
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
    ) -> None:
        super().__init__()
        if variant not in VARIANTS:
            raise InputError(f"variant {variant!r} is unknown; there are {', '.join(VARIANTS)}")
        self.variant, self.detach = variant, detach
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
        inputs = width + num_attributes if variant == "PM" else width
        self.class_branch = _branch(inputs, whole_number("class_units", class_units), num_classes)

    def classify(self, pooled: Tensor, attributes: Tensor | None = None) -> Tensor:
        """Class logits `(B, C)` of x `(B, D)` and, for PM, any attribute probabilities `(B, K)`."""
        z = torch.cat([pooled, attributes], dim=1) if self.variant == "PM" else pooled
        return self.class_branch(z)

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
            extra=extra | {"attributes": attributes},
        )


def _branch(inputs: int, units: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, units), nn.ReLU(inplace=True), nn.Linear(units, outputs))
