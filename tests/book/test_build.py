"""The built pages as files: links lead somewhere, nothing is loaded from elsewhere, nothing tells where the book was built."""

import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

# They need no browser, but like the browser's tests they run after the book is built.
pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
LOADS = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src", "video": "src", "audio": "src", "embed": "src"}


class Page(HTMLParser):
    """Anchors, links and loaded files of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors, self.links, self.loads, self.tracebacks = set(), set(), set(), 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list) -> None:
        found = dict(attributes)
        self.anchors |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and found.get("href"):
            self.links.add(found["href"])
        if found.get(LOADS.get(tag, "")):
            self.loads.add(found[LOADS[tag]])
        self.tracebacks += "traceback" in (found.get("class") or "").split()


read = cache(Page)


@pytest.fixture(scope="session")
def pages(book) -> list[Path]:
    """All built pages, without the listings of source code."""
    return [path for path in sorted(book.rglob("*.html")) if not {"_static", "_modules"} & set(path.relative_to(book).parts)]


def test_nothing_is_loaded_from_elsewhere(pages, book):
    remote = {(str(path.relative_to(book)), url) for path in pages for url in read(path).loads if urlsplit(url).netloc}
    assert not remote


def test_no_page_names_a_library_that_a_script_would_fetch(pages, book):
    hosts = re.compile(r"(unpkg\.com|jsdelivr\.net|cdnjs\.cloudflare\.com|googleapis\.com|gstatic\.com|googletagmanager)")
    assert not [str(path.relative_to(book)) for path in pages if hosts.search(path.read_text(encoding="utf-8"))]


def test_links_inside_the_book_lead_somewhere(pages, book):
    broken = []
    for path in pages:
        for url in read(path).links:
            parts = urlsplit(url)
            if parts.scheme or parts.netloc or url == "#":
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                broken.append((str(path.relative_to(book)), url, "no such file"))
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in read(target).anchors:
                broken.append((str(path.relative_to(book)), url, "no such place in the page"))
    assert not broken


def test_pages_do_not_tell_where_they_were_built(book):
    places = (str(ROOT), f"{Path.home()}/", f"{sys.prefix}/")
    told = [
        str(path.relative_to(book))
        for path in book.rglob("*")
        if path.suffix in {".html", ".js", ".ipynb", ".md", ".txt"} and any(place in path.read_text(encoding="utf-8") for place in places)
    ]
    assert not told


def test_no_page_shows_a_traceback(pages, book):
    assert not [str(path.relative_to(book)) for path in pages if read(path).tracebacks]
