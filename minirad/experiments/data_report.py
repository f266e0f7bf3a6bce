"""What minirad data prints: the data sets that there are, where they lie, and whether they are what was published."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec

from minirad.data import registry
from minirad.data.checking import refusal
from minirad.data.download import fetch, folder, paths
from minirad.data.registry import DataSet
from minirad.data.support import DataError, lab


def prepare(action: str, names: Sequence[str], everything: bool) -> Callable[[], None]:
    """Check what was asked for; what is returned does it.

    Raises:
        ValueError: an unknown data set, or a wrong number of them. ImportError: a package is missing.
    """
    if everything and (action != "fetch" or names):
        raise ValueError("--all stands alone, behind `minirad data fetch`")
    if action == "fetch" and not names and not everything:
        raise ValueError(f"data fetch: name data sets, or --all; there are {', '.join(registry.names())}")
    chosen = [registry.get(name) for name in dict.fromkeys(names)]
    folder()  # asks for pooch if it has to
    if action == "fetch":
        for package in ("pooch", "tqdm"):
            lab(package)
    if action == "list":
        return partial(_describe, chosen) if chosen else _list
    if action == "where":
        return partial(_where, chosen) if chosen else partial(print, folder())
    sets = chosen or [registry.get(name) for name in registry.names()]
    return partial(_fetch, sets, everything) if action == "fetch" else partial(_verify, sets)


def _list() -> None:
    print(f"{'name':16s} {'kind':14s} {'size':>9s}  {'there':6s} {'source':16s} licence")
    for dataset in map(registry.get, registry.names()):
        size = _size(dataset) if dataset.files else "-"
        print(
            f"{dataset.name:16s} {dataset.kind:14s} {size:>9s}  {_there(dataset):6s} {_source(dataset):16s} "
            f"{dataset.licence}"
        )
    print(f"\nIn {folder()} (MINIRAD_DATA names another folder).")
    print("`minirad data list NAME` tells more: what it is, how to cite it, its files.")


def _describe(sets: Sequence[DataSet]) -> None:
    for dataset in sets:
        facts = {
            "kind": dataset.kind,
            "licence": dataset.licence,
            "citation": dataset.citation,
            "homepage": dataset.homepage,
            "source": _source(dataset),
        }
        print(f"{dataset.name}: {dataset.description}")
        print("".join(f"  {name:9s} {fact}\n" for name, fact in facts.items()), end="")
        if dataset.files:
            _where([dataset])


def _where(sets: Sequence[DataSet]) -> None:
    for dataset in sets:
        if not dataset.files:
            print(f"{dataset.name} has no files of its own: it comes with {dataset.package}")
            continue
        print(folder() / dataset.name)
        width = max(len(file.name) for file in dataset.files)
        for file, path in zip(dataset.files, paths(dataset).values(), strict=True):
            print(f"  {file.name:{width}s}  {file.bytes:>11,} bytes  {'there' if os.path.lexists(path) else 'missing'}")


def _fetch(sets: Sequence[DataSet], everything: bool) -> None:
    """Fetch each set. One that can't be had does not keep the others from coming, and makes the exit code 2."""
    failed = False
    for dataset in sets:
        if not dataset.files:
            print(f"{dataset.name}: nothing to fetch, it comes with {dataset.package}", flush=True)
            continue
        try:
            before = _count(dataset)
            fetch(dataset)
            came = f", {_count(dataset) - before} fetched now" if before < len(dataset.files) else ""
            print(f"{dataset.name}: {_size(dataset)} in {folder() / dataset.name}{came}", flush=True)
        except DataError as error:
            if everything and not dataset.needs_download and not _count(dataset):
                print(f"{dataset.name}: left out. {error}", flush=True)
                continue
            print(f"minirad: {' '.join(str(error).split())}", file=sys.stderr)
            failed = True
    if failed:
        sys.exit(2)


def _verify(sets: Sequence[DataSet]) -> None:
    """Check each file that is there, and say if there is no folder at all. A wrong one makes the exit code 1."""
    failed = False
    for dataset in sets:
        if not dataset.files:
            print(f"{dataset.name:16s} comes with {dataset.package}: no file to check", flush=True)
            continue
        places = [(file, path) for file, path in zip(dataset.files, paths(dataset).values(), strict=True)]
        there = [(file, path) for file, path in places if os.path.lexists(path)]
        wrong = [words for file, path in there if (words := refusal(path, file))]
        missing = len(places) - len(there)
        counts = {"right": len(there) - len(wrong), "wrong": len(wrong), "missing": missing}
        print(f"{dataset.name:16s} {', '.join(f'{n} {word}' for word, n in counts.items() if n)}", flush=True)
        print("".join(f"  {words}\n" for words in wrong), end="", flush=True)
        failed |= bool(wrong)
    if not folder().exists() and any(dataset.files for dataset in sets):
        print(f"{folder()} does not exist (MINIRAD_DATA names another folder)")
    if failed:
        sys.exit(1)


def _count(dataset: DataSet) -> int:
    return sum(os.path.lexists(path) for path in paths(dataset).values())


def _there(dataset: DataSet) -> str:
    if dataset.package:
        return "yes" if find_spec(dataset.package) else "no"
    count, of = _count(dataset), len(dataset.files)
    return "yes" if count == of else f"{count} of {of}" if count else "no"


def _source(dataset: DataSet) -> str:
    return "download" if dataset.needs_download else f"with {dataset.package}" if dataset.package else "put it there"


def _size(dataset: DataSet) -> str:
    return f"{sum(file.bytes for file in dataset.files) / 1e6:.1f} MB"
