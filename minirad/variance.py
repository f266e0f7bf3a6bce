"""The paper's mathematics: how long an average v is, how much 1/sqrt(v) varies, and how RAdam makes up for it.

The squared gradients of the last steps are averaged in v. If the gradients are normal and the average has rho terms,
then psi^2 = 1/v follows a scaled inverse chi-squared distribution with rho degrees of freedom. From this come all
formulas here. They work on Python floats (float64): in float32, rho_t cancels badly for beta2 near 1.

Source: Liu et al., "On the Variance of the Adaptive Learning Rate and Beyond", ICLR 2020, sections 3 and 4.
"""

from __future__ import annotations

from math import exp, expm1, inf, lgamma, log, nan, sqrt

from minirad.lengths import sma_length_float32, variance_matched_length
from minirad.simulation import ema_moments, simulate

__all__ = [
    "ema_moments", "first_step", "mean", "mean_square", "rectification", "simulate", "sma_length",
    "sma_length_float32", "sma_limit", "variance", "variance_first_order", "variance_matched_length",
]  # fmt: skip

# ---- how long the average is


def sma_limit(beta2: float) -> float:
    """rho_inf = 2 / (1 - beta2) - 1: the longest average that beta2 gives, in steps (section 4.1)."""
    _check("sma_limit", beta2)
    return 2 / (1 - beta2) - 1


def sma_length(t: int, beta2: float) -> float:
    """rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t): the length of v's average after t steps (eq. 4).

    It is the number of last gradients whose plain average has the same centre of mass as the exponential one.
    """
    _check("sma_length", beta2, t)
    if beta2 == 0:
        return 1.0
    one_minus_power = -expm1(t * log(beta2))  # 1 - beta2^t, without cancellation
    return sma_limit(beta2) - 2 * t * beta2**t / one_minus_power


# ---- how much psi = 1/sqrt(v) varies, for an average of rho squares of normals with variance 1/tau^2


def mean_square(rho: float, tau2: float = 1.0) -> float:
    """E[psi^2] = tau^2 rho / (rho - 2) for rho > 2, else infinite (eq. 6)."""
    return tau2 * (1 + 2 / (rho - 2)) if rho > 2 else inf


def mean(rho: float, tau2: float = 1.0) -> float:
    """E[psi] = tau sqrt(rho/2) Gamma((rho-1)/2) / Gamma(rho/2) for rho > 1, else infinite (eq. 7)."""
    if rho > 200:
        return sqrt(mean_square(rho, tau2) - variance(rho, tau2))  # variance() has the digits that lgamma loses there
    return sqrt(tau2 * rho / 2) * exp(lgamma((rho - 1) / 2) - lgamma(rho / 2)) if rho > 1 else inf


def variance(rho: float, tau2: float = 1.0) -> float:
    """Var[psi] = E[psi^2] - E[psi]^2, exactly, for rho > 2 (eqs. 2 and 8).

    Infinite for 1 < rho <= 2; nan for rho <= 1, where psi has no mean.
    """
    if rho <= 2:
        return inf if rho > 1 else nan
    if rho <= 200:
        return mean_square(rho, tau2) - mean(rho, tau2) ** 2
    # The two terms above agree in ever more digits as rho grows. Their difference as a series in 1/rho:
    x = 1 / rho
    series = 1 + x * (15 / 4 + x * (83 / 8 + x * (1605 / 64 + x * (7163 / 128 + x * 60795 / 512))))
    return tau2 * series / (2 * rho)


def variance_first_order(rho: float, tau2: float = 1.0) -> float:
    """Var[psi] by the delta method: tau^2 rho / (2 (rho-2) (rho-4)) for rho > 4, else nan (eq. 5)."""
    return tau2 * rho / (2 * (rho - 2) * (rho - 4)) if rho > 4 else nan


# ---- how RAdam makes up for it


def rectification(t: int, beta2: float, exact: bool = False) -> float:
    """r_t = sqrt(Var[psi at rho_inf] / Var[psi at rho_t]): the factor that gives every step the variance of the last.

    nan where it is undefined: rho_t <= 4, or rho_t <= 2 with the exact variance (section 4.2; Algorithm 2).
    """
    _check("rectification", beta2, t)
    rho, rho_inf = sma_length(t, beta2), sma_limit(beta2)
    if exact:
        return sqrt(variance(rho_inf) / variance(rho)) if rho > 2 else nan
    if rho <= 4:
        return nan
    return sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))


def first_step(r: float, beta2: float, exact: bool = False) -> float:
    """The first step t with r_t >= r: the inverse of r_t. For r = 0 it is the first adaptive step.

    Infinite where no step gets there: beta2 <= 0.6 for r_t from eq. (5).
    """
    _check("first_step", beta2)
    if not 0 <= r < 1:
        raise ValueError(f"first_step: r must lie in [0, 1), got {r!r}")
    low, high = 0, 1
    while not rectification(high, beta2, exact) >= r:  # nan is not: r_t is still undefined
        low, high = high, 2 * high
        if low * (1 - beta2) > 1e3:  # beta2^t is 0 by now
            return inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if rectification(middle, beta2, exact) >= r else (middle, high)
    return high


def _check(function: str, beta2: float, t: int = 1) -> None:
    if not 0 <= beta2 < 1:
        raise ValueError(f"{function}: beta2 must lie in [0, 1), got {beta2!r}")
    if t < 1:
        raise ValueError(f"{function}: t must be at least 1, got {t!r}")
