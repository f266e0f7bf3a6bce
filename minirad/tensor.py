"""Tensor: an array that remembers how it was made, and backward(), which goes back along that memory.

An op is a plain function. It computes an array, then hands ``Tensor`` the array, the op's inputs (the parents) and one
closure, the vector-Jacobian product: given the gradient of the loss with respect to the output, it returns a tuple with
the gradient for each parent. The recorded ops are the tape. ``backward`` walks it from the newest op to the oldest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from numbers import Number
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from minirad.backend import Array, to_host, xp

Vjp = Callable[[Array], tuple[Array, ...]]  # None for a parent that needs no gradient

# One clock for everything that happens. A parent is older than its child, so the times of the ops order the tape; and
# data written later than an op that used it would falsify that op's gradient.
_clock = count(1)
_last_write = 0
_recording = ContextVar("recording", default=True)  # each thread has its own
_observers: list[Callable[[Tensor], None]] = []  # called with each new tensor: see debug.py


class Tensor:
    """An array with a memory. Make one with :func:`tensor`; ops make the others.

    Attributes:
        data: the array (of the backend, whatever the shape, () included).
        grad: None, or an array of the same shape: the sum of the gradients of every backward() so far. With an
            optimizer it is a piece of the optimizer's vector, so what you want to keep past zero_grad() you must copy.
        requires_grad: whether ops on this tensor are recorded.
    """

    __slots__ = ("__weakref__", "data", "grad", "grad_home", "parents", "requires_grad", "time", "vjp", "writes")
    __array_ufunc__ = None  # array + tensor is Tensor.__radd__, not an array of tensors
    __hash__ = object.__hash__  # by identity, since == compares element by element

    def __init__(self, data: Array, parents: tuple[Tensor, ...] = (), vjp: Vjp | None = None) -> None:
        self.data = data if type(data) is xp.ndarray else xp.asarray(data)
        self.grad: Array | None = None
        self.grad_home: Array | None = None  # where an optimizer wants the gradient to be summed up
        self.requires_grad = False
        self.parents: tuple[Tensor, ...] = ()
        self.vjp: Vjp | None = None
        self.time = 0  # when the op was recorded
        self.writes: list[int] | None = None  # when the data was last written to: one list for all that share the data
        if _recording.get():
            for parent in parents:
                if parent.requires_grad:
                    self.requires_grad, self.parents, self.vjp, self.time = True, parents, vjp, next(_clock)
                    break
        if _observers:
            for observe in _observers:
                observe(self)

    # ---- going back

    def backward(self, gradient: Any = None, *, create_graph: bool = False) -> None:
        """Add the gradient of this tensor to ``.grad`` of every leaf that it was made from, and drop the tape.

        Args:
            gradient: the gradient of the loss with respect to this tensor, of the same shape; 1 for a single number.
            create_graph: must stay False. There are first derivatives only: gradients are arrays, without a tape.

        Raises:
            RuntimeError: nothing was recorded, the tape was used before, or data changed after an op had used it.
        """
        if create_graph:
            raise ValueError("backward: minirad computes first derivatives only, so create_graph must be False")
        tape = self.tape()
        gradients = {self: self._seed(gradient)}
        while tape:
            node = tape.pop()  # the newest: every op that used it has already been done
            g = gradients.pop(node)
            if node.vjp is None:
                node._accumulate(g)
                continue
            for parent, g_parent in zip(node.parents, node.vjp(g), strict=True):
                if parent.requires_grad:
                    if g_parent.shape != parent.data.shape:
                        g_parent = _unbroadcast(g_parent, parent.data.shape)
                    gradients[parent] = gradients[parent] + g_parent if parent in gradients else g_parent
            node.parents, node.vjp = (), _used

    def tape(self) -> list[Tensor]:
        """Every tensor that this one was made from and that requires a gradient, itself included, oldest first."""
        if not self.requires_grad:
            raise RuntimeError("backward: this tensor was made without requires_grad=True (or under no_grad())")
        stack, seen = [self], {self}
        while stack:
            node = stack.pop()
            if node.vjp is _used:
                raise RuntimeError("backward: this graph was used by an earlier backward(); run the forward pass again")
            if node.time < _last_write and node.vjp is not None:
                node._check_unchanged()
            for parent in node.parents:
                if parent.requires_grad and parent not in seen:
                    seen.add(parent)
                    stack.append(parent)
        return sorted(seen, key=attrgetter("time"))

    def _check_unchanged(self) -> None:
        for used in (*self.parents, self):
            if used.writes and used.writes[0] > self.time:
                raise RuntimeError(
                    f"backward: {op_name(self)} used data of shape {used.shape} that was changed afterwards (by an "
                    "optimizer step, say, or through detach()); run the forward pass again, or change a copy"
                )

    def _seed(self, gradient: Any) -> Array:
        if gradient is None:
            if self.data.size != 1:
                raise ValueError(f"backward: a tensor of shape {self.shape} needs gradient=, an array of that shape")
            return xp.ones(self.shape, self.dtype)
        gradient = as_tensor(gradient, self.dtype).data
        if gradient.shape != self.shape or gradient.dtype != self.dtype:
            raise ValueError(
                f"backward: gradient must have shape {self.shape} and dtype {self.dtype}, "
                f"got {gradient.shape} and {gradient.dtype}"
            )
        return gradient

    def _accumulate(self, g: Array) -> None:
        if self.grad is not None:
            self.grad += g
        elif (home := self.grad_home) is not None and (home.shape, home.dtype) == (g.shape, g.dtype):
            home[...] = g
            self.grad = home
        else:
            self.grad = xp.array(g, order="C")  # a copy: g may be shared with another parent

    # ---- looking at it

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes; () for a single number."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim

    @property
    def dtype(self) -> Any:
        """float32, float64, bool or an integer type."""
        return self.data.dtype

    def numel(self) -> int:
        """The number of elements."""
        return self.data.size

    def detach(self) -> Tensor:
        """The same data, shared, without the memory."""
        return Tensor(self.data).sharing(self)

    def item(self) -> Any:
        """The value of a tensor with a single element, as a Python number."""
        if self.data.size != 1:
            raise ValueError(f"item: needs a tensor with one element, got shape {self.shape}")
        return self.data.item()

    def numpy(self) -> Any:
        """The data as a NumPy array (shared, if it lies on the host)."""
        if self.requires_grad:
            raise TypeError("numpy: this tensor requires a gradient, which NumPy would lose; use .detach().numpy()")
        return to_host(self.data)

    # ---- writing to it

    def sharing(self, other: Tensor) -> Tensor:
        """Note that this tensor lies in the other's memory, so that a write to one is a write to both."""
        if other.writes is None:
            other.writes = [0]
        self.writes = other.writes
        return self

    def written(self) -> None:
        """Note that the data was just changed: backward() through ops that used the old values will refuse."""
        global _last_write
        if self.writes is None:
            self.writes = [0]
        self.writes[0] = _last_write = next(_clock)

    def copy_(self, value: Any) -> Tensor:
        """Overwrite the data in place with an array or tensor that broadcasts to its shape."""
        self.write("copy_", ..., value)
        return self

    def write(self, what: str, place: Any, value: Any) -> None:
        """data[place] = value, or a TypeError that names what was tried where the tape may need the old data."""
        value = as_tensor(value, self.dtype)
        if self.vjp is not None or (_recording.get() and (self.requires_grad or value.requires_grad)):
            raise TypeError(
                f"{what}: the tape records no writes and may need the old data; make a new tensor (x = x + y, where, "
                "cat), or change a leaf under no_grad()"
            )
        if value.dtype != self.dtype:
            raise TypeError(f"{what}: a tensor of {self.dtype} can't take values of {value.dtype}; convert them first")
        self.data[place] = value.data
        self.written()

    if TYPE_CHECKING:  # functional/ attaches operators and methods (sum, reshape, exp ...) when it is imported

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...


def _used(g: Array) -> tuple[Array, ...]:
    """Stands where a closure was before backward() dropped it."""
    raise RuntimeError("backward: this graph was used before")


def _unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum g over the axes that broadcasting added or stretched, so that it has this shape again."""
    added = g.ndim - len(shape)
    stretched = tuple(added + i for i, n in enumerate(shape) if n == 1)
    return g.sum(axis=tuple(range(added)) + stretched, keepdims=True).reshape(shape)


def op_name(node: Tensor) -> str:
    """The name of the op that made this tensor: that of the function which its closure was written in."""
    return "leaf" if node.vjp is None else node.vjp.__qualname__.split(".")[0]


# ---- making tensors


def tensor(data: Any, requires_grad: bool = False, dtype: Any = None) -> Tensor:
    """A new tensor with a copy of the data: a number, nested lists, an array or a tensor.

    Arrays keep their dtype; Python's floats become float32.

    Raises:
        TypeError: the dtype is none of float32, float64, bool and integers, or requires_grad goes with no float.
    """
    if isinstance(data, Tensor):
        data = data.data
    if dtype is None and not hasattr(data, "dtype"):
        dtype = _default_dtype(data)
    result = Tensor(xp.array(data, dtype=dtype, order="C"))
    check_dtype(result.data.dtype)
    if requires_grad and result.data.dtype.kind != "f":
        raise TypeError(f"tensor: only float32 and float64 can require a gradient, got {result.data.dtype}")
    result.requires_grad = bool(requires_grad)
    return result


def as_tensor(value: Any, dtype: Any = None) -> Tensor:
    """The value itself if it is a tensor, else a constant. A number is weak: it takes this dtype, where it fits."""
    if isinstance(value, Tensor):
        return value
    if type(value) is float and dtype is not None and dtype.kind == "f":  # most often; the tests below take a while
        return Tensor(xp.asarray(value, dtype))
    if isinstance(value, xp.ndarray) and value.dtype.kind in "fbiu":
        check_dtype(value.dtype)
        return Tensor(value)
    if dtype is not None and (isinstance(value, Number) or getattr(value, "shape", None) == ()):
        rank = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
        if rank.get(xp.asarray(value).dtype.kind, 2) > rank[xp.dtype(dtype).kind]:
            raise TypeError(f"a number of type {type(value).__name__} does not fit a tensor of dtype {dtype}")
        return Tensor(xp.asarray(value, dtype=dtype))
    return tensor(value)


def _default_dtype(data: Any) -> Any:
    dtype = xp.asarray(data).dtype
    return xp.float32 if dtype.kind == "f" else dtype


def check_dtype(dtype: Any) -> None:
    """Raise TypeError unless tensors can have this dtype."""
    if dtype not in (xp.float32, xp.float64) and dtype.kind not in "biu":
        raise TypeError(f"tensor: dtype must be float32, float64, bool or an integer type, got {dtype}")


# ---- recording or not


@contextmanager
def no_grad() -> Iterator[None]:
    """Record nothing inside: ``with no_grad():``, or ``@no_grad()`` above a function."""
    before = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(before)


def is_grad_enabled() -> bool:
    """Whether ops are recorded now."""
    return _recording.get()
