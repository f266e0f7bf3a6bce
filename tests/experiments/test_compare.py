"""minirad compare, with nets and numbers so small that it takes seconds. What it refuses is in test_cli.py."""

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from commands import ROOT, command, environment, minirad_command

from minirad import cli, data
from minirad.backend import to_host
from minirad.data import Loader
from minirad.experiments import compare, compare_report, tune
from minirad.experiments import results as result_files
from minirad.experiments.compare import ARMS, EDITION, SEEDS, Outcome, Run, outcomes, plan
from minirad.experiments.results import Store
from minirad.experiments.statistics import mean_interval
from minirad.plots import STYLES
from minirad.threads import get_num_threads, set_num_threads

for needed in ("matplotlib", "scipy", "sklearn", "threadpoolctl", "tyro"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

SMALL = ("--epochs", 2, "--hidden", 8, "--seeds", 2)  # 8 runs


@pytest.fixture(autouse=True)
def threads():
    """A comparison runs on one thread; what comes after it does not."""
    before = get_num_threads()
    yield
    set_num_threads(before)


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path, "compare", "digits", EDITION)


def small(optimizer="sgd", seed=SEEDS[0], **changes):
    return replace(Run("digits", optimizer, 0.01, 2, (8,), 64, seed), **changes)


# ---- the plan


def test_the_default_is_four_optimizers_and_five_seeds():
    default = cli.Compare()
    runs = plan(default.data, default.optimizers, {}, default.epochs, None, default.seeds)
    assert len(runs) == 20
    assert [run.optimizer for run in runs[:4]] == ["sgd", "adam", "adam-warmup", "radam"] == list(ARMS)
    assert [run.seed for run in runs] == [seed for seed in (100, 101, 102, 103, 104) for _ in range(4)]
    assert {(run.data, run.epochs, run.hidden, run.batch_size) for run in runs} == {("digits", 30, (128,), 64)}
    assert not any(run.validation for run in runs)


@pytest.mark.parametrize("dataset", data.names("images"))
def test_each_optimizer_has_its_own_rate(dataset):
    assert {run.optimizer: run.lr for run in plan(dataset, list(ARMS), {}, None, None, 1)} == {
        name: arm.lr["digits" if dataset == "digits" else "fashion-mnist"] for name, arm in ARMS.items()
    }


def test_rates_by_name():
    runs = plan("digits", ["sgd", "radam"], {"radam": 0.5}, 3, (4, 5), 1)
    assert [(run.optimizer, run.lr) for run in runs] == [("sgd", ARMS["sgd"].lr["digits"]), ("radam", 0.5)]
    assert {(run.epochs, run.hidden) for run in runs} == {(3, (4, 5))}


GOOD = {"dataset": "digits", "optimizers": ["sgd"], "lr": {}, "epochs": 1, "hidden": (8,), "seeds": 1}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"dataset": "cifar"}, "unknown data set 'cifar'; there are digits, mnist, fashion-mnist"),
        ({"optimizers": ["sgd", "lion"]}, "unknown optimizer 'lion'; there are sgd, adam, adam-warmup, radam"),
        ({"optimizers": []}, "optimizers must be named, each once, got none"),
        ({"optimizers": ["sgd", "sgd"]}, "optimizers must be named, each once, got sgd sgd"),
        ({"lr": {"adam": 0.1}}, "unknown optimizer in --lr 'adam'; there are sgd"),
        ({"lr": {"sgd": 0.0}}, "a learning rate must be a positive number, got 0.0"),
        ({"lr": {"sgd": -0.1}}, "a learning rate must be a positive number, got -0.1"),
        ({"lr": {"sgd": math.nan}}, "a learning rate must be a positive number, got nan"),
        ({"lr": {"sgd": math.inf}}, "a learning rate must be a positive number, got inf"),
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"seeds": -3}, "seeds must be at least 1, got -3"),
        ({"hidden": (8, 0)}, "hidden must be at least 1, got 0"),
    ],
)
def test_what_the_plan_refuses(bad, message):
    assert len(plan(**GOOD)) == 1
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole message is compared
        plan(**GOOD | bad)
    assert str(error.value) == message


TUNED = sorted((ROOT / "results" / "tuning").glob("*.json"))


def test_digits_are_tuned():
    assert "digits" in [path.stem for path in TUNED]


@pytest.mark.parametrize("path", TUNED, ids=lambda path: path.stem)
def test_the_rates_are_those_that_tuning_chose(path):
    recorded = json.loads(path.read_text("utf-8"))
    table = recorded["validation_accuracy"]
    assert {name: tune.best(row) for name, row in table.items()} == {
        name: arm.lr[path.stem] for name, arm in ARMS.items()
    }
    assert recorded["seeds"] == list(tune.SEEDS)
    assert {tuple(row) for row in table.values()} == {tuple(table["sgd"])}  # the same trials for all
    assert {len(scores) for row in table.values() for scores in row.values()} == {len(tune.SEEDS)}


# ---- the runs


def test_all_optimizers_share_a_seed_s_weights_and_batches(digits, store, monkeypatch):
    seen = {}

    class Noting(Loader):
        def __iter__(self):
            for batch in super().__iter__():
                batches.append([to_host(array).tobytes() for array in batch])
                yield batch

    def noting(model, criterion, optimizer, loader, epochs, **rest):
        start.update({name: array.tobytes() for name, array in model.state_dict().items()})
        return train(model, criterion, optimizer, loader, epochs, **rest)

    train = compare.train
    monkeypatch.setattr(compare, "train", noting)
    monkeypatch.setattr(compare.data, "Loader", Noting)
    for run in plan("digits", list(ARMS), {}, 2, (8,), 2):
        start, batches = {}, []
        list(outcomes([run], digits, store))
        assert len(batches) == 2 * math.ceil(len(digits.train) / 64)
        seen[run.seed, run.optimizer] = (start, batches)
    for seed in (100, 101):
        for optimizer in ARMS:
            assert seen[seed, optimizer] == seen[seed, "sgd"]
    (start, batches), (other_start, other_batches) = seen[100, "sgd"], seen[101, "sgd"]
    assert start != other_start
    assert batches != other_batches
    assert batches[: len(batches) // 2] != batches[len(batches) // 2 :]  # another order in the second epoch


def test_only_warmup_has_a_schedule(digits, store, monkeypatch):
    schedules = {}

    def noting(*args, scheduler, **rest):
        schedules[rest["title"]] = scheduler and (scheduler.steps, scheduler.get_last_lr())
        return train(*args, scheduler=scheduler, **rest)

    train = compare.train
    monkeypatch.setattr(compare, "train", noting)
    list(outcomes(plan("digits", list(ARMS), {"adam-warmup": 0.5}, 2, (8,), 1), digits, store))
    steps = round(0.1 * 2 * math.ceil(len(digits.train) / 64))
    assert schedules == {
        "1/4 sgd, seed 100": None,
        "2/4 adam, seed 100": None,
        "3/4 adam-warmup, seed 100": (steps, [0.5 / steps]),
        "4/4 radam, seed 100": None,
    }


def test_what_a_run_records(digits, store):
    run = small("radam")
    ((outcome, fresh),) = outcomes([run], digits, store)
    assert fresh
    assert outcome.run == run
    assert len(outcome.rows) == 2
    assert len(outcome.losses) == 2 * math.ceil(len(digits.train) / 64)
    assert outcome.losses[0] == pytest.approx(math.log(10), rel=0.2)  # ten classes, and nothing learned yet
    assert (outcome.accuracy, outcome.train_loss) == (outcome.rows[-1]["test_accuracy"], outcome.rows[-1]["train_loss"])
    assert (outcome.stopped, outcome.diverged) == (None, False)
    assert set(outcome.rows[0]) == {"epoch", "loss", "train_loss", "train_accuracy", "test_loss", "test_accuracy"}


def test_each_rule_learns(digits, store):
    for outcome, _ in outcomes(plan("digits", list(ARMS), {}, 5, (32,), 1), digits, store):
        assert outcome.train_loss < 0.7 * outcome.losses[0]
        assert outcome.accuracy > 0.7


def test_a_run_that_is_there_is_not_run_again(digits, store, monkeypatch):
    runs = [small(), small("adam")]
    ((first, _),) = outcomes(runs[:1], digits, store)
    trained = []
    monkeypatch.setattr(compare, "_train", lambda run, *rest: trained.append(run) or train(run, *rest))
    train = TRAIN
    (again, fresh), (_, other_fresh) = outcomes(runs, digits, store)
    assert again == first
    assert (fresh, other_fresh) == (False, True)
    assert trained == runs[1:]


TRAIN = compare._train


def test_every_setting_makes_another_run(store):
    run = small()
    changes = {"data": "mnist", "optimizer": "adam", "lr": 0.02, "epochs": 3, "hidden": (8, 8), "batch_size": 32}
    changes |= {"seed": 7, "validation": True}
    assert changes.keys() == vars(run).keys()
    paths = {store.path(vars(replace(run, **{name: value}))) for name, value in changes.items()}
    assert len(paths | {store.path(vars(run))}) == 1 + len(changes)


def test_a_run_that_diverges_says_where(digits, store):
    ((outcome, _),) = outcomes([small(lr=1e6, hidden=(32,))], digits, store)
    assert outcome.diverged
    assert outcome.stopped == f"the loss is nan at step {len(outcome.losses)}"
    assert math.isnan(outcome.losses[-1])
    assert outcome.losses[0] == pytest.approx(math.log(10), rel=0.2)  # what was recorded stays
    assert math.isnan(outcome.train_loss)
    assert 0 <= outcome.accuracy <= 1


# ---- the table


def fake(name="sgd", accuracies=(0.9, 0.8), losses=(0.1, 0.3), stopped=None, lr=0.01):
    rows = [[{"test_accuracy": a, "train_loss": loss}] for a, loss in zip(accuracies, losses, strict=True)]
    return [Outcome(small(name, lr=lr), row, stopped, 0.5 + i) for i, row in enumerate(rows)]


def test_the_table():
    head, sgd, note = compare_report.table({"sgd": fake()})
    assert head.split() == ["optimizer", "lr", "test", "accuracy,", "%", "training", "loss", "s/run"]
    mean, half_width = mean_interval([90, 80])
    loss, loss_half_width = mean_interval([0.1, 0.3])
    assert sgd.split() == [
        *("SGD,", "momentum", "0.9", "0.01", f"{mean:.2f}", "±", f"{half_width:.2f}"),
        *(f"{loss:.1e}", "±", f"{loss_half_width:.1e}", "1.00"),
    ]
    assert "95% t interval" in note


def test_one_seed_has_no_interval():
    _, row, note = compare_report.table({"sgd": fake(accuracies=[0.9], losses=[0.1])})
    assert row.split()[3:] == ["0.01", "90.00", "1.0e-01", "0.50"]
    assert "±" not in row
    assert "no interval" in note


def test_diverged_runs_are_shown_as_such():
    _, stopped, rest, _ = compare_report.table(
        {"sgd": fake(losses=[None, None], stopped="the loss is nan at step 3"), "adam": fake(losses=[0.1, None])}
    )
    assert "2 of 2 diverged" in stopped
    assert "1 of 2 diverged" in rest
    assert "nan" not in stopped + rest


def test_the_table_fits_a_terminal():
    groups = {name: fake(name, losses=[1e-12, 1e30], lr=1.5e-06) for name in ARMS}
    groups["radam"] = fake("radam", stopped="")
    for done in (groups, {name: group[:1] for name, group in groups.items()}):
        lines = compare_report.table(done)
        assert max(map(len, lines)) <= 80
        assert len({len(line) for line in lines[:-1]}) == 1


# ---- the whole command


def results(folder):
    """The bytes of all result files, by name."""
    return {path.name: path.read_bytes() for path in (folder / "compare" / "digits").glob("*.jsonl")}


def all_files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The folder of a comparison in a process of its own, and what it printed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    done = minirad_command("compare", *SMALL, "--out", folder)
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_what_it_prints_and_leaves(undisturbed):
    folder, printed = undisturbed
    lines = printed.splitlines()
    assert lines[0] == "digits: MLP 64-8-10, batch 64, 2 epochs, 2 seeds"
    assert lines[1] == "1,442 training and 355 test images"
    assert [line.split("  ")[0] for line in lines[4:8]] == [arm.title for arm in ARMS.values()]
    out = folder / "compare" / "digits"
    picture = out.with_name("digits-hidden-8-2-epochs-2-seeds.png")  # digits.png is for the default settings
    assert lines[-1] == f"results in {out}, figure in {picture}"
    assert picture.read_bytes().startswith(b"\x89PNG")
    keys = [name.removesuffix(".jsonl") for name in results(folder)]
    assert len(keys) == 8
    expected = [f"compare/digits/{key}{end}" for key in keys for end in (".jsonl", ".meta.json")]
    assert all_files(folder) == sorted([*expected, "compare/digits-hidden-8-2-epochs-2-seeds.png"])
    assert max(map(len, lines[:-1])) <= 80


def test_the_table_shows_what_the_files_say(undisturbed):
    folder, printed = undisturbed
    ends = {}
    for content in results(folder).values():
        header, *rows, _ = map(json.loads, content.splitlines())
        ends.setdefault(header["settings"]["optimizer"], []).append(rows[-1])
    assert list(map(len, ends.values())) == [2] * 4
    for name, rows in ends.items():
        (line,) = [line for line in printed.splitlines() if line.startswith(f"{ARMS[name].title}  ")]
        accuracy, accuracy_width = mean_interval([100 * row["test_accuracy"] for row in rows])
        loss, loss_width = mean_interval([row["train_loss"] for row in rows])
        assert f"{accuracy:.2f} ± {accuracy_width:.2f}" in line
        assert f"{loss:.1e} ± {loss_width:.1e}" in line


def test_the_same_bytes_in_another_process(undisturbed, tmp_path):
    folder, _ = undisturbed
    done = minirad_command("compare", *SMALL, "--out", tmp_path, PYTHONHASHSEED=1)
    assert done.returncode == 0
    assert len(results(tmp_path)) == 8
    assert results(tmp_path) == results(folder)
    assert all_files(tmp_path) == all_files(folder)


def test_fewer_optimizers_or_seeds_give_the_same_runs(undisturbed, tmp_path, capsys):
    """A run knows nothing of what was run before it."""
    folder, _ = undisturbed
    cli.main(["compare", *map(str, SMALL[:-1]), "1", "--optimizers", "radam", "--out", str(tmp_path)])
    ((name, content),) = results(tmp_path).items()
    if compare_report.backend_name() == "numpy":
        assert results(folder)[name] == content
    assert "one seed: no interval" in capsys.readouterr().out


# Replaces os.replace, through which all results go, by one that dies: at which call, and before or after the move.
DYING = """
import os, signal, sys
call, when = sys.argv.pop(1).split()
replace, calls = os.replace, []
def dying(source, target):
    calls.append(target)
    if when == "after":
        replace(source, target)
    if len(calls) == int(call):
        os.kill(os.getpid(), signal.SIGKILL)
    if when == "before":
        replace(source, target)
os.replace = dying
from minirad.cli import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_a_killed_comparison_goes_on_where_it_was(undisturbed, tmp_path):
    args = ["compare", *map(str, SMALL), "--out", str(tmp_path)]

    # Odd calls move the meta data, even calls the result.
    for moment, whole in (("2 before", 0), ("5 after", 2)):
        dead = subprocess.run([sys.executable, "-c", DYING, moment, *args], env=environment(), capture_output=True)
        assert dead.returncode == -signal.SIGKILL
        assert len(results(tmp_path)) == whole
    finished = {name: (tmp_path / "compare" / "digits" / name).stat().st_mtime_ns for name in results(tmp_path)}

    # From outside, at any moment, with runs too long to have ended.
    with subprocess.Popen(command(*args), env=environment(), stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.kill()
    assert process.returncode == -signal.SIGKILL

    done = minirad_command(*args)
    assert (done.returncode, done.stderr) == (0, "")
    there = int(done.stdout.splitlines()[2].removesuffix(" of the 8 runs are there already and are not run again"))
    assert there >= 2
    folder, printed = undisturbed
    assert results(tmp_path) == results(folder)
    assert all_files(tmp_path) == all_files(folder)  # no stray ones
    for name, time in finished.items():
        assert (tmp_path / "compare" / "digits" / name).stat().st_mtime_ns == time

    def without_seconds(text):
        return [line[:-6] for line in text.splitlines()[-8:-3]]

    assert without_seconds(done.stdout) == without_seconds(printed)


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
def test_ctrl_c(tmp_path):
    args = ("compare", "--epochs", 100_000, "--hidden", 8, "--out", tmp_path)
    with subprocess.Popen(
        command(*args), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().startswith("digits")
        process.send_signal(signal.SIGINT)
        _, printed = process.communicate()
    assert process.returncode == 130
    assert printed.split("\n") == ["stopped; what was finished is kept, and the same command goes on from there", ""]
    assert all_files(tmp_path) == []


def test_diverged_runs_in_the_table_and_in_the_figure(tmp_path, capsys, monkeypatch):
    figures = []
    draw = compare_report.compare_figure
    monkeypatch.setattr(compare_report, "compare_figure", lambda *args: figures.append(args) or draw(*args))
    args = ["--lr", "sgd=1e6", "--optimizers", "sgd", "adam", "--epochs", "2", "--hidden", "32", "--seeds", "2"]
    cli.main(["compare", *args, "--out", str(tmp_path)])
    printed = capsys.readouterr()
    _, sgd, adam, *_ = printed.out.splitlines()[3:]
    assert "1e+06" in sgd
    assert "2 of 2 diverged" in sgd
    assert "diverged" not in adam
    assert printed.err == ""
    picture = "digits-sgd-1000000.0-adam-hidden-32-2-epochs-2-seeds.png"
    assert (tmp_path / "compare" / picture).stat().st_size > 10_000
    (_, losses, accuracies, styles) = figures[0]
    assert styles == list(STYLES[:2])
    assert list(losses) == ["SGD, momentum 0.9 (lr 1e+06)", f"Adam (lr {ARMS['adam'].lr['digits']:g})"]
    assert all(math.isnan(curve[-1]) for curve in losses["SGD, momentum 0.9 (lr 1e+06)"])
    assert list(map(len, accuracies.values())) == [2, 2]


@pytest.mark.parametrize(
    ("plan_of", "name"),
    [
        ({}, "digits.png"),
        ({"epochs": 30, "hidden": [128], "lr": {"sgd": 0.3}}, "digits.png"),  # which are the default ones
        ({"epochs": 1, "seeds": 1}, "digits-1-epoch-1-seed.png"),
        ({"seeds": 10}, "digits-10-seeds.png"),
        ({"lr": {"radam": 0.01}}, "digits-radam-0.01.png"),
        ({"optimizers": ["radam", "adam"], "lr": {"adam": 1e-6}}, "digits-radam-adam-1e-06.png"),
        ({"hidden": [64, 32]}, "digits-hidden-64x32.png"),
        ({"dataset": "mnist", "epochs": 2}, "mnist-2-epochs.png"),
        ({"hidden": [7] * 300}, f"digits-hidden-{'7x' * 43}.png"),
    ],
)
def test_pictures_of_other_settings_have_other_names(plan_of, name):
    usual = {"dataset": "digits", "optimizers": list(ARMS), "lr": {}, "epochs": None, "hidden": None, "seeds": 5}
    runs = plan(**usual | plan_of)
    folder = Path("runs", "compare", runs[0].data)
    assert compare_report.place_of_picture(folder, runs) == folder.with_name(name)


def test_the_seeds_of_the_command_line_are_the_default_ones():
    assert cli.Compare().seeds == compare_report.SEEDS
    assert list(cli.Compare().optimizers) == list(ARMS)


def test_two_hidden_layers_and_one_rate_for_all(tmp_path, capsys):
    args = ["--hidden", "9", "7", "--lr", "0.25", "--optimizers", "sgd", "radam", "--epochs", "1", "--seeds", "1"]
    cli.main(["compare", *args, "--out", str(tmp_path)])
    assert capsys.readouterr().out.startswith("digits: MLP 64-9-7-10, batch 64, 1 epoch, 1 seed\n")
    settings = [json.loads(content.splitlines()[0])["settings"] for content in results(tmp_path).values()]
    assert sorted((s["optimizer"], s["lr"], s["hidden"]) for s in settings) == [
        ("radam", 0.25, [9, 7]),
        ("sgd", 0.25, [9, 7]),
    ]


def test_one_thread(undisturbed):
    folder, _ = undisturbed
    metas = [json.loads(path.read_text("utf-8")) for path in folder.rglob("*.meta.json")]
    assert {meta["threads"] for meta in metas} == {1}
    assert os.cpu_count() is None or all(f"{os.cpu_count()} cores" in meta["machine"] for meta in metas)
    assert Path(compare.__file__).is_relative_to(ROOT)


def test_runs_of_other_code_are_done_again(store, monkeypatch):
    run, images = small(), data.load("digits")
    assert [fresh for _, fresh in outcomes([run], images, store)] == [True]
    assert [fresh for _, fresh in outcomes([run], images, store)] == [False]
    monkeypatch.setattr(result_files, "code", lambda: "another")
    assert [fresh for _, fresh in outcomes([run], images, store)] == [True]


def test_differences_are_paired_by_seed():
    def group(*accuracies):
        rows = [[{"loss": [], "train_loss": 1.0, "test_accuracy": a}] for a in accuracies]
        return [Outcome(small(seed=SEEDS[i]), r, None, 1.0) for i, r in enumerate(rows)]

    lines = compare_report.differences({"adam": group(0.5, 0.6, 0.7), "radam": group(0.51, 0.61, 0.71)})
    assert lines[1:] == ["  Adam                     +1.00 ± 0.00"]
    assert compare_report.differences({"adam": group(0.5, 0.6)}) == []
    assert compare_report.differences({"adam": group(0.5), "radam": group(0.6)}) == []
