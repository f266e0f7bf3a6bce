"""Every notebook once in JupyterLab, as a reader has it: open it in a browser, run all cells, look for errors.

Not among the tests that run by default: make lab-check. Each one leaves a picture of the last cells, end.png, in the
folder that pytest makes for it (below --basetemp).
"""

from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
LIMIT = 1_800_000  # ms, for a machine that is busy
OPEN = """name => {
    const notebook = window.jupyterapp?.shell.currentWidget;
    return notebook?.context?.path === name && notebook.context.isReady
        && notebook.sessionContext.session?.kernel?.status === "idle";
}"""
START = """async () => {
    window.ended = null;
    const end = how => { window.ended = how; };
    await jupyterapp.commands.execute("notebook:clear-all-cell-outputs");  // and the numbers beside the cells
    jupyterapp.commands.execute("notebook:run-all-cells").then(well => end(well ? "well" : "at an error"), end);
}"""
ENDED = """() => ended !== null
    && jupyterapp.shell.currentWidget.sessionContext.session.kernel.status !== "busy" """
SAVE = "jupyterapp.commands.execute('docmanager:save').then(() => undefined)"
CLOSE = "jupyterapp.shell.currentWidget.sessionContext.shutdown()"


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS], ids=lambda name: name.removesuffix(".ipynb"))
def test_run_all(browser, lab, tmp_path, name):
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(LIMIT)
    try:
        page.goto(f"{lab.address}lab/workspaces/{name[:-6]}/tree/{name}?token={lab.token}")
        page.wait_for_function(OPEN, arg=name, polling=500)
        page.evaluate(START)
        page.wait_for_function(ENDED, polling=500)
        page.evaluate(SAVE)
        page.screenshot(path=tmp_path / "end.png")
        saved = nbformat.read(lab.folder / name, as_version=4)
        assert errors(saved) == []
        assert page.evaluate("ended") == "well"
        assert not_run(saved) == []
        assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
        assert page.locator('[data-mime-type$="stderr"]', has_text="Traceback").count() == 0
        page.evaluate(CLOSE)
    finally:
        page.close()


def errors(notebook):
    """What went wrong, cell by cell: errors, and tracebacks that something printed."""
    return [
        f"cell {number}: {output.get('ename', 'printed')}: {output.get('evalue') or output.get('text')}"
        for number, cell in enumerate(notebook.cells)
        for output in cell.get("outputs", [])
        if output.output_type == "error" or (output.get("name") == "stderr" and "Traceback" in output.text)
    ]


def not_run(notebook):
    """The code cells that have no number beside them."""
    cells = enumerate(notebook.cells)
    return [number for number, cell in cells if cell.cell_type == "code" and cell.execution_count is None]
