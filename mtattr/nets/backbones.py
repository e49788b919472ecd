"""Backbones by name, from images in [0, 1] to a feature map."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from mtattr.errors import InputError
from mtattr.nets.normalise import check_images
from mtattr.nets.small_backbones import BLOCKS, SmallBackbone
from mtattr.nets.small_resnet import SmallResNet

#: Our names of the published backbones and timm's.
TIMM_NAMES = {
    "inception_v3": "inception_v3",
    "inception_resnet_v2": "inception_resnet_v2",
    "xception": "legacy_xception",
    "resnet50": "resnet50",
}
#: Channels of the three stages of our small backbones.
SMALL_WIDTHS = dict.fromkeys(BLOCKS, (32, 64, 128)) | {"small_resnet": (16, 32, 64)}
BACKBONES = (*TIMM_NAMES, *SMALL_WIDTHS)
#: Stages whose map can be tapped: timm's five, our three.
STAGES = dict.fromkeys(TIMM_NAMES, 5) | dict.fromkeys(SMALL_WIDTHS, 3)
#: Input statistics of our small backbones, for images in [0, 1].
SMALL_MEAN, SMALL_STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


class Backbone(nn.Module):
    """A trunk behind its input normalisation, whose statistics are stored with the weights.

    `forward` maps images `(B, 3, H, W)` in [0, 1] to features `(B, num_features, h, w)`.
    """

    def __init__(
        self, trunk: nn.Module, num_features: int, *, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.num_features = num_features
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Feature map of the tapped stage."""
        check_images(images)
        features = self.trunk((images - self.mean) / self.std)
        return features[0] if isinstance(features, list) else features


def build_backbone(
    name: str,
    *,
    weights: str | Path | None = None,
    tap: int = -1,
    stem_stride: int = 2,
    widths: tuple[int, int, int] | None = None,
) -> Backbone:
    """Backbone called `name`, one of `BACKBONES`, with random weights or those of a file.

    Args:
        weights: safetensors in timm's naming for a published backbone, whose classifier is ignored,
            or saved from a small backbone.
        tap: stage whose feature map is returned, -1 for the last; published networks have timm's.
        stem_stride: of a small backbone; 1 keeps the map of images under 32 px at full size.
        widths: channels of a small backbone's three stages, by default `SMALL_WIDTHS`.

    Raises:
        InputError: unknown name, stage or widths, or a file that does not fit.
    """
    if name not in BACKBONES:
        raise InputError(f"backbone {name!r} is unknown; there are {', '.join(BACKBONES)}")
    stages = STAGES[name]
    if tap not in range(-stages, stages):
        raise InputError(f"tap must be a stage in {-stages}..{stages - 1} for {name}, got {tap!r}")
    if widths is not None and (name in TIMM_NAMES or len(widths) != 3 or min(widths) < 1):
        raise InputError(
            f"widths must be three positive numbers for a small backbone, got {widths!r} for {name}"
        )
    if name in TIMM_NAMES:
        backbone = _timm_backbone(TIMM_NAMES[name], tap)
    else:
        trunk = _small_trunk(name, (widths or SMALL_WIDTHS[name])[: tap % 3 + 1], stem_stride)
        backbone = Backbone(trunk, trunk.num_features, mean=SMALL_MEAN, std=SMALL_STD)
    if weights is not None:
        load_weights(backbone.trunk, weights, name)
    return backbone


def _small_trunk(
    name: str, widths: tuple[int, ...], stem_stride: int
) -> SmallBackbone | SmallResNet:
    if name == "small_resnet":
        return SmallResNet(widths=widths, blocks=(1,) * len(widths), stem_stride=stem_stride)
    return SmallBackbone(BLOCKS[name], widths=widths, stem_stride=stem_stride)


def _timm_backbone(timm_name: str, tap: int) -> Backbone:
    with warnings.catch_warnings():
        # Its download bars warn in notebooks without widgets; nothing is downloaded here.
        warnings.filterwarnings("ignore", message="IProgress not found")
        import timm

    if tap == -1:
        trunk = timm.create_model(timm_name, num_classes=0, global_pool="")
        num_features = trunk.num_features
    else:
        trunk = timm.create_model(timm_name, features_only=True, out_indices=(tap,))
        num_features = trunk.feature_info.channels()[0]
    config = timm.get_pretrained_cfg(timm_name) or timm.models.PretrainedCfg()
    return Backbone(trunk, num_features, mean=tuple(config.mean), std=tuple(config.std))


def read_weights(path: str | Path, name: str) -> dict[str, Tensor]:
    """Tensors of a safetensors file; `InputError` for a missing or damaged file of `name`."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected the weights of {name} as safetensors")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a whole safetensors file ({error})") from None


def load_weights(
    net: nn.Module, path: str | Path, name: str, *, ignored: tuple[str, ...] = ()
) -> None:
    """Load a safetensors file into `net`, whose tensors beyond it stay as they are if `ignored`.

    Args:
        name: of the network, for error messages.
        ignored: beginnings of names of tensors of `net` that are not loaded. Tensors of the file
            that `net` lacks are never loaded.

    Raises:
        InputError: damaged file, or tensors that are missing or have another shape.
    """
    state = read_weights(path, name)
    wanted = {key: value for key, value in net.state_dict().items() if not key.startswith(ignored)}
    missing = sorted(
        key for key in wanted if key not in state and not key.endswith("num_batches_tracked")
    )
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of {len(wanted)} tensors of {name} are missing,"
            f" first {missing[0]!r}"
        )
    wrong = sorted(key for key in wanted if key in state and state[key].shape != wanted[key].shape)
    if wrong:
        shapes = f"{tuple(state[wrong[0]].shape)}, not {tuple(wanted[wrong[0]].shape)}"
        raise InputError(f"{path}: {wrong[0]!r} has shape {shapes}; is this {name}?")
    net.load_state_dict({key: state[key] for key in wanted if key in state}, strict=False)
