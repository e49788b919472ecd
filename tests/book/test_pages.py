"""Every page of the built book in a real browser: nothing fails, nothing is fetched from elsewhere, all of it is readable."""

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
DESK = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}

WAIT_UNTIL_DRAWN = """
const done = arguments[arguments.length - 1];
const ready = window.MathJax && MathJax.startup ? MathJax.startup.promise : Promise.resolve();
Promise.all([ready, document.fonts.ready]).then(() => done(true), error => done(String(error)));
"""

# Text of the article outside code and formulas, where no mark of TeX may be left.
LOOK = """
const article = document.querySelector("article") || document.body;
const prose = article.cloneNode(true);
prose.querySelectorAll("pre, code, script, style, mjx-container").forEach(node => node.remove());
return {
  title: document.title,
  formulas: article.querySelectorAll(".math").length,
  typeset: article.querySelectorAll("mjx-container").length,
  failed: article.querySelectorAll("mjx-merror, [data-mjx-error]").length,
  prose: prose.textContent,
  images: [...document.images].map(image => ({
    source: image.getAttribute("src"), alt: image.getAttribute("alt"), loaded: image.complete && image.naturalWidth > 0,
    width: image.getBoundingClientRect().width, parent: image.closest("article") !== null,
  })),
  page: document.documentElement.scrollWidth,
  window: window.innerWidth,
  wrapped: [...article.querySelectorAll("pre a, pre span")].filter(node => getComputedStyle(node).whiteSpace !== "pre").length,
  cells: [...document.querySelectorAll("article td, article th")].map(cell => parseFloat(getComputedStyle(cell).fontSize)),
};
"""

# Contrast of every piece of visible text with the first opaque colour behind it (WCAG 2, relative luminance).
CONTRAST = """
function channels(text) { const c = text.match(/[0-9.]+/g).map(Number); return c.length < 4 ? [...c, 1] : c; }
function luminance(c) {
  const [r, g, b] = c.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function behind(node) {
  const layers = [];
  for (; node; node = node.parentElement) {
    const c = channels(getComputedStyle(node).backgroundColor);
    if (c[3] > 0) layers.push(c);
    if (c[3] === 1) break;
  }
  return layers.reverse().reduce((under, over) => under.map((u, i) => over[i] * over[3] + u * (1 - over[3])), [255, 255, 255]);
}
const worst = {};
document.querySelectorAll("article p, article li, article td, article th, article h1, article h2, article h3, article dt, article dd,"
    + "article a, article code, article pre, article pre span, article .verdict, article mjx-container").forEach(node => {
  const text = [...node.childNodes].filter(n => n.nodeType === 3).map(n => n.data.trim()).join("");
  if ((!text && node.tagName !== "MJX-CONTAINER") || !node.getClientRects().length) return;
  const style = getComputedStyle(node), back = behind(node), ink = channels(style.color);
  if (style.visibility === "hidden" || style.opacity === "0") return;
  const mixed = back.map((b, i) => ink[i] * ink[3] + b * (1 - ink[3]));
  const [a, b] = [luminance(mixed), luminance(back)];
  const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (ratio < 4.5) worst[node.tagName + "." + node.className] = [ratio.toFixed(2), text.slice(0, 40)];
});
return {theme: document.documentElement.dataset.theme, background: behind(document.body), worst};
"""

# Alpha of the four corners and the middle of each picture.
OPACITY = """
return [...document.querySelectorAll("article img")].filter(image => image.naturalWidth).map(image => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  const [w, h] = [canvas.width - 1, canvas.height - 1];
  const places = [[0, 0], [w, 0], [0, h], [w, h], [w >> 1, h >> 1]];
  return [image.getAttribute("src"), Math.min(...places.map(([x, y]) => pen.getImageData(x, y, 1, 1).data[3]))];
});
"""


TOC = re.findall(r"(?:root|file): (\S+)", (ROOT / "_toc.yml").read_text())
PAGES = [f"{name.removesuffix('.ipynb')}.html" for name in TOC]
EXTRA = ["index.html", "genindex.html", "py-modindex.html", "search.html?q=attribute"]


def open_page(browser, address: str, page: str, *, screen: dict, theme: str) -> dict:
    """Load a page as a first visitor who prefers `theme`; return the console's errors and the addresses asked for."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]})
    browser.execute_cdp_cmd("Storage.clearDataForOrigin", {"origin": address, "storageTypes": "local_storage"})
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get(f"{address}/{page}")
    assert browser.execute_async_script(WAIT_UNTIL_DRAWN) is True, f"{page}: mathematics could not be typeset"
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return {"console": [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"], "sent": sent}


def leaves_the_machine(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme not in {"data", "blob", "about"} and parts.hostname != "127.0.0.1"


@pytest.mark.parametrize("page", [*PAGES, *EXTRA])
def test_page_on_a_phone(page, book, address, browser):
    assert (book / page.split("?")[0]).is_file(), f"{page} is in _toc.yml, but was not built"
    seen = open_page(browser, address, page, screen=PHONE, theme="light")
    assert seen["sent"], f"{page}: the browser reported no request, so the test sees nothing"
    remote = [url for url in seen["sent"] if leaves_the_machine(url)]
    assert not remote, f"{page}: requests leave the machine: {remote}"
    assert not seen["console"], f"{page}: errors in the console: {seen['console']}"
    look = browser.execute_script(LOOK)
    assert look["title"], f"{page}: no title"
    assert look["page"] <= look["window"] == PHONE["width"], f"{page}: {look['page']} px wide on a screen of {PHONE['width']} px"
    assert look["typeset"] >= look["formulas"], f"{page}: {look['formulas']} formulas, only {look['typeset']} typeset"
    assert not look["failed"], f"{page}: {look['failed']} formulas have errors"
    left = [mark for mark in ("$$", r"\(", r"\[", r"\begin{") if mark in look["prose"]]
    assert not left, f"{page}: TeX marks in the text: {left}"
    assert not look["wrapped"], f"{page}: {look['wrapped']} pieces of code would break in the middle of a line"
    assert min(look["cells"], default=16) >= 11, f"{page}: letters of {min(look['cells'])} px in a table"
    for image in look["images"]:
        alt = (image["alt"] or "").strip()
        assert image["loaded"], f"{page}: {image['source']} does not load"
        assert alt, f"{page}: {image['source']} has no alt text"
        assert not alt.lower().endswith((".png", ".svg", ".jpg", ".jpeg", ".gif")), f"{page}: the alt text is a file name: {alt}"
        assert "/" not in alt or " " in alt, f"{page}: the alt text is a path: {alt}"
        assert image["width"] <= PHONE["width"], f"{page}: {image['source']} is wider than the screen"


@pytest.mark.parametrize("page", PAGES)
def test_page_in_the_dark(page, book, address, browser):
    seen = open_page(browser, address, page, screen=DESK, theme="dark")
    assert not seen["console"], f"{page}: errors in the console: {seen['console']}"
    look = browser.execute_script(CONTRAST)
    assert look["theme"] == "dark", f"{page}: the theme is {look['theme']}"
    assert max(look["background"]) < 60, f"{page}: the background is not dark: {look['background']}"
    assert not look["worst"], f"{page}: contrast below 4.5: {look['worst']}"
    thin = [source for source, alpha in browser.execute_script(OPACITY) if alpha < 255]
    assert not thin, f"{page}: pictures that are not opaque: {thin}"


@pytest.mark.parametrize("page", PAGES)
def test_page_in_the_light(page, book, address, browser):
    open_page(browser, address, page, screen=DESK, theme="light")
    look = browser.execute_script(CONTRAST)
    assert look["theme"] == "light", f"{page}: the theme is {look['theme']}"
    assert not look["worst"], f"{page}: contrast below 4.5: {look['worst']}"


def test_search_finds_a_page_without_a_network(book, address, browser):
    from selenium.webdriver.support.ui import WebDriverWait

    open_page(browser, address, "search.html?q=verdict", screen=DESK, theme="light")
    # Results appear one after the other.
    wanted = "#search-results li a[href*='verdicts']"
    assert WebDriverWait(browser, 20).until(lambda b: b.find_elements("css selector", wanted))


def test_code_cells_link_to_the_reference(book):
    pages = [book / page for page in PAGES if page.startswith("notebooks/")]
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert 'class="sphinx-codeautolink-a"' in text, f"{page.name}: no name in its code leads to the reference"


def test_every_module_has_a_reference(book):
    inventory = pytest.importorskip("sphinx.util.inventory").InventoryFile
    with (book / "objects.inv").open("rb") as file:
        modules = set(inventory.load(file, "", lambda base, name: name)["py:module"])
    source = ROOT / "mtattr"
    rooms = {str(path.parent.relative_to(ROOT)).replace("/", ".") for path in source.rglob("__init__.py")}
    files = {str(path.relative_to(ROOT).with_suffix("")).replace("/", ".") for path in source.rglob("*.py")}
    public = {name for name in rooms | files if not any(part.startswith("_") for part in name.split("."))}
    missing = {name for name in public - modules if not name.startswith("mtattr.cli")} - {"mtattr"}
    assert not missing, f"no reference page holds {sorted(missing)}"
