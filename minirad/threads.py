"""How many threads compute: the linear algebra's own, and ours for what NumPy does on one core only."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from types import ModuleType
from typing import Any, TypeVar

from minirad.backend import backend_name

Result = TypeVar("Result")

_count: int | None = None  # None until someone sets or asks for it


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


def in_parallel(work: Callable[[int, int], Result], n: int) -> list[Result]:
    """[work(start, stop), ...] for stretches of 0 ... n - 1, one for each thread, in their order.

    NumPy copies and adds on one core. It lets go of Python's lock while it does so, so threads can share the work, each
    with a linear algebra of one thread. The stretches depend on the number of threads alone: the same bits each time.
    """
    global _count
    if backend_name() == "cupy" or n < 2:
        return [work(0, n)]
    if _count is None:
        try:
            _count = get_num_threads() or 1
        except ImportError:  # without threadpoolctl the linear algebra could not be told to use one thread
            _count = 1
    threads = min(_count, n)
    if threads == 1:
        return [work(0, n)]
    edges = [n * i // threads for i in range(threads + 1)]
    with _one_thread_each():
        others = [_pool(_count).submit(work, *edges[i : i + 2]) for i in range(1, threads)]
        first = work(edges[0], edges[1])
        return [first, *(other.result() for other in others)]


@lru_cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="minirad")


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """The linear algebra on one thread inside; called from several threads, it would otherwise wait for itself."""
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
