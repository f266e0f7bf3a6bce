import json
import re
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_experiments import NESTED, TINY, Tiny

from minirad.experiments import experiment, grid
from minirad.experiments.compare import ARMS, Run
from minirad.experiments.experiment import Experiment, find
from minirad.experiments.grid import runs_of
from minirad.experiments.results import Store


@pytest.fixture
def toml(tmp_path):
    """Writes a TOML file and gives its path."""

    def write(text):
        path = tmp_path / "grid.toml"
        path.write_text(text, "utf-8")
        return path

    return write


ENDS = get_args(Tiny.__annotations__["end"])
RANGE = "expected first:behind or first:behind:step, with a number in it"


def runs(*words, file=None):
    return runs_of(TINY, words, file)


# ---- on the command line


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("x=3", [3]),
        ("x=3,1", [3, 1]),
        ("x=0:3", [0, 1, 2]),
        ("x=0:7:3,100:102", [0, 3, 6, 100, 101]),
        ("x=3:0:-1", [3, 2, 1]),
        ("lr=1,1e-3", [1.0, 0.001]),
        ("end=nan,well", ["nan", "well"]),
        ("hidden=64x32,128", [(64, 32), (128,)]),
        ("betas=0.9x0.99", [(0.9, 0.99)]),
        ("name=a:b,64x32", ["a:b", "64x32"]),
        ("nesterov=true,false", [True, False]),
        ("clip=none,2", [None, 2.0]),
    ],
)
def test_the_values_of_a_field(word, values):
    name = word.split("=")[0]
    found = [getattr(run, name) for run in runs(*{"x=1", word} - ({"x=1"} if name == "x" else set()))]
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


def test_every_combination_in_the_order_given():
    assert [(run.x, run.lr) for run in runs("x=1,2", "lr=0.1,0.3")] == [(1, 0.1), (1, 0.3), (2, 0.1), (2, 0.3)]
    assert runs("x=5") == [Tiny(5)]


def test_each_run_once():
    assert [run.x for run in runs("x=1,2,1,0:3")] == [1, 2, 0]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x"], "expected field=value, got 'x'"),
        (["y=1"], "tiny has no field 'y'; there are x, lr, end, seconds, hidden, betas, name, nesterov, clip, folder"),
        (["x=1", "x=2"], "x is given twice"),
        ([], "tiny: missing a required argument: 'x'"),
        (["lr=1"], "tiny: missing a required argument: 'x'"),
        (["x="], "x: expected an integer, got ''"),
        (["x=1,,2"], "x: expected an integer, got ''"),
        (["x=1.5"], "x: expected an integer, got '1.5'"),
        (["x=true"], "x: expected an integer, got 'true'"),
        (["x=3:3"], "x: expected first:behind or first:behind:step, with a number in it, got '3:3'"),
        (["x=0:9:0"], "x: expected first:behind or first:behind:step, with a number in it, got '0:9:0'"),
        (["x=0:1:2:3"], "x: expected first:behind or first:behind:step, with a number in it, got '0:1:2:3'"),
        (["x=:3"], "x: expected first:behind or first:behind:step, with a number in it, got ':3'"),
        (["lr=much"], "lr: expected a finite number, got 'much'"),
        (["lr=nan"], "lr: expected a finite number, got 'nan'"),
        (["lr=inf"], "lr: expected a finite number, got 'inf'"),
        (["lr=0:3"], "lr: expected a finite number, got '0:3'"),
        (["end=badly"], f"end: expected {' or '.join(ENDS)}, got 'badly'"),
        (["hidden=64xwide"], "hidden: expected an integer, got 'wide'"),
        (["hidden="], "hidden: expected an integer, got ''"),
        (["betas=0.9"], "betas: expected a tuple (64x32; in a file [64, 32]), got '0.9'"),
        (["name="], "name: expected a text, got ''"),
        (["nesterov=yes"], "nesterov: expected true or false, got 'yes'"),
        (["clip=some"], "clip: expected a finite number or none, got 'some'"),
        (["x=-1"], "x must be at least 0, got -1"),
        (["x=" + "1" * 400], f"x: expected an integer, got '{'1' * 39}... (402 characters)"),
        (["x=" + "1" * 9000], f"x: expected an integer, got '{'1' * 39}... (9002 characters)"),
        (["lr=" + "1" * 400], f"lr: expected a finite number, got '{'1' * 39}... (402 characters)"),
        (["x=0:" + "1" * 400], f"x: {RANGE}, got '0:{'1' * 37}... (404 characters)"),
        (["x=0:1000", "lr=1", "seconds=0.1,0.2", "hidden=1,2,3", "betas=1x1", "clip=" + "1," * 40 + "1"], None),
        (["x=0:1000000000000"], None),
    ],
)
def test_what_is_refused(words, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole message is compared
        runs(*words)
    assert str(error.value) == (message or "a sweep has at most 100,000 runs, this one has more")


def test_a_field_that_can_t_be_set():
    @dataclass(frozen=True)
    class Odd:
        table: dict

    with pytest.raises(ValueError, match=r"^table: expected a dict, which can't be set here, got '1'$"):
        runs_of(Experiment("odd", Odd, lambda settings: []), ["table=1"])


@dataclass(frozen=True)
class Loose:
    """Its defaults have not the types of their hints."""

    lr: float = 1
    betas: tuple[float, float] = (0, -0.0)
    epochs: int = 3.0
    kind: Literal["x", 1] = "x"


LOOSE = Experiment("loose", Loose, lambda settings: [{"loss": 1.0}])


def keys(settings, tmp_path):
    return {Store(tmp_path, "loose", "all").path(asdict(run)).name for run in settings}


def test_equal_settings_are_one_run(tmp_path):
    """Whether given or by default, as 1, 1.0 or, of zeros, -0.0."""
    ways = [[], ["lr=1"], ["lr=1.0", "betas=0x0"], ["epochs=3", "betas=-0.0x0.0"]]
    found = [run for way in ways for run in runs_of(LOOSE, way)]
    assert found == [Loose()] * 4
    assert len(keys(found, tmp_path)) == 1
    assert len(keys([LOOSE.make({"lr": lr}) for lr in (0, 0.0, -0.0)], tmp_path)) == 1


def test_what_makes_the_settings_may_be_loose_too(tmp_path):
    experiment = replace(LOOSE, complete=lambda lr: Loose(lr=int(lr), betas=[0, 1]))
    assert repr(experiment.make({"lr": 2.0})) == repr(Loose(2.0, (0.0, 1.0), 3))


def test_true_is_not_1(toml):
    assert runs_of(LOOSE, [], toml("[grid]\nkind = [1, 'x']")) == [Loose(kind=1), Loose(kind="x")]
    for value in ("true", "1.0"):
        with pytest.raises(ValueError, match="kind: expected x or 1, got"):
            runs_of(LOOSE, [], toml(f"[grid]\nkind = {value}"))


# ---- in a file


def test_a_grid_and_runs(toml):
    file = toml(
        """
        common = { seconds = 1 }

        [[grid]]
        x = "100:102"
        lr = [0.1, 1]
        hidden = [[64, 32], [128]]

        [[grid]]
        x = [1]
        nesterov = [true, false]
        clip = ["none", 1]
        end = "well,nan"

        [[run]]
        x = 7
        name = "a,b"
        betas = [[0.5, 0.75]]
        seconds = 0.5
        """
    )
    found = runs(file=file)
    first = [
        Tiny(x, lr, hidden=hidden, seconds=1.0) for x, lr, hidden in product([100, 101], [0.1, 1.0], [(64, 32), (128,)])
    ]
    second = [
        Tiny(1, nesterov=nesterov, clip=clip, end=end, seconds=1.0)
        for nesterov, clip, end in product([True, False], [None, 1.0], ["well", "nan"])
    ]
    assert found == [*first, *second, Tiny(7, name="a,b", betas=(0.5, 0.75), seconds=0.5)]
    assert all(json.dumps(asdict(a)) == json.dumps(asdict(b)) for a, b in zip(found, [*first, *second], strict=False))


def test_one_grid_needs_no_double_brackets(toml):
    assert runs(file=toml("[grid]\nx = [1, 2]\n")) == [Tiny(1), Tiny(2)]


def test_common_alone(toml):
    assert runs(file=toml("common = { x = [1, 2] }")) == [Tiny(1), Tiny(2)]


def test_the_command_line_outdoes_the_file(toml):
    file = toml("[[grid]]\nx = [1, 2]\nlr = [0.1, 0.2]\n[[run]]\nx = 3\nlr = 5\n")
    assert runs("lr=9", file=file) == [Tiny(1, 9.0), Tiny(2, 9.0), Tiny(3, 9.0)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = [1", "Unclosed array"),
        ("x = 1", "unknown x; there are common, [[grid]] and [[run]]"),
        ("grid = 3", "grid must be a table, got 3"),
        ("run = [3]", "run must be a table, got 3"),
        ("common = []", "common must be a table, got []"),
        ("[grid]\ny = 1", "tiny has no field 'y'; there are x, "),
        ("[grid]\nx = []", "x: expected at least one value, got none"),
        ("[grid]\nx = [1.0]", "x: expected an integer, got 1.0"),
        ("[grid]\nx = [true]", "x: expected an integer, got True"),
        (f"[grid]\nx = {'1' * 400}", f"x: expected an integer, got {'1' * 40}... (400 characters)"),
        (f"[grid]\nlr = {'1' * 400}", f"lr: expected a finite number, got {'1' * 40}... (400 characters)"),
        (f"[grid]\nx = {'1' * 9000}", "Exceeds the limit"),
        ("[grid]\nlr = [nan]", "lr: expected a finite number, got nan"),
        ("[grid]\nlr = [false]", "lr: expected a finite number, got False"),
        ("[grid]\nhidden = [64, 32]", "hidden: expected a tuple (64x32; in a file [64, 32]), got 64"),
        ("[grid]\nhidden = [[64, 0.5]]", "hidden: expected an integer, got 0.5"),
        ("[grid]\nbetas = [[0.9]]", "betas: expected a tuple (64x32; in a file [64, 32]), got [0.9]"),
        ("[grid]\nname = [1]", "name: expected a text, got 1"),
        ("[grid]\nname = ''", "name: expected a text, got ''"),
        ("[grid]\nend = ['badly']", "end: expected well or nan"),
        ("[grid]\nx = 1979-05-27", "x: expected an integer, got datetime.date(1979, 5, 27)"),
        ("[[run]]\nx = [1, 2]", "[[run]] x: expected one value, got 2"),
    ],
)
def test_what_is_refused_in_a_file(toml, text, message):
    file = toml(text)
    with pytest.raises(ValueError, match=re.escape(message)) as error:
        runs(file=file)
    assert str(error.value).startswith(f"{file}: ")


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "grid.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"grid\.toml: "):
        runs(file=tmp_path / "grid.toml")
    with pytest.raises(FileNotFoundError):
        runs(file=tmp_path / "none.toml")


# ---- both ways

numbers = st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0)  # -0.0 + 0 is 0.0
FIELDS = {
    "x": st.integers(0, 10**9),
    "lr": numbers,
    "end": st.sampled_from(["well", "nan", "error"]),
    "hidden": st.lists(st.integers(1, 999), min_size=1, max_size=3).map(tuple),
    "betas": st.tuples(numbers, numbers),
    "name": st.text("abc xyz-_:", min_size=1, max_size=5),
    "nesterov": st.booleans(),
    "clip": st.none() | numbers,
}
grids = st.fixed_dictionaries(
    {"x": st.lists(FIELDS["x"], min_size=1, max_size=3)},
    optional={name: st.lists(values, min_size=1, max_size=3) for name, values in FIELDS.items() if name != "x"},
).filter(lambda grid: len(grid) < 5)


def text(value):
    if isinstance(value, tuple):
        return "x".join(map(text, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def in_toml(value):
    return "'none'" if value is None else json.dumps(value)


@given(grids)
def test_the_command_line_and_the_file_mean_the_same(tmp_path_factory, grid):
    expected = [Tiny(**dict(zip(grid, values, strict=True))) for values in product(*grid.values())]
    words = [f"{name}={','.join(map(text, values))}" for name, values in grid.items()]
    lines = [f"{name} = [{', '.join(map(in_toml, values))}]\n" for name, values in grid.items()]
    file = tmp_path_factory.getbasetemp() / "same.toml"
    file.write_text("[grid]\n" + "".join(lines), "utf-8")
    for found in (runs(*words), runs(file=file)):
        assert found == list(dict.fromkeys(expected))
        assert {json.dumps(asdict(run)) for run in found} <= {json.dumps(asdict(run)) for run in expected}


# ---- experiments


def test_find_by_name_and_by_module():
    assert find("compare").settings is Run
    assert find("tiny_experiments:TINY") is TINY


def test_each_experiment_of_the_table_is_there():
    for name in experiment.EXPERIMENTS:
        assert find(name).name == name


def test_a_module_in_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "my_own_experiment.py").write_text(
        "from minirad.experiments.experiment import Experiment\n"
        "from tiny_experiments import Tiny, run\n"
        "MINE = Experiment('mine', Tiny, run)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(experiment.sys, "path", list(experiment.sys.path))
    assert find("my_own_experiment:MINE").name == "mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dance", "unknown experiment 'dance'; there are compare, or module:NAME for your own"),
        ("tiny_experiments:run", "tiny_experiments:run is no Experiment"),
        ("tiny_experiments:NONE", "tiny_experiments:NONE is no Experiment"),
        (
            "tiny_experiments:NESTED",
            "tiny_experiments:NESTED: run and settings must stand at the top level of a module",
        ),
    ],
)
def test_no_such_experiment(name, message):
    assert NESTED.run(None) == []
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole message is compared
        find(name)
    assert str(error.value) == message


def test_a_function_that_workers_can_t_import():
    assert NESTED.run(None) == []
    with pytest.raises(ValueError, match="run and settings must stand at the top level of a module"):
        find("tiny_experiments:NESTED")


def test_a_module_that_is_not_there():
    with pytest.raises(ImportError, match="no_such_module"):
        find("no_such_module:X")


def test_the_runs_of_compare():
    compare = find("compare")
    plain, other = runs_of(compare, ["optimizer=sgd,radam", "seed=3"])
    assert plain == Run("digits", "sgd", ARMS["sgd"].lr["digits"], 30, (128,), 64, 3)
    assert other.optimizer == "radam"
    words = ["optimizer=adam", "data=mnist", "lr=0.5", "epochs=2", "hidden=9x8", "batch_size=7", "validation=true"]
    assert runs_of(compare, words) == [Run("mnist", "adam", 0.5, 2, (9, 8), 7, 100, True)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["seed=1"], "compare: missing a required argument: 'optimizer'"),
        (["optimizer=lion"], "unknown optimizer 'lion'; there are sgd, adam, adam-warmup, radam"),
        (["optimizer=sgd", "data=cifar"], "unknown data set 'cifar'; there are digits, "),
        (["optimizer=sgd", "lr=0"], "a learning rate must be a positive number, got 0.0"),
        (["optimizer=sgd", "epochs=0"], "epochs must be at least 1, got 0"),
        (["optimizer=sgd", "batch_size=0"], "batch_size must be at least 1 and seed at least 0, got 0 and 100"),
        (["optimizer=sgd", "seed=-1"], "batch_size must be at least 1 and seed at least 0, got 64 and -1"),
    ],
)
def test_what_compare_refuses(words, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        runs_of(find("compare"), words)


def test_the_limit_is_on_runs_not_on_values(monkeypatch):
    monkeypatch.setattr(grid, "LIMIT", 6)
    assert len(runs("x=0:2", "lr=1,2,3")) == 6
    with pytest.raises(ValueError, match="at most 6 runs"):
        runs("x=0:7")
