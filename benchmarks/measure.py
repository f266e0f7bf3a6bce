"""How things are timed: in turns, A B A B, so that a machine that gets slower or faster does so for both."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def in_turns(functions: dict[str, Callable[[], Any]], rounds: int, sample: float = 0.01) -> dict[str, list[float]]:
    """Seconds per call of each function, round by round. A sample repeats a quick call until it takes ``sample``."""
    calls = {}
    for name, function in functions.items():
        seconds_for(function, 1)
        calls[name] = max(1, round(sample / seconds_for(function, 1)))
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            times[name].append(seconds_for(function, calls[name]) / calls[name])
    return times


def seconds_for(function: Callable[[], Any], calls: int) -> float:
    """The time that so many calls take."""
    start = perf_counter()
    for _ in range(calls):
        function()
    return perf_counter() - start


def in_turns_apart(program: str, libraries: tuple[str, ...], rounds: int) -> dict[str, list[float]]:
    """Seconds per call in a process of its own each time: the program, with {library} filled in, prints them."""
    times: dict[str, list[float]] = {library: [] for library in libraries}
    for _ in range(rounds):
        for library, found in times.items():
            command = [sys.executable, "-c", program.format(library=library)]
            found.append(float(subprocess.check_output(command)))
    return times


def alone(step: Callable[[], Any], seconds: float = 2.0) -> float:
    """The median time of a step, after some to warm up, when nothing else is going on in the process."""
    for _ in range(3):
        step()
    times = [seconds_for(step, 1)]
    while len(times) < 5 or sum(times) < seconds:
        times.append(seconds_for(step, 1))
    return median(times)


def rows(case: str, times: dict[str, list[float]], must: dict[str, float]) -> list[dict[str, Any]]:
    """One row for each peer of "minirad": the median times, and the median over rounds of minirad / peer."""
    ours = times["minirad"]
    return [
        {
            "case": case,
            "peer": peer,
            "minirad": median(ours),
            "other": median(theirs),
            "ratio": median(a / b for a, b in zip(ours, theirs, strict=True)),
            "must": must.get(peer),
            "unit": "s",
        }
        for peer, theirs in times.items()
        if peer != "minirad"
    ]


def extra_memory(function: Callable[[], Any]) -> int | None:
    """How many bytes the process grows by, at most, while the function runs; None where Linux does not tell.

    Exact if the C library gives memory back at once: see ALLOCATOR in __main__.py.
    """
    try:
        CLEAR.write_text("5")  # the peak starts anew
    except OSError:
        return None
    before = _status("VmRSS")
    function()
    return _status("VmHWM") - before


def _status(field: str) -> int:
    found = re.search(rf"{field}:\s+(\d+) kB", STATUS.read_text())
    return int(found[1]) * 1024 if found else 0


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    model = ""
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        model = next((line.split(":")[1].strip() for line in cpuinfo.open() if line.startswith("model name")), "")
    return {
        "platform": platform.platform(),
        "processor": model or platform.processor(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "numpy's kernels": kernels(),
        **{name: version(name) for name in ("numpy", "torch")},
    }


def kernels() -> str:
    """For which processors NumPy's linear algebra was written: OpenBLAS chooses, or OPENBLAS_CORETYPE."""
    import numpy  # noqa: F401  # loads the library that threadpoolctl asks
    from threadpoolctl import threadpool_info

    found = {f"{pool['internal_api']} {pool.get('architecture')}" for pool in threadpool_info()}
    return ", ".join(sorted(name for name in found if not name.startswith("openmp")))
