"""Being told of every call of a model's modules, for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minirad.nn.module import Module

Around = Callable[[str, "Module", Callable[[], Any]], Any]


@contextmanager
def watching(model: Module, around: Around) -> Iterator[None]:
    """Inside, each call of model and of the modules in it goes through around(name, module, run).

    run() computes the module's output, and around hands it on. Each module gets a forward() of its own for this time,
    so a module that nobody watches pays nothing. (Copy no model meanwhile: the copy would go on calling the original.)
    """
    modules = list(model.named_modules())
    before = {id(module): vars(module).get("forward") for _, module in modules}
    for name, module in modules:
        vars(module)["forward"] = _told(name, module, module.forward, around)
    try:
        yield
    finally:
        for _, module in modules:
            del vars(module)["forward"]
            if (own := before[id(module)]) is not None:
                vars(module)["forward"] = own


def _told(name: str, module: Module, forward: Callable[..., Any], around: Around) -> Callable[..., Any]:
    return lambda *args, **kwargs: around(name, module, lambda: forward(*args, **kwargs))
