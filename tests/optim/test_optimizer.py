"""The contract that every rule gets from its base class: steps, groups, and whose a parameter is."""

import gc

import numpy as np
import pytest
from helpers import device, host
from hypothesis import given
from hypothesis import strategies as st
from optim.plain import Plain, descend, plains, values
from optim.rules import MOVED, RULES, model_and_loss, same, train

import minirad as mr
from minirad.optim import SGD, Optimizer, RAdam


def steps(optimizer):
    """How many steps each parameter has made, by its name."""
    return {slot.name: slot.t for flats in optimizer.flats for flat in flats for slot in flat.slots}


# ---- stepping


def test_without_gradient_a_parameter_stays_and_its_step_does_not_count(rule):
    """As in PyTorch: b makes its steps 1, 2, 3 ... when a makes steps 1, 4, 7 ..."""
    a, b, alone, start = *plains((3,), (2,)), *(plains((3,), (2,))[1] for _ in range(2))
    optimizer, other = rule([a, b]), rule([alone])
    for t in range(1, 3 * MOVED + 1):
        a.grad = device(np.ones(3))
        b.grad = device(np.full(2, 0.5)) if t % 3 == 1 else None
        before = values([b])[0]
        optimizer.step()
        assert b.grad is not None or np.array_equal(before, host(b.data))
        alone.grad = b.grad
        other.step()
    assert same([b], [alone])
    assert not same([b], [start])
    assert steps(optimizer) == {"0": 3 * MOVED, "1": MOVED}


def test_nothing_happens_without_gradients(rule):
    parameters = plains((3,), (2,))
    optimizer = rule(parameters)
    optimizer.zero_grad()
    assert all(p.grad is None for p in parameters)
    before = values(parameters)
    optimizer.step()
    assert same(parameters, [Plain(x) for x in before])


@pytest.mark.parametrize("name", RULES)
@given(st.data())
def test_a_step_never_changes_gradients(name, data):
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    numbers = st.one_of(st.floats(-1e3, 1e3, width=32), st.sampled_from([np.nan, np.inf]))
    g = np.array(data.draw(st.lists(numbers, min_size=1, max_size=9)), dtype)
    p, q = Plain(np.ones_like(g), dtype=dtype), mr.nn.Parameter(device(np.ones_like(g)))
    optimizer = RULES[name]([p, q], block=data.draw(st.sampled_from([None, 2, 100])), maximize=data.draw(st.booleans()))
    for _ in range(MOVED):
        p.grad = given = device(g)
        q.grad = None
        (q * mr.tensor(device(g))).sum().backward()  # the gradient is g, in the optimizer's own vector
        with np.errstate(all="ignore"):
            optimizer.step()
        assert p.grad is given
        assert np.array_equal(host(given), g, equal_nan=True)
        assert np.array_equal(host(q.grad), g, equal_nan=True)


def test_gradients_that_are_not_finite_spoil_their_element_only(rule):
    p, q = Plain([1.0, 2.0]), Plain([1.0, 2.0])
    optimizers = rule([p]), rule([q])
    p.grad, q.grad = device([np.nan, 1.0]), device([1.0, 1.0])
    for _ in range(MOVED):
        for optimizer in optimizers:
            optimizer.step()
    assert np.isnan(host(p.data)[0])
    assert host(p.data)[1] == host(q.data)[1]


def test_backward_through_what_a_step_changed_is_refused(rule):
    model, loss = model_and_loss()
    optimizer = rule(model.parameters())
    old = loss(model)
    loss(model).backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed afterwards"):
        old.backward()
    optimizer.zero_grad()
    loss(model).backward()


def test_a_model_learns(rule):
    model, loss = model_and_loss()
    optimizer = rule(model.named_parameters(), lr=0.02)
    before = loss(model).item()
    train(model, loss, optimizer, 100)
    assert loss(model).item() < 0.5 * before


@pytest.mark.parametrize("number", [np.float64, np.float32, float])
def test_numpys_numbers_are_weak(rule, number):
    """One of them among the settings would turn float32 into float64, and its float32 the scalars into float32."""
    a, b = (Plain(np.linspace(-1, 1, 50), np.linspace(1, 3, 50), "float32") for _ in range(2))
    settings = {key: x for key, x in rule(plains((1,))).defaults.items() if isinstance(x, float)}
    given = {key: number(x) for key, x in settings.items()}
    ours, plain = rule([a], **given), rule([b], **{key: float(x) for key, x in given.items()})
    for _ in range(MOVED):
        ours.step()
        plain.step()
    assert same([a], [b])
    assert a.data.dtype == "float32"


def test_zero_grad_can_keep_the_arrays(rule):
    w = mr.tensor([1.0, 0.0], requires_grad=True)
    optimizer = rule([w])
    (w * w).sum().backward()
    assert host(w.grad).tolist() == [2.0, 0.0]
    optimizer.zero_grad(set_to_none=False)
    assert host(w.grad).tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    optimizer.zero_grad(set_to_none=False)
    assert w.grad is None


def test_the_base_class_has_no_rule():
    optimizer = Optimizer(plains((3,)), {"lr": 0.1})
    with pytest.raises(TypeError, match=r"Optimizer does not define update\(\)"):
        optimizer.step()


# ---- groups and dtypes


def test_groups_have_settings_of_their_own():
    a, b, a2, b2 = *plains((3,), (2,)), *plains((3,), (2,))
    both = RAdam(
        [{"params": [a], "lr": 0.1, "betas": (0.5, 0.9)}, {"params": b, "weight_decay": 0.1}], lr=0.01, eps=0.1
    )
    apart = RAdam([a2], lr=0.1, betas=(0.5, 0.9), eps=0.1), RAdam([b2], lr=0.01, eps=0.1, weight_decay=0.1)
    descend(both, [a, b], 8)
    descend(apart[0], [a2], 8)
    descend(apart[1], [b2], 8)
    assert same([a, b], [a2, b2])
    assert [group["names"] for group in both.param_groups] == [["0"], ["1"]]


def test_a_group_added_later_starts_at_step_one(rule):
    a, b, alone = *plains((3,), (2,)), plains((3,), (2,))[1]
    optimizer, other = rule([a]), rule([alone], lr=0.01)
    descend(optimizer, [a], 3)
    optimizer.add_param_group({"params": [("late", b)], "lr": 0.01})
    descend(optimizer, [a, b], MOVED)
    descend(other, [alone], MOVED)
    assert same([b], [alone])
    assert steps(optimizer) == {"0": 3 + MOVED, "late": MOVED}


def test_a_group_that_went_past_add_param_group_is_not_ignored():
    optimizer = SGD(plains((3,)), lr=0.1)
    optimizer.param_groups.append({**optimizer.param_groups[0], "params": plains((2,)), "names": ["late"]})
    with pytest.raises(ValueError, match="shorter"):
        optimizer.step()


def test_settings_changed_between_steps_count(rule):
    parameters = plains((3,))
    optimizer = rule(parameters)
    descend(optimizer, parameters, MOVED)
    optimizer.param_groups[0]["lr"] = 0.0
    before = values(parameters)
    descend(optimizer, parameters, 2)
    assert same(parameters, [Plain(x) for x in before])


def test_one_group_may_hold_both_dtypes(rule):
    single, double = plains((3,), dtype="float32"), plains((2,))
    parameters = [single[0], double[0], *plains((4,), dtype="float32", seed=1)]
    apart = plains((3,), dtype="float32"), plains((2,)), plains((4,), dtype="float32", seed=1)
    descend(rule(parameters), parameters, MOVED)
    for alone in apart:
        descend(rule(alone), alone, MOVED)
    assert [str(p.data.dtype) for p in parameters] == ["float32", "float64", "float32"]
    assert same(parameters, [p for alone in apart for p in alone])


# ---- whose the parameters are


def test_a_parameter_belongs_to_one_live_optimizer(rule):
    parameters = plains((2,), (3,))
    first = rule(parameters)
    with pytest.raises(ValueError, match=rf"parameter 'b' belongs to another live optimizer \({first.rule}\); delete"):
        SGD([("a", plains((1,))[0]), ("b", parameters[1])], lr=0.1)
    descend(first, parameters, 2)
    gc.disable()
    try:
        del first
        second = rule(parameters)
    finally:
        gc.enable()
    descend(second, parameters, 1)


def test_an_optimizer_that_failed_to_be_built_owns_nothing(rule):
    good, bad = plains((2,), (3,))
    bad.grad = bad.data = None
    home = good.data
    for groups in (
        [{"params": [good]}, {"params": [bad]}],
        [{"params": [good]}, {"params": [good]}],
        [{"params": [good]}, {"params": plains((1,)), "lr": -1.0}],
        [good, bad],
    ):
        with pytest.raises((ValueError, TypeError)):
            rule(groups)
        assert good.data is home
    rule([good])


def test_tied_weights_are_one_parameter_under_its_first_name(rule):
    class Tied(mr.nn.Module):
        def __init__(self):
            self.a, self.b = mr.nn.Linear(2, 2, bias=False), mr.nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

    optimizer = rule(Tied().named_parameters())
    assert optimizer.param_groups[0]["names"] == ["a.weight"]


def test_release_gives_the_parameters_up(rule):
    params = plains((3,))
    first = rule(params)
    first.release()
    second = rule(params)
    with pytest.raises(RuntimeError, match="it has no parameters since release"):
        first.step()
    before = values(params)
    for _ in range(MOVED):
        second.step()
    assert not same(params, [Plain(x) for x in before])


def test_the_error_does_not_keep_the_other_optimizer_alive(rule):
    params = plains((3,))
    first = rule(params)
    with pytest.raises(ValueError, match="belongs to another live optimizer") as caught:
        rule(params)
    del first
    assert rule(params)  # although the traceback is still there, as in a notebook
    assert caught.traceback
