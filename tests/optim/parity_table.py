"""Print how far RAdamDialect is from the implementations it speaks for: settings x dialect, after 1,000 steps each.

    python tests/optim/parity_table.py

"paper" is held to Algorithm 2 and "official" to the rule of its authors' radam.py, both written number by number in
record_trajectories.py; "torch" and "optax" to torch.optim.RAdam and optax.radam as they are installed. A cell is the
largest difference of any element of theta after any step, as a share of the largest |theta| on the way.
test_radam_dialect.py asserts the same numbers to be small.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as pytest has it, for the script
from helpers import host
from optim.plain import Plain
from optim.record_trajectories import algorithm2, official

from minirad.optim import RAdamDialect

STEPS, SIZE = 1000, 12
DIALECTS = ("paper", "official", "torch", "optax")

# (gradients, settings). optax has no weight decay: there it is left out.
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("normal", {"lr": 0.01, "betas": (0.9, 0.5)}),
    ("normal", {"lr": 0.01, "betas": (0.9, 0.6)}),
    ("normal", {"lr": 0.01, "betas": (0.9, 0.7)}),
    ("normal", {"lr": 0.01, "betas": (0.9, 0.8)}),
    ("normal", {"lr": 0.01, "betas": (0.9, 0.9)}),
    ("normal", {"lr": 0.01, "betas": (0.9, 0.99)}),
    ("normal", {"lr": 0.01, "betas": (0.9, 0.999)}),
    ("normal", {"lr": 0.01, "betas": (0.9, 0.9999)}),
    ("normal", {"lr": 0.1, "betas": (0.0, 0.99), "eps": 1e-2}),
    ("normal", {"lr": 1e-3, "betas": (0.99, 0.95), "weight_decay": 0.1}),
    ("normal", {"lr": 1.0, "betas": (0.5, 0.999), "eps": 0.5, "weight_decay": 1e-4}),
    ("sparse", {"lr": 0.01, "betas": (0.9, 0.999)}),
    ("sparse", {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.5}),
    ("huge", {"lr": 0.01, "betas": (0.9, 0.99), "weight_decay": 0.1}),
    ("huge", {"lr": 1e-6, "betas": (0.9, 0.9999)}),
    ("tiny", {"lr": 0.01, "betas": (0.9, 0.999), "eps": 1e-3, "weight_decay": 0.01}),
    ("tiny", {"lr": 0.01, "betas": (0.9, 0.8), "eps": 1e-12}),
]


def drawn(kind: str, shape: Any, rng: np.random.Generator) -> np.ndarray:
    """The gradient of one step: normal, mostly zero ("sparse"), now and then "huge", or "tiny"."""
    g = rng.standard_normal(shape)
    if kind == "sparse":
        return g * (rng.random(shape) < 0.1)
    if kind == "huge":
        return g * 10.0 ** rng.integers(0, 9)
    return g * 1e-9 if kind == "tiny" else g


def problem(kind: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Where theta starts, and the gradients of all steps. They do not depend on theta, so that rounding stays small."""
    rng = np.random.default_rng(7)
    start = rng.standard_normal(SIZE)
    return start.astype(dtype), np.array([drawn(kind, SIZE, rng) for _ in range(STEPS)]).astype(dtype)


def for_dialect(dialect: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that the dialect has."""
    return {key: x for key, x in settings.items() if (dialect, key) != ("optax", "weight_decay")}


def ours(dialect: str, kind: str, settings: dict[str, Any], dtype: str) -> np.ndarray:
    """Theta after each step of RAdamDialect."""
    start, gradients = problem(kind, dtype)
    p = Plain(start, dtype=dtype)
    optimizer = RAdamDialect([p], dialect, **for_dialect(dialect, settings))
    path = []
    for g in gradients:
        p.grad = Plain(g, dtype=dtype).data
        optimizer.step()
        path.append(host(p.data).copy())
    return np.array(path)


def theirs(dialect: str, kind: str, settings: dict[str, Any], dtype: str) -> np.ndarray:
    """Theta after each step of the original."""
    original = {"paper": plainly(algorithm2), "official": plainly(official), "torch": torch_path, "optax": optax_path}
    return original[dialect](*problem(kind, dtype), **for_dialect(dialect, settings))


def plainly(rule: Any) -> Any:
    """The path of a rule that is written number by number, in the dtype of the numbers."""
    return lambda start, gradients, **settings: np.array(
        rule(list(start), lambda theta, t: list(gradients[t - 1]), len(gradients), **settings)
    )


def torch_path(start: np.ndarray, gradients: np.ndarray, **settings: Any) -> np.ndarray:
    """The path of torch.optim.RAdam."""
    import torch

    theta = torch.from_numpy(start.copy())
    optimizer = torch.optim.RAdam([theta], **settings)
    path = []
    for g in gradients:
        theta.grad = torch.from_numpy(g.copy())
        optimizer.step()
        path.append(theta.numpy().copy())
    return np.array(path)


def optax_path(
    start: np.ndarray, gradients: np.ndarray, lr: float, betas: tuple[float, float], eps: float = 1e-8
) -> np.ndarray:
    """The path of optax.radam. With x64, or else rho_t is computed in float32: see sma_length_float32."""
    import jax
    import optax

    rule = optax.radam(lr, *betas, eps)

    def step(carried, g):
        theta, state = carried
        change, state = rule.update(g, state)
        theta = optax.apply_updates(theta, change)
        return (theta, state), theta

    with jax.enable_x64(True):
        _, path = jax.jit(lambda theta, g: jax.lax.scan(step, (theta, rule.init(theta)), g))(start, gradients)
        return np.array(path)


def difference(dialect: str, kind: str, settings: dict[str, Any], dtype: str) -> float:
    """The largest difference, as a share of the largest |theta|."""
    a, b = (path(dialect, kind, settings, dtype) for path in (ours, theirs))
    if a.dtype != dtype or b.dtype != dtype:
        raise TypeError(f"both must stay {dtype}, got {a.dtype} and {b.dtype}")
    return float(abs(a - b).max() / abs(b).max())


def name(case: tuple[str, dict[str, Any]]) -> str:
    """A setting on one line."""
    kind, settings = case
    return ", ".join([kind, *(f"{key}={x}" for key, x in settings.items())])


def main() -> None:
    """Print both tables, in Markdown."""
    for dtype in ("float64", "float32"):
        print(f"| {dtype:66} | " + " | ".join(f"{d:8}" for d in DIALECTS) + " |")
        print("|" + "-" * 68 + "|" + "|".join(["---------:"] * len(DIALECTS)) + "|")
        for case in SETTINGS:
            print(f"| {name(case):66} | " + " | ".join(f"{difference(d, *case, dtype):8.1e}" for d in DIALECTS) + " |")
        print()


if __name__ == "__main__":
    main()
