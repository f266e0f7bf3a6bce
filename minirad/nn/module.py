"""Module: a function with parameters. Modules hold modules, so a model is a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from minirad.backend import Array, to_device
from minirad.nn.calling import call
from minirad.nn.parameter import Parameter
from minirad.nn.printing import text
from minirad.nn.saved import Saved
from minirad.nn.summary import summarise
from minirad.tensor import Tensor


class Module(Saved):
    """Base class of layers and models. Write ``__init__``, which sets parameters and modules, and ``forward``.

    What an attribute is decides what it counts as: a Parameter, a Module, or an array named by register_buffer.
    """

    training: bool = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output. Each module has its own."""
        raise TypeError(f"{type(self).__name__} does not define forward()")

    __call__ = call

    # ---- what is in it

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that are attributes of this one, with their names."""
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Module))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it, with dotted names; a module used twice comes once."""
        stack, seen = [(prefix, self)], set()
        while stack:
            name, module = stack.pop()
            if id(module) not in seen:
                seen.add(id(module))
                yield name, module
                stack += [(f"{name}.{key}" if name else key, child) for key, child in module.named_children()][::-1]

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """All parameters with dotted names, in the order in which they were set; tied ones once, by the first name."""
        return ((name, value) for name, value in self._named_once() if isinstance(value, Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, tied ones once."""
        return (parameter for _, parameter in self.named_parameters())

    def register_buffer(self, name: str, array: Any) -> None:
        """Set a copy of an array as attribute: saved with the module but never trained (running statistics, tables)."""
        self._buffers: set[str] = {*getattr(self, "_buffers", ()), name}
        setattr(self, name, to_device(array.data if isinstance(array, Tensor) else array).copy())

    def named_buffers(self) -> Iterator[tuple[str, Array]]:
        """All buffers with dotted names, each once."""
        return ((name, value) for name, value in self._named_once() if not isinstance(value, Parameter))

    def buffers(self) -> Iterator[Array]:
        """All buffers."""
        return (array for _, array in self.named_buffers())

    def _named_state(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """The parameters of this module, then its buffers, then its children's, under every name that they have."""
        own = vars(self)
        yield from ((prefix + name, value) for name, value in own.items() if isinstance(value, Parameter))
        yield from ((prefix + name, own[name]) for name in own if name in own.get("_buffers", ()))
        for name, child in self.named_children():
            yield from child._named_state(f"{prefix}{name}.")

    def _named_once(self) -> Iterable[tuple[str, Any]]:
        first: dict[int, tuple[str, Any]] = {}
        for name, value in self._named_state():
            first.setdefault(id(value), (name, value))
        return first.values()

    # ---- switching

    def train(self, mode: bool = True) -> Module:
        """Training behaviour (dropout on, batch statistics) for this module and all below it."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """The behaviour of use: train(False)."""
        return self.train(False)

    # ---- printing

    def extra_repr(self) -> str:
        """What stands between the brackets of a layer without children."""
        return ""

    __repr__ = text
    summary = summarise
