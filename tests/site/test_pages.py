"""What chapters/pages/ writes for the site, without building it."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def pages():
    """The package, which is no part of minirad."""
    pytest.importorskip("myst_nb", reason="needs the site's tools: pip install minirad[site]")
    sys.path.insert(0, str(ROOT / "chapters"))
    import pages

    yield pages
    sys.path.remove(str(ROOT / "chapters"))


def processed(pages, text, name="minirad.nn.Linear"):
    lines = text.split("\n")
    pages.docstrings.process(None, "function", name, None, None, lines)
    return [line for line in lines if line.strip()]


def test_plain_text_stays_plain(pages):
    assert processed(pages, "|theta| * 2, clip_grad_norm_ and rho_t; ``a * b``") == [
        r"\|theta\| \* 2, clip_grad_norm\_ and rho_t; ``a * b``"
    ]


def test_an_indented_paragraph_is_code(pages):
    lines = processed(pages, "Text.\n\n::\n\n    x = 2 * y\n\nMore.")
    assert lines == ["Text.", ".. code-block:: python", "       x = 2 * y", "More."]


def test_each_error_has_a_line(pages):
    text = "Text.\n\nRaises:\n    ValueError: one\n        thing. TypeError, OSError: another."
    assert processed(pages, text)[1:] == ["Raises:", "    ValueError: one thing.", "    TypeError, OSError: another."]


def test_equations_of_the_paper_are_set(pages):
    (formula,) = [line for line in processed(pages, "It is so (eq. 4).", "minirad.variance.x") if r"\tag" in line]
    assert formula.strip() == pages.docstrings.EQUATIONS[4] + r" \tag{4}"
    assert len(processed(pages, "Source: others, eq. 4", "minirad.variance.x")) == 1
    assert len(processed(pages, "It is so (eq. 4).", "minirad.nn.x")) == 1
    assert set(pages.docstrings.EQUATIONS) == set(range(1, 11))


def test_every_optimizer_has_a_page_with_its_rule(pages):
    from minirad import optim

    texts = dict(pages.optimizers.pages(ROOT))
    rules = [name for name in optim.__all__ if pages.reference.is_rule(getattr(optim, name))]
    assert len(rules) >= 10
    for name in rules:
        text = texts[f"optimizers/{name.lower()}.md"]
        assert f"{name}.update" in text or f":pyobject: {name}\n" in text or "The update is that of" in text
    for heading in ("## Dialects", "## Beside other implementations", "## Speed", "## In the book"):
        assert heading in texts["optimizers/radam.md"]
    assert "## Beside PyTorch" in texts["optimizers/sgd.md"]


def test_what_is_kept_depends_on_the_code(pages, tmp_path):
    from pages import kept

    (tmp_path / "minirad").mkdir()
    (tmp_path / "minirad" / "a.py").write_text("1")
    first = kept.folder(tmp_path, tmp_path / "build")
    assert kept.folder(tmp_path, tmp_path / "build") == first
    (tmp_path / "minirad" / "a.py").write_text("2")
    assert kept.folder(tmp_path, tmp_path / "build") != first
    assert not first.exists()


def test_the_report_becomes_a_page(pages, tmp_path):
    (tmp_path / "report.md").write_text('# Title\n\n[E1](#e1)\n\n<a id="e1"></a>\n\n## E1\n', encoding="utf-8")
    text = pages.exhibits.page(tmp_path)
    assert text.startswith("---\ntocdepth: 2\n---\n\n# Title\n")
    assert "\n(e1)=\n" in text
