"""E12, figure 7: Adam with warmups of four lengths, and RAdam, which has none to choose.

The paper's warmups are 100, 200, 500 and 1,000 of its 64,124 steps. At laptop scale they are 1, 2, 5 and 10% of 1,200
steps: 12, 24, 60, 120. That keeps their ratios, and lies in the middle (of the logarithm) between the two other ways to
make them smaller, the same share of the run (2 to 19 steps) and the same number of steps.

The paper's point is that a warmup must be tuned: at lr 0.1 its shortest one ends at 90.13, RAdam at 91.06, and the best
warmup at 91.29. The worst of four looks worse than it is when it is chosen from the runs that are then compared. So the
worst warmup, and the best, are chosen at the highest rate on validation images with the seeds of the tuning, and
compared on others. Five seeds for each: a true difference of 1.7 times the spread (sd) of the paired differences is
found four times in five; with three seeds it would have to be 3.3 times.

What this can't show: the worst warmup is a choice of four lengths that someone made; let them be short enough and it is
bad, let them be long enough and all are alike. RAdam has no length to choose, but has a beta2, which does the same.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from minirad.experiments.arms import ARMS
from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers, Verdict
from minirad.experiments.judging import ALIKE, PAIRED, alike, larger
from minirad.experiments.points import draw_points, draw_rates
from minirad.experiments.rates import SEEDS
from minirad.experiments.task_images import (
    PAPER_STEPS,
    Training,
    before,
    by_arm,
    data_of,
    experiment,
    judged,
    left_out,
    over_rates,
    seeds,
)
from minirad.plots import STYLES, new_figure

EXPERIMENT = experiment("E12")
RATES = (0.003, 0.01, 0.03, 0.1)
MARGIN = 0.005  # half a point of accuracy; the paper's RAdam is 0.23 points below its best warmup
REPORTED = {0: 90.13, -1: 91.06}  # at the highest rate: the shortest warmup, and RAdam


def run(settings: Numbers, do: Do) -> Numbers:
    """Which warmups are the worst and the best, and the test accuracies by arm, for each rate, for each seed."""
    numbers, rates = data_of(settings), list(RATES)
    name, other = numbers["data"], numbers["other"]

    def make(data: str, arm: str, lr: float, seed: int, beta2: float, validation: bool = False) -> Training:
        """An arm is "radam", or the length of Adam's warmup."""
        warmup = 0 if arm == "radam" else int(arm)
        rule = "adam" if warmup else arm
        return Training(data, rule, lr, seed, settings["steps"], beta2, warmup, validation=validation)

    arms, beta2, fitted = [str(steps) for steps in settings["warmups"]], settings["beta2"], settings["fitted beta2"]
    tuning = [
        ("choice", arm, make(name, arm, rates[-1], seed, beta2, validation=True))
        for arm in arms
        for seed in settings["tuning seeds"]
    ]
    choice = by_arm(tuning, do(EXPERIMENT, [training for *_, training in tuning]))["choice"]
    worst, best = (pick(arms, key=lambda arm: np.mean(choice[arm])) for pick in (min, max))
    groups = [("own", name, arm, rates, beta2, settings["seeds"]) for arm in (*arms, "radam")]
    groups += [("fitted", name, arm, rates[-1:], fitted, settings["seeds"]) for arm in (worst, "radam")]
    groups += [("beside", other, arm, rates, beta2, settings["beside seeds"]) for arm in (*arms, "radam") if other]
    plan = [
        (kind, arm, make(data, arm, lr, seed, own_beta2))
        for kind, data, arm, own_rates, own_beta2, n in groups
        for lr in own_rates
        for seed in seeds(n)
    ]
    found = by_arm(plan, do(EXPERIMENT, [training for *_, training in plan]))
    numbers |= {"beta2": beta2, "fitted beta2": fitted, "rates": rates, "arms": arms}
    numbers |= {"choice": choice, "worst": worst, "best": best, "fitted": found.pop("fitted"), "beside": {}}
    return numbers | over_rates(found, len(rates))


def against(numbers: Numbers, chosen: str) -> Verdict:
    """RAdam against the worst or the best warmup at the highest rate."""
    radam, warmup = (numbers["own"][arm][-1] for arm in ("radam", numbers[chosen]))
    note = f"the {chosen} warmup, chosen on validation images with other seeds, is that of {numbers[chosen]} steps"
    if chosen == "worst":
        return judged(partial(larger, note=note), radam, warmup)
    return judged(partial(alike, note=note), radam, warmup, MARGIN)


def fitted(numbers: Numbers) -> Verdict:
    """RAdam against the worst warmup with the other beta2."""
    return judged(larger, numbers["fitted"]["radam"], numbers["fitted"][numbers["worst"]])


def _title(arm: str) -> str:
    return ARMS["radam"].title if arm == "radam" else f"Adam, {arm} steps warmup"


def lines(numbers: Numbers) -> list[str]:
    """Mean accuracies by arm and rate."""
    rows = [f"mean test accuracy (%) at lr ={' ' * 19}{'  '.join(f'{lr:6g}' for lr in numbers['rates'])}"]
    for kind, what in (("own", ""), ("beside", f", {numbers['other']}")):
        for arm in (*numbers["arms"], "radam"):
            if arm in numbers[kind]:
                cells = "  ".join(f"{100 * np.mean(values):6.2f}" for values in numbers[kind][arm])
                rows.append(f"  {_title(arm) + what:46s}{cells}")
    tried = ", ".join(f"{arm} steps {100 * np.mean(numbers['choice'][arm]):.2f}" for arm in numbers["arms"])
    choice = f"worst and best are chosen by the validation accuracy (%) at lr {numbers['rates'][-1]:g}:"
    return [*rows, choice, f"  {tried}", *left_out(numbers)]


def draw(numbers: Numbers) -> Any:
    """Figure 7, and the highest rate by itself."""
    arms = (*numbers["arms"], "radam")
    looks = [*(STYLES[i] for i in (2, 0, 4, 1)), STYLES[3]]  # RAdam's is the same in every picture
    figure = new_figure(9.0, 7.0 if numbers["beside"] else 4.2)
    panels = figure.subplots(2 if numbers["beside"] else 1, 2, squeeze=False)
    for kind, name, (left, right) in zip(("own", "beside"), (numbers["data"], numbers["other"]), panels, strict=False):
        groups = {_title(arm): numbers[kind][arm] for arm in arms}
        draw_rates(left, numbers["rates"], groups, looks)
        left.set_title(f"{name}, beta2 = {numbers['beta2']:g}", fontsize=9)
        reported = {_title(arms[i]): x for i, x in REPORTED.items()} if kind == "own" else None
        draw_points(right, {title: values[-1] for title, values in groups.items()}, looks, reported)
        right.set(xlabel=f"{name}: test accuracy (%) at lr {numbers['rates'][-1]:g}")
    figure.legend(
        *panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False, fontsize=8
    )
    return figure


SHARED: Numbers = {"beta2": 0.999, "fitted beta2": 0.99, "tuning seeds": list(SEEDS)} | {
    "beside": None, "beside seeds": 0,
}  # fmt: skip

EXHIBIT = Exhibit(
    "E12",
    "Figure 7: Adam with warmups of four lengths, and RAdam",
    (
        Claim(
            "At the highest rate RAdam's test accuracy is higher than that of the worst warmup.",
            "test accuracy at the end, lr 0.1, beta2 = 0.999, paired by seed: RAdam minus the warmup that was worst "
            "there on validation images with seeds of their own",
            PAIRED.format("0"),
            partial(against, chosen="worst"),
            primary=True,
        ),
        Claim(
            "At the highest rate RAdam is as accurate as the best warmup, within half a point.",
            "the same, RAdam minus the warmup that was best there",
            f"{ALIKE}; margin {MARGIN:g}",
            partial(against, chosen="best"),
        ),
        Claim(
            "With a beta2 fitted to the run's length too, RAdam is more accurate than that worst warmup.",
            "as the first, with beta2 = 0.99 (0.9 at quick scale)",
            PAIRED.format("0"),
            fitted,
        ),
    ),
    {
        "quick": SHARED | {"data": "digits", "steps": 150, "warmups": [2, 3, 8, 15], "seeds": 3, "fitted beta2": 0.9},
        "laptop": SHARED
        | {"data": "fashion-mnist", "steps": 1200, "warmups": [12, 24, 60, 120], "seeds": 5}
        | {"beside": "cifar10-jpeg", "beside seeds": 2},
        "paper": SHARED | {"data": "cifar10", "steps": PAPER_STEPS, "warmups": [100, 200, 500, 1000], "seeds": 3},
    },
    run,
    draw,
    reported="The paper, CIFAR10, lr 0.1: warmup over 100 steps 90.13, RAdam 91.06; the best warmup 91.29.",
    lines=lines,
    before=before,
)
