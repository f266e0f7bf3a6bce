"""The array module: NumPy, or CuPy when asked.

Every other module writes ``from minirad.backend import xp`` and then ``xp.exp``, ``xp.zeros`` and so on. ``xp`` is a
stand-in that hands on to whichever array module is in use, so no module ever binds NumPy or CuPy itself.

Random numbers are always drawn on the host, from named streams. The same seed gives the same draws on every backend,
and a change in one stream (more dropout, say) leaves the others (the initial weights, the order of the data) alone.
"""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

import numpy

Array = Any  # numpy.ndarray or cupy.ndarray

STREAMS = ("init", "dropout", "shuffle", "noise")

_module: ModuleType | None = None
_streams: dict[str, numpy.random.Generator] = {}


class _ArrayModule:
    """Stands for the array module in use."""

    def __getattr__(self, name: str) -> Any:
        # Python calls this once per name and backend: the answer is kept as an ordinary attribute.
        if _module is None:
            use_backend(os.environ.get("MINIRAD_BACKEND", "numpy"))
        value = getattr(_module, name)
        vars(self)[name] = value
        return value


xp: Any = _ArrayModule()


def use_backend(name: str) -> None:
    """Choose the array module: ``"numpy"`` or ``"cupy"``. Call it before making tensors.

    Without a call, the environment variable MINIRAD_BACKEND decides at the first use, and NumPy is the default.

    Raises:
        ValueError: the name is neither of the two.
        ImportError: CuPy is not installed. RuntimeError: it is, but finds no GPU. The message says what to do.
    """
    global _module
    if name not in ("numpy", "cupy"):
        raise ValueError(f"use_backend: name must be 'numpy' or 'cupy', got {name!r}")
    _module = numpy if name == "numpy" else _import_cupy()
    vars(xp).clear()


def backend_name() -> str:
    """``"numpy"`` or ``"cupy"``: the backend in use."""
    return "numpy" if xp.ndarray is numpy.ndarray else "cupy"


def _import_cupy() -> ModuleType:
    try:
        cupy = importlib.import_module("cupy")
    except ModuleNotFoundError:
        raise ImportError(
            "CuPy is not installed: pip install cupy-cuda13x (cupy-cuda12x for CUDA 12), or use the backend 'numpy'"
        ) from None
    if not cupy.is_available():
        raise RuntimeError("CuPy finds no GPU: install NVIDIA's driver for it, or use the backend 'numpy'")
    return cupy


def to_host(array: Array) -> numpy.ndarray:
    """The array as a NumPy array. Copies only if it lies on another device."""
    return array if isinstance(array, numpy.ndarray) else xp.asnumpy(array)


def to_device(array: Any) -> Array:
    """A NumPy array (or what NumPy makes one of) as an array of the backend. Copies only if it must."""
    return xp.asarray(array)


def array_text(array: Array, prefix: str) -> str:
    """The array as NumPy prints it, its lines aligned behind the prefix."""
    return prefix + numpy.array2string(to_host(array), separator=", ", prefix=prefix)


def manual_seed(n: int) -> None:
    """Start every stream anew from the seed n >= 0. Until it is called, the seed is 0."""
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        raise ValueError(f"manual_seed: n must be an integer >= 0, got {n!r}")
    for index, name in enumerate(STREAMS):
        _streams[name] = numpy.random.default_rng([n, index])


def stream(name: str) -> numpy.random.Generator:
    """The named stream of random numbers: one of init, dropout, shuffle, noise. Always on the host."""
    if name not in STREAMS:
        raise ValueError(f"stream: name must be one of {', '.join(STREAMS)}, got {name!r}")
    if not _streams:
        manual_seed(0)
    return _streams[name]
