"""Figures. Each function takes plain numbers and gives a matplotlib Figure, which saves itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from math import isfinite
from textwrap import fill
from typing import Any

import numpy as np

from minirad.optim.trace_rows import name_of

# Okabe and Ito's colours, which the colour-blind can tell apart, and dashes for print in black and white.
STYLES = (
    ("#0072B2", "-"),
    ("#D55E00", "--"),
    ("#009E73", "-."),
    ("#CC79A7", (0, (1, 1))),
    ("#E69F00", (0, (5, 1, 1, 1))),
)
BINS = 60
CEILING = 100  # times the loss at the start: what is worse runs along the top of the picture


OPTIMIZERS = ("sgd", "adam", "adam-warmup", "radam")  # each of these has its place in STYLES, in every picture

Style = tuple[str, Any]  # a colour and dashes


def compare_figure(
    title: str,
    losses: dict[str, list[list[float]]],
    accuracies: dict[str, list[float]],
    styles: Sequence[Style] | None = None,
) -> Any:
    """Training loss against step, and test accuracy, for several optimizers.

    Args:
        title: the figure's title.
        losses: for each optimizer, for each seed, the loss at steps 1, 2, ...; nan or an early end where it diverged.
        accuracies: for each optimizer, the test accuracy of each seed at the end.
        styles: of each optimizer; without, they are told apart by their order.
    """
    styles = styles or _styles(len(losses))
    figure = new_figure(9.0, 4.0)
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
    figure.suptitle(title, fontsize=10)
    start = [curve[0] for curves in losses.values() for curve in curves if isfinite(curve[0])]
    ceiling = CEILING * max(start, default=1.0)
    for (name, curves), style in zip(losses.items(), styles, strict=True):
        steps, binned = log_bins(curves)
        _band(left, steps, np.fmin(binned, ceiling), name, style)  # of nan and the ceiling, the ceiling
    left.set(xscale="log", yscale="log", xlabel="step", ylabel="training loss (batch)")
    left.set_ylim(top=min(left.get_ylim()[1], ceiling))
    left.set_title("median over the seeds; the band holds them all", fontsize=9)
    figure.legend(loc="outside lower center", ncols=4, frameon=False, fontsize=8)

    for place, (values, (colour, _)) in enumerate(zip(accuracies.values(), styles, strict=True)):
        percent = 100 * np.array(values)
        spread = place + 0.06 * (np.arange(len(values)) - (len(values) - 1) / 2)  # equal values stay visible
        right.plot(spread, percent, "o", color=colour, alpha=0.6, ms=5, mew=0)
        right.plot([place - 0.3, place + 0.3], [percent.mean()] * 2, color=colour, lw=2)
    right.set_xticks(range(len(accuracies)), [fill(name, 12) for name in accuracies], fontsize=8)
    right.set(ylabel="test accuracy (%)", xlim=(-0.6, len(accuracies) - 0.4))
    right.set_title("last epoch: each seed, and the mean", fontsize=9)
    return figure


def trace_figure(title: str, traces: dict[str, np.ndarray]) -> Any:
    """What a trace recorded of one coordinate, for one or several rules: theta, update, step size, and the moments.

    Args:
        title: the figure's title.
        traces: the rows of each rule's trace (optim.Trace.rows). The first rule's moments are shown.
    """
    figure = new_figure(9.0, 6.0)
    axes = figure.subplots(2, 2)
    figure.suptitle(title, fontsize=10)
    (first, rows), *_ = traces.items()
    parameter, index = rows["parameter"][0], rows["index"][0]
    one = {k: r[(r["parameter"] == parameter) & (r["index"] == index)] for k, r in traces.items()}
    panels = (("theta", "theta after step t", axes[0, 0]), ("update", "size of the update", axes[0, 1]),
              ("step_size", "step size: what m_hat is multiplied with", axes[1, 0]))  # fmt: skip
    for column, label, ax in panels:
        for (name, own), (colour, dash) in zip(one.items(), _styles(len(one)), strict=True):
            if column in own.dtype.names:
                y = own[column] if column == "theta" else np.where(own[column] == 0, np.nan, np.abs(own[column]))
                ax.plot(own["t"], y, linestyle=dash, marker=".", color=colour, label=name)
        ax.set(xlabel="step t", title=f"{name_of(parameter, index)}: {label}")
        ax.set_yscale("linear" if column == "theta" else "log")
    own = one[first]
    moments = {"g": own["g"]} | {k: own[k] for k in ("m_hat", "m") if k in own.dtype.names}
    moments |= {f"sqrt({k})": np.sqrt(own[k]) for k in ("v_hat", "v") if k in own.dtype.names}
    shown = [
        k
        for k in moments
        if not (k == "m" and "m_hat" in moments) and not (k == "sqrt(v)" and "sqrt(v_hat)" in moments)
    ]
    for name, (colour, dash) in zip(shown, _styles(len(shown)), strict=True):
        axes[1, 1].plot(own["t"], moments[name], linestyle=dash, marker=".", color=colour, label=name)
    axes[1, 1].set(xlabel="step t", title=f"{first}: the gradient and its moments")
    for ax in (axes[0, 0], axes[1, 1]):
        ax.legend(frameon=False, fontsize=8)
    for ax in axes.flat:
        ax.title.set_fontsize(9)
    return figure


@dataclass(frozen=True)
class Panel:
    """One picture of runs_figure: the column y against x ("step" or "epoch").

    ``groups`` has for each label an array (runs, steps or epochs): y at x = 1, 2, ...; nan where a run was over, and
    infinite where it had diverged.
    """

    y: str
    x: str
    groups: dict[str, np.ndarray]


def runs_figure(
    title: str, labels: Sequence[str], panels: Sequence[Panel], styles: Sequence[Style] | None = None
) -> Any:
    """Curves of groups of runs, several columns side by side: the median of each group, and a band that holds them all.

    Args:
        title: the figure's title.
        labels: of all groups, in the order of the legend. A group looks the same in each picture.
        panels: what to draw, up to three in a row. Losses have a logarithmic axis; accuracies are shown in %.
        styles: of each group; without, they are told apart by their order.
    """
    columns = 2 if len(panels) == 4 else min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = new_figure(max(4.5 * columns, 6.0), 3.5 * rows + 0.5 + 0.2 * -(-len(labels) // 3))
    figure.suptitle(f"{title}\nmedian over the runs; the band holds them all", fontsize=9)
    looks = dict(zip(labels, styles or _styles(len(labels)), strict=True))
    axes = figure.subplots(rows, columns, squeeze=False)
    for ax, panel in zip(axes.flat, panels, strict=False):
        _draw(ax, panel, looks)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    handles = {label: line for ax in axes.flat for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    shown = [label for label in labels if label in handles]
    figure.legend(
        [handles[label] for label in shown], shown, loc="outside lower center", ncols=3, frameon=False, fontsize=8
    )
    return figure


def _draw(ax: Any, panel: Panel, styles: dict[str, Style]) -> None:
    loss, percent = "loss" in panel.y, "accuracy" in panel.y
    starts = [start for group in panel.groups.values() for values in group for start in values[np.isfinite(values)][:1]]
    ceiling = CEILING * max(starts, default=1.0) if loss else np.inf
    for label, group in panel.groups.items():
        x, values = log_bins(group) if panel.x == "step" else (np.arange(1, group.shape[1] + 1), group)
        _band(ax, x, np.minimum(100 * values if percent else values, ceiling), label, styles[label])
    shown = np.concatenate([line.get_ydata() for line in ax.lines])
    ax.set(xlabel=panel.x, ylabel=panel.y + (" (%)" if percent else ""))
    ax.set_xscale("log" if panel.x == "step" and len(shown) else "linear")
    if loss and (shown > 0).any():
        ax.set_yscale("log")
        ax.set_ylim(top=min(ax.get_ylim()[1], ceiling))


def _band(ax: Any, x: np.ndarray, values: np.ndarray, label: str, style: Style) -> None:
    """The median of the rows against x, and the area that holds them all; where all are nan, nothing."""
    colour, dash = style
    some = ~np.isnan(values).all(axis=0)
    x, values = x[some], values[:, some]
    ax.plot(x, np.nanmedian(values, axis=0), linestyle=dash, color=colour, label=label, marker="." * (len(x) == 1))
    ax.fill_between(x, np.nanmin(values, axis=0), np.nanmax(values, axis=0), color=colour, alpha=0.2, lw=0)


def log_bins(curves: Sequence[Sequence[float]] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average curves over stretches of steps that look equally long on a logarithmic axis.

    Returns:
        The middle step of each of the n stretches, and the means, of shape (curves, n): nan from where a curve ended.
    """
    length = max(len(curve) for curve in curves)
    padded = np.full((len(curves), length), np.nan)
    for row, curve in zip(padded, curves, strict=True):
        row[: len(curve)] = curve
    edges = np.unique(np.geomspace(1, length + 1, BINS + 1).round().astype(int))
    means = [padded[:, i - 1 : j - 1].mean(axis=1) for i, j in pairwise(edges)]
    return np.sqrt(edges[:-1] * (edges[1:] - 1.0)), np.array(means).T


def new_figure(width: float, height: float) -> Any:
    """An empty Figure of this size in inches, drawn without any window."""
    try:
        module = import_module("matplotlib.figure")
    except ImportError:
        raise ImportError("figures need matplotlib: pip install matplotlib, or minirad[lab]") from None
    return module.Figure(figsize=(width, height), dpi=150, layout="constrained")


def styles_of(optimizers: Sequence[str | None]) -> list[Style] | None:
    """The looks of groups of runs with these optimizers: one colour for each, and other dashes for its other groups.

    None where that can't be, or would say little: groups of several optimizers (None), several groups of a single one,
    more optimizers than colours, more groups of one than dashes.
    """
    names, k = [name for name in optimizers if name is not None], len(STYLES)
    groups = Counter(names)
    if len(names) < len(optimizers) or max(len(groups), *groups.values()) > k or len(groups) == 1 < len(names):
        return None
    places = {name: OPTIMIZERS.index(name) for name in OPTIMIZERS if name in groups}
    free = (place for place in range(k)[::-1] if place not in places.values())
    places |= {name: next(free) for name in groups if name not in places}
    looks, seen = list[Style](), Counter[str]()
    for name in names:
        looks.append((STYLES[places[name]][0], STYLES[(places[name] + seen[name]) % k][1]))
        seen[name] += 1
    return looks


def _styles(n: int) -> list[Style]:
    """Colours with dashes: the five of STYLES, then each colour with the next one's dashes, and so on."""
    k = len(STYLES)
    return [(STYLES[i % k][0], STYLES[(i + i // k) % k][1]) for i in range(n)]
