"""The built site, and a server for it on this machine. What is missing skips the tests, with the reason.

MINIRAD_SITE names another folder than chapters/_build/html. The browser is that of tests/conftest.py.
"""

import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from site_pages import pages

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("MINIRAD_SITE") or ROOT / "chapters" / "_build" / "html")
SOME = {f"reference/{name}.html" for name in ("index", "variance", "nn")} | {"_modules/minirad/optim/radam.html"}


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


def pytest_generate_tests(metafunc):
    """A test for each page that a reader reads. Of the reference's pages a few, since all are made alike."""
    if "page_name" in metafunc.fixturenames:
        names = pages(SITE) if SITE.exists() else []
        metafunc.parametrize(
            "page_name", [n for n in names if n in SOME or not n.startswith(("_modules/", "reference/"))]
        )
