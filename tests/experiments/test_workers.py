"""The pool of worker processes, and what a worker does with a run."""

import asyncio
import os
import signal
import sys
import time
from concurrent.futures import BrokenExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny_experiments import MEASURE, TINY, Tiny, crash, tick

from minirad.backend import stream
from minirad.experiments.ledger import Ledger
from minirad.experiments.sweep import attempt, sweep
from minirad.experiments.workers import ATTEMPTS, WorkerProcesses, local_crew
from minirad.threads import get_num_threads, set_num_threads

pytest.importorskip("threadpoolctl", reason="needs the extra minirad[lab]")
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")


@pytest.fixture(autouse=True)
def threads():
    """A run computes on one thread; what comes after it does not."""
    before = get_num_threads()
    yield
    set_num_threads(before)


@pytest.fixture
def pool():
    with WorkerProcesses(2) as pool:
        yield pool


# ---- one run


def test_what_comes_of_a_run(capsys):
    rows, failed, seconds, where = attempt(quiet, Tiny(4, seconds=0.01))
    assert failed is None
    assert rows == [{"x": 4}]
    assert 0.01 <= seconds < 5
    assert where["threads"] == 1
    assert capsys.readouterr() == ("", "")


def quiet(settings):
    print("heard by nobody")
    print("nor this", file=sys.stderr)
    time.sleep(settings.seconds)
    return [{"x": settings.x}]


def test_a_run_that_forgets_its_seed_draws_the_same():
    stream("noise").random(7)
    first = attempt(draws, None).rows
    assert attempt(draws, None).rows == first
    stream("noise").random(5)
    assert attempt(draws, None).rows == first


def draws(settings):
    return [{"drawn": stream(name).random(2).tolist()} for name in ("init", "noise")]


class SilentError(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("two\n  lines"), "ValueError: two lines (test_workers.py, line "),
        (SystemExit(3), "SystemExit: 3 (test_workers.py, line "),
        (MemoryError(), "MemoryError: (test_workers.py, line "),
        # These are no Exceptions, and would end a worker, or stand for something else in the pool.
        (KeyboardInterrupt(), "KeyboardInterrupt: (test_workers.py, line "),
        (GeneratorExit(), "GeneratorExit: (test_workers.py, line "),
        (asyncio.CancelledError("why"), "CancelledError: why (test_workers.py, line "),
        (ValueError("half a \ud83d"), "ValueError: half a \\ud83d (test_workers.py, line "),
        (SilentError(), "SilentError: without words (test_workers.py, line "),
    ],
)
def test_what_a_run_raises_is_its_result(error, words):
    def run(settings):
        raise error

    rows, failed, _, _ = attempt(run, None)
    assert rows is None
    assert failed.startswith(words)


def test_rows_that_are_no_json():
    assert attempt(lambda settings: [{"x": object()}], None).failed.startswith("TypeError: ")
    assert attempt(lambda settings: [{"x": (1, float("inf"))}], None).rows == [{"x": [1, float("inf")]}]
    assert attempt(lambda settings: [{"x": "\ud83d"}], None).failed.startswith("UnicodeEncodeError: ")


@pytest.mark.parametrize("given", [None, [], "hello", {"a": 1}, [1, 2], [{"a": 1}, 2], ({"a": 1},), np.zeros((2, 99))])
def test_what_is_no_list_of_dicts_is_no_result(given):
    rows, failed, _, _ = attempt(lambda settings: given, None)
    assert rows is None
    words = " ".join(f"{given!r:.60}".split())
    assert failed.startswith(f"TypeError: a run must give a list of dicts, at least one, got {words} (sweep.py, line ")


# ---- the pool


def test_results_and_errors(pool):
    assert [future.result() for future in [pool.submit(divmod, n, 3) for n in range(5)]] == [
        divmod(n, 3) for n in range(5)
    ]
    with pytest.raises(ZeroDivisionError):
        pool.submit(divmod, 1, 0).result()
    assert pool.submit(os.getpid).result() != os.getpid()


@posix
def test_a_task_that_kills_its_process(pool, tmp_path):
    """It is tried three times. The other process and its task know nothing of that."""
    other = pool.submit(tick, tmp_path / "other", 1.0)
    killer = pool.submit(crash, tmp_path / "killer")
    with pytest.raises(BrokenExecutor):
        killer.result()
    assert len((tmp_path / "killer").read_text()) == ATTEMPTS
    other.result()
    assert len((tmp_path / "other").read_text()) == 1
    assert pool.submit(divmod, 7, 3).result() == (2, 1)


@posix
def test_a_process_that_dies_while_it_waits(pool):
    for _ in range(3):
        for pid in {future.result() for future in [pool.submit(os.getpid) for _ in range(4)]}:
            os.kill(pid, signal.SIGKILL)
    assert pool.submit(divmod, 7, 3).result() == (2, 1)


def test_shutdown_does_not_wait_for_tasks(tmp_path):
    pool = WorkerProcesses(2)
    futures = [pool.submit(tick, tmp_path / "tick", 60.0) for _ in range(4)]
    while not (tmp_path / "tick").exists():
        time.sleep(0.02)
    start = time.perf_counter()
    pool.shutdown()
    assert time.perf_counter() - start < 10
    assert all(future.cancelled() or isinstance(future.exception(), BrokenExecutor) for future in futures)


def test_shutdown_of_a_pool_that_did_nothing():
    WorkerProcesses(3).shutdown()


# ---- many runs


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_two_thousand_runs_without_growth(tmp_path):
    """Open files, memory, threads: of this process and of the workers; and files on the disk."""
    ledger = Ledger(MEASURE, tmp_path)
    runs = [Tiny(x) for x in range(2000)]
    own, theirs = [], {}
    with ledger.held(runs), local_crew(2) as crew:
        for record in sweep(ledger, runs, crew):
            assert record.failed is None
            own.append(MEASURE.run(None)[0])
            ((seen,), _) = ledger.store(record.settings).read(vars(record.settings))
            theirs.setdefault(seen["pid"], []).append(seen)
    assert len(theirs) == 2
    assert min(map(len, theirs.values())) > 500
    for seen in (own, *theirs.values()):
        early, late = seen[len(seen) // 4], seen[-1]
        assert late["files"] <= early["files"] + 2
        assert late["memory"] <= early["memory"] + 4096  # KiB
    assert all(row["threads"] == 1 for seen in theirs.values() for row in seen)
    assert len(list(tmp_path.rglob("*.*"))) == 2 * 2000
    assert len(os.listdir("/proc/self/fd")) <= own[0]["files"]


@posix
def test_a_sweep_in_this_process(tmp_path):
    ledger = Ledger(TINY, tmp_path)
    runs = [Tiny(x, end=end) for x in range(3) for end in ("well", "error")]
    with ledger.held(runs), local_crew(1) as crew:
        records = list(sweep(ledger, runs, crew))
    assert [record.settings for record in records] == runs  # one worker: in order
    assert [record.headline for record in records[::2]] == [0, 0.125, 0.5]
    assert all(record.failed.startswith("ArithmeticError") for record in records[1::2])
    assert [ledger.look_up(run).failed for run in runs] == [record.failed for record in records]
