"""Where a rule goes on a small noisy problem: to hold rules against each other, step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minirad.backend import stream, to_device, to_host
from minirad.nn import Parameter

START = (1.0, -2.0, 0.5)
STEEPNESS = np.array([0.1, 1.0, 10.0])


def trajectory(build: Callable[[Any], Any], steps: int, generator: np.random.Generator | None = None) -> np.ndarray:
    """theta after steps 1, 2, ... down a quadratic bowl: g = steepness * theta + noise from N(0, 1).

    Args:
        build: makes the optimizer of named parameters.
        steps: how many.
        generator: where the noise comes from; None takes the stream "noise". Rules share it by seeding it alike.

    Returns:
        float64 of shape (steps, 3).
    """
    draw = stream("noise") if generator is None else generator
    theta = Parameter(np.array(START))
    optimizer = build([("theta", theta)])
    path = np.empty((steps, len(START)))
    for t in range(steps):
        theta.grad = to_device(STEEPNESS * to_host(theta.data) + draw.standard_normal(len(START)))
        optimizer.step()
        path[t] = to_host(theta.data)
    return path


def gap(path: np.ndarray, other: np.ndarray) -> float:
    """The greatest difference of two paths, relative to the largest number on the first, or to 1 if that is more."""
    return float(np.abs(path - other).max() / max(1.0, np.abs(path).max()))
