"""Build notebooks/ from chapters/: each chapter is MyST Markdown, each notebook its copy to open in Jupyter.

    python chapters/build.py                    write the notebooks, and the tables of for-teachers.md
    python chapters/build.py --check            compare them with what would be written, byte by byte; write nothing
    python chapters/build.py --execute NAME...  run chapters from top to bottom ("all": every one); write nothing
    python chapters/build.py --outputs NAME...  run them, and keep in their notebooks what the cells show
    python chapters/build.py --student FOLDER   write the notebooks without the solutions of the exercises

The same chapter gives the same bytes everywhere, outputs aside: cell ids come from its name and the cell's index. What
the cells showed when they were last run stays in the notebook, up to the first cell that has changed since.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError

CHAPTERS = Path(__file__).resolve().parent
sys.path.insert(0, str(CHAPTERS))

import outputs  # noqa: E402
import teachers  # noqa: E402

NOTEBOOKS = CHAPTERS.parent / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}

SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(\.\./chapters/([\w-]+)\.md")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def find_chapters(folder: Path = CHAPTERS) -> list[Path]:
    """The folder's Markdown files that begin with a jupytext header. Others, such as a README, are no chapters."""
    header = re.compile(r"\A---\n(?:(?!---).*\n)*jupytext:")
    return [path for path in sorted(folder.glob("*.md")) if header.match(path.read_text(encoding="utf-8"))]


def build(chapter: Path) -> nbformat.NotebookNode:
    """The chapter as a notebook without outputs. A link to a chapter is one to its notebook."""
    notebook = jupytext.reads(chapter.read_text(encoding="utf-8"), fmt="md:myst")
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict(METADATA)
    beside = {path.stem for path in find_chapters(chapter.parent)}
    for index, cell in enumerate(notebook.cells):
        cell.id = f"{chapter.stem}-{index:03d}"
        if "hide-input" in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"source_hidden": True}  # JupyterLab's name for it; a click shows the cell
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(lambda link: f"]({link[1]}.ipynb" if link[1] in beside else link[0], cell.source)
    nbformat.validate(notebook)
    return notebook


def without_solutions(text: str) -> str:
    """A cell, or a whole chapter, with the solutions cut out: what a student begins with."""
    return SOLUTION.sub(r"\1...  # your answer", text)


def student(chapter: Path) -> nbformat.NotebookNode:
    """The chapter as a notebook without solutions."""
    notebook = build(chapter)
    for cell in notebook.cells:
        cell.source = without_solutions(cell.source)
    return notebook


def to_bytes(notebook: nbformat.NotebookNode) -> bytes:
    """The notebook as its file holds it."""
    return (nbformat.writes(notebook) + "\n").encode()


def read(path: Path) -> nbformat.NotebookNode:
    """A notebook from its file; an empty one if it can't be read, as after a merge with conflicts."""
    try:
        return nbformat.read(path, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError):
        return nbformat.v4.new_notebook()


def write(
    chapters: Path = CHAPTERS, notebooks: Path = NOTEBOOKS, make: Callable[[Path], nbformat.NotebookNode] = build
) -> list[Path]:
    """Write the notebook of every chapter and return their paths."""
    notebooks.mkdir(parents=True, exist_ok=True)
    paths = []
    for chapter in find_chapters(chapters):
        path = notebooks / f"{chapter.stem}.ipynb"
        notebook = make(chapter)
        if make is build and path.exists():
            notebook = outputs.keep(read(path), notebook)
        path.write_bytes(to_bytes(notebook))
        paths.append(path)
    return paths


def check(chapters: Path = CHAPTERS, notebooks: Path = NOTEBOOKS) -> list[str]:
    """What is wrong with the notebooks, one line each: missing, stale, or without a chapter."""
    wanted = {f"{chapter.stem}.ipynb": chapter for chapter in find_chapters(chapters)}
    problems = []
    for name, chapter in wanted.items():
        path = notebooks / name
        if not path.exists():
            problems.append(f"{name} is missing: run python chapters/build.py")
        elif path.read_bytes() != to_bytes(outputs.keep(read(path), build(chapter))):
            problems.append(f"{name} differs from {chapter.name}: edit the chapter, then run python chapters/build.py")
    orphans = sorted(path.name for path in notebooks.glob("*.ipynb") if path.name not in wanted)
    return problems + [f"{name} has no chapter: remove it, or write {name[:-6]}.md" for name in orphans]


def not_run(notebooks: Path = NOTEBOOKS) -> list[str]:
    """Which notebooks lack what their cells show, one line each."""
    return [
        f"{path.name} lacks outputs: run python chapters/build.py --outputs {path.stem}"
        for path in sorted(notebooks.glob("*.ipynb"))
        if outputs.missing(read(path))
    ]


def execute(chapter: Path, keep_in: Path | None = None) -> str | None:
    """Run the chapter in a kernel of its own, in an empty folder. Returns the error as text, or None.

    ``keep_in`` is the folder of the notebook that keeps what the cells showed.
    """
    notebook = build(chapter)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources)
        try:
            client.execute(env={**os.environ, "IPYTHONDIR": folder})  # nobody's own IPython settings
        except (CellControlSignal, DeadKernelError) as error:
            return f"{chapter.name}: {COLOURS.sub('', str(error))}"
    if keep_in:
        (keep_in / f"{chapter.stem}.ipynb").write_bytes(to_bytes(outputs.keep(notebook, build(chapter))))
    return None


def main(arguments: list[str] | None = None) -> int:
    """The command line: 0 if all is well, 1 if a notebook or a chapter is not, 2 for a wrong argument."""
    parser = argparse.ArgumentParser(description="Build notebooks/ from chapters/.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="compare, write nothing")
    what.add_argument("--execute", nargs="+", metavar="NAME", help='run chapters ("all": every one), write nothing')
    what.add_argument("--outputs", nargs="+", metavar="NAME", help="run chapters, keep what the cells show")
    what.add_argument("--student", type=Path, metavar="FOLDER", help="write the notebooks without the solutions")
    options = parser.parse_args(arguments)
    if options.student and options.student.resolve() == NOTEBOOKS:
        parser.error("--student needs a folder of its own")

    chapters = {chapter.stem: chapter for chapter in find_chapters()}
    if options.check:
        problems = check() + not_run() + teachers.check(list(chapters.values()))
        print("\n".join(problems) or f"{len(chapters)} notebooks in sync")
        return bool(problems)
    if to_run := options.execute or options.outputs:
        names = list(chapters) if to_run == ["all"] else [name.removesuffix(".md") for name in to_run]
        if unknown := [name for name in names if name not in chapters]:
            parser.error(f"no chapter {', '.join(unknown)}; there are: {', '.join(chapters) or 'none'}")
        errors = 0
        for name in names:
            error = execute(chapters[name], NOTEBOOKS if options.outputs else None)
            errors += error is not None
            print(error or f"{name}: ok", flush=True)
        return errors > 0
    paths = write(notebooks=options.student, make=student) if options.student else write()
    if not options.student:
        teachers.write(list(chapters.values()))
    print("\n".join(map(str, paths)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
