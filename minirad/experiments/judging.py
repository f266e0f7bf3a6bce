"""How numbers become verdicts, for claims about trainings. The claim is stated first; any verdict is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite

from minirad.data.support import lab
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Verdict
from minirad.experiments.statistics import Difference, fraction_interval, paired_difference, t_tail
from minirad.experiments.statistics_tests import equivalence, smallest_effect

ALPHA = 0.05
PAIRED = "the paired t interval (95%) lies on the claim's side of {}; contradicted if on the other side"
ALIKE = "two one-sided t tests at the level 0.05 (TOST); contradicted if the 95% interval lies beyond the margin"


def larger(a: Mapping[int, float], b: Mapping[int, float], by: float = 0.0, note: str = "") -> Verdict:
    """Does a exceed b by more than ``by``, seed by seed?

    The numbers: the mean difference a - b, the ends of its 95% interval, the two-sided p-value, the seeds, and the
    smallest effect that so many seeds with this spread would find in 80% of all experiments. One seed decides nothing.

    Raises:
        ValueError: the seeds are not the same, or a score is not finite: a run that failed must have its failure's.
    """
    return _compared(a, b, 1, by, note)


def smaller(a: Mapping[int, float], b: Mapping[int, float], by: float = 0.0, note: str = "") -> Verdict:
    """Is a smaller than b by more than ``by``? As larger(): the difference shown is a - b here too."""
    return _compared(a, b, -1, by, note)


def alike(a: Mapping[int, float], b: Mapping[int, float], margin: float, note: str = "") -> Verdict:
    """Are a and b the same but for less than the margin (TOST)? Contradicted if the 95% interval lies beyond it."""
    whole = _difference(a, b)
    if whole is None:
        return _one_seed(a, b, margin=margin)
    found = equivalence(a, b, margin, ALPHA)
    beyond = abs(whole.mean) - whole.half_width > margin
    word = SUPPORTED if found.equivalent else CONTRADICTED if beyond else INCONCLUSIVE
    # The p-value of the test that decided: for Holm's correction a contradiction needs its own.
    p = 2 * t_tail(abs(whole.mean) - margin, whole.error, whole.n - 1) if beyond else found.p
    return Verdict(word, _shown(whole, p=p) | {"margin": margin}, note)


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
    found = _difference(a, {seed: value + sign * by for seed, value in b.items()})
    if found is None:
        return _one_seed(a, b)
    word = INCONCLUSIVE
    if abs(found.mean) > found.half_width:
        word = SUPPORTED if sign * found.mean > 0 else CONTRADICTED
    return Verdict(word, _shown(found, sign * by), note)


def _difference(a: Mapping[int, float], b: Mapping[int, float]) -> Difference | None:
    """The paired difference, and None for a single seed, as with --seeds 1."""
    for scores in (a, b):
        if bad := [seed for seed, score in scores.items() if not isfinite(score)]:
            raise ValueError(
                f"a score must be finite, also of a run that failed, got {scores[bad[0]]} of seed {bad[0]}"
            )
    return None if len(a) == 1 and a.keys() == b.keys() else paired_difference(a, b, 1 - ALPHA)


def _shown(found: Difference, shift: float = 0.0, p: float | None = None) -> dict[str, float | int | None]:
    return {
        "difference": found.mean + shift,
        "low": found.mean + shift - found.half_width,
        "high": found.mean + shift + found.half_width,
        "p": found.p if p is None else p,
        "seeds": found.n,
        "detectable": smallest_effect(found.n, found.sd),
    }


def _one_seed(a: Mapping[int, float], b: Mapping[int, float], **more: float) -> Verdict:
    (difference,) = (a[seed] - b[seed] for seed in a)
    unknown = dict.fromkeys(("low", "high", "p"))
    numbers = {"difference": difference, **unknown, "seeds": 1, "detectable": None, **more}
    return Verdict(INCONCLUSIVE, numbers, "one seed: no interval")
