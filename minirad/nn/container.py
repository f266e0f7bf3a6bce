"""Modules that hold modules in a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from minirad.nn.module import Module


class ModuleList(Module):
    """A list of modules, named "0", "1", ... ."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}: expected a Module, got {type(module).__name__}")
        setattr(self, str(len(self)), module)
        return self

    def __len__(self) -> int:
        return len(list(self.named_children()))

    def __iter__(self) -> Iterator[Module]:
        return (module for _, module in self.named_children())

    def __getitem__(self, index: int | slice) -> Any:
        chosen = list(self)[index]
        if isinstance(chosen, Module):
            return chosen
        part = type(self)()
        for module in chosen:
            part.append(module)
        return part


class Sequential(ModuleList):
    """Modules applied one after the other: ``Sequential(Linear(64, 128), ReLU(), Linear(128, 10))``."""

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    def forward(self, x: Any) -> Any:
        """The output of the last module."""
        for module in self:
            x = module(x)
        return x
