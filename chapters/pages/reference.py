"""The reference: what each public name takes, gives and refuses, from its docstring; a page for each part."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import minirad
from minirad import functional, optim

# Page: (title, modules).
PARTS: dict[str, tuple[str, list[str]]] = {
    "tensor": ("Tensors", ["minirad.tensor", "minirad.gradcheck", "minirad.debug"]),
    "functions": ("Functions of tensors", ["minirad.functional"]),
    "nn": ("Layers", ["minirad.nn", "minirad.nn.init", "minirad.nn.utils"]),
    "optim": ("Optimizers", ["minirad.optim", "minirad.optim.algorithm1"]),
    "schedules": ("Learning-rate schedules", ["minirad.optim.lr_scheduler"]),
    "variance": ("The paper's mathematics", ["minirad.variance"]),
    "models": ("Models", ["minirad.models"]),
    "data": ("Data", ["minirad.data"]),
    "train": ("Training and checkpoints", ["minirad.train", "minirad.checkpointing", "minirad.checkpoint"]),
    "tools": ("Looking inside", ["minirad.graphing", "minirad.profiler", "minirad.plots"]),
    "backend": ("Arrays, threads and random numbers", ["minirad.backend", "minirad.threads"]),
    "experiments": (
        "Experiments",
        [f"minirad.experiments.{name}" for name in ("exhibit", "experiment", "statistics", "statistics_tests")],
    ),
}
# What is used as mr.name, though it is written in a module below.
TOP = {value: name for name, value in vars(minirad).items() if callable(value) and name[0] != "_"}


def pages() -> Iterator[tuple[str, str]]:
    """Names and texts of the pages."""
    yield "reference/index.md", _index()
    for name, (title, modules) in PARTS.items():
        yield f"reference/{name}.md", "\n\n".join([f"# {title}", *(_part(module) for module in modules)]) + "\n"


def _index() -> str:
    names = "\n".join(PARTS)
    return (
        "# Reference\n\nEvery public name, with what it takes, gives and refuses. The texts are the docstrings of the "
        "library: `help(...)` in Python shows the same. `import minirad as mr` is meant throughout. Each name has a "
        "link to its source.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{names}\n```\n\n{{ref}}`All names, from A to Z <genindex>`.\n"
    )


def _part(name: str) -> str:
    """The module's docstring, and everything in it that is public."""
    module = import_module(name)
    parts = [f"## {name}", f"```{{eval-rst}}\n.. automodule:: {name}\n   :no-members:\n   :no-index:\n```"]
    if name == "minirad.functional":
        families: dict[str, list[str]] = {}
        for function in public(module):
            families.setdefault(getattr(module, function).__module__, []).append(function)
        for family, names in families.items():
            title = inspect.getdoc(import_module(family)) or family
            parts.append("### " + title.split("\n")[0].rstrip("."))
            parts += [directive("minirad", function) for function in names]
        return "\n\n".join(parts)
    if name == "minirad.optim":
        rules = [rule for rule in public(module) if is_rule(getattr(module, rule))]
        parts.append("The rules: " + ", ".join(f"[{rule}](../optimizers/{rule.lower()}.md)" for rule in rules) + ".")
        return "\n\n".join([*parts, *(directive(name, other) for other in public(module) if other not in rules)])
    names = [one for one in public(module) if not is_rule(getattr(module, one))]
    if top := [TOP[getattr(module, one)] for one in names if getattr(module, one) in TOP]:
        return "\n\n".join([*parts, *(directive("minirad", one) for one in top)])  # the others are for the library
    return "\n\n".join([*parts, *(directive(name, one) for one in names)])


def public(module: ModuleType) -> list[str]:
    """The names that a module gives away: those it lists, or else those that it makes itself."""
    listed = getattr(module, "__all__", None)
    if listed is None and module is functional:
        listed = [name for name, value in vars(module).items() if inspect.isfunction(value) and name[0] != "_"]
    if listed is None:
        own = vars(module).items()
        listed = [name for name, value in own if name[0] != "_" and getattr(value, "__module__", "") == module.__name__]
    return [
        name for name in listed if inspect.isroutine(getattr(module, name)) or inspect.isclass(getattr(module, name))
    ]


def is_rule(thing: Any) -> bool:
    """Whether it is an optimizer that has a rule."""
    return inspect.isclass(thing) and issubclass(thing, optim.Optimizer) and thing is not optim.Optimizer


def home(thing: Any) -> str:
    """The module that a rule is shown in: its own if that has a place in the reference."""
    own = thing.__module__
    return own if any(own in modules for _, modules in PARTS.values()) else "minirad.optim"


def directive(module: str, name: str) -> str:
    """What has autodoc write the entry."""
    thing = getattr(import_module(module), name)
    if not inspect.isclass(thing):
        return f"```{{eval-rst}}\n.. autofunction:: {module}.{name}\n```"
    return f"```{{eval-rst}}\n.. autoclass:: {module}.{name}\n   :members:\n```"
