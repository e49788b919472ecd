"""Backbones by name: images in [0, 1] to a feature map, with the input statistics they were trained on."""

from __future__ import annotations

import warnings
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
    """A trunk behind its input normalisation.

    `forward` maps images `(B, 3, H, W)` in [0, 1] to features `(B, num_features, h, w)`. `mean` and `std` are buffers,
    so that they travel with the weights.
    """

    def __init__(
        self,
        trunk: nn.Module,
        num_features: int,
        *,
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.num_features = num_features
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Feature map of the tapped stage; `InputError` for images of another shape or type."""
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
    """The backbone called `name` (one of `BACKBONES`), with random weights or those of a safetensors file.

    tap: which stage's feature map is handed on, -1 = the last; the published networks use timm's stages.
    stem_stride: 1 keeps the map of a small backbone at full size, for images under 32 px.
    widths: channels of a small backbone's three stages, `SMALL_WIDTHS` unless given.
    weights: a safetensors file in timm's naming for a published backbone (its classifier is ignored), or one saved
    from a small backbone. Raises `InputError` for an unknown name, a stage that is not there, widths that are not three
    positive numbers or are given for a published backbone, or a file that does not fit.
    """
    if name not in BACKBONES:
        raise InputError(f"backbone {name!r} is unknown; there are {', '.join(BACKBONES)}")
    if isinstance(tap, bool) or not isinstance(tap, int) or not -STAGES[name] <= tap < STAGES[name]:
        raise InputError(
            f"tap must be a whole number in {-STAGES[name]}..{STAGES[name] - 1} for {name}, got {tap!r}"
        )
    if widths is not None and (name in TIMM_NAMES or len(widths) != 3 or min(widths) < 1):
        raise InputError(
            f"widths must be three positive numbers, and only for a small backbone; got {widths!r} for {name}"
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
        trunk = timm.create_model(timm_name, pretrained=False, num_classes=0, global_pool="")
        num_features = trunk.num_features
    else:
        trunk = timm.create_model(
            timm_name, pretrained=False, features_only=True, out_indices=(tap,)
        )
        num_features = trunk.feature_info.channels()[0]
    config = timm.get_pretrained_cfg(timm_name) or timm.models.PretrainedCfg()
    return Backbone(trunk, num_features, mean=tuple(config.mean), std=tuple(config.std))


def read_weights(path: str | Path, name: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file; `InputError` for one that is missing or cut short, saying that `name` was expected."""
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
    """Load a safetensors file into `net`, leaving tensors of `net` out whose names begin with one of `ignored`.

    Further tensors of the file are left out too. Raises `InputError` for a damaged file and, naming the first, for tensors that are
    missing or of another shape.
    """
    state = read_weights(path, name)
    wanted = {key: value for key, value in net.state_dict().items() if not key.startswith(ignored)}
    missing = sorted(
        key for key in wanted if key not in state and not key.endswith("num_batches_tracked")
    )
    if missing:
        raise InputError(
            f"{path}: {len(missing)} of {len(wanted)} tensors of {name} are missing, first {missing[0]!r}"
        )
    wrong = sorted(key for key in wanted if key in state and state[key].shape != wanted[key].shape)
    if wrong:
        shapes = f"{tuple(state[wrong[0]].shape)}, not {tuple(wanted[wrong[0]].shape)}"
        raise InputError(f"{path}: {wrong[0]!r} has shape {shapes}; is this {name}?")
    net.load_state_dict({key: state[key] for key in wanted if key in state}, strict=False)
