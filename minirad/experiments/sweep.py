"""A sweep: runs of an experiment, many at a time, in processes that may die.

The workers compute and send back rows; only this process writes files, a run's when it has ended. So whoever is killed,
at any moment, costs the runs under way and nothing else, and the same sweep goes on from there.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from threading import Lock
from time import perf_counter, process_time
from traceback import extract_tb
from typing import Any

from minirad.backend import manual_seed
from minirad.experiments.ledger import Attempt, Ledger, Record
from minirad.experiments.results import Row, are_rows, environment
from minirad.experiments.workers import ATTEMPTS, Crew, gone
from minirad.threads import set_num_threads

_one_run = Lock()  # random streams, threads and the standard output belong to the process


def sweep(ledger: Ledger, runs: Sequence[Any], crew: Crew) -> Iterator[Record]:
    """Do the runs and write down each. The records come in the order in which runs end.

    Raises:
        OSError: a file can't be written, or the crew is gone.
    """
    waiting, flying = deque(runs), dict[Future[Attempt], Any]()
    while waiting or flying:
        while waiting and len(flying) < crew.width():
            settings = waiting.popleft()
            flying[crew.executor.submit(attempt, ledger.experiment.run, settings)] = settings
        # Not for ever: the crew may have grown.
        done = wait(flying, timeout=2, return_when=FIRST_COMPLETED).done
        for future in [future for future in flying if future in done]:  # a set has no order
            yield ledger.write(flying.pop(future), _outcome(future, crew))


def _outcome(future: Future[Attempt], crew: Crew) -> Attempt:
    try:
        return future.result()
    except crew.death:
        return Attempt(None, f"its process died, {ATTEMPTS} times", 0.0, environment())
    except (Exception, CancelledError) as error:  # the run did not even begin
        raise gone(crew.title, error) from None


def attempt(run: Callable[[Any], list[Row]], settings: Any) -> Attempt:
    """Do a run in this process, on one thread. Whatever it raises is its result; what it prints is not shown."""
    with _one_run, open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        set_num_threads(1)  # results are bit-identical only at one thread count
        manual_seed(0)  # a run that forgets its seed must not depend on those before it
        start, busy = perf_counter(), process_time()
        rows, failed = None, None
        try:
            rows = _as_json(run(settings))  # what is no JSON is the run's mistake too
        except BaseException as error:  # also what else would end this process: ctrl-C does not come here
            failed = _in_words(error)
        where = environment() | {"cpu_seconds": round(process_time() - busy, 3)}  # with busy neighbours it takes longer
        return Attempt(rows, failed, perf_counter() - start, where)


def _as_json(given: Any) -> list[Row]:
    """What a run gave, as it comes back from a file.

    Raises:
        TypeError, ValueError: it is no list of dicts, or JSON can't hold it.
    """
    if not are_rows(given):
        raise TypeError(f"a run must give a list of dicts, at least one, got {given!r:.60}")
    text = json.dumps(given, ensure_ascii=False)
    text.encode()
    return json.loads(text)


def _in_words(error: BaseException) -> str:
    """The kind of error, its text in one line, and where in which file it was raised."""
    place, text = extract_tb(error.__traceback__)[-1], "without words"
    with suppress(Exception):  # an error's text is code too
        text = str(error).encode(errors="backslashreplace").decode()  # half a character can't be printed
    words = " ".join(f"{type(error).__name__}: {text}".split())
    return f"{words} ({Path(place.filename).name}, line {place.lineno})"
