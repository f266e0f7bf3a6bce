"""Draw sizes against time: python -m benchmarks.figure results/benchmarks/rules.json rules.png.

From the set "rules" nanoseconds a parameter; from "images" and "sequences" how the time of a training step grows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from matplotlib.ticker import LogLocator

from benchmarks.images import slope
from minirad.plots import STYLES, new_figure

SHOWN = ("SGD", "RMSprop", "Adam", "RAdam")
PEERS = ("minirad", "torch default", "torch foreach", "torch fused", "copy of the words")


def main() -> None:
    """Read the rows of a file of results, and write the picture."""
    source, target = map(Path, sys.argv[1:3])
    rows = json.loads(source.read_text(encoding="utf-8"))["rows"]
    (rules_figure if any("rule" in row for row in rows) else growth_figure)(rows).savefig(target)


def rules_figure(rows: list[dict[str, Any]]) -> Any:
    """Nanoseconds a parameter against the number of parameters, a column a rule; above one tensor, below 200."""
    picture = new_figure(11.0, 6.0)
    axes = picture.subplots(2, len(SHOWN), sharex=True, sharey=True)
    for row_axes, tensors in zip(axes, (1, 200), strict=True):
        for ax, rule in zip(row_axes, SHOWN, strict=True):
            own = [row for row in rows if row["rule"] == rule and row["tensors"] == tensors and row["threads"] == 1]
            for peer, (colour, dash) in zip(PEERS, STYLES, strict=True):
                points = {r["parameters"]: r["minirad"] for r in own} if peer == "minirad" else {}
                points |= {r["parameters"]: r["other"] for r in own if r["peer"] == peer}
                sizes = sorted(points)
                ax.loglog(
                    sizes, [1e9 * points[n] / n for n in sizes], marker=".", linestyle=dash, color=colour, label=peer
                )
            ax.set_title(f"{rule}, {'one tensor' if tensors == 1 else f'{tensors} tensors'}", fontsize=9)
            ax.set_ylim(0.05, 10_000)
            ax.grid(alpha=0.3)
    for ax in axes[1]:
        ax.set_xlabel("parameters")
    for ax in axes[:, 0]:
        ax.set_ylabel("ns a parameter")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return picture


def growth_figure(rows: list[dict[str, Any]]) -> Any:
    """The time of a training step against each size, on logarithmic axes, a panel a size, with the fitted slopes."""
    threads = max(row["threads"] for row in rows)
    panels: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        if "axis" in row and row["threads"] == threads:
            panels.setdefault((row.get("model", "ResNet"), row["axis"]), []).append(row)
    columns = min(4, len(panels))
    lines = -(-len(panels) // columns)
    picture = new_figure(11.0, 3.2 * lines)
    axes = picture.subplots(lines, columns, squeeze=False)
    for ax in axes.flat[len(panels) :]:
        ax.remove()
    for ax, ((model, axis), found) in zip(axes.flat, panels.items(), strict=False):
        for name, key, (colour, dash) in zip(("minirad", "torch"), ("minirad", "other"), STYLES, strict=False):
            points = [(row["value"], row[key]) for row in found]
            label = f"{name}, slope {slope(points):.2f}"
            ax.loglog(*zip(*((x, 1e3 * y) for x, y in points), strict=True), marker=".", color=colour, linestyle=dash,
                      label=label)  # fmt: skip
        ax.set_title(f"{model}, {axis}", fontsize=9)
        ax.set_xticks([row["value"] for row in found], [str(row["value"]) for row in found])
        ax.minorticks_off()
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.grid(alpha=0.3)
        ax.legend(frameon=False, fontsize=8)
    for ax in axes[:, 0]:
        ax.set_ylabel(f"ms a training step, {threads} thread{'s' * (threads > 1)}")
    return picture


if __name__ == "__main__":
    main()
