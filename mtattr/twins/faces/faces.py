"""Drawing the face twin: from scenes to pixels, to the region of every attribute, and to landmarks.

Every attribute is drawn by a sign of its own within its own part. What the names of the subjective
ones mean here is a convention of this twin, made so that a picture decides them; it says nothing
about people:

| attribute | sign |
|---|---|
| Attractive | even, clear skin and bright eyes; without it freckles, blotches and duller eyes |
| Young | no lines on the forehead, beside the eyes or beside the mouth |
| Male | wider jaw, chin and neck, heavier brow ridge, Adam's apple; not hair, clothes, make-up |
| Chubby | fuller cheeks and lower face |
| Oval_Face | longer, narrower outline of the lower face |
| High_Cheekbones | light on the cheekbones and a hollow below them |
| Rosy_Cheeks | red on the cheeks, wider and stronger than a blush of make-up |
| Pale_Skin | lighter and less saturated skin of face, ears and neck |
| Heavy_Makeup | eye shadow, eye liner with a wing, blush and contour |
| Big_Nose, Pointy_Nose | wide tip and wings; a narrow nose with light on bridge and tip |
| Bags_Under_Eyes | folds and shade under the eyes |
| Narrow_Eyes | lids about half as far apart |
| Receding_Hairline | bays at both temples beside a peak |
| Straight_Hair, Wavy_Hair | smooth glossy strands; waves; with neither, slight waves |
| No_Beard | absent: a beard along the jaw, apart from Goatee, Mustache, Sideburns and stubble |
| Blurry | the whole picture out of focus |

Signs are fainter in some scenes (`contrast_of_signs`, `makeup_strength`, `beard_density`, light and
contrast), and hair, hats, glasses and beards may hide others, as in photographs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtattr.data.options import ImageSize, image_shape_of
from mtattr.twins.drawing.batches import rendered
from mtattr.twins.drawing.regions import toggled_regions
from mtattr.twins.faces.accessories import draw_earrings, draw_glasses
from mtattr.twins.faces.attributes import NAMES
from mtattr.twins.faces.backdrop import draw_backdrop
from mtattr.twins.faces.beard import draw_beard
from mtattr.twins.faces.camera import photograph
from mtattr.twins.faces.canvas import Canvas
from mtattr.twins.faces.clothes import draw_clothes, draw_necklace, draw_necktie
from mtattr.twins.faces.eyes import draw_brows, draw_eyes
from mtattr.twins.faces.hair import draw_back_hair, draw_front_hair, plan_hair
from mtattr.twins.faces.hats import draw_hats
from mtattr.twins.faces.head import EYE
from mtattr.twins.faces.mouth import draw_mouth, mouth_corner
from mtattr.twins.faces.parts import part_masks
from mtattr.twins.faces.scene import Scenes
from mtattr.twins.faces.skin import draw_skin

__all__ = ["attribute_regions", "draw", "landmarks", "part_masks", "render"]


def draw(
    scenes: Scenes, image_shape: tuple[int, int], device: torch.device | str = "cpu"
) -> Canvas:
    """One batch: the finished canvas, whose `picture` is (B, 3, H, W) in [0, 1]."""
    c = Canvas(scenes, image_shape, device)
    draw_backdrop(c)
    c.hair = plan_hair(c)
    draw_back_hair(c, c.hair)
    draw_skin(c)
    draw_clothes(c)
    draw_necktie(c)
    draw_necklace(c)
    draw_brows(c)
    draw_eyes(c)
    draw_mouth(c)
    draw_beard(c)
    draw_front_hair(c, c.hair)
    draw_earrings(c)
    draw_glasses(c)
    draw_hats(c)
    c.picture = photograph(c)
    return c


def render(
    scenes: Scenes, image_size: ImageSize = 64, device: torch.device | str = "cpu"
) -> Tensor:
    """Draw scenes as uint8 (N, 3, H, W); size and batch change nothing in a scene."""
    return rendered(draw, scenes, image_shape_of(image_size), device)


def attribute_regions(
    scene: Scenes,
    image_size: ImageSize = 64,
    *,
    only: Sequence[int] | None = None,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Region of each attribute in one scene, float32 (40, H, W): the change when it is toggled.

    It is where the attribute would show if absent, and empty where something else hides it (see
    `changed_regions`).
    only: positions of the attributes wanted (the others stay empty), which saves time.
    """
    shape = image_shape_of(image_size)
    return toggled_regions(draw, scene, len(NAMES), only, shape, device)


def landmarks(scenes: Scenes, image_shape: tuple[int, int]) -> Tensor:
    """Float64 (N, 5, 2): x, y in pixels of both eyes, the nose's tip and the mouth's corners.

    The eye and the corner at the image's left come first, as in the real annotation. The mouth's
    corners move apart in a smile.
    """
    c = Canvas(scenes, image_shape)
    g = c.shape
    eye = torch.full_like(g.width, EYE)
    corner, level = mouth_corner(c)
    points = []
    for face_x, y in (
        (-eye, 0 * eye),
        (eye, 0 * eye),
        (0 * eye, g.nose_y),
        (-corner, level),
        (corner, level),
    ):
        x = g.off_face(face_x)
        if y is g.nose_y:
            x = x + 0.055 * g.turn
        points.append(torch.stack(c.to_pixels(x, y), 1))
    return torch.stack(points, 1).double()
