"""E3, Theorem 1 and figure 8: Var[psi] falls as rho grows. Its printed proof, a short one, and the first-order form.

The short proof: with q = (Gamma((rho-1)/2) / Gamma(rho/2))^2 and D = digamma(rho/2) - digamma((rho-1)/2) the derivative
of the variance is -2/(rho-2)^2 + q (rho D - 1)/2. Gamma is log-convex, so q < 2/(rho-2); digamma is concave, so
D < 1/(rho-2) and rho D - 1 < 2/(rho-2). So the derivative is below 0 for all rho > 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minirad.data.support import lab
from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers, Verdict, same, theory
from minirad.plots import STYLES, new_figure
from minirad.variance import mean, variance, variance_first_order


def run(settings: Numbers, do: Do) -> Numbers:
    """The variance on a grid, the inequalities of both proofs, and exact against first order on figure 8's range."""
    low, high, points = settings["grid"]
    rho = np.geomspace(low, high, points)
    exact = np.array([variance(x) for x in rho])
    q = np.array([gamma_ratio(x) for x in rho])
    digamma = lab("scipy.special").digamma
    d = digamma(rho / 2) - digamma((rho - 1) / 2)
    whole = np.arange(3, settings["longest"] + 1)  # the proof's t
    q_whole = np.array([gamma_ratio(t) for t in whole])
    figure8 = range(5, settings["longest"] + 1)
    return {
        # Each of the first four is below 1 if, and only if, its inequality holds on the whole grid.
        "next over this": float((exact[1:] / exact[:-1]).max()),
        "q (rho-2)/2": float((q * (rho - 2) / 2).max()),
        "D (rho-2)": float((d * (rho - 2)).max()),
        "(rho D - 1)(rho-2)/2": float(((rho * d - 1) * (rho - 2) / 2).max()),
        "greatest derivative": float((-2 / (rho - 2) ** 2 + q * (rho * d - 1) / 2).max()),
        "t": whole.tolist(),
        "(9)": ((whole - 2) * q_whole).tolist(),
        "(10)": ((whole - 2) * 2 / (whole - 1)).tolist(),
        "figure 8": list(figure8),
        "exact 8": [variance(x) for x in figure8],
        "first order 8": [variance_first_order(x) for x in figure8],
    }


def gamma_ratio(rho: float) -> float:
    """q = (Gamma((rho-1)/2) / Gamma(rho/2))^2, from E[psi]^2 = Q rho / 2 (eq. 7)."""
    return 2 * mean(float(rho)) ** 2 / float(rho)


def monotone(numbers: Numbers) -> Verdict:
    """Theorem 1 on the grid, and every step of the short proof."""
    steps = ("next over this", "q (rho-2)/2", "D (rho-2)", "(rho D - 1)(rho-2)/2")
    decided = {name: numbers[name] for name in (*steps, "greatest derivative")}
    return theory(all(numbers[name] < 1 for name in steps) and numbers["greatest derivative"] < 0, False, decided)


def inequality_10(numbers: Numbers) -> Verdict:
    """(t-2) q <= 2 (t-2)/(t-1), where q is the squared ratio of Gammas."""
    over = [left / right for left, right in zip(numbers["(9)"], numbers["(10)"], strict=True)]
    worst = over.index(max(over))
    decided = {"greatest left / right": over[worst], "at t": numbers["t"][worst]}
    if 5 in numbers["t"]:
        at = numbers["t"].index(5)
        decided |= {"left at t = 5": numbers["(9)"][at], "right at t = 5": numbers["(10)"][at]}
    note = "(9) and the theorem stand: the other side of Gautschi's inequality gives (9) at once"
    return theory(max(over) <= 1, False, decided, note)


def inequality_9(numbers: Numbers) -> Verdict:
    """(t-2) q <= 2."""
    return theory(max(numbers["(9)"]) <= 2, False, {"greatest left side": max(numbers["(9)"])})


def accurate(numbers: Numbers) -> Verdict:
    """Eq. (5) over eq. (2): from which rho on is it within a tenth, and within a hundredth?"""
    ratios = [a / b for a, b in zip(numbers["first order 8"], numbers["exact 8"], strict=True)]
    tenth, hundredth = (within(share, numbers["figure 8"], ratios) for share in (0.1, 0.01))
    decided = {"first order / exact at rho = 5": ratios[0], "within 10% from": tenth, "within 1% from": hundredth}
    note = f"it is {ratios[0]:.1f} times too large at rho = 5, within 10% from rho = {tenth} on, 1% from {hundredth} on"
    return theory(tenth == numbers["figure 8"][0], hundredth is not None, decided, note)


def within(share: float, rho: list[int], ratios: list[float]) -> int | None:
    """The smallest rho from which on all ratios are 1 but for this share."""
    good = [abs(ratio - 1) <= share for ratio in ratios]
    start = next((i for i in range(len(good)) if all(good[i:])), None)
    return None if start is None else rho[start]


def draw(numbers: Numbers) -> Any:
    """Figure 8: both forms and their difference, logarithmic; and the two sides of inequality (10)."""
    figure = new_figure(9.0, 4.0)
    left, right = figure.subplots(1, 2)
    rho, exact, first = (np.array(numbers[name]) for name in ("figure 8", "exact 8", "first order 8"))
    curves = {"exact, eq. (2)": exact, "first order, eq. (5)": first, "difference": np.abs(first - exact)}
    for (name, values), (colour, dash) in zip(curves.items(), STYLES, strict=False):
        left.plot(rho, values, linestyle=dash, color=colour, label=name)
    left.set(yscale="log", xlabel="rho", ylabel="Var[psi] / tau^2", title="figure 8 of the paper")
    t, nine, ten = (np.array(numbers[name])[:30] for name in ("t", "(9)", "(10)"))
    right.plot(t, nine, "o", color=STYLES[0][0], ms=4, label="left side of (9) and (10)")
    right.plot(t, ten, color=STYLES[1][0], label="right side of (10)")
    right.axhline(2, color=STYLES[2][0], linestyle="--", label="right side of (9)")
    right.set(xlabel="t", title="the printed proof: (10) fails, (9) holds")
    for ax in (left, right):
        ax.legend(frameon=False, fontsize=8)
    return figure


EXHIBIT = Exhibit(
    "E3",
    "Theorem 1 and figure 8: the variance falls as rho grows",
    (
        Claim(
            "Var[psi] decreases monotonically in rho (Theorem 1).",
            "ratio of neighbours on a grid from just above 2 on, the derivative, and each inequality of a short proof",
            "all ratios below 1, the derivative below 0",
            monotone,
        ),
        Claim(
            "Inequality (10), a step of the printed proof, holds.",
            "left side over right side, t = 3, 4, ...",
            "at most 1",
            inequality_10,
        ),
        Claim(
            "Inequality (9), which the printed proof is after, holds.",
            "its left side, t = 3, 4, ...",
            "at most 2",
            inequality_9,
        ),
        Claim(
            "The first-order form (5) is an accurate approximation of the exact variance (2).",
            "(5) over (2) on the range of figure 8",
            "within 10% from rho = 5 on; with a correction if within 1% from a larger rho on",
            accurate,
        ),
    ),
    same({"grid": [2.001, 1e4, 2000], "longest": 500}),
    run,
    draw,
    reported="The paper: figure 8, for rho from 5 to 500; it calls the first-order form very accurate.",
)
