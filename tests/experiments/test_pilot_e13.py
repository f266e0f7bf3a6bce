"""The pilot of E13 on a few numbers: it trains, translates, counts, and keeps what the file has."""

import json
import sys

import pytest

from minirad import data
from minirad.experiments import pilot_e13

pytest.importorskip("num2words", reason="needs the extra minirad[lab]")
pytest.importorskip("sacrebleu", reason="needs the extra minirad[lab]")


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    numbers = data.number_words(200)
    monkeypatch.setattr(pilot_e13, "load", lambda name: numbers)
    settings = {"width": 16, "layers": 1, "feed_forward": 16, "dropout": 0.0, "smoothing": 0.1, "epochs": 1}
    monkeypatch.setattr(pilot_e13, "SETTINGS", {"number-words": settings})
    monkeypatch.setattr(pilot_e13, "PATH", tmp_path / "pilots" / "e13.json")
    monkeypatch.setattr(sys, "argv", ["pilot_e13"])
    return numbers


def test_the_results_are_put_into_the_file(tiny, capsys):
    pilot_e13.PATH.parent.mkdir()
    pilot_e13.PATH.write_text('{"multi30k": 1}')
    pilot_e13.main()
    results = json.loads(pilot_e13.PATH.read_text(encoding="utf-8"))
    assert results["multi30k"] == 1
    found = results["number-words"]
    assert found["settings"] == pilot_e13.SETTINGS["number-words"]
    assert 0 < found["training_loss"] < 6
    for search in ("greedy", "beam of 5"):
        assert 0 <= found[search]["BLEU"] <= 100
        assert 0 <= found[search]["exact"] <= 1
    assert [e["reference"] for e in found["examples"]] == [" ".join(words) for words in tiny.test_references[:8]]
    assert "epoch 1: " in capsys.readouterr().out
    assert [path.name for path in pilot_e13.PATH.parent.iterdir()] == ["e13.json"]
