"""SGD: its formulas, worked out by hand."""

import numpy as np
import pytest
from helpers import device, host
from optim.plain import Plain, plains

from minirad.optim import SGD, trace


def path(steps, gradients=(1.0, 2.0, 4.0), **settings):
    """The parameter after each step, from 0."""
    p = Plain(0.0)
    optimizer = SGD([p], **settings)
    result = []
    for g in gradients[:steps]:
        p.grad = Plain(g).data
        optimizer.step()
        result.append(float(host(p.data)))
    return result


def test_plain_descent():
    assert path(3, lr=0.5) == [-0.5, -1.5, -3.5]


def test_momentum():
    """m = 1, then 0.5 + 2 = 2.5, then 1.25 + 4 = 5.25."""
    assert path(3, lr=1.0, momentum=0.5) == [-1.0, -3.5, -8.75]


def test_dampening_spares_the_first_step():
    """m = 1 (not 0.75), then 0.5 + 0.75 * 2 = 2, then 1 + 0.75 * 4 = 4."""
    assert path(3, lr=1.0, momentum=0.5, dampening=0.25) == [-1.0, -3.0, -7.0]


def test_nesterov():
    """g + 0.5 m with m = 1, 2.5, 5.25: steps 1.5, 3.25, 6.625."""
    assert path(3, lr=1.0, momentum=0.5, nesterov=True) == [-1.5, -4.75, -11.375]


def test_weight_decay_is_in_the_gradient():
    """From theta = 2: g + 0.25 theta = 1.5, so m sees the decay too."""
    p = Plain(2.0, 1.0)
    optimizer = SGD([p], lr=1.0, momentum=0.5, weight_decay=0.25)
    optimizer.step()
    assert host(p.data) == 0.5
    optimizer.step()  # m = 0.75 + 1.125
    assert host(p.data) == 0.5 - 1.875


def test_no_vector_without_momentum():
    parameters = plains((3,), (3,))
    optimizer = SGD([{"params": parameters[:1]}, {"params": parameters[1:], "momentum": 0.9}], lr=0.1)
    optimizer.step()
    assert optimizer.state_dict()["state"]["0"].keys() == {"t"}
    assert optimizer.state_dict()["state"]["1"].keys() == {"t", "m"}


def test_momentum_may_be_switched_on_later():
    p = Plain(0.0, 1.0)
    optimizer = SGD([p], lr=1.0)
    optimizer.step()
    optimizer.param_groups[0]["momentum"] = 0.5
    optimizer.step()  # m = 1
    optimizer.step()  # m = 0.5 + 1
    assert host(p.data) == -3.5


@pytest.mark.parametrize("traced", [False, True], ids=["alone", "traced"])
def test_dampening_spares_the_first_step_of_a_momentum_that_begins_later(traced):
    """m = 1 (not 0.75), then 0.5 + 0.75; a loaded m goes on."""
    p, q = Plain(0.0, 1.0), Plain(0.0, 1.0)
    optimizer, other = SGD([p], lr=1.0, dampening=0.25), SGD([q], lr=1.0)
    steps = trace(optimizer) if traced else None
    optimizer.step()
    optimizer.param_groups[0]["momentum"] = 0.5
    optimizer.step()
    other.load_state_dict(optimizer.state_dict())
    optimizer.step()
    assert host(p.data) == -(1 + 1 + 1.25)
    other.step()
    assert host(q.data) == -1.25
    assert not traced or steps.rows["theta"].tolist() == [-1, -2, -3.25]


def test_momentum_that_begins_later_as_in_pytorch(torch):
    ours, theirs = plains((3,))[0], torch.tensor(host(plains((3,))[0].data), requires_grad=True)
    optimizers = SGD([ours], lr=0.1, dampening=0.3), torch.optim.SGD([theirs], lr=0.1, dampening=0.3)
    for t in range(6):
        gradient = np.sin(np.arange(3) + t)
        ours.grad, theirs.grad = device(gradient), torch.tensor(gradient)
        for optimizer in optimizers:
            optimizer.param_groups[0]["momentum"] = 0.9 if t >= 2 else 0
            optimizer.step()
    assert host(ours.data) == pytest.approx(theirs.detach().numpy(), rel=1e-12)


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.9, "dampening": 0.5}], ids=["no momentum", "dampening"])
def test_nesterov_needs_momentum_without_dampening(settings):
    with pytest.raises(ValueError, match="SGD: nesterov needs momentum > 0 and dampening = 0, got"):
        SGD(plains((3,)), lr=0.1, nesterov=True, **settings)
    with pytest.raises(ValueError, match="SGD: nesterov needs momentum"):
        SGD([{"params": plains((3,)), "nesterov": True, **settings}], lr=0.1)


def test_nesterov_may_get_its_momentum_from_the_group():
    SGD([{"params": plains((3,)), "momentum": 0.9}], lr=0.1, nesterov=True)


def test_lr_must_be_given():
    with pytest.raises(TypeError, match="lr"):
        SGD(plains((3,)))
