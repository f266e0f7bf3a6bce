"""Algorithm 1, which remembers all gradients, makes the same steps as the rules, which remember averages."""

from copy import deepcopy

import numpy as np
import pytest
from helpers import device, host
from optim.plain import Plain, plains

from minirad.optim import SGD, Adagrad, Adam, AdamEps, Algorithm1, RAdam, RMSprop
from minirad.optim.algorithm1 import (
    averaged,
    constant,
    corrected,
    heavy_ball,
    latest,
    rectified,
    total,
    uncorrected,
)
from minirad.variance import sma_length

SHAPES = [(3, 4), (), (5,)]
STEPS = 60

# name: (phi and psi, the rule that it is)
CASES = {
    "SGD": (lambda: (latest, constant), lambda params: SGD(params, lr=0.1)),
    "momentum": (lambda: (heavy_ball(0.9), constant), lambda params: SGD(params, lr=0.1, momentum=0.9)),
    "Adagrad": (lambda: (latest, total(1e-3)), lambda params: Adagrad(params, lr=0.1, eps=1e-3)),
    "RMSprop": (
        lambda: (latest, uncorrected(0.9, 1e-3)),
        lambda params: RMSprop(params, lr=0.1, alpha=0.9, eps=1e-3),
    ),
    "Adam": (
        lambda: (averaged(0.9), corrected(0.99, 1e-3)),
        lambda params: AdamEps(params, lr=0.1, betas=(0.9, 0.99), eps=1e-3),
    ),
    "Adam without epsilon": (
        lambda: (averaged(0.8), corrected(0.999, 0.0)),
        lambda params: Adam(params, lr=0.1, betas=(0.8, 0.999), eps=0.0),
    ),
    "RAdam": (
        lambda: (averaged(0.9), rectified(0.99, 1e-3)),
        lambda params: RAdam(params, 0.1, betas=(0.9, 0.99), eps=1e-3),
    ),
    "RAdam, late": (
        lambda: (averaged(0.9), rectified(0.7, 1e-8)),
        lambda params: RAdam(params, lr=0.1, betas=(0.9, 0.7)),
    ),
    "RAdam, never": (
        lambda: (averaged(0.9), rectified(0.6, 1e-8)),
        lambda params: RAdam(params, lr=0.1, betas=(0.9, 0.6)),
    ),
}


@pytest.mark.parametrize("maximize", [False, True], ids=["down", "up"])
@pytest.mark.parametrize("case", CASES)
def test_it_is_each_of_the_rules(case, maximize):
    """Step by step, where each parameter is skipped now and then, so that each has a t of its own."""
    build, rule = CASES[case]
    phi, psi = build()
    rng = np.random.default_rng(5)
    start = [rng.standard_normal(shape) for shape in SHAPES]
    general, special = [Plain(x) for x in start], [Plain(x) for x in start]
    optimizers = Algorithm1(general, 0.1, phi, psi, maximize=maximize), rule(special)
    for t in range(STEPS):
        for i, (p, q) in enumerate(zip(general, special, strict=True)):
            g = rng.standard_normal(SHAPES[i])
            p.grad, q.grad = (None, None) if (t + i) % 4 == 3 else (device(g), device(-g if maximize else g))
        for optimizer in optimizers:
            optimizer.step()
        for p, q in zip(general, special, strict=True):
            theta = host(q.data)
            assert abs(host(p.data) - theta).max() <= 1e-12 * max(1, abs(theta).max()), f"t = {t + 1}"
    assert not np.allclose(host(special[0].data), start[0])


G = [np.array([3.0]), np.array([4.0])]


@pytest.mark.parametrize(
    ("choose", "expected"),
    [
        (lambda: latest, 4),
        (lambda: heavy_ball(0.5), 0.5 * 3 + 4),
        (lambda: averaged(0.5), (0.25 * 3 + 0.5 * 4) / 0.75),
        (lambda: constant, 1),
        (lambda: total(0.5), 1 / (5 + 0.5)),
        (lambda: uncorrected(0.5, 0.5), 1 / ((0.25 * 9 + 0.5 * 16) ** 0.5 + 0.5)),
        (lambda: corrected(0.5, 0.5), 0.75**0.5 / (0.5 + (0.25 * 9 + 0.5 * 16) ** 0.5)),
        (lambda: rectified(0.999, 0.5), 1),
    ],
    ids=["latest", "heavy_ball", "averaged", "constant", "total", "uncorrected", "corrected", "rectified"],
)
def test_each_choice_by_hand(choose, expected):
    """From the gradients 3 and 4."""
    assert host(choose()([device(g) for g in G])) == pytest.approx(expected, rel=1e-15)


def test_rectified_from_rho_4_on():
    """The gradients are 1, and so is Adam's psi: what is left is r_5 at beta2 = 0.999, to 40 digits."""
    g = [device([1.0])] * 5
    assert host(rectified(0.999, 0.0)(g[:4])) == 1
    assert host(rectified(0.999, 0.0)(g)) == pytest.approx(0.0173115031663795562509812490184, rel=1e-11)


def test_rectified_where_rho_never_passes_4():
    """beta2 = 0.6: after 100 steps rho_t is rho_inf = 4, and that is not enough."""
    assert sma_length(100, 0.6) == 4
    assert rectified(0.6, 0.0)([device([1.0])] * 100) == 1.0


def test_it_remembers_copies():
    """Gradients are often written in place; Algorithm 1 has to keep what they were."""
    p = Plain([0.0], [1.0])
    optimizer = Algorithm1([p], 1.0, heavy_ball(1.0), constant)
    for _ in range(3):
        optimizer.step()
        p.grad[...] = 10 * p.grad
    assert host(p.data).tolist() == [-(1 + 11 + 111)]


def test_a_copy_remembers_for_itself():
    parameters = plains((3,))
    optimizer = Algorithm1(parameters, 0.1, heavy_ball(0.9), constant)
    optimizer.step()
    theirs, copy = deepcopy((parameters, optimizer))
    for _ in range(2):
        optimizer.step()
    assert [len(each.gradients["0"]) for each in (optimizer, copy)] == [3, 1]
    for _ in range(2):
        copy.step()
    assert np.array_equal(host(parameters[0].data), host(theirs[0].data))


def test_it_is_not_made_for_saving():
    optimizer = Algorithm1(plains((3,)), 0.1, latest, constant)
    with pytest.raises(TypeError, match=r"^Algorithm1: it keeps every gradient, and is not made for saving$"):
        optimizer.state_dict()


def test_it_is_not_made_for_loading():
    """What looks like a saved state would give it steps without their gradients."""
    optimizer = Algorithm1(plains((3,)), 0.1, latest, constant)
    state = {"state": {"0": {"t": 5}}, "param_groups": [{"names": ["0"], "lr": 0.1, "maximize": False}]}
    with pytest.raises(TypeError, match=r"Algorithm1: .*not made for saving"):
        optimizer.load_state_dict(state)
