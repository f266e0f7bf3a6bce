"""What is refused: settings out of range, and what are no parameters. Nothing has been touched then."""

import re
from math import inf, nan

import numpy as np
import pytest
from helpers import device, host
from hypothesis import given
from hypothesis import settings as search
from hypothesis import strategies as st
from optim.plain import plains
from optim.rules import RULES, equal_states

import minirad as mr
from minirad.optim import SGD, Adagrad, Adam, Adam2k, Algorithm1, PhaseSwitched, RAdam, RMSprop, algorithm1

# ---- settings: what the messages say


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": -0.1}, r"lr must be a number in \[0, inf\), got -0.1"),
        ({"lr": float("nan")}, "lr must be a number .* got nan"),
        ({"lr": float("inf")}, "lr must be a number .* got inf"),
        ({"lr": "0.1"}, "lr must be a number .* got '0.1'"),
        ({"lr": None}, "lr must be a number .* got None"),
        ({"lr": True}, "lr must be a number .* got True"),
        ({"betas": (1.0, 0.999)}, r"beta1 must be a number in \[0, 1\), got 1.0"),
        ({"betas": (0.9, -0.1)}, r"beta2 must be a number in \[0, 1\), got -0.1"),
        ({"betas": (0.9, float("nan"))}, "beta2 must be a number .* got nan"),
        ({"betas": 0.9}, "betas must be two numbers, got 0.9"),
        ({"betas": (0.9,)}, r"betas must be two numbers, got \(0.9,\)"),
        ({"eps": -1e-8}, "eps must be a number .* got -1e-08"),
        ({"weight_decay": -1}, "weight_decay must be a number .* got -1"),
        ({"block": 0}, "block must be a positive integer or None, got 0"),
        ({"block": 1.5}, "block must be a positive integer or None, got 1.5"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("rule", [Adam, RAdam])
def test_settings_out_of_range(rule, settings, message):
    [p] = plains((3,))
    home = p.data
    with pytest.raises(ValueError, match=f"{rule.__name__}: {message}"):
        rule([p], **settings)
    if "block" not in settings:
        with pytest.raises(ValueError, match=f"{rule.__name__}: {message}"):
            rule([{"params": [p], **settings}])
    assert p.data is home


@pytest.mark.parametrize("settings", [{"momentum": -0.1}, {"dampening": float("nan")}, {"weight_decay": "1"}], ids=repr)
def test_settings_of_sgd_out_of_range(settings):
    with pytest.raises(ValueError, match=f"SGD: {next(iter(settings))} must be a number"):
        SGD(plains((3,)), lr=0.1, **settings)


@pytest.mark.parametrize(
    ("rule", "settings", "message"),
    [
        (RMSprop, {"alpha": 1.0}, r"RMSprop: alpha must be a number in \[0, 1\), got 1.0"),
        (RMSprop, {"centered": 1}, "RMSprop: centered must be True or False, got 1"),
        (Adagrad, {"lr_decay": -1}, r"Adagrad: lr_decay must be a number in \[0, inf\), got -1"),
        (Adagrad, {"initial_accumulator_value": "0"}, "Adagrad: initial_accumulator_value must be a number .* got '0'"),
        (Adam, {"amsgrad": None}, "Adam: amsgrad must be True or False, got None"),
        (Adam, {"maximize": "yes"}, "Adam: maximize must be True or False, got 'yes'"),
        (Adam2k, {"frozen": -1}, "Adam2k: frozen must be an integer >= 0, got -1"),
        (Adam2k, {"frozen": 2.0}, "Adam2k: frozen must be an integer >= 0, got 2.0"),
        (Adam2k, {"hidden_warmup": 0}, "Adam2k: hidden_warmup must be True or False, got 0"),
        (PhaseSwitched, {"phases": ("sgd", "adamw", "sgd")}, "phases must be among sgd, adam, .*, got 'adamw'"),
        (PhaseSwitched, {"phases": ("sgd", "adam")}, "until must be growing steps, one less than the 2 phases, got"),
        *[
            (PhaseSwitched, {"until": until}, f"until must be growing steps, .* got {re.escape(repr(until))}")
            for until in [(8, 4), (0, 4), (4, 4), (4.0, 8), (True, 8), (4,)]
        ],
    ],
    ids=lambda x: getattr(x, "__name__", repr(x)),
)
def test_settings_of_others_out_of_range(rule, settings, message):
    [p] = plains((3,))
    home = p.data
    with pytest.raises(ValueError, match=message):
        rule([p], **settings)
    with pytest.raises(ValueError, match=message):
        rule([{"params": [p], **settings}])
    assert p.data is home


def test_unknown_settings(rule):
    with pytest.raises(ValueError, match=r"unknown setting beta1, rate; known are (.*, )?lr, "):
        rule([{"params": plains((3,)), "rate": 0.1, "beta1": 0.9}])
    optimizer = rule(plains((3,)))
    with pytest.raises(ValueError, match="unknown setting names"):
        optimizer.add_param_group({"params": plains((3,)), "names": ["x"]})
    with pytest.raises(TypeError, match="a group must be a dictionary, got list"):
        optimizer.add_param_group(plains((3,)))
    assert len(optimizer.param_groups) == 1


# ---- settings: whatever is no value, for every setting of every rule

words = st.sampled_from(["", "0.1", "True"]) | st.text(max_size=5)
no_number = words | st.none() | st.booleans() | st.complex_numbers() | st.lists(st.floats(0, 0.5), max_size=3)
negative = st.floats(max_value=0, exclude_max=True) | st.sampled_from([nan, inf])
no_share = no_number | negative | st.floats(1, 1e300)
no_flag = words | st.none() | st.integers() | st.floats()
no_count = words | st.none() | st.booleans() | st.floats() | st.integers(max_value=-1) | st.tuples(st.integers(1, 9))
BAD = {
    "alpha": no_share,
    "betas": st.tuples(no_share, st.just(0.9)) | st.tuples(st.just(0.9), no_share) | st.just((0.5,) * 3) | st.floats(),
    "frozen": no_count,
    "block": no_count.filter(lambda x: x is not None) | st.just(0),
    "dialect": words | st.none() | st.integers() | st.lists(words, max_size=2),
    "phases": words | st.none() | st.integers() | st.lists(words | st.none(), min_size=1, max_size=4),
    "until": words | st.none() | st.integers() | st.lists(no_count, min_size=1, max_size=4),
    **dict.fromkeys(("nesterov", "amsgrad", "centered", "hidden_warmup", "maximize", "check_finite"), no_flag),
}


# Of every rule, every setting; and what is no setting of groups, but an argument that all share.
SETTINGS = [(name, key) for name, rule in RULES.items() for key in rule(plains((1,))).defaults]
SETTINGS += [("RAdam", "block"), ("RAdam", "check_finite")]


@pytest.mark.parametrize(("name", "key"), SETTINGS)
@given(st.data())
@search(max_examples=20)
def test_no_bad_value_gets_in(name, key, data):
    """As a default, in a group, in a group that comes later or in a saved state: refused by name, nothing touched."""
    bad = data.draw(BAD.get(key, no_number | negative))
    rule, ([p], [q]) = RULES[name], (plains((3,)), plains((2,)))
    home, before = p.data, host(p.data).copy()
    optimizer = rule([q])
    ways = []
    if (name, key) != ("Adam2k", "amsgrad"):  # which has this from Adam, but not as an argument
        ways.append(lambda: rule([p], **{key: bad}))
    if key in optimizer.defaults:
        group = {"params": [("p", p)], key: bad}
        ways += [lambda: rule([group]), lambda: optimizer.add_param_group(group)]
    kept = None
    if key in optimizer.defaults and optimizer.rule != "Algorithm1":  # that one can't be saved
        saved, kept = optimizer.state_dict(), optimizer.state_dict()
        saved["param_groups"][0][key] = bad
        ways.append(lambda: optimizer.load_state_dict(saved))
    for way in ways:
        with pytest.raises((ValueError, TypeError)) as caught:
            way()
        assert str(caught.value).startswith(f"{optimizer.rule}: ")
        assert key.rstrip("s") in str(caught.value)  # betas: "beta1 must be ..."
        assert p.data is home
        assert np.array_equal(host(home), before)
        assert len(optimizer.param_groups) == 1
    if kept:
        assert equal_states(optimizer.state_dict(), kept)
    rule([p])  # it belongs to nobody


def test_a_number_that_no_float_can_hold():
    with pytest.raises(ValueError, match="SGD: lr must be a number"):
        SGD(plains((3,)), lr=10**400)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"phi": None, "psi": algorithm1.constant}, "Algorithm1: phi must be .*got None"),
        ({"phi": algorithm1.latest, "psi": "constant"}, "Algorithm1: psi must be .*got 'constant'"),
    ],
    ids=["phi", "psi"],
)
def test_phi_and_psi_are_functions(settings, message):
    [p] = plains((3,))
    home = p.data
    with pytest.raises((TypeError, ValueError), match=message):
        Algorithm1([p], lr=0.1, **settings)
    assert p.data is home


# ---- parameters


def test_no_parameters(rule):
    for none in ([], (), iter([]), [{"params": []}], [{}]):
        with pytest.raises(ValueError, match="no parameters given"):
            rule(none)


def test_a_parameter_given_twice(rule):
    a, b = plains((3,), (2,))
    for twice in ([a, b, a], [{"params": [a]}, {"params": [b, a]}], [("x", a), ("x", b)]):
        with pytest.raises(ValueError, match="is given twice"):
            rule(twice)
    optimizer = rule([a])
    with pytest.raises(ValueError, match="is given twice"):
        optimizer.add_param_group({"params": [a]})
    assert len(optimizer.param_groups) == 1


NO_PARAMETERS = {
    "one parameter": lambda: plains((3,))[0],
    "set": lambda: set(plains((3,))),
    "group": lambda: {"params": plains((3,))},
    "str": lambda: "weights",
    "int": lambda: 5,
    "module": lambda: mr.nn.Linear(2, 2),
    "tensor": lambda: mr.tensor([1.0], requires_grad=True),
    "float": lambda: [1.0],
    "array": lambda: [device([1.0])],
    "integers": lambda: [mr.tensor([1, 2])],
    "pair": lambda: [("name", 5)],
    "triple": lambda: [("name", *plains((1,), (1,)))],
    "mixture": lambda: [*plains((3,)), {"params": plains((3,))}],
}


@pytest.mark.parametrize("kind", NO_PARAMETERS)
def test_what_are_no_parameters(rule, kind):
    with pytest.raises(TypeError, match=r"(params must be a list|parameter '\w+' must have .grad)"):
        rule(NO_PARAMETERS[kind]())
