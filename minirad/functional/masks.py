"""Comparisons and masks: what a < b gives, and & | ^ ~ of it. They have no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minirad.backend import xp
from minirad.functional.arithmetic import pair
from minirad.tensor import Tensor


def _comparison(ufunc: str) -> Callable[[Any, Any], Tensor]:
    def compare(a, b):
        a, b = pair(ufunc, a, b)
        return Tensor(getattr(xp, ufunc)(a.data, b.data))

    return compare


_and, _or, _xor = _comparison("bitwise_and"), _comparison("bitwise_or"), _comparison("bitwise_xor")

OPERATORS: dict[str, Callable[..., Tensor]] = {
    "__eq__": _comparison("equal"),
    "__ne__": _comparison("not_equal"),
    "__lt__": _comparison("less"),
    "__le__": _comparison("less_equal"),
    "__gt__": _comparison("greater"),
    "__ge__": _comparison("greater_equal"),
    "__and__": _and,
    "__rand__": _and,
    "__or__": _or,
    "__ror__": _or,
    "__xor__": _xor,
    "__rxor__": _xor,
    "__invert__": lambda a: Tensor(xp.invert(a.data)),
}
