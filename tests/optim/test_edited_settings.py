"""Settings that are edited between steps: what is none is refused by name, and no group has moved."""

import copy
from math import inf, nan

import numpy as np
import pytest
from helpers import host
from optim.plain import plains, values

from minirad.optim import SGD, PhaseSwitched, RAdam, RAdamDialect
from minirad.optim.lr_scheduler import LinearWarmup


def two_groups(rule=RAdam, **settings):
    """Two parameters in a group each, after a step."""
    a, b = plains((3,), (2,))
    optimizer = rule([{"params": [("a", a)]}, {"params": [("b", b)]}], lr=0.1, **settings)
    optimizer.step()
    return optimizer, [a, b]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"betas": (0.9,)}, r"betas must be two numbers, got \(0.9,\)"),
        ({"betas": [0.9, 1.0]}, r"beta2 must be a number in \[0, 1\), got 1.0"),
        ({"lr": nan}, "lr must be a number .* got nan"),
        ({"lr": -1}, "lr must be a number .* got -1"),
        ({"lr": -0.5}, "lr must be a number .* got -0.5"),
        ({"lr": inf}, "lr must be a number .* got inf"),
        ({"lr": None}, "lr must be a number .* got None"),
        ({"lr": np.array([0.1, 0.2])}, "lr must be a number .* got array"),
        ({"eps": "0"}, "eps must be a number .* got '0'"),
        ({"weight_decay": -1}, "weight_decay must be a number .* got -1"),
        ({"maximize": 1}, "maximize must be True or False, got 1"),
    ],
    ids=str,
)
@pytest.mark.parametrize("fresh", [True, False], ids=["at once", "after steps"])
def test_no_group_moves(edit, message, fresh):
    optimizer, parameters = two_groups()
    for _ in range(0 if fresh else 2):
        optimizer.step()
    before, state = values(parameters), copy.deepcopy(optimizer.state_dict()["state"])
    good = {key: optimizer.param_groups[1][key] for key in edit}
    optimizer.param_groups[1].update(edit)
    for _ in range(2):
        with pytest.raises(ValueError, match=rf"RAdam: {message}.* \(in param_groups\[1\]\)"):
            optimizer.step()
    assert all(map(np.array_equal, values(parameters), before))
    assert repr(optimizer.state_dict()["state"]) == repr(state)
    optimizer.param_groups[1].update(good)
    optimizer.step()
    assert not np.array_equal(values(parameters)[1], before[1])


def test_a_setting_that_is_gone():
    optimizer, parameters = two_groups()
    before = values(parameters)
    del optimizer.param_groups[1]["eps"]
    with pytest.raises(ValueError, match=r"RAdam: param_groups\[1\] has no eps any more"):
        optimizer.step()
    assert all(map(np.array_equal, values(parameters), before))


def test_lists_that_are_changed_in_place():
    optimizer, parameters = two_groups(betas=[0.9, 0.99])
    optimizer.param_groups[1]["betas"] = [0.9, 0.99]
    optimizer.step()
    before = values(parameters)
    optimizer.param_groups[1]["betas"][1] = 2.0
    with pytest.raises(ValueError, match=r"beta2 must be a number in .* got 2.0 \(in param_groups\[1\]\)"):
        optimizer.step()
    assert all(map(np.array_equal, values(parameters), before))


@pytest.mark.parametrize(
    ("rule", "edit", "message"),
    [
        (SGD, {"nesterov": True}, "SGD: nesterov needs momentum"),
        (RAdamDialect, {"dialect": "x"}, "RAdamDialect: dialect must be one of"),
        (PhaseSwitched, {"until": (8, 4)}, "PhaseSwitched: until must be growing steps"),
    ],
)
def test_what_does_not_go_together(rule, edit, message):
    optimizer, parameters = two_groups(rule)
    before = values(parameters)
    optimizer.param_groups[1].update(edit)
    with pytest.raises(ValueError, match=message):
        optimizer.step()
    assert all(map(np.array_equal, values(parameters), before))


def test_a_parameter_without_data():
    optimizer, (a, b) = two_groups()
    before, b.data = host(a.data).copy(), None
    with pytest.raises(
        ValueError, match=r"RAdam: the data of parameter 'b' must be float64 of shape \(2,\), .*NoneType"
    ):
        optimizer.step()
    assert np.array_equal(host(a.data), before)


def test_settings_are_read_again_only_where_they_changed(monkeypatch):
    """Not even for a schedule's rates."""
    optimizer, _ = two_groups()
    schedule = LinearWarmup(optimizer, 10)
    optimizer.step()
    calls = []
    monkeypatch.setattr(RAdam, "check", lambda self, options: calls.append(options))
    for _ in range(3):
        schedule.step()
        optimizer.step()
    assert calls == []
    optimizer.param_groups[0]["eps"] = 0.5
    optimizer.step()
    assert [options["eps"] for options in calls] == [0.5]


def test_copies_and_further_groups_are_checked_too():
    optimizer, parameters = two_groups()
    optimizer, _ = copy.deepcopy((optimizer, parameters))
    optimizer.add_param_group({"params": [("c", plains((4,))[0])]})
    optimizer.step()
    optimizer.param_groups[2]["lr"] = -1.0
    with pytest.raises(ValueError, match=r"got -1.0 \(in param_groups\[2\]\)"):
        optimizer.step()
