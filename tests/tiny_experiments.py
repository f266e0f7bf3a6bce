"""Experiments that take as long as they are told, and end as they are told. Worker processes import them."""

import os
import signal
import sys
import time
import warnings
from asyncio import CancelledError
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Literal

from minirad.backend import stream
from minirad.experiments.experiment import Experiment
from minirad.threads import get_num_threads


@dataclass(frozen=True)
class Tiny:
    """One field of each kind."""

    x: int
    lr: float = 0.1
    end: Literal["well", "nan", "error", "exit", "death", "once", "no-json", "empty", "cancel", "half", "text"] = "well"
    seconds: float = 0.0
    hidden: tuple[int, ...] = (8,)
    betas: tuple[float, float] = (0.9, 0.999)
    name: str = "some"
    nesterov: bool = False
    clip: float | None = None
    folder: str = "here"


def run(settings):
    """Two rows: x, squares, and numbers from an unseeded stream. Before that, what ``end`` says."""
    if "TINY_PIDS" in os.environ:  # for those who want to kill us
        Path(os.environ["TINY_PIDS"], str(os.getpid())).touch()
    print("a run prints")
    warnings.warn("and warns", stacklevel=1)
    time.sleep(settings.seconds)
    rows = [{"x": settings.x}, {"score": settings.x**2 / 8, "drawn": stream("noise").random(3).tolist()}]
    match settings.end:
        case "nan":
            return [*rows, {"stopped": "the loss is nan at step 2"}]
        case "error":
            raise ArithmeticError("no\nluck")
        case "exit":
            sys.exit("enough")
        case "death":
            os.kill(os.getpid(), signal.SIGKILL)
        case "once":  # fails the first time
            marker = Path(os.environ["TINY_PIDS"], "once")
            if not marker.exists():
                marker.touch()
                raise OSError("not yet")
        case "no-json":
            rows[0]["x"] = object()
        case "empty":
            return []
        case "cancel":  # no Exception, and the pool has a meaning of its own for it
            raise CancelledError
        case "half":  # half a character, which can't be printed
            raise ValueError("\ud800")
        case "text":
            rows[1]["score"] = "much"
    return rows


def measure(settings):
    """What this process has: open files, resident memory in KiB, threads of the linear algebra."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    kib = pages * os.sysconf("SC_PAGE_SIZE") // 1024
    return [
        {"files": len(os.listdir("/proc/self/fd")), "memory": kib, "threads": get_num_threads(), "pid": os.getpid()}
    ]


def other_code():
    """In the place of results.code(): what it gives depends on who asks."""
    return os.environ.get("TINY_PIDS", "ours")


def tick(path, seconds):
    """A task that leaves a dot and takes its time."""
    with open(path, "a") as file:
        file.write(".")
    time.sleep(seconds)


def crash(path):
    """A task that leaves a dot and takes its process along."""
    tick(path, 0)
    os.kill(os.getpid(), signal.SIGKILL)


def complete(x, **rest):
    if x < 0:
        raise ValueError(f"x must be at least 0, got {x}")
    return Tiny(x, **rest)


def before(settings):
    if settings.folder == "nowhere":
        raise ValueError("the data can't be had")


TINY = Experiment("tiny", Tiny, run, complete=complete, scale=attrgetter("folder"), headline="score", before=before)
MEASURE = Experiment("measure", Tiny, measure)
NESTED = Experiment("nested", Tiny, lambda settings: [])
