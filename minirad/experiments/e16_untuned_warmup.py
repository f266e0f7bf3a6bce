"""E16, the critique: does a warmup that nobody tuned do what RAdam does? Ma and Yarats, 2021 (arXiv 1910.04209).

From step 5 on RAdam is Adam times r_t, and r_t sees no data. Ma and Yarats put a simple rule in its place: Adam with a
linear warmup over 2 / (1 - beta2) steps, or an exponential one, 1 - exp(-(1 - beta2) t). Neither has anything to tune.

The runs are E7's number words, with 6 + 6 layers and 600 steps. They must be longer than the warmup, at least three
times 2 / (1 - beta2) steps; so beta2 = 0.99 is primary. The paper's 0.999 needs 6,000 steps: three seeds of a smaller
net, at one rate. Rates are tuned for each arm (primary), and E7's matched rate stands beside.

To show that two rules do the same, it is not enough to see no difference. The claim needs a margin: half of what a
tuned warmup is worth in E7, Adam's loss minus that of Adam with warmup, each at its best rate. If E7's trainings are
not there yet, they are done first. If a warmup is worth nothing there, there is no margin and no verdict. Losses are
also compared as ratios, with the margin of a factor 1.25: E7's runs are shorter, and their losses higher.

Two numbers of theory stand with it: how much r_t and the warmups take from the rate in all, and how large Adam's update
is on pure noise, step by step: their explanation is the size of the early updates, not the variance of 1 / sqrt(v).

What this can't show. One data set and one small net; two rules may do the same here and differ elsewhere. With the
paper's beta2 nothing was tuned, and three seeds of a shallow net, in which nothing gets stuck, say little. Plain Adam
is no arm, and it should be: run when the verdicts were known (results/E16/plain-adam.toml, chapter 13.3), it does no
worse at its best rate, and fails at the matched one. So the primary claim's word says little.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from minirad.experiments import e07_failure as e7
from minirad.experiments import task_translation as task
from minirad.experiments.arms import ARMS, Setup
from minirad.experiments.exhibit import INCONCLUSIVE, Claim, Do, Exhibit, Numbers, Verdict, theory
from minirad.experiments.judging import ALIKE, PAIRED, alike, smaller
from minirad.experiments.statistics import mean_interval
from minirad.experiments.task_translation import Training
from minirad.experiments.translation_figures import draw_points, in_order, look_of, name_of
from minirad.plots import new_figure

EXPERIMENT = task.experiment("E16")
LINEAR, EXPONENTIAL = "adam-untuned-linear", "adam-untuned-exponential"
COMPARED = ("radam", LINEAR, EXPONENTIAL)
BETA1 = 0.9
CLOSE = 0.05


# ---- what is run


def run(settings: Numbers, do: Do) -> Numbers:
    """The margin, the losses at tuned rates, at the matched one and with the paper's beta2, and the theory."""
    seeds = e7.seeds_of(settings["seeds"])
    gap = e7.tuned_gap(e7.EXHIBIT.at(settings["E7 at"]), do) if settings["E7 at"] else None
    matched = [
        Training(arm, settings["lr"], seed, settings["beta2"], **settings["task"]) for seed in seeds for arm in COMPARED
    ]
    long = [
        Training(arm, settings["lr"], seed, settings["long beta2"], **settings["long task"])
        for seed in e7.seeds_of(min(settings["long seeds"], settings["seeds"]))
        for arm in COMPARED
    ]
    return {
        "gap": gap,
        "margin": settings["margin"] if gap is None else gap / 2,
        "lr": settings["lr"],
        "beta2": settings["beta2"],
        "steps": matched[0].steps,
        "tuned": e7.at_tuned_rates(settings, do, settings["beta2"], COMPARED, (), EXPERIMENT),
        "matched": e7.by_arm(matched, do(EXPERIMENT, matched)),
        "long beta2": settings["long beta2"],
        "long": e7.by_arm(long, do(EXPERIMENT, long)),
        "taken": {f"{beta2:g}": taken(beta2) for beta2 in (0.99, 0.999)},
        "update": update_on_noise(settings["trajectories"]),
    }


def taken(beta2: float) -> dict[str, float]:
    """What each factor takes from the rate in all: the sum of 1 - factor over all steps; r_t is 0 until it exists."""
    setup, steps = Setup(0.0, 1, beta2), range(1, round(30 / (1 - beta2)))
    factors = {"radam": ARMS["adam-r"].factor} | {arm: ARMS[arm].factor for arm in COMPARED[1:]}
    return {arm: sum(1 - factor(t, setup) for t in steps) for arm, factor in factors.items()}


def update_on_noise(trajectories: int, beta2: float = 0.999) -> Numbers:
    """The root mean square of m_hat / sqrt(v_hat), where g ~ N(0, 1), and what it would be with v_hat = 1.

    With v_hat = 1 it is the standard deviation of m_hat, sqrt((1 - b1)(1 + b1^t) / ((1 + b1)(1 - b1^t))).
    """
    at, generator = [1, 2, 3, 4, 5, 10, 20, 50, 100, 500, 2000], np.random.default_rng(100)
    m, v, found = np.zeros(trajectories), np.zeros(trajectories), []
    for t in range(1, at[-1] + 1):
        g = generator.standard_normal(trajectories)
        m += (1 - BETA1) * (g - m)
        v += (1 - beta2) * (g**2 - v)
        if t in at:
            update = m / (1 - BETA1**t) / np.sqrt(v / (1 - beta2**t))
            found.append(round(float(np.sqrt(np.mean(update**2))), 5))
    formula = [round(((1 - BETA1) * (1 + BETA1**t) / ((1 + BETA1) * (1 - BETA1**t))) ** 0.5, 5) for t in at]
    return {"t": at, "simulated": found, "formula": formula}


# ---- what decides


def equivalent(path: tuple[str, ...], other: str, numbers: Numbers) -> Verdict:
    """RAdam and another arm of a part, within the margin that E7 gave."""
    margin, part = numbers["margin"], e7.part_of(numbers, path)
    if margin <= 0:
        note = "in E7 a tuned warmup is worth nothing, so half of that is no margin"
        return Verdict(INCONCLUSIVE, {"margin": margin, "p": None}, note)
    return alike(e7.by_seed(part["radam"]), e7.by_seed(part[other]), margin)


def as_much_taken(numbers: Numbers) -> Verdict:
    """r_t against the untuned linear warmup, at beta2 = 0.999."""
    found = numbers["taken"]["0.999"]
    off = found["radam"] / found[LINEAR] - 1
    note = f"r_t takes {off:+.0%} of what the linear warmup takes"
    return theory(abs(off) <= CLOSE, abs(off) <= 0.2, {"r_t": found["radam"], "linear": found[LINEAR]}, note)


def largest_first(numbers: Numbers) -> Verdict:
    """The update on noise: follows the formula, and only falls."""
    simulated, formula = (np.array(numbers["update"][key]) for key in ("simulated", "formula"))
    off = float(np.abs(simulated / formula - 1).max())
    falls = bool((np.diff(formula) <= 0).all()) and simulated[0] == simulated.max()
    shown = dict(zip((f"t = {t}" for t in numbers["update"]["t"]), simulated.tolist(), strict=True))
    note = f"the formula is {off:.0%} off at worst"
    return theory(falls and off <= CLOSE, falls, shown | {"off at most": off}, note)


MARGIN = "margin: half of E7's gap between tuned Adam and tuned Adam with warmup"
T, M = ("tuned", "losses"), ("matched",)


def _same(text: str, path: tuple[str, ...], other: str, primary: bool = False) -> Claim:
    return Claim(text, f"{e7.LOSS}; {MARGIN}", ALIKE, partial(equivalent, path, other), primary)


def _ratio(text: str, path: tuple[str, ...], other: str) -> Claim:
    judge: Callable[[Numbers], Verdict] = partial(e7.compared, e7.alike_in_ratio, path, "radam", other)
    return Claim(text, f"{e7.LOGS}; margin: the factor {e7.RATIO}", ALIKE, judge)


CLAIMS = (
    _same("Each at its best rate, Adam with an untuned linear warmup ends as RAdam does.", T, LINEAR, primary=True),
    _same("Each at its best rate, Adam with an untuned exponential warmup ends as RAdam does.", T, EXPONENTIAL),
    _same("At one rate for all, Adam with an untuned linear warmup ends as RAdam does.", M, LINEAR),
    _same("At one rate for all, Adam with an untuned exponential warmup ends as RAdam does.", M, EXPONENTIAL),
    _ratio("Each at its best rate, RAdam's loss is that of the untuned linear warmup, as a ratio.", T, LINEAR),
    _ratio("At one rate for all, RAdam's loss is that of the untuned linear warmup, as a ratio.", M, LINEAR),
    _ratio("With the paper's beta2, RAdam's loss is that of the untuned linear warmup, as a ratio.", ("long",), LINEAR),
    Claim(
        "Each at its best rate, RAdam ends with a smaller loss than with an untuned linear warmup.",
        e7.LOSS,
        PAIRED.format(0),
        partial(e7.compared, smaller, T, "radam", LINEAR),
    ),
    Claim(
        "In all, r_t takes as much from the rate as a linear warmup over 2 / (1 - beta2) steps.",
        "the sum of 1 - factor over all steps, at beta2 = 0.999",
        f"within {CLOSE:.0%}; with a correction if within 20%",
        as_much_taken,
    ),
    Claim(
        "On pure noise Adam's updates are largest at step 1 and shrink as the mean of m_hat settles.",
        "root mean square of m_hat / sqrt(v_hat) on g ~ N(0, 1), simulated, against the formula with v_hat = 1",
        f"largest at step 1, and within {CLOSE:.0%} of the formula; with a correction if only the first",
        largest_first,
    ),
)


# ---- what is shown


def lines(numbers: Numbers) -> list[str]:
    """The median losses, the margin and where it is from, and the theory."""
    best = numbers["tuned"]["rates"]
    told = [f"test loss at the end, medians; beta2 = {numbers['beta2']:g}, {numbers['steps']} steps:"]
    for arm, losses in in_order(numbers["tuned"]["losses"]).items():
        told.append(
            f"  {ARMS[arm].title:34s} tuned (lr {best[arm]:g}) {median(losses):.4f}, "
            f"lr {numbers['lr']:g} {median(numbers['matched'][arm]):.4f}, "
            f"beta2 = {numbers['long beta2']:g} {median(numbers['long'][arm]):.4f}"
        )
    if numbers["gap"] is None:
        told.append(f"margin {numbers['margin']:g}: a number for this scale alone, E7 was not asked")
    else:
        told.append(f"margin {numbers['margin']:.4f}: half of E7's gap of {numbers['gap']:.4f}")
    for beta2, own in numbers["taken"].items():
        shown = ", ".join(f"{name_of(arm)} {own[arm]:.0f}" for arm in COMPARED)
        told.append(f"taken from the rate in all, in steps, beta2 = {beta2}: {shown}")
    return told


def draw(numbers: Numbers) -> Any:
    """The factors; the update on noise; the losses; the paired differences with the margin."""
    figure = new_figure(9.0, 8.0)
    (factors, noise), (losses, differences) = figure.subplots(2, 2)
    draw_factors(factors, numbers["beta2"], numbers["steps"])
    update = numbers["update"]
    noise.plot(update["t"], update["formula"], color="black", lw=0.8, label="with v_hat = 1")
    noise.plot(update["t"], update["simulated"], "o", color=look_of("adam")[0], ms=4, label="simulated")
    noise.set(xscale="log", xlabel="step", ylim=(0, 1.05))
    noise.set_title("Adam's update on noise: RMS of m_hat / sqrt(v_hat)", fontsize=9)
    noise.legend(frameon=False, fontsize=7)
    parts = {
        "tuned": numbers["tuned"]["losses"],
        f"{numbers['lr']:g}": numbers["matched"],
        f"beta2 {numbers['long beta2']:g}": numbers["long"],
    }
    groups = {f"{name_of(arm)}, {part}": (arm, own[arm]) for part, own in parts.items() for arm in COMPARED}
    draw_points(losses, {name: own for name, (_, own) in groups.items()}, [arm for arm, _ in groups.values()])
    losses.set_title("test loss at the end: each seed, and the median", fontsize=9)
    draw_differences(differences, numbers)
    return figure


def draw_factors(ax: Any, beta2: float, steps: int) -> None:
    """What multiplies the rate, step by step."""
    setup, t = Setup(0.0, steps, beta2), range(1, steps + 1)
    for arm, factor in (("radam", ARMS["adam-r"].factor), *((arm, ARMS[arm].factor) for arm in COMPARED[1:])):
        colour, dash = look_of(arm)
        ax.plot(t, [factor(step, setup) for step in t], color=colour, linestyle=dash, label=name_of(arm))
    ax.set(xlabel="step", ylim=(0, 1.05))
    ax.set_title(f"what multiplies the rate, beta2 = {beta2:g}", fontsize=9)
    ax.legend(frameon=False, fontsize=7)


def draw_differences(ax: Any, numbers: Numbers) -> None:
    """RAdam's loss minus the other's: each seed, the mean with its 95% interval, and the margin."""
    names = []
    parts = (("tuned", numbers["tuned"]["losses"]), (f"lr {numbers['lr']:g}", numbers["matched"]))
    for place, (part, own, arm) in enumerate((part, own, arm) for part, own in parts for arm in COMPARED[1:]):
        values = [a - b for a, b in zip(own["radam"], own[arm], strict=True)]
        mean, half = mean_interval(values)
        colour = look_of(arm)[0]
        ax.plot(values, [place + 0.12] * len(values), "o", color=colour, ms=4, alpha=0.6, mew=0)
        ax.errorbar([mean], [place - 0.12], xerr=[half], fmt="s", color=colour, ms=4, capsize=3)
        names.append(f"{name_of(arm)}, {part}")
    if numbers["margin"] > 0:
        ax.axvspan(-numbers["margin"], numbers["margin"], color="#999999", alpha=0.2, lw=0)
    ax.axvline(0, color="black", lw=0.7)
    ax.set_yticks(range(len(names)), names, fontsize=7)
    ax.set_title("RAdam's loss minus the other's; grey: the margin", fontsize=9)
    ax.invert_yaxis()


def before(settings: Numbers) -> None:
    """Refuse early where there are no data."""
    task.before(Training("adam", settings["lr"], 0, **settings["task"]))
    if settings["E7 at"]:
        e7.before(e7.EXHIBIT.at(settings["E7 at"]) | {"multi30k": None})


LAPTOP: Numbers = {
    "task": {"layers": 6, "steps": 600},
    "beta2": 0.99,
    "lr": 3e-3,
    "seeds": 10,
    "grid": [-6, -5, -4],
    "tuning seeds": 3,
    "long task": {"layers": 2, "width": 32, "feed_forward": 128, "steps": 6000},
    "long beta2": 0.999,
    "long seeds": 3,
    "E7 at": "laptop",
    "margin": None,
    "trajectories": 20_000,
}
QUICK: Numbers = LAPTOP | {
    "task": {"layers": 2, "width": 32, "feed_forward": 64, "pairs": 2000, "steps": 120},
    "beta2": 0.95,
    "seeds": 3,
    "grid": [-5, -4],
    "tuning seeds": 1,
    "long task": {"layers": 1, "width": 16, "feed_forward": 32, "pairs": 2000, "steps": 600},
    "long beta2": 0.99,
    "E7 at": None,
    "margin": 0.05,
    "trajectories": 4000,
}
# The paper's net on Multi30k; beta2 = 0.999 is primary here, since the run is eight times its window.
PAPER: Numbers = LAPTOP | {
    "task": e7.PAPER["task"],
    "beta2": 0.999,
    "lr": e7.PAPER["lr"],
    "seeds": 5,
    "grid": e7.PAPER["grid"],
    "long task": e7.PAPER["task"],
    "long beta2": 0.9995,
    "E7 at": "paper",
}

EXHIBIT = Exhibit(
    "E16",
    "The critique: untuned warmup in the place of RAdam",
    CLAIMS,
    {"quick": QUICK, "laptop": LAPTOP, "paper": PAPER},
    run,
    draw,
    reported="Ma and Yarats, 2021: on five tasks, a linear warmup over 2 / (1 - beta2) steps does as well as RAdam.",
    lines=lines,
    before=before,
)
