import json
import sys
from math import log10

import pytest

from minirad.experiments import tune
from minirad.experiments.compare import ARMS, SEEDS, Outcome

GRID = [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3]


def test_rate_goes_in_half_decades():
    assert [tune.rate(k) for k in tune.HALF_DECADES] == GRID
    assert [tune.rate(k) for k in (-9, -8, 0, 1, 2)] == [3e-5, 1e-4, 1.0, 3.0, 10.0]


@pytest.mark.parametrize(
    ("row", "winner"),
    [
        ({"0.1": [0.5]}, 0.1),
        ({"0.1": [0.5, 0.9], "0.03": [0.8, 0.7]}, 0.03),  # the mean counts, not the best seed
        ({"0.3": [0.9], "0.03": [0.9], "0.1": [0.9]}, 0.03),  # of equal ones the smallest
        ({"1": [0.2], "3e-05": [0.1]}, 1.0),
    ],
)
def test_best(row, winner):
    assert tune.best(row) == winner


@pytest.fixture
def runs(monkeypatch):
    """Nothing is trained: the accuracy falls with the distance from the arm's best rate. What was run is noted."""
    peaks = dict.fromkeys(ARMS, 0.01)
    noted = []

    def outcomes(given, images, store):
        assert images == ("images", "digits", True)  # validation images, never the test images
        for run in given:
            noted.append(run)
            accuracy = 0.9 - 0.1 * abs(log10(run.lr / peaks[run.optimizer])) - 0.001 * (run.seed - tune.SEEDS[0])
            yield Outcome(run, [{"test_accuracy": accuracy}], None, 0.0), True

    monkeypatch.setattr(tune, "outcomes", outcomes)
    monkeypatch.setattr(tune.data, "load", lambda name, validation: ("images", name, validation))
    return peaks, noted


@pytest.mark.parametrize(
    ("peak", "rates"),
    [
        (0.01, GRID),
        (0.1, GRID),
        (0.3, [*GRID, 1]),
        (1.0, [*GRID, 1, 3]),
        (10.0, [*GRID, 1, 3, 10, 30]),
        (0.0003, [0.0001, *GRID]),
        (0.00003, [0.00001, 0.00003, 0.0001, *GRID]),
    ],
)
def test_the_grid_grows_where_the_best_is_at_its_edge(runs, tmp_path, peak, rates):
    peaks, noted = runs
    peaks["adam"] = peak
    table = tune.tune("digits", tmp_path)
    assert tune.best(table["adam"]) == peak
    assert tune.best(table["sgd"]) == 0.01
    trials = {name: sorted((run.lr, run.seed) for run in noted if run.optimizer == name) for name in ARMS}
    for name in ARMS:  # all arms get the same trials, those that did not ask for more too
        assert trials[name] == [(lr, seed) for lr in rates for seed in tune.SEEDS]
        assert sorted(map(float, table[name])) == rates
        assert {len(scores) for scores in table[name].values()} == {len(tune.SEEDS)}


def test_it_grows_on_both_sides(runs, tmp_path):
    peaks, _ = runs
    peaks |= {"sgd": 0.3, "radam": 0.0003}
    table = tune.tune("digits", tmp_path)
    assert sorted(map(float, table["adam"])) == [0.0001, *GRID, 1]


def test_what_is_run(runs, tmp_path):
    _, noted = runs
    tune.tune("digits", tmp_path)
    assert {run.validation for run in noted} == {True}
    assert not {run.seed for run in noted} & set(SEEDS)  # seeds of their own
    assert {(run.epochs, run.hidden, run.batch_size) for run in noted} == {(30, (128,), 64)}  # as compared later


def test_main_writes_the_table(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tune", "digits"])
    tune.main()
    recorded = json.loads((tmp_path / "results" / "tuning" / "digits.json").read_text("utf-8"))
    assert recorded["seeds"] == list(tune.SEEDS)
    table = recorded["validation_accuracy"]
    assert {name: tune.best(row) for name, row in table.items()} == dict.fromkeys(ARMS, 0.01)
    assert table["radam"]["0.01"] == [0.9, 0.899, 0.898]
    printed = capsys.readouterr().out
    for name in ARMS:
        assert f"{name:12s} best 0.01: 0.0003 0.7" in printed
