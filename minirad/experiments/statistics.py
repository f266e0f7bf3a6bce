"""Intervals over seeds: of a mean, of a paired difference, of a fraction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot, inf, nan, sqrt
from operator import index
from typing import Any

from minirad.data.support import lab


def mean_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """The mean of independent values and the half-width of its t interval (nan for a single value).

    Of many such intervals, each from new values, the share ``confidence`` holds the true mean. It is right for values
    that are about normal, and good enough for others unless they are few and lopsided. Values that are not finite show.

    Raises:
        ValueError: there is no value, or confidence does not lie between 0 and 1.

    Source: Student, "The probable error of a mean", Biometrika 6, 1908.
    """
    check_level("mean_interval", "confidence", confidence)
    n = len(values)
    if n == 0:
        raise ValueError("mean_interval: needs at least one value")
    if n == 1:
        return float(values[0]), nan
    mean, error = _mean_and_error(values)
    return mean, float(lab("scipy.stats").t.ppf((1 + confidence) / 2, n - 1)) * error


@dataclass(frozen=True)
class Difference:
    """A mean difference over seeds: its t interval is mean ± half_width.

    ``error`` is the standard error of the mean, sd / sqrt(n). ``p`` is how often a difference at least as large as this
    one, to either side, would be seen if the true one were 0.
    """

    mean: float
    half_width: float
    error: float
    p: float
    n: int

    @property
    def sd(self) -> float:
        """The standard deviation of the single differences."""
        return self.error * sqrt(self.n)


def paired_difference(a: Mapping[int, float], b: Mapping[int, float], confidence: float = 0.95) -> Difference:
    """By how much a exceeds b, seed by seed: the mean of the differences, its t interval and its two-sided p-value.

    What the two runs of a seed share (weights, batches) cancels. It is right where the differences are about normal:
    look at the points. A run that diverged has no value; if it is nan, so is the result. Count such runs instead: see
    fraction_interval.

    Args:
        a, b: the value of each seed.
        confidence: of the interval.

    Raises:
        ValueError: the seeds of a and b are not the same, or fewer than two; confidence does not lie between 0 and 1.

    Source: the paired t test: Student, "The probable error of a mean", Biometrika 6, 1908.
    """
    if a.keys() != b.keys() or len(a) < 2:
        raise ValueError(
            "paired_difference: a and b must have the same seeds, at least two, "
            f"got {sorted(a, key=str)} and {sorted(b, key=str)}"
        )
    differences = [a[seed] - b[seed] for seed in sorted(a)]
    (mean, half_width), (_, error), n = mean_interval(differences, confidence), _mean_and_error(differences), len(a)
    return Difference(mean, half_width, error, 2 * t_tail(abs(mean), error, n - 1), n)


def fraction_interval(count: int, n: int, confidence: float = 0.95) -> tuple[float, float, float]:
    """How large a share is: count / n, and the lower and upper end of its Clopper-Pearson interval.

    Right for n independent runs that each either do something (get stuck, diverge) or do not. It never claims too much:
    at least the share ``confidence`` of such intervals holds the true fraction, for any n, mostly more. So 0 of 10 runs
    stuck still allows for a true fraction of 0.31.

    Raises:
        ValueError: n is below 1, count does not lie in 0 ... n, or confidence not between 0 and 1.
        TypeError: count or n is no integer.

    Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26, 1934.
    """
    check_level("fraction_interval", "confidence", confidence)
    count, n = (integer("fraction_interval", name, number) for name, number in (("count", count), ("n", n)))
    if n < 1 or not 0 <= count <= n:
        raise ValueError(f"fraction_interval: needs 0 <= count <= n and n >= 1, got {count} of {n}")
    beta, outside = lab("scipy.stats").beta, (1 - confidence) / 2
    low = 0.0 if count == 0 else float(beta.ppf(outside, count, n - count + 1))
    high = 1.0 if count == n else float(beta.isf(outside, count + 1, n - count))
    return count / n, low, high


def t_tail(distance: float, error: float, df: int) -> float:
    """P(T > distance / error) for T of Student's t distribution; where there is no error, 0, 1/2 or 1 by the sign."""
    if error == 0:
        return 0.0 if distance > 0 else 0.5 if distance == 0 else 1.0
    return float(lab("scipy.stats").t.sf(distance / error, df))


def _mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean of n >= 2 values and its standard error."""
    n = len(values)
    mean = sum(values) / n
    if not -inf < mean < inf:
        return mean, nan
    return mean, hypot(*(value - mean for value in values)) / sqrt((n - 1) * n)  # a square might overflow


def integer(function: str, name: str, value: Any) -> int:
    """The value as a Python integer, be it one of Python's or NumPy's; TypeError if it is none, or a truth value."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return index(value)
    except TypeError:
        raise TypeError(f"{function}: {name} must be an integer, got {value!r}") from None


def check_level(function: str, name: str, value: float) -> None:
    """Raise ValueError unless 0 < value < 1."""
    if not 0 < value < 1:
        raise ValueError(f"{function}: {name} must lie between 0 and 1, got {value}")
