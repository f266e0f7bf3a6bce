"""The file of verdicts: whose lines are replaced, whose stay, and that nothing foreign is overwritten."""

import json

import pytest

from minirad.experiments import verdicts
from minirad.experiments.exhibit import CORRECTED, HOLDS, NOT_RUN, Claim, Exhibit, Verdict


def exhibit(name, *claims):
    return Exhibit(name, "a title", tuple(Claim(c, "what", "how much", None) for c in claims), {}, None, None)


E3, E15 = exhibit("E3", "It falls.", "It converges."), exhibit("E15", "It is the same.")
TWO = [Verdict(HOLDS, {"x": 1}), Verdict(CORRECTED, {"y": None, "z": 0.5}, "from ρ = 4 on")]


def shown(folder):
    lines = (folder / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["exhibit"], row["scale"], row["claim"], row["verdict"]) for row in map(json.loads, lines)]


def test_none_yet(tmp_path):
    assert verdicts.read(tmp_path) == []
    assert verdicts.read(tmp_path / "nowhere") == []


def test_a_line_for_each_claim(tmp_path):
    path = verdicts.record(tmp_path, E3, "quick", TWO)
    assert path == tmp_path / "verdicts.jsonl"
    assert verdicts.read(tmp_path) == [
        {"exhibit": "E3", "claim": "It falls.", "scale": "quick", "verdict": HOLDS, "note": "",
         "statistic": "what", "threshold": "how much", "numbers": {"x": 1}},
        {"exhibit": "E3", "claim": "It converges.", "scale": "quick", "verdict": CORRECTED, "note": "from ρ = 4 on",
         "statistic": "what", "threshold": "how much", "numbers": {"y": None, "z": 0.5}},
    ]  # fmt: skip
    assert "ρ" in path.read_text(encoding="utf-8")


def test_lines_are_replaced_by_exhibit_and_scale(tmp_path):
    verdicts.record(tmp_path, E15, "quick", [Verdict(HOLDS, {})])
    verdicts.record(tmp_path, E3, "laptop", TWO)
    verdicts.record(tmp_path, E3, "quick", TWO)
    assert shown(tmp_path) == [
        ("E3", "quick", "It falls.", HOLDS),
        ("E3", "quick", "It converges.", CORRECTED),
        ("E3", "laptop", "It falls.", HOLDS),
        ("E3", "laptop", "It converges.", CORRECTED),
        ("E15", "quick", "It is the same.", HOLDS),
    ]
    # A claim that was worded anew leaves no line behind.
    verdicts.record(tmp_path, exhibit("E3", "It rises."), "quick", [Verdict(NOT_RUN, {})])
    assert shown(tmp_path)[0] == ("E3", "quick", "It rises.", NOT_RUN)
    assert len(shown(tmp_path)) == 4


def test_the_same_bytes_again(tmp_path):
    path = verdicts.record(tmp_path, E3, "quick", TWO)
    verdicts.record(tmp_path, E15, "quick", [Verdict(HOLDS, {})])
    before = path.read_bytes()
    verdicts.record(tmp_path, E3, "quick", TWO)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["verdicts.jsonl"]


@pytest.mark.parametrize(
    "text",
    ["a shopping list\n", "[1]\n", "1\n", '{"exhibit": "E3"}\n',
     '{"exhibit": "E3", "claim": "", "scale": "quick", "verdict": "true"}\n',
     '{"exhibit": "E3", "claim": "", "scale": "huge", "verdict": "holds"}\n'],
)  # fmt: skip
def test_a_foreign_file(tmp_path, text):
    path = tmp_path / "verdicts.jsonl"
    path.write_text(text)
    for read in (verdicts.read, lambda folder: verdicts.record(folder, E3, "quick", TWO)):
        with pytest.raises(ValueError, match=r"verdicts\.jsonl does not hold verdicts; move it away$"):
            read(tmp_path)
    assert path.read_text() == text


def test_a_verdict_for_each_claim(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        verdicts.record(tmp_path, E3, "quick", TWO[:1])
    assert not list(tmp_path.iterdir())
