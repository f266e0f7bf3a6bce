"""E11, figure 6: how much the learning rate matters to SGD, Adam and RAdam.

The paper trains with lr 0.1, 0.03, 0.01 and 0.003 and finds that RAdam's accuracy changes least. Here the grid goes on
for a decade on either side, since four rates can lie anywhere on a rule's hill: a rule whose best rate is a third of
another's looks worse at the one end and better at the other, and is no more robust for it. RAdam runs at r_t times the
rate, so a shift is what must be expected. What a shift leaves alone is the width of the hill, and that is the primary
statistic: over how many decades of lr is a rule within one point of its own best?

The width of one seed: its accuracies are joined by straight lines over log10 lr; from its best rate the band goes to
either side as long as the line is at most WITHIN below the best. It ends at the end of the grid at the latest. How many
seeds' bands are cut off there is among the verdict's numbers: such a width is at least what is said.

What this can't show: a short run has fewer good rates than a long one, in which small rates have the time they need;
the hill's left side is about the length of the run, its right side about stability. Beside beta2 = 0.999, one fitted to
the run stands with fewer seeds, and describes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import log10
from typing import Any

import numpy as np

from minirad.experiments.arms import ARMS
from minirad.experiments.exhibit import Claim, Do, Exhibit, Numbers, Verdict
from minirad.experiments.judging import PAIRED, larger, smaller
from minirad.experiments.points import draw_points, draw_rates
from minirad.experiments.rates import rate
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
from minirad.plots import new_figure, styles_of

EXPERIMENT = experiment("E11")
RULES = ("sgd", "adam", "radam")
PAPER_RATES = (0.1, 0.03, 0.01, 0.003)
WITHIN = 0.01  # one point of accuracy


def run(settings: Numbers, do: Do) -> Numbers:
    """The test accuracies, by rule, for each rate, for each seed."""
    numbers, beta2 = data_of(settings), settings["beta2"]
    name, other = numbers["data"], numbers["other"]
    rates = [rate(k) for k in sorted(settings["half decades"])]
    groups = [("own", name, rule, beta2, settings["seeds"]) for rule in RULES]
    groups += [("fitted", name, rule, settings["fitted beta2"], settings["fitted seeds"]) for rule in RULES[1:]]
    groups += [("beside", other, rule, beta2, settings["beside seeds"]) for rule in RULES if other]
    plan = [
        (kind, rule, Training(data, rule, lr, seed, settings["steps"], beta2))
        for kind, data, rule, beta2, n in groups
        for lr in rates
        for seed in seeds(n)
    ]
    found = by_arm(plan, do(EXPERIMENT, [training for *_, training in plan]))
    numbers |= {"beta2": beta2, "fitted beta2": settings["fitted beta2"], "rates": rates}
    return numbers | {"beside": {}} | over_rates(found, len(rates))


def width(rates: Sequence[float], accuracies: Sequence[float]) -> tuple[float, bool]:
    """Over how many decades of lr, around the best, one seed is at most WITHIN below it; and if the grid cuts that off.

    Args:
        rates: growing.
        accuracies: at each rate.
    """
    best = int(np.argmax(accuracies))
    level, total, cut = accuracies[best] - WITHIN, 0.0, False
    for side in (range(best, len(rates)), range(best, -1, -1)):
        for here, there in pairwise(side):
            step = abs(log10(rates[there] / rates[here]))
            if accuracies[there] < level:
                total += step * (accuracies[here] - level) / (accuracies[here] - accuracies[there])
                break
            total += step
        else:
            cut = True
    return total, cut


def spread(rates: Sequence[float], accuracies: Sequence[float]) -> float:
    """Best minus worst accuracy of one seed at the paper's rates."""
    own = [x for lr, x in zip(rates, accuracies, strict=True) if lr in PAPER_RATES]
    return max(own) - min(own)


def _of_seeds(numbers: Numbers, kind: str, rule: str, what: Callable[..., Any]) -> list[Any]:
    """What one seed has over the rates, for each seed."""
    table = numbers.get(kind, {}).get(rule, [])
    return [what(numbers["rates"], accuracies) for accuracies in zip(*table, strict=True)]


def wider(numbers: Numbers, kind: str, rule: str) -> Verdict:
    """RAdam's width against another rule's."""
    found = {name: _of_seeds(numbers, kind, name, width) for name in ("radam", rule)}
    a, b = ([decades for decades, _ in values] for values in found.values())
    cut = {f"cut off, {name}": sum(cut for _, cut in values) for name, values in found.items()}
    verdict = judged(larger, a, b)
    return replace(verdict, numbers={**verdict.numbers, **cut})


def steadier(numbers: Numbers, rule: str) -> Verdict:
    """RAdam's spread over the paper's rates against another rule's."""
    return judged(smaller, *(_of_seeds(numbers, "own", name, spread) for name in ("radam", rule)))


def lines(numbers: Numbers) -> list[str]:
    """Mean accuracies at each rate, and mean widths."""
    rows = [f"mean test accuracy (%) at lr = {'  '.join(f'{lr:6g}' for lr in numbers['rates'])}   decades"]
    for kind, what in _kinds(numbers).items():
        for rule in RULES:
            if rule in numbers[kind]:
                cells = "  ".join(f"{100 * np.mean(values):6.2f}" for values in numbers[kind][rule])
                decades = np.mean([x for x, _ in _of_seeds(numbers, kind, rule, width)])
                rows.append(f"  {ARMS[rule].title.split(',')[0] + what:28s}{cells}  {decades:8.2f}")
    return rows + left_out(numbers)


def _kinds(numbers: Numbers) -> dict[str, str]:
    """The kinds that there are, and how to call them."""
    named = {"own": "", "fitted": f", beta2 = {numbers['fitted beta2']:g}", "beside": f", {numbers['other']}"}
    return {kind: what for kind, what in named.items() if numbers[kind]}


def draw(numbers: Numbers) -> Any:
    """Figure 6 for each kind, and the widths."""
    looks = dict(zip(RULES, styles_of(RULES) or (), strict=True))
    kinds, name = _kinds(numbers), numbers["data"]
    figure = new_figure(9.0, 7.0)
    panels = figure.subplot_mosaic([["own", "fitted"], ["beside" if "beside" in kinds else "widths", "widths"]])
    titles = {"own": f"{name}, beta2 = {numbers['beta2']:g}", "fitted": name + kinds["fitted"]}
    for kind in kinds:
        own = {ARMS[rule].title: numbers[kind][rule] for rule in RULES if rule in numbers[kind]}
        draw_rates(panels[kind], numbers["rates"], own, [looks[rule] for rule in RULES if rule in numbers[kind]])
        panels[kind].set_title(titles.get(kind, numbers["other"]), fontsize=9)
        panels[kind].axvspan(*np.sort(PAPER_RATES)[[0, -1]], color="black", alpha=0.06, lw=0, label="the paper's rates")
    named = panels["own"].get_legend_handles_labels()
    figure.legend(*named, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    decades = {
        (kind, rule): [x for x, _ in _of_seeds(numbers, kind, rule, width)]
        for kind in kinds
        for rule in RULES
        if rule in numbers[kind]
    }
    groups = {ARMS[rule].title.split(",")[0] + kinds[kind]: values for (kind, rule), values in decades.items()}
    draw_points(panels["widths"], groups, [looks[rule] for _, rule in decades], times=1)
    panels["widths"].set(xlabel="decades of lr within one point of the best")
    return figure


SHARED: Numbers = {"beta2": 0.999, "fitted beta2": 0.99, "half decades": list(range(-7, 1))} | {
    "beside": None, "beside seeds": 0,
}  # fmt: skip
WIDTH = "decades of lr around a rule's best in which it is at most one point below (see the file), paired by seed"

EXHIBIT = Exhibit(
    "E11",
    "Figure 6: how much the learning rate matters",
    (
        Claim(
            "RAdam is within one point of its best accuracy over more decades of learning rates than Adam.",
            f"{WIDTH}: RAdam minus Adam, beta2 = 0.999",
            PAIRED.format("0"),
            partial(wider, kind="own", rule="adam"),
            primary=True,
        ),
        Claim(
            "RAdam is within one point of its best accuracy over more decades of learning rates than SGD.",
            f"{WIDTH}: RAdam minus SGD, beta2 = 0.999",
            PAIRED.format("0"),
            partial(wider, kind="own", rule="sgd"),
        ),
        Claim(
            "Over the paper's four rates RAdam's accuracy changes less than Adam's.",
            "best minus worst test accuracy at lr 0.1, 0.03, 0.01, 0.003, paired by seed: RAdam minus Adam",
            PAIRED.format("0"),
            partial(steadier, rule="adam"),
        ),
        Claim(
            "Over the paper's four rates RAdam's accuracy changes less than SGD's.",
            "best minus worst test accuracy at lr 0.1, 0.03, 0.01, 0.003, paired by seed: RAdam minus SGD",
            PAIRED.format("0"),
            partial(steadier, rule="sgd"),
        ),
        Claim(
            "With a beta2 fitted to the run's length too, RAdam's band of rates is wider than Adam's.",
            f"{WIDTH}: RAdam minus Adam, beta2 = 0.99 (0.9 at quick scale)",
            PAIRED.format("0"),
            partial(wider, kind="fitted", rule="adam"),
        ),
    ),
    {
        "quick": SHARED | {"data": "digits", "steps": 100, "seeds": 3, "fitted beta2": 0.9, "fitted seeds": 2},
        "laptop": SHARED
        | {"data": "fashion-mnist", "steps": 1200, "seeds": 5, "fitted seeds": 3}
        | {"beside": "cifar10-jpeg", "beside seeds": 2},
        "paper": SHARED | {"data": "cifar10", "steps": PAPER_STEPS, "seeds": 3, "fitted seeds": 3},
    },
    run,
    draw,
    reported="The paper, CIFAR10, lr 0.1 to 0.003: the accuracies of RAdam lie closest together; a figure, no numbers.",
    lines=lines,
    before=before,
)
