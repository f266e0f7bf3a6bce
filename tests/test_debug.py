"""mr.debug() finds the op where a NaN began, and writes behind the tape's back."""

import numpy as np
import pytest

import minirad as mr
from minirad.tensor import Tensor


@pytest.fixture(autouse=True)
def quiet():
    """NumPy's warnings would come first."""
    with np.errstate(all="ignore"):
        yield


def leaf(*data):
    return mr.tensor(list(data), requires_grad=True)


def bad_backward(x):
    return Tensor(x.data, (x,), lambda g: (g * float("nan"),))


@pytest.mark.parametrize(
    ("fn", "name"),
    [
        (mr.log, "log"),
        (mr.sqrt, "sqrt"),
        (lambda x: x**0.5, "pow"),
        (lambda x: (x + 1) / (x + 1), "div"),
        (lambda x: mr.maximum(x, float("nan")), "maximum|tensor"),
        (lambda x: (x * float("inf") * 0).max(), "mul"),
    ],
)
def test_the_op_that_made_a_nan_is_named(fn, name):
    with mr.debug(), pytest.raises(FloatingPointError, match=rf"debug: .*({name}).*, of shape .*, holds a NaN"):
        fn(leaf(-1.0, 2.0))


def test_the_first_one_is_named():
    x = leaf(-1.0)
    with mr.debug(), pytest.raises(FloatingPointError, match="the result of log"):
        mr.exp(mr.log(x) * 2).sum()


def test_nan_in_backward():
    with mr.debug():
        loss = (bad_backward(leaf(1.0)) * 2).sum()
        with pytest.raises(FloatingPointError, match="debug: the gradient through bad_backward holds a NaN"):
            loss.backward()


def test_the_famous_where_trap():
    """sqrt's infinite slope at 0 times the zero that where hands back."""
    x = leaf(0.0)
    with mr.debug():
        y = mr.where(x > 0, mr.sqrt(x), 0.0)
        with pytest.raises(FloatingPointError, match="debug: the gradient through sqrt holds a NaN"):
            y.backward()


def test_without_a_tape():
    with mr.debug(), mr.no_grad(), pytest.raises(FloatingPointError, match="debug: a tensor without a tape, of shape"):
        mr.log(leaf(-1.0))


@pytest.mark.parametrize("which", ["x", "w", "y"])
def test_raw_writes_are_found(which):
    x, w = mr.tensor([1.0, 2.0]), leaf(3.0, 4.0)
    with mr.debug():
        y = x * w
        loss = y.exp().sum()
        {"x": x, "w": w, "y": y}[which].data[0] = 7.0
        with pytest.raises(RuntimeError, match=r"debug: data that (mul|exp) used was changed after it"):
            loss.backward()


def test_a_raw_write_to_the_result_itself_is_found():
    with mr.debug():
        y = leaf(1.0).exp()
        y.data[0] = 7.0
        with pytest.raises(RuntimeError, match="debug: data that exp used was changed"):
            y.backward()


def test_raw_writes_through_a_shared_array_are_found():
    w = leaf(3.0, 4.0)
    with mr.debug():
        loss = (w * w).sum()
        w.detach().data[0] = 7.0
        with pytest.raises(RuntimeError, match="debug: data that mul used"):
            loss.backward()


def test_inf_is_no_error():
    with mr.debug():
        assert mr.exp(leaf(1000.0)).item() == float("inf")


def test_integers_and_masks_pass():
    with mr.debug():
        assert (mr.tensor([1, 2]) > 1).sum().item() == 1


def test_all_goes_on_as_usual_inside():
    def gradients():
        x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
        loss = mr.nn.functional.cross_entropy((x * w).tanh(), 1) + x.max(0).values
        text = repr(loss)
        loss.backward()
        return [x.grad.tolist(), w.grad.tolist(), text]

    plain = gradients()
    with mr.debug():
        assert gradients() == plain


def test_nothing_is_checked_outside():
    with mr.debug():
        pass
    with pytest.raises(KeyError), mr.debug():
        raise KeyError
    x = leaf(-1.0)
    y = bad_backward(mr.log(x))
    x.data[0] = 5.0
    y.backward()
    assert np.isnan(float(x.grad[0]))


def test_a_training_step_under_debug():
    model = mr.nn.Sequential(mr.nn.Linear(3, 4), mr.nn.ReLU(), mr.nn.Linear(4, 2))
    optimizer = mr.optim.RAdam(model.parameters())
    with mr.debug():
        for _ in range(2):
            optimizer.zero_grad()
            mr.nn.functional.cross_entropy(model(mr.ones(5, 3)), [0, 1, 0, 1, 0]).backward()
            optimizer.step()


def test_data_replaced_since():
    x = leaf(1.0, 2.0)
    with mr.debug():
        loss = (x * x).sum()
        x.data = x.data.copy() + 1
        with pytest.raises(RuntimeError, match="debug: data that mul used was changed"):
            loss.backward()
