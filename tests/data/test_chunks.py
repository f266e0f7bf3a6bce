import numpy as np
import pytest
from helpers import device, host
from hypothesis import given
from hypothesis import strategies as st

import minirad as mr
from minirad.backend import stream, xp
from minirad.data import Chunks


@given(
    batch_size=st.integers(1, 7),
    steps=st.integers(1, 9),
    extra=st.integers(1, 60),
    dtype=st.sampled_from([np.int64, np.int32, np.uint8]),
)
def test_rows_go_on_from_chunk_to_chunk(batch_size, steps, extra, dtype):
    ids = np.arange(batch_size + extra, dtype=dtype)
    chunks = Chunks(ids, batch_size, steps)
    for _ in range(2):
        seen = [(host(x), host(y)) for x, y in chunks]
        assert len(seen) == len(chunks)
        assert all(x.shape == y.shape == (batch_size, steps) for x, y in seen[:-1])
        assert seen[-1][0].shape == seen[-1][1].shape
        assert 1 <= seen[-1][0].shape[1] <= steps
        x, y = (np.concatenate(parts, axis=1) for parts in zip(*seen, strict=True))
        # One row after the other is the text again, but for fewer tokens than there are rows.
        length = (len(ids) - 1) // batch_size
        assert x.shape == (batch_size, length)
        assert x.ravel().tolist() == list(range(batch_size * length))
        assert y.ravel().tolist() == list(range(1, batch_size * length + 1))
        assert len(ids) - y.size <= batch_size
        assert x.dtype == y.dtype == np.int64


def test_example():
    ((x, y), (last_x, last_y)) = Chunks([5, 6, 7, 8, 9, 10, 11, 12], batch_size=2, steps=2)
    assert host(x).tolist() == [[5, 6], [8, 9]]
    assert host(y).tolist() == [[6, 7], [9, 10]]
    assert host(last_x).tolist() == [[7], [10]]
    assert host(last_y).tolist() == [[8], [11]]


def test_arrays_of_the_backend_and_no_random_numbers():
    before = stream("shuffle").bit_generator.state
    for ids in (list(range(30)), np.arange(30), device(np.arange(30)), mr.tensor(np.arange(30))):
        assert host(Chunks(ids, 3, 4).input).ravel().tolist() == list(range(27))
        for x, y in Chunks(ids, 3, 4):
            assert type(x) is type(y) is xp.ndarray
    assert stream("shuffle").bit_generator.state == before


def test_the_text_is_not_held():
    ids = np.arange(9)
    chunks = Chunks(ids, 2, 2)
    ids[:] = 0
    assert host(chunks.input).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"steps": -3}, ValueError, "steps must be at least 1, got -3"),
        ({"batch_size": 2.0}, TypeError, "batch_size must be an integer, got 2.0"),
        ({"steps": True}, TypeError, "steps must be an integer, got True"),
        ({"ids": [1.0, 2.0, 3.0]}, TypeError, "ids must hold integers, got float64"),
        ({"ids": mr.ones(5)}, TypeError, "ids must hold integers, got float32"),
        ({"ids": [True] * 5}, TypeError, "ids must hold integers, got bool"),
        ({"ids": [1, 2]}, ValueError, r"ids must be \(n,\) with n > batch_size=2: .*, got shape \(2,\)"),
        ({"ids": [[1, 2]] * 3}, ValueError, r"ids must be \(n,\) with n > batch_size=2: .*, got shape \(3, 2\)"),
        ({"ids": np.int64(3)}, ValueError, r"ids must be \(n,\) with n > batch_size=2: .*, got shape \(\)"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=f"^Chunks: {message}$"):
        Chunks(**{"ids": range(9), "batch_size": 2, "steps": 2, **arguments})
