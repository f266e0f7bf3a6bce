"""Initial values: bounds, spread, the stream that they come from."""

from copy import deepcopy
from math import sqrt

import numpy as np
import pytest
from helpers import host

import minirad as mr
from minirad.nn import Parameter, init


def test_uniform():
    x = init.uniform_(mr.zeros(200, 500), -2, 3)
    values = host(x)
    assert values.min() >= -2
    assert values.max() <= 3
    assert abs(values.mean() - 0.5) < 0.03
    assert abs(values.std() - 5 / sqrt(12)) < 0.02


@pytest.mark.parametrize("a", [0.0, 1.0, sqrt(5)])
def test_kaiming_uniform(a):
    weight = Parameter(mr.zeros(200, 50, 2))
    assert init.kaiming_uniform_(weight, a) is weight
    bound = sqrt(6 / ((1 + a**2) * 100))
    assert weight.requires_grad
    assert 0.99 * bound < np.abs(host(weight)).max() <= np.float32(bound)
    assert abs(host(weight).std() - bound / sqrt(3)) < 0.02 * bound


@pytest.mark.parametrize("a", [0, sqrt(5)])
def test_kaiming_uniform_spreads_as_in_pytorch(torch, a):
    ours, theirs = (
        init.kaiming_uniform_(mr.zeros(300, 100), a),
        torch.nn.init.kaiming_uniform_(torch.zeros(300, 100), a),
    )
    assert abs(host(ours).std() / theirs.std().item() - 1) < 0.02
    assert abs(np.abs(host(ours)).max() / theirs.abs().max().item() - 1) < 0.01


def test_normal():
    values = host(init.normal_(mr.zeros(200, 500), -2, 3))
    assert abs(values.mean() + 2) < 0.05
    assert abs(values.std() - 3) < 0.03
    assert 9 < np.abs(values + 2).max() < 20  # tails, other than a uniform


def test_constants():
    weight = Parameter(mr.ones(2, 3))
    for fill, value in ((lambda x: init.constant_(x, 0.5), 0.5), (init.zeros_, 0), (init.ones_, 1)):
        assert fill(weight) is weight
        assert (host(weight) == value).all()
        assert (weight.dtype, weight.requires_grad, weight.vjp) == ("float32", True, None)


# A convolution's weight: an output sums 50 x 3 x 2 inputs, an input goes to 80 x 3 x 2 outputs.
SHAPE, FAN_IN, FAN_OUT = (80, 50, 3, 2), 300, 480
LEAKY = sqrt(2 / (1 + 0.5**2))
DRAWS = [  # the function, its options, the standard deviation
    (init.kaiming_uniform_, {}, sqrt(2 / FAN_IN)),
    (init.kaiming_uniform_, {"mode": "fan_out", "nonlinearity": "relu"}, sqrt(2 / FAN_OUT)),
    (init.kaiming_uniform_, {"a": 0.5, "mode": "fan_out"}, LEAKY / sqrt(FAN_OUT)),
    (init.kaiming_normal_, {}, sqrt(2 / FAN_IN)),
    (init.kaiming_normal_, {"mode": "fan_out", "nonlinearity": "relu"}, sqrt(2 / FAN_OUT)),
    (init.kaiming_normal_, {"a": 0.5}, LEAKY / sqrt(FAN_IN)),
    (init.kaiming_normal_, {"a": 0.5, "nonlinearity": "relu"}, sqrt(2 / FAN_IN)),  # a is leaky_relu's alone
    (init.kaiming_normal_, {"nonlinearity": "linear"}, 1 / sqrt(FAN_IN)),
    (init.kaiming_normal_, {"nonlinearity": "sigmoid"}, 1 / sqrt(FAN_IN)),
    (init.kaiming_normal_, {"nonlinearity": "tanh"}, 5 / 3 / sqrt(FAN_IN)),
    (init.xavier_uniform_, {}, sqrt(2 / (FAN_IN + FAN_OUT))),
    (init.xavier_uniform_, {"gain": 2.0}, 2 * sqrt(2 / (FAN_IN + FAN_OUT))),
    (init.xavier_normal_, {}, sqrt(2 / (FAN_IN + FAN_OUT))),
    (init.xavier_normal_, {"gain": 0.5}, 0.5 * sqrt(2 / (FAN_IN + FAN_OUT))),
]


@pytest.mark.parametrize(("fill", "options", "std"), DRAWS)
def test_the_fans_and_the_gain_decide_the_spread(fill, options, std):
    weight = Parameter(mr.zeros(SHAPE))
    assert fill(weight, **options) is weight
    values = host(weight)
    assert (weight.dtype, weight.requires_grad, weight.vjp) == ("float32", True, None)
    assert abs(values.std() / std - 1) < 0.02  # 24,000 draws: 4 standard errors
    assert abs(values.mean()) < 0.03 * std
    if "uniform" in fill.__name__:
        assert 0.99 * sqrt(3) * std < np.abs(values).max() <= np.float32(sqrt(3) * std)
    else:
        assert np.abs(values).max() > 3 * std


@pytest.mark.parametrize(("fill", "options", "std"), DRAWS)
def test_the_spread_is_that_of_pytorch(torch, fill, options, std):
    torch.manual_seed(0)
    theirs = getattr(torch.nn.init, fill.__name__)(torch.zeros(SHAPE), **options)
    assert abs(host(fill(mr.zeros(SHAPE), **options)).std() / theirs.std().item() - 1) < 0.03


def test_the_tape_notices():
    weight = Parameter(mr.ones(2, 3))
    loss = (weight * weight).sum()
    init.normal_(weight)
    with pytest.raises(RuntimeError, match="that was changed afterwards"):
        loss.backward()


def test_the_stream_is_init():
    mr.manual_seed(1)
    first = host(init.uniform_(mr.zeros(10)))
    mr.manual_seed(1)
    mr.randn(5)
    mr.nn.functional.dropout(mr.ones(5))
    np.testing.assert_array_equal(host(init.uniform_(mr.zeros(10))), first)
    assert (host(init.uniform_(mr.zeros(10))) != first).any()


RANDOM = [
    init.uniform_,
    init.normal_,
    init.kaiming_uniform_,
    init.kaiming_normal_,
    init.xavier_uniform_,
    init.xavier_normal_,
]


@pytest.mark.parametrize("fill", RANDOM)
def test_a_generator_of_its_own(fill):
    state = deepcopy(mr.backend.stream("init").bit_generator.state)
    first, again = (host(fill(mr.zeros(2, 3), generator=np.random.default_rng(1))) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert mr.backend.stream("init").bit_generator.state == state
    assert (host(fill(mr.zeros(2, 3))) != first).all()


@pytest.mark.parametrize("fill", RANDOM)
def test_it_draws_from_the_stream_init(fill):
    runs = []
    for _ in range(2):
        mr.manual_seed(1)
        mr.randn(5)
        runs.append(host(fill(mr.zeros(2, 3))))
    np.testing.assert_array_equal(runs[0], runs[1])


def test_the_same_draws_in_both_dtypes():
    single, double = (
        init.uniform_(mr.zeros(5, dtype=dtype), generator=np.random.default_rng(0)) for dtype in ("float32", "float64")
    )
    np.testing.assert_array_equal(host(single), host(double).astype("float32"))


def test_fans_need_a_weight():
    with pytest.raises(ValueError, match=r"fan_in: a weight needs at least 2 axes, got shape \(3,\)"):
        init.kaiming_uniform_(mr.zeros(3))
    with pytest.raises(ValueError, match=r"fan_out: a weight needs at least 2 axes, got shape \(\)"):
        init.kaiming_normal_(mr.zeros(()), mode="fan_out")
    with pytest.raises(ValueError, match=r"fan_in: a weight needs at least 2 axes, got shape \(3,\)"):
        init.xavier_normal_(mr.zeros(3))


def test_modes_and_nonlinearities_refused():
    weight = mr.zeros(2, 3)
    for fill in (init.kaiming_uniform_, init.kaiming_normal_):
        with pytest.raises(ValueError, match="init: mode must be 'fan_in' or 'fan_out', got 'fan_avg'"):
            fill(weight, mode="fan_avg")
        with pytest.raises(
            ValueError, match="init: nonlinearity must be one of linear, sigmoid, tanh, relu, leaky_relu, got 'gelu'"
        ):
            fill(weight, nonlinearity="gelu")
    assert (host(weight) == 0).all()
