"""The student build: the same notebooks, without the solutions."""

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
spec = importlib.util.spec_from_file_location("chapters_build", ROOT / "chapters" / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)


@pytest.mark.parametrize("chapter", build.find_chapters(), ids=lambda path: path.stem)
def test_no_solution_is_left_and_all_else_is(chapter):
    whole, student = build.build(chapter), build.student(chapter)
    text = chapter.read_text(encoding="utf-8")
    assert text.count("### BEGIN SOLUTION") == text.count("### END SOLUTION")
    assert len(whole.cells) == len(student.cells)
    for full, cut in zip(whole.cells, student.cells, strict=True):
        assert "SOLUTION" not in cut.source
        if "SOLUTION" in full.source:
            names = [node.name for node in ast.parse(full.source).body if isinstance(node, ast.FunctionDef)]
            assert names == [node.name for node in ast.parse(cut.source).body if isinstance(node, ast.FunctionDef)]
        else:
            assert cut == full


def test_the_marker_keeps_its_place():
    text = "def f(x):\n    y = x\n    ### BEGIN SOLUTION\n    z = y\n    return z\n    ### END SOLUTION\n\n\nf(1)\n"
    assert build.without_solutions(text) == "def f(x):\n    y = x\n    ...  # your answer\n\n\nf(1)\n"


def test_command_line(tmp_path, capsys):
    assert build.main(["--student", str(tmp_path / "course" / "week1")]) == 0
    written = sorted((tmp_path / "course" / "week1").iterdir())
    assert [path.stem for path in written] == [path.stem for path in build.find_chapters()]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in written]
    assert not any("SOLUTION" in path.read_text(encoding="utf-8") for path in written)
    with pytest.raises(SystemExit) as stop:
        build.main(["--student", str(build.NOTEBOOKS)])
    assert stop.value.code == 2
    assert "--student needs a folder of its own" in capsys.readouterr().err
