"""E10, table 1 and figure 5: images with SGD, Adam and RAdam.

The paper: CIFAR10 with ResNet-20, and ImageNet with ResNet-18. RAdam is better than Adam on both, and SGD, a little,
than RAdam. Here each rule has its own rate, tuned on validation images with other seeds and equally many trials. That
comparison is the primary one, at the paper's beta2 = 0.999; one with beta2 fitted to the run's length stands beside it.

Matched rates are two: Adam's tuned one, and RAdam's. At RAdam's rate there are three controls too. Each takes one thing
from RAdam: its mean rate over the run, its r_t without the first four steps of SGD, or just some warmup (linear, over
2 / (1 - beta2) steps, nothing to tune). What one of these does as well is no merit of the rest.

What this can't show: ImageNet is out of reach, and so are 64,124 steps. The protocol plans about 1,500 steps; here all
arms have 1,200. These are 1.3 epochs of Fashion-MNIST, and r_t ends at 0.69: RAdam is in its warmup for the whole run,
which 164 epochs are not. Adam at its mean rate goes as far in all as RAdam would with steps of equal size, and most of
the way before the first milestone: at the start it has a higher rate than RAdam, after the milestones a lower one. A
tuned rate is the best of a grid of half decades: a difference smaller than what the next rate makes says little. Over
10 seeds a true difference as large as the spread (sd) of the paired differences is found four times in five, over 5
seeds one of 1.7 sd.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from minirad.experiments import rates
from minirad.experiments.arms import ARMS
from minirad.experiments.curves import fill
from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers
from minirad.experiments.judging import ALIKE, PAIRED, alike, larger
from minirad.experiments.points import draw_points
from minirad.experiments.results import Row, rounded
from minirad.experiments.task_images import (
    PAPER_STEPS,
    Training,
    accuracy,
    before,
    by_arm,
    data_of,
    experiment,
    left_out,
    seeds,
    versus,
)
from minirad.plots import log_bins, new_figure, styles_of

EXPERIMENT = experiment("E10")
RULES = ("sgd", "adam", "radam")
CONTROLS = ("adam-mean-rate", "adam-r", "adam-untuned-linear")  # at RAdam's tuned rate
SCORES = 4  # a run, for figure 5
MARGIN = 0.005  # half a point of accuracy: less than the paper's difference of 0.84 points
REPORTED = {"sgd": 91.51, "adam": 90.54, "radam": 91.38}

# What is compared: how a group of arms is called, and the name of each arm in it.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "tuned": ("", RULES),
    "at Adam's rate": (", at Adam's tuned rate", ("radam",)),
    "at RAdam's rate": (", at RAdam's tuned rate", ("adam", *CONTROLS)),
    "fitted": (", beta2 fitted", RULES[1:]),
}


def run(settings: Numbers, do: Do) -> Numbers:
    """The rates that were tuned, the test accuracies of all arms, and the curves of the three rules."""
    numbers, steps = data_of(settings), settings["steps"]
    name, other = numbers["data"], numbers["other"]
    tuning = settings["half decades"], accuracy, settings["tuning seeds"]

    def tuned(dataset: str, arms: Sequence[str], beta2: float) -> tuple[dict[str, float], rates.Table]:
        def make(arm: str, lr: float, seed: int) -> Training:
            return Training(dataset, arm, lr, seed, steps, beta2, validation=True)

        return rates.tuned(do, EXPERIMENT, make, arms, *tuning)

    beta2, fitted = settings["beta2"], settings["fitted beta2"]
    lr, table = tuned(name, RULES, beta2)
    lr_fitted, table_fitted = tuned(name, RULES[1:], fitted)
    numbers |= {"beta2": beta2, "fitted beta2": fitted}
    numbers |= {"rates": {"tuned": lr, "fitted": lr_fitted}, "tuning": {"tuned": table, "fitted": table_fitted}}
    plan = [("tuned", arm, Training(name, arm, lr[arm], 0, steps, beta2, scores=SCORES)) for arm in RULES]
    plan += [("at Adam's rate", "radam", Training(name, "radam", lr["adam"], 0, steps, beta2))]
    plan += [("at RAdam's rate", arm, Training(name, arm, lr["radam"], 0, steps, beta2)) for arm in ("adam", *CONTROLS)]
    plan += [("fitted", arm, Training(name, arm, lr_fitted[arm], 0, steps, fitted)) for arm in RULES[1:]]
    if other:
        numbers["rates"]["beside"], numbers["tuning"]["beside"] = tuned(other, RULES, beta2)
        best = numbers["rates"]["beside"]
        plan += [("beside", arm, Training(other, arm, best[arm], 0, steps, beta2)) for arm in RULES]
    fewer: int = settings["fewer seeds"]
    n = dict.fromkeys(GROUPS, fewer)
    n |= {"tuned": settings["seeds"], "beside": settings["beside seeds"]}
    plan = [(kind, arm, replace(training, seed=seed)) for kind, arm, training in plan for seed in seeds(n[kind])]
    results = do(EXPERIMENT, [training for *_, training in plan])
    return numbers | {"beside": {}} | by_arm(plan, results) | {"curves": _curves(plan, results)}


def _curves(plan: Sequence[tuple[str, str, Training]], results: Sequence[list[Row]]) -> Numbers:
    """Figure 5: the training loss and the test accuracy against the step, medians of the seeds that did not fail."""
    curves: Numbers = {}
    for rule in RULES:
        rows = [
            row
            for (kind, arm, _), (row, end) in zip(plan, results, strict=True)
            if (kind, arm) == ("tuned", rule) and not end["stopped"]
        ]
        if rows:
            step, losses = log_bins([fill(row["step"], row["loss"]).tolist() for row in rows])
            scores = np.median([row["accuracy"] for row in rows], axis=0)
            curves[rule] = {"step": rounded(step.tolist()), "loss": rounded(np.median(losses, axis=0).tolist())}
            curves[rule] |= {"scored": rows[0]["scored"], "accuracy": rounded(scores.tolist())}
    return curves


def _named(numbers: Numbers, groups: Iterable[str]) -> dict[str, list[float]]:
    """The accuracies by name, in the order of GROUPS: a file sorts its keys."""
    return {ARMS[arm].title + GROUPS[kind][0]: numbers[kind][arm] for kind in groups for arm in GROUPS[kind][1]}


def lines(numbers: Numbers) -> list[str]:
    """The tuned rates and the mean accuracies."""
    found = _named(numbers, GROUPS)
    if numbers["beside"]:
        found |= {f"{ARMS[rule].title}, {numbers['other']}": numbers["beside"][rule] for rule in RULES}
    rows = [f"  {name:58s} {100 * np.mean(values):6.2f}  {len(values)}" for name, values in found.items()]
    chosen = [
        f"  {what:9s} " + ", ".join(f"{ARMS[arm].title} {lr:g}" for arm, lr in numbers["rates"][what].items())
        for what in numbers["rates"]
    ]
    head = f"test accuracy (%), {numbers['data']}, beta2 = {numbers['beta2']:g}, fitted {numbers['fitted beta2']:g}"
    return ["tuned rates:", *chosen, f"{head}; mean, seeds:", *rows, *left_out(numbers)]


def draw(numbers: Numbers) -> Any:
    """Figure 5, and below it each seed of each arm."""
    looks = dict(zip(RULES, styles_of(RULES) or (), strict=True))
    figure = new_figure(9.0, 8.0)
    lower = ["arms", "beside" if numbers["beside"] else "arms"]
    panels = figure.subplot_mosaic([["loss", "accuracy"], lower], height_ratios=(1, 1.4))
    for rule, curve in sorted(numbers["curves"].items(), key=lambda item: RULES.index(item[0])):
        colour, dash = looks[rule]
        own = {"color": colour, "linestyle": dash}
        panels["loss"].plot(curve["step"], curve["loss"], label=ARMS[rule].title, **own)
        panels["accuracy"].plot(curve["scored"], 100 * np.array(curve["accuracy"]), marker="o", ms=4, **own)
    panels["loss"].set(xlabel="step", ylabel="training loss", xscale="log", yscale="log")
    panels["accuracy"].set(xlabel="step", ylabel="test accuracy (%)", xlim=(0, None))
    for panel in ("loss", "accuracy"):
        panels[panel].set_title(f"{numbers['data']}, tuned: median of the seeds", fontsize=9)
    if numbers["curves"]:
        panels["loss"].legend(frameon=False, fontsize=8)
    colours = [
        looks["radam" if arm == "radam" else "sgd" if arm == "sgd" else "adam"]
        for _, arms in GROUPS.values()
        for arm in arms
    ]
    draw_points(panels["arms"], _named(numbers, GROUPS), colours, {ARMS[rule].title: x for rule, x in REPORTED.items()})
    panels["arms"].set(xlabel=f"{numbers['data']}: test accuracy (%)")
    if numbers["beside"]:
        found = {ARMS[rule].title: numbers["beside"][rule] for rule in RULES}
        draw_points(panels["beside"], found, [looks[rule] for rule in RULES])
        panels["beside"].set(xlabel=f"{numbers['other']}, tuned: test accuracy (%)")
    return figure


SHARED: Numbers = {"beta2": 0.999, "fitted beta2": 0.99, "half decades": [-5, -4, -3, -2, -1]} | {
    "tuning seeds": list(rates.SEEDS), "fewer seeds": 5, "beside": None, "beside seeds": 0,
}  # fmt: skip
TUNED, ACCURACY = "test accuracy at the end, beta2 = 0.999, paired by seed", PAIRED.format("0")

EXHIBIT = Exhibit(
    "E10",
    "Table 1 and figure 5: images with SGD, Adam and RAdam",
    (
        Claim(
            "With a tuned rate for each, RAdam's test accuracy is higher than Adam's.",
            f"{TUNED}: RAdam minus Adam",
            ACCURACY,
            versus(larger, ("tuned", "radam"), ("tuned", "adam")),
            primary=True,
        ),
        Claim(
            "With a tuned rate for each, SGD's test accuracy is higher than RAdam's.",
            f"{TUNED}: SGD minus RAdam",
            ACCURACY,
            versus(larger, ("tuned", "sgd"), ("tuned", "radam")),
        ),
        Claim(
            "At Adam's tuned rate RAdam's test accuracy is higher than Adam's.",
            f"{TUNED}: RAdam minus Adam, both at the rate tuned for Adam",
            ACCURACY,
            versus(larger, ("at Adam's rate", "radam"), ("tuned", "adam")),
        ),
        Claim(
            "At RAdam's tuned rate RAdam's test accuracy is higher than Adam's.",
            f"{TUNED}: RAdam minus Adam, both at the rate tuned for RAdam",
            ACCURACY,
            versus(larger, ("tuned", "radam"), ("at RAdam's rate", "adam")),
        ),
        Claim(
            "RAdam's test accuracy is higher than that of Adam at RAdam's mean rate.",
            f"{TUNED}: RAdam minus Adam at a constant share of RAdam's tuned rate, the mean of r_t",
            ACCURACY,
            versus(larger, ("tuned", "radam"), ("at RAdam's rate", "adam-mean-rate")),
        ),
        Claim(
            "Adam times r_t, without RAdam's first steps of SGD, is as accurate as RAdam, within half a point.",
            f"{TUNED}: Adam times r_t minus RAdam, at RAdam's tuned rate",
            f"{ALIKE}; margin {MARGIN:g}",
            versus(alike, ("at RAdam's rate", "adam-r"), ("tuned", "radam"), MARGIN),
        ),
        Claim(
            "Adam with the untuned linear warmup is as accurate as RAdam, within half a point.",
            f"{TUNED}: Adam with warmup over 2 / (1 - beta2) steps minus RAdam, at RAdam's tuned rate",
            f"{ALIKE}; margin {MARGIN:g}",
            versus(alike, ("at RAdam's rate", "adam-untuned-linear"), ("tuned", "radam"), MARGIN),
        ),
        Claim(
            "With a beta2 fitted to the run's length and rates tuned for it, RAdam is more accurate than Adam too.",
            "test accuracy at the end, beta2 = 0.99 (0.9 at quick scale), paired by seed: RAdam minus Adam",
            ACCURACY,
            versus(larger, ("fitted", "radam"), ("fitted", "adam")),
        ),
    ),
    {
        "quick": SHARED
        | {"data": "digits", "steps": 100, "seeds": 4, "fewer seeds": 3, "fitted beta2": 0.9, "tuning seeds": [200]},
        "laptop": SHARED
        | {"data": "fashion-mnist", "steps": 1200, "seeds": 10, "beside": "cifar10-jpeg", "beside seeds": 5},
        "paper": SHARED
        | {"data": "cifar10", "steps": PAPER_STEPS, "seeds": 5, "fewer seeds": 3, "tuning seeds": [200]},
    },
    run,
    draw,
    reported="The paper: CIFAR10 with ResNet-20, SGD 91.51, Adam 90.54, RAdam 91.38; ImageNet with ResNet-18, "
    "69.86, 66.54, 67.62.",
    lines=lines,
    before=before,
)
