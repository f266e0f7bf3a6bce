"""The pilot of E7: its runs, and that a stopped list goes on where it was."""

import json
import sys

import pytest

from minirad import data
from minirad.experiments import pilot_e7

pytest.importorskip("num2words", reason="needs the extra minirad[lab]")
pytest.importorskip("threadpoolctl", reason="needs the extra minirad[lab]")


def test_the_runs():
    assert len(pilot_e7.RUNS) == 60
    assert len({tuple(run.values()) for run in pilot_e7.RUNS}) == 60


def test_finished_runs_are_not_run_again(tmp_path, monkeypatch, capsys):
    numbers = data.number_words(200)
    monkeypatch.setattr(pilot_e7, "PATH", tmp_path / "pilots" / "e7.jsonl")
    monkeypatch.setattr(pilot_e7, "STEPS", 2)
    monkeypatch.setattr(pilot_e7, "RUNS", [run for run in pilot_e7.RUNS if run["layers"] == 2 and run["seed"] == 3])
    monkeypatch.setattr(data, "number_words", lambda **_: numbers)
    monkeypatch.setattr(pilot_e7, "set_num_threads", lambda n: None)
    monkeypatch.setattr(sys, "argv", ["pilot_e7", "2"])
    pilot_e7.main()
    first = pilot_e7.PATH.read_text()
    rows = [json.loads(line) for line in first.splitlines()]
    assert [row["rule"] for row in rows] == list(pilot_e7.RULES)
    assert all(2 < row["validation_loss"] < 8 for row in rows)
    assert capsys.readouterr().out.count("2+2 layers, ") == 4
    pilot_e7.main()
    assert pilot_e7.PATH.read_text() == first
    pilot_e7.PATH.write_text("".join(first.splitlines(keepends=True)[1:]))  # as if the first had not been run
    pilot_e7.main()
    again = [json.loads(line) for line in pilot_e7.PATH.read_text().splitlines()]
    key = ("rule", "validation_loss", "training_loss")  # the same numbers again
    assert sorted([row[k] for k in key] for row in again) == sorted([row[k] for k in key] for row in rows)


def test_a_half_written_line_is_run_again(tmp_path):
    """What a killed process left stays alone on its line."""
    path = tmp_path / "e7.jsonl"
    assert pilot_e7.finished(path) == []
    pilot_e7.record(path, {"seed": 0})
    with path.open("a") as file:
        file.write('{"seed": 1, "rule": "RA')
    assert pilot_e7.finished(path) == [{"seed": 0}]
    for seed in (1, 2):
        pilot_e7.record(path, {"seed": seed})
    assert pilot_e7.finished(path) == [{"seed": 0}, {"seed": 1}, {"seed": 2}]
    assert len(path.read_text().splitlines()) == 4


def test_the_rates_and_the_warmup(monkeypatch):
    """Over the first steps, as the optimizer is told."""
    numbers = data.number_words(200)
    monkeypatch.setattr(pilot_e7, "STEPS", 3)
    for rule, (kind, lr, warmup) in pilot_e7.RULES.items():
        seen: list[float] = []

        class Spy(kind):  # type: ignore[misc, valid-type]
            def step(self, *arguments, seen=seen, **options):
                seen.append(self.param_groups[0]["lr"])
                return super().step(*arguments, **options)

        monkeypatch.setitem(pilot_e7.RULES, rule, (Spy, lr, warmup))
        _, losses = pilot_e7.trained(numbers, 2, rule, 0)
        assert len(losses) == 3
        assert seen == pytest.approx([lr * (t / warmup if warmup else 1) for t in (1, 2, 3)])
