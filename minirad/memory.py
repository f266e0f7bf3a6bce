"""Memory for large arrays that are made anew in every step: what nobody uses any more is used again.

The C library gives large arrays back to the system when they are freed. To get the memory again next step, the system
fills it with zeros, page by page: a fifth of the time of a training step of ResNet-20.

What was used once stays with the process: after a training, the memory of its last step is still held. It is given back
only when a large array is asked for whose size is not among what is free. Then all that is free goes. So sizes that
change from step to step, as with sentences of varying lengths, find little to use again, and cost about what they would
without this; but free memory of old sizes does not pile up.
"""

from __future__ import annotations

import os
from functools import lru_cache
from math import prod
from sys import getrefcount
from threading import Lock
from typing import Any

from minirad.backend import Array, backend_name, xp

LARGE = 1 << 18  # bytes
IDLE = getrefcount([object()][0]) + 1  # who refers to a block that is free: the list, and getrefcount's argument

_blocks: dict[int, list[Array]] = {}  # by size: all memory that was handed out, as bytes
_lock = Lock()


def _after_fork() -> None:
    """Whoever held the lock is not in the forked process."""
    global _lock
    _lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@lru_cache
def _teach() -> None:
    """Let glibc keep 60 MB of freed memory, for arrays that are smaller than ours or made by NumPy itself.

    It learns from what is freed, up to 32 MB, and keeps twice as much. A training step of a Transformer had 10,000 page
    faults before, and took a third longer.
    """
    xp.empty(30 << 20, "uint8")


def empty(shape: tuple[int, ...], dtype: Any) -> Array:
    """An array of this shape with anything in it, for someone who fills it.

    Its memory is free again when the array and all views of it are gone. (CuPy has such a pool of its own.)
    """
    _teach()
    size = prod(shape) * xp.dtype(dtype).itemsize
    if size < LARGE or backend_name() == "cupy":
        return xp.empty(shape, dtype)
    with _lock:
        same = _blocks.setdefault(size, [])
        for i in range(len(same)):
            if getrefcount(same[i]) == IDLE:
                return same[i].view(dtype).reshape(shape)
        for blocks in _blocks.values():  # what is free has other sizes, those of an evaluation, say, and goes
            blocks[:] = [blocks[i] for i in range(len(blocks)) if getrefcount(blocks[i]) > IDLE]
        same.append(xp.empty(size, "uint8"))
        return same[-1].view(dtype).reshape(shape)
