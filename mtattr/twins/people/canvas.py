"""The picture that the pedestrian twins paint on: the person's frame, a scene's numbers, and painting in patches."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from mtattr.twins.drawing.frame import Frame
from mtattr.twins.people.cameras import CAMERAS
from mtattr.twins.people.planes import Spot, over, times
from mtattr.twins.people.records import Figure, Trunk, Wardrobe
from mtattr.twins.people.scene import COLUMN, Scenes

#: Width of a picture relative to its height.
ASPECT = 0.5


class Canvas:
    """A batch of pictures while they are painted.

    picture (B, 3, H, W) in [0, 1]. `frame` is the person's: one unit is the height of a grown person, the head's top at
    about -0.5, the soles at 0.5, x = 0 the body's axis; `sheet` is the image's own, [-0.5, 0.5] x [-1, 1].
    `size` is the images' height in pixels.
    `wears` and `figure` say who is drawn, `light_x` (B,) from where the light comes (-1 left, 1 right), `sunny` (B,) how
    hard it is, `folds` (B, H, W), about -1 to 1, how the cloth lies, `trunk` where the upper garment is.
    """

    wears: Wardrobe
    figure: Figure
    light_x: Tensor
    sunny: Tensor
    folds: Tensor
    trunk: Trunk

    def __init__(
        self, scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
    ) -> None:
        self.scenes = scenes
        self.size = image_shape[0]
        self.image_shape = image_shape
        self.device = torch.device(device)
        self._parameters = scenes.parameters.to(torch.float32).to(device)
        self._present = scenes.present.to(device)
        self.camera = scenes.numbers[:, 1].to(device) - 1
        self.cameras = CAMERAS[scenes.domain]
        distance = self.p("distance")
        share = self.of_camera("far") + (self.of_camera("near") - self.of_camera("far")) * distance
        scale = 2 * share * self.pick("crop_scale", 0.94, 1.06)
        self.frame = Frame(
            image_shape,
            self.pick("crop_x", -0.07, 0.07),
            self.pick("crop_y", -0.07, 0.09),
            scale,
            self.pick("tilt", -0.035, 0.035),
            ASPECT,
        )
        self.sheet = Frame.plain(len(scenes), image_shape, device, ASPECT)
        self.x, self.y = self.frame.coordinates
        self.picture = torch.zeros(len(scenes), 3, *image_shape, device=self.device)

    def __len__(self) -> int:
        return len(self.camera)

    def p(self, name: str) -> Tensor:
        """A scene parameter in [0, 1), (B,)."""
        return self._parameters[:, COLUMN[name]]

    def pick(self, name: str, low: float, high: float) -> Tensor:
        """A scene parameter spread over [low, high), (B,)."""
        return low + (high - low) * self.p(name)

    def of_camera(self, field: str) -> Tensor:
        """A number (B,) or colour (B, 3) of each image's camera."""
        return torch.tensor(
            [getattr(camera, field) for camera in self.cameras], device=self.device
        )[self.camera]

    def before(self, field: str, value: str) -> Tensor:
        """Positions of the images whose camera has this value of a field."""
        which = torch.tensor(
            [getattr(camera, field) == value for camera in self.cameras], device=self.device
        )
        return rows_of(which[self.camera])

    def truth(self, name: str) -> Tensor | None:
        """What is drawn of an attribute, int64 (B,), or None if the schema has none of this name."""
        k = self.scenes.spec.index.get(name)
        return None if k is None else self._present[:, k]

    @cached_property
    def all_rows(self) -> Tensor:
        """Every position of the batch."""
        return torch.arange(len(self), device=self.device)

    def spot(
        self, rows: Tensor, cx: Tensor, cy: Tensor, half_width: Tensor, half_height: Tensor
    ) -> Spot:
        """The pixels around a box in the person's frame, in the images `rows`; all parameters (n,) or numbers."""
        return Spot.of(self.frame, rows, (cx, cy, half_width, half_height))

    def blend(self, spot: Spot, alpha: Tensor, colour: Tensor) -> None:
        """Lay `colour` (n, 3) or (n, 3, h, w) on a spot with opacity `alpha` (n, h, w), within each image's own box."""
        spot.write(self.picture, over(spot.read(self.picture), colour, alpha * spot.inside))

    def darken(self, spot: Spot, amount: Tensor) -> None:
        """Multiply the light on a spot by 1 - `amount` (n, h, w)."""
        spot.write(self.picture, times(spot.read(self.picture), 1 - amount * spot.inside))


def rows_of(flags: Tensor) -> Tensor:
    """Positions of the images whose flag (B,) is set."""
    return flags.nonzero()[:, 0]


def lies_in(values: Tensor, rows: Tensor) -> Tensor:
    """Positions of a boolean (B,) that are true and among `rows`."""
    return rows[values[rows]]
