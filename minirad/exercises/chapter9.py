"""Checkers of chapter 9, image classification."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minirad.exercises.checking import close, exercise, expect, mistake
from minirad.experiments.arms import mean_rate
from minirad.variance import rectification


@exercise("9.1")
def two_nets_the_same_images(difference_on_images: Any) -> str:
    """The errors of two accuracies always add up."""
    rng = np.random.default_rng(91)
    for n, both in ((400, 0.8), (1000, 0.5), (300, 0.0)):
        easy = rng.random(n) < both  # for both nets
        a, b = easy | (rng.random(n) < 0.6), easy | (rng.random(n) < 0.5)
        d = a.astype(float) - b
        wanted = d.mean(), d.std(ddof=1) / math.sqrt(n)
        got, case = difference_on_images(a.copy(), b.copy()), f"{n} images"
        expect(np.shape(got) == (2,), "return two numbers: the difference, and its standard error.")
        expect(close(got[0], wanted[0]), f"{case}: the difference is {wanted[0]:+.4f}, got {got[0]:+.4f}.")
        add = (
            "this adds the variances of two accuracies, as if each net had its own images. Take the difference of each"
        )
        for ddof in (0, 1):
            unpaired = math.sqrt((a.var(ddof=ddof) + b.var(ddof=ddof)) / n)
            mistake(got[1], unpaired, wanted[1], f"{case}: {add}.")
        mistake(got[1], d.std(ddof=1), wanted[1], f"{case}: this is the spread of one image. Of their mean it is less.")
        mistake(got[1], d.std() / math.sqrt(n), wanted[1], f"{case}: divide by n - 1 (ddof=1).")
        expect(close(got[1], wanted[1]), f"{case}: the standard error is {wanted[1]:.5f}, got {got[1]:.5f}.")
    return "What both nets get right, or wrong, does not count as an error of the difference."


@exercise("9.2")
def at_which_rate_equally_fast(radam_rate: Any) -> str:
    """The same lr is the same speed; the last r_t tells how fast RAdam was."""
    for lr, steps, beta2 in ((0.03, 100, 0.999), (0.01, 1200, 0.999), (0.01, 1200, 0.99)):
        got, wanted = radam_rate(lr, steps, beta2), lr / mean_rate(steps, beta2)
        case = f"lr {lr}, {steps} steps, beta2 {beta2}"
        last, some = rectification(steps, beta2), mean_rate(steps, beta2) * steps / (steps - 4)
        expect(not np.isnan(got), f"{case}: the result is nan. The first four steps have no r_t: count 0.")
        mistake(got, lr, wanted, f"{case}: at the same lr RAdam is slower, r_t times as fast.")
        mistake(got, lr / last, wanted, f"{case}: this takes the last r_t. Before, it was smaller.")
        mistake(got, lr / some, wanted, f"{case}: the mean is over all steps, with 0 for the first four.")
        mistake(got, lr * mean_rate(steps, beta2), wanted, f"{case}: to be as fast, must it be more?")
        expect(close(got, wanted), f"{case}: got {got:.5g}, wanted {wanted:.5g}.")
    return f"Over 100 steps at beta2 = 0.999 it is {radam_rate(1.0, 100, 0.999):.1f} times Adam's rate."


@exercise("9.3")
def the_mean_with_milestones(share_of_rate: Any) -> str:
    """There is one mean rate."""

    def milestones(t: int) -> float:
        return 1.0 if t <= 600 else 0.1 if t <= 900 else 0.01

    def linear(t: int) -> float:
        return 1 - (t - 1) / 1200

    for name, factor in (("milestones", milestones), ("a linear fall", linear), ("a constant", lambda t: 1.0)):
        for beta2 in (0.999, 0.99):
            got, wanted = share_of_rate(1200, beta2, factor), mean_rate(1200, beta2, factor)
            case, factors = f"{name}, beta2 {beta2}", [factor(t) for t in range(1, 1201)]
            expect(not np.isnan(got), f"{case}: the result is nan. The first four steps have no r_t: count 0.")
            mistake(
                got,
                mean_rate(1200, beta2),
                wanted,
                f"{case}: this is the plain mean. Steps at a small rate count less.",
            )
            total = wanted * sum(factors)
            once = "the schedule is in the sum on the left as well: divide by the sum of the factors"
            mistake(got, total / 1200, wanted, f"{case}: {once}.")
            mistake(got, total, wanted, f"{case}: {once}.")
            expect(close(got, wanted), f"{case}: got {got:.5f}, wanted {wanted:.5f}.")
    with_, without = share_of_rate(1200, 0.999, milestones), share_of_rate(1200, 0.999, lambda t: 1.0)
    return f"With milestones RAdam's share of the rate is {with_:.2f}, without {without:.2f}."


@exercise("9.4")
def the_same_decay(decay_for: Any) -> str:
    """Weight decay 1e-4 is the same for all rules and all rates."""
    for left, lr, steps in ((0.5, 0.1, 1200), (0.9, 0.001, 64_000), (0.1, 0.03, 100)):
        got = decay_for(left, lr, steps)
        sums = steps / 2 + 0.1 * steps / 4 + 0.01 * steps / 4
        wanted, case = -math.log(left) / (lr * sums), f"left {left}, lr {lr}, {steps} steps"
        mistake(got, -math.log(left) / sums, wanted, f"{case}: a step shrinks by lr times lambda. Where is lr?")
        mistake(
            got,
            -math.log(left) / (lr * steps),
            wanted,
            f"{case}: the rate falls at the milestones, so the sum is less.",
        )
        mistake(got, math.log(left) / (lr * sums), wanted, f"{case}: the decay would be negative: the weight grows.")
        mistake(got, (1 - left) / (lr * sums), wanted, f"{case}: shares multiply, so it is the logarithm that adds up.")
        expect(close(got, wanted, rtol=1e-3), f"{case}: got {got:.5g}, wanted {wanted:.5g}.")
    fast, slow = decay_for(0.5, 0.1, 1200), decay_for(0.5, 0.001, 1200)
    return f"To halve a weight in 1,200 steps takes {fast:.3f} at lr 0.1, and {slow:.2f} at 0.001."
