"""The core stays small enough for one head, an optimizer's rule for one screen, and needs NumPy alone."""

import ast
import io
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

import minirad

PACKAGE = Path(minirad.__file__).parent
# What a reader must hold in the head to follow a training step of an MLP, from arrays to RAdam.
CORE = [
    "backend.py",
    "tensor.py",
    *(f"functional/{n}.py" for n in ("arithmetic", "elementwise", "reductions", "shaping", "linear", "cross_entropy")),
    *(f"nn/{name}.py" for name in ("parameter", "module", "linear")),
    "variance.py",
    *(f"optim/{name}.py" for name in ("optimizer", "flat", "sgd", "adam", "radam")),
]
RULES = sorted(
    path.relative_to(PACKAGE / "optim").as_posix()
    for path in (PACKAGE / "optim").rglob("*.py")
    if "def update(" in path.read_text()
)
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(source: str) -> set[int]:
    """The numbers of the lines that hold code: no blank line, comment or docstring."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = {n for token in tokens if token.type not in NO_CODE for n in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return lines


def test_what_counts_as_a_line():
    source = (
        '"""Text\n\nmore."""\n\n# a comment\ndef f(x):  # another\n    """Doc."""\n    return (\n        x\n    )\n'
    )
    assert code_lines(source) == {6, 8, 9, 10}


def test_the_core_has_at_most_1000_lines():
    counts = {name: len(code_lines((PACKAGE / name).read_text())) for name in CORE}
    assert sum(counts.values()) <= 1000, counts


@pytest.mark.parametrize("name", RULES)
def test_a_rule_fits_on_a_screen(name):
    source = (PACKAGE / "optim" / name).read_text()
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for update in [node for node in functions if node.name == "update"]:
        body = [n for n in code_lines(source) if update.body[0].lineno <= n <= update.end_lineno]
        assert 0 < len(body) <= 25


def test_there_are_rules():
    assert {"sgd.py", "adam.py", "radam.py", "probes/adam_2k.py"} <= set(RULES)


def test_numpy_is_enough():
    """Training runs where nothing but NumPy and Python's own library can be imported."""
    program = """
import sys

class OnlyNumPy:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in ("numpy", "minirad"):
            raise ImportError(f"{name} is not NumPy")

sys.meta_path.insert(0, OnlyNumPy())
import minirad as mr
from minirad.models import MLP

model = MLP(4, [3], 2)
optimizer = mr.optim.RAdam(model.parameters())
mr.nn.functional.cross_entropy(model(mr.ones(5, 4)), [0, 1, 0, 1, 0]).backward()
optimizer.step()
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment())
    assert result.returncode == 0, result.stderr


def environment() -> dict[str, str]:
    """The package of this checkout, on NumPy."""
    return {"PYTHONPATH": str(PACKAGE.parent), "MINIRAD_BACKEND": "numpy"}
