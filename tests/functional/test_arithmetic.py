"""Operators: broadcasting, powers, matrix products, and which dtypes go together."""

import operator

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from helpers import device, host
from hypothesis import given
from hypothesis import strategies as st
from ops import SHAPES, Op, broadcastable, check_op, check_torch, compare

import minirad as mr

TWO = broadcastable(2)
MATRICES = hnp.mutually_broadcastable_shapes(
    signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, min_side=0, max_side=3
).map(lambda found: (found.input_shapes, {}))
EXPONENTS = st.sampled_from([3, 2, 1, 0, -1, -2, 0.5, 1.5, np.float64(2.5), np.float32(2), np.int64(2), True])


def power(x, exponent):
    return x**exponent


OPS = [
    Op("add", operator.add, operator.add, "add", TWO),
    Op("sub", operator.sub, operator.sub, "sub", TWO),
    Op("mul", operator.mul, operator.mul, "mul", TWO),
    Op("div", operator.truediv, operator.truediv, "div", TWO, low=0.5),
    Op("neg", operator.neg, operator.neg, "neg"),
    Op("pow", operator.pow, operator.pow, "pow", TWO, low=0.3),
    Op(
        "pow of a number",
        power,
        lambda x, exponent: x ** float(exponent),
        lambda x, exponent: x ** float(exponent),
        st.tuples(st.tuples(SHAPES), st.fixed_dictionaries({"exponent": EXPONENTS})),
        low=0.3,
    ),
    Op("number to the power", lambda x: 1.5**x, lambda x: 1.5**x, lambda x: 1.5**x),
    Op("matmul", operator.matmul, operator.matmul, "matmul", MATRICES),
]
ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("op", OPS, ids=str)
@given(data=st.data())
def test_value_and_gradient(op, data):
    check_op(op, *data.draw(op.cases))


@pytest.mark.parity
@pytest.mark.parametrize("op", OPS, ids=str)
@given(data=st.data())
def test_as_in_pytorch(op, data):
    check_torch(op, *data.draw(op.cases))


# ---- what goes together


@pytest.mark.parametrize("op", ARITHMETIC, ids=lambda op: op.__name__)
@pytest.mark.parametrize("number", [2, 0.5, True, np.float64(0.5), np.float32(2), np.int64(3)], ids=repr)
def test_numbers_are_weak(op, number):
    data = np.array([[0.5, 1.25], [3.0, 2.0]], "float32")
    x = mr.tensor(data)
    for ours, numpys in ((op(x, number), op(data, float(number))), (op(number, x), op(float(number), data))):
        assert ours.dtype == numpys.dtype
        np.testing.assert_allclose(host(ours), numpys, rtol=1e-6)


@pytest.mark.parametrize("op", ARITHMETIC, ids=lambda op: op.__name__)
def test_arrays_on_either_side(op):
    data = np.array([[0.5, 1.25], [3.0, 2.0]])
    x, array = mr.tensor(data, requires_grad=True), device(data.T)
    for ours, numpys in ((op(x, array), op(data, data.T)), (op(array, x), op(data.T, data))):
        assert isinstance(ours, mr.Tensor)
        np.testing.assert_allclose(host(ours), numpys, rtol=1e-15)
        ours.sum().backward()


def test_matmul_with_arrays_on_either_side():
    data = np.array([[0.5, 1.25], [3.0, 2.0]])
    x, array = mr.tensor(data), device(data.T)
    np.testing.assert_allclose(host(x @ array), data @ data.T)
    np.testing.assert_allclose(host(array @ x), data.T @ data)


def test_lists_are_taken_too():
    assert host(mr.tensor([1.0, 2.0]) + [3.0, 4.0]).tolist() == [4, 6]
    assert host([3.0, 4.0] - mr.tensor([1.0, 2.0])).tolist() == [2, 2]


def test_builtin_sum_and_max():
    numbers = [mr.tensor(2.0), mr.tensor(3.0)]
    assert sum(numbers).item() == 5
    assert max(numbers).item() == 3


@pytest.mark.parametrize("op", [*ARITHMETIC, operator.matmul, mr.maximum], ids=lambda op: op.__name__)
def test_different_dtypes_are_refused(op):
    single, double, integer = mr.ones(2, 2), mr.ones(2, 2, dtype="float64"), mr.tensor([[1, 2], [3, 4]])
    for a, b in ((single, double), (double, single), (integer, single), (single, host(double)), (single > 0, single)):
        if isinstance(b, np.ndarray):
            b = device(b)
        with pytest.raises(TypeError, match=rf"operands have different dtypes, {a.dtype} and {b.dtype}"):
            op(a, b)


@pytest.mark.parametrize("number", [0.5, np.float32(1), 1j])
def test_numbers_that_do_not_fit_integers(number):
    with pytest.raises(TypeError, match=rf"a number of type {type(number).__name__} does not fit .* dtype int64"):
        mr.tensor([1, 2]) * number


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool"])
def test_numbers_of_other_integer_types_are_weak_too(dtype):
    x = mr.tensor(np.array([1, 2])) + np.array([1], dtype)[0]
    assert (host(x).tolist(), x.dtype) == ([2, 3], "int64")


@pytest.mark.parametrize("other", [None, "1", object()], ids=repr)
def test_no_number_at_all(other):
    with pytest.raises((TypeError, ValueError), match="dtype"):
        mr.tensor([1.0]) + other


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8", "bool"])
def test_quotients_of_integers_are_float32(torch, dtype):
    a, b = np.array([1, 3, 0], dtype), np.array([1, 2, 1], dtype) if dtype != "bool" else np.ones(3, bool)
    ours, theirs = mr.tensor(a) / mr.tensor(b), torch.tensor(a) / torch.tensor(b)
    np.testing.assert_allclose(host(ours), theirs.numpy(), strict=True)
    assert ((mr.tensor(a) == mr.tensor(b)).sum() / 3).dtype == "float32"


@pytest.mark.parametrize("shapes", [((2, 3), (3, 2)), ((3,), (4,)), ((2, 1, 3), (2, 2))], ids=str)
def test_shapes_that_do_not_broadcast(shapes):
    with pytest.raises(ValueError, match="broadcast"):
        mr.ones(shapes[0]) + mr.ones(shapes[1])


@pytest.mark.parametrize(
    "shapes", [((2, 3), (2, 3)), ((3,), (4,)), ((), (3,)), ((3,), ()), ((2, 3), (4, 2, 5))], ids=str
)
def test_matmul_refuses_shapes_that_do_not_fit(shapes):
    a, b = (str(shape).replace("(", r"\(").replace(")", r"\)") for shape in shapes)
    with pytest.raises(ValueError, match=f"matmul: the shapes {a} and {b} do not fit"):
        mr.ones(shapes[0]) @ mr.ones(shapes[1])


# ---- PyTorch's choices


@pytest.mark.parametrize("exponent", [0, 1, 2, 3.0])
def test_powers_of_zero(torch, exponent):
    x, x_torch = mr.tensor([0.0, -2.0], requires_grad=True), torch.tensor([0.0, -2.0], requires_grad=True)
    compare(x**exponent, x_torch**exponent, [x], [x_torch], 0)


def test_zero_to_a_tensor(torch):
    bases, exponents = [0.0, 0.0, 0.0, 2.0], [0.0, 1.0, 2.0, 0.0]
    ours = [mr.tensor(part, requires_grad=True) for part in (bases, exponents)]
    theirs = [torch.tensor(part, requires_grad=True) for part in (bases, exponents)]
    compare(ours[0] ** ours[1], theirs[0] ** theirs[1], ours, theirs, 1e-6)


# ---- casts


def test_casts_carry_the_gradient_back():
    x = mr.tensor([1.5, 2.5], requires_grad=True)
    y = x.double() * mr.tensor([2.0, 3.0], dtype="float64")
    assert y.dtype == "float64"
    (y.float() * x).sum().backward()
    assert x.grad.dtype == "float32"
    np.testing.assert_allclose(host(x.grad), [2 * 2 * 1.5, 2 * 3 * 2.5])


def test_casts_to_integers_have_no_gradient():
    x = mr.tensor([1.5, -2.5], requires_grad=True)
    y = mr.cast(x, "int64")
    assert not y.requires_grad
    assert host(y).tolist() == [1, -2]
    assert host(y.float()).dtype == "float32"
    with pytest.raises(TypeError, match="dtype must be float32, float64, bool or an integer type, got float16"):
        mr.cast(x, "float16")
