"""minirad sweep: what it checks, what it prints, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any

from minirad.backend import backend_name
from minirad.data.support import lab
from minirad.experiments.experiment import find
from minirad.experiments.grid import runs_of
from minirad.experiments.ledger import Ledger, Record
from minirad.experiments.sweep import sweep
from minirad.experiments.workers import Crew, dask_crew, dask_distributed, local_crew

SHOWN = 8  # values of a field, in a dry run


def prepare(
    name: str,
    fields: Sequence[str],
    file: Path | None,
    workers: int | None,
    dask: str | None,
    retry_failed: bool,
    rerun_changed: bool,
    dry_run: bool,
    out: Path,
) -> Callable[[], None]:
    """Check everything that was asked for; what is returned does it.

    Raises:
        ValueError: unknown names or values, data that can't be had, or files in the place of results.
        ImportError: a package is missing. RuntimeError: there is no GPU.
        OSError: nothing can be written, or another sweep is at work there.
    """
    experiment = find(name)
    runs = runs_of(experiment, fields, file)
    crew = crew_of(workers, dask)
    lab("threadpoolctl")
    backend_name()  # the one that MINIRAD_BACKEND asks for
    ledger = Ledger(experiment, out)
    with ExitStack() as stack:
        if not dry_run:
            if experiment.before:
                for settings in {experiment.scale(settings): settings for settings in runs}.values():
                    experiment.before(settings)
            stack.enter_context(ledger.held(runs))
        known = {settings: ledger.look_up(settings) for settings in runs}
        kept = [
            record
            for record in known.values()
            if record and not (retry_failed and record.failed) and not (rerun_changed and record.changed)
        ]
        if dry_run:
            return partial(print, "\n".join([*_head(ledger, runs, kept), *_values(runs)]))
        done = {record.settings for record in kept}
        todo = [settings for settings in runs if settings not in done]
        return partial(_sweep, ledger, runs, kept, todo, crew, stack.pop_all())


def crew_of(workers: int | None, dask: str | None) -> Callable[[], AbstractContextManager[Crew]]:
    """Starts the processes that --workers and --dask ask for: one for each core if both are None.

    Raises:
        ValueError: what they ask for makes no sense. ImportError: Dask is missing.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"--workers must be at least 1, got {workers}")
    count = workers or _cores()
    if dask is None:
        return partial(local_crew, count)
    if dask != "local" and "://" not in dask:
        raise ValueError(f"--dask must be local or an address such as tcp://192.0.2.1:8786, got {dask!r}")
    if dask != "local" and workers is not None:
        raise ValueError("--workers does not go with a Dask scheduler, which has its own")
    dask_distributed()
    return partial(dask_crew, dask, count)


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _sweep(
    ledger: Ledger,
    runs: Sequence[Any],
    kept: Sequence[Record],
    todo: Sequence[Any],
    crew: Callable[[], AbstractContextManager[Crew]],
    folders: AbstractContextManager[Any],
) -> None:
    """Do the runs, with a line for each, and tell at the end which failed: then the exit code is 1."""
    differ = differing(runs)
    failed = [record for record in kept if record.failed]
    with folders:
        print("\n".join(_head(ledger, runs, kept)), flush=True)
        if todo:
            with crew() as who, _printer(len(todo)) as say:
                say(f"on {who.title}")
                start = perf_counter()
                for count, record in enumerate(sweep(ledger, todo, who), 1):
                    left = (perf_counter() - start) / count * (len(todo) - count)
                    place = f"{len(kept) + count:{len(str(len(runs)))}}/{len(runs)}"
                    say(f"{place}  {line_of(ledger, record, differ)}, {_duration(left)} left")
                    failed += [record] if record.failed else []
    folder = ", ".join(sorted({str(ledger.store(settings).folder) for settings in runs}))
    print(f"{len(runs) - len(failed)} of {_count(len(runs))} done; results in {folder}")
    if failed:
        print(f"{len(failed)} failed; the same command with --retry-failed does them again:")
        for record in failed:
            print(f"  {_settings(record.settings, differ)}: {record.failed}")
        sys.exit(1)


@contextmanager
def _printer(total: int) -> Iterator[Callable[[str], None]]:
    """What prints a line for a run: in a terminal above a bar, where tqdm is installed; else plainly."""
    try:
        tqdm = import_module("tqdm").tqdm
    except ImportError:
        tqdm = None
    if tqdm is None or not sys.stderr.isatty():
        yield partial(print, flush=True)
        return
    with tqdm(total=total, unit="run", leave=False) as bar:

        def say(line: str) -> None:
            tqdm.write(line)
            bar.update(line.lstrip()[0].isdigit())

        yield say


def _head(ledger: Ledger, runs: Sequence[Any], kept: Sequence[Record]) -> Iterator[str]:
    """The lines that say how things stand."""
    failed = sum(record.failed is not None for record in kept)
    changed = sum(record.changed for record in kept)
    yield (
        f"{ledger.experiment.name}: {_count(len(runs))}, {len(kept) - failed} done already, {failed} failed before, "
        f"{len(runs) - len(kept)} to do"
    )
    if changed:
        yield (
            f"{_count(changed)} from before: by other source of minirad than now, or on another backend; "
            "--rerun-changed does them again"
        )


def _values(runs: Sequence[Any]) -> Iterator[str]:
    """Each field with its values."""
    for name in vars(runs[0]):
        values = [_text(value) for value in dict.fromkeys(getattr(settings, name) for settings in runs)]
        if len(values) > SHOWN:
            values = [*values[: SHOWN - 2], "...", f"{values[-1]} ({len(values)} values)"]
        yield f"  {name} = {', '.join(values)}"


def line_of(ledger: Ledger, record: Record, differ: Sequence[str]) -> str:
    """What there is to say of a run that ended."""
    said = _settings(record.settings, differ)
    if record.failed:
        said += f"  failed: {record.failed}"
    elif record.headline is not None:
        said += f"  {ledger.experiment.headline} {record.headline:.4g}"
    return f"{said}  {record.seconds:.1f} s"


def differing(runs: Sequence[Any]) -> list[str]:
    """The fields in which the runs differ; all of them if there is one run only."""
    first = vars(runs[0])
    return [name for name in first if any(getattr(run, name) != first[name] for run in runs)] or list(first)


def _settings(settings: Any, names: Sequence[str]) -> str:
    return " ".join(f"{name}={_text(getattr(settings, name))}" for name in names)


def _text(value: Any) -> str:
    """A value as the command line has it."""
    if isinstance(value, tuple):
        return "x".join(map(_text, value))
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return str(value)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _count(n: int) -> str:
    return f"{n} run{'' if n == 1 else 's'}"
