"""The plain multi-task network: one trunk for all tasks, one linear head."""

from __future__ import annotations

from torch import Tensor, nn

from mtattr.errors import InputError
from mtattr.nets.backbones import Backbone
from mtattr.nets.output import Output


class MultiTaskNet(nn.Module):
    """A backbone, global average pooling, and one linear layer with a row per unit of each task.

    Args:
        dropout: share of the pooled features that is dropped in training, in [0, 1).
    """

    def __init__(self, backbone: Backbone, num_units: int, dropout: float = 0.0) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must lie in [0, 1), got {dropout!r}")
        self.backbone = backbone
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(backbone.num_features, num_units)

    def forward(self, images: Tensor) -> Output:
        """Logits `(B, num_units)` of images in [0, 1]; `extra["features"]` is the feature map."""
        features = self.backbone(images)
        return Output(self.head(self.dropout(features.mean((2, 3)))), extra={"features": features})
