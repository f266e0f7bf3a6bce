"""minirad reproduce: run exhibits, record their numbers and verdicts, draw their figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from textwrap import fill, indent
from time import perf_counter
from typing import Any

from minirad.backend import backend_name
from minirad.data.support import lab
from minirad.experiments import verdicts
from minirad.experiments.exhibit import WORDS, Do, Exhibit, Numbers, Verdict, exhibits
from minirad.experiments.experiment import Experiment
from minirad.experiments.ledger import Ledger, Record
from minirad.experiments.results import Row, Store, environment
from minirad.experiments.sweep import sweep
from minirad.experiments.sweep_report import crew_of, differing, line_of
from minirad.experiments.workers import Crew

DEFAULT = ("E1", "E2", "E3", "E4", "E5", "E6", "E15", "E7-demo")
WIDTH = 100

Crews = Callable[[], AbstractContextManager[Crew]]


def prepare(
    names: Sequence[str],
    scale: str,
    seeds: int | None,
    workers: int | None,
    dask: str | None,
    rerun_changed: bool,
    out: Path,
) -> Callable[[], None]:
    """Check everything that was asked for; what is returned does it.

    Raises:
        ValueError: unknown names, numbers without sense, data that can't be had, or files in the place of results.
        ImportError: a package is missing. RuntimeError: there is no GPU. OSError: nothing can be written.
    """
    chosen = find(names or DEFAULT)
    plan = [(exhibit, exhibit.at(scale, seeds)) for exhibit in chosen]
    if seeds is not None and not any("seeds" in settings for _, settings in plan):
        raise ValueError(f"--seeds: there are none in {', '.join(exhibit.name for exhibit in chosen)}")
    crew = crew_of(workers, dask)
    for package in ("matplotlib", "scipy", "threadpoolctl"):
        lab(package)
    backend_name()  # the one that MINIRAD_BACKEND asks for
    for exhibit, settings in plan:
        if exhibit.before:
            exhibit.before(settings)
    verdicts.read(out)
    for exhibit, settings in plan:
        _store(exhibit, scale, out).read(settings)
    for exhibit in chosen:
        _store(exhibit, scale, out).prepare()
    return partial(_reproduce, plan, scale, crew, rerun_changed, out)


def find(names: Sequence[str]) -> list[Exhibit]:
    """The exhibits of these names, in any case of letters, each once.

    Raises:
        ValueError: there is no such exhibit.
    """
    known = exhibits()
    for name in names:
        if name.lower() not in known:
            raise ValueError(f"unknown exhibit {name!r}; there are {', '.join(e.name for e in known.values())}")
    return [known[name] for name in dict.fromkeys(map(str.lower, names))]


def _store(exhibit: Exhibit, scale: str, out: Path) -> Store:
    return Store(out, exhibit.name, scale, exhibit.edition)


def _reproduce(
    plan: Sequence[tuple[Exhibit, Numbers]], scale: str, crew: Crews, rerun_changed: bool, out: Path
) -> None:
    """One exhibit after the other; then how many claims came out how."""
    start = perf_counter()
    for exhibit, settings in plan:
        print(f"{exhibit.name}  {exhibit.title}", flush=True)
        store = _store(exhibit, scale, out)
        numbers, seconds = numbers_of(
            exhibit, settings, store, partial(do, out, crew, scale, rerun_changed), anew=rerun_changed
        )
        found = [claim.judge(numbers) for claim in exhibit.claims]
        if exhibit.claims:
            found = verdicts.record(out, exhibit, scale, found)
        print("\n".join(report(exhibit, numbers, found)))
        picture = store.folder.with_suffix(".png")
        draw(exhibit, numbers, picture)
        print(f"    figure in {picture} ({seconds:.1f} s)\n", flush=True)
    done = {exhibit.name for exhibit, _ in plan}  # from the file: each exhibit corrects the verdicts before it anew
    rows = [row for row in verdicts.read(out) if row["scale"] == scale and row["exhibit"] in done]
    if words := Counter(row["verdict"] for row in rows):
        counts = ", ".join(f"{words[word]} {word}" for word in WORDS if words[word])
        print(f"{words.total()} claims: {counts}; verdicts in {out / verdicts.NAME}")
    print(f"{perf_counter() - start:.0f} s in all")


def numbers_of(exhibit: Exhibit, settings: Numbers, store: Store, do: Do, anew: bool = False) -> tuple[Numbers, float]:
    """The exhibit's numbers and seconds: those recorded by this very code on this backend, or new ones."""
    found, here = store.read(settings), environment()
    if anew or found is None or any(found[1].get(key) != here[key] for key in ("code", "backend")):
        start = perf_counter()
        store.write(settings, [exhibit.run(settings, do)], perf_counter() - start)
        found = store.read(settings)
    assert found is not None
    (numbers,), meta = found
    return numbers, meta["seconds"]


def do(
    out: Path, crew: Crews, scale: str, rerun_changed: bool, experiment: Experiment, runs: Sequence[Any]
) -> list[list[Row]]:
    """Do the runs in worker processes, but for those that are done already: the rows of each.

    A training takes long, and most changes of the code have nothing to do with it: so those of other code, or
    of another backend, are kept and counted aloud, unless rerun_changed asks for new ones. A training that diverged has
    rows. One that raised an error has none, and is done again.

    Raises:
        OSError: a training raised an error, or its process died; or files can't be read or written.
    """
    ledger, differ = Ledger(replace(experiment, scale=lambda settings: scale), out), differing(runs)
    with ledger.held(runs):
        known = {settings: _done(ledger, settings) for settings in runs}
        changed = [settings for settings, record in known.items() if record and record.changed]
        todo = [settings for settings, record in known.items() if not record or (rerun_changed and record.changed)]
        if changed and not rerun_changed:
            print(
                f"    {len(changed)} of {len(runs)} trainings were done by other source of minirad than now, or on "
                "another\n    backend, and are kept; --rerun-changed does them again",
                flush=True,
            )
        if todo:
            with crew() as who:
                print(f"    {len(todo)} of {len(runs)} trainings to do, on {who.title}", flush=True)
                for count, record in enumerate(sweep(ledger, todo, who), 1):
                    print(f"    {count}/{len(todo)}  {line_of(ledger, record, differ)}", flush=True)
        found = [ledger.store(settings).read(asdict(settings)) for settings in runs]
    if missing := found.count(None):
        raise OSError(f"{missing} of {len(runs)} trainings failed with an error; the same command does them again")
    return [rows for rows, _ in filter(None, found)]


def _done(ledger: Ledger, settings: Any) -> Record | None:
    """The record of a training that has rows."""
    try:
        record = ledger.look_up(settings)
        return record if record and ledger.store(settings).path(asdict(settings)).exists() else None
    except ValueError as error:  # a foreign file: known only when the training is
        raise OSError(str(error)) from None


def report(exhibit: Exhibit, numbers: Numbers, found: Sequence[Verdict]) -> list[str]:
    """A verdict for each claim, the numbers that decided it, and what the paper reports."""
    lines = []
    for claim, verdict in zip(exhibit.claims, found, strict=True):
        lines.append(_wrapped(f"{verdict.word.upper()}: {claim.text}", 2))
        if verdict.note:
            lines.append(_wrapped(verdict.note, 4))
        shown = ", ".join(f"{name} {_text(x)}" for name, x in verdict.numbers.items())
        lines.append(_wrapped(f"{shown} (decides: {claim.threshold})", 4))
    if exhibit.lines:
        lines += [indent(line, "  ") for line in exhibit.lines(numbers)]
    if not exhibit.claims:
        lines.append(_wrapped("A DEMONSTRATION, NO VERDICT: few seeds, one setting, nothing tuned.", 2))
    return lines + ([_wrapped(exhibit.reported, 4)] if exhibit.reported else [])


def draw(exhibit: Exhibit, numbers: Numbers, picture: Path) -> None:
    """The figure, under its name and what the paper reports."""
    figure = exhibit.draw(numbers)
    wide = round(16 * figure.get_figwidth())
    lines = (f"{exhibit.name}. {exhibit.title}", exhibit.reported, *figure.get_suptitle().splitlines())
    figure.suptitle("\n".join(fill(line, wide) for line in lines if line), fontsize=8)
    figure.savefig(picture)


def _wrapped(text: str, by: int) -> str:
    return fill(text, WIDTH, initial_indent=" " * by, subsequent_indent=" " * (by + 2))


def _text(x: float | int | None) -> str:
    return "infinite" if x is None else f"{x:.4g}"
