"""Results of runs as files: deterministic, one a run, written whole or not at all.

``<root>/<exhibit>/<scale>/<key>.jsonl`` holds what the run computed, where key stands for its settings. The same
settings give the same bytes (on one machine, backend and thread count). What may differ, the seconds and the versions,
stands beside it in ``<key>.meta.json``.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from math import isfinite
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np

import minirad
from minirad.backend import backend_name
from minirad.files import write_whole
from minirad.threads import get_num_threads

Row = dict[str, Any]


@dataclass(frozen=True)
class Store:
    """The results of one exhibit at one scale, in files under ``root``.

    ``edition`` is the exhibit's version: raising it makes all its old results invisible.
    """

    root: Path
    exhibit: str
    scale: str
    edition: int = 1

    @property
    def folder(self) -> Path:
        """Where the files are."""
        return self.root / self.exhibit / self.scale

    def path(self, settings: Mapping[str, Any]) -> Path:
        """The result file of a run: named by the first 12 hex digits of the hash of its settings.

        Raises:
            ValueError: a setting is called edition, or is not finite.
        """
        if "edition" in settings:
            raise ValueError(f"{self.exhibit}: no setting may be called edition: the experiment's own is in the key")
        canonical = json.dumps(
            {"edition": self.edition, **settings}, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return self.folder / f"{sha256(canonical.encode()).hexdigest()[:12]}.jsonl"

    def prepare(self) -> None:
        """Make the folder and remove what a killed process left there. Raises OSError unless files can be written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for part in self.folder.glob(".*.part"):
            part.unlink(missing_ok=True)
        TemporaryFile(dir=self.folder).close()

    def read(self, settings: Mapping[str, Any]) -> tuple[list[Row], Row] | None:
        """The rows and the meta data of a finished run, or None if there is no such run.

        Raises:
            ValueError: the file is not the result of a run with these settings, or has lost its .meta.json.
            OSError: it can't be read.
        """
        path = self.path(settings)
        if not path.exists():
            return None
        beside = _meta_path(path)
        header, rows, meta = None, list[Any](), None
        with suppress(ValueError):  # no JSON, or no lines
            header, *rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            meta = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else None
        whole = header == json.loads(json.dumps(self._header(settings))) and are_rows(rows)
        if whole and not beside.exists():
            raise ValueError(f"{path}, the result of {dict(settings)}, has lost its .meta.json; move it away")
        if not whole or not isinstance(meta, dict) or not isinstance(meta.get("seconds"), int | float):
            raise ValueError(f"{path} is not the result of this run; move it away, with its .meta.json")
        return rows, meta

    def write(self, settings: Mapping[str, Any], rows: Sequence[Row], seconds: float, where: Row | None = None) -> Path:
        """Write a finished run. The result file comes last: where it is, the run is complete.

        ``where`` is environment() of the process that ran it, if that was another one.
        """
        path = self.path(settings)
        lines = [json.dumps(_without_nan(row), sort_keys=True) + "\n" for row in [self._header(settings), *rows]]
        meta = json.dumps({"seconds": round(seconds, 3), **(where or environment())}, indent=1) + "\n"
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(_meta_path(path), meta.encode())
        return write_whole(path, "".join(lines).encode())

    def _header(self, settings: Mapping[str, Any]) -> Row:
        return {"exhibit": self.exhibit, "edition": self.edition, "settings": dict(settings)}


def are_rows(rows: Any) -> bool:
    """Whether this is what a run must give: a list of dicts, at least one."""
    return isinstance(rows, list) and bool(rows) and all(isinstance(row, dict) for row in rows)


def environment() -> Row:
    """What a result may depend on besides its settings."""
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "minirad": minirad.__version__,
        "code": code(),
        "numpy": np.__version__,
        "backend": backend_name(),
        "threads": get_num_threads(),
    }


@lru_cache
def code() -> str:
    """A hash of minirad's own source, so that a run made with other code can be told."""
    folder = Path(minirad.__file__).parent
    files = sorted(folder.rglob("*.py"), key=lambda path: path.relative_to(folder).as_posix())
    return sha256(b"".join(path.read_bytes().replace(b"\r\n", b"\n") for path in files)).hexdigest()[:12]


def rounded(values: Sequence[float], digits: int = 6) -> list[float]:
    """The values with this many significant digits, which is what a float32 holds, in less space."""
    return [float(f"{value:.{digits}g}") for value in values]


def _without_nan(value: Any) -> Any:
    """JSON knows neither NaN nor infinity: null stands for both."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    return [_without_nan(item) for item in value] if isinstance(value, list | tuple) else value


def _meta_path(path: Path) -> Path:
    return path.with_suffix(".meta.json")
