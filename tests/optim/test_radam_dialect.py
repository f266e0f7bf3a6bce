"""RAdamDialect: each of the four against its original over 1,000 steps, and those that have no name, from a Dialect."""

import re
from dataclasses import asdict, astuple
from math import inf, nan, sqrt

import numpy as np
import pytest
from helpers import host
from optim.parity_table import DIALECTS, SETTINGS, STEPS, difference, name, ours, problem
from optim.plain import Plain, descend, plains, values

import minirad as mr
from minirad.optim import Dialect, RAdam, RAdamDialect

# As in test_parity.py: what 1,000 roundings of theta add up to, as a share of the largest |theta|.
TOLERANCE = {"float64": 1e-12, "float32": 2e-6}
# Decoupled decay multiplies by 1 - lr weight_decay at every step. In float32 this factor is off by up to 2^-25, always
# to the same side. The official rule subtracts lr weight_decay theta instead, which rounds anew each time.
DECAYED = {"float64": 1e-12, "float32": 2e-6 + STEPS * 2**-25}

each_case = pytest.mark.parametrize("case", SETTINGS, ids=name)
each_dtype = pytest.mark.parametrize("dtype", ["float64", "float32"])


# ---- the four that have a name


@each_dtype
@each_case
def test_paper_is_algorithm_2(case, dtype):
    assert difference("paper", *case, dtype) <= TOLERANCE[dtype]


@each_dtype
@each_case
def test_official_is_the_rule_of_the_authors(case, dtype):
    assert difference("official", *case, dtype) <= (DECAYED if "weight_decay" in case[1] else TOLERANCE)[dtype]


@each_dtype
@each_case
def test_torch_is_pytorchs(torch, case, dtype):
    assert difference("torch", *case, dtype) <= TOLERANCE[dtype]


@each_dtype
@each_case
def test_optax_is_optaxs(optax, case, dtype):
    assert difference("optax", *case, dtype) <= TOLERANCE[dtype]


def test_what_the_four_decide():
    """Also where their originals are not installed: threshold, inclusive, early, epsilon, decay."""
    assert {name: astuple(dialect) for name, dialect in mr.optim.DIALECTS.items()} == {
        "paper": (4, False, "momentum", "before", "decoupled"),
        "official": (5, True, "skip", "before", "decoupled"),
        "torch": (5, False, "momentum", "before", "l2"),
        "optax": (5, True, "momentum", "after", "none"),
    }
    assert set(DIALECTS) == set(mr.optim.DIALECTS)  # each is held to its original above


@each_case
def test_paper_is_radam(case):
    kind, settings = case
    start, gradients = problem(kind, "float64")
    p = Plain(start)
    optimizer = RAdam([p], **settings)
    path = []
    for g in gradients:
        p.grad = Plain(g).data
        optimizer.step()
        path.append(host(p.data).copy())
    assert abs(ours("paper", kind, settings, "float64") - path).max() <= 1e-14 * abs(np.array(path)).max()


# ---- the others, each written plainly for one number


def experiments(theta, gradients, lr, betas, eps=1e-8, weight_decay=0.0):
    """The copies of radam.py beside the authors' experiments: before rho_t is 5, a step of momentum."""
    (beta1, beta2), m, v = betas, 0.0, 0.0
    rho_inf = 2 / (1 - beta2) - 1
    for t, g in enumerate(gradients, 1):
        v = beta2 * v + (1 - beta2) * g * g
        m = beta1 * m + (1 - beta1) * g
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        theta = theta - weight_decay * lr * theta
        if rho >= 5:
            r = sqrt((rho - 4) / (rho_inf - 4) * (rho - 2) / rho * rho_inf / (rho_inf - 2))
            theta = theta - lr * r * sqrt(1 - beta2**t) / (1 - beta1**t) * m / (sqrt(v) + eps)
        else:
            theta = theta - lr / (1 - beta1**t) * m
        yield theta


def tensorflow_addons(theta, gradients, lr, betas, eps=1e-7, weight_decay=0.0):
    """The decay is one more term of the step, and epsilon is added to the corrected root."""
    (beta1, beta2), m, v = betas, 0.0, 0.0
    limit = 2 / (1 - beta2) - 1
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        sma = limit - 2 * t * beta2**t / (1 - beta2**t)
        step = m / (1 - beta1**t)
        if sma >= 5:
            r = sqrt((sma - 4) / (limit - 4) * (sma - 2) / (limit - 2) * limit / sma)
            step = r * step / (sqrt(v / (1 - beta2**t)) + eps)
        theta = theta - lr * (step + weight_decay * theta)
        yield theta


def optimisers_jl(theta, gradients, lr, betas, eps=1e-8):
    """The paper's threshold, and epsilon after the correction. The powers of beta are multiplied up."""
    (beta1, beta2), m, v, power1, power2 = betas, 0.0, 0.0, betas[0], betas[1]
    limit = 2 / (1 - beta2) - 1
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        rho = limit - 2 * t * power2 / (1 - power2)
        change = m / (1 - power1) * lr
        if rho > 4:
            r = sqrt((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho))
            change = change / (sqrt(v / (1 - power2)) + eps) * r
        theta = theta - change
        power1, power2 = power1 * beta1, power2 * beta2
        yield theta


def silent_start(theta, gradients, lr, betas, eps=1e-8):
    """What Schedule-Free RAdam decides: rho_t > 4, nothing before, epsilon after. Its averaging is left out.

    So is its decay: at the average y, scaled by lr r_t, it is none of a Dialect's three.
    """
    (beta1, beta2), m, v = betas, 0.0, 0.0
    limit = 2 / (1 - beta2) - 1
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        rho = limit - 2 * t * beta2**t / (1 - beta2**t)
        r = ((rho - 4) * (rho - 2) * limit / ((limit - 4) * (limit - 2) * rho)) ** 0.5 if rho > 4 else 0.0
        theta = theta - lr * r * m / (1 - beta1**t) / (sqrt(v / (1 - beta2**t)) + eps)
        yield theta


OTHERS = {
    experiments: Dialect(threshold=5, inclusive=True),
    tensorflow_addons: Dialect(threshold=5, inclusive=True, epsilon="after"),
    optimisers_jl: Dialect(epsilon="after", decay="none"),
    silent_start: Dialect(early="skip", epsilon="after", decay="none"),
}


@each_case
@pytest.mark.parametrize("original", OTHERS, ids=lambda original: original.__name__)
def test_dialects_without_a_name(original, case):
    kind, settings = case
    dialect = OTHERS[original]
    settings = {key: x for key, x in settings.items() if key != "weight_decay" or dialect.decay != "none"}
    settings.setdefault("eps", 1e-7)
    start, gradients = problem(kind, "float64")
    p = Plain(start)
    optimizer = RAdamDialect([p], dialect, **settings)
    expected = np.array([list(original(*one, **settings)) for one in zip(start, gradients.T, strict=True)]).T
    furthest = 0.0
    for g, theta in zip(gradients, expected, strict=True):
        p.grad = Plain(g).data
        optimizer.step()
        furthest = max(furthest, abs(host(p.data) - theta).max())
    assert furthest <= TOLERANCE["float64"] * abs(expected).max()


# ---- decision by decision


# theta after t = 4, 5, 6 steps from theta = 1 with g = theta, lr 0.1: 40 digits, rounded to 12.
@pytest.mark.parametrize(
    ("dialect", "expected"),
    [
        ("paper", [0.631486630090, 0.629817730994, 0.627350601223]),
        (Dialect(threshold=5, inclusive=True), [0.631486630090, 0.552364195102, 0.549920979219]),
        ("torch", [0.631486630090, 0.552364195102, 0.549920979219]),
        ("official", [1, 1, 0.997417889054]),
    ],
    ids=["paper", "experiments", "torch", "official"],
)
def test_the_numbers_that_tell_dialects_apart(dialect, expected):
    p = Plain([1.0])
    optimizer = RAdamDialect([p], dialect, lr=0.1)
    path = []
    for _ in range(6):
        descend(optimizer, [p], 1)
        path.append(host(p.data).item())
    assert path[3:] == pytest.approx(expected, rel=0, abs=1e-12)


@pytest.mark.parametrize(
    ("beta2", "four", "five"),
    [(0.6, None, None), (0.7, 6, 10), (0.8, 5, 7), (0.9, 5, 6), (0.999, 5, 6), (0.9999, 5, 6)],
)
def test_the_first_adaptive_step(beta2, four, five):
    """With a gradient of 1e6 a step without 1/sqrt(v) moves by lr 1e6, one with it by less than lr."""
    for dialect, first in (("paper", four), ("torch", five), ("optax", five)):
        p = Plain([0.0], [1e6])
        optimizer = RAdamDialect([p], dialect, lr=1.0, betas=(0.9, beta2))
        steps = -np.diff([(optimizer.step(), host(p.data).item())[1] for _ in range(30)], prepend=0.0)
        assert next((t for t, step in enumerate(steps, 1) if step < 1.0), None) == first
        assert (steps > 0).all()


def test_whether_the_threshold_itself_counts():
    assert [Dialect(threshold=5).adaptive(rho) for rho in (4.9, 5.0, 5.1)] == [False, False, True]
    assert [Dialect(threshold=5, inclusive=True).adaptive(rho) for rho in (4.9, 5.0, 5.1)] == [False, True, True]
    assert [Dialect().adaptive(rho) for rho in (3.9, 4.0, 4.1)] == [False, False, True]


def test_a_skipped_step_moves_and_decays_nothing_but_counts():
    p = Plain([2.0], [3.0])
    optimizer = RAdamDialect([p], "official", lr=0.1, betas=(0.9, 0.999), weight_decay=0.5)
    for t in range(1, 6):
        optimizer.step()
        assert host(p.data).tolist() == [2.0]
        state = optimizer.state_dict()["state"]["0"]
        assert state["t"] == t
        assert state["m"] == pytest.approx(3 * (1 - 0.9**t))
        assert state["v"] == pytest.approx(9 * (1 - 0.999**t))
    optimizer.step()
    assert 0 < host(p.data)[0] < 2.0 * 0.95  # the decay, and a step down


def test_beta2_of_06_never_moves_the_official_rule():
    """rho_inf is 4: no step is adaptive, and the others are left out."""
    p = Plain([2.0], [3.0])
    optimizer = RAdamDialect([p], "official", lr=0.1, betas=(0.9, 0.6), weight_decay=0.5)
    for _ in range(200):
        optimizer.step()
    assert host(p.data).tolist() == [2.0]


def test_the_same_word_means_two_kinds_of_decay():
    """With the gradient 0, decoupled decay shrinks theta by lr weight_decay; in the gradient it becomes a step."""
    p, q = Plain([2.0], [0.0]), Plain([2.0], [0.0])
    RAdamDialect([p], Dialect(decay="decoupled"), lr=0.1, weight_decay=0.5).step()
    RAdamDialect([q], Dialect(decay="l2"), lr=0.1, weight_decay=0.5).step()
    assert host(p.data).tolist() == [2.0 * (1 - 0.1 * 0.5)]
    assert host(q.data) == pytest.approx([2.0 - 0.1 * 0.5 * 2.0])  # a momentum step: m_hat = g = weight_decay theta
    p, q = Plain([2.0], [0.0]), Plain([2.0], [0.0])
    for parameter, decay in ((p, "decoupled"), (q, "l2")):
        optimizer = RAdamDialect([parameter], Dialect(decay=decay), lr=0.1, betas=(0.9, 0.8), weight_decay=1e-3)
        for _ in range(50):
            optimizer.step()
    assert host(p.data)[0] == pytest.approx(2.0 * (1 - 1e-4) ** 50)  # 1.99
    assert host(q.data)[0] < 0.1  # lr a step, however small the decay


def test_where_epsilon_stands():
    """With eps far above sqrt(v), an adaptive step is lr r m_hat sqrt(1 - beta2^t)/eps, or lr r m_hat/eps."""
    moved = {}
    for epsilon in ("before", "after"):
        p = Plain([0.0], [1.0])
        optimizer = RAdamDialect([p], Dialect(early="skip", epsilon=epsilon), lr=1.0, eps=1e6)
        for _ in range(5):
            optimizer.step()
        moved[epsilon] = host(p.data).item()
    assert moved["before"] == pytest.approx(moved["after"] * sqrt(1 - 0.999**5), rel=1e-4)
    assert moved["after"] == pytest.approx(-mr.variance.rectification(5, 0.999) / 1e6, rel=1e-4)


def test_optax_without_x64_is_adaptive_too_early(optax):
    """rho_t in float32, which RAdamDialect never computes: at beta2 = 0.9999 the second step is adaptive already."""
    import jax

    with jax.enable_x64(False):
        rule = optax.radam(1.0, 0.9, 0.9999)
        state = rule.init(jax.numpy.zeros(1))
        steps = []
        for _ in range(2):
            change, state = rule.update(jax.numpy.full(1, 1e6), state)
            steps.append(-float(change[0]))
    assert steps[0] == pytest.approx(1e6)
    assert steps[1] < 1
    p = Plain([0.0], [1e6], "float32")
    optimizer = RAdamDialect([p], "optax", lr=1.0, betas=(0.9, 0.9999))
    for _ in range(5):
        optimizer.step()
    assert host(p.data) == pytest.approx([-5e6])


# ---- as a setting


def test_groups_may_speak_different_dialects():
    a, b, a2, b2 = *plains((3,), (2,)), *plains((3,), (2,))
    both = RAdamDialect([{"params": [a], "dialect": "official"}, {"params": [b]}], "optax", lr=0.1)
    apart = RAdamDialect([a2], "official", lr=0.1), RAdamDialect([b2], "optax", lr=0.1)
    descend(both, [a, b], 8)
    descend(apart[0], [a2], 8)
    descend(apart[1], [b2], 8)
    assert all(np.array_equal(x, y) for x, y in zip(values([a, b]), values([a2, b2]), strict=True))


@pytest.mark.parametrize(
    "dialect", ["official", Dialect(threshold=5, epsilon="after", decay="l2")], ids=["name", "own"]
)
@pytest.mark.parametrize("written", [False, True], ids=["as it is", "as a file has it"])
def test_a_saved_state_keeps_its_dialect(dialect, written):
    first, second = plains((3,)), plains((3,))
    optimizer, other = RAdamDialect(first, dialect, lr=0.1, weight_decay=0.1), RAdamDialect(second, "torch")
    descend(optimizer, first, 3)
    saved = optimizer.state_dict()
    if written and isinstance(dialect, Dialect):
        saved["param_groups"][0]["dialect"] = asdict(dialect)
    other.load_state_dict(saved)
    second[0].data[...] = first[0].data
    descend(optimizer, first, 8)
    descend(other, second, 8)
    assert np.array_equal(*values([first[0], second[0]]))


def test_the_default_is_pytorchs():
    settings = RAdamDialect(plains((3,))).param_groups[0]
    expected = {"dialect": "torch", "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}
    assert {key: settings[key] for key in expected} == expected


@pytest.mark.parametrize("dialect", ["optax", Dialect(decay="none")], ids=["optax", "own"])
def test_a_dialect_without_decay_refuses_one(dialect):
    [p] = plains((3,))
    home = p.data
    message = "RAdamDialect: this dialect has no weight decay, got weight_decay=0.1"
    with pytest.raises(ValueError, match=message):
        RAdamDialect([p], dialect, weight_decay=0.1)
    with pytest.raises(ValueError, match=message):
        RAdamDialect([{"params": [p], "dialect": dialect}], weight_decay=0.1)
    with pytest.raises(ValueError, match=message):
        RAdamDialect([{"params": [p], "weight_decay": 0.1}], dialect)
    assert p.data is home


@pytest.mark.parametrize(
    "dialect", ["Torch", "", None, 5, ["torch"], ("torch",), {"threshold": 5, "decoupled": True}, Dialect], ids=repr
)
def test_unknown_dialects(dialect):
    [p] = plains((3,))
    home = p.data
    message = "RAdamDialect: dialect must be one of paper, official, torch, optax, or a Dialect, got "
    with pytest.raises(ValueError, match=message + re.escape(repr(dialect))):
        RAdamDialect([p], dialect)
    with pytest.raises(ValueError, match=message):
        RAdamDialect([{"params": [p], "dialect": dialect}])
    assert p.data is home


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"threshold": 3.9}, "r_t exists for rho_t > 4 only, got the threshold 3.9"),
        ({"threshold": 4, "inclusive": True}, "r_t exists for rho_t > 4 only, got the threshold 4"),
        *[({"threshold": bad}, f".*threshold.*{bad!r}") for bad in (-inf, nan, "5", None, True)],
        *[({"threshold": 5, "inclusive": bad}, f".*inclusive.*{bad!r}") for bad in ("yes", 1, None)],
        ({"early": "sgd"}, "early must be one of momentum, skip, got 'sgd'"),
        ({"early": None}, "early must be one of momentum, skip, got None"),
        ({"epsilon": "inside"}, "epsilon must be one of before, after, got 'inside'"),
        ({"decay": True}, "decay must be one of decoupled, l2, none, got True"),
        ({"decay": ["l2"]}, r"decay must be one of decoupled, l2, none, got \['l2'\]"),
    ],
    ids=repr,
)
def test_what_is_no_dialect(fields, message):
    with pytest.raises((ValueError, TypeError), match=f"Dialect: {message}"):
        Dialect(**fields)
    [p] = plains((3,))
    home = p.data
    with pytest.raises((ValueError, TypeError), match=f"Dialect: {message}"):
        RAdamDialect([p], fields)  # as a saved state has it
    assert p.data is home
