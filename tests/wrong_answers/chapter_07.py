"""Wrong answers to the exercises of chapter 7."""

import math

import numpy as np
from scipy import stats


def interval_with(paired="seed", factor=None, ddof=1):
    def interval_of_difference(a, b):
        x, y = np.array(list(a.values())), np.array([b[s] for s in a] if paired == "seed" else list(b.values()))
        n, d = len(x), x - y
        se = d.std(ddof=ddof) / math.sqrt(n) if paired else math.sqrt((x.var(ddof=1) + y.var(ddof=1)) / n)
        half = (factor or stats.t.ppf(0.975, n - 1)) * se
        return d.mean() - half, d.mean() + half

    return interval_of_difference


def two_answers(different=None, equivalent=None, level=0.95):
    def different_and_equivalent(d, margin):
        mean, se = abs(d.mean()), d.std(ddof=1) / math.sqrt(len(d))
        seen = bool(mean > stats.t.ppf(0.975, len(d) - 1) * se)
        same = bool(mean + stats.t.ppf(level, len(d) - 1) * se < margin)
        return different(mean, margin) if different else seen, equivalent(
            seen, same, mean, margin
        ) if equivalent else same

    return different_and_equivalent


def bare_steps(p_values):
    m, ranks = len(p_values), np.argsort(np.argsort(p_values))
    return [min(1.0, (m - rank) * p) for rank, p in zip(ranks, p_values, strict=True)]


WRONG = {
    "7.1": [
        ([interval_with(paired=None)], "Take the difference of each seed"),
        ([interval_with(paired="place")], "by their place, not by their seed"),
        ([interval_with(factor=1.96)], "right for many seeds"),
        ([interval_with(ddof=0)], "divides by n - 1"),
    ],
    "7.2": [
        ([lambda p: math.ceil(1 / p)], "no failure is seen in"),
        ([lambda p: math.ceil(math.log(0.05) / math.log(1 - p))], "two sides"),
        ([lambda p: 1000], "fewer would do"),
    ],
    "7.3": [
        ([lambda k, l, m=1: 0.5], "more tickets"),
        ([lambda k, l, m=1: k / (k + l)], "this is for one baseline"),
        ([lambda k, l, m=1: (k / (k + l)) ** m], "Count all trials at once"),
    ],
    "7.4": [
        ([two_answers(equivalent=lambda seen, same, mean, margin: not seen)], "not seen to differ"),
        ([two_answers(equivalent=lambda seen, same, mean, margin: mean < margin)], "tells how sure"),
        ([two_answers(level=0.975)], "not that of 95 %"),
        ([two_answers(equivalent=lambda seen, same, mean, margin: same and not seen)], "smaller than what matters"),
        ([two_answers(different=lambda mean, margin: mean > margin)], "has nothing to do with the margin"),
    ],
    "7.5": [
        ([list], "nothing is corrected"),
        ([lambda p_values: [min(1.0, len(p_values) * p) for p in p_values]], "this is Bonferroni"),
        ([bare_steps], "has become smaller than one before it"),
    ],
    "7.6": [
        ([lambda effect, sd: 5], "five is a habit"),
        ([lambda effect, sd: max(2, math.ceil((1.96 * sd / effect) ** 2))], "half of the experiments"),
        ([lambda effect, sd: max(2, math.ceil((2.8 * sd / effect) ** 2))], "too hopeful"),
    ],
}
