"""An exhibit's record as a chapter shows it: not run, run, its verdicts in words; and this repository's records."""

import pytest

from minirad.experiments import verdicts
from minirad.experiments.evidence import RESULTS, evidence
from minirad.experiments.exhibit import HOLDS, Verdict, exhibits
from minirad.experiments.results import Store

E15 = exhibits()["e15"]


def recorded(folder, scale="laptop"):
    """E15 with made-up numbers and the same verdict on each claim."""
    Store(folder, "E15", scale, E15.edition).write(E15.at(scale), [{"x": 1.5}], 0.1)
    found = Verdict(HOLDS, {"distance": 0.25, "low": 0.125, "high": None, "steps": 7}, "a note")
    verdicts.record(folder, E15, scale, [found] * len(E15.claims))


def test_what_was_not_run_says_how_to(tmp_path):
    found = evidence("E9", folder=tmp_path)
    assert found.numbers is None
    assert str(found) == "E9 has not been run at this scale yet: minirad reproduce E9 --scale laptop"
    assert {found.word(claim.text) for claim in found.exhibit.claims} == {"not run"}


def test_a_record_is_told(tmp_path):
    recorded(tmp_path)
    found = evidence("e15", folder=tmp_path)
    assert found.numbers == {"x": 1.5}
    assert {found.word(claim.text) for claim in E15.claims} == {"holds"}
    lines = str(found).splitlines()
    assert lines[0].startswith(f"E15, laptop scale. {E15.title[:20]}")
    assert lines[1].startswith(f"  HOLDS: {E15.claims[0].text[:60]}")
    assert "distance 0.25 (0.125 to undefined), steps 7" in str(found)
    assert str(found).count("a note") == len(E15.claims)


def test_some_claims_alone(tmp_path):
    recorded(tmp_path)
    text = evidence("E15", folder=tmp_path).told(E15.claims[0].text[:25])
    assert E15.claims[0].text[:60] in text
    assert text.count("a note") == 1


def test_each_scale_has_its_own_record(tmp_path):
    recorded(tmp_path, "quick")
    assert evidence("E15", folder=tmp_path).numbers is None
    assert evidence("E15", "quick", tmp_path).numbers == {"x": 1.5}


def test_numbers_without_verdicts_are_no_verdicts(tmp_path):
    Store(tmp_path, "E15", "laptop", E15.edition).write(E15.at("laptop"), [{"x": 1.5}], 0.1)
    assert "NOT RUN" in str(evidence("E15", folder=tmp_path))


def test_errors(tmp_path):
    with pytest.raises(ValueError, match="unknown exhibit 'E99'"):
        evidence("E99", folder=tmp_path)
    with pytest.raises(ValueError, match="scale must be one of"):
        evidence("E15", "huge", tmp_path)
    with pytest.raises(ValueError, match="0 claims begin with 'Nothing'"):
        evidence("E15", folder=tmp_path).word("Nothing")
    with pytest.raises(ValueError, match="E7: 3 claims begin with 'Over rates"):
        evidence("E7", folder=tmp_path).word("Over rates and depths")


@pytest.mark.skipif(not RESULTS.is_dir(), reason="a wheel has no records")
@pytest.mark.parametrize("name", exhibits())
def test_whatever_is_recorded_here_can_be_told(name):
    found = evidence(name)
    assert found.exhibit.name in str(found)
    if found.numbers is not None:
        assert {found.word(claim.text) for claim in found.exhibit.claims} <= set(verdicts.WORDS)
