"""Intervals over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan, sqrt

from minirad.data.support import lab


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """The mean of independent values and the half-width of its t interval (nan for a single value)."""
    n = len(values)
    if n == 0:
        raise ValueError("mean_interval: needs at least one value")
    mean = sum(values) / n
    if n == 1:
        return mean, nan
    spread = sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    quantile = lab("scipy.stats").t.ppf((1 + confidence) / 2, n - 1)
    return mean, float(quantile) * spread / sqrt(n)
