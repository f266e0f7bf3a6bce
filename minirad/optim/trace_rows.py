"""The rows of a trace: as a structured array, as text, as CSV and as JSON Lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from math import isfinite, isnan
from pathlib import Path
from typing import Any

import numpy as np

FIRST = ("t", "parameter", "index")
WORDS = ("parameter", "index", "branch")
WIDE = ("l", "lr", "mean", "v_hat")  # left out of a table that is not asked for its columns
WIDTHS = {"t": 4, "rho": 7, "r": 8, "branch": 8}


def structured(rows: Iterable[dict[str, Any]], names: Sequence[str]) -> np.ndarray:
    """Dictionaries as a structured array with the fields t, parameter, index, these names and what else a row has."""
    found = list(rows)
    names = [name for name in dict.fromkeys([*names, *(name for row in found for name in row)]) if name not in FIRST]

    def kind(name: str) -> Any:
        longest = max((len(row.get(name, "")) for row in found), default=1) if name in WORDS else 0
        return f"U{max(longest, 1)}" if name in WORDS else np.float64

    fields = [("t", np.int64), *((name, kind(name)) for name in (*FIRST[1:], *names))]
    empty = {name: "" if name in WORDS else np.nan for name, _ in fields}
    values = [tuple(row.get(name, empty[name]) for name, _ in fields) for row in found]
    return np.array(values, dtype=fields)


def table(rows: np.ndarray, columns: Sequence[str] | None = None) -> str:
    """A table for each parameter and index, below a line that names it."""
    if columns is None:
        names = [name for name in rows.dtype.names or () if name not in ("t", *WORDS[:2], *WIDE)]
        columns = [name for name in names if name in WORDS or not np.isnan(rows[name]).all()]
    if unknown := [name for name in columns if name not in (rows.dtype.names or ())]:
        raise ValueError(f"trace: no column {unknown[0]!r}; there are {', '.join(rows.dtype.names or ())}")
    columns = ["t", *(name for name in columns if name != "t")]
    blocks = []
    for parameter, index in dict.fromkeys(zip(rows["parameter"].tolist(), rows["index"].tolist(), strict=True)):
        own = rows[(rows["parameter"] == parameter) & (rows["index"] == index)]
        lines = [name_of(parameter, index), " ".join(name.rjust(_width(name)) for name in columns)]
        lines += [" ".join(cell(row[name].item(), name) for name in columns) for row in own]
        blocks.append("\n".join(line.rstrip() for line in lines))
    return "\n\n".join(blocks) or "no steps yet"


def cell(value: Any, name: str = "") -> str:
    """A number with four digits, or a word; a dash where there is no number."""
    width = _width(name)
    if isinstance(value, str):
        return value.rjust(width)
    if isnan(value):
        return "-".rjust(width)
    if isinstance(value, int):
        return str(value).rjust(width)
    text = f"{value:.4g}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.2e}"
    return (text if len(text) <= width else f"{value:.1e}").rjust(width)


def to_csv(rows: np.ndarray, path: str | Path) -> None:
    """Write the rows as comma-separated values, with a header. Numbers keep all their digits."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows.dtype.names or ())
        writer.writerows(rows.tolist())


def to_jsonl(rows: np.ndarray, path: str | Path) -> None:
    """Write a JSON object a row; null where a number does not exist."""
    Path(path).write_text("".join(line + "\n" for line in json_lines(rows)), encoding="utf-8", newline="\n")


def json_lines(rows: np.ndarray) -> list[str]:
    """Each row as a JSON object."""
    names = rows.dtype.names or ()
    return [json.dumps({name: _json(x) for name, x in zip(names, row, strict=True)}) for row in rows.tolist()]


def _json(value: Any) -> Any:
    return None if isinstance(value, float) and not isfinite(value) else value


def _width(name: str) -> int:
    return WIDTHS.get(name, 9)


def name_of(parameter: str, index: str) -> str:
    """What to call a coordinate."""
    return f"{parameter}, root mean square" if index == "rms" else f"{parameter}[{index}]" if index else parameter
