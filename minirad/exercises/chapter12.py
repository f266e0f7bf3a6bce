"""Checkers of chapter 12, robustness."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from minirad.exercises.checking import close, exercise, expect, mistake
from minirad.exercises.helpers import fed, follow
from minirad.experiments.arms import mean_rate
from minirad.experiments.e11_learning_rates import WITHIN, width
from minirad.optim import Adam, RAdam
from minirad.variance import rectification


@exercise("12.1")
def the_width_of_a_hill(decades: Any) -> str:
    """Robust means: a small difference of best and worst."""
    rates = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    hills = {
        "a hill": (0.80, 0.84, 0.88, 0.895, 0.90, 0.87, 0.5),
        "a hill that comes back": (0.80, 0.899, 0.88, 0.896, 0.90, 0.893, 0.5),
        "a hill beyond the grid": (0.5, 0.7, 0.8, 0.88, 0.892, 0.896, 0.90),
        "a peak": (0.5, 0.5, 0.5, 0.9, 0.5, 0.5, 0.5),
    }
    for case, values in hills.items():
        got, wanted = decades(list(rates), list(values)), width(rates, values)[0]
        inside = [lr for lr, x in zip(rates, values, strict=True) if x >= max(values) - WITHIN]
        mistake(
            got, max(values) - min(values), wanted, f"{case}: this is a spread. How *wide* is the hill, in log10 lr?"
        )
        expect(
            not close(got, 0) or close(wanted, 0), f"{case}: the line leaves the best gradually; the width is not 0."
        )
        points = math.log10(inside[-1] / inside[0])
        mistake(got, points, wanted, f"{case}: where between two rates does the line fall below?")
        mistake(got, _all_of_it(rates, values), wanted, f"{case}: it ends where the line first falls below.")
        mistake(got, wanted * math.log(10), wanted, f"{case}: decades are powers of 10; this is a natural logarithm.")
        mistake(got, _straight(rates, values), wanted, f"{case}: the lines are straight over log10 lr, not over lr.")
        expect(close(got, wanted), f"{case}: got {got:.4f} decades, wanted {wanted:.4f}.")
    return "A hill moved along log lr keeps its width."


@exercise("12.2")
def two_sides_two_shifts(shifts: Any) -> str:
    """RAdam's curve is Adam's, moved by one number."""
    for steps, beta2, early in ((1200, 0.999, 10), (100, 0.999, 50), (64_124, 0.999, 20), (1200, 0.99, 5)):
        got, case = shifts(steps, beta2, early), f"{steps} steps, beta2 {beta2}, step {early}"
        expect(np.shape(got) == (2,), "return two numbers: left, right.")
        wanted = -math.log10(mean_rate(steps, beta2)), -math.log10(rectification(early, beta2))
        expect(not np.isnan(got).any(), f"{case}: the result is nan. Where there is no r_t, count 0.")
        mistake(
            got, (-wanted[0], -wanted[1]), wanted, f"{case}: RAdam is slower, so its hill lies further right: count up."
        )
        mistake(got, [x * math.log(10) for x in wanted], wanted, f"{case}: decades are powers of 10.")
        last = -math.log10(rectification(steps, beta2))
        mistake(got[0], last, wanted[0], f"{case}: on the left the whole way counts, not the last step.")
        known = -math.log10(mean_rate(steps, beta2) * steps / (steps - 4))
        mistake(got[0], known, wanted[0], f"{case}: the first four steps count as 0.")
        after = -math.log10(rectification(early + 1, beta2))
        mistake(got[1], after, wanted[1], f"{case}: on the right one step off: the first step is t = 1.")
        mistake(got[1], wanted[0], wanted[1], f"{case}: on the right it is one early step that decides, not the mean.")
        expect(
            close(got, wanted),
            f"{case}: got {got[0]:.4f} and {got[1]:.4f}, wanted {wanted[0]:.4f} and {wanted[1]:.4f}.",
        )
    left, right = shifts(1200, 0.999, 10)
    return f"In 1,200 steps at 0.999: {left:.2f} on the left, {right:.2f} on the right if step 10 decides."


@exercise("12.3")
def better_than_the_worst(ahead_of_the_worst: Any) -> str:
    """The worst of several may be chosen from the runs that are then compared."""
    rng = np.random.default_rng(123)
    for case in range(100):
        seeds = [int(seed) for seed in rng.permutation(range(100, 108))]
        warmups = [{seed: float(rng.normal(90, 1)) for seed in seeds} for _ in range(4)]
        rival = {seed: float(rng.normal(90, 1)) for seed in reversed(seeds)}
        chose, rest = seeds[:3], seeds[3:]
        hints = {
            (*seeds, None, *seeds): "all seeds choose and are compared. The worst looks worse than it is.",
            (*seeds, None, *rest): "the seeds that are compared have chosen as well.",
            (*rest, None, *rest): "the seeds that are compared must not choose.",
            (*chose, None, *chose): "the seeds that chose must not be compared.",
            (*chose, None, *seeds): "the seeds that chose are among those that are compared.",
        }
        wrong = {_ahead_of_the_worst(rival, warmups, *_split(key)): hint for key, hint in hints.items()}
        each = float(np.mean([rival[seed] - min(own[seed] for own in warmups) for seed in rest]))
        wrong[each] = "another warmup is the worst for each seed. Choose one for all."
        wanted = _ahead_of_the_worst(rival, warmups, chose, rest)
        if len({round(x, 9) for x in (*wrong, wanted)}) < 7:
            continue  # two mistakes look alike here
        got = ahead_of_the_worst(dict(rival), [dict(own) for own in warmups], set(chose))
        for value, hint in wrong.items():
            mistake(got, value, wanted, hint)
        expect(close(got, wanted), f"set {case}: got {got:.4f}, wanted {wanted:.4f}.")
    return "What chose does not judge."


@exercise("12.4")
def the_way_of_four_steps(after_four: Any) -> str:
    """A gentle gradient makes a gentle first step; RAdam's early steps are safe whatever the loss is scaled with."""
    for gradients in ([0.001] * 4, [0.5, 1.0, -0.5, 2.0], [1000.0, 1200.0, 900.0, 1100.0]):
        for lr in (0.1, 0.001):
            got, case = after_four(list(gradients), lr), f"gradients {gradients}, lr {lr}"
            expect(np.shape(got) == (2,), "return two numbers: Adam's, RAdam's.")
            adam, radam = (
                follow(rule, [0.0], fed([[g] for g in gradients]), 4, lr=lr, eps=1e-300)[-1, 0]
                for rule in (Adam, RAdam)
            )
            wanted = adam, radam
            mistake(got, (-adam, -radam), wanted, f"{case}: it goes down: minus the gradient.")
            mistake(got, (abs(adam), abs(radam)), wanted, f"{case}: the sign is that of theta_4 - theta_0.")
            mistake(
                got[1],
                0.0,
                radam,
                f"{case}: Algorithm 2 does make steps there. To leave them out is the authors' code.",
            )
            mistake(got[1], adam, radam, f"{case}: RAdam is not adaptive before step 5.")
            plain = -lr * sum(gradients)
            mistake(got[1], plain, radam, f"{case}: these steps have momentum: lr times m_hat, not times g.")
            m, raw = 0.0, 0.0
            for g in gradients:
                m = 0.9 * m + 0.1 * g
                raw -= lr * m
            mistake(got[1], raw, radam, f"{case}: m must be corrected: m_hat = m / (1 - 0.9^t).")
            signs = -lr * sum(np.sign(gradients))
            mistake(got[0], signs, adam, f"{case}: only the first step of Adam is exactly lr; m and v remember.")
            expect(
                close(got, wanted, rtol=1e-6),
                f"{case}: got {got[0]:.5g} and {got[1]:.5g}, wanted {adam:.5g} and {radam:.5g}.",
            )
    return "Adam's way does not know how large the gradients are. RAdam's four steps know nothing else."


def _split(key: Any) -> tuple[Any, Any]:
    """What stands before None, and after it."""
    i = key.index(None)
    return key[:i], key[i + 1 :]


def _ahead_of_the_worst(rival: Any, warmups: Any, by: Any, over: Any) -> float:
    """The mean difference over some seeds to the warmup that is the worst by others."""
    worst = min(warmups, key=lambda own: float(np.mean([own[seed] for seed in by])))
    return float(np.mean([rival[seed] - worst[seed] for seed in over]))


def _all_of_it(rates: Any, values: Any) -> float:
    """The length on which the line is above, all parts together."""
    level, total = max(values) - WITHIN, 0.0
    for (x, a), (y, b) in pairwise(zip(np.log10(rates), values, strict=True)):
        high, low = max(a, b), min(a, b)
        total += (y - x) * (1.0 if low >= level else 0.0 if high < level else (high - level) / (high - low))
    return total


def _straight(rates: Any, values: Any) -> float:
    """The width, if lines were straight over lr."""
    best = int(np.argmax(values))
    level, ends = values[best] - WITHIN, []
    for side in (range(best, len(rates)), range(best, -1, -1)):
        end = rates[best]
        for here, there in pairwise(side):
            if values[there] < level:
                share = (values[here] - level) / (values[here] - values[there])
                end = rates[here] + share * (rates[there] - rates[here])
                break
            end = rates[there]
        ends.append(end)
    return math.log10(ends[0] / ends[1])
