"""JupyterLab on this machine, with a copy of the notebooks and nobody's own settings. Without it the tests are skipped.

The browser is that of tests/conftest.py.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
COMMAND = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--expose-app-in-browser"]
NEWS = "@jupyterlab/apputils-extension:announcements"  # asks the network


class Lab(NamedTuple):
    """A server that runs: its address, what it lets in with, and its folder of notebooks."""

    address: str
    token: str
    folder: Path


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab while the tests run. Its kernels end with it."""
    pytest.importorskip("jupyterlab", reason="needs JupyterLab: pip install minirad[notebooks]")
    home = tmp_path_factory.mktemp("jupyter")
    folder = home / "notebooks"
    shutil.copytree(NOTEBOOKS, folder)
    (home / "labconfig").mkdir()
    (home / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": {NEWS: True}}))
    own = {f"JUPYTER_{name}_DIR": str(home) for name in ("CONFIG", "DATA", "RUNTIME")} | {"IPYTHONDIR": str(home)}
    with open(home / "log", "w") as log:
        command = [*COMMAND, "--allow-root", f"--ServerApp.root_dir={folder}"]
        server = subprocess.Popen(command, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT)
    try:
        about = said(server, home)
        yield Lab(about["url"], about["token"], folder)
    finally:
        server.terminate()
        try:
            server.wait(timeout=60)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def said(server, home, seconds=120):
    """What the server writes about itself when it listens: the port that it found, and its token."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.poll() is None:
        for path in home.glob("jpserver-*.json"):
            if text := path.read_text(encoding="utf-8"):
                return json.loads(text)
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{(home / 'log').read_text(encoding='utf-8')}")
