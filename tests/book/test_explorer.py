"""The explorer of maps: what its directive accepts, and what a reader sees and does in a real browser."""

import base64
import copy
import importlib.util
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import matplotlib
import numpy as np
import pytest
from mtattr.errors import InputError
from PIL import Image

ROOT = Path(__file__).parents[2]
IMAGES, TASKS, SIZE = 3, ["Wavy_Hair", "Smiling", "5_o_Clock_Shadow", "Bald"], 8
LABELS = [[0, 1, None, 0], [1, 1, 0, 0], [0, 1, 1, 0]]
DESK = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 360, "height": 780, "deviceScaleFactor": 1, "mobile": True}


@pytest.fixture(scope="session")
def extension():
    spec = importlib.util.spec_from_file_location("explorer_directive", ROOT / "book/_ext/explorer_directive.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def base64_of(content: bytes | np.ndarray) -> str:
    return base64.b64encode(content if isinstance(content, bytes) else content.tobytes()).decode()


def png(pixels: np.ndarray) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return base64_of(file.getvalue())


def synthetic() -> tuple[dict, np.ndarray, np.ndarray, list[np.ndarray]]:
    """A file's content with random pixels, regions and maps, and the three as arrays."""
    draw = np.random.default_rng(0)
    pixels = draw.integers(0, 256, (IMAGES, SIZE, SIZE, 3), dtype=np.uint8)
    regions = draw.random((IMAGES, len(TASKS), SIZE, SIZE)) < 0.3
    regions[0, 3] = False
    maps, methods = [], []
    for name, cells in (("Attention branch", 4), ("CAM", 2), ("Grad-CAM", 8)):
        values = draw.integers(1, 255, (IMAGES, len(TASKS), cells, cells), dtype=np.uint8)
        places = draw.integers(0, cells * cells, (IMAGES, len(TASKS)))
        values.reshape(IMAGES, len(TASKS), -1)[:, :, 0] = 0
        np.put_along_axis(values.reshape(IMAGES, len(TASKS), -1), places[..., None], 255, 2)
        maps.append(values)
        scores = np.round(draw.random((IMAGES, len(TASKS))), 3).tolist()
        scored = [[s if known == 1 else None for s, known in zip(*rows, strict=True)] for rows in zip(scores, LABELS, strict=True)]
        right = [[0.9 if known == 1 else 0.1 for known in row] for row in LABELS]
        methods.append(
            {"id": name, "name": name, "note": f"About {name}.", "variant": "abn", "run": f"{cells}a" * 32, "height": cells, "width": cells}
            | {"values": base64_of(values), "low": [[-0.25] * len(TASKS)] * IMAGES, "high": [[1.5] * len(TASKS)] * IMAGES}
            | {"probability": right, "pointing": copy.deepcopy(scored), "energy": scored}
        )
    methods[0]["probability"][1][2] = 0.8
    methods[0]["probability"][2][1] = 0.3
    methods[0]["pointing"][0][1], methods[0]["pointing"][2][2], methods[1]["pointing"][0][1] = 1, 0, 0
    methods[2]["pointing"][0][1] = 0.25
    methods[2]["low"] = [[0] * len(TASKS), *methods[2]["low"][1:]]
    methods[2]["high"] = [[0] * len(TASKS), *methods[2]["high"][1:]]
    data = {"schema": 1, "dataset": "celeba-twin", "generated": True, "scale": "reduced", "seed": 0, "epoch": "selected", "size": SIZE}
    data |= {"tasks": TASKS, "images": [{"key": f"{i:06}.jpg", "png": png(image)} for i, image in enumerate(pixels)]}
    data |= {"labels": LABELS, "regions": base64_of(np.packbits(regions)), "methods": methods}
    return copy.deepcopy(data), pixels, regions, maps


def build(folder: Path, data: dict | None) -> subprocess.CompletedProcess:
    """Build a book of two pages in the book's theme, warnings are errors."""
    source = folder / "source"
    (source / "_static").mkdir(parents=True)
    (source / "evidence").mkdir()
    for name in ("explorer.js", "custom.css"):
        shutil.copy(ROOT / "book/_static" / name, source / "_static")
    if data is not None:
        (source / "evidence/maps.json").write_text(json.dumps(data))
    (source / "conf.py").write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'book/_ext')!r})\nextensions = ['explorer_directive']\nexplorer_data = 'evidence'\n"
        "html_theme = 'sphinx_book_theme'\nhtml_static_path = ['_static']\nhtml_css_files = ['custom.css']\n"
        "html_context = {'default_mode': 'auto'}\n"
    )
    (source / "index.rst").write_text("Start\n=====\n\n.. toctree::\n\n   maps\n")
    (source / "maps.rst").write_text("Maps\n====\n\n.. explorer:: maps\n")
    command = [sys.executable, "-m", "sphinx", "-W", "-q", "-j", "2", str(source), str(folder / "html")]
    return subprocess.run(command, capture_output=True, text=True)


# The file


def test_a_whole_file_is_accepted(extension, tmp_path):
    path = tmp_path / "maps.json"
    path.write_text(json.dumps(synthetic()[0]))
    assert extension.read_explorer(path)["tasks"] == TASKS


def at(data: dict, *place: str | int) -> tuple[dict | list, str | int]:
    for step in place[:-1]:
        data = data[step]
    return data, place[-1]


BROKEN = {
    "schema": ((("schema",), 2), "schema: 1 was expected"),
    "dataset": ((("dataset",), ""), "dataset: '' does not match"),
    "generated": ((("generated",), "yes"), "generated: 'yes' is not of type 'boolean'"),
    "seed": ((("seed",), True), "seed: True is not of type 'integer'"),
    "size": ((("size",), 0), "size: 0 is less than the minimum of 1"),
    "tasks": ((("tasks",), ["a", "a", "b", "c"]), "tasks: ['a', 'a', 'b', 'c'] has non-unique elements"),
    "no images": ((("images",), []), "images: [] should be non-empty"),
    "key": ((("images", 1, "key"), None), "images[1].key: None is not of type 'string'"),
    "a long value": ((("images", 1, "key"), ["x"] * 99), "images[1].key: expected type string"),
    "no base64": ((("images", 0, "png"), "?"), "images[0].png: expected base64 of a PNG of 8 x 8"),
    "cut picture": ((("images", 2, "png"), png(np.zeros((8, 8, 3), np.uint8))[:56]), "images[2].png: expected base64 of a PNG of 8 x 8"),
    "other size": ((("images", 2, "png"), png(np.zeros((8, 9, 3), np.uint8))), "images[2].png: expected base64 of a PNG of 8 x 8"),
    "label": ((("labels", 1, 2), 0.5), "labels[1][2]: 0.5 is not one of [0, 1, None]"),
    "rows": ((("labels",), LABELS[:2]), "labels: expected 3 lists (images) of 4 values (tasks)"),
    "columns": ((("methods", 1, "probability", 0), [0.5]), "methods[1].probability: expected 3 lists"),
    "no table": ((("methods", 1, "probability", 0), 0.5), "methods[1].probability[0]: 0.5 is not of type 'array'"),
    "regions": ((("regions",), base64_of(b"12")), "regions: expected base64 of 96 bytes"),
    "values": ((("methods", 0, "values"), base64_of(bytes(191))), "methods[0].values: expected base64 of 192 bytes"),
    "method": ((("methods", 2, "note"), 3), "methods[2].note: 3 is not of type 'string'"),
    "same method": ((("methods", 1, "id"), "Grad-CAM"), "methods: expected a different id for each"),
    "probability": ((("methods", 0, "probability", 2, 0), 1.2), "methods[0].probability[2][0]: 1.2 is greater than the maximum of 1"),
    "range": ((("methods", 0, "low", 0, 0), 2), "methods[0].low[0][0]: expected at most methods[0].high"),
    "score": ((("methods", 0, "energy", 0, 0), 0.5), "methods[0].energy[0][0]: expected null, since the label there is not 1"),
    "no score": ((("methods", 0, "pointing", 0, 1), "1"), "methods[0].pointing[0][1]: '1' is not of type 'number', 'null'"),
    "NaN": ((("methods", 0, "low", 0, 0), float("nan")), "expected JSON: NaN is no JSON, write null"),
    "infinity": ((("methods", 0, "low", 0, 0), 1e301), "methods[0].low["),
}


def refused(extension, path: Path, content: str) -> str:
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        extension.read_explorer(path)
    return str(caught.value)


def test_a_broken_file_is_named_with_the_place_and_what_is_wrong_there(extension, tmp_path):
    path = tmp_path / "maps.json"
    for name, ((place, value), message) in BROKEN.items():
        data = synthetic()[0]
        owner, key = at(data, *place)
        owner[key] = value
        assert refused(extension, path, json.dumps(data)).startswith(f"maps.json: {message}"), name
    for name in synthetic()[0]:
        data = synthetic()[0]
        del data[name]
        assert f"'{name}' is a required property" in refused(extension, path, json.dumps(data))
    for text in ("", "[]", "{"):
        assert refused(extension, path, text).startswith("maps.json: "), text


def test_text_of_the_file_cannot_leave_the_script(extension):
    data = synthetic()[0]
    data["images"][0]["key"] = "</script><b>"
    data["methods"][0]["name"] = '"<i>'
    page = extension.to_html(data)
    assert page.count("</script>") == 1
    assert "<b>" not in page
    assert "<i>" not in page
    inside = page.split('<script type="application/json">')[1].split("</script>")[0]
    assert json.loads(inside) == data


def test_the_still_picture_shows_the_image_and_every_map(extension):
    data, pixels, _, maps = synthetic()
    picture = np.asarray(Image.open(io.BytesIO(extension.still_picture(data, 0, 1))))
    times = picture.shape[0] // SIZE
    small = picture[::times, ::times].astype(float)
    assert small.shape == (SIZE, 4 * SIZE + 3, 3)
    assert (small[:, :SIZE] == pixels[0]).all()
    for m, values in enumerate(maps):
        start = (m + 1) * (SIZE + 1)
        assert np.abs(small[:, start : start + SIZE] - over(pixels[0], values[0, 1])).max() <= 1


# The page


def over(image: np.ndarray, values: np.ndarray, share: float = 0.45) -> np.ndarray:
    """The map's colours over the image, every cell a square."""
    times = SIZE // len(values)
    colours = matplotlib.colormaps["viridis"](values.repeat(times, 0).repeat(times, 1))[..., :3] * 255
    return (1 - share) * image + share * colours


def test_a_page_without_the_file_says_so_and_builds(tmp_path):
    done = build(tmp_path, None)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html/maps.html").read_text()
    assert "Not run yet" in page
    assert "explorer.js" not in page


def test_a_broken_file_ends_the_build(tmp_path):
    done = build(tmp_path, synthetic()[0] | {"size": 9})
    assert done.returncode != 0
    assert "maps.json: images[0].png: expected base64 of a PNG of 9 x 9" in done.stderr


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("explorer")
    done = build(folder, synthetic()[0])
    assert done.returncode == 0, done.stderr
    return folder / "html"


def test_only_the_page_with_an_explorer_loads_its_script(site):
    pages = {name: (site / f"{name}.html").read_text() for name in ("index", "maps")}
    assert "explorer.js" in pages["maps"]
    assert "explorer.js" not in pages["index"]
    assert pages["maps"].count('class="map-explorer') == 1
    assert "Drawn faces (generated), scale reduced, seed 0" in pages["maps"]
    assert "<noscript><p>" in pages["maps"]


SEE = """
const cells = panel => Object.fromEntries([...panel.querySelectorAll("dt")].map(t => [t.textContent, t.nextSibling.textContent]));
return {
  status: document.querySelector(".explorer-status").textContent,
  task: document.querySelector(".map-explorer select").selectedOptions[0].textContent,
  pressed: [...document.querySelectorAll(".explorer-thumb")].map(b => b.getAttribute("aria-pressed")).indexOf("true"),
  alts: [...document.querySelectorAll(".explorer-thumb img")].map(image => image.alt),
  options: [...document.querySelectorAll(".map-explorer option")].map(option => option.textContent),
  marks: [...document.querySelectorAll(".explorer-mark")].map(mark => mark.textContent),
  names: [...document.querySelectorAll(".explorer-name")].map(name => name.textContent),
  notes: [...document.querySelectorAll(".explorer-note")].map(note => note.textContent),
  ranges: [...document.querySelectorAll(".explorer-range")].map(range => range.innerText.replace(/\\s+/g, " ").trim()),
  facts: [...document.querySelectorAll(".explorer-panel")].map(cells),
  labels: [...document.querySelectorAll(".explorer-panel canvas")].map(canvas => canvas.getAttribute("aria-label")),
  widths: [...document.querySelectorAll(".explorer-panel canvas")].map(canvas => canvas.getBoundingClientRect().width),
  hash: location.hash,
};
"""

# The middle of every pixel of the image, from every canvas.
PIXELS = """
const size = arguments[0];
return [...document.querySelectorAll(".explorer-panel canvas")].map(canvas => {
  const [unit, pen] = [canvas.width / size, canvas.getContext("2d")];
  return Array.from({length: size}, (_, y) => Array.from({length: size}, (_, x) =>
    [...pen.getImageData((x + 0.5) * unit, (y + 0.5) * unit, 1, 1).data.slice(0, 3)]));
});
"""

# Colours, red green blue, at the edges above and left of every pixel.
EDGES = """
const [size, which] = arguments;
const canvas = document.querySelectorAll(".explorer-panel canvas")[which];
const [unit, pen] = [canvas.width / size, canvas.getContext("2d")];
const look = (x, y) => [...pen.getImageData(x, y, 1, 1).data.slice(0, 3)];
const grid = at => Array.from({length: size - 1}, (_, y) => Array.from({length: size - 1}, (_, x) => at((x + 1) * unit, (y + 1) * unit)));
return [grid((x, y) => look(x + unit / 2, y)), grid((x, y) => look(x, y + unit / 2))];
"""

WAIT = """
const done = arguments[arguments.length - 1];
const wait = () => document.querySelector(".map-explorer")?.dataset.ready ? done(true) : setTimeout(wait, 20);
wait();
"""


def visit(browser, page: Path, end: str = "", *, screen: dict = DESK, theme: str = "light") -> None:
    """Open the page as a file; fail if it asks for anything but files, or if the console shows an error."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]})
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get(page.as_uri() + end)
    assert browser.execute_async_script(WAIT) is True


def assert_quiet(browser) -> None:
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert sent, "the browser reported no request, so the test sees nothing"
    assert {urlsplit(url).scheme for url in sent} <= {"file", "data", "blob", "about"}
    severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert not severe


def click(browser, selector: str) -> None:
    browser.execute_script(
        "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", browser.find_element("css selector", selector)
    )
    browser.find_element("css selector", selector).click()


def choose(browser, task: int) -> None:
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element("css selector", ".map-explorer select")).select_by_value(str(task))


def button(browser, text: str):
    return next(b for b in browser.find_elements("css selector", ".explorer-line button") if b.text.startswith(text))


@pytest.mark.browser
def test_the_first_view(site, browser):
    visit(browser, site / "maps.html")
    seen = browser.execute_script(SEE)
    assert seen["names"] == ["Image", "Attention branch", "CAM", "Grad-CAM"]
    assert seen["status"] == "Image 1 of 3. Smiling: present."
    assert seen["task"] == "Smiling (present)"
    assert seen["options"] == ["Wavy Hair", "Smiling (present)", "5 o Clock Shadow (unknown)", "Bald"]
    assert seen["pressed"] == 0
    assert seen["alts"] == [f"Image {i} of 3, Smiling: present" for i in (1, 2, 3)]
    assert seen["marks"] == ["✓"] * 3
    assert seen["ranges"][1:] == ["−0.25 1.5", "−0.25 1.5", "0 everywhere"]
    assert seen["notes"][1] == "About Attention branch. Run 4a4a4a4a."
    data, _, regions, _ = synthetic()
    share = round(100 * regions[0, 1].mean())
    assert seen["facts"][0] == {"File": "000000.jpg", "Label": "present", "Region": f"{share} % of the image"}
    energy = round(100 * data["methods"][0]["energy"][0][1])
    assert seen["facts"][1] == {"Answer": "present, ✓\xa0correct", "Probability": "0.900", "Peak": "inside", "Energy": f"{energy} % inside"}
    assert seen["facts"][2]["Peak"] == "outside"
    assert seen["facts"][3]["Peak"] == "25 % inside"
    assert seen["labels"][3] == "Grad-CAM, map for Smiling over image 1: the same everywhere"
    assert 140 <= min(seen["widths"]) <= max(seen["widths"]) <= 200
    assert seen["hash"] == ""
    assert_quiet(browser)


@pytest.mark.browser
def test_pixels_agree_with_the_data(site, browser):
    _, pixels, _, maps = synthetic()
    visit(browser, site / "maps.html", "#image=1&task=Smiling")
    for n, t in ((0, 1), (1, 2), (2, 3)):
        click(browser, f".explorer-thumb:nth-child({n + 1})")
        choose(browser, t)
        seen = np.array(browser.execute_script(PIXELS, SIZE), float)
        assert (seen[0] == pixels[n]).all()
        for m, values in enumerate(maps):
            assert np.abs(seen[m + 1] - over(pixels[n], values[n, t])).max() <= 3, f"image {n}, task {t}, method {m}"
    assert_quiet(browser)


@pytest.mark.browser
def test_the_most_intense_colour_is_at_the_highest_cell(site, browser):
    _, _, _, maps = synthetic()
    visit(browser, site / "maps.html", "#image=2&task=Bald&map=100")
    seen = np.array(browser.execute_script(PIXELS, SIZE), float)
    for colours, values in zip(seen[1:], maps, strict=True):
        times = SIZE // values.shape[-1]
        distance = np.abs(colours - [253, 231, 37]).sum(-1)
        highest = values[1, 3].repeat(times, 0).repeat(times, 1) == 255
        assert ((distance == distance.min()) == highest).all()


@pytest.mark.browser
def test_smooth_is_the_enlargement_that_the_scores_use(site, browser):
    import torch

    _, pixels, _, maps = synthetic()
    visit(browser, site / "maps.html", "#image=1&task=Bald")
    click(browser, "label:nth-of-type(2) input[type=checkbox]")
    seen = np.array(browser.execute_script(PIXELS, SIZE), float)
    for m, values in enumerate(maps):
        small = torch.tensor(values[0, 3][None, None]).float()
        large = torch.nn.functional.interpolate(small, size=(SIZE, SIZE), mode="bilinear", align_corners=False)[0, 0].numpy()
        colours = matplotlib.colormaps["viridis"](large.round().astype(int))[..., :3] * 255
        assert np.abs(seen[m + 1] - (0.55 * pixels[0] + 0.45 * colours)).max() <= 3
    assert "smooth=on" in browser.execute_script("return location.hash")


@pytest.mark.browser
def test_the_outline_runs_along_the_region(site, browser):
    _, _, regions, _ = synthetic()
    visit(browser, site / "maps.html", "#image=2&task=Smiling&map=0")
    above, left = (np.array(edges) for edges in browser.execute_script(EDGES, SIZE, 1))
    region = regions[1, 1]
    borders = (region[1:, 1:] != region[:-1, 1:], region[1:, 1:] != region[1:, :-1])
    for colours, border in zip((above, left), borders, strict=True):
        assert (colours[border] == 255).all(), "a border without its white line"
        assert (colours[~border] != 255).any(-1).all(), "a white line where there is no border"
    click(browser, "label:nth-of-type(1) input[type=checkbox]")
    above, left = (np.array(edges) for edges in browser.execute_script(EDGES, SIZE, 1))
    assert (above != 255).any(-1).all()
    assert (left != 255).any(-1).all()


@pytest.mark.browser
def test_absent_and_unknown_are_said_in_words(site, browser):
    visit(browser, site / "maps.html", "#image=2&task=5_o_Clock_Shadow")
    seen = browser.execute_script(SEE)
    assert seen["status"].startswith("Image 2 of 3. 5 o Clock Shadow: absent. The outline shows where it would be.")
    assert seen["facts"][1] == {"Answer": "present, ✗\xa0wrong", "Probability": "0.800", "Peak": "not scored", "Energy": "not scored"}
    assert seen["facts"][2]["Answer"] == "absent, ✓\xa0correct"
    assert seen["marks"] == ["?", "", "✓"]
    click(browser, ".explorer-thumb:nth-child(1)")
    seen = browser.execute_script(SEE)
    assert "unknown. Nobody labelled it" in seen["status"]
    assert seen["facts"][1]["Answer"] == "absent, not\xa0judged"
    choose(browser, 3)
    assert browser.execute_script(SEE)["facts"][0]["Region"] == "none"


@pytest.mark.browser
def test_buttons_lead_through_the_failures(site, browser):
    visit(browser, site / "maps.html")
    next_wrong = button(browser, "Next wrong answer")
    assert next_wrong.text == "Next wrong answer (2 of 11)"
    places = []
    for _ in range(3):
        next_wrong.click()
        places.append(browser.execute_script("return location.hash"))
    assert places == ["#image=2&task=5_o_Clock_Shadow", "#image=3&task=Smiling", "#image=2&task=5_o_Clock_Shadow"]
    assert "✗\xa0wrong" in browser.execute_script(SEE)["facts"][1]["Answer"]
    outside = button(browser, "Next peak outside")
    assert outside.text == "Next peak outside (1 of 5)"
    outside.click()
    seen = browser.execute_script(SEE)
    assert seen["hash"] == "#image=3&task=5_o_Clock_Shadow"
    assert seen["facts"][1]["Peak"] == "outside"
    assert_quiet(browser)


@pytest.mark.browser
def test_the_keyboard_is_enough(site, browser):
    from selenium.webdriver.common.keys import Keys

    visit(browser, site / "maps.html")
    before = browser.execute_script(PIXELS, SIZE)
    thumb = browser.find_element("css selector", ".explorer-thumb")
    thumb.send_keys(Keys.ARROW_RIGHT)
    assert browser.execute_script(SEE)["pressed"] == 1
    browser.switch_to.active_element.send_keys(Keys.TAB)
    browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert browser.execute_script(SEE)["pressed"] == 2
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert browser.execute_script(SEE)["pressed"] == 2
    browser.switch_to.active_element.send_keys(Keys.TAB)
    browser.switch_to.active_element.send_keys(Keys.SPACE)
    browser.switch_to.active_element.send_keys(Keys.TAB)
    browser.switch_to.active_element.send_keys(Keys.SPACE)
    browser.switch_to.active_element.send_keys(Keys.TAB)
    browser.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert browser.execute_script("return location.hash") == "#image=3&task=Smiling&outline=off&smooth=on&map=50"
    assert browser.execute_script(PIXELS, SIZE) != before
    select = browser.find_element("css selector", ".map-explorer select")
    select.send_keys("W")
    assert browser.execute_script(SEE)["task"] == "Wavy Hair"
    outline = "const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]"
    assert browser.execute_script(outline) == ["solid", 3]


@pytest.mark.browser
@pytest.mark.parametrize("sign", ["#", "?"])
def test_a_link_leads_to_its_view(sign, site, browser):
    visit(browser, site / "maps.html", f"{sign}image=3&task=5_o_Clock_Shadow&outline=off&smooth=on&map=70")
    seen = browser.execute_script(SEE)
    assert (seen["pressed"], seen["task"]) == (2, "5 o Clock Shadow (present)")
    boxes = browser.execute_script(
        "return [...document.querySelectorAll('.explorer-line input')].map(b => b.type === 'range' ? b.value : b.checked)"
    )
    assert boxes == [False, True, "70"]
    browser.execute_script("location.hash = '#image=2&task=Bald'")
    seen = browser.execute_async_script(f"setTimeout(() => arguments[0]((() => {{{SEE}}})()), 100)")
    assert (seen["pressed"], seen["task"]) == (1, "Bald")
    assert_quiet(browser)


@pytest.mark.browser
@pytest.mark.parametrize("end", ["#image=99&task=Nose", "#image=0", "#image=x&map=900", "#somewhere", "#=", "#%E0%A4%A"])
def test_a_link_to_nowhere_shows_the_first_view(end, site, browser):
    visit(browser, site / "maps.html", end)
    assert browser.execute_script(SEE)["status"] == "Image 1 of 3. Smiling: present."


CONTRAST = """
const channels = text => text.match(/[0-9.]+/g).map(Number);
const luminance = c => c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const behind = node => {
  for (; node; node = node.parentElement) {
    const c = channels(getComputedStyle(node).backgroundColor);
    if (c.length < 4 || c[3] === 1) return c;
  }
  return [255, 255, 255];
};
return [...document.querySelectorAll(".map-explorer *")].filter(node => !["SCRIPT", "NOSCRIPT"].includes(node.tagName)
    && [...node.childNodes].some(n => n.nodeType === 3 && n.data.trim())).map(node => {
  const [a, b] = [luminance(channels(getComputedStyle(node).color)), luminance(behind(node))];
  return [node.tagName + "." + node.className, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
});
"""


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_is_readable(theme, site, browser):
    visit(browser, site / "maps.html", theme=theme)
    assert browser.execute_script("return document.documentElement.dataset.theme") == theme
    found = browser.execute_script(CONTRAST)
    assert len(found) > 30
    assert not [(name, ratio) for name, ratio in found if ratio < 4.5]


def assert_fits(browser) -> None:
    page, window = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert page <= window == PHONE["width"]
    ends = "return [...document.querySelectorAll('.map-explorer *')].map(node => [node.className, node.getBoundingClientRect().right])"
    assert not [(name, right) for name, right in browser.execute_script(ends) if right > PHONE["width"]]
    touch = "return [...document.querySelectorAll('.explorer-thumb')].map(b => b.getBoundingClientRect().width)"
    assert min(browser.execute_script(touch)) >= 44


@pytest.mark.browser
def test_a_phone_shows_two_panels_a_row_and_never_scrolls_sideways(site, browser):
    visit(browser, site / "maps.html", screen=PHONE)
    for task in range(len(TASKS)):
        choose(browser, task)
        assert_fits(browser)
    tops = "return [...document.querySelectorAll('.explorer-panel')].map(panel => Math.round(panel.getBoundingClientRect().top))"
    first, second, third, fourth = browser.execute_script(tops)
    assert first == second < third == fourth


@pytest.mark.browser
def test_the_page_of_the_book(book, browser):
    page = book / "book/explorer.html"
    if not page.is_file():
        pytest.skip("the book has no explorer page yet")
    if "Not run yet" in page.read_text(encoding="utf-8"):
        pytest.skip("the book's explorer has no maps yet")
    visit(browser, page, screen=PHONE)
    data = browser.execute_script("return JSON.parse(document.querySelector('.map-explorer script').textContent)")
    assert_fits(browser)
    seen, before = browser.execute_script(SEE), browser.execute_script(PIXELS, data["size"])
    assert seen["names"] == ["Image", *(method["name"] for method in data["methods"])]
    assert len(seen["alts"]) == len(data["images"])
    assert len(seen["options"]) == len(data["tasks"])
    click(browser, ".explorer-thumb:last-child")
    choose(browser, len(data["tasks"]) - 1)
    after, pixels = browser.execute_script(SEE), browser.execute_script(PIXELS, data["size"])
    assert after["status"] != seen["status"]
    assert after["facts"] != seen["facts"]
    assert all(old != new for old, new in zip(before, pixels, strict=True))
    assert_fits(browser)
    assert_quiet(browser)
