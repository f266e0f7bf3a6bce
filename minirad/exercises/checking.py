"""What checks an answer: the register of exercises, and the words that a checker is written with."""

from __future__ import annotations

import dis
import inspect
import re
import traceback
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np

Checker = Callable[..., str | None]
_CHECKERS: dict[str, Checker] = {}
_MAY_RETURN_NONE: set[str] = set()


class NotYet(AssertionError):
    """An answer is missing or wrong; the message is a sentence that helps. Jupyter shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def exercise(name: str, none: bool = False) -> Callable[[Checker], Checker]:
    """Make a function the checker of the exercise with this name, such as "7.3".

    Its parameters are the names of the functions that the learner writes. It calls expect() and mistake(), and may
    return a sentence to tell where the answer is right. With none=True, the learner's functions may return None.
    """

    def register(checker: Checker) -> Checker:
        _CHECKERS[name] = checker
        if none:
            _MAY_RETURN_NONE.add(name)
        return checker

    return register


def expect(condition: Any, sentence: str) -> None:
    """Raise NotYet with this sentence unless the condition holds."""
    if not condition:
        raise NotYet(sentence)


def mistake(got: Any, wrong: Any, wanted: Any, sentence: str, rtol: float = 1e-9) -> None:
    """Raise NotYet with this sentence if got is what a known mistake gives, where the right answer is another."""
    if close(got, wrong, rtol) and not close(wrong, wanted, rtol):
        raise NotYet(sentence)


def close(a: Any, b: Any, rtol: float = 1e-9, atol: float = 1e-12) -> bool:
    """Whether a and b have the same shape and are equal up to rounding. What is no number is close to nothing."""
    try:
        return np.shape(a) == np.shape(b) and bool(np.allclose(a, b, rtol=rtol, atol=atol, equal_nan=True))
    except (TypeError, ValueError):
        return False


def names(chapter: int | None = None) -> list[str]:
    """The exercises that there are, of one chapter or of all."""
    modules = [module.name for module in iter_modules([str(Path(__file__).parent)])]
    for module in modules:
        if module.startswith("chapter") and chapter in (None, int(module.removeprefix("chapter"))):
            import_module(f"minirad.exercises.{module}")  # registers its exercises
    found = [name for name in _CHECKERS if chapter in (None, int(name.split(".")[0]))]
    return sorted(found, key=lambda name: [int(part) for part in name.split(".")])


def functions_of(name: str) -> list[str]:
    """The names of the functions that an exercise asks for.

    Raises:
        ValueError: there is no such exercise.
    """
    chapter = re.match(r"[0-9]+", str(name))
    near = names(int(chapter[0])) if chapter else []
    if name not in near:
        raise ValueError(f"check: there is no exercise {name!r}; there are {', '.join(near or names())}")
    return list(inspect.signature(_CHECKERS[name]).parameters)


def check(name: str, *answers: Any) -> None:
    """Check the answer to an exercise: print that it is right, or raise NotYet with a sentence that helps.

    Args:
        name: of the exercise, such as "7.3".
        answers: the functions that it asks for, in the order of the text.

    Raises:
        NotYet: an answer is missing or wrong.
        ValueError: there is no such exercise.
        TypeError: it asks for another number of functions.
    """
    wanted = functions_of(name)
    if len(answers) != len(wanted):
        raise TypeError(f"check: exercise {name} asks for {' and '.join(wanted)}, got {len(answers)} answers")
    try:
        for function, answer in zip(wanted, answers, strict=True):
            expect(callable(answer), f"{function} must be a function, it is {answer!r}.")
            expect(not _is_blank(answer), f"{function} is still empty.")
        pairs = zip(answers, wanted, strict=True)
        note = _CHECKERS[name](*(_guarded(answer, name, function) for answer, function in pairs))
    except NotYet as wrong:
        raise NotYet(f"{name}: {wrong}") from None
    except Exception as error:  # the answer is of a kind that nobody thought of
        raise NotYet(f"{name}: the answer can't be used ({type(error).__name__}: {error}).") from error
    print(f"{name} is right. {note or ''}".rstrip())


def _guarded(answer: Callable[..., Any], exercise: str, name: str) -> Callable[..., Any]:
    """The answer; if it stops with an error, or returns nothing, that becomes a sentence."""

    @wraps(answer)
    def call(*args: Any, **settings: Any) -> Any:
        try:
            result = answer(*args, **settings)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)[1:]  # without call() itself
            own = [frame.line for frame in frames if frame.filename == _file(answer) and frame.line]
            where = f" in the line `{own[-1]}`" if own else ""
            raise NotYet(f"{name} stops with {type(error).__name__}: {error}{where}.") from error
        expect(result is not None or exercise in _MAY_RETURN_NONE, f"{name} returns None. Is its return missing?")
        return result

    return call


def _file(function: Any) -> str | None:
    return function.__code__.co_filename if inspect.isfunction(function) else None


def _is_blank(function: Callable[..., Any]) -> bool:
    """Whether a function has no body but its docstring."""
    steps = list(dis.get_instructions(function)) if inspect.isfunction(function) else []
    return bool(steps) and all(
        step.opname in ("RESUME", "NOP", "RETURN_VALUE") or (step.opname.endswith("_CONST") and step.argval is None)
        for step in steps
    )
