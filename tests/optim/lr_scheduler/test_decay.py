"""PyTorch's shapes: against their formulas, and step by step against torch.optim.lr_scheduler."""

from math import cos, pi

import pytest
from optim.plain import plains

from minirad.optim import SGD, lr_scheduler
from minirad.optim.lr_scheduler import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    StepLR,
)

STEPS = 45


def optimizer(*lrs):
    return SGD([{"params": plains((2,)), "lr": lr} for lr in lrs or (0.5,)], lr=0.0)


def rates(schedule, steps=STEPS):
    """The rates of all groups at each step."""
    result = []
    for _ in range(steps):
        result.append(list(schedule.get_last_lr()))
        schedule.optimizer.step()
        schedule.step()
    return result


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda o: ConstantLR(o, 0.25, 2), [0.125, 0.125, 0.5, 0.5]),
        (lambda o: LinearLR(o, 0.5, 1.0, 2), [0.25, 0.375, 0.5, 0.5]),
        (lambda o: LinearLR(o, 1.0, 0.0, 2), [0.5, 0.25, 0.0, 0.0]),
        (lambda o: StepLR(o, 2, 0.5), [0.5, 0.5, 0.25, 0.25, 0.125]),
        (lambda o: MultiStepLR(o, [1, 3], 0.5), [0.5, 0.25, 0.25, 0.125, 0.125]),
        (lambda o: ExponentialLR(o, 0.5), [0.5, 0.25, 0.125]),
        (lambda o: LambdaLR(o, lambda epoch: 1 / (1 + epoch)), [0.5, 0.25, 0.5 / 3]),
        (lambda o: LambdaLR(o, [lambda epoch: 1 / (1 + epoch)]), [0.5, 0.25, 0.5 / 3]),
        (lambda o: CosineAnnealingLR(o, 2, 0.1), [0.5, 0.3, 0.1, 0.3, 0.5]),
        # and with the default arguments, which are PyTorch's
        (lambda o: ConstantLR(o), [0.5 / 3] * 5 + [0.5]),
        (lambda o: LinearLR(o), [0.5 * (1 / 3 + 2 / 3 * t / 5) for t in range(5)] + [0.5, 0.5]),
        (lambda o: StepLR(o, 1), [0.5, 0.05, 0.005]),
        (lambda o: MultiStepLR(o, [1]), [0.5, 0.05, 0.05]),
        (lambda o: CosineAnnealingLR(o, 2), [0.5, 0.25, 0.0]),
    ],
)
def test_by_hand(build, expected):
    assert [rate for (rate,) in rates(build(optimizer()), len(expected))] == pytest.approx(expected, abs=1e-15)


def test_half_a_cosine():
    found = rates(CosineAnnealingLR(optimizer(2.0), 10, 0.5), 11)
    assert found == [pytest.approx([0.5 + 0.75 * (1 + cos(pi * t / 10))]) for t in range(11)]


CASES = [
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.1, "total_iters": 7}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.01, "end_factor": 0.7, "total_iters": 20}),
    ("LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": 20}),
    ("StepLR", {"step_size": 7}),
    ("StepLR", {"step_size": 1, "gamma": 0.9}),
    ("MultiStepLR", {"milestones": [3, 10, 11]}),
    ("MultiStepLR", {"milestones": [5, 5, 30], "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingLR", {"T_max": 10}),
    ("CosineAnnealingLR", {"T_max": 7, "eta_min": 0.01}),
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.95**epoch}),
    ("LambdaLR", {"lr_lambda": [lambda epoch: 0.95**epoch, lambda epoch: 1 / (epoch + 1)]}),
]


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_same_rates_as_pytorch(torch, name, settings):
    ours = getattr(lr_scheduler, name)(optimizer(0.5, 0.03), **settings)
    peers = [{"params": [torch.nn.Parameter(torch.ones(2))], "lr": lr} for lr in (0.5, 0.03)]
    theirs = getattr(torch.optim.lr_scheduler, name)(torch.optim.SGD(peers, lr=0.0), **settings)
    expected = []
    for _ in range(STEPS):
        expected.append(theirs.get_last_lr())
        theirs.optimizer.step()
        theirs.step()
    assert rates(ours) == [pytest.approx(row, rel=1e-9, abs=1e-12) for row in expected]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda o: ConstantLR(o, 1.5), r"ConstantLR: factor must be in \[0, 1\], got 1.5"),
        (lambda o: ConstantLR(o, "0.5"), r"ConstantLR: factor must be in \[0, 1\], got '0.5'"),
        (lambda o: ConstantLR(o, 0.5, 0), "ConstantLR: total_iters must be a positive integer, got 0"),
        (lambda o: LinearLR(o, 0), r"LinearLR: start_factor must be in \(0, 1\], got 0"),
        (lambda o: LinearLR(o, 0.5, -0.1), r"LinearLR: end_factor must be in \[0, 1\], got -0.1"),
        (lambda o: LinearLR(o, 0.5, 1, 2.5), "LinearLR: total_iters must be a positive integer, got 2.5"),
        (lambda o: StepLR(o, 0), "StepLR: step_size must be a positive integer, got 0"),
        (lambda o: StepLR(o, 3, -1), r"StepLR: gamma must be in \[0, inf\), got -1"),
        (lambda o: MultiStepLR(o, [0]), "MultiStepLR: milestones must be a positive integer, got 0"),
        (lambda o: MultiStepLR(o, [3], float("nan")), r"MultiStepLR: gamma must be in \[0, inf\), got nan"),
        (lambda o: ExponentialLR(o, True), r"ExponentialLR: gamma must be in \[0, inf\), got True"),
        (lambda o: CosineAnnealingLR(o, True), "CosineAnnealingLR: T_max must be a positive integer, got True"),
        (lambda o: CosineAnnealingLR(o, 3, -1), r"CosineAnnealingLR: eta_min must be in \[0, inf\), got -1"),
        (lambda o: LambdaLR(o, 0.5), "LambdaLR: lr_lambda must be a function, or one"),
        (lambda o: LambdaLR(o, [abs, abs]), "LambdaLR: lr_lambda must be a function, or one for each of 1 groups"),
        (lambda o: LambdaLR(o, [0.5]), "LambdaLR: lr_lambda must be a function, or one for each"),
        (lambda o: ExponentialLR(o, float("inf")), "ExponentialLR: gamma must be .* got inf"),
    ],
)
def test_bad_arguments_change_nothing(build, message):
    own = optimizer(0.5)
    with pytest.raises(ValueError, match=message):
        build(own)
    assert "initial_lr" not in own.param_groups[0]
    assert own.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize("name", lr_scheduler.__all__)
def test_no_optimizer(name):
    arguments = {"StepLR": (3,), "MultiStepLR": ([3],), "ExponentialLR": (0.5,), "CosineAnnealingLR": (3,)}
    arguments |= {"LambdaLR": (abs,), "LinearWarmup": (3,), "InverseSquareRoot": (3,), "SequentialLR": ([], [])}
    first = () if name == "ChainedScheduler" else (0.1,)
    arguments["ChainedScheduler"] = ([0.1],)
    with pytest.raises((TypeError, ValueError), match=name):
        getattr(lr_scheduler, name)(*first, *arguments.get(name, ()))
