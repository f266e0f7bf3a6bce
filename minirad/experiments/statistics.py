"""Intervals over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from math import nan, sqrt


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """The mean of independent values and the half-width of its t interval (nan for a single value)."""
    n = len(values)
    if n == 0:
        raise ValueError("mean_interval: needs at least one value")
    mean = sum(values) / n
    if n == 1:
        return mean, nan
    spread = sqrt(sum((value - mean) ** 2 for value in values) / (n - 1))
    quantile = import_module("scipy.stats").t.ppf((1 + confidence) / 2, n - 1)
    return mean, float(quantile) * spread / sqrt(n)
