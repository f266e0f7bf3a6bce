"""Ops as data. Each is declared with its reference in NumPy, its name in PyTorch and the cases that it is tried on.

What follows is the same for all of them: ``check_op`` compares the values with the reference and the gradient with
central differences, ``check_torch`` compares both with PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
from helpers import host
from hypothesis import strategies as st

import minirad as mr

Shape = tuple[int, ...]
Case = tuple[tuple[Shape, ...], dict[str, Any]]  # the shapes of the tensors, and options

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
FULL_SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=4)  # no axis of length 0
ONE = SHAPES.map(lambda shape: ((shape,), {}))


def broadcastable(n: int) -> st.SearchStrategy[Case]:
    """n shapes that NumPy can broadcast."""
    shapes = hnp.mutually_broadcastable_shapes(num_shapes=n, min_dims=0, max_dims=3, min_side=0, max_side=3)
    return shapes.map(lambda found: (found.input_shapes, {}))


@st.composite
def reduced(draw, shapes=FULL_SHAPES, several=True, keepdim=True, everything=True, **options):
    """A shape, a dim of it (None, negative and tuples too), keepdim."""
    shape = draw(shapes)
    choices = [st.none()] if everything else []
    if shape:
        choices.append(st.integers(-len(shape), len(shape) - 1))
        choices += [hnp.valid_tuple_axes(len(shape), min_size=1)] if several else []
    elif not everything:
        choices.append(st.sampled_from([-1, 0]))
    found = {"dim": draw(st.one_of(choices)), **({"keepdim": draw(st.booleans())} if keepdim else {})}
    return (shape,), found | {name: draw(strategy) for name, strategy in options.items()}


@dataclass(frozen=True)
class Op:
    """A function of tensors ``fn(*tensors, **options)``."""

    name: str
    fn: Callable[..., Any]
    reference: Callable[..., Any]  # the same on NumPy arrays
    torch: str | Callable[..., Any]  # a dotted name below torch, or a function of PyTorch's tensors
    cases: st.SearchStrategy[Case] = ONE
    low: float = -2.0
    high: float = 1.9
    listed: bool = False  # the functions take one list of tensors

    def __str__(self) -> str:
        return self.name

    def call(self, function: Callable[..., Any], inputs: list[Any], options: dict[str, Any]) -> Any:
        """Call ``fn``, ``reference`` or PyTorch's function."""
        return function(inputs, **options) if self.listed else function(*inputs, **options)

    def arrays(self, shapes: tuple[Shape, ...]) -> list[np.ndarray]:
        """One array for each shape. All numbers differ, none is near a multiple of 0.5, where some ops have kinks."""
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
        places = np.random.default_rng(1).permutation(ends[-1]) + 0.37
        numbers = self.low + (self.high - self.low) * places / max(1, ends[-1])
        return [part.reshape(shape) for part, shape in zip(np.split(numbers, ends[:-1]), shapes, strict=True)]


def check_op(op: Op, shapes: tuple[Shape, ...], options: dict[str, Any]) -> None:
    """Values and dtypes as the reference has them; the gradient as central differences have it."""
    arrays = op.arrays(shapes)
    expected = op.call(op.reference, arrays, options)
    for dtype, tolerance in (("float64", 1e-12), ("float32", 2e-5)):
        inputs = [mr.tensor(array, requires_grad=True, dtype=dtype) for array in arrays]
        out = op.call(op.fn, inputs, options)
        assert out.dtype == dtype
        np.testing.assert_allclose(host(out), expected, rtol=tolerance, atol=tolerance, strict=dtype == "float64")
        out.sum().backward()
        for x in inputs:
            assert x.grad is None or (x.grad.dtype == dtype and x.grad.shape == x.shape)
    assert mr.gradcheck(
        lambda *xs: op.call(op.fn, xs, options), [mr.tensor(array, requires_grad=True) for array in arrays]
    )


def check_torch(op: Op, shapes: tuple[Shape, ...], options: dict[str, Any]) -> None:
    """Values and gradients as in PyTorch: to 1e-10 in float64, and as far as float32 goes."""
    import torch

    peer = attrgetter(op.torch)(torch) if isinstance(op.torch, str) else op.torch
    arrays = op.arrays(shapes)
    for dtype, tolerance in (("float64", 1e-10), ("float32", 2e-5)):
        ours = [mr.tensor(array, requires_grad=True, dtype=dtype) for array in arrays]
        theirs = [torch.tensor(array, requires_grad=True, dtype=getattr(torch, dtype)) for array in arrays]
        compare(op.call(op.fn, ours, options), op.call(peer, theirs, options), ours, theirs, tolerance)


def compare(y: Any, y_torch: Any, inputs: list[Any], inputs_torch: list[Any], tolerance: float = 1e-10) -> None:
    """The outputs agree, and so do the gradients of the inputs, given a random cotangent."""
    near = {"rtol": tolerance, "atol": tolerance, "strict": True}
    np.testing.assert_allclose(host(y), y_torch.detach().numpy(), **near)
    cotangent = np.random.default_rng(2).standard_normal(y.shape).astype(str(y.dtype))
    y.backward(mr.tensor(cotangent))
    y_torch.backward(y_torch.new_tensor(cotangent))
    for x, x_torch in zip(inputs, inputs_torch, strict=True):
        assert (x.grad is None) == (x_torch.grad is None)
        if x.grad is not None:
            np.testing.assert_allclose(host(x.grad), x_torch.grad.numpy(), **near)
