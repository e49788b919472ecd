import functools
import http.server
import os
import shutil
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# `make test` builds the stored notebooks beside the book that `make reproduce` made of fresh ones.
BOOK = ROOT / os.environ.get("MTATTR_BOOK", "_build/html")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments) -> None:
        pass


@pytest.fixture(scope="session")
def book() -> Path:
    """Folder of the built book; skips where it is not built."""
    if not (BOOK / "index.html").is_file():
        pytest.skip("the book is not built: run `make book` first")
    return BOOK


@pytest.fixture(scope="session")
def address(book):
    """Where the built book is served on this machine."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=book))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """One headless chromium for all pages; skips where it is absent."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed: run `make browser` on Debian, or install both")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: it is part of the extra `dev`")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    flags = "headless=new no-sandbox disable-gpu disable-background-networking no-first-run disable-component-update disable-sync"
    for flag in [*flags.split(), "disable-dev-shm-usage", f"user-data-dir={tmp_path_factory.mktemp('chromium')}"]:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    chrome.set_page_load_timeout(60)
    yield chrome
    chrome.quit()
