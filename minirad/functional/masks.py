"""Comparisons and masks: what a < b gives, and & | ^ ~ of it. They have no gradient."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from minirad.functional.arithmetic import pair
from minirad.tensor import Tensor


def _on_arrays(op: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Tensor]:
    def method(a, b):
        a, b = pair(op.__name__, a, b)
        return Tensor(op(a.data, b.data))

    return method


_and, _or, _xor = _on_arrays(operator.and_), _on_arrays(operator.or_), _on_arrays(operator.xor)

OPERATORS: dict[str, Callable[..., Tensor]] = {
    "__eq__": _on_arrays(operator.eq),
    "__ne__": _on_arrays(operator.ne),
    "__lt__": _on_arrays(operator.lt),
    "__le__": _on_arrays(operator.le),
    "__gt__": _on_arrays(operator.gt),
    "__ge__": _on_arrays(operator.ge),
    "__and__": _and,
    "__rand__": _and,
    "__or__": _or,
    "__ror__": _or,
    "__xor__": _xor,
    "__rxor__": _xor,
    "__invert__": lambda a: Tensor(~a.data),
}
