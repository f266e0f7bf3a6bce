"""The benchmarks run from end to end, with sizes too small to tell anything about speed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import BACKEND

from benchmarks import paper_scale
from benchmarks.figure import growth_figure, rules_figure
from benchmarks.images import IMAGE_CASES
from benchmarks.rules import RULE_CASES
from benchmarks.sequences import SEQUENCE_CASES

pytestmark = [
    pytest.mark.parity,
    pytest.mark.slow,
    pytest.mark.skipif(BACKEND != "numpy", reason="the benchmarks are about NumPy"),
]


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


@pytest.mark.parametrize("name", [*IMAGE_CASES, *SEQUENCE_CASES, "RAdam-1000-1", "AdamW-1000-200"])
def test_every_case_runs_with_few_numbers(torch, name):
    function, _, few = (IMAGE_CASES | SEQUENCE_CASES | RULE_CASES)[name]
    found = [row for arguments in few for row in function(*arguments)]
    assert found
    for row in found:
        assert row["minirad"] > 0 or row["unit"] == "B"
        assert row["other"] > 0 or row["unit"] == "B"


def test_the_papers_residual_net_starts():
    pytest.importorskip("resource", reason="needs Unix: it measures memory")
    row = paper_scale.measure(next(iter(paper_scale.STARTS)), steps=3)
    assert (row["parameters"], row["steps"]) == (272_474, 64_124)
    first, second, third = row["losses"]  # of one batch, again and again
    assert first > second > third


def test_the_figures_show_every_size(tmp_path):
    times = {"minirad": 0.1, "other": 0.2, "threads": 2}
    growth = [{"axis": axis, "value": value, **times} for axis in ("batch", "width") for value in (1, 2, 4)]
    figure = growth_figure(growth)
    assert [ax.get_title() for ax in figure.axes if ax.lines] == ["ResNet, batch", "ResNet, width"]
    figure.savefig(tmp_path / "growth.png")
    one = {"tensors": 1, "threads": 1, "minirad": 0.1, "other": 0.2}
    rules = [{"rule": "RAdam", "peer": "torch default", "parameters": n, **one} for n in (10, 100)]
    rules_figure(rules).savefig(tmp_path / "rules.png")
    assert (tmp_path / "growth.png").stat().st_size > 0
    assert (tmp_path / "rules.png").stat().st_size > 0
