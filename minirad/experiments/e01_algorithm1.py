"""E1, Algorithm 1: SGD, momentum, Adagrad, RMSprop and Adam are one method with different phi and psi.

The general method keeps all gradients and applies phi and psi as the paper writes them. The rules keep averages. Both
get the same noisy gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers, Verdict, same, theory
from minirad.experiments.trajectory import gap, trajectory
from minirad.optim import SGD, Adagrad, Adam, AdamEps, Algorithm1, RMSprop
from minirad.optim.algorithm1 import averaged, constant, corrected, heavy_ball, latest, total, uncorrected
from minirad.plots import STYLES, new_figure

EXACT = 1e-12  # of the largest coordinate: rounding
BETAS, EPS = (0.9, 0.999), 1e-8

Build = Callable[[Any, float], Any]
# name: (phi, psi, the rule that it is)
CASES: dict[str, tuple[Any, Any, Build]] = {
    "SGD": (latest, constant, lambda params, lr: SGD(params, lr)),
    "momentum": (heavy_ball(0.9), constant, lambda params, lr: SGD(params, lr, momentum=0.9)),
    "Adagrad": (latest, total(EPS), lambda params, lr: Adagrad(params, lr, eps=EPS)),
    "RMSprop": (latest, uncorrected(0.99, EPS), lambda params, lr: RMSprop(params, lr, alpha=0.99, eps=EPS)),
    # AdamEps has epsilon where eq. (1) has it, Adam where its authors and the libraries have it.
    "Adam, eq. (1)": (averaged(0.9), corrected(0.999, EPS), lambda params, lr: AdamEps(params, lr, BETAS, EPS)),
    "Adam of the libraries": (averaged(0.9), corrected(0.999, EPS), lambda params, lr: Adam(params, lr, BETAS, EPS)),
}


def run(settings: Numbers, do: Do) -> Numbers:
    """Both paths of each case, and their greatest distance."""
    steps, lr = settings["steps"], settings["lr"]
    numbers: Numbers = {"gap": {}, "general": {}, "rule": {}}
    for name, (phi, psi, build) in CASES.items():
        general, rule = (
            trajectory(make, steps, np.random.default_rng(settings["seed"]))
            for make in (
                lambda params, phi=phi, psi=psi: Algorithm1(params, lr, phi, psi),
                lambda params, build=build: build(params, lr),
            )
        )
        numbers["gap"][name] = gap(rule, general)
        numbers["general"][name], numbers["rule"][name] = general[:, 1].tolist(), rule[:, 1].tolist()
    return numbers


def four(numbers: Numbers) -> Verdict:
    """SGD, momentum, Adagrad and RMSprop."""
    gaps = {name: numbers["gap"][name] for name in list(CASES)[:4]}
    return theory(max(gaps.values()) <= EXACT, False, gaps)


def adam(numbers: Numbers) -> Verdict:
    """Adam: as eq. (1) has it, and as libraries have it."""
    gaps = {name: numbers["gap"][name] for name in list(CASES)[4:]}
    note = "eq. (1) adds epsilon before the bias correction; Adam's authors and the libraries add it after"
    return theory(max(gaps.values()) <= EXACT, gaps["Adam, eq. (1)"] <= EXACT, gaps, note)


def draw(numbers: Numbers) -> Any:
    """A coordinate of each rule's path as a line, and Algorithm 1 as circles on it."""
    figure = new_figure(7.0, 4.0)
    ax = figure.subplots()
    for name, (colour, dash) in zip(list(CASES)[:5], STYLES, strict=True):
        path, general = numbers["rule"][name], numbers["general"][name]
        steps = np.arange(1, len(path) + 1)
        ax.plot(steps, path, linestyle=dash, color=colour, label=name)
        ax.plot(steps[::10], general[::10], "o", color=colour, mfc="none", ms=5)
    ax.set(xlabel="step t", ylabel="theta[1]", title="lines: the rules; circles: Algorithm 1 with their phi and psi")
    ax.legend(frameon=False, fontsize=8)
    return figure


EXHIBIT = Exhibit(
    "E1",
    "Algorithm 1: one method, of which the others are cases",
    (
        Claim(
            "SGD, momentum, Adagrad and RMSprop are Algorithm 1, each with one phi and one psi.",
            "greatest relative distance of the rule's path from Algorithm 1's",
            f"at most {EXACT:g} for each",
            four,
        ),
        Claim(
            "Adam is Algorithm 1 with the phi and psi of eq. (1).",
            "greatest relative distance of Adam's path from Algorithm 1's, epsilon included",
            f"at most {EXACT:g}; with a correction if that needs epsilon in another place than libraries have it",
            adam,
        ),
    ),
    same({"steps": 200, "lr": 0.05, "seed": 100}),
    run,
    draw,
)
