"""One style for every figure of the book, and the kinds of figure that several chapters draw.

Figures have an opaque white background, readable in a dark theme, and letters large enough for a
phone. The functions return matplotlib objects that a notebook may change further.
"""

from mtattr.plots.bars import bars_with_intervals
from mtattr.plots.diagrams import block_diagram, tree_diagram
from mtattr.plots.forest import forest_plot
from mtattr.plots.images import image_grid, overlay
from mtattr.plots.maps import map_overlay, unnormalise
from mtattr.plots.style import figure, to_picture, use_style

__all__ = [
    "bars_with_intervals",
    "block_diagram",
    "figure",
    "forest_plot",
    "image_grid",
    "map_overlay",
    "overlay",
    "to_picture",
    "tree_diagram",
    "unnormalise",
    "use_style",
]
