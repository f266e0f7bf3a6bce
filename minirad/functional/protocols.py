"""What Python itself asks of a tensor: printing, len, iteration, float(), copies, x[i] = y and x += y."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any

from minirad.backend import Array, array_text, to_host
from minirad.functional.arithmetic import add, div, mul, sub
from minirad.functional.shaping import as_index
from minirad.tensor import Tensor, _used, op_name


def as_numpy(self: Tensor, dtype: Any = None, copy: bool | None = None) -> Any:
    """numpy.asarray(x)."""
    array = self.numpy()
    return array.astype(dtype or array.dtype, copy=bool(copy))


def text(self: Tensor) -> str:
    """repr(x): the values, and what they alone don't tell."""
    notes = [] if self.data.size or self.shape == (0,) else [f"shape={self.shape}"]
    notes += [] if self.dtype in ("float32", "bool", "int64") else [f"dtype={self.dtype}"]
    if self.vjp is not None:
        notes.append("used by backward()" if self.vjp is _used else f"op={op_name(self)}")
    elif self.requires_grad:
        notes.append("requires_grad=True")
    return ", ".join([array_text(self.data, f"{type(self).__name__.lower()}("), *notes]) + ")"


def length(self: Tensor) -> int:
    """len(x): the length of the first axis."""
    if not self.shape:
        raise TypeError("len() of a tensor of shape ()")
    return self.shape[0]


def rows(self: Tensor) -> Iterator[Tensor]:
    """for row in x: along the first axis."""
    return (self[i] for i in range(length(self)))


def truth(self: Tensor) -> bool:
    """if x: a single number only."""
    if self.data.size != 1:
        raise ValueError(
            f"the truth value of a tensor of shape {self.shape} is ambiguous: compare a single number, "
            "or use where(condition, a, b)"
        )
    return bool(self.data)


def reduce(self: Tensor) -> tuple[Any, ...]:
    """copy.copy, copy.deepcopy and pickle: of leaves only."""
    if self.vjp is not None:
        raise TypeError("copy: this tensor is the result of a recorded op; copy x.detach() instead")
    return rebuild, (type(self), self.data, self.grad, self.requires_grad)


def shallow_copy(self: Tensor) -> Tensor:
    """copy.copy: another tensor with the same data, shared."""
    function, arguments = reduce(self)
    return function(*arguments).sharing(self)


def rebuild(kind: type[Tensor], data: Array, grad: Array | None, requires_grad: bool) -> Tensor:
    """The copy."""
    copy = kind(data)
    copy.grad, copy.requires_grad = grad, requires_grad
    return copy


def in_place(op: Callable[[Any, Any], Tensor]) -> Callable[[Tensor, Any], Tensor]:
    """x += y: writes in place as in PyTorch; the result of an op is rebound instead (``total += loss``)."""

    def method(self: Tensor, other: Any) -> Tensor:
        result = op(self, other)
        if self.vjp is not None or (result.requires_grad and not self.requires_grad):
            return result
        if result.shape != self.shape or result.dtype != self.dtype:
            raise ValueError(
                f"x += y: {self.dtype} of shape {self.shape} cannot hold a result of {result.dtype}, {result.shape}"
            )
        self.write("x += y", ..., result)
        return self

    return method


def size(self: Tensor, dim: int | None = None) -> Any:
    """x.size(): the shape; x.size(dim): one length of it."""
    return self.shape if dim is None else self.shape[dim]


def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Have ops on this leaf recorded, or not."""
    if self.vjp is not None or (requires_grad and self.dtype.kind != "f"):
        raise TypeError(
            f"requires_grad_: needs a leaf of float32 or float64, got {self.dtype}, made by {op_name(self)}"
        )
    self.requires_grad = bool(requires_grad)
    return self


METHODS: dict[str, Callable[..., Any]] = {
    "size": size,
    "tolist": lambda self: to_host(self.data).tolist(),
    "requires_grad_": requires_grad_,
    "__array__": as_numpy,
    "__repr__": text,
    "__len__": length,
    "__iter__": rows,
    "__bool__": truth,
    "__float__": lambda self: float(self.item()),
    "__int__": lambda self: int(self.item()),
    "__index__": lambda self: operator.index(self.item()),
    "__format__": lambda self, spec: format(self.item(), spec) if spec else text(self),
    "__reduce__": reduce,
    "__copy__": shallow_copy,
    "__setitem__": lambda self, index, value: self.write("x[i] = y", as_index(index), value),
    "__iadd__": in_place(add),
    "__isub__": in_place(sub),
    "__imul__": in_place(mul),
    "__itruediv__": in_place(div),
}
