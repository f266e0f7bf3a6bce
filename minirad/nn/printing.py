"""How a module is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minirad.nn.module import Module


def text(self: Module) -> str:
    """repr(module): a line for each layer, indented as the modules are nested."""
    children = [f"  ({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
    if not children:
        return f"{type(self).__name__}({self.extra_repr()})"
    return "\n".join([f"{type(self).__name__}(", *children, ")"])
