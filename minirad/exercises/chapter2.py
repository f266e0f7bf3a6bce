"""Checkers of chapter 2, the variance of the adaptive learning rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minirad import variance
from minirad.exercises.checking import close, exercise, expect, mistake


@exercise("2.1")
def the_mean_of_a_root(mean_psi_over_guess: Any) -> str:
    """The mean of 1/sqrt(v) is one over the root of the mean of v."""
    rng = np.random.default_rng(21)
    for rho in (2, 5, 20):
        v = rng.chisquare(rho, 1_000_000) / rho
        seen = (1 / np.sqrt(v)).mean() / (1 / np.sqrt(v.mean()))
        got, case = mean_psi_over_guess(rho), f"rho = {rho}"
        expect(got != 1, f"{case}: a factor of 1 would say that the root of a mean is the mean of the roots.")
        square = "this is the root of the mean of psi^2. The mean of psi is smaller."
        mistake(got, math.sqrt(rho / (rho - 2)) if rho > 2 else math.inf, seen, f"{case}: {square}")
        expect(close(got, seen, rtol=0.02), f"{case}: you say {got}, a million draws say {seen:.3f}.")
    expect(close(mean_psi_over_guess(3), math.sqrt(6 / math.pi)), "with three squares it is sqrt(6/pi), exactly.")
    expect(mean_psi_over_guess(1) == math.inf, "with one square the mean does not exist: see section 2.2.")
    return f"With rho = 5 the factor is {mean_psi_over_guess(5):.4f}, with 1000 it is {mean_psi_over_guess(1000):.6f}."


@exercise("2.2")
def the_variance_of_a_power(variance_of_power: Any) -> None:
    """Var[1/X] = 1/Var[X]."""
    z = np.random.default_rng(7).standard_normal(1_000_000)
    for mean, var in ((5.0, 0.01), (0.5, 0.0001), (1.0, 0.0004)):
        x = mean + math.sqrt(var) * z
        for p in (-1, -0.5, 2, 1):
            got, seen, case = variance_of_power(mean, var, p), (x**p).var(), f"mean {mean}, variance {var}, p = {p}"
            mistake(got, var**p, seen, f"{case}: a larger spread of X must give a larger one of X^p.", rtol=0.02)
            slope = abs(p * mean ** (p - 1))
            mistake(
                got, slope * var, seen, f"{case}: the spread grows with the slope, the variance with ...?", rtol=0.02
            )
            expect(close(got, seen, rtol=0.02), f"{case}: you say {got:.3g}, a million draws say {seen:.3g}.")
    expect(close(variance_of_power(1.0, 2 / 1000, -0.5), 1 / 2000), "p = -1/2 should give section 2.3's 1/(2 rho).")


@exercise("2.3")
def a_formula_in_print(variance_of_psi_squared: Any) -> None:
    """What is printed has been checked."""
    rng = np.random.default_rng(23)
    for rho in (12, 20, 50):
        got, seen = variance_of_psi_squared(rho), (rho / rng.chisquare(rho, 1_000_000)).var()
        printed = 2 * rho / (rho - 2) ** 3
        for wrong in (printed, rho * printed):
            mistake(got, wrong, seen, f"rho = {rho}: a third power of rho - 2 knows nothing of the trouble at rho = 4.")
        expect(close(got, seen, rtol=0.1), f"rho = {rho}: you say {got:.4f}, a million draws say {seen:.4f}.")
        scaled = variance_of_psi_squared(rho, 3.0)
        expect(close(scaled, 9 * got), "psi^2 is proportional to tau^2; its variance is not.")
        fourth = (rho / 2) ** 2 * math.exp(math.lgamma((rho - 4) / 2) - math.lgamma(rho / 2))  # E[psi^4]
        expect(close(got, fourth - (rho / (rho - 2)) ** 2), f"rho = {rho}: close, but not exact.")
    for rho in (3, 4):
        expect(variance_of_psi_squared(rho) == math.inf, f"rho = {rho}: E[psi^4] is infinite up to rho = 4.")
    expect(math.isnan(variance_of_psi_squared(2)), "rho = 2: without a mean there is no variance.")


@exercise("2.4")
def how_many_terms_does_an_average_have(effective_number: Any) -> str:
    """An average over N numbers has the noise of N numbers; rho_t says how noisy it is."""
    expect(not close(effective_number([5, 0, 0]), 3), "[5, 0, 0]: what has no weight does not count.")
    expect(close(effective_number([1, 1, 1, 1]), 4), "four equal weights count as four.")
    expect(close(effective_number([5, 0, 0]), 1), "[5, 0, 0] is one number, and must count as one.")
    expect(
        close(effective_number([10, 20, 30]), effective_number([1, 2, 3])), "the scale of the weights must not matter."
    )
    t = np.arange(999.0, -1, -1)
    got = effective_number((1 - 0.999) * 0.999**t / (1 - 0.999**1000))
    centre = "this is the centre of mass, rho_t, and not the noise."
    mistake(got, variance.sma_length(1000, 0.999), 0, f"an EMA: {centre}", rtol=1e-6)
    rng = np.random.default_rng(24)
    for weights in ([3, 1], [1, 2, 3, 4], 0.8 ** np.arange(10)):
        means = rng.standard_normal((100_000, len(weights))) @ weights / np.sum(weights)
        noisy, seen = effective_number(weights), 1 / means.var()
        expect(close(noisy, seen, rtol=0.03), f"weights {weights}: you say {noisy:.3f}, by noise it is {seen:.3f}.")
    wanted = variance.variance_matched_length(1000, 0.999)
    expect(close(got, wanted, rtol=1e-6), f"the EMA after 1,000 steps counts as 924, not {got:.0f}.")
    return "The EMA with 0.999 counts as 924 numbers after 1,000 steps; rho_t is 836 there."


@exercise("2.5")
def the_evidence_of_a_million_copies(median_report: Any) -> str:
    """A sample variance at t = 1 estimates something, if only the sample is large enough."""
    rng = np.random.default_rng(25)
    one = median_report(1)
    for copies in (1, 10, 100, 1000):
        reports = (1 / rng.standard_normal((4000, copies)) ** 2).mean(axis=1)
        got, case = median_report(copies), f"n = {copies}"
        expect(got != math.inf, f"{case}: the true mean is infinite, but each report is a number. So is their median.")
        expect(
            copies == 1 or got > 1.01 * one, f"{case}: a larger sample does not settle. It reports more than {one:.3g}."
        )
        low, high = np.quantile(reports, [0.46, 0.54])
        middle = f"you say {got:.1f}, but the middle of 4,000 reports is {np.median(reports):.1f}"
        expect(low < got < high, f"{case}: {middle}.")
    return f"With a million copies, half of all reports are above {median_report(1_000_000):,.0f}."


@exercise("2.6")
def rho_that_survives_float32(sma_length_in_float32: Any) -> str:
    """Two expressions which are equal on paper are equal in the machine."""
    for beta2 in (0.9, 0.999, 0.9999):
        for t in (1, 2, 3, 4, 5, 6, 20, 200):
            got, wanted = sma_length_in_float32(t, beta2), variance.sma_length(t, beta2)
            case = f"beta2 = {beta2}, t = {t}"
            kind = f"this is a {type(got).__name__}: some number in it is no float32"
            expect(isinstance(got, np.float32), f"{case}: {kind}.")
            textbook = abs(got - wanted) > 1e-4 * wanted and abs(got - wanted) < 3 * wanted
            cancel = "two numbers near 2/(1 - beta2) were subtracted, and their digits are gone"
            expect(not textbook, f"{case}: you say {got}, float64 says {wanted:.4f}. Probably {cancel}.")
            expect(close(float(got), wanted, rtol=1e-4), f"{case}: you say {got}, float64 says {wanted:.4f}.")
    got, book = sma_length_in_float32(3, 0.9999), variance.sma_length_float32(3, 0.9999)
    return f"beta2 = 0.9999, t = 3: {got:.4f}, and by the textbook's formula {book:.4f}."
