"""Several schedules as one, also against torch.optim.lr_scheduler."""

import pytest
from optim.plain import plains

from minirad.optim import SGD, Adam
from minirad.optim.lr_scheduler import (
    ChainedScheduler,
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LinearLR,
    LinearWarmup,
    MultiStepLR,
    SequentialLR,
    StepLR,
    UntunedLinearWarmup,
)


def rates(schedule, steps):
    """The rate of the first group at each step."""
    result = []
    for _ in range(steps):
        result.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return result


def test_one_after_the_other():
    own = SGD(plains((3,)), lr=1.0)
    schedule = SequentialLR(own, [LinearWarmup(own, 4), StepLR(own, 2, 0.5)], [4])
    assert rates(schedule, 9) == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25]


def test_warmup_and_the_papers_milestones_at_once():
    own = SGD(plains((3,)), lr=1.0)
    schedule = ChainedScheduler([LinearWarmup(own, 4), MultiStepLR(own, [5, 6], 0.5)])
    assert rates(schedule, 8) == [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.25, 0.25]


def test_all_at_once_may_be_a_single_one():
    own = SGD(plains((3,)), lr=1.0)
    assert rates(ChainedScheduler([StepLR(own, 1, 0.5)]), 3) == [1.0, 0.5, 0.25]


@pytest.mark.parametrize(
    "combine",
    [lambda own, part: SequentialLR(own, [part], []), lambda own, part: ChainedScheduler([part])],
    ids=["sequential", "chained"],
)
def test_each_group_has_its_own_rate_in_a_combination(combine):
    a, b = plains((3,), (3,))
    own = Adam([{"params": [a], "betas": (0.9, 0.5)}, {"params": [b], "betas": (0.9, 0.75)}], lr=1.0)
    schedule = combine(own, UntunedLinearWarmup(own))
    assert schedule.get_last_lr() == [0.25, 0.125]


def test_the_order_in_which_they_are_built_does_not_matter():
    found = []
    for first in (0, 1):
        own = SGD(plains((3,)), lr=1.0)
        builders = [lambda own=own: LinearWarmup(own, 4), lambda own=own: ConstantLR(own, 0.5, 2)]
        made = {i: builders[i]() for i in (first, 1 - first)}
        found.append(rates(SequentialLR(own, [made[0], made[1]], [3]), 8))
    assert found[0] == found[1] == [0.25, 0.5, 0.75, 0.5, 0.5, 1.0, 1.0, 1.0]


def test_going_on_from_a_saved_state():
    def build(lr):
        own = Adam(plains((3,)), lr=lr)
        return SequentialLR(own, [LinearLR(own, 0.1, 1.0, 5), CosineAnnealingLR(own, 20)], [5])

    schedule = build(1.0)
    rates(schedule, 9)
    other = build(3.0)
    other.optimizer.load_state_dict(schedule.optimizer.state_dict())
    other.load_state_dict(schedule.state_dict())
    assert rates(other, 9) == rates(schedule, 9)


@pytest.mark.parametrize("kind", ["sequential", "chained"])
def test_the_same_rates_as_pytorch(torch, kind):
    def build(library, own):
        s = library.optim.lr_scheduler
        if kind == "chained":
            return s.ChainedScheduler([s.LinearLR(own, 0.2, 1.0, 8), s.ExponentialLR(own, 0.9), s.StepLR(own, 5, 0.7)])
        parts = [s.LinearLR(own, 0.2, 1.0, 8), s.ConstantLR(own, 0.5, 4), s.CosineAnnealingLR(own, 10, 0.01)]
        return s.SequentialLR(own, parts, [8, 15])

    import minirad as mr

    ours = build(mr, SGD(plains((3,)), lr=0.5))
    own = torch.optim.SGD([torch.nn.Parameter(torch.ones(2))], lr=0.5)
    theirs = build(torch, own)
    expected = []
    for _ in range(40):
        expected.append(own.param_groups[0]["lr"])
        own.step()
        theirs.step()
    assert rates(ours, 40) == pytest.approx(expected, rel=1e-9)


def test_bad_arguments():
    own, other = SGD(plains((3,)), lr=1.0), SGD(plains((3,)), lr=1.0)
    a, b, foreign = ExponentialLR(own, 0.5), ExponentialLR(own, 0.5), ExponentialLR(other, 0.5)
    for parts in ([], [a, foreign], [a, "b"]):
        with pytest.raises(ValueError, match="SequentialLR: needs schedules, at least one, all of them of the same"):
            SequentialLR(own, parts, [3])
        with pytest.raises(ValueError, match="ChainedScheduler: needs schedules"):
            ChainedScheduler(parts)
    with pytest.raises(ValueError, match="ChainedScheduler: needs schedules"):
        ChainedScheduler([a, b], other)
    for milestones in ([], [3, 5], [0], [2.5]):
        with pytest.raises(ValueError, match="SequentialLR: milestones must be"):
            SequentialLR(own, [a, b], milestones)
    with pytest.raises(ValueError, match=r"SequentialLR: milestones must be growing steps, .* got \[5, 3\]"):
        SequentialLR(own, [a, b, a], [5, 3])
