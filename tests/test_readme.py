"""The README's table of verdicts says what is recorded."""

import re
from pathlib import Path

from minirad.experiments import verdicts

ROOT = Path(__file__).resolve().parent.parent


def test_the_main_claims():
    """Each main claim that is recorded at laptop scale, in the order of the exhibits, and no other."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (E\d+) \| (.+?) \| (\w+) \|", text, re.MULTILINE)
    rows = [row for row in verdicts.read(ROOT / "results") if row["scale"] == "laptop" and "p_holm" in row]
    rows.sort(key=lambda row: int(row["exhibit"][1:]))
    assert told == [(row["exhibit"], row["claim"], row["verdict"]) for row in rows]
