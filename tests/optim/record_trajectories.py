"""Write trajectories.json: how the rules of PyTorch and optax, and two rules written plainly, move on small problems.

    python tests/optim/record_trajectories.py

The plain ones are Algorithm 2 and the RAdam of its authors' repository. test_recorded.py holds minirad to the file
where PyTorch and optax are missing. They are needed here only. The same versions write the same bytes on the same
machine.
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

# (rule, settings, problem). RAdam is Algorithm 2, a dialect the implementation of this name.
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
    ("Adagrad", {"lr": 0.1}, "smooth"),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.01, "weight_decay": 0.1, "eps": 1e-3}, "smooth"),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.5}, "sparse"),
    ("RMSprop", {"lr": 0.01}, "smooth"),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}, "sparse"),
    ("RMSprop", {"lr": 0.001, "momentum": 0.9}, "smooth"),
    ("RMSprop", {"lr": 0.01, "centered": True}, "smooth"),
    ("RMSprop", {"lr": 0.001, "alpha": 0.9, "momentum": 0.5, "centered": True}, "sparse"),
    ("Adam", {"lr": 0.01, "amsgrad": True}, "smooth"),
    ("Adam", {"lr": 0.01, "betas": [0.8, 0.95], "weight_decay": 0.1, "amsgrad": True}, "sparse"),
    ("AdamW", {"lr": 0.01}, "smooth"),
    ("AdamW", {"lr": 0.01, "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.5}, "sparse"),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True}, "huge"),
    ("SGD", {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.01, "maximize": True}, "hill"),
    ("Adagrad", {"lr": 0.1, "weight_decay": 0.1, "maximize": True}, "hill"),
    ("RMSprop", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}, "hill"),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}, "hill"),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.1, "maximize": True}, "hill"),
    ("RAdamDialect", {"dialect": "official", "lr": 0.01}, "smooth"),
    ("RAdamDialect", {"dialect": "official", "lr": 0.01, "betas": [0.8, 0.95], "weight_decay": 0.1}, "sparse"),
    ("RAdamDialect", {"dialect": "official", "lr": 0.01, "betas": [0.9, 0.7], "eps": 1e-3}, "huge"),
    ("RAdamDialect", {"dialect": "torch", "lr": 0.01}, "smooth"),
    ("RAdamDialect", {"dialect": "torch", "lr": 0.01, "betas": [0.8, 0.95], "weight_decay": 0.1}, "sparse"),
    ("RAdamDialect", {"dialect": "torch", "lr": 1e-7, "betas": [0.9, 0.9999], "eps": 1e-3}, "huge"),
    ("RAdamDialect", {"dialect": "torch", "lr": 0.01, "weight_decay": 0.1, "maximize": True}, "hill"),
    ("RAdamDialect", {"dialect": "optax", "lr": 0.01}, "smooth"),
    ("RAdamDialect", {"dialect": "optax", "lr": 0.01, "betas": [0.8, 0.7], "eps": 1e-3}, "sparse"),
    ("RAdamDialect", {"dialect": "optax", "lr": 1e-7, "betas": [0.9, 0.9999]}, "huge"),
]


def gradient(problem: str, theta: list[float], t: int) -> list[float]:
    """The gradient at step t = 1, 2, ...: a bowl that sways; rarely seen ("sparse"), deep ("huge"), or a "hill"."""
    g = [(i + 1) * x + cos(t * (i + 1)) for i, x in enumerate(theta)]
    if problem == "sparse":
        return [x if t % (2 + 3 * i) == 0 else 0.0 for i, x in enumerate(g)]
    return [{"huge": 1e6, "hill": -1.0}.get(problem, 1.0) * x for x in g]


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


def official(
    theta: list[float],
    gradient: Callable[[list[float], int], list[float]],
    steps: int,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> list[list[float]]:
    """RAdam as radam.py in its authors' repository has it since 2021, number by number: theta after each step."""
    beta1, beta2 = betas
    m, v = [0.0] * len(theta), [0.0] * len(theta)
    rho_inf = 2 / (1 - beta2) - 1
    path = []
    for t in range(1, steps + 1):
        g = gradient(theta, t)
        v = [beta2 * vi + (1 - beta2) * gi**2 for vi, gi in zip(v, g, strict=True)]
        m = [beta1 * mi + (1 - beta1) * gi for mi, gi in zip(m, g, strict=True)]
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        if rho >= 5:  # before that, nothing moves and nothing decays
            size = sqrt(
                (1 - beta2**t) * (rho - 4) / (rho_inf - 4) * (rho - 2) / rho * rho_inf / (rho_inf - 2)
            ) / (1 - beta1**t)  # fmt: skip
            theta = [x - weight_decay * lr * x for x in theta]
            theta = [x - lr * size * mi / (sqrt(vi) + eps) for x, mi, vi in zip(theta, m, v, strict=True)]
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


def optax_path(settings: dict[str, Any], problem: str) -> list[list[float]]:
    """The same with optax.radam, in float64."""
    import jax
    import optax

    settings = dict(settings)
    lr, (b1, b2) = settings.pop("lr"), settings.pop("betas", (0.9, 0.999))
    rule = optax.radam(lr, b1, b2, **settings)
    update = jax.jit(rule.update)
    path = []
    with jax.enable_x64(True):
        theta = jax.numpy.array(START)
        state = rule.init(theta)
        for t in range(1, STEPS + 1):
            change, state = update(jax.numpy.array(gradient(problem, theta.tolist(), t)), state)
            theta = theta + change
            path.append(theta.tolist())
    return path


def original(rule: str, settings: dict[str, Any], problem: str) -> list[list[float]]:
    """What another implementation makes of a run."""
    settings = dict(settings)
    dialect = settings.pop("dialect", "paper")
    if dialect == "optax":
        return optax_path(settings, problem)
    if rule not in ("RAdam", "RAdamDialect"):
        return torch_path(rule, settings, problem)
    if dialect == "torch":
        return torch_path("RAdam", settings, problem)
    plain = {"paper": algorithm2, "official": official}[dialect]
    return plain(START, lambda theta, t: gradient(problem, theta, t), STEPS, **settings)


def main() -> None:
    """Write the file: theta after the first seven steps, and after every hundredth."""
    runs = []
    for rule, settings, problem in RUNS:
        path = original(rule, settings, problem)
        kept = [t for t in range(1, STEPS + 1) if t <= 7 or t % EVERY == 0]
        runs.append(
            {"rule": rule, "settings": settings, "problem": problem, "theta": {str(t): path[t - 1] for t in kept}}
        )
    text = "[\n" + ",\n".join(json.dumps(run) for run in runs) + "\n]\n"
    FILE.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
