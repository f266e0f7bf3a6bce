"""The command line: what it shows, and that bad input gives one line and exit code 2. Real runs: test_compare.py."""

import gzip
import os
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path

import pytest
from commands import command, environment, minirad_command, read_terminal

from minirad import cli, data
from minirad.cli import COMMANDS
from minirad.experiments import compare_report
from minirad.experiments.compare import ARMS
from minirad.experiments.exhibit import exhibits

for needed in ("matplotlib", "scipy", "sklearn", "threadpoolctl", "tyro"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

OPTIONS = ["--data", "--optimizers", "--lr", "--epochs", "--seeds", "--hidden", "--out"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """In an empty folder, in a wide terminal."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def refused(capsys):
    """Runs the command line, which must fail with one line and exit code 2 and leave nothing. Gives the line."""

    def run(*args):
        with pytest.raises(SystemExit) as stop:
            cli.main(args)
        printed = capsys.readouterr()
        assert stop.value.code == 2
        assert printed.out == ""
        assert not list(Path().iterdir())
        return one_line(printed.err)

    return run


def one_line(text):
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert re.match(r"minirad: \S", text)
    assert text[:-1].isprintable()  # no colours
    assert not re.search("[│─╭╰]|---|Traceback", text)
    return text.removeprefix("minirad: ")[:-1]


def helped(capsys, *args):
    with pytest.raises(SystemExit) as stop:
        cli.main(args)
    printed = capsys.readouterr()
    assert stop.value.code == 0
    assert printed.err == ""
    return printed.out


# ---- what it shows


def test_help(capsys):
    text = helped(capsys, "--help")
    assert "minirad" in text.splitlines()[0]
    assert re.search(r"list +Show the exhibits, the data sets and the optimizers", text)
    assert re.search(r"compare +Train the same small net with several optimizers", text)


def test_help_of_compare(capsys):
    text = helped(capsys, "compare", "--help")
    assert re.findall(r"^[│ ]*(--[a-z]+)", text, re.MULTILINE) == OPTIONS
    words = " ".join(text.replace("│", " ").split())
    for default in ("digits", "sgd adam adam-warmup radam", "see minirad list", "5", "runs"):
        assert f"(default: {default})" in words
    assert "(default: digits 30, the others 5)" in words
    assert "(default: digits 128, the others 256)" in words
    assert "None" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_help_tells_the_defaults_that_there_are():
    for table, of_digits, others in (("EPOCHS", 30, 5), ("HIDDEN", (128,), (256,))):
        expected = {name: of_digits if name == "digits" else others for name in data.names("images")}
        assert getattr(import_module("minirad.experiments.compare"), table) == expected


def test_help_of_list(capsys):
    assert "Show the exhibits, the data sets and the optimizers" in helped(capsys, "list", "--help")


def test_list(capsys):
    cli.main(["list"])
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = [line.split() for line in printed.out.splitlines()]
    first_words = [words[0] for words in lines]
    assert set(first_words) >= {*data.names("images"), *ARMS}
    for exhibit in exhibits().values():
        row = " ".join(lines[first_words.index(exhibit.name)])
        assert row == f"{exhibit.name} {len(exhibit.claims) or '-'} {' '.join(exhibit.title.split())}"
    for name, arm in ARMS.items():
        row = " ".join(lines[first_words.index(name)])
        assert arm.title in row
        assert all(f"{dataset} {lr:g}" in row for dataset, lr in arm.lr.items())


def test_the_installed_command_is_main():
    try:
        version("minirad")
    except PackageNotFoundError:
        pytest.skip("minirad is not installed")
    (script,) = entry_points(group="console_scripts", name="minirad")
    assert script.load() is cli.main


@pytest.mark.parametrize(
    ("given", "rates"),
    [
        ((), {}),
        (("0.1",), {"sgd": 0.1, "radam": 0.1}),
        (("radam=1e-3",), {"radam": 1e-3}),
        (("radam=0.3", "sgd=0.2"), {"radam": 0.3, "sgd": 0.2}),
        (("0.1", "radam=0.3"), {"sgd": 0.1, "radam": 0.3}),
    ],
)
def test_rates(given, rates):
    assert cli.Compare(optimizers=("sgd", "radam"), lr=given).rates() == rates


def test_all_options_arrive(monkeypatch):
    seen = []
    monkeypatch.setattr(compare_report, "compare", lambda *args: lambda: seen.append(args))
    cli.main(["compare"])
    args = "--data mnist --optimizers sgd radam --lr 0.5 --epochs 3 --seeds 2 --hidden 7 8 --out there"
    cli.main(["compare", *args.split()])
    assert seen == [
        ("digits", ("sgd", "adam", "adam-warmup", "radam"), {}, None, None, 5, Path("runs")),
        ("mnist", ("sgd", "radam"), {"sgd": 0.5, "radam": 0.5}, 3, (7, 8), 2, Path("there")),
    ]


# ---- bad input


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ("", f"Expected one of {{{', '.join(COMMANDS)}}}"),
        ("lust", "lust"),
        ("list more", "more"),
        ("compare digits", "digits"),
        ("compare --sedes 3", "--sedes"),
        ("--seeds 3", "--seeds"),
        ("compare --data", "--data"),
        ("compare --data cifar", "unknown data set 'cifar'; there are digits"),
        ("compare --optimizers sgd lion", "unknown optimizer 'lion'; there are sgd"),
        ("compare --optimizers", "optimizers must be named, each once, got none"),
        ("compare --optimizers sgd sgd", "optimizers must be named, each once, got sgd sgd"),
        ("compare --lr -1", "a learning rate must be a positive number, got -1.0"),
        ("compare --lr=-1", "a learning rate must be a positive number, got -1.0"),
        ("compare --lr 0", "a learning rate must be a positive number, got 0.0"),
        ("compare --lr nan", "a learning rate must be a positive number, got nan"),
        ("compare --lr inf", "a learning rate must be a positive number, got inf"),
        ("compare --lr sgd=nan", "a learning rate must be a positive number, got nan"),
        ("compare --lr much", "--lr: expected a number or optimizer=number, got 'much'"),
        ("compare --lr sgd=", "--lr: expected a number or optimizer=number, got 'sgd='"),
        ("compare --lr lion=0.1", "unknown optimizer in --lr 'lion'; there are sgd"),
        ("compare --optimizers sgd --lr adam=0.1", "unknown optimizer in --lr 'adam'; there are sgd"),
        ("compare --seeds 0", "seeds must be at least 1, got 0"),
        ("compare --seeds -1", "seeds must be at least 1, got -1"),
        ("compare --seeds 1.5", "Error parsing --seeds: invalid literal for int() with base 10: '1.5'"),
        ("compare --seeds None", "--seeds"),
        ("compare --epochs 0", "epochs must be at least 1, got 0"),
        ("compare --epochs few", "Error parsing --epochs"),
        ("compare --epochs None", "Error parsing --epochs"),
        ("compare --hidden 0", "hidden must be at least 1, got 0"),
        ("compare --hidden 8 -8", "hidden must be at least 1, got -8"),
        ("compare --hidden wide", "Error parsing --hidden"),
    ],
)
def test_bad_input(refused, args, words):
    assert words in refused(*args.split())


@pytest.mark.parametrize("columns", [20, 45, 80, 500])
def test_the_width_of_the_terminal_does_not_matter(refused, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    words = "Error parsing --seeds: invalid literal for int() with base 10: 'x'. See minirad compare --help"
    assert refused("compare", "--seeds", "x") == words


def test_a_command_that_there_is_not(refused):
    assert refused("comapre").endswith("the commands are " + ", ".join(COMMANDS) + ". See minirad --help")


def test_commands_are_those_of_the_help():
    shown = subprocess.run(command("--help"), env=environment(), capture_output=True, text=True, check=True).stdout
    assert all(name in shown for name in COMMANDS)


def test_python_m():
    again = [sys.executable, "-m", "minirad", "--help"]
    assert subprocess.run(again, env=environment(), capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("word", ["two\nlines", "", "\x1b[31mred", "ünïcödé"])
def test_odd_words(refused, word):
    refused("compare", "--seeds", word)
    refused(word)


def test_in_a_terminal(tmp_path):
    """There tyro draws boxes in colours."""
    pty = pytest.importorskip("pty", reason="needs a POSIX terminal")
    ours, theirs = pty.openpty()
    import_module("termios").tcsetwinsize(theirs, (24, 50))
    env = environment(TERM="xterm-256color")
    env.pop("COLUMNS")
    done = subprocess.run(command("compare", "--sedes", 3), stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    shown = read_terminal(ours).replace("\r\n", "\n")
    assert done.returncode == 2
    assert one_line(shown) == "Unrecognized options: --sedes, 3. See minirad compare --help"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--lr", "-1"], "a learning rate must be a positive number, got -1.0"),
        (
            ["--seeds", "x"],
            "Error parsing --seeds: invalid literal for int() with base 10: 'x'. See minirad compare --help",
        ),
    ],
)
def test_in_a_process_of_its_own(args, words, encoding):
    """Where the encoding has no boxes, tyro draws none."""
    done = minirad_command("compare", *args, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stdout) == (2, "")
    assert one_line(done.stderr) == words


# ---- data files


FILES = ["train-images", "train-labels", "t10k-images", "t10k-labels"]


@pytest.fixture
def fashion(tmp_path, monkeypatch):
    """The folder of Fashion-MNIST, with files that are not the published ones."""
    folder = tmp_path / "data" / "fashion-mnist"
    folder.mkdir(parents=True)
    for dataset_file in data.get("fashion-mnist").files:
        (folder / dataset_file.name).write_bytes(gzip.compress(b"not what was published"))
    monkeypatch.setenv("MINIRAD_DATA", str(folder.parent))
    return folder


def test_a_corrupt_data_file(refused, fashion):
    words = refused("compare", "--data", "fashion-mnist")
    assert "fashion-mnist" in words
    assert "is not the published file" in words
    assert len(list(fashion.iterdir())) == 4  # left alone


def test_an_unreadable_data_file(refused, fashion):
    """Root may read everything, but a folder is no file."""
    first = fashion / data.get("fashion-mnist").files[0].name
    first.unlink()
    first.mkdir()
    assert str(first) in refused("compare", "--data", "fashion-mnist")


def test_a_data_folder_that_is_a_file(refused, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MINIRAD_DATA", str(tmp_path / "file"))
    words = refused("compare", "--data", "fashion-mnist")
    assert str(tmp_path / "file") in words
    assert "MINIRAD_DATA" in words


# ---- the output folder


@pytest.mark.parametrize("below", ["", "a", "a/b"])
def test_an_output_folder_that_can_t_be_written(refused, tmp_path, below):
    (tmp_path / "file").write_text("precious")
    words = refused("compare", "--out", str(tmp_path / "file" / below))
    assert words.startswith(f"{tmp_path / 'file'}")
    assert "Errno" not in words
    assert (tmp_path / "file").read_text() == "precious"


QUICK = ["compare", "--optimizers", "sgd", "--seeds", "1", "--epochs", "1", "--hidden", "4"]
PICTURE = "digits-sgd-hidden-4-1-epoch-1-seed.png"


def test_a_foreign_file_in_the_place_of_a_result(refused, tmp_path, capsys):
    out = tmp_path / "out"
    cli.main([*QUICK, "--out", str(out)])
    capsys.readouterr()
    (result,) = out.rglob("*.jsonl")
    result.write_text("a shopping list\n")
    assert str(result) in refused(*QUICK, "--out", str(out))
    assert result.read_text() == "a shopping list\n"


def test_a_figure_that_can_t_be_written(tmp_path, capsys):
    out = tmp_path / "out"
    (out / "compare" / PICTURE).mkdir(parents=True)
    with pytest.raises(SystemExit) as stop:
        cli.main([*QUICK, "--out", str(out)])
    printed = capsys.readouterr()
    assert stop.value.code == 2
    assert PICTURE in one_line(printed.err)
    assert "SGD, momentum 0.9" in printed.out  # what was printed before
    assert "figure in" not in printed.out
    assert len(list(out.rglob("*.jsonl"))) == 1


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError("Unable to allocate 3 TiB")])
def test_what_can_fail_later(monkeypatch, capsys, error):
    def job():
        raise error

    monkeypatch.setattr(compare_report, "names", job)
    with pytest.raises(SystemExit) as stop:
        cli.main(["list"])
    assert stop.value.code == 2
    assert str(error.args[-1]) in one_line(capsys.readouterr().err)


def test_a_mistake_of_ours_shows_its_traceback(monkeypatch):
    def job():
        raise ValueError("minirad is wrong")

    monkeypatch.setattr(compare_report, "names", job)
    with pytest.raises(ValueError, match="minirad is wrong"):
        cli.main(["list"])


# ---- ctrl-C


@pytest.mark.parametrize("early", [True, False])
def test_ctrl_c(monkeypatch, capsys, early):
    """Also while it still checks the input, or imports."""

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(compare_report, "compare", interrupted if early else lambda *_: interrupted)
    with pytest.raises(SystemExit) as stop:
        cli.main(["compare"])
    assert stop.value.code == 130
    printed = capsys.readouterr()
    assert printed.err == "stopped; what was finished is kept, and the same command goes on from there\n"
    assert printed.out == ""


# ---- the backend and the packages


def test_an_unknown_backend():
    done = minirad_command("compare", MINIRAD_BACKEND="nonsense")
    assert (done.returncode, done.stdout) == (2, "")
    assert one_line(done.stderr) == "use_backend: name must be 'numpy' or 'cupy', got 'nonsense'"
    assert not list(Path().iterdir())


def test_cupy_without_cupy():
    done = minirad_command("compare", MINIRAD_BACKEND="cupy", without="cupy")
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install cupy" in one_line(done.stderr)
    assert not list(Path().iterdir())


@pytest.mark.parametrize("package", ["tyro", "matplotlib", "sklearn", "scipy", "threadpoolctl"])
def test_without_the_lab_extra(package):
    done = minirad_command("compare", without=package)
    assert (done.returncode, done.stdout) == (2, "")
    assert "minirad[lab]" in one_line(done.stderr)
    assert not list(Path().iterdir())


def test_with_numpy_alone():
    done = minirad_command("--help", without="tyro matplotlib sklearn scipy threadpoolctl tqdm pooch")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        one_line(done.stderr)
        == "the command line needs more than NumPy: minirad[lab] (in a clone: pip install -e '.[lab]')"
    )


def test_list_needs_no_more_than_tyro():
    done = minirad_command("list", without="matplotlib sklearn scipy threadpoolctl tqdm pooch")
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_progress_bar(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    cli.main(QUICK)
    printed = capsys.readouterr()
    assert printed.err == ""
    assert f"results in {Path('runs/compare/digits')}, figure in {Path('runs/compare', PICTURE)}" in printed.out
