"""Warmups: the paper's, the untuned ones, the Transformer's."""

from math import exp

import pytest
from optim.plain import plains

from minirad.optim import SGD, Adam, RAdam
from minirad.optim.lr_scheduler import (
    InverseSquareRoot,
    LinearWarmup,
    UntunedExponentialWarmup,
    UntunedLinearWarmup,
)


def rates(schedule, steps):
    """The rates of the first group."""
    result = []
    for _ in range(steps):
        result.append(schedule.get_last_lr()[0])
        schedule.step()
    return result


def test_linear_warmup_is_the_papers():
    """alpha_t = alpha min(t, T_w) / T_w with t = 1 at the first step."""
    schedule = LinearWarmup(SGD(plains((3,)), lr=0.5), steps=4)
    assert rates(schedule, 6) == [0.125, 0.25, 0.375, 0.5, 0.5, 0.5]


def test_untuned_linear_warmup():
    """min(1, t (1 - beta2) / 2): 2 / (1 - beta2) steps."""
    schedule = UntunedLinearWarmup(Adam(plains((3,)), lr=0.5, betas=(0.9, 0.75)))
    assert rates(schedule, 10) == [0.5 * min(1, t / 8) for t in range(1, 11)]
    long = UntunedLinearWarmup(RAdam(plains((3,)), lr=1.0))
    long.t = 2000
    long.step()
    assert long.get_last_lr() == [1.0]
    assert long.rate(1.0, 1999, 0) == pytest.approx(0.9995)


def test_untuned_exponential_warmup():
    schedule = UntunedExponentialWarmup(Adam(plains((3,)), lr=0.5, betas=(0.9, 0.99)))
    assert rates(schedule, 300) == pytest.approx([0.5 * (1 - exp(-0.01 * t)) for t in range(1, 301)], rel=1e-12)


@pytest.mark.parametrize("kind", [UntunedLinearWarmup, UntunedExponentialWarmup])
def test_each_group_warms_up_by_its_own_beta2(kind):
    a, b = plains((3,), (3,))
    both = kind(Adam([{"params": [a], "betas": (0.9, 0.99)}, {"params": [b], "betas": (0.9, 0.999)}], lr=1.0))
    alone = [kind(Adam(plains((3,)), lr=1.0, betas=(0.9, beta2))) for beta2 in (0.99, 0.999)]
    for _ in range(250):
        assert both.get_last_lr() == [schedule.get_last_lr()[0] for schedule in alone]
        for schedule in (both, *alone):
            schedule.step()
    assert both.get_last_lr()[0] > 0.9 > 0.3 > both.get_last_lr()[1]


def test_untuned_warmup_needs_beta2():
    own = SGD(plains((3,)), lr=1.0)
    for kind in (UntunedLinearWarmup, UntunedExponentialWarmup):
        with pytest.raises(TypeError, match=f"{kind.__name__}: it follows beta2, which SGD does not have"):
            kind(own)
    assert own.param_groups[0]["lr"] == 1.0


def test_inverse_square_root():
    """Up to lr at T_w, then half of it at 4 T_w; Vaswani et al.: d^-0.5 min(t^-0.5, t T_w^-1.5), whose peak is lr."""
    schedule = InverseSquareRoot(Adam(plains((3,)), lr=0.25), warmup=10)
    found = rates(schedule, 50)
    assert found[9] == max(found) == 0.25
    assert found[39] == 0.125
    scale = 0.25 / min(10**-0.5, 10 * 10**-1.5)
    assert found == pytest.approx([scale * min(t**-0.5, t * 10**-1.5) for t in range(1, 51)])
    with pytest.raises(ValueError, match="InverseSquareRoot: warmup must be a positive integer, got 0"):
        InverseSquareRoot(schedule.optimizer, 0)
