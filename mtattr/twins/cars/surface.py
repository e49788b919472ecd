"""The car's surface: both solids traced, dyed, and lit with reflections of the surroundings."""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.cars.bodies import CABIN, FAR_BODY, FAR_CABIN, LONGEST, LOWER
from mtattr.twins.cars.canvas import Canvas
from mtattr.twins.cars.solids import Hit, trace
from mtattr.twins.cars.view import ASPECT
from mtattr.twins.drawing.shapes import cell, coverage

#: Usual paints: white, silver, grey, black, reds, blues, greens, browns, and a few loud ones.
PAINTS = (
    (0.90, 0.90, 0.88), (0.86, 0.87, 0.88), (0.66, 0.68, 0.70), (0.60, 0.62, 0.64),
    (0.34, 0.36, 0.39), (0.20, 0.21, 0.23), (0.05, 0.05, 0.06), (0.07, 0.07, 0.08),
    (0.62, 0.05, 0.06), (0.42, 0.04, 0.07), (0.08, 0.17, 0.42), (0.05, 0.09, 0.22),
    (0.20, 0.42, 0.66), (0.10, 0.30, 0.34), (0.10, 0.24, 0.16), (0.42, 0.50, 0.42),
    (0.34, 0.22, 0.14), (0.66, 0.58, 0.45), (0.80, 0.36, 0.08), (0.85, 0.68, 0.12),
    (0.44, 0.62, 0.70),
)  # fmt: skip


def trace_car(c: Canvas) -> None:
    """Set the car's opacity and, packed, its points, directions, cabin and plain materials."""
    scale = cell(c.view.scale)
    long, wide, high = (
        (LONGEST["front"], LONGEST["rear"]),
        (-LONGEST["width"], LONGEST["width"]),
        LONGEST["height"],
    )
    across, down = _slab(c, long, wide, (0.0, high))
    # The cabin fills a smaller window of the picture, here given within the larger one.
    left, top = (
        slice(max(inner.start - outer.start, 0), inner.stop - outer.start)
        for inner, outer in zip(
            _slab(
                c,
                (c.m.cowl_x, c.m.deck[:, 0]),
                wide,
                (torch.minimum(c.m.belt, c.m.tail) - 0.08, high),
            ),
            (across, down),
            strict=True,
        )
    )
    x, y = c.x[:, :, across], c.y[:, down]
    body = trace(
        c.view,
        LOWER.to(c.device)[c.bodies],
        x,
        y,
        edge=0.075 * scale,
        corner=0.10 * scale,
        never_front=FAR_BODY,
    )
    part = trace(
        c.view,
        CABIN.to(c.device)[c.bodies],
        x[:, :, left],
        y[:, top],
        edge=0.055 * scale,
        corner=0.09 * scale,
        never_front=FAR_CABIN,
    )
    cabin = Hit(*(torch.full_like(body.near, fill) for fill in (0.02, 1.0, 0.0, 0.0)))
    for whole, inner in zip(cabin, part, strict=True):
        whole[:, top, left] = inner
    of_body, of_cabin = coverage(body.outline, c.pixel), coverage(cabin.outline, c.pixel)
    opacity = of_body + of_cabin - of_body * of_cabin
    c.alpha = torch.zeros(len(c), *c.image_shape, device=c.device)
    c.alpha[:, down, across] = opacity
    packed = opacity.flatten().nonzero()[:, 0]
    take = lambda plane: plane.flatten().index_select(0, packed)  # noqa: E731
    width, height = opacity.shape[2], opacity.shape[1]
    line = packed // width
    c.image = line // height
    row, column = line - c.image * height + down.start, packed - line * width + across.start
    c.spot = (c.image * c.image_shape[0] + row) * c.image_shape[1] + column
    c.opacity = take(opacity)
    near_body, near_cabin, some_body, some_cabin = (
        take(body.near),
        take(cabin.near),
        take(of_body),
        take(of_cabin),
    )
    on = ((some_cabin > 0.5) & ((near_cabin > near_body) | (some_body <= 0.5))) | (
        (some_cabin > some_body) & (some_body <= 0.5)
    )
    c.on_cabin = on.float()
    c.direction = look(c, c.image, row, column)
    near = torch.where(on, near_cabin, near_body)
    c.px, c.py, c.pz = (c.of(c.view.eye[:, k]) + ray / near for k, ray in enumerate(c.direction))
    _turn(
        c,
        [torch.where(on, take(p), take(q)) for p, q in zip(cabin[2:], body[2:], strict=True)],
        near,
    )
    _dye(c)


def look(c: Canvas, image: Tensor, row: Tensor, column: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Directions (x, y, z) of packed pixels, (M,) each."""
    across, down = image * c.image_shape[1] + column, image * c.image_shape[0] + row
    return tuple(
        ray.reshape(-1).index_select(0, place)
        for ray, place in zip(c.ray, (across, across, down), strict=True)
    )


def _slab(c: Canvas, xs, ys, zs) -> tuple[slice, slice]:
    """Columns and rows of the picture that hold a box in metres in every image of the batch."""
    cx, cy, half_width, half_height = c.view.surround(xs, ys, zs, c.all_rows)
    slices = []
    for centre, half, length, reach in (
        (cx, half_width, c.image_shape[1], ASPECT),
        (cy, half_height, c.image_shape[0], 1.0),
    ):
        low = int(((float((centre - half).min()) / reach + 1) * length / 2) - 2)
        high = int(((float((centre + half).max()) / reach + 1) * length / 2) + 3)
        slices.append(slice(min(max(low, 0), length - 1), min(max(high, 1), length)))
    return slices[0], slices[1]


def _turn(c: Canvas, slope: list[Tensor], near: Tensor) -> None:
    """Set the surface's direction from the slope of one over the depth, affine on the sheet."""
    focal, forward, across = c.of(c.view.focal), c.of(c.view.forward), c.of(c.view.across)
    xs = (c.direction[0] - forward[0]) * across[0] + (c.direction[1] - forward[1]) * across[1]
    side, up = focal * slope[0], -focal * slope[1]
    ahead = near - side * xs - up * c.direction[2]
    nx, ny = -(ahead * forward[0] + side * across[0]), -(ahead * forward[1] + side * across[1])
    length = torch.rsqrt((nx * nx + ny * ny + up * up).clamp(min=1e-12))
    _curve(c, nx * length, ny * length, -up * length)


def _curve(c: Canvas, nx: Tensor, ny: Tensor, nz: Tensor) -> None:
    """Bend the flat faces a little, like pressed steel, so that reflections run along them."""
    lower = 1 - c.on_cabin
    floor, belt = c.of(c.m.floor), c.of(c.m.belt)
    level = ((c.pz - floor) / (belt - floor)).clamp(-0.2, 1.2)
    flank = ny.abs() * lower
    # A crease runs below the handles: above it the door looks to the sky, below it to the road.
    crease = torch.clamp((level - 0.70) * 14, -1, 1)
    nz = (
        nz
        + flank * (0.42 * (level - 0.45) + 0.10 * crease)
        + ny.abs() * c.on_cabin * 0.15 * (c.pz - 1.2)
    )
    nz = nz + nx.abs() * lower * 0.5 * (level - 0.5)
    ny = ny + nz.clamp(min=0) * 0.22 * c.py / c.of(c.m.width) + nx.abs() * 0.25 * c.py
    rib = (
        torch.clamp((c.py.abs() - 0.46) * 12, -1, 1)
        * (c.px > c.of(c.m.cowl_x))
        * (nz > 0.5)
        * lower
    )
    ny = ny + 0.07 * rib * torch.sign(c.py)
    nx = nx + flank * 0.07 * (c.px + 0.2)
    length = torch.rsqrt((nx * nx + ny * ny + nz * nz).clamp(min=1e-6))
    c.nx, c.ny, c.nz = nx * length, ny * length, nz * length


def _dye(c: Canvas) -> None:
    table = torch.tensor(PAINTS, device=c.device)
    c.paint = (
        table[(c.p("paint") * len(PAINTS)).long()] * (0.85 + 0.3 * c.p("paint_light")[:, None])
    ).clamp(0.03, 0.92)
    c.albedo = c.of(c.paint)
    c.gloss = torch.ones_like(c.px)


def light_car(c: Canvas) -> None:
    """Lay the lit car over the picture."""
    dx, dy, dz = c.direction
    length = torch.rsqrt(dx * dx + dy * dy + dz * dz)
    dx, dy, dz = dx * length, dy * length, dz * length
    facing = dx * c.nx + dy * c.ny + dz * c.nz
    view = (-facing).clamp(0, 1)
    rx, ry, rz = dx - 2 * facing * c.nx, dy - 2 * facing * c.ny, dz - 2 * facing * c.nz
    mirror = environment(c, rx, ry, rz)
    graze = (1 - view) * (1 - view) * (1 - view)
    # At the very edge a pixel would show one arbitrary point of the mirrored scene.
    reflect = c.gloss * (0.10 + 0.55 * graze) * (view * 7).clamp(0.3, 1)
    sx, sy, sz = (c.of(v) for v in c.sun)
    strength = c.of(c.sun_strength)
    sun = (c.nx * sx + c.ny * sy + c.nz * sz).clamp(min=0) * strength
    sky = 0.44 + 0.26 * c.nz + 0.06 * (c.pz - 0.6)
    flake = 1 + c.of(c.p("metallic")) * (c.gloss - 0.5).clamp(0, 0.5) * (view * view - 0.45)
    colour = c.of(c.sun_colour)
    light = (c.of(c.ambient) * (sky * flake)).addcmul_((sun * flake).expand_as(colour), colour)
    spark = (rx * sx + ry * sy + rz * sz).clamp(min=0) ** 48 * strength * c.gloss
    shown = (
        (c.albedo * light)
        .addcmul_(mirror, reflect.clamp(max=0.85).expand_as(mirror))
        .addcmul_((0.55 * spark).expand_as(colour), colour)
        .clamp_(0, 1)
    )
    c.mix(c.image, c.spot, c.opacity, shown)


def environment(c: Canvas, rx: Tensor, ry: Tensor, rz: Tensor) -> Tensor:
    """What a reflected ray sees, (3, M): sky above a dark skyline, the road below."""
    wave = 0.05 * torch.sin(rx * 7 + c.of(c.p("sky") * 6)) + 0.04 * torch.sin(ry * 11 + rx * 5)
    above = ((rz - 0.10 - wave) * 9 + 0.5).clamp(0, 1)
    sky = torch.lerp(c.of(c.sky_low), c.of(c.sky_high), rz.clamp(0, 1).sqrt())
    below = c.of(c.road) * (0.55 + 0.45 * (-rz * 2).clamp(0, 1))
    return torch.lerp(below, sky, above)
