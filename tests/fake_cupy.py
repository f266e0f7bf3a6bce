"""A strict stand-in for CuPy, so that the whole test-suite runs as on a GPU where there is none.

``cupy``, made at the end of this file, goes into ``sys.modules["cupy"]``. Its arrays hold a NumPy array that nothing
else may see. They do what CuPy's do where that differs from NumPy, and refuse what CuPy's refuse:

* every name, method and keyword that is not in cupy_names.json, a list read from the real CuPy;
* implicit conversion to NumPy in every form: only ``.get()``, ``.item()``, ``.tolist()`` and ``asnumpy`` cross over,
  and, as in CuPy, ``float``, ``int`` and ``bool`` of one element;
* host arrays in operators, as arguments, as indices, as ``out=`` and as assigned values: only ``asarray`` and its like
  take them;
* lists and numbers where a function wants an array.

Reductions and single elements are arrays of shape (), never scalars; views share memory; a universal function gives C
order; integer arrays that index out of bounds wrap around without an error.

It is stricter than CuPy where CuPy transfers silently or leaves the result undefined: it refuses host arrays as indices
and as values of an indexed assignment, NumPy's functions on device arrays (the engine goes through ``xp``), and an
assignment of several values where an index repeats.

``cupy.random`` is left out on purpose: minirad draws on the host, so that every backend sees the same numbers. What
else is not modelled is missing too (cuda, fft, kernels), or says so when called.
"""

from __future__ import annotations

import functools
import json
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy

NAMES: dict[str, Any] = json.loads(Path(__file__).with_name("cupy_names.json").read_text())

SCALARS = (bool, int, float, complex, numpy.generic)
DTYPES = "?bBhHiIlLqQefdFD"  # no objects, strings, dates, long doubles

# Parameters by name: those that, in the first place, take a device array and nothing else; those that never take one.
ARRAY_PARAMETERS = {"a", "x", "arr", "ary", "array", "m", "ar", "condition"}
PLAIN_PARAMETERS = {"shape", "newshape", "axis", "axes", "axis1", "axis2", "dtype", "start", "stop", "step", "k", "n"}
LENIENT = {"cupy.shape", "cupy.ndim", "cupy.size", "cupy.iscomplexobj", "cupy.isrealobj", "cupy.linspace"}


class ndarray:
    """An array on the pretended device."""

    __slots__ = ("__weakref__", "_host")
    __array_ufunc__ = None  # NumPy's operators leave the work to ours; its functions raise TypeError

    def __init__(self, shape: Any, dtype: Any = float, *, order: str = "C") -> None:
        self._host = numpy.empty(plain(shape), dtype, order)

    def get(self) -> numpy.ndarray:
        """A copy on the host."""
        return self._host.copy()

    def set(self, arr: numpy.ndarray) -> None:
        """Copy from a host array of the same shape and dtype."""
        if not isinstance(arr, numpy.ndarray) or (arr.dtype, arr.shape) != (self.dtype, self.shape):
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
        return wrap, (self._host,)

    def __copy__(self) -> ndarray:
        return wrap(self.get())

    def __deepcopy__(self, memo: dict[int, Any]) -> ndarray:
        return wrap(self.get())

    def __len__(self) -> int:
        return len(self._host)

    def __iter__(self) -> Iterator[ndarray]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> ndarray:
        return wrap(self._host[host_index(self._host, index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        if not isinstance(value, (ndarray, *SCALARS)):
            raise TypeError(f"cupy.ndarray: a {kind(value)} can't be assigned to elements of a device array")
        place = host_index(self._host, index)
        if isinstance(value, ndarray) and value.size > 1:
            refuse_repeats(self._host, place)
        self._host[place] = unwrap(value)

    def fill(self, value: Any) -> None:
        """Set every element to a number, or to a device array of shape ()."""
        if isinstance(value, ndarray) and value.shape != ():
            raise ValueError("non-scalar cupy.ndarray cannot be used for fill")
        self[...] = value

    def astype(self, dtype: Any, order: str = "K", casting: None = None, subok: None = None, copy: bool = True) -> Any:
        """The array in another dtype. CuPy has casting and subok among its parameters, and refuses both."""
        if casting is not None or subok is not None:
            raise TypeError("cupy.ndarray.astype: casting and subok are not supported")
        with numpy.errstate(all="ignore"):
            return rewrap(self._host.astype(dtype, order, copy=copy), [self])

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self._host.shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        self._host = self._host.reshape(plain(shape), copy=False)

    @property
    def base(self) -> ndarray | None:
        """The array that this is a view of, or None."""
        return None if self._host.base is None else wrap(self._host.base)

    @property
    def data(self) -> SimpleNamespace:
        """Stands for the pointer into the device's memory."""
        return SimpleNamespace(ptr=self._host.ctypes.data)

    @property
    def flags(self) -> SimpleNamespace:
        """Memory layout. CuPy has these three only: every array is writeable."""
        names = ("c_contiguous", "f_contiguous", "owndata")
        return SimpleNamespace(**{name: getattr(self._host.flags, name) for name in names})


def wrap(host: Any) -> ndarray:
    """A device array around this very NumPy array (or NumPy scalar)."""
    device = ndarray.__new__(ndarray)
    device._host = numpy.asarray(host)
    if device.dtype.char not in DTYPES:
        raise ValueError(f"Unsupported dtype {device.dtype}")
    return device


def rewrap(result: Any, inputs: list[ndarray]) -> Any:
    """What NumPy gave, as CuPy gives it: one of the inputs if it is that (out=), or a new device array."""
    if isinstance(result, (numpy.ndarray, numpy.generic)):
        same = [device for device in inputs if device._host is result]
        return same[0] if same else wrap(result)
    if isinstance(result, (tuple, list)):
        items = [rewrap(item, inputs) for item in result]
        return type(result)(*items) if hasattr(result, "_fields") else type(result)(items)
    return result


def unwrap(value: Any) -> Any:
    """The NumPy arrays behind device arrays, also inside of tuples, lists and dictionaries."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, dict):
        return {key: unwrap(item) for key, item in value.items()}
    return type(value)(unwrap(item) for item in value) if type(value) in (tuple, list) else value


def leaves(value: Any) -> list[Any]:
    """The value, or what lies inside of it at any depth if it is a tuple, a list or a dictionary."""
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, (tuple, list)) else [value]


def plain(value: Any) -> Any:
    """A shape, an axis or another setting: no device array in it."""
    if any(isinstance(leaf, ndarray) for leaf in leaves(value)):
        raise TypeError("cupy: a shape, an axis or a range takes Python numbers, got a device array")
    return value


def kind(value: Any) -> str:
    """What a value is, for messages."""
    return "host array" if isinstance(value, numpy.ndarray) else type(value).__name__


# Indices.


def host_index(host: numpy.ndarray, index: Any) -> tuple[Any, ...]:
    """The index for NumPy. The Ellipsis at its end makes a single element a view of shape (), as in CuPy."""
    items = [index_item(item) for item in (index if isinstance(index, tuple) else (index,))]
    if not any(item is Ellipsis for item in items):
        items.append(Ellipsis)
    widths = [0 if item is None or item is Ellipsis else item.ndim if is_mask(item) else 1 for item in items]
    axis = 0
    for at, (item, width) in enumerate(zip(items, widths, strict=True)):
        if isinstance(item, numpy.ndarray) and not is_mask(item) and axis < host.ndim and host.shape[axis]:
            items[at] = item % host.shape[axis]  # CuPy wraps around at both ends
        axis += host.ndim - sum(widths) if item is Ellipsis else width
    return tuple(items)


def index_item(item: Any) -> Any:
    """One item of an index, for NumPy."""
    if isinstance(item, numpy.ndarray):
        raise TypeError("cupy.ndarray: a host array as an index of a device array")
    if isinstance(item, list):
        item = cupy.array(item, dtype=None if item else int)
    if isinstance(item, ndarray) and item.dtype.kind not in "biu":
        raise IndexError(f"arrays used as indices must be of integer or boolean type, got {item.dtype}")
    return unwrap(item)


def is_mask(item: Any) -> bool:
    """Whether an item of an index is a boolean array, which stands for as many axes as it has itself."""
    return isinstance(item, numpy.ndarray) and item.dtype == bool


def refuse_repeats(host: numpy.ndarray, index: tuple[Any, ...]) -> None:
    """Raise if an integer array in the index names an element twice: which value stays is undefined in CuPy."""
    if any(isinstance(item, numpy.ndarray) and not is_mask(item) for item in index):
        places = numpy.arange(host.size).reshape(host.shape)[index]
        if numpy.unique(places).size < places.size:
            raise RuntimeError("cupy.ndarray: an assignment names an element twice; cupy.add.at sums them")


# Functions and methods: NumPy's, behind CuPy's parameters.


def function(name: str, parameters: str, numpy_function: Callable[..., Any]) -> Callable[..., Any]:
    """NumPy's function for device arrays, with the parameters that CuPy's has."""
    bind = binder(name, parameters)

    def call(*args: Any, **kwargs: Any) -> Any:
        arguments = bind(*args, **kwargs)
        for place, (parameter, value) in enumerate(arguments.items()):
            check_argument(name, place, parameter, value)
        inputs = [leaf for leaf in leaves(arguments) if isinstance(leaf, ndarray)]
        with numpy.errstate(all="ignore"):  # a GPU gives inf and nan without a warning
            result = numpy_function(*unwrap(args), **unwrap(kwargs))
        return rewrap(result, inputs)

    call.__name__ = call.__qualname__ = name
    return call


def binder(name: str, parameters: str) -> Callable[..., dict[str, Any]]:
    """A function with these parameters that returns them by name. Python itself refuses what does not fit."""
    bind = eval(f"lambda {parameters[1:-1].replace('=', '=None')}: locals()")
    bind.__qualname__ = name
    return bind


def check_argument(name: str, place: int, parameter: str, value: Any) -> None:
    """Raise TypeError for a host array, and for device arrays where they don't belong, and the other way round."""
    if any(isinstance(leaf, numpy.ndarray) for leaf in leaves(value)):
        raise TypeError(f"{name}: {parameter} holds a host array; cupy.asarray makes a device array of it")
    if name in LENIENT:
        return
    if parameter in PLAIN_PARAMETERS:
        plain(value)
    if place == 0 and parameter in ARRAY_PARAMETERS and not isinstance(value, ndarray):
        raise TypeError(f"{name}: {parameter} must be a device array, got a {kind(value)}")


def creator(name: str, parameters: str, numpy_function: Callable[..., Any]) -> Callable[..., Any]:
    """One of asarray and its like: these alone take host arrays, and copy them."""
    bind = binder(name, parameters)

    def call(*args: Any, **kwargs: Any) -> Any:
        source = next(iter(bind(*args, **kwargs).values()))
        devices = [leaf for leaf in leaves(source) if isinstance(leaf, ndarray)]
        if devices and len(devices) < len(leaves(source)):
            raise TypeError(f"{name}: device arrays and other values in one list")
        result = numpy_function(*unwrap(args), **unwrap(kwargs))
        if isinstance(source, numpy.ndarray) and numpy.may_share_memory(result, source):
            result = result.copy()
        return rewrap(result, devices)

    return call


class ufunc:
    """A universal function, with the keywords and methods that CuPy's have."""

    def __init__(self, name: str) -> None:
        self.__name__ = self.name = name
        self._numpy = getattr(numpy, name)

    def __call__(self, *args: Any, out: Any = None, dtype: Any = None, casting: str | None = None) -> Any:
        """Apply it to device arrays and numbers."""
        outs = [o for o in (out if isinstance(out, tuple) else (out,)) if o is not None]
        self._check(args, outs)
        settings = {"out": unwrap(out), "dtype": dtype, "casting": casting}
        if isinstance(self._numpy, numpy.ufunc):
            settings["order"] = "C"
        with numpy.errstate(all="ignore"):
            result = self._numpy(*unwrap(args), **{key: s for key, s in settings.items() if s is not None})
        return rewrap(result, [*outs, *(arg for arg in args if isinstance(arg, ndarray))])

    def _check(self, args: tuple[Any, ...], outs: list[Any]) -> None:
        for arg in args:
            if not isinstance(arg, (ndarray, *SCALARS)):
                raise TypeError(f"cupy.{self.name}: unsupported type {kind(arg)}")
        for out in outs:
            if not isinstance(out, ndarray):
                raise TypeError(f"cupy.{self.name}: out must be a device array, got a {kind(out)}")
            # NumPy broadcasts into a larger out; CuPy does not.
            if self.name != "matmul" and out.shape != numpy.broadcast_shapes(*(numpy.shape(unwrap(a)) for a in args)):
                raise ValueError(f"cupy.{self.name}: out of shape {out.shape} does not fit the result")

    def at(self, a: ndarray, indices: Any, b: Any = None) -> None:
        """Apply it in place at the indices, as often as each comes."""
        if self.name not in NAMES["scatter"]:
            raise NotImplementedError(f"`{self.name}.at` is not supported yet")
        if not isinstance(a, ndarray) or not isinstance(b, (ndarray, *SCALARS)):
            raise TypeError(f"cupy.{self.name}.at: takes device arrays and numbers, got {kind(a)} and {kind(b)}")
        allowed = {"add": "iIlLqQefd", "subtract": "iI", "maximum": "iIlLqQfd", "minimum": "iIlLqQfd"}
        if a.dtype.char not in allowed.get(self.name, "iIlLqQ"):
            raise TypeError(f"cupy.{self.name}.at does not support {a.dtype}")
        self._numpy.at(a._host, host_index(a._host, indices), unwrap(b))

    def reduce(self, array: ndarray, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: bool = False) -> Any:
        """Sum or product over axes. CuPy has no other."""
        return self._method("reduce", array, {"add": "sum", "multiply": "prod"})(axis, dtype, out, keepdims)

    def accumulate(self, array: ndarray, axis: Any = 0, dtype: Any = None, out: Any = None) -> Any:
        """Running sum or product along an axis. CuPy has no other."""
        return self._method("accumulate", array, {"add": "cumsum", "multiply": "cumprod"})(axis, dtype, out)

    def _method(self, method: str, array: ndarray, methods: dict[str, str]) -> Callable[..., Any]:
        if self.name not in methods:
            raise NotImplementedError(f"`{self.name}.{method}` is not supported yet")
        return getattr(array, methods[self.name])

    def outer(self, a: ndarray, b: ndarray, **kwargs: Any) -> Any:
        """Apply it to all pairs of elements."""
        return self(a.reshape(a.shape + (1,) * b.ndim), b.reshape((1,) * a.ndim + b.shape), **kwargs)


# The operators and the methods of the array, from the list of names.

BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "matmul": "matmul",
    "truediv": "true_divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "divmod": "divmod",
    "pow": "power",
    "lshift": "left_shift",
    "rshift": "right_shift",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
}
COMPARISONS = {
    "lt": "less",
    "le": "less_equal",
    "eq": "equal",
    "ne": "not_equal",
    "gt": "greater",
    "ge": "greater_equal",
}
UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}
PLAIN_ATTRIBUTES = ("dtype", "itemsize", "nbytes", "ndim", "size", "strides")
VIEWS = ("T", "mT", "real", "imag")


def operator(apply: Callable[[ndarray, Any], Any]) -> Callable[[ndarray, Any], Any]:
    """An operator of the array: numbers and device arrays, no host arrays, and other types' own operators may try."""

    def method(self: ndarray, other: Any) -> Any:
        if isinstance(other, numpy.ndarray):
            raise TypeError("cupy.ndarray: an operator between a device array and a host array")
        return apply(self, other) if isinstance(other, (ndarray, *SCALARS)) else NotImplemented

    return method


def complete_ndarray() -> None:
    """Give the array the operators, methods and properties that the real one has and NumPy can do."""
    members: dict[str, Any] = {"__hash__": None}
    for short, name in {**BINARY, **COMPARISONS}.items():
        f = ufunc(name)
        members[f"__{short}__"] = operator(f)
        members[f"__r{short}__"] = operator(lambda self, other, f=f: f(other, self))
        members[f"__i{short}__"] = operator(lambda self, other, f=f: f(self, other, out=self))
    for short, name in UNARY.items():
        f = ufunc(name)
        members[f"__{short}__"] = lambda self, f=f: f(self)
    members |= {name: property(lambda self, name=name: getattr(self._host, name)) for name in PLAIN_ATTRIBUTES}
    members |= {name: property(lambda self, name=name: wrap(getattr(self._host, name))) for name in VIEWS}
    for name, entry in NAMES["ndarray"].items():
        if entry.startswith("(") and not name.startswith("_") and hasattr(numpy.ndarray, name):
            members[name] = function(
                f"cupy.ndarray.{name}", entry.replace("(", "(self, "), OWN.get(name) or getattr(numpy.ndarray, name)
            )
    for name, member in members.items():
        if name in NAMES["ndarray"] and name not in vars(ndarray):
            setattr(ndarray, name, member)


# The modules.


def take(a: Any, indices: Any, axis: Any = None, out: Any = None) -> Any:
    """CuPy's take wraps around at both ends."""
    return numpy.take(a, indices, axis, out, mode="wrap")


def take_along_axis(a: Any, indices: Any, axis: Any) -> Any:
    """CuPy's take_along_axis wraps around at both ends."""
    return numpy.take_along_axis(a, indices % a.shape[axis] if a.shape[axis] else indices, axis)


def einsum(*operands: Any, dtype: Any = None, optimize: Any = False) -> Any:
    """CuPy's einsum has no other keyword."""
    return numpy.einsum(*operands, dtype=dtype, optimize=optimize)


def zero_d(f: Callable[..., Any]) -> Callable[..., Any]:
    """CuPy's function gives an array of shape () where NumPy's gives a Python bool or int."""
    return lambda *args, **kwargs: numpy.asarray(f(*args, **kwargs))


OWN: dict[str, Callable[..., Any]] = {
    "take": take,
    "take_along_axis": take_along_axis,
    "einsum": einsum,
    **{name: zero_d(getattr(numpy, name)) for name in ("allclose", "array_equal", "array_equiv", "count_nonzero")},
}
CREATORS = ("array", "asarray", "asanyarray", "asarray_chkfinite", "ascontiguousarray", "asfortranarray")


def asnumpy(a: Any, stream: None = None, order: str = "C", out: None = None, *, blocking: bool = True) -> numpy.ndarray:
    """A copy of a device array on the host. What is on the host stays there."""
    return a.get() if isinstance(a, ndarray) else numpy.asarray(a, order=order)


def fuse(*args: Any, **kwargs: Any) -> Any:
    """A decorator with or without arguments. Nothing is fused here: the function stays as it is."""
    return args[0] if len(args) == 1 and callable(args[0]) and not kwargs else lambda f: f


def not_modelled(name: str) -> Callable[..., Any]:
    """A function that CuPy has and this stand-in does not."""

    def call(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{name} is in CuPy, but not in the stand-in for it, tests/fake_cupy.py")

    return call


def module(path: str) -> ModuleType:
    """One of the modules on the list, with every name that NumPy can stand in for."""
    made = ModuleType(path)
    twin = functools.reduce(getattr, path.split(".")[1:], numpy)
    for name, entry in NAMES[path].items():
        full = f"{path}.{name}"
        if entry == "numpy":
            setattr(made, name, getattr(twin, name, None))
        elif entry == "ufunc" or name == "matmul":
            setattr(made, name, ufunc(name))
        elif entry.startswith("("):
            make = creator if name in CREATORS else function
            original = OWN.get(name) or getattr(twin, name, None)
            setattr(made, name, make(full, entry, original) if original else not_modelled(full))
    return made


cupy: Any = module("cupy")
cupy.__version__ = NAMES["version"]
cupy.ndarray, cupy.ufunc = ndarray, ufunc
cupy.asnumpy, cupy.fuse, cupy.is_available = asnumpy, fuse, lambda: True
cupy.linalg = module("cupy.linalg")
cupy.lib = SimpleNamespace(stride_tricks=module("cupy.lib.stride_tricks"))
complete_ndarray()
