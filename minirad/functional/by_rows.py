"""Work on the rows of a matrix, a few at a time, so that they stay in the cache from line to line, and on all cores."""

from __future__ import annotations

from collections.abc import Callable

from minirad.backend import backend_name
from minirad.threads import SMALL, in_parallel

CHUNK = 65_536  # numbers in the rows of a chunk: 256 kB of float32, and two or three such arrays are alive at a time


def by_rows(work: Callable[[slice], None], n: int, length: int) -> None:
    """Call work(part) for slices that cover the n rows of this length. What is small is done in one piece."""
    if n * length < SMALL or backend_name() == "cupy":
        work(slice(0, n))
        return
    rows = max(1, CHUNK // length)

    def stretch(first: int, last: int) -> None:
        for i in range(first, last, rows):
            work(slice(i, min(i + rows, last)))

    in_parallel(stretch, n, n * length)
