"""Write trajectories.json: how PyTorch's SGD and Adam, and Algorithm 2 written plainly, move on small problems.

    python tests/optim/record_trajectories.py

test_recorded.py holds minirad to it where PyTorch is missing. PyTorch is needed here only; the same version writes the
same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import cos, sqrt
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("trajectories.json")
STEPS, EVERY = 1000, 100
START = [1.0, -2.0, 0.5, 3.0]

# (rule, settings, problem). RAdam is Algorithm 2.
RUNS: list[tuple[str, dict[str, Any], str]] = [
    ("SGD", {"lr": 0.01}, "smooth"),
    ("SGD", {"lr": 0.01, "momentum": 0.9}, "smooth"),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01}, "smooth"),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "nesterov": True}, "sparse"),
    ("Adam", {"lr": 0.01}, "smooth"),
    ("Adam", {"lr": 0.01, "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.1}, "smooth"),
    ("Adam", {"lr": 0.01}, "sparse"),
    ("Adam", {"lr": 0.01, "betas": [0.5, 0.9999]}, "huge"),
    ("RAdam", {"lr": 0.01}, "smooth"),
    ("RAdam", {"lr": 0.01, "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.1}, "smooth"),
    ("RAdam", {"lr": 0.01, "betas": [0.9, 0.99]}, "sparse"),
    ("RAdam", {"lr": 1e-7, "betas": [0.9, 0.9999]}, "huge"),
    ("RAdam", {"lr": 0.01, "betas": [0.9, 0.6]}, "smooth"),
]


def gradient(problem: str, theta: list[float], t: int) -> list[float]:
    """The gradient at step t = 1, 2, ...: a bowl that sways, seen now and then ("sparse"), or a deep one ("huge")."""
    g = [(i + 1) * x + cos(t * (i + 1)) for i, x in enumerate(theta)]
    if problem == "sparse":
        return [x if t % (2 + 3 * i) == 0 else 0.0 for i, x in enumerate(g)]
    return [1e6 * x for x in g] if problem == "huge" else g


def algorithm2(
    theta: list[float],
    gradient: Callable[[list[float], int], list[float]],
    steps: int,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> list[list[float]]:
    """RAdam as the paper's Algorithm 2 has it, number by number: theta after each step.

    Epsilon as in eq. (1), and the decay decoupled.
    """
    beta1, beta2 = betas
    m, v = [0.0] * len(theta), [0.0] * len(theta)
    rho_inf = 2 / (1 - beta2) - 1
    path = []
    for t in range(1, steps + 1):
        g = gradient(theta, t)
        v = [beta2 * vi + (1 - beta2) * gi**2 for vi, gi in zip(v, g, strict=True)]
        m = [beta1 * mi + (1 - beta1) * gi for mi, gi in zip(m, g, strict=True)]
        m_hat = [mi / (1 - beta1**t) for mi in m]
        theta = [(1 - lr * weight_decay) * x for x in theta]
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        if rho > 4:
            l = [sqrt(1 - beta2**t) / (sqrt(vi) + eps) for vi in v]
            r = sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho))
            theta = [x - lr * r * mi * li for x, mi, li in zip(theta, m_hat, l, strict=True)]
        else:
            theta = [x - lr * mi for x, mi in zip(theta, m_hat, strict=True)]
        path.append(theta)
    return path


def torch_path(rule: str, settings: dict[str, Any], problem: str) -> list[list[float]]:
    """The same with torch.optim."""
    import torch

    theta = torch.tensor(START, dtype=torch.float64)
    optimizer = getattr(torch.optim, rule)([theta], **settings)
    path = []
    for t in range(1, STEPS + 1):
        theta.grad = torch.tensor(gradient(problem, theta.tolist(), t), dtype=torch.float64)
        optimizer.step()
        path.append(theta.tolist())
    return path


def main() -> None:
    """Write the file: theta after the first seven steps, and after every hundredth."""
    runs = []
    for rule, settings, problem in RUNS:
        if rule == "RAdam":
            path = algorithm2(START, lambda theta, t, problem=problem: gradient(problem, theta, t), STEPS, **settings)
        else:
            path = torch_path(rule, settings, problem)
        kept = [t for t in range(1, STEPS + 1) if t <= 7 or t % EVERY == 0]
        runs.append(
            {"rule": rule, "settings": settings, "problem": problem, "theta": {str(t): path[t - 1] for t in kept}}
        )
    text = "[\n" + ",\n".join(json.dumps(run) for run in runs) + "\n]\n"
    FILE.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
