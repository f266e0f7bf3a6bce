"""mr.debug(): slow checks that find the op where a NaN began, and data that was changed behind the tape's back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps

from minirad.backend import Array, to_host, xp
from minirad.tensor import Tensor, _observers, op_name


@contextmanager
def debug() -> Iterator[None]:
    """Check every op made inside, in the forward pass and in backward().

    Raises:
        FloatingPointError: an op's result, or a gradient that it hands back, is NaN. The message names the op.
        RuntimeError: in backward(), where an array that an op used was written to through NumPy after the op.
    """
    _observers.append(_check)
    try:
        yield
    finally:
        _observers.remove(_check)


def _check(node: Tensor) -> None:
    if _has_nan(node.data):
        made_by = f"the result of {op_name(node)}" if node.vjp else "a tensor without a tape"
        raise FloatingPointError(f"debug: {made_by}, of shape {node.shape}, holds a NaN")
    if node.vjp is None:
        return
    name, vjp = op_name(node), node.vjp
    parents, out = node.parents, node.data  # not the node itself: no reference cycle
    used = [parent.data for parent in parents]
    before = [_fingerprint(array) for array in (*used, out)]

    @wraps(vjp)  # keeps the op's name
    def checked(g: Array) -> tuple[Array, ...]:
        replaced = any(parent.data is not array for parent, array in zip(parents, used, strict=True))
        if replaced or [_fingerprint(array) for array in (*used, out)] != before:
            raise RuntimeError(f"debug: data that {name} used was changed after it, before backward() came back to it")
        gradients = vjp(g)
        if any(gradient is not None and _has_nan(gradient) for gradient in gradients):
            raise FloatingPointError(f"debug: the gradient through {name} holds a NaN")
        return gradients

    node.vjp = checked


def _has_nan(array: Array) -> bool:
    return array.dtype.kind == "f" and bool(xp.isnan(array).any())


def _fingerprint(array: Array) -> int:
    return hash(to_host(array).tobytes())
