"""Long curves: thinned for storage, and filled up again to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

MOST = 5_000_000  # steps of a curve that is filled up: 40 MB


def thin(values: Sequence[float] | np.ndarray, points: int = 500) -> np.ndarray:
    """Which points of a curve to keep so that its picture stays the same: ends, extremes, and peaks all along.

        i = thin(losses)
        row = {"step": (i + 1).tolist(), "loss": rounded(losses[i])}

    The curve is cut into stretches of equal length; of each, the lowest and the highest value are kept. A mean would
    make peaks lower and noise smaller than they were. Infinities count as values. A stretch in which all is nan keeps
    one of them.

    Args:
        values: n numbers, at steps 1 ... n.
        points: how many to keep at most. A curve that has no more is kept whole.

    Returns:
        Their places, counted from 0, growing: with the first, the last, and those of the lowest and highest value of
        all.

    Raises:
        ValueError: points is below 4, or values has not one axis.
    """
    values = np.asarray(values, dtype=np.float64)
    if points < 4:
        raise ValueError(f"thin: points must be at least 4, got {points}")
    if values.ndim != 1:
        raise ValueError(f"thin: values must have one axis, got shape {values.shape}")
    n = len(values)
    if n <= points:
        return np.arange(n)
    gaps = np.isnan(values)
    edges = np.linspace(0, n, (points - 2) // 2 + 1).astype(int)
    lowest, highest = (
        [start + pick(filled[start:stop]) for start, stop in pairwise(edges)]
        for pick, filled in ((np.argmin, np.where(gaps, np.inf, values)), (np.argmax, np.where(gaps, -np.inf, values)))
    )
    return np.unique([0, *lowest, *highest, n - 1])


def fill(steps: Sequence[int], values: Sequence[float]) -> np.ndarray:
    """A thinned curve at every step 1, 2, ... up to the last: straight between the points, nan before the first.

    Raises:
        ValueError: steps are not whole numbers that grow from 1 or later on, as many as values, or go beyond MOST.
    """
    x, y = np.asarray(steps), np.asarray(values, dtype=np.float64)
    if x.shape != y.shape or (len(x) and (x.dtype.kind != "i" or x[0] < 1 or (np.diff(x) < 1).any())):
        raise ValueError(
            f"fill: steps must be {len(y)} growing whole numbers from 1 or later on, got {list(steps)!r:.60}"
        )
    if len(x) and x[-1] > MOST:
        raise ValueError(f"fill: steps must go up to {MOST:,} at most, got {x[-1]:,}")
    every = np.arange(1, x[-1] + 1) if len(x) else x
    return y if np.array_equal(x, every) else np.interp(every, x, y, left=np.nan)
