"""Wrong answers to the exercises of chapter 10."""

import math

import numpy as np

from wrong_answers.common import r_of


def caught_up_with(far="summed"):
    def catches_up(ratio, beta2):
        r = r_of(5000, beta2)
        large = next(t for t, x in enumerate(r, 1) if ratio * x >= 1)
        warm = next(t for t, x in enumerate(r, 1) if x >= 0.9)
        return large, {"large": large, "warm": warm}[far]

    return catches_up


def second_with(faded=True, corrected=True, late=False, once=False):
    def second_move(k, n, beta1, beta2):
        t = n + 1 if late else k + n
        m, v = (1 - beta1) * (1 + beta1**n * (not once)), (1 - beta2) * (1 + beta2**n * (not once))
        if not faded:
            m, v = 2 * (1 - beta1), 2 * (1 - beta2)
        return m / math.sqrt(v) * (math.sqrt(1 - beta2**t) / (1 - beta1**t) if corrected else 1)

    return second_move


WRONG = {
    "10.1": [
        ([lambda before, after, mine: mine - (before - after)], "their logarithms add up"),
        ([lambda before, after, mine: mine * before / after], "the wrong way round"),
        (
            [lambda before, after, mine: mine ** (math.log(after) / math.log(before))],
            "the same difference, not the same ratio",
        ),
    ],
    "10.2": [
        ([lambda t, beta2: t * r_of(t, beta2)[-1]], "takes the last r_t for all steps"),
        ([lambda t, beta2: np.mean(r_of(t, beta2))], "this is the mean of r_t"),
        ([lambda t, beta2: sum(r_of(t, beta2, early=1.0))], "none of Adam's"),
        ([lambda t, beta2: sum(r_of(t, beta2, math.nan))], "the result is nan"),
        ([lambda t, beta2: sum(r_of(t - 1, beta2))], "step t itself is missing"),
    ],
    "10.3": [
        ([caught_up_with("large")], "the steps before it are still missing"),
        ([caught_up_with("warm")], "The warmup need not be over"),
    ],
    "10.4": [
        ([lambda k, n, beta1, beta2: 1.0], "the very first step"),
        ([second_with(once=True)], "m and v remember the first one"),
        ([second_with(corrected=False)], "bias corrections of step k"),
        ([second_with(late=True)], "also those before the first gradient"),
        ([second_with(faded=False)], "has faded"),
    ],
}
