"""How many threads compute: the linear algebra's own, and ours for what NumPy does on one core only."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from functools import lru_cache, partial
from threading import Lock
from types import ModuleType
from typing import Any, TypeVar

from minirad.backend import backend_name

Result = TypeVar("Result")

SMALL = 500_000

_count: int | None = None  # None until someone sets or asks for it
_free = Lock()  # held while the threads are at work


def set_num_threads(n: int) -> None:
    """Let minirad and the linear algebra use n threads. Results are bit-identical only at one thread count."""
    global _count
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"set_num_threads: n must be an integer >= 1, got {n!r}")
    _threadpoolctl().threadpool_limits(limits=n, user_api="blas")
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
    if backend_name() == "cupy" or _threads() == 1:
        return [work(0, n)]
    threads = 1 if size < SMALL else max(1, min(_threads(), n))
    edges = [(n * i // threads, n * (i + 1) // threads) for i in range(threads)]
    if not _free.acquire(blocking=False):  # the threads are at work already: for somebody else, or for who called us
        return [work(*edge) for edge in edges]
    try:
        with _one_thread_each():
            # copy_context: what the caller said with np.errstate counts in the other threads too.
            others = [_pool(_threads()).submit(copy_context().run, partial(work, *edge)) for edge in edges[1:]]
            try:
                first = work(*edges[0])
            finally:
                wait(others)
            return [first, *(other.result() for other in others)]
    finally:
        _free.release()


def _threads() -> int:
    global _count
    if _count is None:
        try:
            _count = get_num_threads() or 1
        except ImportError:  # without threadpoolctl the linear algebra could not be told to use one thread
            _count = 1
    return _count


@lru_cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="minirad")


if hasattr(os, "register_at_fork"):  # a forked process has no threads but the one that forked
    os.register_at_fork(after_in_child=_pool.cache_clear)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """The linear algebra on one thread inside: ours would wait for each other there, and its own spin on afterwards."""
    pools = _blas()
    before = [pool.get_num_threads() for pool in pools]
    for pool in pools:
        pool.set_num_threads(1)
    try:
        yield
    finally:
        for pool, threads in zip(pools, before, strict=True):
            pool.set_num_threads(threads)


@lru_cache
def _blas() -> list[Any]:
    return _threadpoolctl().ThreadpoolController().select(user_api="blas").lib_controllers


def _threadpoolctl() -> ModuleType:
    try:
        return importlib.import_module("threadpoolctl")
    except ImportError:
        raise ImportError("thread counts need threadpoolctl: pip install threadpoolctl, or minirad[lab]") from None
