"""minirad check: is an answer right? It may loop or crash, so a process of its own runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import minirad
from minirad.exercises.answers import cells
from minirad.exercises.checking import functions_of, names

SECONDS = 120  # for one exercise


def prepare(wanted: Sequence[str], file: Path | None) -> Callable[[], None]:
    """Check the input; what is returned checks the exercises, and exits with 1 unless all are right.

    Raises:
        ValueError: there is no such exercise, or no file to look into.
        OSError: the file can't be read.
    """
    if not wanted:
        raise ValueError(f"check: say which exercise; there are {', '.join(names())}")
    exercises: list[str] = []
    for name in wanted:
        exercises += (name.isdigit() and names(int(name))) or [name]
    for name in exercises:
        functions_of(name)
    files = {name: file or find(int(name.split(".")[0])) for name in exercises}
    for path in set(files.values()):
        cells(path)

    def job() -> None:
        results = [run(name, path) for name, path in files.items()]
        if not all(results):
            sys.exit(1)

    return job


def find(chapter: int) -> Path:
    """The notebook of a chapter: here, in ./notebooks, or in the checkout that minirad is installed from.

    Raises:
        ValueError: it is in none of these.
    """
    for folder in (Path(), Path("notebooks"), Path(minirad.__file__).resolve().parent.parent / "notebooks"):
        if found := sorted(folder.glob(f"{chapter:02d}-*.ipynb")):
            return found[0]
    raise ValueError(
        f"check: there is no notebook {chapter:02d}-*.ipynb here or in ./notebooks; name the file with your answer"
    )


def run(name: str, path: Path) -> bool:
    """Check one exercise in a process of its own, which prints what is to be said. True if it is right."""
    command = [sys.executable, "-m", "minirad.exercises", name, str(path)]
    sys.stdout.flush()
    try:
        status = subprocess.run(command, timeout=SECONDS, env={**os.environ, "MPLBACKEND": "Agg"}, check=False)
    except subprocess.TimeoutExpired:
        print(f"{name}: still running after {SECONDS} seconds. Is there a loop that never ends?")
        return False
    if status.returncode not in (0, 1):
        print(f"{name}: the check ended with code {status.returncode}.")
    return status.returncode == 0
