"""How numbers become verdicts, for claims about trainings. The claim is stated first; any verdict is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minirad.data.support import lab
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Verdict
from minirad.experiments.statistics import fraction_interval, paired_difference
from minirad.experiments.statistics_tests import equivalence, smallest_effect

ALPHA = 0.05
PAIRED = "the paired t interval (95%) lies on the claim's side of {}; contradicted if on the other side"
ALIKE = "two one-sided t tests at the level 0.05 (TOST); contradicted if the 95% interval lies beyond the margin"


def larger(a: Mapping[int, float], b: Mapping[int, float], by: float = 0.0, note: str = "") -> Verdict:
    """Does a exceed b by more than ``by``, seed by seed? A run that failed must have its failure's score, not nan.

    The numbers: the mean difference a - b, the ends of its 95% interval, the two-sided p-value, the seeds, and the
    smallest effect that so many seeds with this spread would find in 80% of all experiments.
    """
    return _compared(a, b, 1, by, note)


def smaller(a: Mapping[int, float], b: Mapping[int, float], by: float = 0.0, note: str = "") -> Verdict:
    """Is a smaller than b by more than ``by``? As larger(): the difference shown is a - b here too."""
    return _compared(a, b, -1, by, note)


def alike(a: Mapping[int, float], b: Mapping[int, float], margin: float, note: str = "") -> Verdict:
    """Are a and b the same but for less than the margin (TOST)? Contradicted if the 95% interval lies beyond it."""
    found, whole = equivalence(a, b, margin, ALPHA), paired_difference(a, b, 1 - ALPHA)
    beyond = abs(whole.mean) - whole.half_width > margin
    word = SUPPORTED if found.equivalent else CONTRADICTED if beyond else INCONCLUSIVE
    return Verdict(
        word, _difference(whole.mean, whole.half_width, found.p, whole.n, whole.sd) | {"margin": margin}, note
    )


def oftener(a: Sequence[bool], b: Sequence[bool], note: str = "") -> Verdict:
    """Does it happen to a oftener than to b, pair by pair? The exact sign test over the pairs that differ (McNemar).

    The numbers: both shares with the ends of their Clopper-Pearson intervals, and the two-sided p-value.
    """
    if len(a) != len(b) or not a:
        raise ValueError(f"oftener: a and b must be pairs, at least one, got {len(a)} and {len(b)}")
    only_a = sum(x and not y for x, y in zip(a, b, strict=True))
    only_b = sum(y and not x for x, y in zip(a, b, strict=True))
    n = only_a + only_b
    p = float(lab("scipy.stats").binomtest(only_a, n).pvalue) if n else 1.0
    word = INCONCLUSIVE if p >= ALPHA else SUPPORTED if only_a > only_b else CONTRADICTED
    numbers: dict[str, float | int | None] = {}
    for name, values in (("a", a), ("b", b)):
        share, low, high = fraction_interval(sum(values), len(values))
        numbers |= {f"share {name}": share, f"low {name}": low, f"high {name}": high}
    return Verdict(word, numbers | {"only a": only_a, "only b": only_b, "pairs": len(a), "p": p}, note)


def _compared(a: Mapping[int, float], b: Mapping[int, float], sign: int, by: float, note: str) -> Verdict:
    found = paired_difference(a, {seed: value + sign * by for seed, value in b.items()}, 1 - ALPHA)
    word = INCONCLUSIVE
    if abs(found.mean) > found.half_width:
        word = SUPPORTED if sign * found.mean > 0 else CONTRADICTED
    return Verdict(word, _difference(found.mean + sign * by, found.half_width, found.p, found.n, found.sd), note)


def _difference(mean: float, half_width: float, p: float, n: int, sd: float) -> dict[str, float | int | None]:
    return {
        "difference": mean,
        "low": mean - half_width,
        "high": mean + half_width,
        "p": p,
        "seeds": n,
        "detectable": smallest_effect(n, sd),
    }
