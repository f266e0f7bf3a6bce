"""The built site, a server for it on this machine, and a browser. What is missing skips the tests, with the reason.

MINIRAD_SITE names another folder than chapters/_build/html, MINIRAD_CHROMIUM the browser's program.
"""

import os
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from site_pages import pages

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("MINIRAD_SITE") or ROOT / "chapters" / "_build" / "html")
SOME = {f"reference/{name}.html" for name in ("index", "variance", "nn")} | {"_modules/minirad/optim/radam.html"}
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def site():
    """The folder of the built site."""
    if not (SITE / "index.html").exists():
        pytest.skip("no site: make site")
    return SITE


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture(scope="session")
def address(site):
    """Where the site is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def browser():
    """A Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright: pip install minirad[browser]")
    program = os.environ.get("MINIRAD_CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    with playwright.sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


def pytest_generate_tests(metafunc):
    """A test for each page that a reader reads. Of the reference's pages a few, since all are made alike."""
    if "page_name" in metafunc.fixturenames:
        names = pages(SITE) if SITE.exists() else []
        metafunc.parametrize(
            "page_name", [n for n in names if n in SOME or not n.startswith(("_modules/", "reference/"))]
        )
