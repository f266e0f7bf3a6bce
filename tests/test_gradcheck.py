"""gradcheck finds what is wrong, says where, and leaves everything as it was."""

from contextlib import suppress

import numpy as np
import pytest
from helpers import device, host

import minirad as mr
from minirad.tensor import Tensor


def wrong_square(x, factor=3.0):
    return Tensor(x.data * x.data, (x,), lambda g: (factor * x.data * g,))


@pytest.fixture
def x():
    return mr.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], dtype="float64", requires_grad=True)


def test_right_gradients_pass(x):
    assert mr.gradcheck(lambda x: (x * x).sum(), x) is True
    assert mr.gradcheck(lambda x, y: mr.softmax(x @ y, 1), [x, mr.randn(3, 4, dtype="float64", requires_grad=True)])
    assert mr.gradcheck(lambda x: x.max(1), x)  # a tuple; the indices have no gradient
    assert mr.gradcheck(lambda x: (x.exp(), x.sum()), x)
    assert mr.gradcheck(lambda x: mr.tensor(1.0, dtype="float64") + x[0, 0] * 2, x)


def test_a_wrong_one_is_named(x):
    with mr.no_grad():
        x[0, 1] = 1000.0  # 3 x in place of 2 x is most wrong here
    with pytest.raises(
        AssertionError, match=r"gradcheck: input 1, element \(0, 1\): backward\(\) gives .*, central diff"
    ):
        mr.gradcheck(lambda y, x: y.sum() + wrong_square(x), [mr.tensor([1.0], dtype="float64"), x])


@pytest.mark.parametrize("factor", [0.0, 1.999, 2.001, -2.0, np.nan, np.inf])
def test_any_wrong_factor_is_found(x, factor):
    with pytest.raises(AssertionError, match="gradcheck: input 0, element"), np.errstate(invalid="ignore"):
        mr.gradcheck(lambda x: wrong_square(x, factor), x)


def test_one_wrong_element_is_found(x):
    def one_wrong(x):
        def vjp(g):
            g = g.copy()
            g[1, 0] *= 1.001
            return (g,)

        return Tensor(x.data.copy(), (x,), vjp)

    with pytest.raises(AssertionError, match=r"element \(1, 0\)"):
        mr.gradcheck(one_wrong, x)


def test_a_gradient_that_is_missing_is_found(x):
    with pytest.raises(AssertionError, match=r"backward\(\) gives 0.0"):
        mr.gradcheck(lambda x, y: x.detach() * y, [x, mr.ones(2, 3, dtype="float64", requires_grad=True)])


def test_a_wrong_softmax_that_ones_would_miss(x):
    """Any multiple of the right gradient is 0 for the cotangent 1."""

    def wrong(x):
        s = mr.softmax(x.detach(), 1).data
        return Tensor(s, (x,), lambda g: (2 * s * (g - (g * s).sum(axis=1, keepdims=True)),))

    wrong(x).sum().backward()
    np.testing.assert_allclose(host(x.grad), 0, atol=1e-15)
    with pytest.raises(AssertionError, match="gradcheck: input 0"):
        mr.gradcheck(wrong, x)


@pytest.mark.parametrize("fn", [mr.exp, wrong_square])
def test_data_and_gradients_come_back(x, fn):
    optimizer = mr.optim.SGD([x], lr=0.1)  # its vector is where gradients are summed up
    (x * 2).sum().backward()
    data, grad = host(x).copy(), host(x.grad).copy()
    with suppress(AssertionError):
        mr.gradcheck(fn, x)
    np.testing.assert_array_equal(host(x), data)
    np.testing.assert_array_equal(host(x.grad), grad)
    optimizer.step()
    np.testing.assert_allclose(host(x), data - 0.2)


def test_data_come_back_after_an_error(x):
    data = host(x).copy()
    calls = []

    def fails_later(x):
        calls.append(1)
        if len(calls) == 4:
            raise KeyError
        return x.exp()

    with pytest.raises(KeyError):
        mr.gradcheck(fails_later, x)
    np.testing.assert_array_equal(host(x), data)


def test_a_generator_of_its_own(x):
    mr.manual_seed(1)
    expected = host(mr.randn(3))
    mr.manual_seed(1)
    mr.gradcheck(lambda x: x.exp(), x, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(host(mr.randn(3)), expected)


def test_inputs_refused():
    with pytest.raises(TypeError, match=r"gradcheck: input 1 must be float64 .*, got float32"):
        mr.gradcheck(lambda x, y: x + y.double(), [mr.ones(1, dtype="float64"), mr.ones(1, requires_grad=True)])
    with pytest.raises(ValueError, match="gradcheck: no input requires a gradient"):
        mr.gradcheck(lambda x: x, mr.ones(1, dtype="float64"))


def test_other_inputs_are_handed_on():
    x = mr.ones(2, dtype="float64", requires_grad=True)
    assert mr.gradcheck(lambda x, n, flag: x**n if flag else x, [x, 3, True])


def test_central_differences_have_the_stated_step(x):
    """With a step of 0.1, the cubic's third derivative shows: (x+h)^3 - (x-h)^3 = 2h (3 x^2 + h^2)."""
    with pytest.raises(AssertionError):
        mr.gradcheck(lambda x: x**3, x, eps=0.1)
    assert mr.gradcheck(lambda x: x**3, x, eps=0.1, atol=0.011 * 4)
    assert mr.gradcheck(lambda x: x**2, x, eps=0.1)


def test_arrays_of_the_backend_are_left_alone(x):
    array = x.data
    mr.gradcheck(lambda x: x * x, x)
    assert x.data is array
    assert type(array) is type(device([1.0]))
