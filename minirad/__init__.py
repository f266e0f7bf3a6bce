"""minirad: the RAdam paper from scratch. ``import minirad as mr``, then mr.tensor, mr.nn, mr.optim, mr.variance."""

from importlib import import_module
from typing import Any

from minirad import nn, optim, variance
from minirad.backend import backend_name, manual_seed, use_backend
from minirad.debug import debug
from minirad.functional import *
from minirad.gradcheck import gradcheck
from minirad.tensor import Tensor, is_grad_enabled, no_grad, tensor
from minirad.threads import get_num_threads, set_num_threads

__version__ = "0.1.0"

_TOOLS = {"graph": "minirad.graphing", "profile": "minirad.profiler"}


def __getattr__(name: str) -> Any:
    # What the engine does not need is imported when it is asked for.
    if name in ("checkpoint", "data", "experiments", "models", "plots", "train"):
        return import_module(f"minirad.{name}")
    if name in _TOOLS:
        return getattr(import_module(_TOOLS[name]), name)
    raise AttributeError(f"module 'minirad' has no attribute {name!r}")
