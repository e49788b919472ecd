"""Details of the categories: what their garments have although no attribute names it."""

from __future__ import annotations

import torch

from mtattr.twins.clothes.canvas import Canvas
from mtattr.twins.clothes.knitwear import cardigan, hoodie, neck_band, ribbed_bands
from mtattr.twins.clothes.outerwear import blazer, coat, front_edges, jacket
from mtattr.twins.clothes.trousers import jeans, joggers, leg_shade, leggings
from mtattr.twins.drawing.canvas import rows_of
from mtattr.twins.drawing.shapes import cell, segment


def draw_details(c: Canvas) -> None:
    """Draw on each garment what its category always has: bands, lapels, hoods, pockets, seams."""
    if not c.beyond_four:
        return
    if c.opened is not None:
        front_edges(c, c.opened)
    for rows, draw in (
        (rows_of(c.legged), leg_shade),
        (rows_of(c.cut("ribbed") > 0), ribbed_bands),
        *((rows_of(c.named(name)), draw) for name, draw in DETAILS.items()),
    ):
        if len(rows):
            draw(c, rows)


def _tee(c, rows):
    neck_band(c, rows, 0.035, 0.10)


def _sweater(c, rows):
    neck_band(c, rows, 0.05)


def _waist_seam(c, rows):
    """The seam between bodice and skirt or legs, with gathers under it."""
    y = c.y[rows] - 0.10
    gather = (
        0.10
        * torch.sin(c.x[rows] * 40 + 2 * c.folds[rows])
        * torch.exp(-y.clamp(min=0) * 9)
        * (y > 0)
    )
    c.tone(rows, 1 - 0.26 * torch.exp(-((y / 0.014) ** 2)) + gather)


def _dress(c, rows):
    seamed = rows[(c.p("waist_level")[rows] < 0.6) & ~c.has("pencil")[rows]]
    if len(seamed):
        _waist_seam(c, seamed)


def _jumpsuit(c, rows):
    _waist_seam(c, rows)

    def middle(x, y):
        return torch.maximum(x.abs() - 0.001, torch.maximum(0.14 - y, y - cell(c.crotch[rows])))

    c.seam(rows, middle, (0.0, 0.37, 0.06, 0.30), strength=0.5)
    slant = lambda x, y: segment(x.abs(), y, 0.22, 0.16, 0.32, 0.36)[0] - 0.006  # noqa: E731
    pockets = rows[~c.has("patch pocket")[rows]]
    if len(pockets):
        c.paint(pockets, slant, c.base[pockets] * 0.45, (0.0, 0.26, 0.40, 0.15), opacity=0.7)


DETAILS = {
    "Tee": _tee,
    "Sweater": _sweater,
    "Cardigan": cardigan,
    "Hoodie": hoodie,
    "Jacket": jacket,
    "Blazer": blazer,
    "Coat": coat,
    "Jeans": jeans,
    "Leggings": leggings,
    "Joggers": joggers,
    "Dress": _dress,
    "Jumpsuit": _jumpsuit,
    "Romper": _jumpsuit,
}
