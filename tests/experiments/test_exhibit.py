"""What every exhibit has, and what is refused. Their numbers and verdicts: test_theory_exhibits.py and others."""

import re
from dataclasses import replace
from math import inf, nan
from pathlib import Path

import pytest

from minirad.experiments import exhibit as exhibit_module
from minirad.experiments.exhibit import (
    CORRECTED,
    FAILS,
    HOLDS,
    SCALES,
    WORDS,
    Exhibit,
    Verdict,
    exhibits,
    theory,
)

EXHIBITS = exhibits()


def test_each_file_is_an_exhibit():
    files = sorted(Path(exhibit_module.__file__).parent.glob("e[0-9][0-9]_*.py"))
    assert [int(file.name[1:3]) for file in files] == [int(re.match(r"E(\d+)", e.name)[1]) for e in EXHIBITS.values()]
    assert {"e1", "e2", "e3", "e4", "e5", "e6", "e15", "e7-demo"} <= EXHIBITS.keys()
    assert all(key == exhibit.name.lower() for key, exhibit in EXHIBITS.items())


@pytest.mark.parametrize("exhibit", EXHIBITS.values(), ids=EXHIBITS)
def test_what_each_has(exhibit):
    assert tuple(exhibit.settings) == SCALES
    assert exhibit.title
    assert len({claim.text for claim in exhibit.claims}) == len(exhibit.claims)
    for claim in exhibit.claims:
        assert claim.text.endswith(".")  # one sentence
        assert ". " not in claim.text.replace("eq. ", "")
        assert claim.statistic
        assert claim.threshold


@pytest.fixture
def small():
    return Exhibit("E0", "nothing", (), {"quick": {"seeds": 2, "lr": 0.1}, "laptop": {"lr": 1}}, None, None)


def test_settings(small):
    assert small.at("quick") == {"seeds": 2, "lr": 0.1}
    assert small.at("quick", 5) == {"seeds": 5, "lr": 0.1}
    assert small.at("laptop", 5) == {"lr": 1}  # which has no seeds
    small.at("quick")["lr"] = 7
    assert small.at("quick")["lr"] == 0.1


@pytest.mark.parametrize(
    ("scale", "seeds", "words"),
    [
        ("paper", None, "E0: scale must be one of quick, laptop, got 'paper'"),
        ("quick", 0, "E0: seeds must be at least 1, got 0"),
        ("laptop", -1, "E0: seeds must be at least 1, got -1"),
    ],
)
def test_settings_that_there_are_not(small, scale, seeds, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        small.at(scale, seeds)


@pytest.mark.parametrize(
    ("word", "numbers", "words"),
    [
        ("true", {}, f"Verdict: word must be one of {', '.join(WORDS)}, got 'true'"),
        (HOLDS, {"x": 1.0, "y": nan}, "Verdict: numbers must be finite or None, got y=nan"),
        (HOLDS, {"x": inf}, "Verdict: numbers must be finite or None, got x=inf"),
        (CORRECTED, {}, "Verdict: a correction needs a note that says which"),
    ],
)
def test_what_is_no_verdict(word, numbers, words):
    with pytest.raises(ValueError, match=f"^{re.escape(words)}$"):
        Verdict(word, numbers)


@pytest.mark.parametrize(
    ("holds", "corrected", "word", "note"),
    [
        (True, False, HOLDS, ""),
        (True, True, HOLDS, ""),
        (False, True, CORRECTED, "but"),
        (False, False, FAILS, "but"),
    ],
)
def test_theory(holds, corrected, word, note):
    assert theory(holds, corrected, {"x": 1}, "but") == Verdict(word, {"x": 1}, note)


def test_nothing_is_left_to_change(small):
    with pytest.raises(AttributeError):
        small.name = "E99"
    assert replace(small, name="E99").name == "E99"
