"""How numbers become verdicts, for claims about trainings. The claim is stated first; any verdict is accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite

from minirad.data.support import lab
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, SUPPORTED, Verdict
from minirad.experiments.statistics import Difference, fraction_interval, paired_difference, t_tail
from minirad.experiments.statistics_tests import equivalence, smallest_effect

ALPHA = 0.05
ROUNDING = 1e-12  # a spread that is smaller, relative to the scores, is none
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
    if whole.error == 0:
        inside = abs(whole.mean) < margin
        p = 0.5**whole.n if inside else _sign_test(abs(whole.mean) - margin, whole.n)
        return _no_spread(whole, SUPPORTED if inside else CONTRADICTED, p, note, margin=margin)
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
    if found.error == 0:
        word, p = SUPPORTED if sign * found.mean > 0 else CONTRADICTED, _sign_test(found.mean, found.n)
        return _no_spread(replace(found, mean=found.mean + sign * by), word, p, note)
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
    if len(a) == 1 and a.keys() == b.keys():
        return None
    found = paired_difference(a, b, 1 - ALPHA)
    rounding = ROUNDING * max(map(abs, (*a.values(), *b.values())))
    if found.error > rounding:
        return found
    return replace(found, error=0.0, mean=found.mean if abs(found.mean) > rounding else 0.0)


def _shown(found: Difference, shift: float = 0.0, p: float | None = None) -> dict[str, float | int | None]:
    return {
        "difference": found.mean + shift,
        "low": found.mean + shift - found.half_width,
        "high": found.mean + shift + found.half_width,
        "p": found.p if p is None else p,
        "seeds": found.n,
        "detectable": smallest_effect(found.n, found.sd),
    }


def _no_spread(found: Difference, word: str, p: float, note: str, **more: float) -> Verdict:
    """The verdict where all seeds have the same difference, as few seeds of a coarse score may.

    A t interval would have no width, and be certain with two seeds already. The sign test is not.
    """
    numbers = dict.fromkeys(("low", "high")) | {"p": p, "seeds": found.n, "detectable": None, **more}
    same = "all seeds have the same difference: no t interval, p is the sign test's"
    notes = "; ".join(filter(None, (note, same)))
    return Verdict(word if p < ALPHA else INCONCLUSIVE, {"difference": found.mean, **numbers}, notes)


def _sign_test(difference: float, n: int) -> float:
    """The two-sided p-value where all n pairs differ to the same side."""
    return 2 * 0.5**n if difference else 1.0


def _one_seed(a: Mapping[int, float], b: Mapping[int, float], **more: float) -> Verdict:
    (difference,) = (a[seed] - b[seed] for seed in a)
    unknown = dict.fromkeys(("low", "high", "p"))
    numbers = {"difference": difference, **unknown, "seeds": 1, "detectable": None, **more}
    return Verdict(INCONCLUSIVE, numbers, "one seed: no interval")
