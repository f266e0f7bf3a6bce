"""A model in use: what does not train it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minirad.nn import Module
from minirad.tensor import no_grad


@contextmanager
def in_use(model: Any) -> Iterator[None]:
    """Inside, the model is in eval mode, all of it, and nothing is recorded.

    Afterwards each module has the mode that it had: a part that was in eval mode stays there. What is no Module has no
    mode.
    """
    modules = [module for _, module in model.named_modules()] if isinstance(model, Module) else []
    before = [module.training for module in modules]
    try:
        for module in modules:
            module.training = False
        with no_grad():
            yield
    finally:
        for module, mode in zip(modules, before, strict=True):
            module.training = mode
