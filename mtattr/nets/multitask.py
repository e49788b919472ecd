"""The plain multi-task network: one trunk for all tasks, one linear head."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mtattr.errors import InputError
from mtattr.nets.backbones import Backbone
from mtattr.nets.output import Output


class MultiTaskNet(nn.Module):
    """A backbone, average pooling, and one linear layer with a row per unit of each task.

    Args:
        dropout: share of the pooled features that is dropped in training, in [0, 1).
        grid: side of the grid of means that the head reads; 1 = one mean over the whole map. A
            grid lets a small network answer by place, which a large one does by its depth.
    """

    def __init__(
        self, backbone: Backbone, num_units: int, dropout: float = 0.0, *, grid: int = 1
    ) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise InputError(f"dropout must lie in [0, 1), got {dropout!r}")
        self.backbone, self.grid = backbone, grid
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(backbone.num_features * grid**2, num_units)

    def forward(self, images: Tensor) -> Output:
        """Logits `(B, num_units)` of images in [0, 1]; `extra["features"]` is the feature map."""
        features = self.backbone(images)
        pooled = features.mean((2, 3)) if self.grid == 1 else grid_means(features, self.grid)
        return Output(self.head(self.dropout(pooled)), extra={"features": features})


def grid_means(features: Tensor, grid: int) -> Tensor:
    """Means over `grid` x `grid` cells of maps `(B, C, H, W)`, side by side: `(B, C * grid^2)`."""
    return F.adaptive_avg_pool2d(features, grid).flatten(1)
