"""A picture of single runs: each seed a point, beside it the mean and its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np

from minirad.experiments.statistics import mean_interval
from minirad.plots import STYLES, Style


def draw_points(
    ax: Any,
    groups: Mapping[str, Sequence[float]],
    styles: Sequence[Style] | None = None,
    reported: Mapping[str, float] | None = None,
    times: float = 100,
) -> None:
    """Accuracies in %, or other values: a row for each group, from the top, so that long names stay readable.

    There is an interval from three seeds on: that of two would be 13 times as wide as they are apart.

    Args:
        ax: matplotlib's axes.
        groups: the value of each seed, by label; of an accuracy between 0 and 1.
        styles: of each group; without, all look alike.
        reported: what the paper reports for a group, in %, to be written beside its label.
        times: what values are multiplied with.
    """
    styles = styles or [STYLES[0]] * len(groups)
    for place, (values, (colour, _)) in enumerate(zip(groups.values(), styles, strict=True)):
        shown = times * np.array(values)
        spread = place + 0.05 * (np.arange(len(values)) - (len(values) - 1) / 2)  # equal values stay visible
        ax.plot(shown, spread, "o", color=colour, alpha=0.5, ms=4, mew=0)
        mean, half_width = mean_interval(shown.tolist())
        ax.errorbar(mean, place, xerr=half_width if len(values) > 2 else None, fmt="|", color=colour, ms=14, capsize=3)
    labels = [
        fill(label, 24) + (f"\n(paper: {reported[label]:.2f})" if reported and label in reported else "")
        for label in groups
    ]
    ax.set_yticks(range(len(groups)), labels, fontsize=8)
    ax.set(ylim=(len(groups) - 0.4, -0.6))
    ax.grid(axis="x", alpha=0.3)


def draw_rates(
    ax: Any, rates: Sequence[float], groups: Mapping[str, Sequence[Sequence[float]]], styles: Sequence[Style]
) -> None:
    """Accuracies in % against the learning rate: each seed a point, a line through the means.

    Args:
        ax: matplotlib's axes.
        rates: the learning rates, growing.
        groups: by label, for each rate, the accuracy of each seed, between 0 and 1.
        styles: of each group.
    """
    for (label, values), (colour, dash) in zip(groups.items(), styles, strict=True):
        for lr, accuracies in zip(rates, values, strict=True):
            ax.plot([lr] * len(accuracies), 100 * np.array(accuracies), "o", color=colour, alpha=0.4, ms=4, mew=0)
        means = [100 * np.mean(accuracies) for accuracies in values]
        ax.plot(rates, means, linestyle=dash, color=colour, label=label)
    ax.set(xscale="log", xlabel="learning rate", ylabel="test accuracy (%)")
    ax.grid(axis="y", alpha=0.3)
