"""E5, figure 9: the variance of psi, simulated at the paper's size, and what rectification leaves of it.

The simulation stands beside exact values (simulation.ema_moments), which decide: 5,000 trajectories know a variance to
some per cent only. To rectify is to multiply psi by r_t, so its variance by r_t^2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers, Verdict, same, theory
from minirad.plots import STYLES, new_figure
from minirad.variance import ema_moments, rectification, simulate, sma_length, variance

NOISE = 0.25  # how far a sample variance may be from the exact one, early
MODEL = 0.05
LEVEL = 0.1


def run(settings: Numbers, do: Do) -> Numbers:
    """Sample variances on a grid of t from 5 on, exact ones at some t, eq. (2) and r_t beside them."""
    beta2, mu, steps = settings["beta2"], settings["mu"], settings["steps"]
    sampled = simulate(beta2, steps, settings["trajectories"], mu, np.random.default_rng(settings["seed"]))
    exact_at = [t for t in settings["exact at"] if t <= steps]
    grid = sorted({*np.geomspace(5, steps, 150).round().astype(int).tolist(), *exact_at})
    return {
        "mu": mu,
        "t": grid,
        "sampled": sampled[:, np.array(grid) - 1].tolist(),
        "r": [rectification(t, beta2) for t in grid],
        "eq. (2)": [variance(sma_length(t, beta2)) for t in grid],
        "exact at": exact_at,
        "exact": [[ema_moments(t, beta2, m)[1] for t in exact_at] for m in mu],
    }


def _at(numbers: Numbers, values: list[float]) -> np.ndarray:
    """Of values on the grid, those where the exact variance is known."""
    return np.array([values[numbers["t"].index(t)] for t in numbers["exact at"]])


def model(numbers: Numbers) -> Verdict:
    """For mu = 0: simulated against exact, and eq. (2) against exact."""
    zero = numbers["mu"].index(0)
    exact = np.array(numbers["exact"][zero])
    noise = float(np.abs(_at(numbers, numbers["sampled"][zero]) / exact - 1).max())
    over = _at(numbers, numbers["eq. (2)"]) / exact - 1
    worst = int(np.abs(over).argmax())
    decided = {
        "simulated against exact, greatest difference": noise,
        "eq. (2) against exact, greatest difference": float(over[worst]),
        "at t": numbers["exact at"][worst],
    }
    note = f"eq. (2) at rho_t is {over[worst]:+.0%} off at t = {numbers['exact at'][worst]}: rho_t is too short there"
    return theory(noise <= NOISE and np.abs(over).max() <= MODEL, noise <= NOISE, decided, note)


def left_over(numbers: Numbers, i: int) -> np.ndarray:
    """The rectified variance of a mu over its value at the last step, where the exact variance is known."""
    rectified = _at(numbers, numbers["r"]) ** 2 * numbers["exact"][i]
    return rectified / rectified[-1]


def constant(numbers: Numbers) -> Verdict:
    """For mu = 0: what rectification leaves."""
    ratio = left_over(numbers, numbers["mu"].index(0))
    steps = numbers["exact at"]
    decided = {f"t = {t}": float(x) for t, x in zip(steps, ratio, strict=True)}
    later = [abs(x - 1) for t, x in zip(steps, ratio, strict=True) if t >= 10]
    low = [f"{x:.2f} of it at t = {t}" for t, x in zip(steps, ratio, strict=True) if abs(x - 1) > MODEL]
    note = f"against the last step's, the rectified variance is {', '.join(low)}"
    return theory(np.abs(ratio - 1).max() <= LEVEL, max(later, default=1) <= 0.5, decided, note)


def other_means(numbers: Numbers) -> Verdict:
    """For each mu: largest over smallest variance, raw and rectified."""
    raw = [max(exact) / min(exact) for exact in numbers["exact"]]
    kept = [left_over(numbers, i) for i in range(len(raw))]
    spread = [float(x.max() / x.min()) for x in kept]
    decided: dict[str, float] = {}
    for mu, before, after in zip(numbers["mu"], raw, spread, strict=True):
        decided |= {f"raw, mu = {mu:g}": float(before), f"rectified, mu = {mu:g}": after}
    worst = int(np.argmax(spread))
    note = (
        f"far more even than before ({raw[worst]:.0f} times), yet over-rectified early: at mu = "
        f"{numbers['mu'][worst]:g} the rectified variance is {kept[worst][0]:.2f} of its limit at t = "
        f"{numbers['exact at'][0]}"
    )
    evener = all(after < before for before, after in zip(raw, spread, strict=True))
    return theory(max(spread) <= 1 + LEVEL, evener, decided, note)


def draw(numbers: Numbers) -> Any:
    """Figure 9: the variances for each mu, before and after rectification."""
    figure = new_figure(9.0, 4.0)
    left, right = figure.subplots(1, 2, sharex=True)
    styles = [STYLES[i % len(STYLES)][0] for i in range(len(numbers["mu"]))]
    for i, (mu, colour) in enumerate(zip(numbers["mu"], styles, strict=True)):
        sampled, r = np.array(numbers["sampled"][i]), np.array(numbers["r"])
        dash = "-" if i < len(STYLES) else ":"
        left.plot(numbers["t"], sampled, color=colour, linestyle=dash, lw=1, label=f"mu = {mu:g}")
        right.plot(numbers["t"], r**2 * sampled, color=colour, linestyle=dash, lw=1)
        left.plot(numbers["exact at"], numbers["exact"][i], "o", color=colour, ms=3)
    left.plot(numbers["t"], numbers["eq. (2)"], color="black", lw=0.8, label="eq. (2), mu = 0")
    left.set(xscale="log", yscale="log", xlabel="t", title="Var[psi_t], simulated; dots: exact")
    right.set(xscale="log", yscale="log", xlabel="t", title="Var[r_t psi_t]: after rectification")
    left.legend(frameon=False, fontsize=8)
    return figure


SETTINGS: Numbers = {
    "beta2": 0.999, "steps": 6000, "trajectories": 5000, "mu": [0.0, 0.001, 0.01, 0.1, 1.0, 10.0],
    "exact at": [5, 10, 100, 1000, 1400, 6000], "seed": 100,
}  # fmt: skip

EXHIBIT = Exhibit(
    "E5",
    "Figure 9: simulated variance, and what rectification leaves",
    (
        Claim(
            "The simulated variance of psi follows eq. (2) at rho_t.",
            "for mu = 0, simulated and eq. (2) against exact, at t = 5, 10, 100, 1000, 1400, 6000",
            f"simulated within {NOISE:.0%} and eq. (2) within {MODEL:.0%}; with a correction if only the first",
            model,
        ),
        Claim(
            "Rectified, the variance is the same at every step.",
            "for mu = 0, exact variance times r_t^2, over that of the last step",
            f"within {LEVEL:.0%} from t = 5 on; with a correction if within 50% from t = 10 on",
            constant,
        ),
        Claim(
            "Rectification also works for gradients whose mean is not zero.",
            "for each mu, largest over smallest exact variance from t = 5 on, raw and rectified",
            f"at most {1 + LEVEL:g} rectified; with a correction if only smaller than raw, for every mu",
            other_means,
        ),
    ),
    same(SETTINGS),
    run,
    draw,
    reported="The paper: figure 9, 5,000 trajectories of 6,000 steps, beta2 = 0.999, the same means; no numbers.",
)
