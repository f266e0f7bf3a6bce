"""What is known of the runs of an experiment: results, and failures.

A run that ended has its result (results.Store). Also one that stopped early, because its loss was NaN, say: its last
row tells why, and it counts as failed. A run that raised an error, or took its process along, has no result but
``<key>.failed.json`` beside the place. It is never both.

Only one process writes: that of the sweep, which holds the folder while it works.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from minirad.experiments.experiment import Experiment
from minirad.experiments.results import Row, Store, environment
from minirad.files import write_whole


class Attempt(NamedTuple):
    """What came of a run: its rows, or why there are none; its seconds; results.environment() where it ran."""

    rows: list[Row] | None
    failed: str | None
    seconds: float
    where: Row


@dataclass(frozen=True)
class Record:
    """What is known of a run without its rows: the number to show, why it failed if it did, its seconds.

    ``changed`` says that another version of minirad's source, or another backend, than the present one made it.
    """

    settings: Any
    headline: float | None
    failed: str | None
    seconds: float
    changed: bool = False


@dataclass(frozen=True)
class Ledger:
    """The files of an experiment's runs below ``root``."""

    experiment: Experiment
    root: Path

    def store(self, settings: Any) -> Store:
        """Where the result of a run with these settings is."""
        return Store(self.root, self.experiment.name, self.experiment.scale(settings), self.experiment.edition)

    def look_up(self, settings: Any) -> Record | None:
        """What is known of this run, or None.

        Raises:
            ValueError: a file in its place is not of this run. OSError: one can't be read.
        """
        store, own = self.store(settings), asdict(settings)
        if found := store.read(own):
            rows, meta = found
            return self._record(settings, rows, None, meta)
        path = failure_path(store, settings)
        if not path.exists():
            return None
        content = None
        with suppress(ValueError):
            content = json.loads(path.read_text(encoding="utf-8"))
        if (
            not isinstance(content, dict)
            or content.get("settings") != json.loads(json.dumps(own))
            or not isinstance(content.get("failed"), str)
            or not isinstance(content.get("seconds"), int | float)
        ):
            raise ValueError(f"{path} is not the record of this run; move it away")
        return self._record(settings, [], content["failed"], content)

    def write(self, settings: Any, attempt: Attempt) -> Record:
        """Put down what came of a run, in place of what was there. A process killed in between leaves the run undone.

        Raises:
            OSError: the files can't be written.
        """
        store, own = self.store(settings), asdict(settings)
        result, failure = store.path(own), failure_path(store, settings)
        if attempt.rows is None:
            result.unlink(missing_ok=True)
            result.with_suffix(".meta.json").unlink(missing_ok=True)
            content = {"settings": own, "failed": attempt.failed, "seconds": round(attempt.seconds, 3), **attempt.where}
            write_whole(failure, (json.dumps(content, indent=1) + "\n").encode())
        else:
            failure.unlink(missing_ok=True)
            store.write(own, attempt.rows, attempt.seconds, attempt.where)
        return self._record(settings, attempt.rows or [], attempt.failed, {**attempt.where, "seconds": attempt.seconds})

    @contextmanager
    def held(self, runs: Sequence[Any]) -> Iterator[None]:
        """The folders of these runs, made ready, and held against other sweeps.

        Raises:
            OSError: a folder can't be written to, or another sweep holds it.
        """
        with ExitStack() as stack:
            for store in {store.folder: store for store in map(self.store, runs)}.values():
                store.folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(_alone(store.folder))
                store.prepare()
            yield

    def _record(self, settings: Any, rows: Sequence[Row], failed: str | None, meta: Row) -> Record:
        here = environment()
        shown = [row[self.experiment.headline] for row in rows if self.experiment.headline in row]
        stopped = rows[-1].get("stopped") if rows else None
        changed = any(meta.get(key) != here[key] for key in ("code", "backend"))
        return Record(settings, _number(shown[-1]) if shown else None, failed or stopped, meta["seconds"], changed)


def _number(cell: Any) -> float | None:
    """A cell of the rows, if it is a finite number."""
    try:
        number = isinstance(cell, int | float) and not isinstance(cell, bool)
        return float(cell) if number and isfinite(cell) else None
    except OverflowError:  # an integer too large for a float
        return None


def failure_path(store: Store, settings: Any) -> Path:
    """The file that tells why a run failed."""
    return store.path(asdict(settings)).with_suffix(".failed.json")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder as long as this process lives, and no longer. Not on Windows, nor where the disk has no locks."""
    try:
        fcntl: Any = import_module("fcntl")
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(f"another sweep is at work in {folder}") from None
        except OSError:
            pass
        yield
    finally:
        os.close(handle)
