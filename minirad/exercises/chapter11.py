"""Checkers of chapter 11, translation."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from minirad.data.support import lab
from minirad.exercises.checking import close, exercise, expect, mistake

Sentences = list[list[str]]


@exercise("11.1")
def bleu_by_hand(bleu_of: Any) -> None:
    """Every right word counts; one averages over the sentences; short is safe."""
    rng = np.random.default_rng(111)
    for case, cut, doubled in (("repeated words", 0, True), ("short translations", 3, False), ("long ones", -4, False)):
        references = [[f"w{i}" for i in rng.integers(0, 30, 12)] for _ in range(6)]
        hypotheses = [list(words) for words in references]
        for i, words in enumerate(hypotheses):
            words[i] = "wrong"
            if doubled:
                words[-4:] = [words[0] if words[0] != "wrong" else words[1]] * 4
            words += ["more"] * -min(cut, 0)
            del words[12 - i // 2 * cut :]
        got, wanted = (
            bleu_of([list(w) for w in hypotheses], [list(w) for w in references]),
            _bleu(hypotheses, references),
        )
        mistake(got, wanted / 100, wanted, f"{case}: BLEU goes from 0 to 100.")
        unclipped = _bleu(hypotheses, references, clipped=False)
        mistake(got, unclipped, wanted, f"{case}: a word counts at most as often as it comes in the reference.")
        mistake(
            got, _bleu(hypotheses, references, brevity=False), wanted, f"{case}: nothing keeps them from being short."
        )
        always = _bleu(hypotheses, references, reward=True)
        mistake(got, always, wanted, f"{case}: the penalty is at most 1. Longer translations get no reward.")
        single = float(np.mean([_bleu([h], [r]) for h, r in zip(hypotheses, references, strict=True)]))
        sums = "this is a mean over sentences. Matches and totals are summed over all of them first"
        mistake(got, single, wanted, f"{case}: {sums}.")
        plain = _bleu(hypotheses, references, arithmetic=True)
        mistake(got, plain, wanted, f"{case}: the mean of the four precisions is the geometric one.")
        expect(close(got, wanted), f"{case}: got {got:.4f}, wanted {wanted:.4f}.")


@exercise("11.2")
def how_sure_is_a_spread(seeds_for_spread: Any) -> str:
    """A standard deviation over five seeds is known to two digits."""
    chi2 = lab("scipy.stats").chi2
    for factor in (1.2, 1.5, 2.0, 3.0):
        n, wanted, case = seeds_for_spread(factor), 2, f"factor {factor}"
        while math.sqrt((wanted - 1) / chi2.ppf(0.025, wanted - 1)) > factor:
            wanted += 1
        ends = [2, 2, 2]
        while (ends[0] - 1) / chi2.ppf(0.025, ends[0] - 1) > factor:
            ends[0] += 1
        while math.sqrt(ends[1] / chi2.ppf(0.025, ends[1])) > factor:
            ends[1] += 1
        while math.sqrt((ends[2] - 1) / chi2.ppf(0.05, ends[2] - 1)) > factor:
            ends[2] += 1
        expect(
            isinstance(n, int | np.integer) and n >= 2, f"{case}: a number of seeds is an integer from 2 on, got {n!r}."
        )
        mistake(n, ends[0], wanted, f"{case}: this is for the variance. The spread is its root.")
        mistake(n, ends[1], wanted, f"{case}: n runs have n - 1 degrees of freedom.")
        mistake(n, ends[2], wanted, f"{case}: the interval has two sides, with 2.5 % on each.")
        expect(n >= wanted, f"{case}: {n} seeds are too few; the spread is less sure than that.")
        expect(n == wanted, f"{case}: {wanted} seeds are enough.")
    return (
        f"To know a spread within a factor of 1.5 takes {seeds_for_spread(1.5)} seeds, of 1.2 {seeds_for_spread(1.2)}."
    )


@exercise("11.3")
def a_spread_of_two_settings(within: Any) -> str:
    """The standard deviation of a table's runs is that of a setting."""
    rng = np.random.default_rng(113)
    for settings in (["a", "b", "b", "b", "b"], ["a", "b", "a", "b"], ["a"] * 4, ["c", "a", "a", "b", "b", "b", "c"]):
        means = {name: 10.0 * i for i, name in enumerate(sorted(set(settings)))}
        values = [means[name] + float(rng.normal()) for name in settings]
        got, case, n = within(list(values), list(settings)), f"settings {' '.join(settings)}", len(values)
        groups = [np.array([x for x, s in zip(values, settings, strict=True) if s == name]) for name in means]
        squares = sum(float(((own - own.mean()) ** 2).sum()) for own in groups)
        wanted = math.sqrt(squares / (n - len(groups)))
        expect(
            not np.isnan(got), f"{case}: the result is nan. A setting with one run adds no distance, and takes no part."
        )
        mistake(got, np.std(values, ddof=1), wanted, f"{case}: this is the spread of all: the settings differ as well.")
        mistake(
            got, math.sqrt(squares / n), wanted, f"{case}: each setting's mean was found from its runs. Divide by less."
        )
        one = "one degree of freedom is lost for each setting, not one in all"
        mistake(got, math.sqrt(squares / (n - 1)), wanted, f"{case}: {one}.")
        average = np.mean([own.std(ddof=1) for own in groups if len(own) > 1])
        mistake(got, average, wanted, f"{case}: a mean of spreads weighs a setting of two runs as much as one of four.")
        mistake(got, squares / (n - len(groups)), wanted, f"{case}: this is the variance.")
        expect(close(got, wanted), f"{case}: got {got:.4f}, wanted {wanted:.4f}.")
    return "The run that is alone in its setting tells nothing of the spread."


@exercise("11.4")
def seeds_for_equal(seeds_for_equality: Any) -> str:
    """It takes few runs to show that nothing happens."""
    t = lab("scipy.stats").t
    for sd, margin in ((1.0, 0.5), (0.4, 0.5), (0.4, 0.2), (3.0, 0.5)):
        n, case, found = seeds_for_equality(sd, margin), f"sd {sd}, margin {margin}", dict[str, int]()
        for name, quantile in (("right", 0.95), ("two-sided", 0.975)):
            found[name] = 2
            while t.ppf(quantile, found[name] - 1) * sd / math.sqrt(found[name]) >= margin:
                found[name] += 1
        normal = max(2, math.ceil((1.6449 * sd / margin) ** 2))
        wanted = found["right"]
        expect(
            isinstance(n, int | np.integer) and n >= 2, f"{case}: a number of seeds is an integer from 2 on, got {n!r}."
        )
        mistake(n, found["two-sided"], wanted, f"{case}: TOST at 0.05 takes the 90 % interval, not that of 95 %.")
        mistake(n, normal, wanted, f"{case}: for so few seeds the normal distribution is too hopeful; take t.")
        expect(n >= wanted, f"{case}: {n} seeds are too few: the interval does not fit in.")
        expect(n == wanted, f"{case}: {wanted} seeds are enough.")
    return f"If the margin is half of the spread, it takes {seeds_for_equality(1.0, 0.5)} seeds."


def _bleu(
    hypotheses: Sentences, references: Sentences, clipped: bool = True, brevity: bool = True, reward: bool = False,
    arithmetic: bool = False,
) -> float:  # fmt: skip
    precisions = []
    for n in range(1, 5):
        matches = total = 0
        for pair in zip(hypotheses, references, strict=True):
            h, r = (Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1)) for words in pair)
            matches += (h & r).total() if clipped else sum(count for gram, count in h.items() if gram in r)
            total += h.total()
        precisions.append(matches / total)
    penalty = math.exp(1 - sum(map(len, references)) / sum(map(len, hypotheses)))
    mean = float(np.mean(precisions)) if arithmetic else float(np.exp(np.mean(np.log(precisions))))
    return 100 * mean * (1.0 if not brevity else penalty if reward else min(1.0, penalty))
