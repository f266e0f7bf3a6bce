"""Wrong answers to the exercises of chapter 2."""

import math
from statistics import NormalDist

import numpy as np

from minirad import variance


def textbook_rho(t, beta2):
    beta, one = np.float32(beta2), np.float32(1)
    rho_inf = np.float32(2) / (one - beta) - one
    power = beta ** np.float32(t)
    return rho_inf - np.float32(2 * t) * power / (one - power)


WRONG = {
    "2.1": [
        ([lambda rho: 1], "the root of a mean is the mean of the roots"),
        ([lambda rho: math.sqrt(rho / (rho - 2)) if rho > 2 else math.inf], "root of the mean of psi"),
    ],
    "2.2": [
        ([lambda mean, var, p: var**p], "a larger spread of X must give"),
        ([lambda mean, var, p: abs(p * mean ** (p - 1)) * var], "the spread grows with the slope"),
    ],
    "2.3": [
        ([lambda rho, tau2=1.0: 2 * rho / (rho - 2) ** 3], "a third power"),
        ([lambda rho, tau2=1.0: 2 * rho**2 * tau2 / (rho - 2) ** 2 / (rho - 4)], "its variance is not"),
        (
            [lambda rho, tau2=1.0: 2 * rho**2 * tau2**2 / (rho - 2) ** 2 / (rho - 4) if rho != 4 else math.nan],
            "rho = 3",
        ),
    ],
    "2.4": [
        ([len], "what has no weight does not count"),
        (
            [
                lambda w: (
                    2 * (np.arange(len(w)) @ np.asarray(w)[::-1]) / np.sum(w) + 1
                    if len(w) > 9
                    else sum(w) ** 2 / sum(x**2 for x in w)
                )
            ],
            "centre of mass",
        ),
        ([lambda w: 1 / sum(x**2 for x in w)], "four equal weights"),
    ],
    "2.5": [
        ([lambda n: 1 / NormalDist().inv_cdf(0.75) ** 2], "a larger sample does not settle"),
        ([lambda n: math.inf], "each report is a number"),
    ],
    "2.6": [
        ([textbook_rho], "were subtracted, and their digits are gone"),
        ([variance.sma_length], "is no float32"),
    ],
}
