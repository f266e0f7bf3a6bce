"""How many threads compute: the linear algebra's own, and ours for what NumPy does on one core only."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import lru_cache, partial
from threading import Lock, Thread
from types import ModuleType
from typing import Any, TypeVar

from minirad.backend import backend_name

Result = TypeVar("Result")

SMALL = 300_000

_count: int | None = None  # None until someone sets or asks for it
_free = Lock()  # held while the threads are at work


def set_num_threads(n: int) -> None:
    """Let minirad and the linear algebra use n threads. Results are bit-identical only at one thread count."""
    global _count
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"set_num_threads: n must be an integer >= 1, got {n!r}")
    _blas.cache_clear()  # a library may have been loaded since
    for pool in _blas():
        _set(pool, n)
    _count = n


def get_num_threads() -> int | None:
    """How many threads the linear algebra may use; None where that can't be told (Apple's Accelerate)."""
    pools = _threadpoolctl().threadpool_info()
    return max((pool["num_threads"] for pool in pools if pool["user_api"] == "blas"), default=None)


def in_parallel(work: Callable[[int, int], Result], n: int, size: int = SMALL) -> list[Result]:
    """[work(start, stop), ...] for stretches of 0 ... n - 1, one for each thread, in their order.

    NumPy copies and adds on one core. It lets go of Python's lock while it does so, so threads can share the work, each
    with a linear algebra of one thread. The stretches depend on the number of threads alone: the same bits each time.

    ``size`` says how much work it all is, in numbers computed: a million of them take about a millisecond. Less is done
    right here, since a sleeping thread takes up to 0.2 ms to wake up.
    """
    if alone():
        return [work(0, n)]
    threads = 1 if size < SMALL else max(1, min(_threads(), n))
    edges = [(n * i // threads, n * (i + 1) // threads) for i in range(threads)]
    if not _free.acquire(blocking=False):  # the threads are at work already: for somebody else, or for who called us
        return [work(*edge) for edge in edges]
    try:
        with _one_thread_each():
            return [work(0, n)] if threads == 1 else _crew(_threads()).run(work, edges)
    finally:
        _free.release()


class _Crew:
    """Sleeping threads that help with a row of tasks.

    Each takes the next task that nobody has, the caller too. So nobody waits for a thread that is slow to wake up. (A
    pool of concurrent.futures makes a future for each task and took 0.05 ms longer: a fifth of a step of ResNet-8.)
    """

    def __init__(self, helpers: int) -> None:
        self.job: Callable[[], None] | None = None
        self.doors = [Lock() for _ in range(helpers)]
        for door in self.doors:
            door.acquire()
            Thread(target=self._help, args=(door,), name="minirad", daemon=True).start()

    def _help(self, door: Any) -> None:
        while True:
            door.acquire()
            job = self.job
            if job is not None:
                job()
            del job  # and with it the arrays

    def run(self, work: Callable[[int, int], Result], edges: list[tuple[int, int]]) -> list[Result]:
        results: list[Any] = [None] * len(edges)
        errors: list[tuple[int, BaseException]] = []
        rest, lock, done, helping = iter(range(len(edges))), Lock(), Lock(), 0
        context = copy_context()  # what the caller said with np.errstate counts in the other threads too

        def do(i: int) -> None:
            try:
                results[i] = context.copy().run(work, *edges[i])
            except BaseException as error:
                errors.append((i, error))

        def help_out() -> None:
            nonlocal helping
            while True:
                with lock:
                    if (i := next(rest, None)) is None:
                        return
                    helping += 1
                do(i)
                with lock:
                    helping -= 1
                    if not helping and done.locked():
                        done.release()

        done.acquire()
        try:
            self.job = help_out
            for door in self.doors[: len(edges) - 1]:
                if door.locked():  # or else its thread has not come through from last time, and comes now
                    door.release()
            for i in iter(partial(_next, rest, lock), None):
                do(i)
        finally:  # after ctrl-C too: when an exception reaches the caller, nobody works on
            while _next(rest, lock) is not None:
                pass
            while helping:
                try:
                    done.acquire()
                except BaseException as interrupt:
                    errors.append((-1, interrupt))
            self.job = None
        if errors:
            raise min(errors, key=lambda error: error[0])[1]
        return results


def _next(rest: Iterator[int], lock: Any) -> int | None:
    with lock:
        return next(rest, None)


def alone() -> bool:
    """Whether all work is done by who calls: there is one thread, or a GPU."""
    return _threads() == 1 or backend_name() == "cupy"


def _threads() -> int:
    global _count
    if _count is None:
        try:
            _count = get_num_threads() or 1
        except ImportError:  # without threadpoolctl the linear algebra could not be told to use one thread
            _count = 1
    return _count


@lru_cache
def _crew(threads: int) -> _Crew:
    return _Crew(threads - 1)


def _after_fork() -> None:
    """A forked process has no threads but the one that forked, and nobody else is at work."""
    global _free
    _free = Lock()
    _crew.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """The linear algebra on one thread inside: ours would wait for each other there, and its own spin on afterwards."""
    before = [(pool, pool.get_num_threads()) for pool in _blas()]
    try:
        for pool, _ in before:
            _set(pool, 1)
        yield
    finally:
        for pool, threads in before:
            _set(pool, threads)


def _set(pool: Any, threads: int) -> None:
    """The number of threads of a linear algebra. threadpoolctl 3.6 lets only the first thread set that of OpenBLAS."""
    if hasattr(pool, "clear_controlling_thread"):
        pool.clear_controlling_thread(force=True)
    pool.set_num_threads(threads)


@lru_cache
def _blas() -> list[Any]:
    return _threadpoolctl().ThreadpoolController().select(user_api="blas").lib_controllers


def _threadpoolctl() -> ModuleType:
    try:
        return importlib.import_module("threadpoolctl")
    except ImportError:
        raise ImportError("thread counts need threadpoolctl: pip install threadpoolctl, or minirad[lab]") from None
