"""Recorded runs, read back from their result files whatever the experiment was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from inspect import signature
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np

from minirad.experiments.curves import fill
from minirad.experiments.results import Row
from minirad.optim import RAdam
from minirad.variance import rectification


@dataclass(frozen=True)
class Recorded:
    """A run: its settings, one row an epoch, and why it ended early, if it did.

    A column of the rows holds a number an epoch, or at the number "step" of its row; or else a list of numbers: one a
    step, or those at the steps of the list "step" (see curves.thin). ``source`` names the run in errors.
    """

    settings: dict[str, Any]
    rows: list[Row]
    stopped: str | None
    source: str = field(default="a run", compare=False)

    @cached_property
    def columns(self) -> dict[str, str]:
        """What it has curves of, and against what: "step" or "epoch"."""
        found: dict[str, str] = {}
        for name in dict.fromkeys(key for row in self.rows for key in row if key not in ("epoch", "step")):
            rows = [row for row in self.rows if name in row]
            if all(isinstance(row[name], list) and all(map(_is_number, row[name])) for row in rows):
                found |= {name: "step"} if any(row[name] for row in rows) else {}
            elif all(_is_number(row[name]) for row in rows):
                found[name] = "step" if all(isinstance(row.get("step"), int | float) for row in rows) else "epoch"
        if "step" in found.values() and self.settings.get("optimizer") == "radam":
            found.setdefault("r", "step")
        return found

    def curve(self, name: str) -> np.ndarray:
        """A column at steps or epochs 1, 2, ... RAdam's r_t is computed where it was not recorded.

        A number that was not finite was recorded as null; it is infinite in a loss, else nan.

        Raises:
            ValueError: its steps or epochs make no sense, or beta2 does not.
        """
        try:
            return self._r() if name == "r" and not any("r" in row for row in self.rows) else self._recorded(name)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{self.source}, {name}: {error}") from None

    def _recorded(self, name: str) -> np.ndarray:
        rows = [row for row in self.rows if name in row]
        if isinstance(rows[0][name], list):
            x = [step for row in rows if isinstance(row.get("step"), list) for step in row["step"]]
            y = [value for row in rows for value in row[name]]
        else:
            x = [row["step"] if self.columns[name] == "step" else row.get("epoch", i) for i, row in enumerate(rows, 1)]
            y = [row[name] for row in rows]
        null = inf if "loss" in name else nan
        return fill(x or range(1, len(y) + 1), [null if value is None else value for value in y])

    def _r(self) -> np.ndarray:
        steps = max(len(self._recorded(other)) for other, x in self.columns.items() if x == "step" and other != "r")
        beta2 = self.settings.get("beta2")
        if beta2 is None:
            betas = self.settings.get("betas") or signature(RAdam).parameters["betas"].default
            beta2 = betas[1] if isinstance(betas, list | tuple) and len(betas) == 2 else betas
        if not isinstance(beta2, int | float):
            raise ValueError(f"beta2 must be a number, got {beta2!r:.60}")
        return np.array([rectification(t, beta2) for t in range(1, steps + 1)])


def read(folder: Path) -> list[Recorded]:
    """All runs of a folder that experiments.results.Store wrote, such as results/compare/digits.

    Raises:
        ValueError: there is no such folder, no run in it, or a file is no result. OSError: a file can't be read.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder")
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        below = sorted({str(path.parent) for path in folder.rglob("*.jsonl")})
        raise ValueError(f"{folder} holds no runs" + (f"; there are some in {', '.join(below)}" if below else ""))
    return [_read(path) for path in paths]


def _read(path: Path) -> Recorded:
    try:
        header, *rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        settings, rows = dict(header["settings"]), [dict(row) for row in rows]
        stopped = rows[-1].pop("stopped", None) if rows else None
        if rows and not rows[-1]:
            rows.pop()
        return Recorded(settings, rows, stopped, str(path))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError(f"{path} is not the result of a run; move it away") from None


def axis(runs: Sequence[Recorded], name: str) -> str:
    """Against what a column of these runs is drawn: "step" or "epoch".

    Raises:
        ValueError: it differs.
    """
    sources = {run.columns[name]: run.source for run in reversed(runs)}
    if len(sources) > 1:
        raise ValueError(
            f"{name} is recorded by step in {sources['step']} and by epoch in {sources['epoch']}: "
            "they have no axis in common; keep them in two folders"
        )
    return next(iter(sources))


def table(runs: Sequence[Recorded], name: str) -> np.ndarray:
    """The curves of several runs as one array (runs, steps or epochs), nan from where a run was over.

    A run that stopped early did not do better by it: its losses are infinite from there. Of another column, it keeps
    its last value.
    """
    curves = [run.curve(name) for run in runs]
    length = max(map(len, curves))
    filled = np.full((len(runs), length), nan)
    for row, curve, run in zip(filled, curves, runs, strict=True):
        row[: len(curve)] = curve
        if run.stopped and len(curve):
            row[len(curve) :] = inf if "loss" in name else curve[-1]
    return filled


def _is_number(cell: Any) -> bool:
    """Or null, which stands for a number that is not finite."""
    return cell is None or (isinstance(cell, int | float) and not isinstance(cell, bool))
