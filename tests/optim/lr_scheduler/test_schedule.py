"""What every schedule shares."""

import json
from copy import deepcopy
from math import nan

import pytest
from helpers import host
from optim.plain import Plain, plains

from minirad.optim import SGD, RAdam
from minirad.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LinearWarmup, LRScheduler, MultiStepLR, SequentialLR


class Halving(LRScheduler):
    def factor(self, t):
        return 0.5 ** (t - 1)


def rates(schedule, steps):
    """The rate of the first group at each step."""
    result = []
    for _ in range(steps):
        result.append(schedule.get_last_lr()[0])
        schedule.optimizer.step()
        schedule.step()
    return result


def test_the_optimizer_takes_the_rate():
    p = Plain(0.0, 1.0)
    optimizer = SGD([p], lr=1.0)
    schedule = Halving(optimizer)
    rates(schedule, 3)
    assert host(p.data) == -(1 + 0.5 + 0.25)


def test_every_group_keeps_its_own_rate():
    a, b = plains((3,), (3,))
    optimizer = RAdam([{"params": [a], "lr": 0.1}, {"params": [b], "lr": 0.01}])
    schedule = LinearWarmup(optimizer, 2)
    assert schedule.get_last_lr() == [0.05, 0.005]
    schedule.step()
    assert schedule.get_last_lr() == [0.1, 0.01] == [group["lr"] for group in optimizer.param_groups]


def test_going_on_from_a_saved_state():
    schedule = LinearWarmup(SGD(plains((3,)), lr=1.0), 10)
    rates(schedule, 3)
    saved = deepcopy([schedule.optimizer.state_dict(), schedule.state_dict()])
    other = LinearWarmup(SGD(plains((3,)), lr=7.0), 10)
    other.optimizer.load_state_dict(saved[0])
    other.load_state_dict(saved[1])
    assert rates(other, 9) == rates(schedule, 9)


def test_a_rate_set_by_hand_outlives_a_saved_state():
    """Until the next step(), as without saving."""
    saved = []
    for _ in range(2):
        schedule = LinearWarmup(SGD(plains((3,)), lr=1.0), 10)
        schedule.optimizer.param_groups[0]["lr"] = 0.33
        if saved:
            schedule.optimizer.load_state_dict(saved[0])
            schedule.load_state_dict(saved[1])
        saved = deepcopy([schedule.optimizer.state_dict(), schedule.state_dict()])
        assert rates(schedule, 2) == [0.33, 0.2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t": -1}, "t must be a whole number >= 0, got -1"),
        ({"t": 2.0}, "t must be a whole number >= 0, got 2.0"),
        ({"t": True}, "t must be a whole number >= 0, got True"),
        ({"t": "3"}, "t must be a whole number >= 0, got '3'"),
        ({"base_lrs": [nan]}, r"base_lrs must be in \[0, inf\), got nan"),
        ({"base_lrs": ["1"]}, r"base_lrs must be in \[0, inf\), got '1'"),
        ({"schedule": "Halving"}, "schedule was 'Halving', is 'CosineAnnealingLR'"),
        ({"arguments": {"T_max": 10, "eta_min": 0.0}}, "T_max was 10, is 20"),
        ({"arguments": {"T_max": 20}}, "eta_min was None, is 0.0"),
    ],
    ids=str,
)
def test_a_state_of_another_schedule_changes_nothing(changes, message):
    schedule = CosineAnnealingLR(SGD(plains((3,)), lr=1.0), 20)
    rates(schedule, 3)
    before = deepcopy(schedule.state_dict()), schedule.get_last_lr()
    with pytest.raises(ValueError, match=f"CosineAnnealingLR.load_state_dict: {message}"):
        schedule.load_state_dict({**schedule.state_dict(), "t": 9} | changes)
    assert (schedule.state_dict(), schedule.get_last_lr()) == before


def test_the_arguments_of_schedules_inside_count_and_functions_do_not():
    def state(gamma, factor=1):
        optimizer = SGD(plains((3,)), lr=1.0)
        parts = [LambdaLR(optimizer, lambda t: factor), MultiStepLR(optimizer, (3, 5), gamma)]
        return SequentialLR(optimizer, parts, [4])

    state(0.5).load_state_dict(json.loads(json.dumps(state(0.5, factor=2).state_dict())))
    with pytest.raises(ValueError, match=r"SequentialLR.load_state_dict: schedulers was .*0.5}\], is .*0.25}\]"):
        state(0.25).load_state_dict(state(0.5).state_dict())


def test_a_group_that_came_later_is_refused_before_t_goes_on():
    optimizer = SGD(plains((3,)), lr=1.0)
    schedule = Halving(optimizer)
    optimizer.add_param_group({"params": [("late", plains((2,))[0])]})
    with pytest.raises(ValueError, match="Halving: the optimizer got another group since; build the schedule last"):
        schedule.step()
    assert (schedule.t, schedule.get_last_lr()) == (1, [1.0, 1.0])


def test_bad_arguments():
    optimizer = SGD(plains((3,)), lr=1.0)
    for steps in (0, -1, 2.5, "3"):
        with pytest.raises(ValueError, match="LinearWarmup: steps must be a positive integer, got"):
            LinearWarmup(optimizer, steps)
    with pytest.raises(TypeError, match="LinearWarmup: expected an Optimizer, got float"):
        LinearWarmup(0.1, 5)
    with pytest.raises(TypeError, match=r"LRScheduler does not define factor\(\)"):
        LRScheduler(optimizer)
    two = SGD([{"params": plains((3,))}, {"params": plains((3,))}], lr=1.0)
    with pytest.raises(ValueError, match="load_state_dict: 2 rates for 1 groups"):
        Halving(optimizer).load_state_dict(Halving(two).state_dict())
    assert optimizer.param_groups[0]["lr"] == 1.0


@pytest.mark.parametrize("state", [{}, None, {"t": 3}, []], ids=repr)
def test_a_state_that_is_none(state):
    schedule = Halving(SGD(plains((3,)), lr=1.0))
    with pytest.raises(ValueError, match=r"Halving.load_state_dict: expected what state_dict\(\) gives, got"):
        schedule.load_state_dict(state)
    assert schedule.t == 1


def test_a_second_schedule_starts_from_the_same_rate():
    """As PyTorch's initial_lr: building one schedule after the other does not multiply their first factors."""
    optimizer = SGD(plains((3,)), lr=1.0)
    LinearWarmup(optimizer, 4)
    assert optimizer.param_groups[0]["lr"] == 0.25
    second = Halving(optimizer)
    assert second.base_lrs == [1.0]
    assert optimizer.param_groups[0]["lr"] == 1.0


def test_the_optimizer_can_be_saved_under_a_schedule():
    optimizer, other = SGD(plains((3,)), lr=1.0), SGD(plains((3,)), lr=9.0)
    rates(Halving(optimizer), 3)
    other.load_state_dict(optimizer.state_dict())
    assert other.param_groups[0]["initial_lr"] == 1.0
    assert other.param_groups[0]["lr"] == 0.125


def test_a_group_that_came_later():
    optimizer = SGD(plains((3,)), lr=1.0)
    schedule = LinearWarmup(optimizer, 3)
    optimizer.add_param_group({"params": [("late", plains((3,))[0])]})
    with pytest.raises(ValueError, match="LinearWarmup: the optimizer got another group since"):
        schedule.step()
