"""Module: a function with parameters. Modules hold modules, so a model is a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from minirad.backend import Array, to_device, to_host, xp
from minirad.tensor import Tensor, as_tensor


class Parameter(Tensor):
    """A leaf tensor that an optimizer moves: ``Parameter(array)``. It requires a gradient."""

    __slots__ = ()

    def __init__(self, data: Any) -> None:
        super().__init__(as_tensor(data).data)
        if self.data.dtype.kind != "f":
            raise TypeError(f"Parameter: data must be float32 or float64, got {self.data.dtype}")
        self.requires_grad = True


class Module:
    """Base class of layers and models. Write ``__init__``, which sets parameters and modules, and ``forward``.

    What an attribute is decides what it counts as: a Parameter, a Module, or an array named by register_buffer.
    """

    training: bool = True

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output. Each module has its own."""
        raise TypeError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

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
        """Set an array as attribute that is saved with the module but never trained (running statistics, tables)."""
        self._buffers: set[str] = {*getattr(self, "_buffers", ()), name}
        setattr(self, name, array.data if isinstance(array, Tensor) else to_device(array))

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

    # ---- saving and loading

    def state_dict(self) -> dict[str, Any]:
        """Copies of all parameters and buffers as NumPy arrays, by name. Tied parameters are there under each name."""
        return {
            name: to_host(value.data if isinstance(value, Parameter) else value).copy()
            for name, value in self._named_state()
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy arrays into the parameters and buffers, in place (an optimizer that owns them goes on owning them).

        Raises:
            ValueError: a name is missing or unknown, or a shape differs. Nothing has been copied then.
        """
        own = dict(self._named_state())
        missing, unknown = own.keys() - state_dict.keys(), state_dict.keys() - own.keys()
        if missing or unknown:
            raise ValueError(
                f"load_state_dict: {type(self).__name__} misses {sorted(missing) or 'nothing'} "
                f"and knows nothing of {sorted(unknown) or 'nothing else'}"
            )
        new = {name: to_device(as_array(state_dict[name])) for name in own}
        for name, value in own.items():
            if new[name].shape != value.shape:
                raise ValueError(
                    f"load_state_dict: {name} of {type(self).__name__} has shape {value.shape}, got {new[name].shape}"
                )
        for name, value in own.items():
            (value.data if isinstance(value, Parameter) else value)[...] = new[name]
            if isinstance(value, Parameter):
                value.written()

    # ---- switching

    def train(self, mode: bool = True) -> Module:
        """Training behaviour (dropout on, batch statistics) for this module and all below it."""
        for _, module in self.named_modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """The behaviour of use: train(False)."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to None."""
        for parameter in self.parameters():
            parameter.grad = None

    def float(self) -> Module:
        """Convert parameters and floating buffers to float32. Do it before building an optimizer."""
        return self._convert(xp.float32)

    def double(self) -> Module:
        """Convert parameters and floating buffers to float64. Do it before building an optimizer."""
        return self._convert(xp.float64)

    def _convert(self, dtype: Any) -> Module:
        for _, module in self.named_modules():
            for name, value in list(vars(module).items()):
                if isinstance(value, Parameter):
                    value.data, value.grad = value.data.astype(dtype), None
                    value.written()
                elif name in getattr(module, "_buffers", ()) and value.dtype.kind == "f":
                    setattr(module, name, value.astype(dtype))
        return self

    # ---- printing

    def extra_repr(self) -> str:
        """What stands between the brackets of a layer without children."""
        return ""

    def __repr__(self) -> str:
        children = [f"  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        return "\n".join([f"{type(self).__name__}(", *children, ")"])


def as_array(value: Any) -> Any:
    """The array of a tensor, or the value itself."""
    return value.data if isinstance(value, Tensor) else value
