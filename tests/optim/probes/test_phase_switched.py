"""PhaseSwitched: table 3's runs, written plainly; and RAdam, which it is when every phase is RAdam's."""

from math import sqrt

import numpy as np
import pytest
from helpers import host
from optim.parity_table import SETTINGS, name, problem
from optim.plain import Plain, descend, plains, values

from minirad.optim import PhaseSwitched, RAdam


def path(optimizer, p, gradients):
    """theta after each step."""
    result = []
    for g in gradients:
        p.grad = Plain(g, dtype=str(g.dtype)).data
        optimizer.step()
        result.append(host(p.data).copy())
    return np.array(result)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", SETTINGS, ids=name)
def test_radam_three_times_is_radam_to_the_bit(case, dtype):
    kind, settings = case
    start, gradients = problem(kind, dtype)
    p, q = Plain(start, dtype=dtype), Plain(start, dtype=dtype)
    ours = path(PhaseSwitched([p], ("radam",) * 3, **settings), p, gradients[:100])
    assert np.array_equal(ours, path(RAdam([q], **settings), q, gradients[:100]))


def switched(theta, gradients, phases, until, lr, betas, eps, weight_decay):
    """One number, with the rules of the phases side by side."""
    (beta1, beta2), m, v = betas, 0.0, 0.0
    rho_inf = 2 / (1 - beta2) - 1
    for t, g in enumerate(gradients, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g * g
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        sgd = m / (1 - beta1**t)
        adam = sgd * sqrt(1 - beta2**t) / (sqrt(v) + eps)
        radam = sgd
        if rho > 4:
            radam = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)) * adam
        phase = next((rule for rule, last in zip(phases, until, strict=False) if t <= last), phases[-1])
        if phase != "skip":
            step = {"sgd": sgd, "adam": adam, "radam": radam}[phase]
            theta = theta - lr * weight_decay * theta - lr * step
        yield theta


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.7)])
@pytest.mark.parametrize("kind", ["normal", "sparse"])
@pytest.mark.parametrize(
    ("phases", "until"),
    [
        (("radam", "radam", "radam"), (4, 8)),  # the three of table 3
        (("adam", "radam", "radam"), (4, 8)),
        (("sgd", "adam", "radam"), (4, 8)),
        (("skip", "adam", "radam"), (4, 8)),
        (("radam", "skip", "sgd"), (10, 100)),
        (("adam",), ()),
        (("sgd", "skip", "adam", "skip", "radam"), (1, 2, 3, 4)),
    ],
    ids=lambda x: "-".join(map(str, x)),
)
def test_phases_written_plainly(phases, until, kind, betas, weight_decay):
    settings = {"lr": 0.01, "betas": betas, "eps": 1e-6, "weight_decay": weight_decay}
    start, gradients = problem(kind, "float64")
    gradients = gradients[:300]
    p = Plain(start)
    ours = path(PhaseSwitched([p], phases, until, **settings), p, gradients)
    plainly = (switched(*one, phases, until, **settings) for one in zip(start, gradients.T, strict=True))
    expected = np.array([list(each) for each in plainly]).T
    assert abs(ours - expected).max() <= 1e-12 * abs(expected).max()


def test_a_skipped_step_moves_and_decays_nothing_but_counts():
    p = Plain([2.0], [3.0])
    optimizer = PhaseSwitched([p], ("skip", "sgd"), (3,), lr=0.1, weight_decay=0.5)
    for _ in range(3):
        optimizer.step()
    assert host(p.data).tolist() == [2.0]
    state = optimizer.state_dict()["state"]["0"]
    assert state["t"] == 3
    assert state["m"] == pytest.approx(3 * (1 - 0.9**3))
    assert state["v"] == pytest.approx(9 * (1 - 0.999**3))
    optimizer.step()
    assert host(p.data) == pytest.approx([2.0 * 0.95 - 0.1 * 3])  # m_hat is 3, however much of it was skipped


def test_phases_are_a_setting_of_groups_and_may_be_lists():
    a, b, a2, b2 = *plains((3,), (2,)), *plains((3,), (2,))
    both = PhaseSwitched([{"params": [a], "phases": ["adam"], "until": []}, {"params": [b]}], ["sgd", "adam"], [4], 0.1)
    apart = PhaseSwitched([a2], ("adam",), (), lr=0.1), PhaseSwitched([b2], ("sgd", "adam"), (4,), lr=0.1)
    descend(both, [a, b], 8)
    descend(apart[0], [a2], 8)
    descend(apart[1], [b2], 8)
    assert all(np.array_equal(x, y) for x, y in zip(values([a, b]), values([a2, b2]), strict=True))


def test_defaults_are_the_papers():
    settings = PhaseSwitched(plains((3,))).param_groups[0]
    expected = {"phases": ("radam", "radam", "radam"), "until": (4, 8), "lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8}
    assert {key: settings[key] for key in expected} == expected
