"""Which runs a sweep has: every combination of the values given, on the command line or in a TOML file.

On the command line each field of the settings has one value or several::

    optimizer=adam,radam  lr=0.001,0.003  seed=100:105  hidden=64x32,128

Commas separate values, ``100:105`` is 100 to 104 (as Python counts; ``0:10:2`` has a step), ``64x32`` is a tuple. A
file has any number of grids and of single runs, and what is common to them::

    common = { epochs = 2 }

    [[grid]]
    optimizer = ["adam", "radam"]
    lr = [0.001, 0.003]
    hidden = [[64, 32], [128]]
    seed = "100:105"

    [[run]]
    optimizer = "sgd"
    lr = 0.1

There a text for a field that is no text is read as on the command line.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from itertools import product
from math import isfinite, prod
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from minirad.experiments.experiment import Experiment
from minirad.experiments.hints import choices, kinds_of

LIMIT = 100_000  # runs in a sweep: more is a slip of the keyboard
_WORDS = {bool: "true or false", int: "an integer", float: "a finite number", str: "a text"}

Grid = dict[str, list[Any]]


def runs_of(experiment: Experiment, words: Sequence[str], file: Path | None = None) -> list[Any]:
    """The settings of all runs, in the order given, each once.

    Args:
        experiment: what is run.
        words: the fields on the command line: ``field=values``.
        file: a TOML file. Fields on the command line replace its own, in every grid and run.

    Raises:
        ValueError: a field or a value that the experiment does not have, text that can't be read, or too many runs.
        OSError: the file can't be read.
    """
    given = _from_words(experiment, words)
    grids = [given] if file is None else [grid | given for grid in _from_file(experiment, file)]
    if sum(prod(map(len, grid.values())) for grid in grids) > LIMIT:
        raise ValueError(f"a sweep has at most {LIMIT:,} runs, this one has more")
    combinations = [dict(zip(grid, values, strict=True)) for grid in grids for values in product(*grid.values())]
    return list(dict.fromkeys(map(experiment.make, combinations)))


def _from_words(experiment: Experiment, words: Sequence[str]) -> Grid:
    grid: Grid = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise ValueError(f"expected field=value, got {word!r}")
        hint = _hint(experiment, name)
        if name in grid:
            raise ValueError(f"{name} is given twice")
        grid[name] = _in_text(name, text, hint)
    return grid


def _from_file(experiment: Experiment, file: Path) -> list[Grid]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        if unknown := content.keys() - {"common", "grid", "run"}:
            raise ValueError(f"unknown {', '.join(sorted(unknown))}; there are common, [[grid]] and [[run]]")
        common = _table(experiment, "common", content.get("common", {}))
        grids = [_table(experiment, "grid", table) for table in _tables("grid", content.get("grid", []))]
        runs = [_table(experiment, "run", table) for table in _tables("run", content.get("run", []))]
        for run in runs:
            for name, values in run.items():
                if len(values) != 1:
                    raise ValueError(f"[[run]] {name}: expected one value, got {len(values)}")
    except ValueError as error:  # UnicodeDecodeError and TOMLDecodeError are some too
        raise ValueError(f"{file}: {error}") from None
    return [common | own for own in [*grids, *runs]] or [common]


def _tables(name: str, found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]


def _table(experiment: Experiment, title: str, table: Any) -> Grid:
    if not isinstance(table, Mapping):
        raise ValueError(f"{title} must be a table, got {table!r}")
    return {name: _listed(name, values, _hint(experiment, name)) for name, values in table.items()}


def _hint(experiment: Experiment, name: str) -> Any:
    if name not in experiment.hints:
        raise ValueError(f"{experiment.name} has no field {name!r}; there are {', '.join(experiment.hints)}")
    return experiment.hints[name]


def _listed(name: str, values: Any, hint: Any) -> list[Any]:
    """The values of a field as TOML has them."""
    if isinstance(values, str) and not _is_text(hint):
        return _in_text(name, values, hint)
    values = values if isinstance(values, list) else [values]
    if not values:
        raise ValueError(f"{name}: expected at least one value, got none")
    return [_typed(name, value, hint) for value in values]


def _in_text(name: str, text: str, hint: Any) -> list[Any]:
    """The values of a field as the command line has them."""
    values: list[Any] = []
    for part in text.split(","):
        if ":" in part and int in choices(hint):
            values += _range(name, part)
        else:
            values.append(_read(name, part, hint))
        if len(values) > LIMIT:
            break  # runs_of() refuses it
    return values


def _range(name: str, text: str) -> Sequence[int]:
    try:
        numbers = [int(part) for part in text.split(":")]
        found = range(*numbers) if all(map(_finite, numbers)) else range(0)
    except (TypeError, ValueError):
        found = range(0)
    if not found:
        expected = "first:behind or first:behind:step, with a number in it"
        raise ValueError(f"{name}: expected {expected}, got {_shown(text)}")
    return found[: LIMIT + 1]


def _read(name: str, text: str, hint: Any) -> Any:
    """One value, of the text on the command line."""
    for kind in choices(hint):
        if kind is NoneType and text == "none":
            return None
        if kind is bool and text in ("true", "false"):
            return text == "true"
        if kind is str and text:
            return text
        if kind in (int, float):
            try:
                value = kind(text)
            except ValueError:
                continue
            if _finite(value):
                return value
        if get_origin(kind) is tuple:
            parts = text.split("x")
            if kinds := kinds_of(kind, len(parts)):
                return tuple(_read(name, part, each) for part, each in zip(parts, kinds, strict=True))
        if get_origin(kind) is Literal:
            for choice in get_args(kind):
                if text == str(choice):
                    return choice
    raise ValueError(f"{name}: expected {_in_words(hint)}, got {_shown(text)}")


def _typed(name: str, value: Any, hint: Any) -> Any:
    """One value, of what TOML has."""
    if isinstance(value, str) and not _is_text(hint):
        return _read(name, value, hint)
    for kind in choices(hint):
        if kind in (bool, str) and type(value) is kind and value != "":
            return value
        if kind is int and type(value) is int and _finite(value):
            return value
        if kind is float and type(value) in (int, float) and _finite(value):
            return float(value)
        if get_origin(kind) is tuple and isinstance(value, list) and (kinds := kinds_of(kind, len(value))):
            return tuple(_typed(name, item, each) for item, each in zip(value, kinds, strict=True))
        if get_origin(kind) is Literal and (type(value), value) in [(type(each), each) for each in get_args(kind)]:
            return value  # true is not 1
    raise ValueError(f"{name}: expected {_in_words(hint)}, got {_shown(value)}")


def _finite(value: float) -> bool:
    """Whether it is neither nan nor infinite, nor an integer too large for a float: a slip of the keyboard."""
    try:
        return isfinite(value)
    except OverflowError:
        return False


def _shown(value: Any) -> str:
    """What came, in one line of a message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:40]}... ({len(text)} characters)"


def _is_text(hint: Any) -> bool:
    return str in choices(hint)


def _in_words(hint: Any) -> str:
    return " or ".join(_kind_in_words(kind) for kind in reversed(choices(hint)))


def _kind_in_words(kind: Any) -> str:
    if kind is NoneType:
        return "none"
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    if get_origin(kind) is tuple:
        return "a tuple (64x32; in a file [64, 32])"
    return _WORDS.get(kind, f"a {getattr(kind, '__name__', kind)}, which can't be set here")
