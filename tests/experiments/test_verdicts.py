"""The file of verdicts: whose lines are replaced, whose stay, what Holm's correction leaves, and what is refused."""

import json

import pytest

from minirad.experiments import verdicts
from minirad.experiments.exhibit import (
    CONTRADICTED,
    CORRECTED,
    HOLDS,
    INCONCLUSIVE,
    NOT_RUN,
    SUPPORTED,
    Claim,
    Exhibit,
    Verdict,
)


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
    assert verdicts.record(tmp_path, E3, "quick", TWO) == TWO
    assert verdicts.read(tmp_path) == [
        {"exhibit": "E3", "claim": "It falls.", "scale": "quick", "verdict": HOLDS, "note": "",
         "statistic": "what", "threshold": "how much", "numbers": {"x": 1}},
        {"exhibit": "E3", "claim": "It converges.", "scale": "quick", "verdict": CORRECTED, "note": "from ρ = 4 on",
         "statistic": "what", "threshold": "how much", "numbers": {"y": None, "z": 0.5}},
    ]  # fmt: skip
    assert "ρ" in (tmp_path / "verdicts.jsonl").read_text(encoding="utf-8")


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
    path = tmp_path / "verdicts.jsonl"
    verdicts.record(tmp_path, E3, "quick", TWO)
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


# ---- Holm's correction


def training(name):
    """An exhibit with a primary claim and another."""
    claims = Claim("It wins.", "what", "how much", None, primary=True), Claim("It shines.", "what", "how much", None)
    return Exhibit(name, "a title", claims, {}, None, None)


@pytest.fixture
def three(monkeypatch):
    """There are three exhibits that train, and one of theory."""
    known = [training("E8"), training("E9"), training("E10"), E3]
    monkeypatch.setattr(verdicts, "exhibits", lambda: {exhibit.name.lower(): exhibit for exhibit in known})
    return known[:3]


def primary(folder, scale="laptop"):
    rows = [row for row in verdicts.read(folder) if row["scale"] == scale and row.get("primary")]
    return {row["exhibit"]: (row["alone"], row["verdict"], row["p_holm"]) for row in rows}


def found(word, p, other=INCONCLUSIVE):
    return [Verdict(word, {"difference": 1.0, "p": p}), Verdict(other, {"p": 0.04})]


def test_what_was_not_run_counts_as_1(tmp_path, three):
    e8, e9, e10 = three
    (first, other) = verdicts.record(tmp_path, e8, "laptop", found(SUPPORTED, 0.012, SUPPORTED))
    assert first == Verdict(SUPPORTED, {"difference": 1.0, "p": 0.012})
    assert other.word == SUPPORTED  # is not corrected
    assert primary(tmp_path) == {"E8": (SUPPORTED, SUPPORTED, pytest.approx(0.036))}
    assert verdicts.record(tmp_path, e9, "laptop", found(SUPPORTED, 0.019))[0].word == SUPPORTED
    assert primary(tmp_path)["E9"] == (SUPPORTED, SUPPORTED, pytest.approx(2 * 0.019))
    assert verdicts.record(tmp_path, e10, "laptop", found(CONTRADICTED, 0.03))[0].word == CONTRADICTED
    assert primary(tmp_path)["E10"] == (CONTRADICTED, CONTRADICTED, pytest.approx(2 * 0.019))  # not below the others


@pytest.mark.parametrize("word", [SUPPORTED, CONTRADICTED])
def test_a_verdict_that_does_not_outlast_it(tmp_path, three, word):
    (first, _) = verdicts.record(tmp_path, three[0], "laptop", found(word, 0.02))
    assert (first.word, first.note) == (INCONCLUSIVE, f"{word} alone, no longer after Holm's correction (p = 0.06)")
    assert primary(tmp_path) == {"E8": (word, INCONCLUSIVE, pytest.approx(0.06))}
    assert [row["note"] for row in verdicts.read(tmp_path)] == ["", ""]  # since it may outlast it later
    assert first.numbers["p"] == 0.02  # the numbers stay


def test_it_may_outlast_it_later(tmp_path, three):
    """Each exhibit that is run corrects the verdicts on the others anew."""
    e8, e9, _ = three
    verdicts.record(tmp_path, e8, "laptop", found(SUPPORTED, 0.02))
    verdicts.record(tmp_path, e9, "laptop", found(SUPPORTED, 0.001))
    assert primary(tmp_path)["E8"] == (SUPPORTED, SUPPORTED, pytest.approx(0.04))
    verdicts.record(tmp_path, e9, "laptop", found(INCONCLUSIVE, 0.8))
    assert primary(tmp_path)["E8"] == (SUPPORTED, INCONCLUSIVE, pytest.approx(0.06))
    assert primary(tmp_path)["E9"] == (INCONCLUSIVE, INCONCLUSIVE, 1.0)


def test_scales_are_corrected_apart(tmp_path, three):
    e8, e9, _ = three
    verdicts.record(tmp_path, e8, "laptop", found(SUPPORTED, 0.02))
    verdicts.record(tmp_path, e9, "quick", found(SUPPORTED, 0.001))
    assert primary(tmp_path)["E8"][1] == INCONCLUSIVE
    assert primary(tmp_path, "quick")["E9"] == (SUPPORTED, SUPPORTED, pytest.approx(0.003))


@pytest.mark.parametrize("numbers", [{}, {"p": None}])
def test_without_a_p_value(tmp_path, three, numbers):
    """As of a single seed. It counts as 1, be the exhibit among those that there are or not."""
    for exhibit in (three[0], training("E99")):
        (first, _) = verdicts.record(
            tmp_path, exhibit, "quick", [Verdict(SUPPORTED, numbers), Verdict(INCONCLUSIVE, {})]
        )
        assert first.word == INCONCLUSIVE
        assert primary(tmp_path, "quick")[exhibit.name] == (SUPPORTED, INCONCLUSIVE, 1.0)


def test_theory_is_not_corrected(tmp_path, three):
    verdicts.record(tmp_path, E3, "laptop", TWO)
    verdicts.record(tmp_path, three[0], "laptop", found(SUPPORTED, 0.001))
    assert [row["verdict"] for row in verdicts.read(tmp_path) if row["exhibit"] == "E3"] == [HOLDS, CORRECTED]
    assert all("p_holm" not in row for row in verdicts.read(tmp_path) if row["exhibit"] == "E3")
