"""The page "Stepping through RAdam with pdb": what its program and its session print is what it shows."""

import doctest
import re
import subprocess
import sys
from itertools import zip_longest
from pathlib import Path

import pytest
from commands import environment, minirad_command

PAGE = (Path(__file__).resolve().parents[1] / "chapters" / "stepping-with-pdb.md").read_text(encoding="utf-8")
PROMPT = "(Pdb) "


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


def session(page):
    """[("", what is printed before the first prompt), (command, what is printed after it), ...]: all blocks as one."""
    found = []
    for line in "".join(block for block in blocks(page, "text") if PROMPT in block).splitlines():
        if line.startswith(("$ ", PROMPT)):
            found.append((line.removeprefix(PROMPT) if line.startswith(PROMPT) else "", []))
        else:
            found[-1][1].append(line)
    return [(command, "\n".join(lines)) for command, lines in found]


def run(script, commands, folder):
    """What the program prints before the first prompt and after each command, and its errors."""
    (folder / "step.py").write_text(script, encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "step.py"],
        input="".join(command + "\n" for command in commands),
        cwd=folder,
        env=environment(HOME=folder, USERPROFILE=folder, NO_COLOR=1, COLUMNS=100),  # nobody's own .pdbrc
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
    )
    return result.stdout.split(PROMPT), result.stderr if result.returncode else ""


def same(wanted, got):
    """Whether a text is as shown, where "..." stands for anything; spaces at line ends and between columns are free."""
    return doctest.OutputChecker().check_output(
        wanted + "\n", got + "\n", doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )


def differences(page, folder):
    """What the page shows and the program does not print, one text for each command."""
    (script,) = blocks(page, "python")
    shown = session(page)
    assert shown[0][0] == "", "the first block begins with how the program is started"
    printed, errors = run(script, [command for command, _ in shown[1:]], folder)
    found = [
        f"{command or 'at the start'}\n--- the page:\n{wanted}\n--- printed:\n{got}"
        for (command, wanted), got in zip_longest(shown, printed[: len(shown)], fillvalue="(the program has ended)")
        if not same(wanted, got.strip("\n"))
    ]
    return found + ([f"errors\n{errors}"] if errors else [])


def test_the_session_is_what_pdb_prints(tmp_path):
    assert differences(PAGE, tmp_path) == []


@pytest.mark.parametrize(
    ("right", "wrong", "command"),
    [
        ("display round(float(theta[0]), 6): 0.629818  [old", "display round(float(theta[0]), 6): 0.629817  [old", "n"),
        ("(5, 4.996, 0.017312)", "(5, 4.996, 0.025821)", "p s.t, round(s.rho, 4), round(s.r, 6)"),
        ("-> m *= s.beta1\n", "-> m *= s.beta2\n", "n"),
        ("lr=0.1, block=None", "lr=0.2, block=None", "p theta, g"),
        ("(Pdb) cl 1\nDeleted breakpoint 1 at ...radam.py:...\n", "", "c"),
        ("  ...optimizer.py(...)step()\n", "  ...optimizer.py(...)jump()\n", "w"),
    ],
)
def test_a_wrong_page_is_noticed(right, wrong, command, tmp_path):
    assert PAGE.count(right) == 1
    found = differences(PAGE.replace(right, wrong), tmp_path)
    assert command in [text.split("\n")[0] for text in found]


def test_the_table_is_what_minirad_trace_prints():
    pytest.importorskip("tyro", reason="needs the extra minirad[lab]")
    [block] = [block for block in blocks(PAGE, "text") if PROMPT not in block]
    first, wanted = block.split("\n", 1)
    words = first.removeprefix("$ .venv/bin/minirad ").split()
    result = minirad_command(*words)
    assert result.returncode == 0, result.stderr
    assert same(wanted.rstrip("\n"), result.stdout.rstrip("\n"))
