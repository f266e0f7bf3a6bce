"""Checkers of chapter 7, comparing optimizers honestly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minirad.data.support import lab
from minirad.exercises.checking import close, exercise, expect, mistake
from minirad.experiments.statistics import fraction_interval, paired_difference
from minirad.experiments.statistics_tests import equivalence, holm, smallest_effect


@exercise("7.1")
def the_interval_of_a_difference(interval_of_difference: Any) -> None:
    """Two intervals which overlap show no difference; 1.96 will do."""
    stats, rng = lab("scipy.stats"), np.random.default_rng(71)
    for n in (3, 5, 10):
        seeds = list(range(100, 100 + n))
        luck = dict(zip(seeds, rng.normal(0, 3, n), strict=True))  # a seed is good or bad for both
        a = {seed: 90 + luck[seed] + rng.normal(0.5, 0.3) for seed in seeds}
        b = {seed: 90 + luck[seed] + rng.normal(0, 0.3) for seed in reversed(seeds)}
        found, case = paired_difference(a, b), f"{n} seeds"
        got, wanted = interval_of_difference(a, b), (found.mean - found.half_width, found.mean + found.half_width)
        expect(np.shape(got) == (2,), "return two numbers, the lower and the upper end.")
        x, y = np.array([a[s] for s in seeds]), np.array([b[s] for s in seeds])
        unpaired = math.sqrt((x.var(ddof=1) + y.var(ddof=1)) / n)
        order, d = np.array(list(a.values())) - np.array(list(b.values())), x - y
        for factor in (found.half_width / found.error, 1.96, stats.t.ppf(0.975, 2 * n - 2)):
            wrong = found.mean - factor * unpaired, found.mean + factor * unpaired
            mistake(got, wrong, wanted, f"{case}: this treats the runs as unpaired. Take the difference of each seed.")
        half = found.half_width / found.error * order.std(ddof=1) / math.sqrt(n)
        wrong = order.mean() - half, order.mean() + half
        mistake(got, wrong, wanted, f"{case}: values were paired by their place, not by their seed.")
        few = f"{case}: with 1.96 the interval is right for many seeds. What takes its place for few?"
        mistake(got, (found.mean - 1.96 * found.error, found.mean + 1.96 * found.error), wanted, few)
        z = stats.norm.ppf(0.975)
        mistake(got, (found.mean - z * found.error, found.mean + z * found.error), wanted, few)
        half = found.half_width * d.std() / d.std(ddof=1)
        by_n = f"{case}: the variance divides by n - 1 (ddof=1), since the mean was guessed from the same numbers."
        mistake(got, (found.mean - half, found.mean + half), wanted, by_n)
        expect(close(got, wanted), f"{case}: got {got}, wanted {wanted}.")


@exercise("7.2")
def how_many_runs_without_a_failure(runs_needed: Any) -> str:
    """What did not happen in ten runs does not happen."""
    found = []
    for p in (0.5, 0.3, 0.1, 0.05, 0.01):
        n = runs_needed(p)
        expect(
            isinstance(n, int | np.integer) and n > 0, f"p = {p}: a number of runs is a positive integer, got {n!r}."
        )
        high, one_sided = fraction_interval(0, n)[2], math.ceil(math.log(0.05) / math.log(1 - p))
        short = "the interval has two sides, and leaves 2.5 % on each"
        expect(n != one_sided or high <= p, f"p = {p}: {short}.")
        usual = f"with {n} runs and the probability {p}, no failure is seen in {(1 - p) ** n:.0%} of the cases"
        expect(high <= p, f"p = {p}: {usual}. The interval ends at {high:.3f}.")
        expect(n == 1 or fraction_interval(0, n - 1)[2] > p, f"p = {p}: {n} runs are enough, and fewer would do.")
        found.append(f"{p}: {n}")
    return "p and the runs that it takes: " + ", ".join(found) + "."


@exercise("7.3")
def a_fair_fight_of_unequal_trials(chance_to_win: Any) -> str:
    """It does no harm to search longer for the good rate of one's own method."""
    rng = np.random.default_rng(73)
    for k, l, m in ((4, 4, 1), (20, 4, 1), (4, 20, 1), (5, 5, 3), (20, 4, 3)):
        got, case = chance_to_win(k, l, m), f"k = {k}, l = {l}, m = {m}"
        seen = np.mean(rng.random((20_000, k)).max(axis=1) > rng.random((20_000, m * l)).max(axis=1))
        wanted = k / (k + m * l)
        half = "they are equal in one trial. But one has more tickets in the lottery"
        mistake(got, 0.5 if m == 1 else math.nan, wanted, f"{case}: {half}.")
        alone = k / (k + l)
        mistake(got, alone, wanted, f"{case}: this is for one baseline. All trials of all of them must be beaten.")
        if m > 1:
            tied = "if A has beaten one baseline, its best trial is probably good, and beats the next more easily"
            mistake(got, alone**m, wanted, f"{case}: {tied}. Count all trials at once.")
        expect(close(got, seen, rtol=0, atol=0.015), f"{case}: you say {got:.3f}, in 20,000 contests it is {seen:.3f}.")
    return f"With 20 trials against 4 the better searched of two equal methods wins {chance_to_win(20, 4):.0%}."


@exercise("7.4")
def two_questions_four_answers(different_and_equivalent: Any) -> None:
    """Not significant means equal."""
    rng = np.random.default_rng(74)
    got, wanted, means, halves, margins = [], [], [], [], []
    for _ in range(300):
        n, margin = int(rng.integers(4, 12)), float(rng.uniform(0.2, 1.2))
        d = rng.normal(rng.uniform(-1, 1), rng.uniform(0.1, 1.5), n)
        a, b = dict(enumerate(d)), dict.fromkeys(range(n), 0.0)
        usual, answer = paired_difference(a, b), different_and_equivalent(d.copy(), margin)
        expect(np.shape(answer) == (2,), "return two truth values: different, equivalent.")
        got.append([bool(answer[0]), bool(answer[1])])
        wanted.append([usual.p < 0.05, equivalence(a, b, margin).equivalent])
        means.append(abs(usual.mean))
        halves.append(usual.half_width)
        margins.append(margin)
    (different, equivalent), (seen, same) = np.transpose(got), np.transpose(wanted)
    mean, half, width = np.array(means), np.array(halves), np.array(margins)
    mistake(
        different, mean > width, seen, "whether a difference was seen has nothing to do with the margin: look at 0."
    )
    first = int(np.argmax(different != seen))
    case = f"mean {mean[first]:.2f}, 95 % interval ± {half[first]:.2f}"
    expect(close(different, seen), f"{case}: different must be {seen[first]}.")
    mistake(equivalent, ~different, same, "this calls equal what was not seen to differ. With few seeds, that is all.")
    mistake(equivalent, mean < width, same, "the mean lies within the margin. And its interval, which tells how sure?")
    mistake(equivalent, mean + half < width, same, "TOST at the level 0.05 takes the 90 % interval, not that of 95 %.")
    mistake(equivalent, same & ~seen, same, "a difference may be seen, and yet be smaller than what matters.")
    first = int(np.argmax(equivalent != same))
    case = f"mean {mean[first]:.2f}, 95 % interval ± {half[first]:.2f}, margin {width[first]:.2f}"
    expect(close(equivalent, same), f"{case}: equivalent must be {same[first]}.")


@exercise("7.5")
def holm_by_hand(holm_of: Any) -> None:
    """Each claim may be tested as if it were alone; the only remedy is to multiply all p-values by their number."""
    rng = np.random.default_rng(75)
    cases = [[0.03], [0.04, 0.01], [0.01, 0.011, 0.012], [0.6, 0.5, 0.001, 0.02]]
    for p_values in [*cases, *(list(rng.random(n) ** 3) for n in (3, 8, 20))]:
        got, m = holm_of(list(p_values)), len(p_values)
        wanted, case = (
            list(holm({str(i): p for i, p in enumerate(p_values)}).values()),
            f"{[round(float(p), 3) for p in p_values]}",
        )
        expect(np.shape(got) == (m,), f"{case}: return one number for each.")
        mistake(got, p_values, wanted, f"{case}: nothing is corrected. Each has the chance of a false alarm.")
        times_m = [min(1.0, m * p) for p in p_values]
        left = "this is Bonferroni: only the smallest is multiplied by m. When it has fallen, m - 1 claims are left"
        mistake(got, times_m, wanted, f"{case}: {left}.")
        ranks = np.argsort(np.argsort(p_values))
        steps = [(m - rank) * p for rank, p in zip(ranks, p_values, strict=True)]
        order = "a larger p-value has become smaller than one before it: each is at least as large as the last"
        for wrong in (steps, [min(1.0, p) for p in steps]):
            mistake(got, wrong, wanted, f"{case}: {order}.")
        mistake(got, sorted(wanted), wanted, f"{case}: the results must stay in the order of the list.")
        expect(np.max(got) <= 1, f"{case}: a probability is at most 1.")
        expect(close(got, wanted), f"{case}: got {got}, wanted {wanted}.")


@exercise("7.6")
def before_the_runs(seeds_needed: Any) -> str:
    """Five seeds are what one takes; a difference as large as its interval is found for sure."""
    for effect, sd in ((1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (0.3, 0.6), (10.0, 1.0)):
        n, case, wanted = seeds_needed(effect, sd), f"effect {effect}, sd {sd}", 2
        while smallest_effect(wanted, sd) > effect:
            wanted += 1
        expect(
            isinstance(n, int | np.integer) and n >= 2, f"{case}: a number of seeds is an integer from 2 on, got {n!r}."
        )
        expect(n != 5 or wanted == 5, f"{case}: five is a habit. {wanted} seeds are needed here.")
        coin = "then the interval is as wide as the effect, and the difference is found in half of the experiments"
        mistake(n, max(2, math.ceil((1.96 * sd / effect) ** 2)), wanted, f"{case}: {n} seeds: {coin}.")
        normal = "the normal distribution is too hopeful for so few seeds; t and its error are in smallest_effect"
        mistake(n, max(2, math.ceil(((1.96 + 0.84) * sd / effect) ** 2)), wanted, f"{case}: {n} seeds: {normal}.")
        found = f"the smallest detectable effect is {smallest_effect(n, sd):.3f}"
        expect(smallest_effect(n, sd) <= effect, f"{case}: with {n} seeds {found}.")
        expect(n == wanted, f"{case}: {n} seeds are enough, and {n - 1} would do.")
    return f"For a difference of half a standard deviation it takes {seeds_needed(0.5, 1.0)} seeds."
