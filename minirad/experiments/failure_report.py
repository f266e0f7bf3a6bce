"""What E7 shows: the table of its losses, and its figure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from minirad.experiments.arms import ARMS
from minirad.experiments.exhibit import Numbers
from minirad.experiments.translation_figures import (
    draw_curves,
    draw_points,
    in_order,
    look_of,
    mark,
    name_of,
    plain_numbers,
)
from minirad.plots import new_figure


def lines(numbers: Numbers) -> list[str]:
    """The median loss and the stuck runs of each arm; the map; the confound."""

    def row(arm: str, losses: Sequence[float], lr: float, bar: float) -> str:
        many = sum(loss >= bar for loss in losses)
        return f"  {ARMS[arm].title:36s} lr {lr:<7g} median {median(losses):6.3f}, {many} of {len(losses)} stuck"

    bar, tuned, fitted = numbers["bar"], numbers["tuned"], numbers["fitted, tuned"]
    told = [f"test loss at the end; stuck: {bar:.3f} or more. One rate for all:"]
    told += [row(arm, losses, numbers["lr"], bar) for arm, losses in in_order(numbers["matched"]).items()]
    told += ["each at its best rate (the mean rate and r_t: at RAdam's):"]
    told += [row(arm, losses, tuned["rates"][arm], bar) for arm, losses in in_order(tuned["losses"]).items()]
    told += [f"with beta2 = {numbers['fitted beta2']:g}, one rate for all, and each at its best:"]
    told += [row(arm, losses, numbers["lr"], bar) for arm, losses in in_order(numbers["fitted, matched"]).items()]
    told += [row(arm, losses, fitted["rates"][arm], bar) for arm, losses in in_order(fitted["losses"]).items()]
    told += ["stuck in the map, of all runs:"]
    for arm in in_order(numbers["map"][0]["losses"]):
        found = [loss >= bar for cell in numbers["map"] for loss in cell["losses"][arm]]
        told.append(f"  {ARMS[arm].title:36s} {sum(found)} of {len(found)}")
    if numbers["multi30k"]:
        told.append(f"Multi30k; stuck: {numbers['multi30k']['bar']:.3f} or more:")
        for lr, losses in numbers["multi30k"]["losses"].items():
            told += [row(arm, own, float(lr), numbers["multi30k"]["bar"]) for arm, own in in_order(losses).items()]
    means = ", ".join(f"{mean:.2f} at beta2 = {beta2}" for beta2, mean in numbers["mean r_t"].items())
    return [*told, f"RAdam's mean r_t over the run: {means}. At about that share of the rate it runs."]


def draw(numbers: Numbers) -> Any:
    """Training loss at one rate; the map, a picture for each depth; the final losses of all arms; Multi30k."""
    depths = sorted({cell["layers"] for cell in numbers["map"]})
    second = numbers["multi30k"]
    rows = 5 if second else 4
    figure = new_figure(9.0, 3.1 * rows)
    upper, middle, matched, lower, *more = figure.subfigures(rows, 1)
    ax = upper.subplots()
    draw_curves(ax, numbers["curves"])
    ax.set_title(f"training loss, all at lr {numbers['lr']:g}: median, and a band of all seeds", fontsize=9)
    if second:
        ax = more[0].subplots()
        groups = {
            f"{name_of(arm)}, {lr}": (arm, own)
            for lr, losses in second["losses"].items()
            for arm, own in in_order(losses).items()
        }
        draw_points(ax, {name: own for name, (_, own) in groups.items()}, [arm for arm, _ in groups.values()])
        mark(ax, second["bar"], "stuck")
        ax.set_title("Multi30k, real sentences: test loss at the end", fontsize=9)
    axes = middle.subplots(1, len(depths), sharey=True, squeeze=False)[0]
    for ax, layers in zip(axes, depths, strict=True):
        draw_depth(ax, [cell for cell in numbers["map"] if cell["layers"] == layers])
        mark(ax, numbers["bar"], "stuck")
        ax.set_title(f"{layers} + {layers} layers", fontsize=9)
    axes[0].set_ylabel("test loss at the end")
    handles, names = axes[0].get_legend_handles_labels()
    middle.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False, fontsize=8)
    ax = matched.subplots()
    draw_points(ax, in_order(numbers["matched"]))
    mark(ax, numbers["bar"], "stuck")
    ax.set_title(f"test loss at the end, all at lr {numbers['lr']:g}: each seed, and the median", fontsize=9)
    for ax, part, title in zip(
        lower.subplots(1, 2, width_ratios=(2, 1)),
        ("tuned", "fitted, tuned"),
        (
            "test loss, each at its best rate (mean rate and r_t: at RAdam's)",
            f"the same, beta2 = {numbers['fitted beta2']:g}",
        ),
        strict=True,
    ):
        best = numbers[part]["rates"]
        found = in_order(numbers[part]["losses"])
        draw_points(ax, {f"{name_of(arm)}, {best[arm]:g}": own for arm, own in found.items()}, list(found))
        ax.set_title(title, fontsize=9)
    return figure


def draw_depth(ax: Any, cells: Sequence[Numbers]) -> None:
    """The final losses at one depth against the rate: every seed, and lines through the medians."""
    for place, arm in enumerate(in_order(cells[0]["losses"])):
        colour, dash = look_of(arm)
        x = [cell["lr"] * 1.07 ** (place - 1.5) for cell in cells]  # side by side
        for i in range(len(cells[0]["losses"][arm])):
            ax.plot(x, [cell["losses"][arm][i] for cell in cells], "o", color=colour, ms=3, alpha=0.6, mew=0)
        medians = [median(cell["losses"][arm]) for cell in cells]
        ax.plot(x, medians, color=colour, linestyle=dash, lw=1, label=name_of(arm))
    rates = [cell["lr"] for cell in cells]
    ax.set(xscale="log", yscale="log", xlabel="learning rate")
    ax.set_xticks(rates, [f"{lr:g}" for lr in rates], fontsize=7)
    ax.set_xticks([], minor=True)
    plain_numbers(ax)
