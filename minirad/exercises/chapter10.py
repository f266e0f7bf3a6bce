"""Checkers of chapter 10, language."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minirad.exercises.checking import close, exercise, expect, mistake
from minirad.exercises.helpers import follow
from minirad.experiments.arms import Setup, r
from minirad.optim import Adam


@exercise("10.1")
def carry_a_gain_over(carried_over: Any) -> None:
    """Differences of perplexities may be carried from one model to another."""
    for before, after, mine in ((36.92, 35.70, 200.0), (100.0, 50.0, 10.0), (20.0, 22.0, 500.0)):
        got, wanted = carried_over(before, after, mine), mine * after / before
        case = f"{before} became {after}, and mine is {mine}"
        mistake(got, mine - (before - after), wanted, f"{case}: perplexities are powers of e; their logarithms add up.")
        mistake(
            got, mine * before / after, wanted, f"{case}: this is the wrong way round: a gain must make it smaller."
        )
        logs = math.exp(math.log(mine) * math.log(after) / math.log(before))
        mistake(got, logs, wanted, f"{case}: the logarithms must have the same difference, not the same ratio.")
        expect(close(got, wanted), f"{case}: got {got:.3f}, wanted {wanted:.3f}.")


@exercise("10.2")
def a_slower_clock(as_far_as: Any) -> str:
    """After t steps RAdam is r_t times as far as Adam."""
    for t, beta2 in ((100, 0.999), (4, 0.999), (500, 0.99), (3000, 0.999)):
        got, wanted, case = as_far_as(t, beta2), _way(t, beta2), f"t = {t}, beta2 = {beta2}"
        expect(not np.isnan(got), f"{case}: the result is nan. Steps without an r_t count 0.")
        mistake(
            got,
            t * r(t, Setup(0, 0, beta2)),
            wanted,
            f"{case}: this takes the last r_t for all steps; the earlier are smaller.",
        )
        mistake(got, wanted / t, wanted, f"{case}: this is the mean of r_t. How many steps is that?")
        mistake(got, wanted + min(t, 4), wanted, f"{case}: the first four steps are none of Adam's: count 0.")
        mistake(got, _way(t - 1, beta2), wanted, f"{case}: step t itself is missing.")
        expect(close(got, wanted), f"{case}: got {got:.4f}, wanted {wanted:.4f}.")
    return f"100 steps of RAdam at beta2 = 0.999 are {as_far_as(100, 0.999):.1f} of Adam's."


@exercise("10.3")
def when_is_it_no_longer_behind(catches_up: Any) -> str:
    """RAdam has caught up as soon as its step is as large as Adam's."""
    for ratio, beta2 in ((10, 0.999), (3, 0.999), (2, 0.99)):
        got, case = catches_up(ratio, beta2), f"ratio {ratio}, beta2 {beta2}"
        expect(np.shape(got) == (2,), "return two steps.")
        large = next(t for t in range(1, 10**6) if ratio * r(t, Setup(0, 0, beta2)) >= 1)
        far, way = 0, 0.0
        while far == 0 or way < far:
            far += 1
            way += ratio * r(far, Setup(0, 0, beta2))
        expect(int(got[0]) == large, f"{case}: the step is as large from {large} on, got {got[0]}.")
        mistake(got[1], large, far, f"{case}: when the step is as large, the steps before it are still missing.")
        full = next(t for t in range(1, 10**6) if r(t, Setup(0, 0, beta2)) >= 0.9)
        mistake(got[1], full, far, f"{case}: what must r_t be, if the rate is larger? The warmup need not be over.")
        expect(int(got[1]) == far, f"{case}: it is as far after step {far}, got {got[1]}.")
    large, far = catches_up(10, 0.999)
    return f"At ten times the rate the step is as large at {large}, and RAdam as far at {far}."


@exercise("10.4")
def the_second_time(second_move: Any) -> str:
    """A step of Adam is never larger than lr; only the first gradient was special."""
    for k, n, betas in ((1000, 500, (0.9, 0.999)), (1000, 1, (0.9, 0.999)), (50, 10, (0.9, 0.99)), (1, 1, (0.5, 0.9))):
        beta1, beta2 = betas
        got, case, t = second_move(k, n, beta1, beta2), f"k = {k}, n = {n}, betas {betas}", k + n
        path = follow(Adam, [0.0], lambda theta, s, k=k, t=t: [float(s in (k, t))], t, lr=1.0, betas=betas, eps=1e-300)
        wanted = abs(path[-1] - path[-2])[0]
        root = math.sqrt((1 - beta2**t) / (1 - beta2))
        once = (1 - beta1) / (1 - beta1**t) * root
        mistake(got, 1.0, wanted, f"{case}: that holds for the very first step, or for gradients that are all alike.")
        mistake(got, once, wanted, f"{case}: this is the move after one gradient. m and v remember the first one.")
        raw = (1 - beta1) * (1 + beta1**n) / math.sqrt((1 - beta2) * (1 + beta2**n))
        mistake(got, raw, wanted, f"{case}: the bias corrections of step k + n are missing.", 1e-4)
        count = (1 - beta1) * (1 + beta1**n) / (1 - beta1 ** (n + 1))
        count /= math.sqrt((1 - beta2) * (1 + beta2**n) / (1 - beta2 ** (n + 1)))
        mistake(got, count, wanted, f"{case}: t counts all steps, also those before the first gradient.")
        twice = 2 * (1 - beta1) / (1 - beta1**t) * root / math.sqrt(2)
        mistake(
            got, twice, wanted, f"{case}: in n steps the first gradient has faded, by beta1^n in m and beta2^n in v."
        )
        expect(close(got, wanted, rtol=1e-6), f"{case}: Adam moves {wanted:.4f}, you say {got:.4f}.")
    return f"Twice in a row after 1,000 steps without: {second_move(1000, 1, 0.9, 0.999):.2f} lr."


def _way(t: int, beta2: float) -> float:
    """T(t): the sum of r_s."""
    return sum(r(s, Setup(0, 0, beta2)) for s in range(1, t + 1))
