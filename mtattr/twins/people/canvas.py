"""The canvas of the pedestrian twins: the person's frame, camera, clothes and body."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.drawing import canvas
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.frame import Frame
from mtattr.twins.people.cameras import CAMERAS
from mtattr.twins.people.records import Figure, Trunk, Wardrobe
from mtattr.twins.people.scene import COLUMN, Scenes

#: Width of a picture relative to its height.
ASPECT = 0.5


class Canvas(canvas.Canvas):
    """A batch of pictures while they are painted.

    `frame` is the person's: one unit is the height of a grown person, the head's top at about -0.5,
    the soles at 0.5, x = 0 the body's axis; `sheet` is the image's own, [-0.5, 0.5] x [-1, 1].
    `wears` and `figure` say who is drawn, `light_x` (B,) from where the light comes (-1 left, 1
    right), `sunny` (B,) how hard it is, `folds` (B, H, W), about -1 to 1, how the cloth lies,
    `trunk` where the upper garment is.
    """

    aspect = ASPECT
    wears: Wardrobe
    figure: Figure
    light_x: Tensor
    sunny: Tensor
    folds: Tensor
    trunk: Trunk

    def __init__(
        self, scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
    ) -> None:
        super().__init__(scenes.parameters, COLUMN, image_shape, device)
        self.scenes = scenes
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
        self.x, self.y = self.frame.coordinates
        self.picture = torch.zeros(len(scenes), 3, *image_shape, device=self.device)

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
        """The drawn value of an attribute, int64 (B,); None if the schema does not have it."""
        k = self.scenes.spec.index.get(name)
        return None if k is None else self._present[:, k]


def lies_in(values: Tensor, rows: Tensor) -> Tensor:
    """Positions of a boolean (B,) that are true and among `rows`."""
    return rows[values[rows]]
