"""python -m minirad.exercises NAME FILE: the process in which minirad check runs a learner's answer."""

from __future__ import annotations

import sys
from pathlib import Path

import minirad as mr
from minirad.exercises import NotYet, check
from minirad.exercises.answers import answers
from minirad.exercises.checking import functions_of


def main(name: str, path: Path) -> int:
    """0 if the answer is right, 1 if it is not: then one sentence says why."""
    mr.use_backend("numpy")  # as the chapters do
    mr.set_num_threads(1)
    try:
        functions = answers(path, functions_of(name))
    except NotYet as wrong:
        print(f"{name}: {wrong}")
        return 1
    try:
        check(name, *functions)
    except NotYet as wrong:
        print(wrong)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
