"""minirad trace, as a user runs it."""

import json
import re

import pytest

from minirad import cli, optim
from minirad.experiments.problems import PROBLEMS
from minirad.experiments.rules import RULES

for needed in ("matplotlib", "scipy", "sklearn", "tyro"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def traced(capsys):
    """Runs minirad trace and gives what it printed."""

    def run(*args):
        cli.main(["trace", *map(str, args)])
        printed = capsys.readouterr()
        assert printed.err == ""
        return printed.out

    return run


@pytest.fixture
def refused(capsys, tmp_path):
    def run(*args):
        with pytest.raises(SystemExit) as stop:
            cli.main(["trace", *map(str, args)])
        printed = capsys.readouterr()
        assert (stop.value.code, printed.out) == (2, "")
        assert not list(tmp_path.iterdir())
        assert printed.err.count("\n") == 1
        return printed.err

    return run


def table(text, first="t "):
    """The rows of the first table whose heading starts so, as words."""
    lines = [line.split() for line in text.splitlines()]
    start = next(i for i, words in enumerate(lines) if " ".join(words).startswith(first))
    rows = []
    for words in lines[start + 1 :]:
        if not words or not words[0].isdigit():
            break
        rows.append(dict(zip(lines[start], words, strict=True)))
    return rows


def test_radam_as_the_paper_has_it(traced):
    text = traced("radam", "--steps", 12, "--beta2", 0.999)
    rows = table(text)
    assert [int(row["t"]) for row in rows] == list(range(1, 13))
    assert list(rows[0]) == ["t", "g", "v", "m", "m_hat", "rho", "branch", "r", "step_size", "update", "theta"]
    assert [row["branch"] for row in rows] == ["momentum"] * 4 + ["adaptive"] * 8
    assert [rows[t - 1]["theta"] for t in (4, 5, 6)] == ["0.6315", "0.6298", "0.6274"]
    assert (rows[3]["r"], rows[4]["r"], rows[4]["rho"]) == ("-", "0.01731", "4.996")
    for line in (
        "rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t)",
        "m_hat = m_t / (1 - beta1^t)",
        "adaptive if rho_t > 4",
    ):
        assert line in text
    assert "lr=0.1, betas=(0.9, 0.999), eps=1e-08, weight_decay=0" in text
    assert max(map(len, text.splitlines())) <= 100


def test_json_has_all_digits(traced):
    rows = [json.loads(line) for line in traced("radam", "--steps", 6, "--json").splitlines()]
    assert [row["theta"] for row in rows[3:]] == pytest.approx(
        [0.631486630090, 0.629817730994, 0.627350601223], abs=1e-12
    )
    assert [row["r"] is None for row in rows] == [True] * 4 + [False] * 2
    assert {row["rule"] for row in rows} == {"radam"}


@pytest.mark.parametrize(
    ("dialect", "thetas"),
    [
        ("paper", [0.631486630090, 0.629817730994, 0.627350601223]),
        ("torch", [0.631486630090, 0.552364195102, 0.549920979219]),
        ("optax", [0.631486630090, 0.552364195102, 0.549920979219]),
        ("official", [1, 1, 0.997417889054]),
    ],
)
def test_the_dialects(traced, dialect, thetas):
    for arguments in (["radam", "--dialect", dialect], [dialect]):
        rows = [json.loads(line) for line in traced(*arguments, "--steps", 6, "--json").splitlines()]
        assert [row["theta"] for row in rows[3:]] == pytest.approx(thetas, abs=5e-9)


@pytest.mark.parametrize("separate", [["adam,torch"], ["adam", "torch"]])
def test_against_others(traced, separate):
    text = traced("radam", "--against", *separate)
    rows = table(text, "t radam adam torch")
    assert [row["torch"] == row["radam"] for row in rows] == [True] * 4 + [False] * 8
    assert (rows[4]["radam"], rows[4]["torch"]) == ("0.6298", "0.5524")
    assert re.search(r"adam differs from radam from step 1 on \(most: ", text)
    assert re.search(r"torch differs from radam from step 5 on \(most: ", text)
    assert "paper differs from radam at no step (most: 0)" in traced("radam", "--against", "paper")


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("problem", ["quadratic", "ravine"])
def test_every_rule_can_be_traced(traced, name, problem):
    text = traced(name, "--on", problem, "--steps", 3, "--lr", 0.001)
    assert text.startswith(RULES[name].title)
    assert len(table(text)) == 3


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_problem(traced, problem):
    text = traced("radam", "--on", problem, "--steps", 7)
    assert PROBLEMS[problem].text in text
    assert len(table(text)) == 7
    assert re.search(r"loss before step 1: .*, before step 7: ", text)
    assert traced("radam", "--on", problem, "--steps", 7) == text  # repeatable


def test_noise_has_its_mean_and_its_seed(traced):
    def gradients(*args):
        text = traced("sgd", "--on", "noise", "--steps", 400, "--json", *args)
        return [json.loads(line)["g"] for line in text.splitlines()]

    plain, moved, other = gradients(), gradients("--mu", 10), gradients("--seed", 1)
    assert moved == pytest.approx([g + 10 for g in plain])
    assert other != plain
    assert abs(sum(plain) / 400) < 0.2


def test_a_real_training_is_watched_where_the_gradient_is_largest(traced):
    text = traced("radam", "--on", "digits", "--steps", 6, "--against", "adam")
    (name,) = re.findall(r"^(layers\.\d\.\w+\[[\d, ]+\])$", text, re.MULTILINE)
    assert f"{name} after step t" in text
    assert len(table(text)) == 6
    assert float(table(text)[0]["g"]) != 0


def test_the_first_steps_without_adaptation_explode(traced):
    """A gradient of some hundreds, times lr = 0.1: theta is thrown out of sight before step 5, Adam's is not."""
    rows = [json.loads(line) for line in traced("radam", "--on", "rosenbrock", "--lr", 0.1, "--json").splitlines()]
    assert max(abs(row["theta"]) for row in rows if row["t"] == 4) > 1e30
    calm = [json.loads(line) for line in traced("adam", "--on", "rosenbrock", "--lr", 0.1, "--json").splitlines()]
    assert max(abs(row["theta"]) for row in calm) < 2


def test_a_run_that_ends_early_says_so(traced):
    text = traced("sgd", "--on", "rosenbrock", "--lr", 10, "--steps", 50)
    assert re.search(r"the loss is (inf|nan) at step \d+: stopped there", text)


def test_options_reach_the_rules_that_have_them(traced):
    text = traced("rmsprop", "--beta2", 0.5, "--eps", 0.1, "--weight-decay", 0.25, "--steps", 1)
    assert "lr=0.1, alpha=0.5, eps=0.1, weight_decay=0.25" in text
    text = traced("radam", "--beta1", 0.5, "--against", "sgd", "--steps", 1)  # sgd has no betas
    assert "betas=(0.5, 0.999)" in text


def test_a_figure(traced, tmp_path):
    assert "figure in" in traced("radam", "--against", "adam", "--plot")
    assert (tmp_path / "runs/trace/radam-adam-on-quadratic.png").read_bytes().startswith(b"\x89PNG")


def test_a_figure_beside_json(capsys, tmp_path):
    cli.main(["trace", "radam", "--json", "--plot", "--out", "there"])
    printed = capsys.readouterr()
    assert all(json.loads(line) for line in printed.out.splitlines())
    assert "figure in" in printed.err
    assert len(list((tmp_path / "there/trace").iterdir())) == 1


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["ramad"], "unknown rule 'ramad'; there are sgd, momentum,"),
        (["radam", "--against", "ramad"], "unknown rule 'ramad'"),
        (["radam", "--on", "mountain"], "unknown problem 'mountain'; there are quadratic, ravine,"),
        (["radam", "--dialect", "latin"], "--dialect goes with radam and is one of paper, .* got 'latin'"),
        (["adam", "--dialect", "torch"], "--dialect goes with radam"),
        (["radam", "--dialect", "adam"], "--dialect goes with radam .* got 'adam'"),
        (["radam", "--against", "adam,adam"], "--against: each rule once"),
        (["radam", "--against", "radam"], "--against: each rule once"),
        (["sgd", "--beta2", "0.9"], "sgd has no beta2"),
        (["optax", "--weight-decay", "0.1"], "this dialect has no weight decay"),
        (["radam", "--beta2", "1"], r"RAdam: beta2 must be a number in \[0, 1\), got 1.0"),
        (["radam", "--lr", "-1"], "RAdam: lr must be a number"),
        (["radam", "--lr", "nan"], "RAdam: lr must be a number"),
        (["radam", "--steps", "0"], r"--steps must be 1 \.\.\. 100,000, got 0"),
        (["radam", "--mu", "inf"], "--mu a number"),
        (["radam", "--seed", "-1"], "--seed must be at least 0"),
        (["radam", "--steps", "many"], "many"),
        ([], "RULE"),
    ],
    ids=" ".join,
)
def test_bad_input_is_refused_in_one_line(refused, args, message):
    assert re.search(message, refused(*args))


def test_all_public_rules_have_a_name():
    kinds = {rule.kind for rule in RULES.values()}
    public = {x for x in vars(optim).values() if isinstance(x, type) and issubclass(x, optim.Optimizer)}
    assert public - kinds == {optim.Optimizer, optim.Algorithm1, optim.PhaseSwitched}  # these need more than a name
