"""Draw the sizes against the time: python -m benchmarks.figure results/benchmarks/rules.json rules.png."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from minirad.plots import STYLES, new_figure

SHOWN = ("SGD", "RMSprop", "Adam", "RAdam")
PEERS = ("minirad", "torch default", "torch foreach", "torch fused", "copy of the words")


def main() -> None:
    """Read the rows of a file of results, and write the picture."""
    source, target = map(Path, sys.argv[1:3])
    figure(json.loads(source.read_text(encoding="utf-8"))["rows"]).savefig(target)


def figure(rows: list[dict[str, Any]]) -> Any:
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
            ax.set_ylim(0.1, 3000)
            ax.grid(alpha=0.3)
    for ax in axes[1]:
        ax.set_xlabel("parameters")
    for ax in axes[:, 0]:
        ax.set_ylabel("ns a parameter")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    return picture


if __name__ == "__main__":
    main()
