"""RAdam is Algorithm 2: against the paper's numbers, and against the algorithm written plainly."""

import os
import subprocess
import sys
from math import isnan, sqrt
from pathlib import Path

import numpy as np
import pytest
from helpers import host
from optim.plain import Plain, plains
from optim.record_trajectories import START, algorithm2, gradient

import minirad
from minirad.optim import RAdam
from minirad.variance import rectification

# theta after t = 4, 5, 6 steps from theta = 1 with g = theta, lr 0.1: 40 digits, rounded to 12.
PAPER = {4: 0.631486630090, 5: 0.629817730994, 6: 0.627350601223}


def path(theta, gradient, steps, **settings):
    """What RAdam makes of it: theta after each step."""
    p = Plain(theta)
    optimizer = RAdam([p], **settings)
    result = []
    for t in range(1, steps + 1):
        p.grad = Plain(gradient(host(p.data).tolist(), t)).data
        optimizer.step()
        result.append(host(p.data).tolist())
    return np.array(result)


def test_the_papers_numbers():
    result = path([1.0], lambda theta, t: theta, 6, lr=0.1, betas=(0.9, 0.999), eps=1e-8)
    for t, expected in PAPER.items():
        assert result[t - 1] == pytest.approx([expected], rel=0, abs=1e-11)


def test_the_papers_numbers_in_float32():
    """rho_t cancels in float32; the numbers of the step are Python floats, so nothing of it is seen here."""
    p = Plain([1.0], dtype="float32")
    optimizer = RAdam([p], lr=0.1)
    for t in range(1, 7):
        p.grad = p.data.copy()
        optimizer.step()
        if t in PAPER:
            assert host(p.data) == pytest.approx([PAPER[t]], abs=3e-7)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.9, 0.99), (0.0, 0.9999), (0.5, 0.7), (0.99, 0.61)])
@pytest.mark.parametrize("eps", [1e-8, 1e-2])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("problem", ["smooth", "sparse"])
def test_algorithm_2_written_plainly(betas, eps, weight_decay, problem):
    settings = {"lr": 0.01, "betas": betas, "eps": eps, "weight_decay": weight_decay}
    expected = np.array(algorithm2(START, lambda theta, t: gradient(problem, theta, t), 1000, **settings))
    result = path(START, lambda theta, t: gradient(problem, theta, t), 1000, **settings)
    assert abs(result - expected).max() < 1e-11


@pytest.mark.parametrize("beta2", [0.0, 0.3, 0.6])
def test_small_beta2_is_descent_with_an_averaged_gradient(beta2):
    """Section 4.2: rho_inf <= 4 for beta2 <= 0.6, so v is never used. The average of g is corrected for its bias."""
    theta, m, expected = np.array(START), 0.0, []
    for t in range(1, 1001):
        m = 0.9 * m + 0.1 * np.array(gradient("smooth", theta.tolist(), t))
        theta = theta - 0.01 * m / (1 - 0.9**t)
        expected.append(theta)
    result = path(START, lambda theta, t: gradient("smooth", theta, t), 1000, lr=0.01, betas=(0.9, beta2))
    assert abs(result - np.array(expected)).max() < 1e-12


@pytest.mark.parametrize("beta2", [0.8, 0.9, 0.99, 0.999, 0.9999])
def test_the_first_adaptive_step_is_the_fifth(beta2):
    """A gradient of 1e6 moves theta by lr 1e6 in a step without 1/sqrt(v), by less than lr in one with it."""
    result = path([0.0], lambda theta, t: [1e6], 8, lr=1.0, betas=(0.9, beta2))
    steps = -np.diff(result[:, 0], prepend=0.0)
    assert steps[:4] == pytest.approx([1e6] * 4)
    assert steps[4:] == pytest.approx([rectification(t, beta2) for t in range(5, 9)], abs=1e-9)


def test_epsilon_is_added_before_the_bias_correction():
    """Eq. (1): sqrt(1 - beta2^t) / (eps + sqrt(v)). With eps far above sqrt(v) the step tells where it is."""
    result = path([0.0], lambda theta, t: [1.0], 6, lr=1.0, betas=(0.9, 0.999), eps=1e6)
    assert result[4, 0] - result[5, 0] == pytest.approx(rectification(6, 0.999) * sqrt(1 - 0.999**6) / 1e6, rel=1e-4)


def test_the_decay_is_decoupled():
    """It shrinks theta by 1 - lr weight_decay, and neither m nor v sees it: with g = 0 nothing else moves."""
    result = path([2.0], lambda theta, t: [0.0], 8, lr=0.1, weight_decay=0.5)
    assert result[:, 0] == pytest.approx([2 * 0.95**t for t in range(1, 9)], rel=1e-14)


def test_the_scalars_of_a_step():
    """What a debugger shows in s: rho_t and r_t, as Python floats."""
    seen = []

    class Watched(RAdam):
        def update(self, theta, g, m, v, s):
            seen.append(s)
            super().update(theta, g, m, v, s)

    optimizer = Watched(plains((3,)), betas=(0.8, 0.99))
    for _ in range(6):
        optimizer.step()
    assert [s.t for s in seen] == [1, 2, 3, 4, 5, 6]
    assert [type(x) for s in seen for x in (s.rho, s.r)] == [float] * 12
    assert [isnan(s.r) for s in seen] == [True] * 4 + [False] * 2
    assert seen[5].r == rectification(6, 0.99)
    assert (seen[0].beta1, seen[0].beta2, seen[0].lr, seen[0].eps, seen[0].weight_decay) == (0.8, 0.99, 1e-3, 1e-8, 0)


def test_defaults_are_those_of_pytorch():
    settings = RAdam(plains((3,))).param_groups[0]
    expected = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0}
    assert {key: settings[key] for key in expected} == expected


SCRIPT = """
import pdb
from minirad.optim import RAdam
import numpy

class P:
    data = numpy.array([1.0, -2.0])
    grad = numpy.array([0.5, 4.0])

optimizer = RAdam([P], block=None)
for _ in range(5):
    optimizer.step()
pdb.set_trace()
optimizer.step()
print("the end")
"""


def test_stepping_through_the_rule_with_pdb(tmp_path):
    """A reader stops in update() at step 6 and sees the paper's letters: theta, g, m, v, and s.t, s.rho, s.r."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    commands = ["break RAdam.update", "continue", *(f"p {name!r}, {name}" for name in ("theta", "g", "s.t", "s.r"))]
    commands += ["return", *(f"p 'new', {name!r}, {name}" for name in ("theta", "m", "v")), "clear 1", "continue"]
    environment = dict(os.environ, PYTHONPATH=str(Path(minirad.__file__).parents[1]), MINIRAD_BACKEND="numpy")
    output = subprocess.run(
        [sys.executable, str(script)],
        input="\n".join(commands),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    theta = np.array(algorithm2([1.0, -2.0], lambda theta, t: [0.5, 4.0], 6))
    g = np.array([0.5, 4.0])
    for shown in [
        ("theta", theta[4]),
        ("g", g),
        ("s.t", 6),
        ("s.r", rectification(6, 0.999)),
        ("new", "theta", theta[5]),
        ("new", "m", (1 - 0.9**6) * g),
        ("new", "v", (1 - 0.999**6) * g**2),
    ]:
        assert repr(shown) in output
    assert "the end" in output
