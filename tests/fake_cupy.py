"""A strict stand-in for CuPy, so that the whole test-suite runs as on a GPU where there is none.

``cupy`` (the last line of this file) goes into ``sys.modules["cupy"]``. Its arrays hold a NumPy array that nothing else
may see, and it does what CuPy does where that differs from NumPy, and refuses what CuPy refuses:

* every name, method and keyword that cupy_names.json, read from the real CuPy, does not have;
* implicit conversion to NumPy in every form: only ``.get()``, ``.item()``, ``.tolist()`` and ``asnumpy`` cross over,
  and, as in CuPy, ``float``, ``int`` and ``bool`` of one element;
* host arrays in operators, as arguments, indices, ``out=`` or assigned values: only ``asarray`` and its like take them;
* lists and numbers where a function wants an array.

Reductions and element access give arrays of shape (), never scalars; views share memory; the result of a universal
function is always in C order; integer arrays that index out of bounds wrap around without an error.

In three points it is stricter than CuPy, which has a silent transfer or an undefined result there: host arrays as
indices and as values of an indexed assignment; NumPy's functions on device arrays (the engine goes through ``xp``);
and an assignment of several values where an index repeats.

``cupy.random`` is left out on purpose: minirad draws on the host, so that every backend sees the same numbers. What
else is not modelled says so when it is called (kernels, memory pools), or is missing (cuda, fft).
"""

from __future__ import annotations

import copy
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy

NAMES: dict[str, Any] = json.loads(Path(__file__).with_name("cupy_names.json").read_text())

_SCALARS = (bool, int, float, complex, numpy.generic)
_DTYPES = "?bBhHiIlLqQefdFD"  # what CuPy computes with: no objects, strings, dates, long doubles

# Parameters that take a device array and nothing else, and those that never take one.
_ARRAY_PARAMETERS = {"a", "x", "arr", "ary", "array", "m", "ar", "condition", "indices"}
_HOST_PARAMETERS = {"shape", "newshape", "axis", "axes", "axis1", "axis2", "dtype", "start", "stop", "step", "k", "n"}
_TAKE_ANYTHING = {"shape", "ndim", "size", "iscomplexobj", "isrealobj", "linspace"}


class ndarray:  # noqa: N801 - CuPy's name
    """An array on the pretended device."""

    __slots__ = ("__weakref__", "_host")
    __array_ufunc__ = None  # NumPy's operators hand over to ours, its functions raise TypeError
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, shape: Any, dtype: Any = float, *, order: str = "C") -> None:
        self._host = numpy.empty(_plain(shape), dtype, order)

    # Crossing over.

    def get(self) -> numpy.ndarray:
        """A copy on the host."""
        return self._host.copy()

    def set(self, arr: numpy.ndarray) -> None:
        """Copy a host array of the same shape and dtype into this one."""
        if type(arr) is not numpy.ndarray or (arr.dtype, arr.shape) != (self.dtype, self.shape):
            raise TypeError("cupy.ndarray.set: takes a host array of the same shape and dtype")
        self._host[...] = arr

    def item(self) -> Any:
        """The only element, as a Python number."""
        return self._host.item()

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("implicit conversion to a NumPy array is not allowed: use .get() or cupy.asnumpy")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} got a device array: use the backend's own function")

    def __float__(self) -> float:
        return float(self._host)

    def __int__(self) -> int:
        return int(self._host)

    def __complex__(self) -> complex:
        return complex(self._host)

    def __bool__(self) -> bool:
        if self.size == 0:
            warnings.warn("the truth value of an empty array is ambiguous", DeprecationWarning, stacklevel=2)
            return False
        return bool(self._host)

    def __repr__(self) -> str:
        return repr(self._host)

    def __str__(self) -> str:
        return str(self._host)

    def __format__(self, spec: str) -> str:
        return format(self._host, spec)

    def __reduce__(self) -> tuple[Any, ...]:
        return _wrap, (self._host,)

    def __copy__(self) -> ndarray:
        return _wrap(self._host.copy())

    def __deepcopy__(self, memo: dict[int, Any]) -> ndarray:
        return _wrap(self._host.copy())

    # As a container.

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Any:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> ndarray:
        return _wrap(self._host[_index(self._host, index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        if not isinstance(value, (ndarray, *_SCALARS)):
            raise TypeError(f"cupy.ndarray: a {_kind(value)} can't be assigned to elements of a device array")
        places = _index(self._host, index)
        if isinstance(value, ndarray) and value.size > 1 and any(isinstance(p, numpy.ndarray) for p in places):
            _refuse_repeats(self._host, places)
        self._host[places] = _unwrap(value)

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes. Assigning reshapes in place."""
        return self._host.shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        view = self._host.view()
        view.shape = _plain(shape)
        self._host = view

    @property
    def base(self) -> ndarray | None:
        """The array that this one is a view of, or None."""
        return None if self._host.base is None else _wrap(self._host.base)

    def astype(self, dtype: Any, order: str = "K", casting: None = None, subok: None = None, copy: bool = True) -> Any:
        """The array in another dtype. CuPy has ``casting`` and ``subok``, and refuses both."""
        if casting is not None or subok is not None:
            raise TypeError("cupy.ndarray.astype: casting and subok are not supported")
        _check_dtype(numpy.dtype(dtype))
        with numpy.errstate(all="ignore"):
            return _rewrap(self._host.astype(dtype, order, copy=copy), [self])

    def fill(self, value: Any) -> None:
        """Set every element to a number or a device array of shape ()."""
        self[...] = value


def _wrap(host: Any) -> ndarray:
    """A device array around this very NumPy array (or NumPy scalar)."""
    device = ndarray.__new__(ndarray)
    device._host = numpy.asarray(host)
    _check_dtype(device._host.dtype)
    return device


def _rewrap(result: Any, inputs: list[ndarray]) -> Any:
    """What NumPy gave, as CuPy gives it: one of the inputs if it is that (out=), else a new device array."""
    if isinstance(result, (numpy.ndarray, numpy.generic)):
        return next((a for a in inputs if a._host is result), None) or _wrap(result)
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*(_rewrap(r, inputs) for r in result))
    if isinstance(result, (tuple, list)):
        return type(result)(_rewrap(r, inputs) for r in result)
    return result


def _unwrap(value: Any) -> Any:
    """Device arrays, also those inside of tuples, lists and dictionaries, as the NumPy arrays that they hold."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, dict):
        return {k: _unwrap(v) for k, v in value.items()}
    if type(value) in (tuple, list):
        return type(value)(_unwrap(v) for v in value)
    return value


def _leaves(value: Any) -> list[Any]:
    """The value itself, or what is inside of it at any depth if it is a tuple, a list or a dictionary."""
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for v in value for leaf in _leaves(v)] if isinstance(value, (tuple, list)) else [value]


def _plain(value: Any) -> Any:
    """A shape, an axis or another plain setting: no device array in it."""
    if any(isinstance(leaf, ndarray) for leaf in _leaves(value)):
        raise TypeError("cupy: a shape, an axis or a range takes Python numbers, got a device array")
    return value


def _kind(value: Any) -> str:
    return "host array" if isinstance(value, numpy.ndarray) else type(value).__name__


def _check_dtype(dtype: numpy.dtype) -> None:
    if dtype.char not in _DTYPES:
        raise ValueError(f"Unsupported dtype {dtype}")


# Indices.


def _index(host: numpy.ndarray, index: Any) -> tuple[Any, ...]:
    """The index for NumPy. The Ellipsis at its end makes one element a view of shape (), as in CuPy."""
    items = [_index_item(item) for item in (index if isinstance(index, tuple) else (index,))]
    if not any(item is Ellipsis for item in items):
        items.append(Ellipsis)
    widths = [0 if i is None or i is Ellipsis else i.ndim if _is_mask(i) else 1 for i in items]
    axis = 0
    for place, (item, width) in enumerate(zip(items, widths, strict=True)):
        if isinstance(item, numpy.ndarray) and not _is_mask(item) and axis < host.ndim and host.shape[axis]:
            items[place] = item % host.shape[axis]  # CuPy wraps around, at both ends
        axis += host.ndim - sum(widths) if item is Ellipsis else width
    return tuple(items)


def _index_item(item: Any) -> Any:
    if isinstance(item, numpy.ndarray):
        raise TypeError("cupy.ndarray: a host array as an index of a device array")
    if isinstance(item, list):
        item = array(item) if item else array(item, dtype=numpy.int32)
    if isinstance(item, ndarray) and item.dtype.kind not in "biu":
        raise IndexError(f"arrays used as indices must be of integer or boolean type, got {item.dtype}")
    return _unwrap(item)


def _is_mask(item: Any) -> bool:
    return isinstance(item, numpy.ndarray) and item.dtype == bool


def _refuse_repeats(host: numpy.ndarray, index: tuple[Any, ...]) -> None:
    places = numpy.arange(host.size).reshape(host.shape)[index]
    if numpy.unique(places).size < places.size:
        raise RuntimeError("cupy.ndarray: an index repeats; which value stays is undefined. Use add.at to sum them")


# Functions.


def _function(name: str, parameters: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function for device arrays, with the parameters that CuPy's has."""
    bind = _binder(name, parameters)

    def call(*args: Any, **kwargs: Any) -> Any:
        arguments = bind(*args, **kwargs)
        _check_arguments(name, arguments)
        inputs = [leaf for leaf in _leaves(list(arguments.values())) if isinstance(leaf, ndarray)]
        with numpy.errstate(all="ignore"):  # a GPU gives inf and nan without a warning
            result = function(*_unwrap(args), **_unwrap(kwargs))
        return _rewrap(result, inputs)

    call.__name__ = name.rpartition(".")[2]
    call.__qualname__ = name
    return call


def _binder(name: str, parameters: str) -> Callable[..., dict[str, Any]]:
    """A function with these parameters that returns them by name; Python itself refuses a wrong one."""
    bind = eval(f"lambda {parameters[1:-1].replace('=', '=None')}: locals()")
    bind.__qualname__ = name
    return bind


def _check_arguments(name: str, arguments: dict[str, Any]) -> None:
    for parameter, value in arguments.items():
        if any(isinstance(leaf, numpy.ndarray) for leaf in _leaves(value)):
            raise TypeError(f"{name}: {parameter} has a host array in it; use cupy.asarray first")
        if name.rpartition(".")[2] in _TAKE_ANYTHING:
            continue
        if parameter in _HOST_PARAMETERS:
            _plain(value)
        if parameter in _ARRAY_PARAMETERS and not isinstance(value, ndarray):
            raise TypeError(f"{name}: {parameter} must be a device array, got a {_kind(value)}")


class ufunc:  # noqa: N801 - CuPy's name
    """A universal function: the keywords out, dtype and casting, and the methods that CuPy has."""

    def __init__(self, name: str) -> None:
        self.__name__ = self.name = name
        self._numpy = getattr(numpy, name)

    def __call__(self, *args: Any, out: Any = None, dtype: Any = None, casting: str | None = None) -> Any:
        """Apply it to device arrays and numbers. The result is in C order."""
        outs = out if isinstance(out, tuple) else (out,)
        for arg in (*args, *outs):
            if not isinstance(arg, (ndarray, *_SCALARS)) and arg is not None:
                raise TypeError(f"cupy.{self.name}: unsupported type {_kind(arg)}")
        settings = {"dtype": dtype, "casting": casting, "out": _unwrap(out)}
        settings = {key: value for key, value in settings.items() if value is not None}
        if isinstance(self._numpy, numpy.ufunc):
            settings["order"] = "C"
        inputs = [a for a in (*args, *outs) if isinstance(a, ndarray)]
        with numpy.errstate(all="ignore"):
            result = _rewrap(self._numpy(*_unwrap(args), **settings), inputs)
        if out is not None and not isinstance(out, tuple):
            _check_out_shape(self.name, out, args)
        return result

    def at(self, a: ndarray, indices: Any, b: Any = None) -> None:
        """Apply it in place at indices, where they repeat as often as they do."""
        if self.name not in NAMES["scatter"]:
            raise NotImplementedError(f"cupy: {self.name}.at is not supported yet")
        if not isinstance(a, ndarray) or not isinstance(b, (ndarray, *_SCALARS)):
            raise TypeError(f"cupy.{self.name}.at: takes a device array and device arrays or numbers, got {_kind(b)}")
        refused = {"add": "bBhH?", "subtract": "bBhH?lLqQefd"}.get(self.name, "bBhH?e")
        if a.dtype.char in refused:
            raise TypeError(f"cupy.{self.name}.at does not support {a.dtype}")
        self._numpy.at(a._host, _index(a._host, indices), _unwrap(b))

    def reduce(self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """Sum or product over axes. CuPy has no other reduction here."""
        method = {"add": "sum", "multiply": "prod"}.get(self.name)
        if method is None:
            raise NotImplementedError(f"cupy: {self.name}.reduce is not supported yet")
        return getattr(array, method)(axis, dtype, out, keepdims)

    def accumulate(self, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
        """Running sum or product along an axis."""
        method = {"add": "cumsum", "multiply": "cumprod"}.get(self.name)
        if method is None:
            raise NotImplementedError(f"cupy: {self.name}.accumulate is not supported yet")
        return getattr(array, method)(axis, dtype, out)

    def reduceat(self, array: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
        """Sums of slices."""
        if self.name != "add":
            raise NotImplementedError(f"cupy: {self.name}.reduceat is not supported yet")
        return _function("cupy.add.reduceat", "(array, indices, axis, dtype, out)", numpy.add.reduceat)(
            array, indices, axis, dtype, out
        )

    def outer(self, A: Any, B: Any, **kwargs: Any) -> Any:  # noqa: N803 - CuPy's names
        """Apply it to all pairs of elements."""
        return self(A.reshape(A.shape + (1,) * B.ndim), B.reshape((1,) * A.ndim + B.shape), **kwargs)


def _check_out_shape(name: str, out: ndarray, args: tuple[Any, ...]) -> None:
    """NumPy broadcasts into a larger out; CuPy does not."""
    if out.shape != numpy.broadcast_shapes(*(numpy.shape(_unwrap(a)) for a in args)):
        raise ValueError(f"cupy.{name}: out has the shape {out.shape}, not the shape of the result")
