"""The contract that every rule gets from its base class, on each of the rules."""

import gc
import pickle
import tracemalloc
from copy import copy, deepcopy

import numpy as np
import pytest
from helpers import BACKEND, device, host
from hypothesis import given
from hypothesis import strategies as st
from optim.plain import Plain, descend, plains, values

import minirad as mr
from minirad.optim import SGD, Adam, Optimizer, RAdam

RULES = {
    "SGD": lambda params, **more: SGD(params, **{"lr": 0.1, **more}),
    "momentum": lambda params, **more: SGD(params, **{"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, **more}),
    "Adam": lambda params, **more: Adam(params, **{"lr": 0.1, "weight_decay": 0.01, **more}),
    "RAdam": lambda params, **more: RAdam(params, **{"lr": 0.1, "betas": (0.9, 0.99), "weight_decay": 0.01, **more}),
}
on_host = pytest.mark.skipif(BACKEND != "numpy", reason="a GPU takes the whole vector in one block")


@pytest.fixture(params=list(RULES))
def rule(request):
    """Builds an optimizer: rule(params, **settings)."""
    return RULES[request.param]


def same(a, b):
    """Bit by bit."""
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(values(a), values(b), strict=True))


def model_and_loss():
    model = mr.nn.Sequential(mr.nn.Linear(3, 4), mr.nn.Tanh(), mr.nn.Linear(4, 2))
    x = mr.tensor(np.random.default_rng(1).standard_normal((5, 3)).astype("float32"))
    return model, lambda model: (model(x) * model(x)).mean()


def train(model, loss, optimizer, steps):
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model).backward()
        optimizer.step()


# ---- one vector


def test_data_become_views_of_one_vector(rule):
    a, b = plains((2, 3), (4,))
    before = values([a, b])
    optimizer = rule([a, b])
    assert same([a, b], [Plain(x) for x in before])
    optimizer.step()
    assert not same([a, b], [Plain(x) for x in before])
    theta = a.data.base[0]  # theta, g and the states are the rows of one array
    assert theta.shape == (10,)
    theta[...] = 7.0
    assert all((x == 7).all() for x in values([a, b]))


def test_a_tensor_sums_its_gradient_up_in_the_vector(rule):
    model, loss = model_and_loss()
    optimizer = rule(model.parameters())
    loss(model).backward()
    gradients = [p.grad for p in model.parameters()]
    once = [host(g).copy() for g in gradients]
    loss(model).backward()
    for p, g, first in zip(model.parameters(), gradients, once, strict=True):
        assert p.grad is g  # in place, and so no copying at step()
        assert g.base.shape[1:] == (26,)  # a row, like theta
        assert host(g) == pytest.approx(2 * first, rel=1e-6)
    optimizer.step()


def test_parameters_need_not_be_contiguous(rule):
    a = Plain(np.arange(6.0).reshape(2, 3))
    a.data = a.data.T
    b = Plain(host(a.data).copy())
    descend(rule([a]), [a], 3)
    descend(rule([b]), [b], 3)
    assert a.data.shape == (3, 2)
    assert same([a], [b])


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (1, 1, 1)])
@pytest.mark.parametrize("block", [None, 2])
def test_odd_shapes(rule, shape, block):
    parameters = plains((2,), shape, (3,))
    descend(rule(parameters, block=block), parameters, 3)
    assert parameters[1].data.shape == shape
    alone = plains(shape)
    descend(rule(alone, block=block), alone, 3)
    assert alone[0].data.shape == shape


def test_arithmetic_with_a_single_number(rule):
    """NumPy makes scalars of arrays of shape (): they are taken too."""
    p = Plain(2.0)
    optimizer = rule([p])
    p.data = p.data * 2
    p.grad = p.data * 0.5
    optimizer.step()
    assert isinstance(p.data, mr.backend.xp.ndarray)
    assert host(p.data) != 4


# ---- assigning


def test_assigned_data_are_copied_in_at_the_next_step(rule):
    a, b = plains((2, 3), (4,)), plains((2, 3), (4,))
    ours, theirs = rule(a), rule(b)
    descend(ours, a, 2)
    descend(theirs, b, 2)
    home = a[0].data
    new = np.full((2, 3), 7.0)
    a[0].data = device(new)
    b[0].data[...] = device(new)
    mine = a[0].data
    descend(ours, a, 2)
    descend(theirs, b, 2)
    assert same(a, b)
    assert a[0].data is home
    assert (host(mine) == 7).all()  # the caller's array is left alone


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda x: device(np.zeros((3, 2))), r"float64 \(3, 2\)"),
        (lambda x: x.astype("float32"), r"float32 \(2, 3\)"),
        (lambda x: x.reshape(6), r"float64 \(6,\)"),
        (lambda x: [[1.0, 2.0, 3.0]] * 2, r"builtins.list"),
        (lambda x: mr.tensor(np.zeros((2, 3))), r"minirad.tensor.Tensor"),
    ],
    ids=["shape", "dtype", "flat", "list", "tensor"],
)
@pytest.mark.parametrize("what", ["data", "grad"])
def test_what_does_not_fit_any_more_raises_by_name(rule, what, change, got):
    parameters = plains((4,), (2, 3))
    optimizer = rule([("first", parameters[0]), ("second.weight", parameters[1])])
    descend(optimizer, parameters, 1)
    before, state = values(parameters), deepcopy(optimizer.state_dict())
    setattr(parameters[1], what, change(parameters[1].data))
    word = {"data": "data", "grad": "gradient"}[what]
    with pytest.raises(ValueError, match=rf"the {word} of parameter 'second.weight' must be float64 .*\(2, 3\).*{got}"):
        optimizer.step()
    assert np.array_equal(host(parameters[0].data), before[0])
    assert equal_states(optimizer.state_dict(), state)


@pytest.mark.skipif(BACKEND == "numpy", reason="NumPy has no other arrays beside")
def test_another_backend_raises_by_name(rule):
    [p] = plains((2,))
    optimizer = rule([p])
    p.data = host(p.data)
    with pytest.raises(ValueError, match=r"the data of parameter '0' must be float64 .*got numpy\.ndarray"):
        optimizer.step()
    with pytest.raises(TypeError, match="of the backend in use"):
        rule([p])


def test_a_converted_model_raises_by_name(rule):
    model, _ = model_and_loss()
    optimizer = rule(model.named_parameters())
    model.double()
    for p in model.parameters():
        p.grad = p.data.copy()
    with pytest.raises(ValueError, match=r"parameter '0.weight' must be float32 .* Convert a model first, then build"):
        optimizer.step()


def test_loading_a_model_does_not_move_its_parameters(rule):
    model, loss = model_and_loss()
    optimizer = rule(model.parameters())
    saved = model.state_dict()
    homes = [p.data for p in model.parameters()]
    train(model, loss, optimizer, 3)
    model.load_state_dict(saved)
    assert all(p.data is home for p, home in zip(model.parameters(), homes, strict=True))
    assert all(np.array_equal(saved[name], host(p)) for name, p in model.named_parameters())


# ---- who owns a parameter


def test_a_parameter_belongs_to_one_live_optimizer(rule):
    parameters = plains((2,), (3,))
    first = rule(parameters)
    with pytest.raises(ValueError, match=r"parameter 'b' belongs to another live optimizer \((SGD|R?Adam)\); delete"):
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


# ---- copying


def test_copies_of_model_and_optimizer_go_on_alike_and_apart(rule):
    model, loss = model_and_loss()
    optimizer = rule(model.parameters())
    train(model, loss, optimizer, 6)
    model2, optimizer2 = deepcopy((model, optimizer))
    assert all(p is q for p, q in zip(model2.parameters(), optimizer2.param_groups[0]["params"], strict=True))
    before = values(model2.parameters())
    train(model, loss, optimizer, 6)
    assert same([Plain(x, dtype="float32") for x in before], list(model2.parameters()))
    train(model2, loss, optimizer2, 6)
    assert same(list(model.parameters()), list(model2.parameters()))
    assert equal_states(optimizer.state_dict(), optimizer2.state_dict())


def test_a_copy_of_the_optimizer_alone_has_parameters_of_its_own(rule):
    parameters = plains((2, 3), (4,))
    optimizer = rule(parameters)
    descend(optimizer, parameters, 3)
    copy = deepcopy(optimizer)
    theirs = copy.param_groups[0]["params"]
    descend(optimizer, parameters, 3)
    assert not same(parameters, theirs)
    descend(copy, theirs, 3)
    assert same(parameters, theirs)
    with pytest.raises(ValueError, match="belongs to another live optimizer"):
        rule(theirs)


def test_a_copy_of_the_model_alone_is_free(rule):
    model, loss = model_and_loss()
    optimizer = rule(model.parameters())
    train(model, loss, optimizer, 2)
    copy = deepcopy(model)
    before = values(copy.parameters())
    train(model, loss, optimizer, 2)
    assert same([Plain(x, dtype="float32") for x in before], list(copy.parameters()))
    loss(copy).backward()
    rule(copy.parameters()).step()


def test_pickle_keeps_the_parameters_in_the_vector(rule):
    parameters = plains((2, 3), (4,))
    optimizer = rule(parameters)
    descend(optimizer, parameters, 3)
    theirs, copy = pickle.loads(pickle.dumps((parameters, optimizer)))
    descend(optimizer, parameters, 3)
    descend(copy, theirs, 3)
    assert same(parameters, theirs)


# ---- stepping


def test_without_gradient_a_parameter_stays_and_its_step_does_not_count(rule):
    """As in PyTorch: b makes steps 1 and 2 when a makes steps 1 and 4."""
    a, b, alone = *plains((3,), (2,)), plains((3,), (2,))[1]
    optimizer, other = rule([a, b]), rule([alone])
    for t in range(1, 5):
        a.grad = device(np.ones(3))
        b.grad = device(np.full(2, 0.5)) if t in (1, 4) else None
        before = values([b])[0]
        optimizer.step()
        assert (b.grad is None) == np.array_equal(before, host(b.data))
        alone.grad = b.grad
        other.step()
    assert same([b], [alone])
    state = optimizer.state_dict()["state"]
    assert (state["0"]["t"], state["1"]["t"]) == (4, 2)


def test_nothing_happens_without_gradients(rule):
    parameters = plains((3,), (2,))
    optimizer = rule(parameters)
    optimizer.zero_grad()
    assert all(p.grad is None for p in parameters)
    before = values(parameters)
    optimizer.step()
    assert same(parameters, [Plain(x) for x in before])


@given(st.data())
def test_a_step_never_changes_gradients(data):
    build = RULES[data.draw(st.sampled_from(list(RULES)))]
    dtype = data.draw(st.sampled_from(["float32", "float64"]))
    numbers = st.one_of(st.floats(-1e3, 1e3, width=32), st.sampled_from([np.nan, np.inf]))
    g = np.array(data.draw(st.lists(numbers, min_size=1, max_size=9)), dtype)
    p, q = Plain(np.ones_like(g), dtype=dtype), mr.nn.Parameter(device(np.ones_like(g)))
    optimizer = build([p, q], block=data.draw(st.sampled_from([None, 2, 100])))
    for _ in range(6):
        p.grad = given = device(g)
        q.grad = None
        (q * mr.tensor(device(g))).sum().backward()  # the gradient is g, in the optimizer's own vector
        with np.errstate(all="ignore"):
            optimizer.step()
        assert p.grad is given
        assert np.array_equal(host(given), g, equal_nan=True)
        assert np.array_equal(host(q.grad), g, equal_nan=True)


@given(st.integers(1, 70), st.integers(1, 80), st.sampled_from(list(RULES)), st.sampled_from(["float32", "float64"]))
def test_blocks_of_any_size_give_the_same_bits(size, block, name, dtype):
    whole, cut = plains((size,), (7,), dtype=dtype), plains((size,), (7,), dtype=dtype)
    descend(RULES[name](whole, block=None), whole, 7)
    descend(RULES[name](cut, block=block), cut, 7)
    assert same(whole, cut)


class Watched(Optimizer):
    """Notes the length of each block."""

    states = ("m",)

    def __init__(self, params, block):
        self.seen = []
        super().__init__(params, {}, block=block)

    def update(self, theta, g, m, s):
        self.seen.append((len(theta), len(g), len(m), s.t))


def test_one_call_of_update_where_block_is_none():
    optimizer = Watched(plains((50_000,), (3, 4), ()), block=None)
    optimizer.step()
    optimizer.step()
    assert optimizer.seen == [(50_013,) * 3 + (1,), (50_013,) * 3 + (2,)]


@on_host
def test_blocks_cover_everything_once():
    optimizer = Watched(plains((5,), (2, 4), ()), block=6)
    optimizer.step()
    assert [n for n, *_ in optimizer.seen] == [6, 6, 2]


@on_host
@pytest.mark.parametrize("rule", ["momentum", "Adam", "RAdam"], indirect=True)
def test_a_step_needs_the_memory_of_a_few_blocks(rule):
    block, itemsize = 1000, 8
    parameters = plains((100 * block,))
    optimizer = rule(parameters, block=block)
    for _ in range(6):
        optimizer.step()
    tracemalloc.start()
    try:
        optimizer.step()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * block * itemsize  # one vector would be 100 blocks


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
    descend(optimizer, [a, b], 3)
    descend(other, [alone], 3)
    assert same([b], [alone])
    state = optimizer.state_dict()["state"]
    assert (state["0"]["t"], state["late"]["t"]) == (6, 3)


def test_settings_changed_between_steps_count(rule):
    parameters = plains((3,))
    optimizer = rule(parameters, weight_decay=0)
    descend(optimizer, parameters, 2)
    optimizer.param_groups[0]["lr"] = 0.0
    before = values(parameters)
    descend(optimizer, parameters, 2)
    assert same(parameters, [Plain(x) for x in before])


def test_one_group_may_hold_both_dtypes(rule):
    single, double = plains((3,), dtype="float32"), plains((2,))
    parameters = [single[0], double[0], *plains((4,), dtype="float32", seed=1)]
    apart = plains((3,), dtype="float32"), plains((2,)), plains((4,), dtype="float32", seed=1)
    descend(rule(parameters), parameters, 5)
    for alone in apart:
        descend(rule(alone), alone, 5)
    assert [str(p.data.dtype) for p in parameters] == ["float32", "float64", "float32"]
    assert same(parameters, [p for alone in apart for p in alone])


# ---- saving


def equal_states(a, b):
    same_arrays = all(
        a["state"][name].keys() == b["state"][name].keys()
        and all(np.array_equal(a["state"][name][key], b["state"][name][key]) for key in a["state"][name])
        for name in a["state"]
    )
    return a["param_groups"] == b["param_groups"] and a["state"].keys() == b["state"].keys() and same_arrays


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


def test_going_on_from_a_saved_state_gives_the_same_bits(rule):
    parameters = plains((2, 3), (4,))
    optimizer = rule([("weight", parameters[0]), ("bias", parameters[1])])
    descend(optimizer, parameters, 7)
    saved, theta = deepcopy(optimizer.state_dict()), values(parameters)
    descend(optimizer, parameters, 7)

    fresh = [Plain(x) for x in theta]
    other = rule([("weight", fresh[0]), ("bias", fresh[1])], lr=0.7)
    other.load_state_dict(saved)
    assert equal_states(other.state_dict(), saved)
    descend(other, fresh, 7)
    assert same(parameters, fresh)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s.pop("state"), "expected what state_dict"),
        (lambda s: s["param_groups"].append(s["param_groups"][0]), "other parameters"),
        (lambda s: s["param_groups"][0].update(names=["weight", "other"]), "other parameters"),
        (lambda s: s["param_groups"][0].pop("eps"), "not of this rule"),
        (lambda s: s["param_groups"][0].update(momentum=0.9), "not of this rule"),
        (lambda s: s["param_groups"][0].update(lr=-1.0), "lr must be a number"),
        (lambda s: s["state"].pop("bias"), "'bias' needs t >= 0, m, v, got"),
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
    ids=["top", "group", "name", "setting", "extra", "range", "missing", "moment", "step", "shape", "list"],
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


# ---- bad input


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


def test_unknown_settings(rule):
    with pytest.raises(ValueError, match="unknown setting beta1, rate; known are lr, "):
        rule([{"params": plains((3,)), "rate": 0.1, "beta1": 0.9}])
    optimizer = rule(plains((3,)))
    with pytest.raises(ValueError, match="unknown setting names"):
        optimizer.add_param_group({"params": plains((3,)), "names": ["x"]})
    with pytest.raises(TypeError, match="a group must be a dictionary, got list"):
        optimizer.add_param_group(plains((3,)))
    assert len(optimizer.param_groups) == 1


def test_the_base_class_has_no_rule():
    optimizer = Optimizer(plains((3,)), {"lr": 0.1})
    with pytest.raises(TypeError, match=r"Optimizer does not define update\(\)"):
        optimizer.step()


# ---- and the rest


def test_repr():
    parameters = plains((2, 3), (4,), (5,))
    optimizer = SGD([{"params": parameters[:2]}, {"params": parameters[2], "lr": 0.5}], lr=0.1)
    assert repr(optimizer).splitlines() == [
        "SGD(",
        "  2 parameters, 10 numbers: lr=0.1, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False",
        "  1 parameters, 5 numbers: lr=0.5, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False",
        ")",
    ]


def test_gradients_that_are_not_finite_spoil_their_element_only(rule):
    p, q = Plain([1.0, 2.0]), Plain([1.0, 2.0])
    optimizers = rule([p]), rule([q])
    p.grad, q.grad = device([np.nan, 1.0]), device([1.0, 1.0])
    for _ in range(6):
        for optimizer in optimizers:
            optimizer.step()
    assert np.isnan(host(p.data)[0])
    assert host(p.data)[1] == host(q.data)[1]


def test_a_model_learns(rule):
    model, loss = model_and_loss()
    optimizer = rule(model.named_parameters(), lr=0.02)
    before = loss(model).item()
    train(model, loss, optimizer, 100)
    assert loss(model).item() < 0.5 * before


# ---- what is assigned from outside


def test_swapped_data_and_gradients(rule):
    a, b = plains((3,), (3,))
    c, d = Plain(host(a.data)), Plain(host(b.data))
    optimizer, other = rule([a, b]), rule([c, d])
    a.grad = b.grad = c.grad = d.grad = None
    a.data, b.data = b.data, a.data
    c.data, d.data = device(host(d.data).copy()), device(host(c.data).copy())
    optimizer.step()
    other.step()
    assert same([a, b], [c, d])
    for p, q in ((a, c), (b, d)):
        p.grad, q.grad = device(np.arange(3.0)), device(np.arange(3.0) + (p is b))
    b.grad = device(np.arange(3.0) + 1)
    optimizer.step()
    other.step()
    a.grad, b.grad = b.grad, a.grad
    c.grad, d.grad = d.grad, c.grad
    optimizer.step()
    other.step()
    assert same([a, b], [c, d])


def test_swapped_gradients_of_tensors(rule):
    w, v = (mr.tensor([float(i), 1.0], requires_grad=True) for i in range(2))
    optimizer = rule([w, v])
    (w * 2 + v * 3).sum().backward()
    w.grad, v.grad = v.grad, w.grad
    optimizer.step()
    assert (host(w.grad) == 3).all()
    assert (host(v.grad) == 2).all()


def test_assigned_data_count_as_a_write(rule):
    w = mr.tensor([1.0, 2.0], requires_grad=True)
    optimizer = rule([w])
    loss = (w * w).sum()
    w.data = device(np.array([3.0, 4.0], "float32"))
    optimizer.step()  # no gradient: nothing moves, but what was assigned is copied in
    with pytest.raises(RuntimeError, match="changed afterwards"):
        loss.backward()


# ---- whose the parameters are


def test_release_gives_the_parameters_up(rule):
    params = plains((3,))
    first = rule(params)
    first.release()
    second = rule(params)
    with pytest.raises(RuntimeError, match="it has no parameters since release"):
        first.step()
    before = values(params)
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


def test_no_shallow_copies(rule):
    with pytest.raises(TypeError, match=r"use copy\.deepcopy"):
        copy(rule(plains((3,))))


# ---- numbers


@pytest.mark.parametrize("number", [np.float64, np.float32, float])
def test_numpys_numbers_are_weak(rule, number):
    a, b = (Plain(np.linspace(-1, 1, 50), np.linspace(1, 3, 50), "float32") for _ in range(2))
    ours, plain = rule([a], lr=number(0.125)), rule([b], lr=0.125)
    for _ in range(8):
        ours.step()
        plain.step()
    assert same([a], [b])
    assert a.data.dtype == "float32"


def test_zero_grad_can_keep_the_arrays(rule):
    w = mr.tensor([1.0, 2.0], requires_grad=True)
    optimizer = rule([w])
    (w * w).sum().backward()
    optimizer.zero_grad(set_to_none=False)
    assert host(w.grad).tolist() == [0.0, 0.0]
    optimizer.zero_grad()
    optimizer.zero_grad(set_to_none=False)
    assert w.grad is None


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


def test_swaps_across_groups_and_dtypes(rule):
    a, b = (mr.tensor([float(i), 1.0], requires_grad=True) for i in range(2))
    optimizer = rule([{"params": [a]}, {"params": [b]}])
    (a * 2 + b * 3).sum().backward()
    a.grad, b.grad = b.grad, a.grad
    a.data, b.data = b.data, a.data
    c, d = (mr.tensor(x.tolist(), requires_grad=True) for x in (a, b))
    c.grad, d.grad = host(a.grad).copy(), host(b.grad).copy()
    c.grad, d.grad = device(c.grad), device(d.grad)
    other = rule([c, d])
    optimizer.step()
    other.step()
    assert (a.tolist(), b.tolist()) == (c.tolist(), d.tolist())
    assert (host(a.grad).tolist(), host(b.grad).tolist()) == ([3.0, 3.0], [2.0, 2.0])


def test_nothing_is_copied_in_before_all_is_checked(rule):
    a, b = plains((3,), (3,))
    optimizer = rule([{"params": [a]}, {"params": [b]}])
    assigned = device(np.arange(3.0))
    a.data, b.data = assigned, device(np.arange(4.0))
    with pytest.raises(ValueError, match="the data of parameter '1' must be float64 of shape"):
        optimizer.step()
    assert a.data is assigned
