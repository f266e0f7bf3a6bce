"""What is done to gradients between backward() and step(): clipping."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from numbers import Real
from typing import Any

from minirad.backend import Array, xp
from minirad.tensor import Tensor


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients together, in place, so that their common norm is at most max_norm.

    They are multiplied with min(1, max_norm / (norm + 1e-6)), as in PyTorch. The direction stays.

    Args:
        parameters: those without a gradient are passed over.
        max_norm: the largest norm, > 0.
        norm_type: p of the p-norm; inf for the largest absolute value.
        error_if_nonfinite: raise where the norm is NaN or infinite, instead of spreading that over all gradients.

    Returns:
        The norm before clipping, a tensor of shape ().

    Raises:
        ValueError: max_norm or norm_type is not positive. RuntimeError: see error_if_nonfinite. Nothing changes then.

    Source: Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks", 2013.
    """
    max_norm = _positive("clip_grad_norm_", "max_norm", max_norm)
    norm_type = _positive("clip_grad_norm_", "norm_type", norm_type)
    gradients = _gradients("clip_grad_norm_", parameters)
    norms = [xp.linalg.norm(g.reshape(-1), norm_type) if g.size else xp.zeros((), g.dtype) for g in gradients]
    norm = xp.linalg.norm(xp.stack(norms), norm_type) if norms else xp.zeros((), "float32")
    if error_if_nonfinite and not xp.isfinite(norm):
        raise RuntimeError(f"clip_grad_norm_: the gradients' norm is {norm}, so they can't be clipped")
    scale = xp.minimum(max_norm / (norm + 1e-6), 1.0)
    for g in gradients:
        g *= scale.astype(g.dtype)
    return Tensor(norm)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Cut every element of the gradients, in place, to [-clip_value, clip_value]. The direction changes.

    Raises:
        ValueError: clip_value is not positive.
    """
    clip_value = _positive("clip_grad_value_", "clip_value", clip_value)
    for g in _gradients("clip_grad_value_", parameters):
        xp.clip(g, -clip_value, clip_value, out=g)


def _gradients(function: str, parameters: Any) -> list[Array]:
    """The gradients that are there, each once."""
    parameters = [parameters] if hasattr(parameters, "grad") else list(parameters)
    if bad := [p for p in parameters if not hasattr(p, "grad")]:
        raise TypeError(f"{function}: parameters must have .grad, got {type(bad[0]).__name__}")
    return list({id(p.grad): p.grad for p in parameters if p.grad is not None}.values())


def _positive(function: str, name: str, value: Any) -> float:
    """The value as a number of Python's: one of NumPy's float64 would turn float32 into float64."""
    if not isinstance(value, Real) or isinstance(value, bool) or not 0 < (number := float(value)) <= inf:
        raise ValueError(f"{function}: {name} must be a positive number, got {value!r}")
    return number
