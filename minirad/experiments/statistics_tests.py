"""Tests of claims: that two arms are equivalent, that one of several claims holds, what a design could have found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isfinite, isnan, sqrt

from minirad.data.support import lab
from minirad.experiments.statistics import check_level, integer, paired_difference, t_tail


@dataclass(frozen=True)
class Equivalence:
    """Whether a mean difference over seeds is known to lie within ± margin.

    The interval mean ± half_width has the confidence 1 - 2 alpha. ``equivalent`` says that all of it lies within the
    margin, which is the same as p < alpha.
    """

    mean: float
    half_width: float
    margin: float
    p: float
    equivalent: bool


def equivalence(a: Mapping[int, float], b: Mapping[int, float], margin: float, alpha: float = 0.05) -> Equivalence:
    """Are a and b, paired by seed, the same but for less than the margin? Two one-sided t tests (TOST).

    A large p-value of the usual test does not say that there is no difference: perhaps there were too few seeds. Here
    the burden is turned round. Two claims are tested, each at the level alpha: the true difference is above -margin,
    and it is below +margin. Both must hold, and p is the larger of the two p-values. It is right where
    paired_difference is, and only with a margin that was written down before the runs. If the arms are not equivalent
    within the margin, that is claimed in at most the share alpha of all experiments. Values that are nan are never
    equivalent.

    Args:
        a, b: the value of each seed.
        margin: the smallest difference that would matter, in the unit of the values.
        alpha: the level of each of the two tests.

    Raises:
        ValueError: as paired_difference; the margin is not positive and finite; alpha does not lie between 0 and 0.5.

    Source: Schuirmann, "A comparison of the two one-sided tests procedure and the power approach for assessing the
    equivalence of average bioavailability", Journal of Pharmacokinetics and Biopharmaceutics 15, 1987.
    """
    if not 0 < margin < inf:
        raise ValueError(f"equivalence: margin must be positive and finite, got {margin}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"equivalence: alpha must lie between 0 and 0.5, got {alpha}")
    difference = paired_difference(a, b, 1 - 2 * alpha)
    above = t_tail(margin + difference.mean, difference.error, difference.n - 1)  # against: it is -margin or less
    below = t_tail(margin - difference.mean, difference.error, difference.n - 1)  # against: it is +margin or more
    p = max(above, below)
    return Equivalence(difference.mean, difference.half_width, margin, p, p < alpha)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """The p-values of several claims, made larger for being several: compare each with alpha as if it were alone.

    Of twenty true null hypotheses, one falls at the level 0.05 by chance alone. After Holm's correction, the chance
    that any true one falls is at most alpha, however the tests depend on each other. The smallest of m p-values is
    multiplied with m, the next with m - 1, and so on; none becomes smaller than the one before it, or larger than 1.

    Args:
        p_values: one for each claim that was planned, those included that came out badly. nan, as of a run that
            diverged, counts as 1: nothing was shown.

    Returns:
        The corrected p-values under the same names, in the same order.

    Raises:
        ValueError: a p-value lies outside of [0, 1].

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979.
    """
    p_values = {name: 1.0 if isnan(p) else p for name, p in p_values.items()}
    for name, p in p_values.items():
        if not 0 <= p <= 1:
            raise ValueError(f"holm: the p-value of {name!r} must lie in [0, 1], got {p}")
    corrected, largest = dict(p_values), 0.0
    for i, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        largest = max(largest, min(1.0, (len(p_values) - i) * p_values[name]))
        corrected[name] = largest
    return corrected


def smallest_effect(n: int, sd: float = 1.0, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest true mean difference that a paired t test over n seeds finds with probability ``power``.

    Found means: p < alpha, two-sided, and with the right sign. A smaller effect may well be there and stay unseen, so
    this number belongs beside every "no difference was seen". It follows from the design alone. To put the difference
    that was observed in its place would say nothing that the p-value does not say.

    Args:
        n: pairs, one for each seed.
        sd: the standard deviation of the differences, from a pilot or the runs; with 1, the result is in units of it.
        power: the probability to find it.
        alpha: the level of the test.

    Raises:
        TypeError: n is no integer.
        ValueError: n is below 2, sd is not finite or negative, alpha does not lie between 0 and 1, or power not between
            alpha / 2 and 1.

    Source: Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd edition, 1988, chapter 2; the
    statistic t follows a noncentral t distribution with the parameter effect * sqrt(n) / sd.
    """
    n = integer("smallest_effect", "n", n)
    if n < 2:
        raise ValueError(f"smallest_effect: n must be at least 2, got {n}")
    if not isfinite(sd) or sd < 0:
        raise ValueError(f"smallest_effect: sd must be finite and at least 0, got {sd}")
    check_level("smallest_effect", "alpha", alpha)
    if not alpha / 2 < power < 1:
        raise ValueError(f"smallest_effect: power must lie between alpha / 2 = {alpha / 2:g} and 1, got {power}")
    stats, optimize = lab("scipy.stats"), lab("scipy.optimize")
    critical = stats.t.isf(alpha / 2, n - 1)
    enough = 1 + critical
    while stats.nct.sf(critical, n - 1, enough) < power:
        enough *= 2
    shift = optimize.brentq(lambda shift: stats.nct.sf(critical, n - 1, shift) - power, 0, enough)
    return float(shift) * sd / sqrt(n)
