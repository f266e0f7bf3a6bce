"""Two other answers to "how long is the average v?": by matching variances, and what float32 makes of rho_t."""

from __future__ import annotations

from math import expm1, log

import numpy as np


def variance_matched_length(t: int, beta2: float) -> float:
    """n_eff = rho_inf (1 - beta2^t) / (1 + beta2^t): the plain average whose variance is that of the exponential one.

    The mean of n independent numbers has 1/n of their variance; a weighted mean has sum(w^2), which is 1/n_eff. The
    paper matches centres of mass instead (eq. 4). Both have the same limit, but n_eff is longer on the way.
    """
    if not 0 <= beta2 < 1 or t < 1:
        raise ValueError(f"variance_matched_length: needs t >= 1 and beta2 in [0, 1), got {t!r} and {beta2!r}")
    if beta2 == 0:
        return 1.0
    power = t * log(beta2)
    return (2 / (1 - beta2) - 1) * -expm1(power) / (1 + beta2**t)


def sma_length_float32(t: int, beta2: float) -> float:
    """rho_t as float32 arithmetic gives it: a hazard, to be compared with sma_length.

    rho_inf and 2 t beta2^t / (1 - beta2^t) are both near 2/(1 - beta2), and float32 keeps 7 digits of each. For
    beta2 = 0.9999 their difference is 1, 3, 5, 4.02, 4.23, 5.04 at t = 1, ..., 6: a rule that asks for rho_t >= 5 turns
    adaptive at t = 3, and off again. Here beta2^t is multiplied up, which rounds alike on every machine. With a power
    function it depends on the library (7.03 in place of 5.04, for example).
    """
    if not 0 <= beta2 < 1 or t < 1:
        raise ValueError(f"sma_length_float32: needs t >= 1 and beta2 in [0, 1), got {t!r} and {beta2!r}")
    one, two, beta = np.float32(1), np.float32(2), np.float32(beta2)
    power = one
    for _ in range(t):
        power *= beta
    return float(two / (one - beta) - one - two * np.float32(t) * power / (one - power))
