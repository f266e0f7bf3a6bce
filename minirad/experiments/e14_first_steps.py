"""E14, table 3: which rule takes the first steps.

At lr 0.1 the paper exchanges RAdam's rule at steps 1-4, 5-8 and after. With Adam at steps 1-4, where the variance of
psi is unbounded, accuracy falls from 91.08 to 89.98; with SGD there and Adam at 5-8 it is 90.29. So, it says, it is the
first steps that harm. Two more arms ask how much the rule of those steps matters at all: no step at 1-4, as in the
authors' later code; and the border of that code, rho_t >= 5, whose first adaptive step is the sixth.

What this can't show: all arms run at one rate, which is not tuned for any of them, on a small net, for 1,200 steps and
not 64,124. Four steps are a larger share of a short run; but a short run also ends at a lower accuracy, and in either
case the milestones come long after. Whoever wants to know what early steps do at the best rate of each arm must tune.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minirad.experiments.arms import ARMS
from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers
from minirad.experiments.judging import ALIKE, PAIRED, alike, larger
from minirad.experiments.points import draw_points
from minirad.experiments.task_images import (
    EARLY,
    PAPER_STEPS,
    Training,
    before,
    by_arm,
    data_of,
    experiment,
    left_out,
    seeds,
    versus,
)
from minirad.plots import STYLES, new_figure

EXPERIMENT = experiment("E14")
TABLE = ("radam", "adam-radam-radam", "sgd-adam-radam")  # the paper's
MORE = ("skip-radam-radam", "radam-5")
TITLES = {arm: ARMS[arm].title for arm in TABLE + MORE} | {"radam": "RAdam throughout"}
REPORTED = dict(zip(TABLE, (91.08, 89.98, 90.29), strict=True))
MARGIN = 0.005  # half a point of accuracy: less than half of the paper's difference


def run(settings: Numbers, do: Do) -> Numbers:
    """The test accuracies of each arm, a number a seed, and the median loss of its first steps."""
    numbers = data_of(settings) | {key: settings[key] for key in ("lr", "beta2", "fitted beta2")}
    name, other = numbers["data"], numbers["other"]
    groups = [("accuracy", name, arm, settings["beta2"], settings["seeds"]) for arm in TABLE + MORE]
    groups += [("fitted", name, arm, settings["fitted beta2"], settings["fitted seeds"]) for arm in TABLE[:2]]
    groups += [("beside", other, arm, settings["beta2"], settings["beside seeds"]) for arm in TABLE if other]
    plan = [
        (kind, arm, Training(dataset, arm, settings["lr"], seed, settings["steps"], beta2))
        for kind, dataset, arm, beta2, n in groups
        for seed in seeds(n)
    ]
    results = do(EXPERIMENT, [training for *_, training in plan])
    early: dict[str, list[list[float]]] = {arm: [] for arm in TABLE + MORE}
    for (kind, arm, _), (row, _) in zip(plan, results, strict=True):
        if kind == "accuracy" and len(row["loss"]) >= EARLY:  # else it failed there
            early[arm].append(row["loss"][:EARLY])
    medians = {arm: np.median(losses, axis=0).tolist() if losses else [] for arm, losses in early.items()}
    return numbers | {"beside": {}} | by_arm(plan, results) | {"early loss": medians}


def _in_order(by_arm: dict[str, Any]) -> dict[str, Any]:
    """As in the table: a file sorts its keys."""
    return {arm: by_arm[arm] for arm in TABLE + MORE if arm in by_arm}


def lines(numbers: Numbers) -> list[str]:
    """The mean accuracy of each arm."""
    head = f"test accuracy (%), {numbers['data']}, lr {numbers['lr']:g}, beta2 = {numbers['beta2']:g}; mean, seeds:"
    kinds = {"accuracy": "", "fitted": f", beta2 = {numbers['fitted beta2']:g}", "beside": f", {numbers['other']}"}
    rows = [
        f"  {TITLES[arm] + what:42s} {100 * np.mean(values):6.2f}  {len(values)}"
        for kind, what in kinds.items()
        for arm, values in _in_order(numbers[kind]).items()
    ]
    return [head, *rows, *left_out(numbers)]


def draw(numbers: Numbers) -> Any:
    """Each seed's accuracy, and the loss of the first steps."""
    other = numbers["beside"]
    figure = new_figure(9.0, 6.5 if other else 4.2)
    panels = figure.subplot_mosaic([["own", "early"], ["beside", "early"]] if other else [["own", "early"]])
    for place, values in (("own", numbers["accuracy"]), ("beside", other)):
        if values:
            own = {TITLES[arm]: accuracies for arm, accuracies in _in_order(values).items()}
            reported = {TITLES[arm]: value for arm, value in REPORTED.items()} if place == "own" else None
            draw_points(panels[place], own, STYLES[: len(own)], reported)
            panels[place].set(xlabel=f"{numbers['data' if place == 'own' else 'other']}: test accuracy (%)")
    for (arm, losses), (colour, dash) in zip(_in_order(numbers["early loss"]).items(), STYLES, strict=True):
        panels["early"].plot(range(1, len(losses) + 1), losses, linestyle=dash, color=colour, label=TITLES[arm])
    panels["early"].set(xlabel="step", ylabel=f"{numbers['data']}: training loss, median of the seeds")
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


SHARED: Numbers = {"lr": 0.1, "beta2": 0.999, "fitted beta2": 0.99, "beside": None, "beside seeds": 0}

EXHIBIT = Exhibit(
    "E14",
    "Table 3: which rule takes the first steps",
    (
        Claim(
            "RAdam throughout ends more accurate than with Adam at its first four steps.",
            "test accuracy at the end, lr 0.1, beta2 = 0.999: RAdam minus Adam / RAdam / RAdam, paired by seed",
            PAIRED.format("0"),
            versus(larger, ("accuracy", "radam"), ("accuracy", "adam-radam-radam")),
            primary=True,
        ),
        Claim(
            "RAdam throughout ends more accurate than with SGD at steps 1-4 and Adam at 5-8.",
            "test accuracy at the end: RAdam minus SGD / Adam / RAdam, paired by seed",
            PAIRED.format("0"),
            versus(larger, ("accuracy", "radam"), ("accuracy", "sgd-adam-radam")),
        ),
        Claim(
            "Leaving the first four steps out ends as accurate as RAdam, within half a point.",
            "test accuracy at the end: no step / RAdam / RAdam minus RAdam, paired by seed",
            f"{ALIKE}; margin {MARGIN:g}",
            versus(alike, ("accuracy", "skip-radam-radam"), ("accuracy", "radam"), MARGIN),
        ),
        Claim(
            "The border rho_t >= 5 ends as accurate as rho_t > 4, within half a point.",
            "test accuracy at the end: RAdam, adaptive from step 6, minus RAdam, paired by seed",
            f"{ALIKE}; margin {MARGIN:g}",
            versus(alike, ("accuracy", "radam-5"), ("accuracy", "radam"), MARGIN),
        ),
        Claim(
            "With a beta2 fitted to the run's length too, RAdam throughout ends more accurate than with Adam first.",
            "as the first, with beta2 = 0.99 (0.9 at quick scale), over fewer seeds",
            PAIRED.format("0"),
            versus(larger, ("fitted", "radam"), ("fitted", "adam-radam-radam")),
        ),
    ),
    {
        "quick": SHARED | {"data": "digits", "steps": 150, "seeds": 5, "fitted beta2": 0.9, "fitted seeds": 3},
        "laptop": SHARED
        | {"data": "fashion-mnist", "steps": 1200, "seeds": 10, "fitted seeds": 5}
        | {"beside": "cifar10-jpeg", "beside seeds": 3},
        "paper": SHARED | {"data": "cifar10", "steps": PAPER_STEPS, "seeds": 5, "fitted seeds": 3},
    },
    run,
    draw,
    reported="The paper, CIFAR10, ResNet-20: RAdam throughout 91.08, Adam / RAdam / RAdam 89.98, "
    "SGD / Adam / RAdam 90.29.",
    lines=lines,
    before=before,
)
