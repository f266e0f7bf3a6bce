"""Each equation and each exhibit of the paper is computed in a chapter, and the page for teachers says where."""

import importlib.util
from pathlib import Path

import pytest

from minirad.exercises.answers import answers
from minirad.exercises.checking import names

ROOT = Path(__file__).resolve().parent.parent
CHAPTERS = ROOT / "chapters"
spec = importlib.util.spec_from_file_location("chapters_build", CHAPTERS / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
teachers = build.teachers

EQUATIONS = [f"({n})" for n in range(1, 11)]
EXHIBITS = [f"E{n}" for n in range(1, 17)]
THEORY = ["E1", "E2", "E3", "E4", "E5", "E6", "E15"]
# By the chapter that has them.
TRAININGS = {"08": ["E7", "E8"], "09": ["E10"], "10": ["E9"], "11": ["E13"], "12": ["E11", "E12", "E14"], "13": ["E16"]}


@pytest.fixture(scope="module")
def found():
    return teachers.paper(build.find_chapters())


def test_the_lists_are_complete():
    trainings = [exhibit for exhibits in TRAININGS.values() for exhibit in exhibits]
    assert sorted(THEORY + trainings) == sorted(EXHIBITS)


def test_nothing_else_is_marked(found):
    assert set(found) <= {*EQUATIONS, *EXHIBITS}


@pytest.mark.parametrize("item", EQUATIONS + THEORY)
def test_an_equation_or_exhibit_of_theory_is_checked_by_a_cell(item, found):
    assert item in found, f"no cell has the mark of {item}: see chapters/README.md"
    assert any("assert" in cell.code for cell in found[item])


@pytest.mark.parametrize(("chapter", "exhibits"), TRAININGS.items())
def test_an_exhibit_of_trainings_is_in_its_chapter(chapter, exhibits, found):
    for exhibit in exhibits:
        own = [cell for cell in found.get(exhibit, ()) if cell.chapter.name.startswith(f"{chapter}-")]
        assert own, f"no cell of chapter {chapter} calls evidence({exhibit!r}) or has the mark # {exhibit}"


def test_inequality_10_is_false_and_9_is_true_by_the_chapter_s_own_function(found):
    (cell,) = found["(10)"]
    assert "false, and mended" in cell.code.split("\n")[0]
    (q_of,) = answers(cell.chapter, ["q_of"])
    for t in (2.5, 3, 5, 10, 100):
        assert (t - 2) * q_of(t) > (t - 2) / ((t - 1) / 2)
        assert (t - 2) * q_of(t) <= 2


def test_a_mark_is_found_where_it_stands(tmp_path):
    path = tmp_path / "08-x.md"
    cells = [
        "# eq. (4), E4: the length\nx = 1  # E[psi], eq. 5 and 2E6 are no marks\nassert x",
        'y = "E9"\nprint(evidence("E7", scale="quick"))',
    ]
    code = "\n\n".join(f"```{{code-cell}} ipython3\n:tags: [hide-input]\n{cell}\n```" for cell in cells)
    path.write_text(f"# 8. X\n\n## 8.1 One\n\nE3, eq. (2)\n\n{code}\n\n## Further\n", encoding="utf-8")
    found = teachers.paper([path])
    assert list(found) == ["(4)", "E4", "E7"]
    assert {cell.section for cells in found.values() for cell in cells} == {"8.1 One"}


def test_the_page_for_teachers_has_each_exercise_that_has_a_checker():
    listed = [exercise.name for exercise in teachers.exercises(build.find_chapters())]
    assert [name for name in listed if name[0].isdigit()] == names()
    written = sum(path.read_text(encoding="utf-8").count("\n### Exercise ") for path in build.find_chapters())
    assert len(listed) == written, "an exercise lacks its line *For the belief that ....*"


def test_the_tables_are_in_step():
    assert teachers.check(build.find_chapters()) == []


def test_a_stale_table_and_a_lost_one_are_noticed(tmp_path):
    page = tmp_path / teachers.PAGE
    text = (CHAPTERS / teachers.PAGE).read_text(encoding="utf-8")
    page.write_text(text.replace("the fair rate", "the unfair rate"), encoding="utf-8")
    assert teachers.check(build.find_chapters(), tmp_path) == [
        "for-teachers.md is behind the chapters: run python chapters/build.py"
    ]
    teachers.write(build.find_chapters(), tmp_path)
    assert teachers.check(build.find_chapters(), tmp_path) == []
    page.write_text("# For teachers\n\n<!-- exercises -->\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has no table of exercises"):
        teachers.check(build.find_chapters(), tmp_path)
