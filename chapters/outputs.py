"""What a notebook keeps of what its cells showed, for a reader on a code host: figures, and short texts.

Last digits and times differ between machines, so an output is never compared with a new one. A cell without a number in
its brackets has not been run since it, or one before it, changed. (Nobody watches the library and the results: after a
run that counts, run the chapters that show it.)
"""

from __future__ import annotations

import base64
import io
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
TEMPORARY = {tempfile.gettempdir(), os.path.realpath(tempfile.gettempdir())}
# Where this machine has the clone, and its temporary folders: nobody else has these.
FOLDERS = "|".join([re.escape(str(ROOT)), *(re.escape(folder + os.sep) + r"tmp\w+" for folder in TEMPORARY)])
HERE = re.compile(rf"(?<![\w./-])(?:{FOLDERS}){re.escape(os.sep)}?")
LONGEST_TEXT = 12_000  # characters
COLOURS = 64  # of a figure: greys, a few lines, their edges


def small(png: str) -> str:
    """A figure, as base64, with fewer colours: a third of the bytes, and no date or version in them."""
    with Image.open(io.BytesIO(base64.b64decode(png))) as figure:
        if figure.mode == "P":  # it is small already
            return png
        file = io.BytesIO()
        figure.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def shown(cell: NotebookNode) -> Iterator[NotebookNode]:
    """The outputs of a cell that has been run, as its notebook keeps them."""
    for output in cell.outputs:
        if output.output_type == "stream":
            output.text = anywhere(output.text)
            if output.name == "stdout" and len(output.text) <= LONGEST_TEXT:
                yield output
        elif output.output_type in {"display_data", "execute_result"}:
            data = output.data
            if "image/png" in data:
                output.data = NotebookNode({"image/png": small(data["image/png"]), "text/plain": "<Figure>"})
                output.metadata = NotebookNode()
                yield output
            elif all(isinstance(text, str) and len(text) <= LONGEST_TEXT for text in data.values()):
                output.data = NotebookNode({kind: anywhere(text) for kind, text in data.items()})
                yield output


def anywhere(text: str) -> str:
    """A text without the folders of this machine."""
    return HERE.sub("", text)


def keep(run: NotebookNode, notebook: NotebookNode) -> NotebookNode:
    """Give each cell of the notebook what the same cell showed in a run of it, up to the first one that differs."""
    was, cells = ([cell for cell in n.cells if cell.cell_type == "code"] for n in (run, notebook))
    for old, new in zip(was, cells, strict=False):
        if old.source != new.source:
            break
        new.outputs, new.execution_count = list(shown(old)), old.execution_count
    return notebook


def missing(notebook: NotebookNode) -> bool:
    """Whether a cell has not been run."""
    return any(cell.cell_type == "code" and cell.execution_count is None for cell in notebook.cells)
