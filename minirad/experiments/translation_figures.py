"""What the figures of E7, E8 and E16 are put together from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, TypeVar

import numpy as np

from minirad.experiments.arms import ARMS
from minirad.experiments.curves import fill
from minirad.experiments.results import Row, rounded
from minirad.plots import STYLES, log_bins

Style = tuple[str, Any]  # a colour and dashes
T = TypeVar("T")

# An arm looks the same in each picture of these exhibits: rules by colour; a control is a rule in other dashes.
LOOKS: dict[str, Style] = {
    "adam": STYLES[1],
    "adam-warmup-25": STYLES[2],
    "radam": STYLES[3],
    "adam-2k": STYLES[0],
    "adam-eps-1e-4": STYLES[4],
    "adam-mean-rate": (STYLES[1][0], "-"),
    "adam-untuned-linear": (STYLES[2][0], "-"),
    "adam-untuned-exponential": (STYLES[0][0], "-"),
}
SHORT = {
    "adam": "Adam",
    "adam-warmup-25": "warmup 25%",
    "radam": "RAdam",
    "adam-2k": "Adam-2k",
    "adam-2k-bare": "2k, bare",
    "adam-mean-rate": "Adam at mean rate",
    "adam-r": "Adam times r_t",
    "adam-untuned-linear": "untuned linear",
    "adam-untuned-exponential": "untuned expon.",
}


def name_of(arm: str) -> str:
    """A short name, to stand under an axis."""
    return SHORT.get(arm, arm.removeprefix("adam-").replace("eps-", "eps "))


def look_of(arm: str) -> Style:
    """The colour and the dashes of an arm; grey where it has none of its own."""
    return LOOKS.get(arm, ("#666666", "-"))


def in_order(by_arm: Mapping[str, T]) -> dict[str, T]:
    """In the order of ARMS, whatever the order in the file."""
    return {arm: by_arm[arm] for arm in ARMS if arm in by_arm}


def plain_numbers(ax: Any) -> None:
    """0.2 and 3 on a logarithmic axis, in the place of powers of ten."""
    ticker = import_module("matplotlib.ticker")
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_locator(ticker.LogLocator(subs=(2, 3, 5)))
    ax.yaxis.set_minor_formatter("{x:g}")
    ax.tick_params(axis="y", which="both", labelsize=7)


def curves_of(runs: Sequence[list[Row]], steps: int) -> dict[str, list[Any]]:
    """The training losses of some runs, averaged over stretches that look alike on a logarithmic axis.

    Returns:
        "step", the middle of each stretch, and "loss", for each run the means: None from where it was over.
    """
    losses = np.full((len(runs), steps), np.nan)
    for line, (row,) in zip(losses, runs, strict=True):
        loss = fill(row["step"], [np.nan if x is None else x for x in row["loss"]])
        line[: len(loss)] = loss
    middles, means = log_bins(losses)
    return {
        "step": rounded(middles.tolist(), 4),
        "loss": [[float(f"{x:.4g}") if np.isfinite(x) else None for x in line] for line in means],
    }


def draw_curves(ax: Any, curves: Mapping[str, Mapping[str, Any]]) -> None:
    """The curves of each arm: the median of the seeds, and a band that holds them all."""
    for arm, own in in_order(curves).items():
        colour, dash = look_of(arm)
        losses = np.array(own["loss"], dtype=float)  # None becomes nan
        some = ~np.isnan(losses).all(axis=0)
        x, losses = np.array(own["step"])[some], losses[:, some]
        ax.plot(x, np.nanmedian(losses, axis=0), color=colour, linestyle=dash, label=name_of(arm))
        ax.fill_between(x, np.nanmin(losses, axis=0), np.nanmax(losses, axis=0), color=colour, alpha=0.12, lw=0)
    ax.set(xscale="log", yscale="log", xlabel="step")
    plain_numbers(ax)
    ax.legend(frameon=False, fontsize=7)


def draw_points(ax: Any, groups: Mapping[str, Sequence[float]], arms: Sequence[str] = ()) -> None:
    """For each group a column: every seed, and a bar at the median. ``arms`` give the colours, else the names do."""
    for place, (values, arm) in enumerate(zip(groups.values(), arms or list(groups), strict=True)):
        colour, _ = look_of(arm)
        spread = place + 0.06 * (np.arange(len(values)) - (len(values) - 1) / 2)  # equal values stay visible
        ax.plot(spread, values, "o", color=colour, alpha=0.6, ms=4, mew=0)
        ax.plot([place - 0.3, place + 0.3], [np.median(values)] * 2, color=colour, lw=2)
    ax.set_xticks(range(len(groups)), [name_of(name) for name in groups], fontsize=7, rotation=50, ha="right")
    ax.set(yscale="log", xlim=(-0.6, len(groups) - 0.4))
    plain_numbers(ax)


def mark(ax: Any, level: float, text: str) -> None:
    """A dotted line across, with its name below it: what is worse lies above."""
    ax.axhline(level, color="black", lw=0.8, linestyle=":")
    ax.text(0.01, level, text, fontsize=7, va="top", transform=ax.get_yaxis_transform())
