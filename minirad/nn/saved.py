"""Saved: what a Module does with all its parameters and buffers at once: save, load, convert, forget gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

from minirad.backend import to_device, to_host, xp
from minirad.nn.parameter import Parameter
from minirad.tensor import Tensor


class Saved:
    """The part of Module that saves, loads and converts. Module names its state and its modules for it."""

    def _named_state(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        raise TypeError(f"{type(self).__name__} has no state")

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """This module and all below it: see Module."""
        raise TypeError(f"{type(self).__name__} has no modules")

    def state_dict(self) -> dict[str, Any]:
        """Copies of all parameters and buffers as NumPy arrays, by name. Tied parameters are there under each name."""
        return {
            name: to_host(value.data if isinstance(value, Parameter) else value).copy()
            for name, value in self._named_state()
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy arrays into the parameters and buffers, in place (an optimizer that owns them goes on owning them).

        Raises:
            ValueError: a name is missing or unknown, or a shape or the kind of number differs. Nothing has been copied
                then.
        """
        own = dict(self._named_state())
        missing, unknown = own.keys() - state_dict.keys(), state_dict.keys() - own.keys()
        if missing or unknown:
            raise ValueError(
                f"load_state_dict: {type(self).__name__} misses {sorted(missing)} and does not know {sorted(unknown)}"
            )
        given = {name: x.data if isinstance(x, Tensor) else x for name, x in state_dict.items()}
        new = {name: to_device(given[name]) for name in own}
        for name, value in own.items():
            if new[name].shape != value.shape or new[name].dtype.kind != value.dtype.kind:
                raise ValueError(
                    f"load_state_dict: {name} of {type(self).__name__} is {value.dtype} of shape {value.shape}, "
                    f"got {new[name].dtype} of shape {new[name].shape}"
                )
        for name, value in own.items():
            (value.data if isinstance(value, Parameter) else value)[...] = new[name]
            if isinstance(value, Parameter):
                value.written()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Set the gradient of every parameter to None, or fill those that are there with 0."""
        for parameter in (value for _, value in self._named_state() if isinstance(value, Parameter)):
            parameter.grad = None if set_to_none or parameter.grad is None else 0 * parameter.grad

    def float(self) -> Self:
        """Convert parameters and floating buffers to float32. Do it before building an optimizer."""
        return self._convert(xp.float32)

    def double(self) -> Self:
        """Convert parameters and floating buffers to float64. Do it before building an optimizer."""
        return self._convert(xp.float64)

    def _convert(self, dtype: Any) -> Self:
        for _, module in self.named_modules():
            for name, value in list(vars(module).items()):
                if isinstance(value, Parameter):
                    value.data, value.grad = value.data.astype(dtype), None
                    value.written()
                elif name in getattr(module, "_buffers", ()) and value.dtype.kind == "f":
                    setattr(module, name, value.astype(dtype))
        return self
