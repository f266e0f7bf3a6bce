"""SGD and Adam against torch.optim: 1,000 steps with the same gradients, many settings."""

import numpy as np
import pytest
from helpers import host
from optim.plain import Plain

import minirad as mr

STEPS = 1000
SHAPES = [(3, 4), (5,), (), (2, 1, 3)]

SGD = [
    {"lr": 0.01},
    {"lr": 0.01, "weight_decay": 0.1},
    {"lr": 0.01, "momentum": 0.9},
    {"lr": 0.01, "momentum": 0.9, "nesterov": True},
    {"lr": 0.01, "momentum": 0.9, "dampening": 0.5},
    {"lr": 0.01, "momentum": 0.99, "dampening": 0.9, "weight_decay": 0.01},
    {"lr": 0.1, "momentum": 0.5, "nesterov": True, "weight_decay": 0.001},
]
ADAM = [
    {"lr": 0.01},
    {"lr": 0.01, "weight_decay": 0.1},
    {"lr": 0.1, "betas": (0.0, 0.0)},
    {"lr": 0.001, "betas": (0.5, 0.9)},
    {"lr": 0.001, "betas": (0.99, 0.9999)},
    {"lr": 0.01, "eps": 1e-2},
    {"lr": 0.01, "betas": (0.8, 0.95), "eps": 0.5, "weight_decay": 0.01},
]
CASES = [("SGD", settings) for settings in SGD] + [("Adam", settings) for settings in ADAM]
KINDS = ["normal", "sparse", "huge", "tiny", "skipped"]

# How far apart they may end, as a share of the largest |theta| on the way. In float32, each of the 1,000 steps rounds
# anew (2^-24 = 6e-8), and PyTorch fuses some of the operations.
TOLERANCE = {"float64": 1e-12, "float32": 2e-6}


def gradients(kind, t, rng):
    """The gradients of one step; None for a parameter that has none ("skipped")."""
    result = [rng.standard_normal(shape) for shape in SHAPES]
    if kind == "sparse":
        result = [g * (rng.random(g.shape) < 0.1) for g in result]
    elif kind == "huge":
        result = [g * 10.0 ** rng.integers(0, 9) for g in result]
    elif kind == "tiny":
        result = [g * 1e-9 for g in result]
    elif kind == "skipped":
        result = [None if (t + i) % 3 == 0 else g for i, g in enumerate(result)]
    return result


def name(case):
    return "-".join([case[0], *(f"{key}={value}" for key, value in case[1].items())])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=name)
def test_the_same_trajectory(torch, case, dtype):
    rule, settings = case
    rng = np.random.default_rng(7)
    for kind in KINDS if dtype == "float64" else KINDS[:2]:
        start = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
        ours = [Plain(array, dtype=dtype) for array in start]
        theirs = [torch.nn.Parameter(torch.from_numpy(np.array(array))) for array in start]
        optimizers = getattr(mr.optim, rule)(ours, **settings), getattr(torch.optim, rule)(theirs, **settings)
        largest = furthest = 0.0
        for t in range(1, STEPS + 1):
            for p, q, g in zip(ours, theirs, gradients(kind, t, rng), strict=True):
                p.grad = None if g is None else Plain(g, dtype=dtype).data
                q.grad = None if g is None else torch.from_numpy(np.array(g, dtype))
            for optimizer in optimizers:
                optimizer.step()
            if t < 10 or t % 50 == 0:
                for p, q in zip(ours, theirs, strict=True):
                    theta = q.detach().numpy()
                    largest = max(largest, abs(theta).max())
                    furthest = max(furthest, abs(host(p.data) - theta).max())
        assert furthest <= TOLERANCE[dtype] * largest, kind


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("rule", ["SGD", "Adam"])
def test_gradients_that_are_not_finite_pass_through(torch, rule, bad):
    """No check and no clipping, as in PyTorch: the element is spoilt, its neighbours are not."""
    ours, theirs = Plain([1.0, 2.0]), torch.nn.Parameter(torch.tensor([1.0, 2.0], dtype=torch.float64))
    optimizers = getattr(mr.optim, rule)([ours], lr=0.1), getattr(torch.optim, rule)([theirs], lr=0.1)
    for g in ([1.0, bad], [1.0, 1.0]):
        ours.grad, theirs.grad = Plain(g).data, torch.tensor(g, dtype=torch.float64)
        with np.errstate(all="ignore"):
            for optimizer in optimizers:
                optimizer.step()
        assert host(ours.data) == pytest.approx(theirs.detach().numpy(), rel=1e-14, nan_ok=True)
