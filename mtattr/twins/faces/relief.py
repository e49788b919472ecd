"""The relief of a face: hills and hollows whose slopes meet the light."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.faces.canvas import Box, Canvas, hill, ramp
from mtattr.twins.faces.head import EYE


class Relief:
    """Planes (H, W, B): slopes of the skin, `tone` (factor on light) and `red` (blood)."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.right, self.down, self.red, self.freckle = (canvas.plane() for _ in range(4))
        self.tone = canvas.plane(1.0)

    def mound(self, box: tuple, cx, cy, rx, ry, height, *, mirrored: bool = True) -> None:
        """Raise (or sink) an oval of the face, on both sides if `mirrored`."""
        p = self.canvas.box(*box)
        u, v = ((p.far if mirrored else p.fx) - cx).div_(rx), (p.fy - cy).div_(ry)
        top = _dome(u, v)
        u *= top
        if mirrored:
            u *= p.side
        self.right[p.at] += u.mul_(4 * height / rx)
        self.down[p.at] += v.mul_(top).mul_(4 * height / ry)

    def dim(self, box: tuple, cx, cy, rx, ry, amount, *, mirrored: bool = True) -> None:
        """Darken an oval of the face softly by `amount`."""
        p = self.canvas.box(*box)
        u, v = ((p.far if mirrored else p.fx) - cx).div_(rx), (p.fy - cy).div_(ry)
        self.tone[p.at] *= hill(u, v).mul_(-amount).add_(1)

    def flush(self, box: tuple, cx, cy, rx, ry, amount, *, mirrored: bool = True) -> None:
        """Redden an oval of the face softly by `amount`."""
        p = self.canvas.box(*box)
        u, v = ((p.far if mirrored else p.fx) - cx).div_(rx), (p.fy - cy).div_(ry)
        self.red[p.at] += hill(u, v).mul_(amount)


def _dome(u: Tensor, v: Tensor) -> Tensor:
    """1 - u² - v², and 0 where that is negative."""
    return (u * u).add_(v * v).neg_().add_(1).clamp_(0)


def carve_face(c: Canvas, r: Relief) -> None:
    """Brow, sockets, cheeks, nose and chin."""
    n, g = c.numbers, c.shape
    male = n.has("Male")
    _carve_cheeks(c, r)
    r.mound((-0.34, 0.34, -0.20, 0.02), 0.15, -0.085, 0.16, 0.075, 0.010 + 0.016 * male)
    r.dim((-0.34, 0.34, -0.12, 0.02), 0.155, -0.045, 0.13, 0.055, 0.07 + 0.13 * male)
    r.mound(
        (-0.34, 0.34, -0.10, 0.12),
        0.165,
        0.008,
        0.13,
        0.085,
        -0.020 - n.pick("eye_depth", 0.0, 0.012),
    )
    r.mound((-0.30, 0.30, -0.08, 0.08), EYE, -0.004, 0.098, 0.060, 0.015)
    r.dim((-0.15, 0.15, -0.07, 0.07), 0.075, 0.0, 0.05, 0.06, 0.16)
    r.mound((-0.42, 0.42, -0.52, -0.06), 0.0, -0.28, 0.36, 0.22, 0.020, mirrored=False)
    r.mound(
        (-0.30, 0.30, 0.42, 0.70),
        0.0,
        g.chin - 0.095,
        0.13,
        0.085,
        0.016 + 0.004 * male,
        mirrored=False,
    )
    r.dim((-0.20, 0.20, 0.42, 0.55), 0.0, g.mouth_y + 0.105, 0.10, 0.035, 0.13, mirrored=False)
    r.dim((-0.05, 0.05, 0.22, 0.36), 0.0, g.nose_y + 0.075, 0.018, 0.05, 0.07, mirrored=False)
    r.flush(
        (-0.40, 0.40, -0.02, 0.38), 0.24, 0.17, 0.15, 0.14, n.pick("blush_strength", 0.10, 0.24)
    )
    r.flush((-0.14, 0.14, 0.08, 0.32), 0.0, g.nose_y - 0.005, 0.08, 0.07, 0.22, mirrored=False)
    r.flush((-0.20, 0.20, 0.50, 0.68), 0.0, g.chin - 0.075, 0.12, 0.07, 0.10, mirrored=False)


def _carve_cheeks(c: Canvas, r: Relief) -> None:
    n = c.numbers
    bones, chubby = n.has("High_Cheekbones"), n.has("Chubby")
    r.mound((-0.46, 0.46, -0.08, 0.34), 0.245, 0.125, 0.15, 0.115, 0.016 + 0.028 * bones)
    r.mound((-0.44, 0.44, 0.16, 0.50), 0.265, 0.315, 0.10, 0.14, -0.004 - 0.024 * bones)
    r.dim((-0.44, 0.44, 0.16, 0.50), 0.285, 0.30, 0.095, 0.115, 0.22 * bones)
    r.dim((-0.42, 0.42, -0.02, 0.24), 0.245, 0.105, 0.10, 0.055, -0.12 * bones)
    # Make-up's blush runs up towards the ears, with a contour below it.
    painted = n.has("Heavy_Makeup") * n.pick("makeup_strength", 0.5, 1.0)
    r.flush((-0.44, 0.44, 0.04, 0.34), 0.275, 0.18, 0.12, 0.085, 0.50 * painted)
    r.dim((-0.46, 0.46, 0.14, 0.44), 0.315, 0.285, 0.075, 0.10, 0.14 * painted)
    r.mound((-0.46, 0.46, 0.08, 0.56), 0.24, 0.315, 0.17, 0.17, 0.004 + 0.030 * chubby)


def carve_nose(c: Canvas, r: Relief) -> None:
    """Bridge, tip, wings and nostrils; the tip of a turned nose points off the middle."""
    n, g = c.numbers, c.shape
    p = c.box(-0.18, 0.18, -0.10, 0.34)
    big, pointy = n.has("Big_Nose"), n.has("Pointy_Nose")
    width = n.pick("nose_width", 0.9, 1.1) * (1 + 0.60 * big - 0.30 * pointy)
    down = ramp(p.fy, -0.02, g.nose_y)
    x = p.fx - g.turn * 0.055 * down * down
    y = p.fy

    def slopes(x, cx, cy, rx, ry, height):
        u, v = (x - cx) / rx, (y - cy) / ry
        top = _dome(u, v)
        return u.mul_(top).mul_(4 * height / rx), v.mul_(top).mul_(4 * height / ry)

    side = torch.sign(x)
    far = x.abs()
    bridge = slopes(
        x,
        0.0,
        0.07,
        0.052 * (0.55 + 0.45 * width),
        0.19,
        n.pick("nose_bridge", 0.016, 0.026) + 0.004 * pointy,
    )
    tip = slopes(
        x,
        0.0,
        g.nose_y - 0.008,
        0.066 * width,
        0.060,
        n.pick("nose_tip", 0.026, 0.034) + 0.010 * big,
    )
    wing = slopes(
        far,
        0.056 * width,
        g.nose_y + 0.008,
        0.034 * (0.5 + 0.5 * width),
        0.036,
        0.012 + 0.006 * big,
    )
    r.right[p.at] += bridge[0] + tip[0] + wing[0] * side
    r.down[p.at] += bridge[1] + tip[1] * 1.2 + wing[1]
    # The shadow under the tip, the crease around the wings, and the nostrils.
    below = ((x / (0.085 * width)), (y - g.nose_y - 0.042) / 0.030)
    shadow = 0.30 * hill(*below)
    rim = ((far - 0.088 * width) / 0.016, (y - g.nose_y - 0.004) / 0.040)
    crease = (0.16 + 0.14 * big) * hill(*rim)
    hole = (
        (far - 0.034 * width) / (0.022 * width),
        (y - g.nose_y - 0.028 - 0.10 * (far - 0.034)) / 0.0135,
    )
    nostril = 0.72 * hill(hole[0] * 0.84, hole[1] * 0.84)
    r.tone[p.at] *= (1 - shadow) * (1 - crease) * (1 - nostril)
    point = ((x - 0.006 * n.pick("light_side", -1, 1)) / 0.016, (y - g.nose_y + 0.018) / 0.020)
    ridge = (x / 0.011, (y - 0.085) / 0.12)
    r.tone[p.at] *= 1 + pointy * (0.46 * hill(*point) + 0.30 * hill(*ridge))


def mark_age(c: Canvas, r: Relief) -> None:
    """Lines of a face that is not young: forehead, eyes, mouth; bags and a double chin."""
    n, g = c.numbers, c.shape
    old = 1 - n.has("Young")
    depth = old * n.pick("contrast_of_signs", 0.55, 1.0)
    p = c.box(-0.28, 0.28, -0.40, -0.14)
    bend = (
        p.fx * p.fx * 0.45
        + 0.010 * (p.fx * 9 * (1 + 0.5 * n.p("wrinkle_seed")) + n.p("wrinkle_seed")).frac()
    )
    reach = hill(p.fx / 0.2569)
    lines = 0.0
    for level, strength in ((-0.310, 0.75), (-0.255, 1.0), (-0.200, 0.8)):
        v = (p.fy - level - bend - 0.012 * n.pick("wrinkle_seed", -1, 1)) / 0.017
        lines = lines + strength * hill(v) * reach
        r.down[p.at] += -v * hill(v) * reach * depth * strength * 0.75
    r.tone[p.at] *= 1 - 0.36 * depth * lines
    p = c.box(-0.42, 0.42, -0.10, 0.12)
    u, v = p.far - 0.285, p.fy - 0.012
    feet = 0.0
    for slant in (-0.55, 0.0, 0.55):
        d = (v - slant * u) / 0.011
        feet = feet + hill(d)
    r.tone[p.at] *= 1 - 0.36 * depth * feet.clamp_(max=1) * hill((u - 0.045) / 0.0529)
    p = c.box(-0.30, 0.30, 0.16, 0.48)
    u, v = p.far, p.fy - g.nose_y
    fold = (u - 0.090 - 0.42 * v + 0.30 * v * v) / 0.030
    along = hill((v - 0.105) / 0.1118)
    r.tone[p.at] *= 1 - (0.04 + 0.40 * depth) * hill(fold) * along
    r.right[p.at] += p.side * fold * hill(fold) * along * depth * 0.8
    bags = n.has("Bags_Under_Eyes") * n.pick("contrast_of_signs", 0.6, 1.0)
    box = (-0.30, 0.30, 0.0, 0.14)
    r.mound(box, EYE - 0.006, 0.060, 0.082, 0.030, 0.015 * bags)
    p = c.box(*box)
    u = (p.far - EYE + 0.008) / 0.095
    v = (p.fy - 0.084 + 0.040 * u * u) / 0.017
    r.tone[p.at] *= 1 - 0.56 * bags * hill(v) * hill(u)
    u = (p.far - EYE + 0.02) / 0.08
    v = (p.fy - 0.055) / 0.03
    r.tone[p.at] *= 1 - 0.30 * bags * hill(u, v)


def relief_of_head(p: Box, r: Relief, across: Tensor, down: Tensor, alpha: Tensor) -> None:
    """Lay the head's round form over neck and ears in the box, with opacity `alpha`."""
    a2 = across * across
    form_right = across * (0.42 + 0.75 * a2 * a2)
    low, high = down.clamp(0), (-down).clamp(0)
    low2 = low * low
    form_down = 0.85 * low2 * low2 * low - 0.75 * high * high
    for plane, form in ((r.right, form_right), (r.down, form_down), (r.tone, 1.0), (r.red, 0.0)):
        part = plane[p.at]
        part += (form - part).mul_(alpha)
