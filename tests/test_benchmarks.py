"""The benchmarks run from end to end, with sizes too small to tell anything about speed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.parity, pytest.mark.slow]


def test_table_and_file(tmp_path):
    out = tmp_path / "made" / "result.json"
    command = [sys.executable, "-m", "benchmarks", "--tiny", "--threads", "1", "--out", str(out)]
    printed = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True).stdout
    result = json.loads(out.read_text(encoding="utf-8"))
    assert {"platform", "processor", "cpus", "python", "numpy", "torch"} <= result["machine"].keys()
    cases = [(row["case"], row["peer"]) for row in result["rows"]]
    assert len(set(cases)) == len(cases)
    for case in ("RAdam step", "Adam step", "SGD step", "extra memory", "training step", "chain of", "import minirad"):
        assert any(case in name for name, _ in cases)
        assert case in printed
    for row in result["rows"]:
        assert row["threads"] == 1
        if row["unit"] == "s":
            assert row["minirad"] > 0
            assert row["other"] > 0
            assert row["ratio"] > 0
    must = {row["case"]: row["must"] for row in result["rows"] if row["must"] is not None}
    assert must == {"training step, MLP 64-128-10, batch 64": 0.35, "import minirad, beyond NumPy's own import": 1.0}
    assert "<= 0.35" in printed
    assert str(out) in printed
