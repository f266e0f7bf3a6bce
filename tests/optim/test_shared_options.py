"""maximize and check_finite, which every rule has."""

import numpy as np
import pytest
from helpers import device, host
from optim.plain import Plain, descend, plains, values
from optim.rules import MOVED, equal_states, same

import minirad as mr
from minirad.optim import SGD, RAdam

# ---- maximize


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_to_maximize_is_to_follow_the_negated_gradient(rule, dtype):
    ours, theirs = plains((3, 4), (5,), (), dtype=dtype), plains((3, 4), (5,), (), dtype=dtype)
    up, down = rule(ours, maximize=True), rule(theirs)
    rng = np.random.default_rng(3)
    for t in range(3 * MOVED):
        for p, q in zip(ours, theirs, strict=True):
            g = rng.standard_normal(p.data.shape)
            p.grad, q.grad = (None if t % 4 == 3 else device(x, dtype) for x in (g, -g))
        up.step()
        down.step()
    assert same(ours, theirs)


def test_maximize_is_a_setting_of_groups(rule):
    a, b, c, d = (plains((4,))[0] for _ in range(4))
    both = rule([{"params": [a], "maximize": True}, {"params": [b]}])
    apart = rule([c], maximize=True), rule([d])
    for _ in range(MOVED):
        for optimizer in (both, *apart):
            optimizer.step()
    assert same([a, b], [c, d])
    assert not same([a], [b])


# ---- check_finite


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_gradient_that_is_not_finite_is_refused_by_name_and_nothing_changes(saved_rule, bad, dtype):
    a, b = plains((3,), (2, 2), dtype=dtype)
    optimizer = saved_rule([{"params": [("first", a)]}, {"params": [("second.weight", b)]}], check_finite=True)
    for _ in range(MOVED):
        optimizer.step()
    theta, state = values([a, b]), optimizer.state_dict()
    good = host(b.grad).copy()
    b.grad = device([[0.0, 0.0], [bad, 0.0]], dtype)
    a.data = assigned = device([7.0, 8.0, 9.0], dtype)
    message = f"the gradient of parameter 'second.weight' is NaN or infinite at its step {MOVED + 1}"
    with pytest.raises(FloatingPointError, match=f"{optimizer.rule}: {message}; no parameter has been moved"):
        optimizer.step()
    assert a.data is assigned  # not even this has been copied in
    assert np.array_equal(host(b.data), theta[1])
    assert equal_states(optimizer.state_dict(), state)
    b.grad = device(good, dtype)
    optimizer.step()  # and on it goes
    assert {name: saved["t"] for name, saved in optimizer.state_dict()["state"].items()} == dict.fromkeys(
        ("first", "second.weight"), MOVED + 1
    )


def test_algorithm_1_remembers_no_gradient_that_was_refused():
    [p] = plains((3,))
    optimizer = mr.optim.Algorithm1(
        [p], 0.1, mr.optim.algorithm1.averaged(0.9), mr.optim.algorithm1.constant, check_finite=True
    )
    optimizer.step()
    before, good = values([p]), p.grad
    p.grad = device([0.0, np.nan, 0.0])
    with pytest.raises(FloatingPointError, match=r"Algorithm1: the gradient of parameter '0' is .* at its step 2"):
        optimizer.step()
    assert same([p], [Plain(before[0])])
    p.grad = good
    optimizer.step()
    assert len(optimizer.gradients["0"]) == 2


def test_the_step_that_is_named_is_the_parameters_own():
    a, b = plains((3,), (2,))
    optimizer = RAdam([a, b], check_finite=True)
    b.grad = None
    optimizer.step()
    optimizer.step()
    b.grad = device([np.inf, 0.0])
    with pytest.raises(FloatingPointError, match="parameter '1' is NaN or infinite at its step 1"):
        optimizer.step()


def test_a_parameter_without_gradient_is_not_looked_at(rule):
    """And neither are the parameters themselves: only gradients are checked."""
    a, b = plains((3,), (2,))
    optimizer = rule([a, b], check_finite=True)
    for _ in range(MOVED):
        optimizer.step()
    b.grad, b.data = None, device([np.nan, 1.0])
    before = values([a])
    optimizer.step()
    assert not same([a], [Plain(before[0])])
    assert np.isnan(host(b.data)).tolist() == [True, False]


def test_a_tensors_gradient_is_checked():
    w = mr.tensor([1.0, 2.0], requires_grad=True)
    optimizer = SGD([("w", w)], lr=0.1, check_finite=True)
    (w * mr.tensor([1.0, np.inf])).sum().backward()
    with pytest.raises(FloatingPointError, match="SGD: the gradient of parameter 'w' is NaN or infinite at its step 1"):
        optimizer.step()
    assert w.tolist() == [1.0, 2.0]


def test_the_check_changes_no_bit(rule):
    checked, unchecked = plains((3, 4), (), (0,)), plains((3, 4), (), (0,))
    descend(rule(checked, check_finite=True), checked, MOVED)
    descend(rule(unchecked), unchecked, MOVED)
    assert same(checked, unchecked)


@pytest.mark.parametrize("grad", [[1.0, 2.0, 3.0], "abc", 5.0, np.float64(5)], ids=repr)
def test_what_is_no_gradient_is_refused_alike(grad):
    """With and without the check: the message is about the kind of array, since there is nothing to look into."""
    for check in (False, True):
        [p] = plains((3,))
        optimizer = RAdam([p], check_finite=check)
        p.grad = grad
        with pytest.raises(ValueError, match=r"RAdam: the gradient of parameter '0' must be float64 of shape \(3,\)"):
            optimizer.step()
