"""How a module is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minirad.nn.module import Module


def unusual(**found: tuple[Any, Any]) -> str:
    """For name=(value, default), the text ``, name=value`` for each value that is not its default."""
    return "".join(f", {name}={value}" for name, (value, default) in found.items() if value != default)


def text(self: Module) -> str:
    """repr(module): a line for each layer, indented as the modules are nested."""
    children = [f"  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
    own = self.extra_repr()
    if not children:
        return f"{type(self).__name__}({own})"
    return "\n".join([f"{type(self).__name__}(", *([f"  {own}"] if own else []), *children, ")"])
