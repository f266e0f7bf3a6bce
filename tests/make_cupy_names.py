"""Write cupy_names.json: the names that CuPy offers, with their parameters.

Run ``python tests/make_cupy_names.py`` where ``import cupy`` works; that needs neither a driver nor a GPU. The stand-in
in fake_cupy.py and the scan in test_backend_names.py read the list, so both work where CuPy is not installed.

Each name maps to one of
    "numpy"        NumPy's own object (a dtype, pi, newaxis, finfo ...)
    "ufunc"        a universal function
    "(a, axis=)"   a function or method with these parameters; an empty "=" marks those that have a default
    "attribute"    anything else: properties, classes, modules, constants
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

FILE = Path(__file__).with_name("cupy_names.json")
MODULES = ("cupy", "cupy.linalg", "cupy.lib.stride_tricks")


def collect() -> dict[str, Any]:
    """The list, read from the installed CuPy: {"version", each of MODULES, "ndarray", "ufunc", "scatter"}."""
    cupy = importlib.import_module("cupy")
    names: dict[str, Any] = {"version": cupy.__version__}
    for path in MODULES:
        twin = importlib.import_module(path.replace("cupy", "numpy"))
        names[path] = {name: _describe(cupy, thing, getattr(twin, name, None)) for name, thing in _public(path)}
    names["ndarray"] = {name: _describe(cupy, thing, None) for name, thing in _members(cupy.ndarray)}
    names["ufunc"] = {name: _describe(cupy, thing, None) for name, thing in _members(cupy.ufunc)}
    # The ufuncs whose .at() works. CuPy shows it only in this private attribute.
    names["scatter"] = [n for n, f in _public("cupy") if isinstance(f, cupy.ufunc) and f._scatter_op]
    return names


def _public(path: str) -> list[tuple[str, Any]]:
    module = importlib.import_module(path)
    return [(name, getattr(module, name)) for name in sorted(dir(module)) if not name.startswith("_")]


def _members(cls: type) -> list[tuple[str, Any]]:
    """The attributes of a class. Of the special methods those of ``object`` are left out."""
    special = [n for n in dir(cls) if n.startswith("__") and getattr(cls, n) is not getattr(object, n, None)]
    public = [n for n in dir(cls) if not n.startswith("_")]
    return [(name, getattr(cls, name)) for name in sorted(special + public)]


def _describe(cupy: ModuleType, thing: Any, twin: Any) -> str:
    if isinstance(thing, cupy.ufunc):
        return "ufunc"
    if thing is None or (twin is not None and (thing is twin or isinstance(thing, float))):
        return "numpy"
    if callable(thing) and not isinstance(thing, type):
        return _parameters(thing)
    return "attribute"


def _parameters(function: Any) -> str:
    try:
        written = str(inspect.signature(function))
    except (TypeError, ValueError):  # compiled code: the first line of the docstring has it
        first = (function.__doc__ or "").partition("\n")[0]
        found = re.match(r"[\w.]+(\(.*\))( ->.*)?$", first)
        written = found[1] if found else "(*args, **kwargs)"
    inside = re.sub(r" -> .*$", "", written)[1:-1]
    inside = re.sub(r"<[^>]*>|'[^']*'|\([^)]*\)|\[[^\]]*\]", "x", inside)  # defaults and types that hold commas
    kept = [_parameter(text.strip()) for text in inside.split(",") if text.strip()]
    return "(" + ", ".join(name for name in kept if name != "self") + ")"


def _parameter(text: str) -> str:
    """One parameter without its type and its default: "Py_ssize_t axis=-1" and "axis: int = -1" give "axis="."""
    name, equals, _ = text.partition("=")
    return name.partition(":")[0].split()[-1] + equals


if __name__ == "__main__":
    FILE.write_text(json.dumps(collect(), indent=0) + "\n")
