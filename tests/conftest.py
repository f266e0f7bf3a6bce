"""Which backend the tests run on, and that each test starts alike.

MINIRAD_TEST_BACKEND is numpy (the default), fake-cupy (the strict stand-in for CuPy, see fake_cupy.py) or cupy (the
real one, which needs a GPU). Tests use ``host`` and ``device`` of helpers.py and so run on each.

Markers: gpu needs CuPy and a device, and switches to it by itself; parity compares with PyTorch, JAX or optax. Both are
skipped, with the reason, where these are missing. MINIRAD_CHROMIUM names the browser's program for tests/site and
tests/lab.
"""

import os
import shutil
import signal
import sys
from importlib.util import find_spec

import pytest
from helpers import BACKEND
from hypothesis import HealthCheck, settings

from minirad.backend import manual_seed, use_backend

if BACKEND == "fake-cupy":
    from fake_cupy import cupy

    sys.modules["cupy"] = cupy
elif BACKEND not in ("numpy", "cupy"):
    raise pytest.UsageError(f"MINIRAD_TEST_BACKEND must be numpy, fake-cupy or cupy, got {BACKEND!r}")
use_backend(BACKEND.removeprefix("fake-"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # from a shell's background job; the commands would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The same examples in every run, and no failure because a machine is slow. Look for new ones with
# pytest --hypothesis-profile=search.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeat", patient, derandomize=True, max_examples=50)
settings.register_profile("search", patient, max_examples=1000)
settings.load_profile("repeat")

collect_ignore = ["lab"]  # minutes in a browser: make lab-check asks for it by name
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PEERS = {
    "torch": "needs PyTorch: pip install torch==2.13.0, or minirad[torch]",
    "optax": "needs optax and JAX: pip install optax jax, or minirad[parity]",
}


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that use torch or optax as parity; skip what this machine or backend can't run."""
    no_gpu = _no_gpu() if any(item.get_closest_marker("gpu") for item in items) else ""
    for item in items:
        peers = {"torch", "optax"} & set(getattr(item, "fixturenames", ()))
        if peers:
            item.add_marker("parity")
        elif item.get_closest_marker("parity"):
            peers = {"torch"}
        reasons = [PEERS[peer] for peer in sorted(peers) if not find_spec(peer)]
        if no_gpu and item.get_closest_marker("gpu"):
            reasons.append(no_gpu)
        for reason in reasons:
            item.add_marker(pytest.mark.skip(reason=reason))


def _no_gpu() -> str:
    """Why the tests marked gpu can't run here, or nothing."""
    if BACKEND == "fake-cupy":
        return "needs the real CuPy; this run is on the stand-in"
    try:
        import cupy
    except ImportError:
        return "needs CuPy: pip install cupy-cuda13x"
    return "" if cupy.is_available() else "needs a GPU: CuPy finds none"


@pytest.fixture(autouse=True)
def same_draws():
    """Every test draws the same numbers, whatever ran before it."""
    manual_seed(0)


@pytest.fixture(scope="session")
def torch():
    """PyTorch on one thread; the test is marked parity, and skipped where it is missing."""
    module = pytest.importorskip("torch", reason="needs PyTorch")
    threads = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(threads)


@pytest.fixture
def optax():
    """optax, with JAX in float64 while the test runs; the test is marked parity, and skipped where it is missing."""
    module, jax = (pytest.importorskip(name, reason=f"needs {name}") for name in ("optax", "jax"))
    with jax.enable_x64(True):
        yield module


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
