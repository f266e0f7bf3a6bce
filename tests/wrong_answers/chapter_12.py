"""Wrong answers to the exercises of chapter 12."""

import math
from itertools import pairwise

import numpy as np

from wrong_answers.common import r_of


def decades_with(at=np.log10, first=True, exact=True, unit=1):
    def decades(rates, accuracies):
        level, y = max(accuracies) - 0.01, accuracies
        best = y.index(max(y))
        if not exact:
            inside = [lr for lr, a in zip(rates, y, strict=True) if a >= level]
            return math.log10(inside[-1] / inside[0])
        fine = [np.linspace(at(a), at(b), 2001) for a, b in pairwise(rates)]
        lines = [np.linspace(a, b, 2001) for a, b in pairwise(y)]
        if first:
            right, left = (
                crossing(fine[best:], lines[best:], level),
                crossing([x[::-1] for x in fine[:best][::-1]], [x[::-1] for x in lines[:best][::-1]], level),
            )
            ends = [at(rates[best]) if end is None else end for end in (left, right)]
            return unit * (ends[1] - ends[0] if at is np.log10 else math.log10(ends[1] / ends[0]))
        return sum((x[-1] - x[0]) * share_above(line, level) for x, line in zip(fine, lines, strict=True))

    return decades


def crossing(fine, lines, level):
    end = None
    for x, y in zip(fine, lines, strict=True):
        if y[-1] < level:
            return x[0] + (x[-1] - x[0]) * (y[0] - level) / (y[0] - y[-1])
        end = x[-1]
    return end


def share_above(line, level):
    high, low = max(line[0], line[-1]), min(line[0], line[-1])
    return 1.0 if low >= level else 0.0 if high < level else (high - level) / (high - low)


def shifts_with(log=math.log10, sign=-1, left="mean", late=0):
    def shifts(steps, beta2, early):
        r = r_of(steps, beta2)
        of_left = {"mean": np.mean(r), "last": r[-1], "known": sum(r) / (steps - 4), "nan": math.nan}[left]
        right = of_left if late is None else r[early - 1 + late]
        return sign * log(of_left), sign * log(right)

    return shifts


def ahead_with(by="choosing", over="rest", each=False):
    def ahead_of_the_worst(rival, warmups, choosing):
        sets = {"choosing": choosing, "rest": set(rival) - choosing, "all": set(rival)}
        if each:
            return np.mean([rival[seed] - min(own[seed] for own in warmups) for seed in sets[over]])
        worst = min(warmups, key=lambda own: np.mean([own[seed] for seed in sets[by]]))
        return np.mean([rival[seed] - worst[seed] for seed in sets[over]])

    return ahead_of_the_worst


def four_with(sign=-1, early="m_hat", adam="m_hat", absolute=False):
    def after_four(gradients, lr):
        m = v = a = b = 0.0
        for t, g in enumerate(gradients, 1):
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
            m_hat = m / (1 - 0.9**t)
            step = np.sign(g) if adam == "sign" else m_hat / math.sqrt(v / (1 - 0.999**t))
            a += sign * lr * step
            b += sign * lr * {"m_hat": m_hat, "g": g, "m": m, "adam": step, "skip": 0.0}[early]
        return (abs(a), abs(b)) if absolute else (a, b)

    return after_four


WRONG = {
    "12.1": [
        ([lambda rates, accuracies: max(accuracies) - min(accuracies)], "this is a spread"),
        ([decades_with(exact=False)], "where between two rates"),
        ([decades_with(first=False)], "where the line first falls below"),
        ([decades_with(unit=math.log(10))], "this is a natural logarithm"),
        ([decades_with(at=float)], "not over lr"),
    ],
    "12.2": [
        ([shifts_with(sign=1)], "count up"),
        ([shifts_with(log=math.log)], "decades are powers of 10"),
        ([shifts_with(left="last")], "not the last step"),
        ([shifts_with(left="known")], "count as 0"),
        ([shifts_with(left="nan")], "the result is nan"),
        ([shifts_with(late=1)], "one step off"),
        ([shifts_with(late=None)], "one early step that decides"),
    ],
    "12.3": [
        ([ahead_with(by="all", over="all")], "all seeds choose and are compared"),
        ([ahead_with(by="all")], "have chosen as well"),
        ([ahead_with(by="rest")], "must not choose"),
        ([ahead_with(over="choosing")], "must not be compared"),
        ([ahead_with(over="all")], "are among those that are compared"),
        ([ahead_with(each=True)], "Choose one for all"),
    ],
    "12.4": [
        ([four_with(sign=1)], "it goes down"),
        ([four_with(absolute=True)], "it goes down"),
        ([four_with(early="skip")], "the authors' code"),
        ([four_with(early="adam")], "is not adaptive before"),
        ([four_with(early="g")], "not times g"),
        ([four_with(early="m")], "m must be corrected"),
        ([four_with(adam="sign")], "only the first step of Adam"),
    ],
}
