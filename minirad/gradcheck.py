"""Central differences against backward(): is the gradient right?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minirad.backend import stream, to_device, to_host
from minirad.tensor import Tensor, no_grad

if TYPE_CHECKING:
    from numpy.random import Generator


def gradcheck(
    fn: Callable[..., Any],
    inputs: Sequence[Any] | Tensor,
    *,
    eps: float = 1e-6,
    atol: float = 1e-6,
    rtol: float = 1e-6,
    generator: Generator | None = None,
) -> bool:
    """Compare the gradients of ``fn(*inputs)`` with central differences, element by element.

    The output, of any shape, is weighted with random numbers c (the cotangent) and summed:  L = sum c y.  With c = 1
    the check would be blind to some mistakes: the elements of a softmax sum to 1, so that twice its gradient passes as
    well. Each element of each input is moved by eps to both sides:  dL/dx = (L(x + eps) - L(x - eps)) / 2 eps.

    Args:
        fn: a function of tensors that gives a tensor (or a tuple of them), the same at each call.
        inputs: float64 tensors; those that require a gradient are checked. Their data come back unchanged.
        eps: the step. atol, rtol: how far the two may differ, absolutely and relative to the size of dL/dx.
        generator: draws the cotangent, in place of the stream "noise".

    Returns:
        True. AssertionError: some element differs; the message names the worst. TypeError: an input is not float64.
    """
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    checked = [(i, x) for i, x in enumerate(inputs) if isinstance(x, Tensor) and x.requires_grad]
    for i, x in checked:
        if x.dtype != "float64":
            raise TypeError(f"gradcheck: input {i} must be float64 (half of the digits get lost here), got {x.dtype}")
    if not checked:
        raise ValueError("gradcheck: no input requires a gradient")

    cotangents: list[Tensor] = []

    def loss() -> Tensor:
        outputs = fn(*inputs)
        outputs = (outputs,) if isinstance(outputs, Tensor) else tuple(y for y in outputs if y.dtype == "float64")
        if not cotangents:
            draws = generator or stream("noise")
            cotangents.extend(Tensor(to_device(draws.standard_normal(y.shape))) for y in outputs)
        total = (outputs[0] * cotangents[0]).sum()
        for y, c in zip(outputs[1:], cotangents[1:], strict=True):
            total = total + (y * c).sum()
        return total

    before = [None if x.grad is None else x.grad.copy() for _, x in checked]
    for _, x in checked:
        x.grad = None
    try:
        loss().backward()
        gradients = [x.grad for _, x in checked]
    finally:
        for (_, x), grad in zip(checked, before, strict=True):
            x.grad = grad

    worst, message = 0.0, ""
    for (i, x), gradient in zip(checked, gradients, strict=True):
        data = to_host(x.data).copy()
        gradient = None if gradient is None else to_host(gradient)
        for index in _indices(data.shape):
            wanted = _central_difference(loss, x, data, index, eps)
            got = 0.0 if gradient is None else float(gradient[index])
            excess = abs(got - wanted) - (atol + rtol * abs(wanted))
            if not excess <= worst:  # also where one of the two is NaN
                worst = excess if excess == excess else float("inf")
                message = f"input {i}, element {index}: backward() gives {got!r}, central differences {wanted!r}"
    if message:
        raise AssertionError(f"gradcheck: {message}")
    return True


def _central_difference(loss: Callable[[], Tensor], x: Tensor, data: Any, index: tuple[int, ...], eps: float) -> float:
    ends = []
    with no_grad():
        try:
            for step in (eps, -eps):
                moved = data.copy()
                moved[index] += step
                x.copy_(moved)
                ends.append(loss().item())
        finally:
            x.copy_(data)
    return (ends[0] - ends[1]) / (2 * eps)


def _indices(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    indices: list[tuple[int, ...]] = [()]
    for n in shape:
        indices = [(*index, i) for index in indices for i in range(n)]
    return indices
