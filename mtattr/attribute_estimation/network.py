"""The three networks of the letter: attributes as reasons (PM), beside the class (CM), or not at all (Ideal)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mtattr.errors import InputError
from mtattr.nets import Output, build_backbone

VARIANTS = ("PM", "CM", "Ideal")


class AttributeEstimationNet(nn.Module):
    """A backbone with an attribute branch and a class branch (Maeda et al., Fig. 1).

    x is the backbone's feature map after global average pooling, `(B, D)`; o_a the K attribute probabilities.

    - PM: the class branch reads z = [x ; o_a], `(B, D + K)`.
    - CM: both branches read x; no path leads from attributes to class.
    - Ideal: the class branch alone.

    backbone: a name for `build_backbone`, or a module with `num_features` that maps images `(B, 3, H, W)` in [0, 1] to
    features `(B, num_features, h, w)`. detach: cut the gradient of the class loss at o_a (not in the letter).
    `forward` returns units in task order: `num_classes` class logits, then `num_attributes` attribute logits (none for
    Ideal), and in `extra` the feature map ("features"), x ("pooled") and o_a ("attributes").
    Raises `InputError` for an unknown variant or for sizes that are not positive.
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
        sizes = {
            "num_classes": (num_classes, 2),
            "num_attributes": (num_attributes, 0 if variant == "Ideal" else 1),
        }
        sizes |= {"attribute_units": (attribute_units, 1), "class_units": (class_units, 1)}
        for name, (value, least) in sizes.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise InputError(
                    f"{name} must be a whole number of at least {least}, got {value!r}"
                )
        if not isinstance(backbone, str) and not isinstance(
            getattr(backbone, "num_features", None), int
        ):
            raise InputError(
                f"backbone must be a name or a module with num_features, got {type(backbone).__name__}"
            )
        self.variant, self.detach = variant, detach
        self.num_classes, self.num_attributes = num_classes, num_attributes
        self.backbone = build_backbone(backbone) if isinstance(backbone, str) else backbone
        width = self.backbone.num_features
        self.attribute_branch = None
        if variant != "Ideal":
            self.attribute_branch = nn.Sequential(
                nn.Linear(width, attribute_units),
                nn.ReLU(inplace=True),
                nn.Linear(attribute_units, num_attributes),
            )
        inputs = width + num_attributes if variant == "PM" else width
        self.class_branch = nn.Sequential(
            nn.Linear(inputs, class_units),
            nn.ReLU(inplace=True),
            nn.Linear(class_units, num_classes),
        )

    def classify(self, pooled: Tensor, attributes: Tensor | None = None) -> Tensor:
        """Class logits `(B, C)` from x `(B, D)` and, for PM, attribute probabilities `(B, K)` of anyone's choosing."""
        return self.class_branch(
            torch.cat([pooled, attributes], dim=1) if self.variant == "PM" else pooled
        )

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
