"""minirad check: where it looks, what it prints, and its exit code."""

import json

import pytest

from minirad import cli
from minirad.exercises import NotYet, check, report
from minirad.exercises.__main__ import main
from minirad.exercises.answers import answers

RIGHT = "import math\n\n\ndef least_probability(n):\n    return 0.025 ** (1 / n)\n"


@pytest.fixture
def check_file(tmp_path, monkeypatch, capfd):
    """Run minirad check on the text of a file: its exit code, and all that it printed."""
    monkeypatch.chdir(tmp_path)

    def run(text, *args, name="answer.py"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        try:
            cli.main(["check", *args])
            code = 0
        except SystemExit as stop:
            code = stop.code
        printed = capfd.readouterr()
        return code, printed.out + printed.err

    return run


def notebook(*sources):
    return json.dumps({"cells": [{"cell_type": "code", "source": source.splitlines(True)} for source in sources]})


def test_right_and_wrong(check_file):
    code, printed = check_file(RIGHT, "0.3", "--file", "answer.py")
    assert (code, printed.startswith("0.3 is right. So the probability")) == (0, True)
    code, printed = check_file(RIGHT.replace("** (1 / n)", "/ n"), "0.3", "--file", "answer.py")
    assert (code, printed) == (1, "0.3: n = 2: the chances of n runs multiply, they do not add up.\n")


def test_a_notebook_is_found_and_only_what_is_needed_runs(check_file):
    cells = (
        "%matplotlib inline\nx = 1",
        "print('not needed'); raise SystemExit",
        "import math\nhalf = 0.05 / 2",
        "def least_probability(n):\n    return 1.0",
        "def least_probability(n):\n    return math.exp(log_half() / n)",
        "def log_half():\n    return math.log(half)",
    )
    code, printed = check_file(notebook(*cells), "0.3", name="notebooks/00-cold.ipynb")
    assert code == 0, printed
    assert "not needed" not in printed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", "answer.py has no function least_probability."),
        ("def least_probability(n):\n    return 1 +\n", "code cell 1 is no Python: invalid syntax"),
        ('def least_probability(n):\n    """p."""\n', "0.3: least_probability is still empty."),
        ("def least_probability(n):\n    p = 1\n", "0.3: least_probability returns None. Is its return missing?"),
        ("least_probability = 7\n", "least_probability must be a function, it is 7."),
        (
            "def least_probability(n):\n    return 1 / (n - n)\n",
            "least_probability stops with ZeroDivisionError: division by zero in the line `return 1 / (n - n)`.",
        ),
        ("def least_probability(n):\n    return 'p'\n", "0.3: the answer can't be used (TypeError"),
        ("k = 1 / 0\ndef least_probability(n):\n    return k\n", "code cell 1, line 1, stops with ZeroDivisionError"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(tmp_path, capsys, monkeypatch, text, words):
    monkeypatch.setattr("minirad.use_backend", lambda name: None)
    monkeypatch.setattr("minirad.set_num_threads", lambda n: None)
    (tmp_path / "answer.py").write_text(text, encoding="utf-8")
    assert main("0.3", tmp_path / "answer.py") == 1
    printed = capsys.readouterr().out
    assert words in printed
    assert printed.count("\n") == 1


def test_a_loop_without_end_is_stopped(check_file, monkeypatch):
    monkeypatch.setattr(report, "SECONDS", 3)
    code, printed = check_file("def least_probability(n):\n    while True: pass\n", "0.3", "--file", "answer.py")
    assert (code, printed) == (1, "0.3: still running after 3 seconds. Is there a loop that never ends?\n")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("", "say which exercise; there are 0.1, "),
        ("0.9", "there is no exercise '0.9'; there are 0.1, 0.2, 0.3"),
        ("99", "there is no exercise '99'"),
        ("0.3 --file nowhere.py", "nowhere.py: No such file"),
        ("0.3 --file answer.txt", "answer.txt is no notebook (.ipynb), chapter (.md) or script (.py)"),
        ("0.3 --file answer.ipynb", "answer.ipynb is no notebook, or damaged"),
    ],
)
def test_bad_input(check_file, args, words):
    code, printed = check_file("{}", *args.split(), name=args.split()[-1] if "answer" in args else "x.py")
    assert code == 2
    assert words in printed


def test_in_a_wheel_the_file_must_be_named(check_file, monkeypatch, tmp_path):
    monkeypatch.setattr(report.minirad, "__file__", str(tmp_path / "lib" / "minirad" / "__init__.py"))
    code, printed = check_file("", "0.3")
    assert (code, "there is no notebook 00-*.ipynb here or in ./notebooks; name the file" in printed) == (2, True)


def test_check_in_a_notebook():
    with pytest.raises(TypeError, match=r"exercise 0\.3 asks for least_probability, got 2 answers"):
        check("0.3", len, len)
    with pytest.raises(NotYet) as raised:
        check("0.3", lambda n: 1.0)
    assert raised.value._render_traceback_() == ["0.3: n = 1: even 100 of 100 do not prove 'always'."]


def test_a_chapter_is_read(tmp_path):
    path = tmp_path / "x.md"
    path.write_text(
        "# A\n```{code-cell} ipython3\n:tags: [hide-input]\nk = 3\n```\ntext\n```{code-cell}\ndef f(): return k\n```\n"
    )
    (f,) = answers(path, ["f"])
    assert f() == 3
