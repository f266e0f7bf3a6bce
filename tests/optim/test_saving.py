"""Saving by parameter name, and going on from what was saved."""

from copy import deepcopy

import numpy as np
import pytest
from helpers import host
from optim.plain import Plain, descend, plains, values
from optim.rules import equal_states, same

from minirad import optim
from minirad.optim import Adam, RAdam


def test_state_is_saved_by_name_as_numpy_arrays():
    parameters = plains((2, 3), (4,))
    optimizer = Adam([("weight", parameters[0]), ("bias", parameters[1])], lr=0.5, betas=(0.5, 0.75))
    optimizer.step()
    saved = optimizer.state_dict()
    settings = {"lr": 0.5, "betas": (0.5, 0.75), "eps": 1e-8, "weight_decay": 0}
    settings |= {"amsgrad": False, "maximize": False}
    assert saved["param_groups"] == [{"names": ["weight", "bias"], **settings}]
    assert saved["state"]["weight"].keys() == {"t", "m", "v"}
    assert saved["state"]["weight"]["t"] == 1
    g = host(parameters[0].grad)
    assert type(saved["state"]["weight"]["m"]) is np.ndarray
    assert saved["state"]["weight"]["m"] == pytest.approx(0.5 * g)
    assert saved["state"]["weight"]["v"] == pytest.approx(0.25 * g**2)
    kept = saved["state"]["weight"]["m"].copy()
    optimizer.step()
    assert np.array_equal(saved["state"]["weight"]["m"], kept)  # a copy


def test_going_on_from_a_saved_state_gives_the_same_bits(saved_rule):
    parameters = plains((2, 3), (4,))
    optimizer = saved_rule([("weight", parameters[0]), ("bias", parameters[1])])
    descend(optimizer, parameters, 7)
    saved, theta = deepcopy(optimizer.state_dict()), values(parameters)
    descend(optimizer, parameters, 7)

    fresh = [Plain(x) for x in theta]
    other = saved_rule([("weight", fresh[0]), ("bias", fresh[1])], lr=0.7)
    other.load_state_dict(saved)
    assert equal_states(other.state_dict(), saved)
    descend(other, fresh, 7)
    assert same(parameters, fresh)


def test_what_happens_to_a_state_later_does_not_matter():
    parameters = plains((3,))
    optimizer = Adam([("weight", parameters[0])])
    optimizer.step()
    saved = optimizer.state_dict()
    optimizer.load_state_dict(saved)
    kept = deepcopy(saved)
    saved["param_groups"][0]["names"].clear()
    saved["state"]["weight"]["m"][...] = 7.0
    assert equal_states(optimizer.state_dict(), kept)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.pop("state"), "expected what state_dict"),
        (lambda s: s.update(state=["bias"]), "expected dictionaries in {'state': \\['bias'"),
        (lambda s: s["param_groups"].append("bias"), "expected dictionaries in {'state': "),
        (lambda s: s["param_groups"].append(s["param_groups"][0]), "other parameters"),
        (lambda s: s["param_groups"][0].update(names=["weight", "other"]), "other parameters"),
        (lambda s: s["param_groups"][0].pop("eps"), "not of this rule"),
        (lambda s: s["param_groups"][0].update(momentum=0.9), "not of this rule"),
        (lambda s: s["param_groups"][0].update(lr=-1.0), "lr must be a number"),
        (lambda s: s["state"].pop("weight"), "'weight' needs t >= 0, m, v, got {}"),
        (lambda s: s["state"].pop("bias"), "'bias' needs t >= 0, m, v, got {}"),
        (lambda s: [each.pop("v") for each in s["state"].values()], "'weight' needs t >= 0, m, v, got"),
        (lambda s: s["state"]["bias"].pop("v"), "'bias' needs t >= 0, m, v, got"),
        (lambda s: s["state"]["bias"].update(t=-1), "'bias' needs t >= 0, m, v, got"),
        (
            lambda s: s["state"]["bias"].update(v=np.zeros(5)),
            r"v of 'bias' must be floats of shape \(4,\), got float64 \(5,\)",
        ),
        (
            lambda s: s["state"]["bias"].update(v=[0, 0, 0, 0]),
            r"v of 'bias' must be floats of shape \(4,\), got list None",
        ),
    ],
    ids=[
        *("top", "states", "groups", "group", "name", "setting", "extra", "range"),
        *("first", "missing", "moments", "moment", "step", "shape", "list"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(spoil, message):
    parameters = plains((2, 3), (4,))
    optimizer = RAdam([("weight", parameters[0]), ("bias", parameters[1])])
    descend(optimizer, parameters, 2)
    saved = deepcopy(optimizer.state_dict())
    descend(optimizer, parameters, 2)
    before = deepcopy(optimizer.state_dict())
    spoil(saved)
    with pytest.raises(ValueError, match=f"RAdam.load_state_dict: .*{message}|RAdam: {message}"):
        optimizer.load_state_dict(saved)
    assert equal_states(optimizer.state_dict(), before)


def test_a_state_from_before_the_first_step():
    ours, theirs = plains((3,)), plains((3,))
    optimizer, other = RAdam(ours), RAdam(theirs)
    descend(other, theirs, 3)
    other.load_state_dict(optimizer.state_dict())
    theirs[0].data = ours[0].data.copy()
    descend(optimizer, ours, 7)
    descend(other, theirs, 7)
    assert same(ours, theirs)


def test_a_vector_that_no_setting_needs_any_more_is_saved_and_loaded():
    """Momentum that was switched off, and may be switched on again."""
    ours, theirs = plains((3,)), plains((3,))
    optimizer, other = optim.SGD(ours, lr=0.1, momentum=0.9), optim.SGD(theirs, lr=0.1)
    descend(optimizer, ours, 3)
    optimizer.param_groups[0]["momentum"] = 0
    other.load_state_dict(optimizer.state_dict())
    assert equal_states(optimizer.state_dict(), other.state_dict())
    assert other.state_dict()["state"]["0"].keys() == {"t", "m"}


def test_a_state_of_words_changes_nothing():
    a = plains((3,))
    optimizer = Adam(a, lr=0.1)
    optimizer.step()
    state = deepcopy(optimizer.state_dict())
    state["param_groups"][0]["lr"] = 9.0
    state["state"]["0"]["v"] = np.array(["a", "b", "c"])
    with pytest.raises(ValueError, match="v of '0' must be floats"):
        optimizer.load_state_dict(state)
    assert optimizer.param_groups[0]["lr"] == 0.1
    state["param_groups"][0]["names"].append("x")
    assert optimizer.param_groups[0]["names"] == ["0"]


@pytest.mark.parametrize(
    ("saved", "fresh"),
    [
        (lambda p: optim.SGD(p, lr=0.1, momentum=0.9), lambda p: optim.SGD(p, lr=0.1)),
        (lambda p: optim.SGD(p, lr=0.1), lambda p: optim.SGD(p, lr=0.1, momentum=0.9)),
        (lambda p: optim.Adam(p, amsgrad=True), lambda p: optim.Adam(p)),
        (lambda p: optim.RMSprop(p, centered=True), lambda p: optim.RMSprop(p, momentum=0.9)),
    ],
    ids=["momentum", "no momentum", "amsgrad", "centered"],
)
def test_an_optimizer_built_with_other_options_takes_them_over(saved, fresh):
    ours, theirs = plains((2, 3)), plains((2, 3), seed=1)
    optimizer, other = saved(ours), fresh(theirs)
    descend(optimizer, ours, 3)
    descend(other, theirs, 2)
    other.load_state_dict(optimizer.state_dict())
    theirs[0].data = ours[0].data.copy()
    descend(optimizer, ours, 3)
    descend(other, theirs, 3)
    assert np.array_equal(host(ours[0].data), host(theirs[0].data))
    assert optimizer.state_dict()["state"]["0"].keys() == other.state_dict()["state"]["0"].keys()
