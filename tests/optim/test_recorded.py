"""Trajectories recorded from PyTorch, from optax and from two rules written plainly, checked without any of them."""

import json

import pytest
from helpers import host
from optim.plain import Plain
from optim.record_trajectories import FILE, RUNS, START, STEPS, gradient

import minirad as mr

RECORDED = json.loads(FILE.read_text(encoding="utf-8"))


def name(run):
    return "-".join([run["rule"], run["problem"], *(f"{key}={value}" for key, value in run["settings"].items())])


@pytest.mark.parametrize("run", RECORDED, ids=name)
def test_trajectory(run):
    p = Plain(START)
    optimizer = getattr(mr.optim, run["rule"])([p], **run["settings"])
    largest = max(map(abs, START))
    for t in range(1, STEPS + 1):
        theta = host(p.data).tolist()
        p.grad = Plain(gradient(run["problem"], theta, t)).data
        optimizer.step()
        if str(t) in run["theta"]:
            assert host(p.data).tolist() == pytest.approx(run["theta"][str(t)], rel=0, abs=1e-12 * largest), f"t = {t}"


def test_the_file_is_that_of_the_script():
    assert [(run["rule"], run["settings"], run["problem"]) for run in RECORDED] == RUNS
    assert all(str(STEPS) in run["theta"] and "1" in run["theta"] for run in RECORDED)


def test_every_rule_that_others_have_is_recorded():
    assert {run["rule"] for run in RECORDED} == {
        "SGD", "Adagrad", "RMSprop", "Adam", "AdamW", "RAdam", "RAdamDialect",
    }  # fmt: skip
    dialects = {run["settings"]["dialect"] for run in RECORDED if run["rule"] == "RAdamDialect"}
    assert dialects | {"paper"} == set(mr.optim.DIALECTS)  # the paper's is Algorithm 2, recorded as RAdam


def test_recording_again_gives_the_same(torch, optax, tmp_path, monkeypatch):
    """With the PyTorch and optax that are pinned: the numbers, up to rounding on another processor."""
    from optim import record_trajectories

    monkeypatch.setattr(record_trajectories, "FILE", tmp_path / "again.json")
    record_trajectories.main()
    again = json.loads((tmp_path / "again.json").read_text(encoding="utf-8"))
    for new, old in zip(again, RECORDED, strict=True):
        assert new["theta"].keys() == old["theta"].keys()
        for t, theta in old["theta"].items():
            assert new["theta"][t] == pytest.approx(theta, rel=0, abs=1e-12)
