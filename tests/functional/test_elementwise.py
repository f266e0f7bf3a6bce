"""Elementwise functions: values, gradients, and PyTorch's choices at kinks and beyond the range."""

import numpy as np
import pytest
from helpers import host
from hypothesis import given
from hypothesis import strategies as st
from ops import SHAPES, Op, check_op, check_torch, compare

import minirad as mr

BOUNDS = st.sampled_from([{"min": -0.5, "max": 0.5}, {"min": 0}, {"max": np.float64(0.5)}, {"min": 0.5, "max": -0.5}])
OPS = [
    Op("exp", mr.exp, np.exp, "exp"),
    Op("log", mr.log, np.log, "log", low=0.1, high=3),
    Op("sqrt", mr.sqrt, np.sqrt, "sqrt", low=0.1, high=3),
    Op("abs", mr.abs, np.abs, "abs"),
    Op("clip", mr.clip, np.clip, "clip", st.tuples(st.tuples(SHAPES), BOUNDS)),
    Op("tanh", mr.tanh, np.tanh, "tanh"),
    Op("sigmoid", mr.sigmoid, lambda x: 1 / (1 + np.exp(-x)), "sigmoid"),
    Op("relu", mr.relu, lambda x: np.maximum(x, 0), "relu"),
]


@pytest.mark.parametrize("op", OPS, ids=str)
@given(data=st.data())
def test_value_and_gradient(op, data):
    check_op(op, *data.draw(op.cases))


@pytest.mark.parity
@pytest.mark.parametrize("op", OPS, ids=str)
@given(data=st.data())
def test_as_in_pytorch(op, data):
    check_torch(op, *data.draw(op.cases))


@pytest.mark.parametrize(
    ("name", "options"), [("relu", {}), ("abs", {}), ("clip", {"min": 0.0}), ("clip", {"max": 0.0})], ids=str
)
def test_kinks_as_in_pytorch(torch, name, options):
    data = [-1.0, -0.0, 0.0, 1.0]
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    compare(getattr(mr, name)(x, **options), getattr(torch, name)(x_torch, **options), [x], [x_torch], 0)


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu", "exp"])
def test_far_out_as_in_pytorch(torch, name):
    data = [-np.inf, -200.0, -100.0, 80.0, np.inf, np.nan]
    with np.errstate(all="ignore"):
        ours = host(getattr(mr, name)(mr.tensor(data)))
    np.testing.assert_allclose(ours, getattr(torch, name)(torch.tensor(data)).numpy(), rtol=1e-6, atol=1e-40)


def test_sigmoid_warns_of_no_overflow():
    x = mr.tensor([-1000.0, 1000.0], requires_grad=True)  # a warning would fail the test
    mr.sigmoid(x).sum().backward()
    assert host(mr.sigmoid(x)).tolist() == [0, 1]


def test_derivatives_at_the_edge_of_the_domain():
    x = mr.tensor([0.0], requires_grad=True)
    with np.errstate(divide="ignore"):
        (mr.log(x) + mr.sqrt(x)).backward()
    assert host(x.grad).tolist() == [np.inf]


@pytest.mark.parametrize("name", ["exp", "log", "sqrt", "tanh", "sigmoid", "gelu"])
def test_integers_have_no_such_function(name):
    with pytest.raises(TypeError, match=rf"{name}: needs float32 or float64, got int64; convert with .float\(\)"):
        getattr(mr, name)(mr.tensor([1, 2]))


def test_integers_stay_integers():
    x = mr.tensor([-2, 3])
    for y, expected in ((mr.abs(x), [2, 3]), (mr.relu(x), [0, 3]), (mr.clip(x, -1, 1), [-1, 1])):
        assert y.dtype == "int64"
        assert host(y).tolist() == expected


def test_clip_refuses():
    x = mr.tensor([1.0])
    with pytest.raises(ValueError, match="clip: give min, max or both"):
        mr.clip(x)
    with pytest.raises(TypeError, match="clip: min and max must be numbers"):
        mr.clip(x, min=mr.tensor([0.0]))
    with pytest.raises(TypeError, match="a number of type float does not fit a tensor of dtype int64"):
        mr.clip(mr.tensor([1]), min=0.5)


def test_methods_are_the_functions():
    x = mr.tensor([0.3, 0.7])
    for name in ("exp", "log", "sqrt", "abs", "tanh", "sigmoid", "relu"):
        np.testing.assert_array_equal(host(getattr(x, name)()), host(getattr(mr, name)(x)))
    assert host(x.clip(0.5)).tolist() == host(mr.clip(x, min=0.5)).tolist()
    assert host(abs(-x)).tolist() == host(x).tolist()
