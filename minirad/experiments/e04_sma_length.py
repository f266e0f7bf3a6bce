"""E4, eqs. (3) and (4): how long a simple moving average stands for the exponential one.

The paper matches centres of mass. A sum over the weights of the exponential average checks its formula, and shows the
length that matching variances would give.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers, Verdict, same, theory
from minirad.plots import STYLES, new_figure
from minirad.variance import sma_length, sma_limit, variance_matched_length

EXACT = 1e-9
CLOSE = 0.01


def run(settings: Numbers, do: Do) -> Numbers:
    """For each beta2, on a grid of t: the lengths by formula, and by sums over the weights."""
    numbers: Numbers = {}
    for beta2 in settings["beta2"]:
        last = settings["windows"] * sma_limit(beta2)
        steps = np.unique(np.geomspace(1, last, settings["points"]).round().astype(int)).tolist()
        weights = [_weights(t, beta2) for t in steps]
        numbers[f"{beta2:g}"] = {
            "t": steps,
            "rho": [sma_length(t, beta2) for t in steps],
            # The mean age of a plain average of f numbers is (f - 1)/2.
            "by centre of mass": [float(1 + 2 * (w * np.arange(len(w))).sum()) for w in weights],
            "n_eff": [variance_matched_length(t, beta2) for t in steps],
            "by variance": [float(1 / (w**2).sum()) for w in weights],
        }
    return numbers


def _weights(t: int, beta2: float) -> np.ndarray:
    """Those of the bias-corrected average, the youngest first."""
    w = beta2 ** np.arange(t)
    return w / w.sum()


def centre_of_mass(numbers: Numbers) -> Verdict:
    """Eq. (4) against the sum."""
    error = max(_relative(own["rho"], own["by centre of mass"]) for own in numbers.values())
    return theory(error <= EXACT, False, {"greatest relative error": error})


def equal_variance(numbers: Numbers) -> Verdict:
    """rho_t over the length of equal variance: the smallest, and at the end."""
    shares = {beta2: np.array(own["rho"]) / own["by variance"] for beta2, own in numbers.items()}
    beta2 = min(shares, key=lambda beta2: shares[beta2].min())
    at = int(shares[beta2].argmin())
    decided = {
        "smallest rho_t / n_eff": float(shares[beta2][at]),
        "at beta2": float(beta2),
        "at t": numbers[beta2]["t"][at],
        "at the end, smallest": float(min(share[-1] for share in shares.values())),
        "error of the formula of n_eff": max(_relative(own["n_eff"], own["by variance"]) for own in numbers.values()),
    }
    short, end = decided["smallest rho_t / n_eff"], decided["at the end, smallest"]
    note = (
        f"rho_t is up to {1 - short:.0%} too short on the way (t = {decided['at t']} at beta2 = {beta2}); "
        "n_eff = rho_inf (1 - beta2^t)/(1 + beta2^t) has the variance, and the same limit"
    )
    return theory(short >= 1 - CLOSE, end >= 1 - CLOSE, decided, note)


def _relative(values: list[float], true: list[float]) -> float:
    return float(np.abs(np.array(values) / true - 1).max())


def draw(numbers: Numbers) -> Any:
    """Both lengths against t, and their ratio."""
    figure = new_figure(9.0, 4.0)
    left, right = figure.subplots(1, 2)
    for (beta2, own), (colour, _) in zip(numbers.items(), STYLES, strict=False):
        left.plot(own["t"], own["rho"], color=colour, label=f"rho_t, beta2 = {beta2}")
        left.plot(own["t"], own["n_eff"], color=colour, linestyle="--")
        right.plot(own["t"], np.array(own["rho"]) / own["n_eff"], color=colour, label=f"beta2 = {beta2}")
    left.set(xscale="log", yscale="log", xlabel="t", ylabel="steps", title="dashed: the length of equal variance")
    right.set(xscale="log", xlabel="t", title="rho_t over the length of equal variance")
    for ax in (left, right):
        ax.legend(frameon=False, fontsize=8)
    return figure


EXHIBIT = Exhibit(
    "E4",
    "Equations (3) and (4): rho_t as the length of a simple moving average",
    (
        Claim(
            "rho_t is the length of the simple average that has the exponential one's centre of mass (eq. 4).",
            "greatest relative difference of eq. (4) from the sum over the weights",
            f"at most {EXACT:g}",
            centre_of_mass,
        ),
        Claim(
            "A simple average of rho_t squared gradients varies as much as the exponential one.",
            "rho_t over 1/sum of squared weights",
            f"within {CLOSE:.0%} at all t; with a correction if within {CLOSE:.0%} only in the limit",
            equal_variance,
        ),
    ),
    same({"beta2": [0.9, 0.99, 0.999], "windows": 10, "points": 150}),
    run,
    draw,
)
