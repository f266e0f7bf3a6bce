"""What tests on any backend need: arrays to the device and back, and the backend in use for a while."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy

from minirad.backend import backend_name, to_device, to_host, use_backend, xp
from minirad.tensor import Tensor

BACKEND = os.environ.get("MINIRAD_TEST_BACKEND", "numpy")  # what the tests run on: see conftest.py


def host(x: Any) -> numpy.ndarray:
    """A tensor, an array of the backend, or what NumPy makes an array of, as a NumPy array."""
    if isinstance(x, Tensor):
        x = x.data
    return to_host(x) if isinstance(x, xp.ndarray) else numpy.asarray(x)


def device(x: Any, dtype: Any = None) -> Any:
    """A NumPy array, or what NumPy makes one of, as an array of the backend."""
    return to_device(numpy.asarray(x, dtype))


@contextmanager
def backend(name: str) -> Iterator[None]:
    """``with backend("numpy"):`` this backend inside, the one from before afterwards."""
    before = backend_name()
    use_backend(name)
    try:
        yield
    finally:
        use_backend(before)
