"""The directive `{explorer} name`: images, attributes, explanation maps and true regions of `book/evidence/name.json`, to look through.

The file is checked and written into the page, so that the page needs no network and can be opened as a file; the script
`explorer.js` draws. Without the script there is one picture of the maps. Without the file the page says "not run yet".
"""

import base64
import html
import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mtattr.errors import InputError

NOT_RUN = "Not run yet: nobody has made the maps for this page."
DRAWN = {"celeba-twin": "drawn faces"}
SCHEMA = 1
MAP_SHARE = 0.45  # of each pixel of the still picture, as the page's slider has it at first


class ExplorerDirective(SphinxDirective):
    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir, self.config.explorer_data, f"{self.arguments[0]}.json")
        self.env.note_dependency(str(path))
        if not path.is_file():
            return [nodes.paragraph("", "", nodes.strong(NOT_RUN, NOT_RUN))]
        try:
            data = read_explorer(path)
        except InputError as error:
            raise self.error(str(error)) from error
        return [nodes.raw("", to_html(data), format="html", classes=["map-explorer"])]


def read_explorer(path: Path) -> dict:
    """The content of the file; raises `InputError` that names the file, the place in it, and what was expected there."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_constant=no_constant)
    except ValueError as error:
        raise InputError(f"{path.name}: expected JSON: {error}") from error
    try:
        check_explorer(data)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    return data


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON, write null")


def expect(holds: bool, place: str, what: str) -> None:
    if not holds:
        raise InputError(f"{place}: expected {what}")


def is_whole(value: object, least: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_share(value: object) -> bool:
    return is_number(value) and 0 <= value <= 1


def is_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != ""


def is_label(value: object) -> bool:
    return value is None or (is_number(value) and value in (0, 1))


def check_explorer(data: object) -> None:
    """Raise `InputError` for the first thing that the page could not draw."""
    expect(isinstance(data, dict), "the file", "an object")
    expect(data.get("schema") == SCHEMA, "schema", str(SCHEMA))
    for name in ("dataset", "scale"):
        expect(is_text(data.get(name)), name, "text")
    expect(isinstance(data.get("generated"), bool), "generated", "true or false")
    expect(is_whole(data.get("seed")), "seed", "a whole number")
    expect(
        is_text(data.get("epoch")) or is_whole(data.get("epoch")), "epoch", "text or a whole number"
    )
    expect(is_whole(data.get("size"), 1), "size", "a whole number of at least 1")
    tasks, images, methods, size = (
        data.get("tasks"),
        data.get("images"),
        data.get("methods"),
        data["size"],
    )
    expect(
        isinstance(tasks, list)
        and tasks
        and all(map(is_text, tasks))
        and len(set(tasks)) == len(tasks),
        "tasks",
        "different names",
    )
    for name, entries in (("images", images), ("methods", methods)):
        expect(
            isinstance(entries, list) and entries and all(isinstance(e, dict) for e in entries),
            name,
            "a list of objects, not empty",
        )
    for i, image in enumerate(images):
        expect(is_text(image.get("key")), f"images[{i}].key", "text")
        picture = opened(image.get("png"))
        expect(
            picture is not None and picture.size == (size, size),
            f"images[{i}].png",
            f"base64 of a PNG of {size} x {size}",
        )
    shape = (len(images), len(tasks))
    check_table(data.get("labels"), "labels", shape, is_label, "0, 1 or null")
    check_bytes(data.get("regions"), "regions", math.ceil(math.prod(shape) * size * size / 8))
    for m, method in enumerate(methods):
        check_method(method, f"methods[{m}]", shape, data["labels"])
    expect(
        len({method["id"] for method in methods}) == len(methods),
        "methods",
        "a different id for each",
    )


def check_method(method: dict, place: str, shape: tuple[int, int], labels: list[list]) -> None:
    for name in ("id", "name", "note", "variant", "run"):
        expect(is_text(method.get(name)), f"{place}.{name}", "text")
    for name in ("height", "width"):
        expect(is_whole(method.get(name), 1), f"{place}.{name}", "a whole number of at least 1")
    check_bytes(
        method.get("values"),
        f"{place}.values",
        math.prod(shape) * method["height"] * method["width"],
    )
    for name in ("low", "high"):
        check_table(method.get(name), f"{place}.{name}", shape, is_number, "a number")
    check_table(
        method.get("probability"), f"{place}.probability", shape, is_share, "a number from 0 to 1"
    )
    for name in ("pointing", "energy"):
        check_table(
            method.get(name),
            f"{place}.{name}",
            shape,
            lambda v: v is None or is_share(v),
            "null or a number from 0 to 1",
        )
    for n in range(shape[0]):
        for t in range(shape[1]):
            at = f"[{n}][{t}]"
            expect(
                method["low"][n][t] <= method["high"][n][t],
                f"{place}.low{at}",
                f"at most {place}.high{at}",
            )
            for name in ("pointing", "energy"):
                scored = method[name][n][t] is not None
                expect(
                    labels[n][t] == 1 or not scored,
                    f"{place}.{name}{at}",
                    "null, since the label there is not 1",
                )


def check_table(
    table: object, place: str, shape: tuple[int, int], fits: Callable[[object], bool], what: str
) -> None:
    rows, columns = shape
    fine = (
        isinstance(table, list)
        and len(table) == rows
        and all(isinstance(row, list) and len(row) == columns for row in table)
    )
    expect(fine, place, f"a list of {rows} lists (images) of {columns} values (tasks)")
    for n, row in enumerate(table):
        for t, value in enumerate(row):
            expect(fits(value), f"{place}[{n}][{t}]", what)


def check_bytes(text: object, place: str, count: int) -> None:
    found = decoded(text)
    expect(found is not None, place, f"base64 of {count} bytes")
    expect(len(found) == count, place, f"base64 of {count} bytes, not of {len(found)}")


def decoded(text: object) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except ValueError:
        return None


def opened(text: object) -> Image.Image | None:
    """The picture, read to its end, None if it is no PNG."""
    try:
        picture = Image.open(io.BytesIO(decoded(text) or b""), formats=["PNG"])
        picture.load()
    except (OSError, SyntaxError, ValueError):
        return None
    return picture


def to_html(data: dict) -> str:
    """What `explorer.js` begins with: caption, still picture for readers without scripts, and the data."""
    name, first = data["dataset"], first_view(data)
    kind = f"{DRAWN.get(name, name)} ({'generated' if data['generated'] else 'real'})"
    epoch = f"epoch {data['epoch']}" if is_whole(data["epoch"]) else f"{data['epoch']} epoch"
    caption = html.escape(
        f"{kind[:1].upper()}{kind[1:]}, scale {data['scale']}, seed {data['seed']}, {epoch}"
    )
    methods = ", ".join(method["name"] for method in data["methods"])
    shown = html.escape(
        f"The first image, then the maps of {methods} for {in_words(data['tasks'][first[1]])}",
        quote=True,
    )
    # A script ends at the first "</", wherever it stands.
    content = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False).replace(
        "<", "\\u003c"
    )
    still = base64.b64encode(still_picture(data, *first)).decode()
    return (
        "<noscript><p>To choose images and attributes, this page needs JavaScript. Without it, there is one view.</p>"
        f'<img src="data:image/png;base64,{still}" alt="{shown}"><p>{shown}.</p></noscript>\n'
        f'<p class="explorer-caption">{caption}.</p>\n'
        f'<script type="application/json">{content}</script>\n'
    )


def in_words(task: str) -> str:
    return re.sub("_+", " ", task).strip()


def first_view(data: dict) -> tuple[int, int]:
    """The first image with the first attribute that it shows: what the page begins with."""
    return 0, data["labels"][0].index(1) if 1 in data["labels"][0] else 0


def still_picture(data: dict, n: int, t: int) -> bytes:
    """A PNG of one row: the image, then each method's map over it."""
    size, times = data["size"], max(1, round(160 / data["size"]))
    image = np.asarray(opened(data["images"][n]["png"]).convert("RGB"), float)
    parts = [image]
    for method in data["methods"]:
        shape = (*np.shape(data["labels"]), method["height"], method["width"])
        values = np.frombuffer(base64.b64decode(method["values"]), np.uint8).reshape(shape)[n, t]
        rows, columns = np.arange(size) * shape[2] // size, np.arange(size) * shape[3] // size
        colours = matplotlib.colormaps["viridis"](values[rows][:, columns])[..., :3] * 255
        parts.append((1 - MAP_SHARE) * image + MAP_SHARE * colours)
    gap = np.full((size, 1, 3), 255.0)
    row = np.concatenate([piece for part in parts for piece in (gap, part)][1:], 1)
    file = io.BytesIO()
    Image.fromarray(row.round().astype(np.uint8).repeat(times, 0).repeat(times, 1)).save(
        file, "PNG"
    )
    return file.getvalue()


def add_script(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None
) -> None:
    """Load `explorer.js` on the pages that hold an explorer, and on no other."""
    if doctree is not None and any(
        "map-explorer" in node["classes"] for node in doctree.findall(nodes.raw)
    ):
        app.add_js_file("explorer.js", loading_method="defer")


def setup(app: Sphinx) -> dict:
    app.add_config_value("explorer_data", "book/evidence", "env")
    app.add_directive("explorer", ExplorerDirective)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
