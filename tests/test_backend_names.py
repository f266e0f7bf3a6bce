"""Every name that minirad asks of the array module is one that NumPy and CuPy have, with the keywords that CuPy knows.

The names are read off the source text, so this needs neither CuPy nor code that runs every line. CuPy's are those of
the CuPy that is installed here, or else of cupy_names.json.
"""

import ast
import json
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy
import pytest
from helpers import BACKEND
from make_cupy_names import FILE, collect

import minirad

COMMITTED = json.loads(FILE.read_text())
INSTALLED = collect() if BACKEND != "fake-cupy" and find_spec("cupy") else None
NAMES = INSTALLED or COMMITTED

PACKAGE = Path(minirad.__file__).parent
FILES = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))}

LACKING = {name for name in dir(numpy.ndarray) if name not in NAMES["ndarray"] and not name.startswith("_")}
SUMS = ["add", "multiply"]
METHODS = {"reduce": SUMS, "accumulate": SUMS, "reduceat": ["add"], "at": NAMES["scatter"]}

ALLOWED = {
    "backend.py: NumPy lacks xp.asnumpy",  # called for CuPy's arrays alone
}


def problems(source: str) -> list[str]:
    """What this source text asks of the array module that is not there."""
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    imports = [alias for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
    names = {"xp", *(alias.asname or "xp" for alias in imports if alias.name == "xp")}
    calls = {n.func: n for n in nodes if isinstance(n, ast.Call)}
    inside = {n.value for n in nodes if isinstance(n, ast.Attribute)}  # xp.linalg in xp.linalg.norm
    found = []
    for node in nodes:
        path = dotted(node, names)
        if path and node not in inside:
            keywords = [k.arg for k in calls[node].keywords if k.arg] if node in calls else []
            found += check_path(path) or check_keywords(path, keywords)
        if isinstance(node, ast.Attribute) and path is None and node.attr in LACKING:
            found.append(f"CuPy's arrays lack .{node.attr}")
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr" and dotted(node.args[0], names) == []:
            name = node.args[1]
            dynamic = not isinstance(name, ast.Constant)
            found += [f"{ast.unparse(node)} can't be read off"] if dynamic else check_path([name.value])
    return found


def dotted(node: ast.AST, names: set[str]) -> list[str] | None:
    """["linalg", "norm"] for xp.linalg.norm, [] for xp itself, None for what is not the array module's."""
    if isinstance(node, ast.Name):
        return [] if node.id in names else None
    if not isinstance(node, ast.Attribute):
        return None
    if node.attr == "xp":
        return []  # backend.xp
    before = dotted(node.value, names)
    return None if before is None else [*before, node.attr]


def check_path(path: list[str]) -> list[str]:
    """What is wrong with xp.path, if anything."""
    module, twin, written = "cupy", numpy, "xp." + ".".join(path)
    for place, name in enumerate(path):
        if not hasattr(twin, name):
            return [f"NumPy lacks {written}"]
        twin = getattr(twin, name)
        if any(key.startswith(f"{module}.{name}") for key in NAMES):
            module = f"{module}.{name}"
            continue
        entry = NAMES.get(module, {}).get(name)
        if entry is None:
            return [f"CuPy lacks {written}"]
        if isinstance(twin, ModuleType):
            return [f"{written}: {name} is not for the engine (random numbers are drawn on the host)"]
        return check_method(name, path[place + 1 :], written) if entry == "ufunc" else []
    return []


def check_method(ufunc: str, rest: list[str], written: str) -> list[str]:
    """What is wrong with a method of a universal function, if anything."""
    if rest and (rest[0] not in NAMES["ufunc"] or ufunc not in METHODS.get(rest[0], [ufunc])):
        return [f"CuPy lacks {written}"]
    return []


def check_keywords(path: list[str], keywords: list[str]) -> list[str]:
    """Those of the keywords that CuPy's function does not know."""
    entry = NAMES.get(".".join(["cupy", *path[:-1]]), {}).get(path[-1], "")
    known = "(out, dtype, casting)" if entry == "ufunc" else entry
    if not known.startswith("(") or "**" in known:
        return []
    parameters = [parameter.strip(" =*") for parameter in known[1:-1].split(",")]
    return [f"CuPy's xp.{'.'.join(path)} lacks {k}=" for k in keywords if k not in parameters]


@pytest.mark.parametrize("file", FILES)
def test_names(file):
    found = {f"{file}: {problem}" for problem in problems(FILES[file])}
    assert not found - ALLOWED


def test_allowed_exceptions_are_still_needed():
    assert {f"{file}: {problem}" for file in FILES for problem in problems(FILES[file])} >= ALLOWED


def test_the_scan_reads_the_engine():
    assert sum(text.count("xp.") for text in FILES.values()) > 50


PLANTED = {
    "xp.vecdot(a, b)": "CuPy lacks xp.vecdot",
    "xp.linalg.vector_norm(a)": "CuPy lacks xp.linalg.vector_norm",
    "xp.errstate(all='ignore')": "CuPy lacks xp.errstate",
    "xp.no_such_function(a)": "NumPy lacks xp.no_such_function",
    "xp.scatter_add(a, i, b)": "NumPy lacks xp.scatter_add",
    "f = xp.asnumpy": "NumPy lacks xp.asnumpy",
    "f = [xp.exp, xp.geomspace]": "CuPy lacks xp.geomspace",
    "xp.random.normal(3)": "xp.random.normal: random is not for the engine (random numbers are drawn on the host)",
    "xp.maximum.reduce(a)": "CuPy lacks xp.maximum.reduce",
    "xp.multiply.at(a, i, b)": "CuPy lacks xp.multiply.at",
    "xp.add.resolve_dtypes(a)": "CuPy lacks xp.add.resolve_dtypes",
    "xp.sum(a, where=m)": "CuPy's xp.sum lacks where=",
    "xp.exp(a, out=a, where=m)": "CuPy's xp.exp lacks where=",
    "xp.var(a, correction=1)": "CuPy's xp.var lacks correction=",
    "xp.exp(a)[xp.block(b)]": "CuPy lacks xp.block",
    "backend.xp.insert(a, 0, 1)": "CuPy lacks xp.insert",
    "getattr(xp, 'matvec')(a, b)": "CuPy lacks xp.matvec",
    "getattr(xp, name)(a)": "getattr(xp, name) can't be read off",
    "a.setflags(write=False)": "CuPy's arrays lack .setflags",
}


@pytest.mark.parametrize("line", PLANTED, ids=PLANTED)
def test_the_scan_finds_what_is_planted(line):
    assert problems(f"from minirad.backend import xp\n{line}") == [PLANTED[line]]
    if "backend.xp" not in line:
        renamed = line.replace("xp.", "ap.").replace("(xp,", "(ap,")
        message = PLANTED[line].replace("(xp,", "(ap,")
        assert problems(f"def f():\n    from minirad.backend import xp as ap\n    {renamed}") == [message]


@pytest.mark.parametrize(
    "line",
    [
        "xp.exp(a, out=b)",
        "xp.linalg.norm(a, axis=0)",
        "xp.lib.stride_tricks.sliding_window_view(a, (3, 3), axis=(2, 3))",
        "xp.add.at(a, i, b)",
        "xp.add.reduce(a, axis=0)",
        "xp.float32(3).item()",
        "xp.einsum('ij->i', a, optimize=True)",
        "other.vecdot(a, b)",
    ],
)
def test_the_scan_lets_pass_what_is_there(line):
    assert problems(f"from minirad.backend import xp\n{line}") == []


@pytest.mark.skipif(INSTALLED is None, reason="needs CuPy: pip install cupy-cuda13x")
def test_committed_list():
    if COMMITTED["version"] != INSTALLED["version"]:
        pytest.skip(f"the list is of CuPy {COMMITTED['version']}, installed is {INSTALLED['version']}")
    assert COMMITTED == INSTALLED, "run python tests/make_cupy_names.py"
