"""Finding a learner's answer in a notebook, a chapter or a script, and running only what it needs."""

from __future__ import annotations

import ast
import dis
import json
import linecache
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType
from typing import Any

from minirad.exercises.checking import NotYet

CELL = re.compile(r"^```\{code-cell\}[^\n]*\n((?::[^\n]*\n)*)(.*?)^```", re.MULTILINE | re.DOTALL)


def cells(path: Path) -> list[str]:
    """The source of each code cell: of a notebook (.ipynb), a chapter (.md), or a script (.py: all of it).

    Raises:
        ValueError: the file is none of these, or damaged.
        OSError: it can't be read.
    """
    if path.suffix not in (".ipynb", ".md", ".py"):
        raise ValueError(f"check: {path} is no notebook (.ipynb), chapter (.md) or script (.py)")
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return [match[2] for match in CELL.finditer(text)]
    if path.suffix == ".py":
        return [text]
    try:
        return ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"check: {path} is no notebook, or damaged") from None


def answers(path: Path, wanted: Sequence[str]) -> list[Any]:
    """The functions of these names, as the file has them last.

    Of the file only those statements run which they need, directly or through others: imports, helpers, numbers. A
    whole chapter would take a minute. Cells that are no Python, such as those with %magic, are left out.

    Raises:
        NotYet: a function is not there, a cell that should hold it is no Python, or what it needs stops with an error.
    """
    statements: list[CodeType] = []
    for number, source in enumerate(cells(path), 1):
        file = f"<{path.name}, code cell {number}>"
        try:
            tree = ast.parse(source)
        except SyntaxError as error:
            if any(re.search(rf"^def {name}\b", source, re.MULTILINE) for name in wanted):
                raise NotYet(f"code cell {number} is no Python: {error.msg}, line {error.lineno}.") from None
            continue
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)  # errors show their line
        statements += [compile(ast.Module([node], []), file, "exec") for node in tree.body]
    known: dict[str, Any] = {"__name__": "answers"}
    for index in sorted(_needed(statements, wanted, path)):
        try:
            exec(statements[index], known)
        except Exception as error:
            line = statements[index].co_firstlineno
            place = f"{statements[index].co_filename[1:-1]}, line {line}"
            raise NotYet(f"{place}, stops with {type(error).__name__}: {error}.") from error
    return [known[name] for name in wanted]


def _needed(statements: list[CodeType], wanted: Sequence[str], path: Path) -> set[int]:
    """The statements that must run for the wanted names to be there."""
    binds = [set(_names(code, "STORE_NAME", deep=False)) for code in statements]
    needed: set[int] = set()
    todo = [(name, len(statements)) for name in wanted]
    while todo:
        name, before = todo.pop()
        places = [i for i, bound in enumerate(binds) if name in bound]
        earlier = [i for i in places if i < before]
        if not places and before == len(statements):
            raise NotYet(f"{path} has no function {name}.")
        for i in earlier[-1:] or places[:1]:  # a function may use what is written below it
            if i not in needed:
                needed.add(i)
                todo += [(used, i) for used in _names(statements[i], "LOAD_(GLOBAL|NAME|FROM_DICT_OR_GLOBALS)")]
    return needed


def _names(code: CodeType, operations: str, deep: bool = True) -> Iterator[str]:
    """The global names that a piece of code stores or loads, with deep=True in its functions and classes too."""
    for step in dis.get_instructions(code):
        if re.fullmatch(operations, step.opname):
            yield str(step.argval)
    for constant in code.co_consts if deep else ():
        if isinstance(constant, CodeType):
            yield from _names(constant, operations)
