"""Every rule that torch.optim has, against it: 1,000 steps with the same gradients, with all of its options."""

import numpy as np
import pytest
from helpers import host
from optim.parity_table import drawn
from optim.plain import Plain

import minirad as mr

STEPS = 1000
SHAPES = [(3, 4), (5,), (), (2, 1, 3)]

# The settings are PyTorch's. With decay in the gradient and tiny gradients, theta may come to rest near 0, where
# dividing by sqrt(v) makes any rounding grow: the large eps of one of the settings is there for that.
CASES = {
    "SGD": [
        {"lr": 0.01},
        {"lr": 0.01, "weight_decay": 0.1},
        {"lr": 0.01, "momentum": 0.9},
        {"lr": 0.01, "momentum": 0.9, "nesterov": True},
        {"lr": 0.01, "momentum": 0.9, "dampening": 0.5},
        {"lr": 0.01, "momentum": 0.99, "dampening": 0.9, "weight_decay": 0.01},
        {"lr": 0.1, "momentum": 0.5, "nesterov": True, "weight_decay": 0.001},
        {"lr": 0.01, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01, "maximize": True},
    ],
    "Adagrad": [
        {},
        {"lr": 0.1, "eps": 1e-3},
        {"lr": 0.1, "lr_decay": 0.01},
        {"lr": 0.1, "initial_accumulator_value": 0.5},
        {"lr": 0.1, "weight_decay": 0.1},
        {"lr": 1.0, "lr_decay": 0.1, "weight_decay": 0.01, "initial_accumulator_value": 1e-3, "maximize": True},
    ],
    "RMSprop": [
        {},
        {"lr": 0.001, "alpha": 0.9, "eps": 1e-3},
        {"lr": 0.01, "weight_decay": 0.1},
        {"lr": 0.001, "momentum": 0.9},
        {"lr": 0.01, "centered": True},
        {"lr": 0.001, "alpha": 0.5, "momentum": 0.5, "centered": True, "eps": 1e-2},
        {"lr": 0.001, "momentum": 0.9, "centered": True, "weight_decay": 0.01, "maximize": True},
    ],
    "Adam": [
        {"lr": 0.01},
        {"lr": 0.01, "weight_decay": 0.1},
        {"lr": 0.1, "betas": (0.0, 0.0)},
        {"lr": 0.001, "betas": (0.5, 0.9)},
        {"lr": 0.001, "betas": (0.99, 0.9999)},
        {"lr": 0.01, "eps": 1e-2},
        {"lr": 0.01, "betas": (0.8, 0.95), "eps": 0.5, "weight_decay": 0.01},
        {"lr": 0.01, "amsgrad": True},
        {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1, "amsgrad": True, "maximize": True},
    ],
    "AdamW": [
        {},
        {"lr": 0.01, "weight_decay": 0.5},
        {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-2, "weight_decay": 0.0},
        {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True},
        {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1, "maximize": True},
    ],
    "RAdam": [
        {},
        {"lr": 0.01, "betas": (0.9, 0.7)},
        {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-2},
        {"lr": 0.01, "weight_decay": 0.1},
        {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True},
        {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-2, "weight_decay": 0.1, "maximize": True},
        {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
    ],
}
PAIRS = [(rule, settings) for rule, several in CASES.items() for settings in several]
KINDS = ["normal", "sparse", "huge", "tiny", "skipped"]

# How far apart they may end, as a share of the largest |theta| on the way. In float32, each of the 1,000 steps rounds
# anew (2^-24 = 6e-8), which adds up like a walk without direction (sqrt(1000) = 32), and PyTorch fuses some of the
# operations.
TOLERANCE = {"float64": 1e-12, "float32": 2e-6}


def ours(rule, params, **settings):
    """minirad's rule with PyTorch's settings."""
    if rule != "RAdam":
        return getattr(mr.optim, rule)(params, **settings)
    decoupled = settings.pop("decoupled_weight_decay", False)
    dialect = mr.optim.Dialect(threshold=5, decay="decoupled") if decoupled else "torch"
    return mr.optim.RAdamDialect(params, dialect, **settings)


def gradients(kind, t, rng):
    """The gradients of one step; None for a parameter that has none ("skipped")."""
    if kind == "skipped":
        return [None if (t + i) % 3 == 0 else rng.standard_normal(shape) for i, shape in enumerate(SHAPES)]
    return [drawn(kind, shape, rng) for shape in SHAPES]


def name(case):
    return "-".join([case[0], *(f"{key}={value}" for key, value in case[1].items())])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", PAIRS, ids=name)
def test_the_same_trajectory(torch, case, dtype):
    for kind, distance in zip(KINDS, distances(torch, *case, dtype), strict=True):
        assert distance <= TOLERANCE[dtype], kind


def distances(torch, rule, settings, dtype):
    """For each of KINDS, the largest difference on the way, as a share of the largest |theta|."""
    rng = np.random.default_rng(7)
    for kind in KINDS:
        start = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
        mine = [Plain(array, dtype=dtype) for array in start]
        theirs = [torch.nn.Parameter(torch.from_numpy(np.array(array))) for array in start]
        optimizers = ours(rule, mine, **settings), getattr(torch.optim, rule)(theirs, **settings)
        largest = furthest = 0.0
        for t in range(1, STEPS + 1):
            for p, q, g in zip(mine, theirs, gradients(kind, t, rng), strict=True):
                p.grad = None if g is None else Plain(g, dtype=dtype).data
                q.grad = None if g is None else torch.from_numpy(np.array(g, dtype))
            for optimizer in optimizers:
                optimizer.step()
            if t < 10 or t % 50 == 0:
                for p, q in zip(mine, theirs, strict=True):
                    theta = q.detach().numpy()
                    largest = max(largest, abs(theta).max())
                    furthest = max(furthest, abs(host(p.data) - theta).max())
        yield float(furthest / largest)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("rule", list(CASES))
def test_gradients_that_are_not_finite_pass_through(torch, rule, bad):
    """No check and no clipping, as in PyTorch: the element is spoilt, its neighbour is not.

    NaN or infinite: of an m that is infinite, PyTorch's RAdam makes inf - inf at the next step, and minirad inf.
    """
    mine, theirs = Plain([1.0, 2.0]), torch.nn.Parameter(torch.tensor([1.0, 2.0], dtype=torch.float64))
    optimizers = ours(rule, [mine], lr=0.1), getattr(torch.optim, rule)([theirs], lr=0.1)
    for g in ([1.0, bad], [1.0, 1.0]):
        mine.grad, theirs.grad = Plain(g).data, torch.tensor(g, dtype=torch.float64)
        with np.errstate(all="ignore"):
            for optimizer in optimizers:
                optimizer.step()
        (good, spoilt), expected = host(mine.data), theirs.detach().numpy()
        assert good == pytest.approx(expected[0], rel=1e-14)
        assert not np.isfinite(spoilt)
        assert not np.isfinite(expected[1])
