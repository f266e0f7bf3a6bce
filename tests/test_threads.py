"""How many threads the linear algebra uses, and how work is shared among ours."""

import os
import subprocess
import sys
from pathlib import Path
from threading import Barrier, Event, Lock, Thread, get_ident
from types import SimpleNamespace
from weakref import ref

import numpy as np
import pytest
from fake_cupy import cupy
from helpers import BACKEND, backend

import minirad as mr
from minirad import threads
from minirad.threads import in_parallel


def blas_threads():
    from threadpoolctl import threadpool_info

    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_num_threads():
    pytest.importorskip("threadpoolctl", reason="needs threadpoolctl")
    before = mr.get_num_threads() or 1
    try:
        for n in (1, 2, 1):
            mr.set_num_threads(n)
            assert blas_threads() == {n}
            assert mr.get_num_threads() == n
    finally:
        mr.set_num_threads(before)


def test_num_threads_are_those_of_the_linear_algebra(monkeypatch):
    pools = [{"user_api": "blas", "num_threads": 2}, {"user_api": "openmp", "num_threads": 8}]  # scikit-learn's, say
    monkeypatch.setitem(sys.modules, "threadpoolctl", SimpleNamespace(threadpool_info=lambda: pools))
    assert mr.get_num_threads() == 2


@pytest.mark.parametrize("n", [0, -1, 1.0, "2", None, True])
def test_bad_num_threads(n):
    with pytest.raises(ValueError, match="set_num_threads: n must be an integer >= 1, got "):
        mr.set_num_threads(n)


def test_num_threads_without_threadpoolctl(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    with pytest.raises(ImportError, match="pip install threadpoolctl"):
        mr.set_num_threads(1)
    with pytest.raises(ImportError, match="pip install threadpoolctl"):
        mr.get_num_threads()


# ---- work in parallel


@pytest.fixture
def use(monkeypatch):
    """Sets the number of threads, with NumPy; afterwards all is as it was."""
    pytest.importorskip("threadpoolctl", reason="needs threadpoolctl")
    before = mr.get_num_threads() or 1
    monkeypatch.setattr(threads, "_count", threads._count)
    threads._blas.cache_clear()  # blas_threads() counts every library that has been loaded by now
    with backend("numpy"):
        yield mr.set_num_threads
    mr.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_stretches_cover_everything_once_in_order(use, count):
    use(count)
    for n in (0, 1, 2, 3, 5, 7, 8, 100):
        stretches = in_parallel(lambda start, stop: range(start, stop), n)
        assert [i for stretch in stretches for i in stretch] == list(range(n))
        assert len(stretches) == max(1, min(count, n))
        lengths = [len(stretch) for stretch in stretches]
        assert max(lengths) - min(lengths) <= 1
        assert in_parallel(lambda start, stop: range(start, stop), n) == stretches


def test_the_number_of_threads_may_change(use):
    for count in (2, 3, 1, 2):
        use(count)
        assert len(in_parallel(lambda start, stop: None, 5)) == count


def test_the_results_come_in_order_whichever_is_ready_first(use):
    """The stretches run at the same time: the first waits for the last."""
    use(3)
    last_is_done = Event()

    def work(start, stop):
        if start == 0:
            assert last_is_done.wait(60)
        elif stop == 9:
            last_is_done.set()
        return start

    assert in_parallel(work, 9) == [0, 3, 6]


def test_each_takes_the_next_stretch_that_nobody_has(use):
    """The caller does not wait for a thread that is slow to wake up: it does that one's share as well."""
    use(3)
    both = Barrier(2)

    def work(start, stop):
        if start < 2:
            both.wait(60)  # two of them at the same time
        return get_ident()

    first, second, third = in_parallel(work, 3)
    assert first != second
    assert get_ident() in (first, second, third)


def test_a_thread_that_never_wakes_up_is_not_waited_for(use, monkeypatch):
    use(2)
    crew = threads._Crew(1)
    monkeypatch.setattr(threads, "_crew", lambda count: crew)
    crew.doors = [Lock()]  # not the one that it waits at
    crew.doors[0].acquire()
    for _ in range(3):
        assert in_parallel(lambda start, stop: (start, get_ident()), 2) == [(0, get_ident()), (1, get_ident())]


def test_a_job_is_forgotten_when_it_is_done(use):
    """With the arrays in it."""
    use(2)
    array = np.zeros(3)
    alive = ref(array)
    in_parallel(lambda start, stop, array=array: None, 2)
    del array
    for _ in range(100):  # until the other thread has come through
        if alive() is None:
            break
        Event().wait(0.05)
    assert alive() is None


def test_the_linear_algebra_uses_one_thread_inside(use):
    use(2)
    assert in_parallel(lambda start, stop: blas_threads(), 4) == [{1}, {1}]
    assert blas_threads() == {2}
    assert mr.get_num_threads() == 2


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_exception_reaches_the_caller_and_the_thread_counts_come_back(use, place):
    use(3)

    def work(start, stop):
        if start == place:
            raise KeyError(f"at {start}")
        return start

    with pytest.raises(KeyError, match=f"at {place}"):
        in_parallel(work, 3)
    assert blas_threads() == {3}
    assert in_parallel(lambda start, stop: start, 3) == [0, 1, 2]  # and go on working


@pytest.mark.parametrize("place", [0, 1])
def test_no_one_works_on_when_an_exception_reaches_the_caller(use, place):
    """Whoever does would use the linear algebra's threads again, and write into arrays that are no longer wanted."""
    use(3)
    raising, finished = Event(), []

    def work(start, stop):
        if start == place:
            raising.set()
            raise KeyError("stop")
        if start == 2:
            raising.wait(60)
            Event().wait(0.2)  # a bit more to do
            finished.append(blas_threads())

    with pytest.raises(KeyError, match="stop"):
        in_parallel(work, 3)
    assert finished == [{1}]


def test_one_thread_is_a_direct_call(use, monkeypatch):
    use(1)
    monkeypatch.setattr(threads, "_one_thread_each", None)  # not even asked for
    assert in_parallel(lambda *stretch: (get_ident(), stretch), 5) == [(get_ident(), (0, 5))]


def test_little_work_is_done_by_the_caller(use):
    """And the linear algebra stays with one thread: a second one would go on spinning beside ours."""
    use(2)
    for n, size in ((0, 10**9), (1, 10**9), (5, threads.SMALL - 1)):
        assert in_parallel(lambda *stretch: (get_ident(), stretch, blas_threads()), n, size) == [
            (get_ident(), (0, n), {1})
        ]
    assert blas_threads() == {2}


def test_a_call_from_inside_is_done_by_who_calls(use):
    """The stretches stay the same, and so do the bits of sums over them."""
    use(2)

    def work(start, stop):
        return [(get_ident(), stretch) for stretch in in_parallel(lambda *stretch: stretch, 4)], get_ident()

    for inner, caller in in_parallel(work, 2):
        assert inner == [(caller, (0, 2)), (caller, (2, 4))]


def test_without_threadpoolctl_it_is_a_direct_call(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.setattr(threads, "_count", None)
    with backend("numpy"):
        assert in_parallel(lambda *stretch: (get_ident(), stretch), 5) == [(get_ident(), (0, 5))]


@pytest.mark.parametrize(("told", "stretches"), [(2, [(0, 2), (2, 5)]), (None, [(0, 5)])])
def test_unless_a_number_is_set_it_is_that_of_the_linear_algebra(use, monkeypatch, told, stretches):
    """None: it can't be told (Apple's Accelerate)."""
    monkeypatch.setattr(threads, "_count", None)
    monkeypatch.setattr(threads, "get_num_threads", lambda: told)
    assert in_parallel(lambda *stretch: stretch, 5) == stretches


def test_a_gpu_gets_all_at_once(use, monkeypatch):
    use(2)
    if BACKEND == "numpy":
        monkeypatch.setitem(sys.modules, "cupy", cupy)
    with backend("cupy"):
        assert in_parallel(lambda *stretch: (get_ident(), stretch), 5) == [(get_ident(), (0, 5))]


def test_what_numpy_was_told_to_ignore_is_ignored_in_every_thread(use):
    use(2)
    with np.errstate(invalid="ignore", over="raise"):
        settings = in_parallel(lambda start, stop: np.geterr(), 4)
    assert [(s["invalid"], s["over"]) for s in settings] == [("ignore", "raise")] * 2


def test_a_thread_of_the_users_can_do_all_that_too(use):
    """threadpoolctl lets the first thread alone set OpenBLAS's number, unless one asks."""
    use(2)
    assert in_parallel(lambda start, stop: blas_threads(), 4) == [{1}, {1}]
    found = []

    def user():
        found.append(in_parallel(lambda start, stop: blas_threads(), 4))
        mr.set_num_threads(1)
        found.append(blas_threads())
        mr.set_num_threads(2)
        found.append(blas_threads())

    thread = Thread(target=user)
    thread.start()
    thread.join()
    assert found == [[{1}, {1}], {1}, {2}]


@pytest.mark.parametrize("slow", ["the caller", "the other"])
def test_after_ctrl_c_nobody_works_on_and_all_is_as_before(use, slow):
    """Whether it comes while the caller works, or while it waits for the other."""
    use(2)
    crew, caller, both, done = threads._crew(2), get_ident(), Barrier(2), []

    def work(start, stop):
        both.wait(60)
        for _ in range(30 if (get_ident() == caller) == (slow == "the caller") else 10):
            Event().wait(0.01)
        done.append(start)

    alarm(0.05 if slow == "the caller" else 0.2)
    try:
        with pytest.raises(KeyboardInterrupt):
            in_parallel(work, 4)
    finally:
        alarm(0)
    assert len(done) == (1 if slow == "the caller" else 2)
    assert crew.job is None
    assert blas_threads() == {2}
    assert in_parallel(lambda start, stop: start, 4) == [0, 2]


def alarm(seconds):
    """Ctrl-C so many seconds from now; 0: not any more."""
    signal = pytest.importorskip("signal")
    if not hasattr(signal, "setitimer"):
        pytest.skip("needs setitimer")
    signal.signal(signal.SIGALRM, signal.default_int_handler if seconds else signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


FORK_IN_USE = """
import os, signal
import minirad as mr
from minirad import memory, threads
mr.set_num_threads(2)
memory._lock.acquire()  # as another thread might have it
threads._free.acquire()
if pid := os.fork():
    raise SystemExit(os.waitpid(pid, 0)[1])
signal.alarm(10)  # ends a child that waits for ever
memory.empty((1_000_000,), "float32")
ran = threads.in_parallel(lambda *stretch: __import__("threading").get_ident(), 4)
assert not threads._free.locked()
os._exit(0)
"""

FORK = """
import os, signal
import minirad as mr
from minirad.threads import in_parallel
mr.set_num_threads(2)
assert in_parallel(lambda *stretch: stretch, 4) == [(0, 2), (2, 4)]
if pid := os.fork():
    raise SystemExit(os.waitpid(pid, 0)[1])
signal.alarm(10)  # ends a child that waits for ever
assert in_parallel(lambda *stretch: stretch, 4) == [(0, 2), (2, 4)]
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("program", [FORK, FORK_IN_USE], ids=["idle", "in use"])
def test_a_forked_process_has_threads_of_its_own(program):
    """As the workers of Python's multiprocessing on Linux: the threads of the parent are not in there."""
    pytest.importorskip("threadpoolctl", reason="needs threadpoolctl")
    environment = os.environ | {"MINIRAD_BACKEND": "numpy", "PYTHONPATH": str(Path(mr.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
