"""What the type hints of settings allow: ``float``, ``int | None``, ``tuple[int, ...]``, ``Literal["a", "b"]``."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin


def choices(hint: Any) -> tuple[Any, ...]:
    """The types of ``int | None``; those of another type are itself. None comes first, and a text last."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return tuple(sorted(kinds, key=lambda kind: (kind is str, kind is not NoneType)))


def kinds_of(hint: Any, n: int) -> tuple[Any, ...]:
    """The types of the n items of a tuple; none if it can't have that many."""
    kinds = get_args(hint)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return kinds[:1] * n
    return kinds if len(kinds) == n else ()


def coerced(value: Any, hint: Any) -> Any:
    """The value as its hint has it, so that equal settings are the same run: 1 as a float is 1.0, and -0.0 is 0.0.

    What fits no type of the hint stays as it is.
    """
    for kind in choices(hint):
        if kind in (int, float) and isinstance(value, int | float) and not isinstance(value, bool):
            try:
                number = kind(value)
            except (ValueError, OverflowError):  # int(inf), float(10**400)
                continue
            if number == value:
                return number + 0  # -0.0 + 0 is 0.0
        elif get_origin(kind) is tuple and isinstance(value, tuple | list) and (kinds := kinds_of(kind, len(value))):
            return tuple(coerced(item, each) for item, each in zip(value, kinds, strict=True))
    return value
