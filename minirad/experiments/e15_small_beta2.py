"""E15, section 4.2: with beta2 <= 0.6, rho_t never exceeds 4, and RAdam is SGD with momentum for ever. Which momentum?

All three get the same noisy gradients: RAdam; SGD with m_hat, the bias-corrected exponential average; SGD with the
heavy ball of most libraries, at the rate times 1 - beta1, with which both take the same steps in the long run.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers, Verdict, same, theory
from minirad.experiments.trajectory import gap, trajectory
from minirad.optim import SGD, Algorithm1, RAdam
from minirad.optim.algorithm1 import averaged, constant
from minirad.plots import STYLES, new_figure
from minirad.variance import first_step, sma_limit

EXACT = 1e-12
BETA1 = 0.9


def run(settings: Numbers, do: Do) -> Numbers:
    """The paths, and how far RAdam's is from the other two for each beta2."""
    lr, steps = settings["lr"], settings["steps"]

    def path(build: Any) -> np.ndarray:
        return trajectory(build, steps, np.random.default_rng(settings["seed"]))

    average = path(lambda params: Algorithm1(params, lr, averaged(BETA1), constant))
    ball = path(lambda params: SGD(params, lr * (1 - BETA1), momentum=BETA1))
    radam = {f"{b:g}": path(lambda params, b=b: RAdam(params, lr, (BETA1, b))) for b in settings["beta2"]}
    above = settings["above"]
    return {
        "rho_inf": {beta2: sma_limit(float(beta2)) for beta2 in radam},
        "to m_hat": {beta2: gap(own, average) for beta2, own in radam.items()},
        "to the heavy ball": {beta2: gap(own, ball) for beta2, own in radam.items()},
        "above": above,
        "first adaptive step above": first_step(0, above),
        "paths": {
            f"RAdam, beta2 = {max(settings['beta2']):g}": radam[f"{max(settings['beta2']):g}"][:, 1].tolist(),
            "SGD with m_hat": average[:, 1].tolist(),
            "SGD with the heavy ball": ball[:, 1].tolist(),
        },
    }


def momentum(numbers: Numbers) -> Verdict:
    """The same as either of the two?"""
    average, ball = max(numbers["to m_hat"].values()), min(numbers["to the heavy ball"].values())
    note = "the momentum is the bias-corrected average m_hat, not the heavy ball of most libraries"
    decided = {"greatest distance to m_hat": average, "smallest distance to the heavy ball": ball}
    return theory(max(average, ball) <= EXACT, average <= EXACT, decided, note)


def border(numbers: Numbers) -> Verdict:
    """rho_inf <= 4 for each beta2 up to 0.6, and an adaptive step for one just above."""
    longest, step = max(numbers["rho_inf"].values()), numbers["first adaptive step above"]
    decided = {"longest rho_inf": longest, f"first adaptive step at beta2 = {numbers['above']:g}": step}
    return theory(longest <= 4 and step is not None, False, decided)


def draw(numbers: Numbers) -> Any:
    """A coordinate of the three paths."""
    figure = new_figure(7.0, 4.0)
    ax = figure.subplots()
    for (name, path), (colour, dash), width in zip(numbers["paths"].items(), STYLES, (4, 1.5, 1.5), strict=False):
        ax.plot(range(1, len(path) + 1), path, linestyle=dash, color=colour, lw=width, alpha=0.7, label=name)
    ax.set(xscale="log", xlabel="step t", ylabel="theta[1]")
    ax.legend(frameon=False, fontsize=8)
    return figure


EXHIBIT = Exhibit(
    "E15",
    "Section 4.2: with a small beta2 RAdam is SGD with momentum",
    (
        Claim(
            "With beta2 <= 0.6, RAdam is SGD with momentum.",
            "greatest relative distance of the paths, to SGD with either kind of momentum",
            f"at most {EXACT:g} to both; with a correction if only to the bias-corrected average",
            momentum,
        ),
        Claim(
            "The border is beta2 = 0.6: above it, RAdam turns adaptive.",
            "rho_inf for beta2 <= 0.6, and the first adaptive step just above",
            "rho_inf at most 4, and there is such a step",
            border,
        ),
    ),
    same({"lr": 0.02, "steps": 500, "seed": 100, "beta2": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "above": 0.61}),
    run,
    draw,
)
