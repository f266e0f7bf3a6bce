"""What several checkers need: steps with any rule of minirad, and tensors that want a gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import minirad as mr


class Param:
    """What an optimizer takes: an array .data and an array .grad."""

    def __init__(self, data: Any) -> None:
        self.data, self.grad = np.array(data, dtype="float64"), None


def follow(rule: Any, start: Any, gradient: Callable[..., Any], steps: int, **settings: Any) -> Any:
    """The path theta_0, ..., theta_steps of a rule of minirad. gradient(theta, t) gives g_t at theta_{t-1}."""
    p: Any = Param(start)
    optimizer, path = rule([p], **settings), [p.data.copy()]
    for t in range(1, steps + 1):
        p.grad = np.array(gradient(p.data, t), dtype="float64")
        optimizer.step()
        path.append(p.data.copy())
    return np.array(path)


def fed(gradients: Any) -> Callable[..., Any]:
    """A gradient function that hands out these, one after the other."""
    return lambda theta, t: gradients[t - 1]


def leaf(array: Any) -> Any:
    """An array as a float64 tensor that wants a gradient."""
    return mr.tensor(array, requires_grad=True, dtype="float64")
