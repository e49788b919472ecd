"""The directive `{explorer} name`: images, explanation maps and true regions of a JSON file.

The file, `book/evidence/name.json`, is checked and written into the page, so that the page needs no
network and can be opened as a file; the script `explorer.js` draws. Without the script there is one
picture of the maps. Without the file the page says "not run yet".
"""

import base64
import html
import io
import json
import math
import re
from pathlib import Path

import matplotlib
import numpy as np
from docutils import nodes
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mtattr.errors import InputError

NOT_RUN = "Not run yet: nobody has made the maps for this page."
DRAWN = {"celeba-twin": "drawn faces"}
SCHEMA = Path(__file__).with_name("explorer.schema.json")
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
    """Content of the file; `InputError` names the file, the place in it and what is wrong there."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"), parse_constant=no_constant)
        check_explorer(data)
    except InputError as error:
        raise InputError(f"{path.name}: {error}") from error
    except ValueError as error:
        raise InputError(f"{path.name}: expected JSON: {error}") from error
    return data


def no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON, write null")


def expect(holds: bool, place: str, what: str) -> None:
    if not holds:
        raise InputError(f"{place}: expected {what}")


def check_explorer(data: dict) -> None:
    """Raise `InputError` for what the page could not draw: first by schema, then across fields."""
    error = best_match(Draft202012Validator(json.loads(SCHEMA.read_text())).iter_errors(data))
    if error is not None:
        message = error.message
        if len(message) > 100:  # it quotes the value, which may be a picture
            message = f"expected {error.validator} {error.validator_value}"
        raise InputError(f"{error.json_path.removeprefix('$.')}: {message}")
    size, methods = data["size"], data["methods"]
    shape = (len(data["images"]), len(data["tasks"]))
    for i, image in enumerate(data["images"]):
        picture = opened(image["png"])
        fits = picture is not None and picture.size == (size, size)
        expect(fits, f"images[{i}].png", f"base64 of a PNG of {size} x {size}")
    labels = table_of(data["labels"], "labels", shape)
    check_bytes(data["regions"], "regions", math.ceil(math.prod(shape) * size * size / 8))
    names = [method["id"] for method in methods]
    expect(len(set(names)) == len(names), "methods", "a different id for each")
    for m, method in enumerate(methods):
        place, cells = f"methods[{m}]", method["height"] * method["width"]
        check_bytes(method["values"], f"{place}.values", math.prod(shape) * cells)
        tables = ("low", "high", "probability", "pointing", "energy")
        table = {name: table_of(method[name], f"{place}.{name}", shape) for name in tables}
        expect_nowhere(table["low"] > table["high"], f"{place}.low", f"at most {place}.high")
        for name in ("pointing", "energy"):
            scored = ~np.isnan(table[name]) & (labels != 1)
            expect_nowhere(scored, f"{place}.{name}", "null, since the label there is not 1")


def expect_nowhere(wrong: np.ndarray, place: str, what: str) -> None:
    for n, t in np.argwhere(wrong):
        expect(False, f"{place}[{n}][{t}]", what)


def table_of(rows: list[list], place: str, shape: tuple[int, int]) -> np.ndarray:
    """Rows as an array, NaN for null."""
    fits = [len(row) for row in rows] == [shape[1]] * shape[0]
    expect(fits, place, f"{shape[0]} lists (images) of {shape[1]} values (tasks)")
    return np.array(rows, float)


def check_bytes(text: str, place: str, count: int) -> None:
    found = decoded(text)
    expect(found is not None and len(found) == count, place, f"base64 of {count} bytes")


def decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def opened(text: str) -> Image.Image | None:
    """The picture, read to its end; None if it is no PNG."""
    try:
        picture = Image.open(io.BytesIO(decoded(text) or b""), formats=["PNG"])
        picture.load()
    except (OSError, SyntaxError, ValueError):
        return None
    return picture


def to_html(data: dict) -> str:
    """Caption, still picture for readers without scripts, and the data for `explorer.js`."""
    name, first = data["dataset"], first_view(data)
    kind = f"{DRAWN.get(name, name)} ({'generated' if data['generated'] else 'real'})"
    epoch = data["epoch"]
    epoch = f"epoch {epoch}" if isinstance(epoch, int) else f"{epoch} epoch"
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
        "<noscript><p>To choose images and attributes, this page needs JavaScript."
        " Without it, there is one view.</p>"
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
