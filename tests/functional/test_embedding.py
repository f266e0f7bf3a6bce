"""The lookup of rows: values, gradients by central differences and as PyTorch's, and what is refused."""

from typing import Any

import numpy as np
import pytest
from helpers import backend, host
from hypothesis import given
from hypothesis import strategies as st
from ops import Op, check_op, check_torch

import minirad as mr
import minirad.nn.functional as F
from minirad.functional.embedding import sums_by_id


@st.composite
def looked_up(draw):
    """A table, and ids of any shape, with repeats; perhaps a row for padding, counted from either end."""
    size, features = draw(st.integers(1, 5)), draw(st.integers(0, 3))
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    n = int(np.prod(shape))
    ids = draw(st.lists(st.integers(0, size - 1), min_size=n, max_size=n))
    padding = draw(st.none() | st.integers(-size, size - 1))
    return ((size, features),), {"ids": np.array(ids, int).reshape(shape), "padding_idx": padding}


def embedding(weight, ids, padding_idx):
    return F.embedding(mr.tensor(ids), weight, padding_idx)


def torch_embedding(weight, ids, padding_idx):
    import torch

    return torch.nn.functional.embedding(torch.tensor(ids), weight, padding_idx)


EMBEDDING = Op("embedding", embedding, lambda weight, ids, padding_idx: weight[ids], torch_embedding, looked_up())


@given(EMBEDDING.cases)
def test_value_and_gradient(case):
    shapes, options = case
    check_op(EMBEDDING, shapes, options | {"padding_idx": None})  # a row that gets no gradient has one


@pytest.mark.parity
@given(EMBEDDING.cases)
def test_as_in_pytorch(case):
    check_torch(EMBEDDING, *case)


@given(EMBEDDING.cases)
def test_it_is_what_it_replaces(case):
    """An index, but for the padding."""
    shapes, options = case
    results = []
    for function in (embedding, lambda weight, ids, padding_idx: weight[mr.tensor(ids)]):
        weight = mr.tensor(*EMBEDDING.arrays(shapes), requires_grad=True)
        y = function(weight, **options)
        (y * y).sum().backward()
        results.append((host(y), host(weight.grad).copy()))
    (fused, g), (written_out, g_plain) = results
    if options["padding_idx"] is not None:
        g_plain[options["padding_idx"]] = 0
    np.testing.assert_array_equal(fused, written_out, strict=True)
    np.testing.assert_allclose(g, g_plain, rtol=1e-12, atol=1e-12, strict=True)


def test_repeated_ids_sum_their_gradients():
    weight = mr.tensor(np.zeros((4, 2)), requires_grad=True)
    y = F.embedding([[1, 1], [3, 1]], weight)
    y.backward(mr.tensor(np.arange(8.0).reshape(2, 2, 2)))
    assert host(weight.grad).tolist() == [[0, 0], [0 + 2 + 6, 1 + 3 + 7], [0, 0], [4, 5]]


def test_the_padding_is_read_but_never_moved():
    for padding in (1, -2):
        weight = mr.tensor([[1.0], [2.0], [3.0]], requires_grad=True)
        y = F.embedding([0, 1, 1, 2], weight, padding)
        assert host(y).tolist() == [[1], [2], [2], [3]]
        y.sum().backward()
        assert host(weight.grad).tolist() == [[1], [0], [1]]


def test_both_ways_of_summing_agree():
    """NumPy's sorted sums, and the scattered ones that a GPU does."""
    rng = np.random.default_rng(0)
    ids, rows = rng.integers(0, 50, 1000), rng.standard_normal((1000, 7))
    expected = np.zeros((60, 7))
    np.add.at(expected, ids, rows)
    with backend("numpy"):
        for array in (rows, rows.T.copy().T, rows[::-1][::-1]):
            np.testing.assert_allclose(sums_by_id(ids, array, 60), expected, rtol=1e-10, atol=1e-12)
            np.testing.assert_array_equal(sums_by_id(ids, array, 60), sums_by_id(ids, array, 60))
        assert not sums_by_id(ids[:0], rows[:0], 60).any()


def test_memory_that_is_used_again_starts_at_0():
    """A large gradient lies in memory of an earlier step."""
    weight = mr.tensor(np.zeros((2000, 100), "float32"), requires_grad=True)
    for i in (0, 1, 2):
        F.embedding([i], weight).sum().backward()
        assert host(weight.grad).sum(1).tolist() == [100 * (j == i) for j in range(2000)]
        weight.grad = None


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "int64", "uint64"])
def test_ids_of_any_integer_type(dtype):
    weight = mr.randn(200, 2)
    weight.requires_grad = True
    y = F.embedding(mr.tensor(np.array([0, 199, 199], dtype)), weight)
    np.testing.assert_array_equal(host(y), host(weight)[[0, 199, 199]])
    y.sum().backward()
    assert host(weight.grad).sum(1).nonzero()[0].tolist() == [0, 199]


def test_a_write_to_the_ids_is_noticed():
    ids, weight = mr.tensor([0, 1]), mr.ones(3, 2, requires_grad=True)
    y = F.embedding(ids, weight).sum()
    ids.copy_([2, 2])
    with pytest.raises(RuntimeError, match="backward: embedding used data of shape"):
        y.backward()


@pytest.mark.parametrize(
    ("ids", "shape", "padding", "message"),
    [
        ([0, 3], (3, 2), None, r"embedding: ids must be 0 .. 2, got 0 .. 3"),
        ([[-1]], (3, 2), None, r"embedding: ids must be 0 .. 2, got -1 .. -1"),
        ([0], (0, 2), None, r"embedding: ids must be 0 .. -1, got 0 .. 0"),
        ([0], (3,), None, r"embedding: weight must be \(vocabulary, features\), got shape \(3,\)"),
        ([0], (3, 2, 1), None, r"embedding: weight must be \(vocabulary, features\), got shape \(3, 2, 1\)"),
        ([0], (3, 2), 3, r"embedding: padding_idx must be an integer -3 .. 2, got 3"),
        ([0], (3, 2), -4, r"embedding: padding_idx must be an integer -3 .. 2, got -4"),
        ([0], (3, 2), 1.0, r"embedding: padding_idx must be an integer -3 .. 2, got 1.0"),
    ],
)
def test_embedding_refuses(ids, shape, padding, message):
    with pytest.raises(ValueError, match=message):
        F.embedding(ids, mr.ones(shape), padding)


def test_types_refused():
    for ids, name in (([0.5], "float32"), ([], "float32"), ([True], "bool")):
        with pytest.raises(TypeError, match=f"embedding: ids must be integers, got {name}"):
            F.embedding(ids, mr.ones(3, 2))
    whole: Any = mr.tensor([[1, 2]])
    with pytest.raises(TypeError, match="embedding: needs float32 or float64, got int64"):
        F.embedding([0], whole)
