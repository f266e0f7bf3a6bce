"""Every exercise: the reference passes, the blank does not, and wrong answers get the hint that is theirs."""

import importlib.util
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
from wrong_answers import WRONG

import minirad as mr
from minirad.backend import backend_name
from minirad.exercises import NotYet, check
from minirad.exercises.answers import answers
from minirad.exercises.checking import functions_of, names

ROOT = Path(__file__).resolve().parent.parent.parent
spec = importlib.util.spec_from_file_location("chapters_build", ROOT / "chapters" / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

PLANTED = [
    pytest.param(name, functions, hint, id=f"{name}-{number}")
    for name in names()
    for number, (functions, hint) in enumerate(WRONG[name])
]


@pytest.fixture(autouse=True)
def on_numpy():
    """As the chapters are, whatever the tests run on."""
    before = backend_name()
    mr.use_backend("numpy")
    yield
    mr.use_backend(before)


def test_wrong_answers_stand_in_the_file_of_their_chapter():
    files = sorted((ROOT / "tests" / "wrong_answers").glob("chapter_*.py"))
    found = {file: import_module(f"wrong_answers.{file.stem}").WRONG for file in files}
    assert all(name.split(".")[0] == str(int(file.stem[-2:])) for file, wrong in found.items() for name in wrong)
    assert sorted(name for wrong in found.values() for name in wrong) == sorted(names())


def chapter_of(name):
    (path,) = (ROOT / "chapters").glob(f"{int(name.split('.')[0]):02d}-*.md")
    return path


@cache
def references(name):
    return answers(chapter_of(name), functions_of(name))


@pytest.mark.parametrize("name", names())
def test_the_reference_is_right(name, capsys):
    check(name, *references(name))
    assert capsys.readouterr().out.startswith(f"{name} is right.")


@pytest.mark.parametrize("name", names())
def test_the_blank_is_not(name, tmp_path):
    path = tmp_path / "blank.md"
    path.write_text(build.without_solutions(chapter_of(name).read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(NotYet, match=rf"^{name}: \w+ (is still empty|returns None)"):
        check(name, *answers(path, functions_of(name)))


@pytest.mark.parametrize(("name", "functions", "hint"), PLANTED)
def test_a_wrong_answer_gets_its_hint(name, functions, hint):
    functions = [given or reference for given, reference in zip(functions, references(name), strict=True)]
    with pytest.raises(NotYet, match=hint) as raised:
        check(name, *functions)
    others = [other for _, other in WRONG[name] if other != hint]
    assert not any(re.search(other, str(raised.value)) for other in others)


def test_each_exercise_of_the_chapters_has_a_checker():
    written = [
        match[1]
        for path in build.find_chapters()
        for match in re.finditer(r"^### Exercise (\d+\.\d+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert written == names()
