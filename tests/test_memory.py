"""The pool of large arrays: memory comes back when nobody looks at it any more, and not before."""

import gc

import numpy as np
import pytest
from helpers import BACKEND

from minirad import memory
from minirad.memory import LARGE, empty

pytestmark = pytest.mark.skipif(BACKEND != "numpy", reason="CuPy has a pool of its own")


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """A pool of our own."""
    monkeypatch.setattr(memory, "_blocks", {})


def blocks():
    return [block for same in memory._blocks.values() for block in same]


def place(array):
    return array.__array_interface__["data"][0]


N = LARGE // 4  # this many float32 are large


def test_what_is_free_is_used_again():
    a = empty((N,), "float32")
    where = place(a)
    del a
    b = empty((2, N // 2), "float32")
    assert place(b) == where
    assert (b.shape, b.dtype) == ((2, N // 2), "float32")
    assert b.flags.c_contiguous
    assert b.flags.writeable
    del b
    assert place(empty((N // 2,), "float64")) == where  # of any dtype


@pytest.mark.parametrize(
    "view",
    [lambda a: a, lambda a: a[3:5], lambda a: a.reshape(2, -1).T, memoryview],
    ids=["itself", "slice", "transposed", "memoryview"],
)
def test_what_somebody_looks_at_is_not(view):
    a = empty((N,), "float32")
    a[:] = 7
    kept, where = view(a), place(a)
    del a
    b = empty((N,), "float32")
    b[:] = 0
    assert place(b) != where
    assert (np.asarray(kept) == 7).all()
    del kept
    assert place(empty((N,), "float32")) == where


def test_many_at_once_share_nothing():
    arrays = [empty((N,), "float32") for _ in range(5)]
    for i, array in enumerate(arrays):
        array[:] = i
    assert [array.min() for array in arrays] == [array.max() for array in arrays] == [0, 1, 2, 3, 4]
    assert len(blocks()) == 5


def test_free_memory_of_another_size_goes():
    """After an evaluation with larger batches, say."""
    gc.disable()
    try:
        large = [empty((3 * N,), "float32") for _ in range(4)]
        kept = large.pop()
        del large
        empty((N,), "float32")
        assert sorted(block.size for block in blocks()) == [4 * N, 12 * N]
        assert kept.size == 3 * N
    finally:
        gc.enable()


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (10, 10)])
def test_small_arrays_are_not_kept(shape):
    assert empty(shape, "float32").shape == shape
    assert blocks() == []
