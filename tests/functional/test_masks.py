"""Comparisons give masks, and & | ^ ~ work on masks and integers as in PyTorch."""

import operator

import numpy as np
import pytest
from helpers import device, host

import minirad as mr

COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


LOGIC = [operator.and_, operator.or_, operator.xor]


@pytest.mark.parametrize("op", COMPARISONS, ids=lambda op: op.__name__)
def test_comparisons_give_masks(op):
    x = mr.tensor([1.0, 2.0, 3.0], requires_grad=True)
    mask = op(x, 2.0)
    assert mask.dtype == "bool"
    assert not mask.requires_grad
    assert host(mask).tolist() == op(np.array([1, 2, 3]), 2).tolist()


@pytest.mark.parametrize("op", LOGIC, ids=lambda op: op.__name__)
@pytest.mark.parametrize("dtype", ["bool", "int64"])
def test_logic_is_bitwise_as_in_pytorch(op, dtype):
    a, b = np.array([0, 1, 0, 1], dtype), np.array([0, 0, 1, 1], dtype)
    a, b = (a, b) if dtype == "bool" else (a + 4, b + 6)
    for ours in (op(mr.tensor(a), mr.tensor(b)), op(device(a), mr.tensor(b)), op(mr.tensor(a), device(b))):
        np.testing.assert_array_equal(host(ours), op(a, b), strict=True)
    np.testing.assert_array_equal(host(~mr.tensor(a)), ~a, strict=True)


def test_logic_needs_masks():
    with pytest.raises(TypeError):
        mr.tensor([1.0]) & mr.tensor([1.0])
    with pytest.raises(TypeError):
        ~mr.tensor([1.0])


@pytest.mark.parametrize("op", COMPARISONS, ids=lambda op: op.__name__)
@pytest.mark.parametrize("number", [2, 0.5, True, np.float64(0.5), np.float32(2), np.int64(3)], ids=repr)
def test_numbers_are_weak(op, number):
    data = np.array([[0.5, 1.25], [3.0, 2.0]], "float32")
    for ours, numpys in (
        (op(mr.tensor(data), number), op(data, number)),
        (op(number, mr.tensor(data)), op(number, data)),
    ):
        np.testing.assert_array_equal(host(ours), numpys, strict=True)


@pytest.mark.parametrize("op", [*COMPARISONS, *LOGIC], ids=lambda op: op.__name__)
def test_different_dtypes_are_refused(op):
    with pytest.raises(TypeError, match=rf"{op.__name__}: operands have different dtypes, float32 and float64"):
        op(mr.ones(2), mr.ones(2, dtype="float64"))
