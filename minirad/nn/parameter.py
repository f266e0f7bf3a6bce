"""Parameter: what an optimizer moves."""

from __future__ import annotations

from typing import Any

from minirad.tensor import Tensor, as_tensor


class Parameter(Tensor):
    """A leaf tensor that an optimizer moves: ``Parameter(array)``. It requires a gradient."""

    __slots__ = ()

    def __init__(self, data: Any) -> None:
        super().__init__(as_tensor(data).data)
        if self.data.dtype.kind != "f":
            raise TypeError(f"Parameter: data must be float32 or float64, got {self.data.dtype}")
        self.requires_grad = True
