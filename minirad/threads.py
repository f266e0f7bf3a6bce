"""How many threads the linear algebra uses."""

from __future__ import annotations

import importlib
from types import ModuleType


def set_num_threads(n: int) -> None:
    """Let the linear algebra use n threads. Results are bit-identical only at one thread count."""
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"set_num_threads: n must be an integer >= 1, got {n!r}")
    _threadpoolctl().threadpool_limits(limits=n, user_api="blas")


def get_num_threads() -> int | None:
    """How many threads the linear algebra may use; None where that can't be told (Apple's Accelerate)."""
    pools = _threadpoolctl().threadpool_info()
    return max((pool["num_threads"] for pool in pools if pool["user_api"] == "blas"), default=None)


def _threadpoolctl() -> ModuleType:
    try:
        return importlib.import_module("threadpoolctl")
    except ImportError:
        raise ImportError("thread counts need threadpoolctl: pip install threadpoolctl, or minirad[lab]") from None
