"""The builder of the notebooks, the notebooks themselves, and every chapter from top to bottom."""

import base64
import importlib.util
import io
import tempfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("chapters_build", ROOT / "chapters" / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

CHAPTER = """\
---
jupytext:
  formats: md:myst
  text_representation:
    extension: .md
    format_name: myst
    format_version: 0.13
    jupytext_version: 1.19.6
kernelspec:
  display_name: Something else
  name: elsewhere
---

# A small chapter, with $\\rho_t$ and ρ

```{code-cell} ipython3
:tags: [hide-input]
x = 6
```

Some text, [this](../chapters/01-small.md) and [that](../chapters/README.md).

```{code-cell} ipython3
open("left_behind.txt", "w").close()
assert x * 7 == 42
x * 7
```
"""


@pytest.fixture
def folders(tmp_path):
    """A folder of chapters, with a page that is none, and a folder of notebooks built from it."""
    chapters, notebooks = tmp_path / "chapters", tmp_path / "notebooks"
    chapters.mkdir()
    (chapters / "01-small.md").write_text(CHAPTER, encoding="utf-8")
    (chapters / "README.md").write_text("# Chapters\n\njupytext: is only spoken of here\n", encoding="utf-8")
    build.write(chapters, notebooks)
    return chapters, notebooks


def test_only_chapters_are_built(folders):
    _, notebooks = folders
    assert [path.name for path in notebooks.iterdir()] == ["01-small.ipynb"]


def test_what_a_notebook_holds(folders):
    _, notebooks = folders
    notebook = nbformat.read(notebooks / "01-small.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "markdown", "code"]
    assert [cell.id for cell in notebook.cells] == [f"01-small-00{i}" for i in range(4)]
    assert notebook.cells[0].source == "# A small chapter, with $\\rho_t$ and ρ"
    assert notebook.cells[1].source == "x = 6"
    assert notebook.cells[2].source == "Some text, [this](01-small.ipynb) and [that](../chapters/README.md)."
    assert notebook.cells[1].metadata == {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}
    assert all(cell.outputs == [] and cell.execution_count is None for cell in notebook.cells if "outputs" in cell)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    assert notebook.metadata.kernelspec.name == "python3"


def test_building_is_deterministic(folders):
    chapters, notebooks = folders
    before = (notebooks / "01-small.ipynb").read_bytes()
    assert before.endswith(b"}\n")
    assert b"\r" not in before
    (chapters / "01-small.md").write_bytes(CHAPTER.replace("\n", "\r\n").encode())  # as a checkout on Windows may be
    build.write(chapters, notebooks)
    assert (notebooks / "01-small.ipynb").read_bytes() == before


def test_check_passes_what_was_just_built(folders):
    assert build.check(*folders) == []


def test_check_notices_a_stale_notebook(folders):
    chapters, notebooks = folders
    (chapters / "01-small.md").write_text(CHAPTER.replace("Some text", "Other text"), encoding="utf-8")
    before = (notebooks / "01-small.ipynb").read_bytes()
    (problem,) = build.check(chapters, notebooks)
    assert problem.startswith("01-small.ipynb differs from 01-small.md")
    assert (notebooks / "01-small.ipynb").read_bytes() == before  # check writes nothing


def fill(path):
    """Give each cell of a notebook a number and an output, as if it had been run."""
    notebook = nbformat.read(path, as_version=4)
    for number, cell in enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), start=1):
        cell.execution_count = number
        cell.outputs = [nbformat.v4.new_output("stream", text=str(number))]
    path.write_bytes(build.to_bytes(notebook))


def texts(path):
    """What the cells of a notebook show."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    return ["".join(output.text for output in cell.outputs) for cell in cells]


def test_outputs_are_no_difference_to_the_chapter(folders):
    chapters, notebooks = folders
    fill(notebooks / "01-small.ipynb")
    assert build.check(chapters, notebooks) == []


@pytest.mark.parametrize(
    "output",
    [
        nbformat.v4.new_output("stream", name="stderr", text="a warning"),
        nbformat.v4.new_output("error", ename="NameError", evalue="x", traceback=[]),
        nbformat.v4.new_output("stream", text=f"{ROOT / 'minirad'}"),
    ],
    ids=["stderr", "error", "folder"],
)
def test_check_notices_outputs_that_are_not_to_be_kept(folders, output):
    chapters, notebooks = folders
    path = notebooks / "01-small.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[3].outputs = [output]
    path.write_bytes(build.to_bytes(notebook))
    (problem,) = build.check(chapters, notebooks)
    assert problem.startswith("01-small.ipynb differs from 01-small.md")


def test_check_notices_other_line_ends(folders):
    chapters, notebooks = folders
    path = notebooks / "01-small.ipynb"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert len(build.check(chapters, notebooks)) == 1


def test_building_keeps_outputs_up_to_the_first_changed_cell(folders):
    chapters, notebooks = folders
    path = notebooks / "01-small.ipynb"
    fill(path)
    (chapters / "01-small.md").write_text(CHAPTER.replace("Some text", "Other text"), encoding="utf-8")
    build.write(chapters, notebooks)
    assert texts(path) == ["1", "2"]
    assert build.not_run(notebooks) == []
    (chapters / "01-small.md").write_text(CHAPTER.replace("* 7 == 42", "* 7 < 43"), encoding="utf-8")
    build.write(chapters, notebooks)
    assert texts(path) == ["1", ""]
    (problem,) = build.not_run(notebooks)
    assert problem == "01-small.ipynb lacks outputs: run python chapters/build.py --outputs 01-small"


def test_the_student_notebooks_have_no_outputs(folders):
    chapters, notebooks = folders
    path = notebooks / "01-small.ipynb"
    fill(path)
    build.write(chapters, notebooks, make=build.student)
    assert texts(path) == ["", ""]


def test_which_outputs_a_notebook_keeps():
    image = io.BytesIO()
    Image.linear_gradient("L").save(image, "PNG")
    png = base64.b64encode(image.getvalue()).decode()
    figure = nbformat.v4.new_output("display_data", {"image/png": png, "text/plain": "<Figure at 0x7f>"})
    outputs = [
        nbformat.v4.new_output(
            "stream", text=f"{ROOT / 'a' / 'b.py'}, {Path(tempfile.gettempdir(), 'tmpa1b2', 'x')}\n"
        ),
        nbformat.v4.new_output("stream", text="x" * (build.outputs.LONGEST_TEXT + 1)),
        nbformat.v4.new_output("stream", name="stderr", text="a warning"),
        nbformat.v4.new_output("execute_result", {"text/plain": f"PosixPath('{ROOT}')"}),
        nbformat.v4.new_output(
            "display_data", {"text/markdown": "long" * build.outputs.LONGEST_TEXT, "text/plain": "Markdown"}
        ),
        figure,
    ]
    kept = list(build.outputs.shown(nbformat.v4.new_code_cell(outputs=outputs)))
    assert [output.output_type for output in kept] == ["stream", "execute_result", "display_data"]
    assert kept[0].text == f"{Path('a', 'b.py')}, x\n"
    assert kept[1].data["text/plain"] == "PosixPath('')"
    assert kept[2].data["text/plain"] == "<Figure>"
    with Image.open(io.BytesIO(base64.b64decode(kept[2].data["image/png"]))) as small:
        assert (small.mode, small.size) == ("P", (256, 256))
        seen = np.asarray(small.convert("L"), float)
    np.testing.assert_allclose(seen, np.arange(256.0)[:, None] * np.ones(256), atol=4)  # 64 greys for 256


def test_a_notebook_in_conflict_is_built_anew(folders):
    chapters, notebooks = folders
    path = notebooks / "01-small.ipynb"
    before = path.read_bytes()
    path.write_bytes(b"<<<<<<< ours\n" + before)
    (problem,) = build.check(chapters, notebooks)
    assert problem.startswith("01-small.ipynb differs")
    build.write(chapters, notebooks)
    assert path.read_bytes() == before


def test_check_notices_a_missing_and_an_orphan_notebook(folders):
    chapters, notebooks = folders
    (notebooks / "01-small.ipynb").rename(notebooks / "02-orphan.ipynb")
    missing, orphan = build.check(chapters, notebooks)
    assert missing.startswith("01-small.ipynb is missing")
    assert orphan.startswith("02-orphan.ipynb has no chapter")


@pytest.mark.slow
def test_execute_leaves_nothing_behind(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert build.execute(folders[0] / "01-small.md") is None
    assert not list(tmp_path.rglob("left_behind.txt"))


@pytest.mark.slow
def test_execute_can_keep_what_the_cells_show(folders):
    chapters, notebooks = folders
    assert build.execute(chapters / "01-small.md", keep_in=notebooks) is None
    notebook = nbformat.read(notebooks / "01-small.ipynb", as_version=4)
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == [1, 2]
    assert notebook.cells[3].outputs[0].data == {"text/plain": "42"}
    assert build.check(chapters, notebooks) == build.not_run(notebooks) == []


@pytest.mark.slow
def test_execute_tells_the_error(folders):
    chapters, _ = folders
    (chapters / "01-small.md").write_text(CHAPTER.replace("== 42", "== 41, 'wrong'"), encoding="utf-8")
    error = build.execute(chapters / "01-small.md")
    assert error.startswith("01-small.md: ")
    assert "assert x * 7 == 41" in error
    assert "AssertionError: wrong" in error
    assert "\x1b" not in error


def test_command_line_names_an_unknown_chapter(capsys):
    with pytest.raises(SystemExit) as stop:
        build.main(["--execute", "no-such-chapter"])
    assert stop.value.code == 2
    assert "no chapter no-such-chapter" in capsys.readouterr().err


def test_notebooks_are_in_sync(capsys):
    assert build.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("chapter", build.find_chapters(), ids=lambda path: path.stem)
def test_chapter_runs_from_top_to_bottom(chapter):
    error = build.execute(chapter)
    assert error is None, error
