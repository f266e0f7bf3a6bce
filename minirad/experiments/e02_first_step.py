"""E2, section 3: at the first step the adaptive learning rate has no finite variance. When does it get one?

psi_1 = 1/|g_1| for a normal g_1. The exact moments of the moving average are integrals (simulation.ema_moments); the
sample variance of more and more draws shows what "infinite" looks like.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers, Verdict, same, theory
from minirad.plots import STYLES, new_figure
from minirad.variance import ema_moments, simulate, sma_length, variance, variance_first_order


def run(settings: Numbers, do: Do) -> Numbers:
    """For t = 1, 2, ...: the exact mean and variance, those of the model, and sample variances."""
    beta2, steps = settings["beta2"], range(1, settings["steps"] + 1)
    generator = np.random.default_rng(settings["seed"])
    moments = [ema_moments(t, beta2) for t in steps]
    rho = [sma_length(t, beta2) for t in steps]
    return {
        "rho": rho,
        "mean": [_finite(mean) for mean, _ in moments],
        "variance": [_finite(var) for _, var in moments],
        "model": [_finite(variance(x)) for x in rho],
        "first_order": [_finite(variance_first_order(x)) for x in rho],
        "samples": settings["samples"],
        "sampled": [simulate(beta2, len(steps), n, generator=generator).tolist() for n in settings["samples"]],
    }


def first_step(numbers: Numbers) -> Verdict:
    """Is the variance infinite at t = 1, and is there a mean?"""
    mean, var = numbers["mean"][0], numbers["variance"][0]
    growth = numbers["sampled"][-1][0] / numbers["sampled"][0][0]
    decided = {"mean": mean, "variance": var, "growth of the sample's": growth}
    note = "not even the mean of 1/|g_1| exists"
    return theory(var is None and mean is not None, var is None, decided, note)


def domain(numbers: Numbers) -> Verdict:
    """From which rho_t on is the variance finite?"""
    finite = [i for i, x in enumerate(numbers["variance"]) if x is not None]
    smallest = min((numbers["rho"][i] for i in finite), default=None)
    missing = [rho for rho, x in zip(numbers["rho"], numbers["variance"], strict=True) if rho > 4 and x is None]
    decided = {
        "first t with a mean": next((t for t, x in enumerate(numbers["mean"], 1) if x is not None), None),
        "first t with a variance": finite[0] + 1 if finite else None,
        "rho_t there": smallest,
        "variance there": numbers["variance"][finite[0]] if finite else None,
    }
    holds = smallest is not None and smallest > 4 and not missing
    note = "the variance exists for rho > 2, from t = 3 on, and the mean from t = 2; only the first-order form needs 4"
    return theory(holds, smallest is not None and not missing, decided, note)


def draw(numbers: Numbers) -> Any:
    """Sample variance against the number of draws, and the exact variance where there is one."""
    figure = new_figure(7.0, 4.0)
    ax = figure.subplots()
    sampled = np.array(numbers["sampled"])
    for i, (colour, dash) in zip(range(sampled.shape[1]), STYLES, strict=False):
        ax.plot(numbers["samples"], sampled[:, i], "o", linestyle=dash, color=colour, label=f"t = {i + 1}")
        if numbers["variance"][i] is not None:
            ax.axhline(numbers["variance"][i], color=colour, lw=0.8)
    ax.set(xscale="log", yscale="log", xlabel="draws", ylabel="sample variance of psi_t")
    ax.set_title("thin lines: exact; for t = 1 and 2 there is none, and the sample's grows")
    ax.legend(frameon=False, fontsize=8)
    return figure


def _finite(x: float) -> float | None:
    return x if isfinite(x) else None


EXHIBIT = Exhibit(
    "E2",
    "Section 3: the adaptive learning rate at the first step",
    (
        Claim(
            "At the first step the variance of the adaptive learning rate 1/|g_1| diverges.",
            "exact mean and variance of psi_1 for normal gradients",
            "the variance is infinite; with a correction if the mean is, too",
            first_step,
        ),
        Claim(
            "The variance of the adaptive learning rate exists for rho_t > 4.",
            "the smallest rho_t at which the exact variance is finite",
            "finite above 4 and infinite below; with a correction if it is finite below too",
            domain,
        ),
    ),
    same({"beta2": 0.999, "steps": 5, "samples": [1_000, 10_000, 100_000, 1_000_000], "seed": 100}),
    run,
    draw,
    reported="The paper: Var[psi_1] diverges. Exact, by eq. (2): 1.09 at rho = 3, 0.43 at rho = 4.",
)
