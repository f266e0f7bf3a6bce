"""module(x), and where in the model it was when that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minirad.nn.module import Module

MARK = "in the module "


def call(self: Module, *args: Any, **kwargs: Any) -> Any:
    """Compute the output with forward(). An error on the way gets a note that names the module: "layer1.0.conv1"."""
    try:
        return self.forward(*args, **kwargs)
    except Exception as error:
        note(self, error)
        raise


def note(outer: Module, error: Exception) -> None:
    """Say where in this module the error was raised; each module around it says more, and the outermost all of it."""
    inner = vars(error).setdefault("raised_in", id(outer))  # no reference: errors are sent between processes
    for name, module in outer.named_modules():
        if name and id(module) == inner:
            others = [text for text in getattr(error, "__notes__", ()) if not text.startswith(MARK)]
            error.__notes__ = [*others, f"{MARK}{name} ({type(module).__name__})"]
