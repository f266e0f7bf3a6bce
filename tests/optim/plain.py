"""A parameter that is no Tensor: all that an optimizer asks for is .data and .grad."""

from typing import Any

import numpy as np
from helpers import device, host


class Plain:
    """An array and its gradient."""

    def __init__(self, data: Any, grad: Any = None, dtype: str = "float64") -> None:
        self.data = device(data, dtype)
        self.grad = None if grad is None else device(grad, dtype)


def plains(*shapes: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> list[Plain]:
    """Parameters of these shapes, with normal values and gradients."""
    rng = np.random.default_rng(seed)
    return [Plain(rng.standard_normal(shape), rng.standard_normal(shape), dtype) for shape in shapes]


def values(parameters: list[Any]) -> list[np.ndarray]:
    """Copies of the data on the host."""
    return [host(p.data).copy() for p in parameters]


def descend(optimizer: Any, parameters: list[Any], steps: int) -> None:
    """Some steps down 0.5 |theta|^2, whose gradient is theta."""
    for _ in range(steps):
        for p in parameters:
            p.grad = p.data.copy()
        optimizer.step()
