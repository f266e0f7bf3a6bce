"""What minirad plot draws: curves of recorded runs, grouped by any of their settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from minirad.data.support import lab
from minirad.experiments.recorded import Recorded, axis, read, table
from minirad.plots import STYLES, Panel, runs_figure, styles_of

KINDS = (".png", ".pdf", ".svg")
Groups = dict[str, list[Recorded]]


def prepare(folder: Path, by: Sequence[str], y: Sequence[str], out: Path | None) -> Callable[[], None]:
    """Read the runs and check everything that was asked for; what is returned draws.

    Raises:
        ValueError: no such folder, no runs, a file that is no result, unknown settings or columns, too many groups, or
            an unknown kind of picture.
        ImportError: matplotlib is missing. OSError: a file can't be read.
    """
    lab("matplotlib")
    runs = read(folder)
    by = [name for text in by for name in text.split(",") if name]
    y = [name for text in y for name in text.split(",") if name]
    groups = grouped(runs, by)
    names = chosen(runs, y)
    out = default_place(folder, names) if out is None else out
    if out.suffix not in KINDS:
        raise ValueError(f"--out: the name must end in one of {', '.join(KINDS)}, got {str(out)!r}")
    panels = [_panel(name, groups) for name in names]
    return partial(_plot, folder, groups, panels, out)


def _panel(name: str, groups: Groups) -> Panel:
    with_it = {label: [run for run in runs if name in run.columns] for label, runs in groups.items()}
    tables = {label: table(runs, name) for label, runs in with_it.items() if runs}
    return Panel(name, axis([run for runs in with_it.values() for run in runs], name), tables)


def default_place(folder: Path, names: Sequence[str]) -> Path:
    """The picture stands beside the folder; of runs in results/, which came with a clone, in runs/."""
    folder = folder if folder.name.strip(".") else folder.resolve()
    place, parts = folder.with_name(f"{folder.name}-{'-'.join(names)}.png"), folder.resolve().parent.parts
    if "results" not in parts:
        return place
    return Path("runs", *parts[len(parts) - parts[::-1].index("results") :], place.name)


def _plot(folder: Path, groups: Groups, panels: Sequence[Panel], out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    runs_figure(str(folder), list(groups), panels, styles_of(optimizers(groups))).savefig(out)
    for label, runs in groups.items():
        stopped = sum(run.stopped is not None for run in runs)
        pooled = [name for name in differing(runs) if name != "seed"]
        print(
            f"{label}: {len(runs)} {'run' if len(runs) == 1 else 'runs'}"
            + (f", {stopped} stopped early" if stopped else "")
            + (f", of different {', '.join(pooled)}" if pooled else "")
        )
    total = sum(map(len, groups.values()))
    for panel in panels:
        if (count := sum(map(len, panel.groups.values()))) < total:
            print(f"{panel.y}: of {count} of the {total} runs")
    if failed := len(list(folder.glob("*.failed.json"))):
        print(f"not drawn: {failed} that failed with an error")
    print(f"figure in {out}")


def optimizers(groups: Groups) -> list[str | None]:
    """The optimizer of each group; None where there are several, or none."""
    found = [[run.settings.get("optimizer") for run in runs] for runs in groups.values()]
    return [first if isinstance(first, str) and rest.count(first) == len(rest) else None for first, *rest in found]


def grouped(runs: Sequence[Recorded], by: Sequence[str]) -> Groups:
    """The runs by their settings of these names; by all that differ, but for the seed, if there is no name.

    Raises:
        ValueError: no run has a setting of this name, or there are more groups than can be told apart.
    """
    known = sorted({name for run in runs for name in run.settings})
    for name in by:
        if name not in known:
            raise ValueError(f"--by: no setting {name!r}; there are {', '.join(known)}")
    texts = {name for run in runs for name, value in run.settings.items() if isinstance(value, str)}
    by = by or sorted(set(differing(runs)) - {"seed"}, key=lambda name: (name not in texts, name))
    keys = {_label(run, by): [_sortable(run.settings.get(name)) for name in by] for run in runs}
    if len(keys) > len(STYLES) ** 2:
        raise ValueError(f"--by: {len(keys)} groups are too many for one picture; choose fewer of {', '.join(by)}")
    return {label: [run for run in runs if _label(run, by) == label] for label in sorted(keys, key=lambda k: keys[k])}


def chosen(runs: Sequence[Recorded], y: Sequence[str]) -> list[str]:
    """The columns to draw; loss and test accuracy, or else the first, if there is no name. accuracy is test_accuracy.

    Raises:
        ValueError: no run has a column of this name.
    """
    known = list(dict.fromkeys(name for run in runs for name in run.columns))
    if not known:
        raise ValueError("--y: the runs hold no numbers to draw")
    if not y:
        return [name for name in ("loss", "test_accuracy") if name in known] or known[:1]
    names = [name if name in known else f"test_{name}" for name in y]
    for given, name in zip(y, names, strict=True):
        if name not in known:
            raise ValueError(f"--y: no run holds {given!r}; there are {', '.join(known)}")
    return list(dict.fromkeys(names))


def differing(runs: Sequence[Recorded]) -> list[str]:
    """The names of the settings that are not the same in all runs."""
    names = dict.fromkeys(name for run in runs for name in run.settings)
    return sorted(name for name in names if len({repr(run.settings.get(name)) for run in runs}) > 1)


def _label(run: Recorded, by: Sequence[str]) -> str:
    words = []
    for name in by:
        value = run.settings.get(name)
        words.append(value if isinstance(value, str) else f"{name} {value}")
    return ", ".join(words) or "all runs"


def _sortable(value: Any) -> tuple[bool, float, str]:
    """Numbers by size, before texts by the alphabet."""
    number = isinstance(value, int | float)
    return (not number, value if number else 0.0, str(value))
