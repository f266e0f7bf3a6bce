"""Wrong answers to the exercises of chapter 13."""

import math

import numpy as np

from wrong_answers.common import r_of


def rms_with(corrected=True, power=0.5):
    def rms_update(t, beta1):
        squares = (1 - beta1) * (1 - beta1 ** (2 * t)) / (1 + beta1)
        return (squares / (1 - beta1**t) ** 2 if corrected else squares) ** power

    return rms_update


def power_iteration(signed=True, width=2, unit=True, in_place=False, rounds=200):
    def largest_curvature(gradient, theta, u):
        h = 1e-3
        for _ in range(rounds):
            u = u / np.linalg.norm(u)
            if in_place:
                theta += h * u
            hu = (gradient(theta + h * u) - gradient(theta - h * u)) / (width * h)
            found, u = (u @ hu if signed else np.linalg.norm(hu)), hu
        return float(found) if unit else float(np.linalg.norm(hu) ** 2)

    return largest_curvature


def gi_adam_with(start=True, m_corrected=True, v_correction=0.5, skip_first=False):
    def gi_adam_step(gradients, beta1, beta2):
        m, v = 0.0, gradients[0] ** 2 if start else 0.0
        for i, g in enumerate(gradients):
            m = beta1 * m + (1 - beta1) * g
            if i or not skip_first:
                v = beta2 * v + (1 - beta2) * g**2
        t = len(gradients)
        return m / (1 - beta1**t if m_corrected else 1) * (1 - beta2**t) ** v_correction / math.sqrt(v)

    return gi_adam_step


WRONG = {
    "13.1": [
        ([lambda t, beta1: math.inf], "The update is not"),
        ([rms_with(power=1)], "Its root is asked for"),
        ([rms_with(corrected=False)], "The rule divides it"),
        ([rms_with(corrected=False, power=1)], "mean square of m"),
        ([lambda t, beta1: math.sqrt((1 - beta1) / (1 + beta1))], "where it ends"),
        ([lambda t, beta1: 1.0], "that is the first step"),
        ([lambda t, beta1: 1 / math.sqrt(t)], "forgets old ones"),
    ],
    "13.2": [
        ([lambda beta2: sum(1 - r for r in r_of(round(50 / (1 - beta2)), beta2))], "holds back how many"),
        ([lambda beta2: 2 / (1 - beta2)], "rule of thumb"),
        ([lambda beta2: 1 + 2 * sum(1 - r for r in r_of(round(50 / (1 - beta2)), beta2, early=1.0))], "all of each"),
        ([lambda beta2: 1 + 2 * sum(1 - r for r in r_of(round(2 / (1 - beta2)), beta2))], "to many digits"),
        ([lambda beta2: sum(1 - r for r in r_of(500, beta2, early=math.nan))], "got nan"),
    ],
    "13.3": [
        ([power_iteration(signed=False)], "the sign is lost"),
        ([power_iteration(width=1)], "off by a factor of 2"),
        ([power_iteration(in_place=True)], "theta has changed"),
        ([power_iteration(rounds=2)], "enough rounds"),
        ([lambda gradient, theta, u: 5.0], "never asked for"),
        ([lambda gradient, theta, u: gradient(theta)], "return one number"),
    ],
    "13.4": [
        ([gi_adam_with(start=False)], "whose v starts at 0"),
        ([gi_adam_with(v_correction=0)], "makes it a warmup"),
        ([gi_adam_with(m_corrected=False)], "its own correction"),
        ([gi_adam_with(v_correction=1)], "under the root"),
    ],
    "13.5": [
        ([lambda n, norm_first: 0.5**n if norm_first else 1 / (1 + n)], "in the other place"),
        ([lambda n, norm_first: math.sqrt(1 / (1 + n) if norm_first else 0.5**n)], "Its square|is its square"),
        ([lambda n, norm_first: 1.0], "other things are added"),
        ([lambda n, norm_first: 1 / max(n, 1) if norm_first else 0.5**n], "one of the parts"),
    ],
}
