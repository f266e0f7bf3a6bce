"""E9 from end to end at a tiny scale, its verdicts on made-up numbers, and its paper scale's first steps."""

import json
from math import exp, log

import numpy as np
import pytest

from minirad import data
from minirad.experiments import e09_language as e9
from minirad.experiments import rates
from minirad.experiments import task_language as task
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from minirad.experiments.results import Store

for needed in ("matplotlib", "scipy"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

TINY = {"cutoffs": [5, 1000], "embedding": 4, "hidden": 16, "layers": 1, "batch": 4, "unroll": 5, "steps": 3}
WORDS = 30


@pytest.fixture
def texts(monkeypatch):
    ids = np.random.default_rng(0).integers(WORDS, size=400) // 2
    vocabulary = data.Vocabulary({f"w{i:02d}": 400 - i for i in range(WORDS)}, marks=[])
    made = data.Corpus("made-up", vocabulary, ids, ids[:100], ids[:90])
    for module in (task, e9):
        monkeypatch.setattr(module, "corpus_of", lambda name, min_count: made)


def tiny(scale):
    settings = e9.EXHIBIT.at(scale, seeds=2)
    return settings | {"half_decades": [-3], "training": settings["training"] | TINY}


def inline(asked):
    def do(experiment, trainings):
        asked.extend(trainings)
        return [json.loads(json.dumps(experiment.run(training))) for training in trainings]

    return do


@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_from_end_to_end(scale, texts, tmp_path, monkeypatch):
    """Run, recorded, read back, judged, told and drawn: at the paper's scale too, but for the net's size."""
    asked = []
    monkeypatch.setattr(rates, "MOST", 0)
    settings = tiny(scale)
    e9.EXHIBIT.before(settings)
    store = Store(tmp_path, "E9", "tiny")
    store.write(settings, [e9.run(settings, inline(asked))], 0.0)
    (numbers,), _ = store.read(settings)
    for claim in e9.EXHIBIT.claims:
        verdict = claim.judge(numbers)
        assert verdict == claim.judge(numbers)
        assert verdict.numbers["seeds"] == 2
    assert len(e9.lines(numbers)) == 3 + len(e9.GROUPS) + 4
    e9.draw(numbers).savefig(tmp_path / "figure.png")
    tuning = [t for t in asked if t.seed >= 200]
    assert {t.split for t in tuning} == {"validation"}  # the test text chooses nothing
    assert {t.seed for t in tuning} == {200, 201, 202}
    final = [t for t in asked if t.seed < 200]
    assert {t.split for t in final} == {"test"}
    assert {t.seed for t in final} == {100, 101}
    assert len(final) == 2 * len(e9.GROUPS)


def made_rows(training):
    """The best rate is 0.01 for Adam, 0.03 for RAdam, whatever else."""
    best = {"adam": 0.01, "radam": 0.03}.get(training.arm, 0.03)
    score = 4 + abs(log(training.lr / best)) + training.seed / 1e5
    end = {"stopped": "the loss is nan at step 9" if training.arm == "adam-r" else None}
    return [{"log_perplexity": score, "held_out": [score] * 10, "loss": [score] * 50, "words": 4466}, end]


def test_which_trainings():
    """Each group has its arm, its beta2 and its rate; the tables hold the same rates for both arms."""
    asked = []

    def do(experiment, trainings):
        asked.extend(trainings)
        return [made_rows(training) for training in trainings]

    numbers = e9.run(e9.EXHIBIT.at("laptop"), do)
    assert numbers["seeds"] == list(range(100, 110))
    assert numbers["rates"] == {kind: {"adam": 0.01, "radam": 0.03} for kind in ("beta2", "fitted")}
    for table in numbers["tables"].values():
        assert list(table["adam"]) == list(table["radam"]) == ["0.003", "0.01", "0.03", "0.1"]  # 0.03 was at the edge
    assert numbers["mean r_t"] == pytest.approx(0.3788, abs=1e-4)
    assert {t.lr for t in asked if t.arm == "adam-mean-rate"} == {0.03}  # times the mean of r_t: the arm's own
    found = {name: (group["lr"], group["beta2"]) for name, group in numbers["groups"].items()}
    assert found == {
        "adam": (0.01, 0.999), "radam": (0.03, 0.999), "adam matched": (1e-3, 0.999), "radam matched": (1e-3, 0.999),
        "adam r": (0.03, 0.999), "adam mean rate": (0.03, 0.999), "adam untuned": (0.03, 0.999),
        "adam fitted": (0.01, 0.99), "radam fitted": (0.03, 0.99),
        "adam fitted matched": (1e-3, 0.99), "radam fitted matched": (1e-3, 0.99),
    }  # fmt: skip
    assert numbers["groups"]["adam r"]["stopped"] == 10
    assert e9.scores(numbers, "radam") == {seed: pytest.approx(4 + seed / 1e5) for seed in range(100, 110)}
    assert sum(t.seed < 200 for t in asked) == 110
    assert ", 10 diverged" in "\n".join(e9.lines(numbers))


def made_numbers(**differences):
    """All groups alike but for these differences of log-perplexity (early, at the end)."""
    noise = np.random.default_rng(0)
    groups = {}
    for name in e9.GROUPS:
        early, end = differences.get(name.replace(" ", "_"), (0, 0))
        spread = 0.001 * noise.standard_normal((5, 2))
        spread -= spread.mean(axis=0)
        runs = [[6 + early + a, *[5.0] * 8, 4 + end + b] for a, b in spread.tolist()]
        groups[name] = {"lr": 1e-2, "beta2": 0.999, "held_out": runs, "loss": [[5.0] * 50] * 5, "stopped": 0}
    return {"seeds": [*range(100, 105)], "groups": groups}


def words(numbers):
    return [claim.judge(numbers).word for claim in e9.EXHIBIT.claims]


def test_all_alike():
    assert words(made_numbers()) == [INCONCLUSIVE] * 7 + [SUPPORTED]


def test_as_the_paper_says():
    numbers = made_numbers(
        radam=(0.1, -0.034), adam_r=(0.1, -0.034), radam_matched=(0.1, -0.1), radam_fitted=(0.1, -0.02)
    )
    assert words(numbers) == [SUPPORTED] * 8
    verdict = e9.EXHIBIT.claims[0].judge(numbers)
    assert verdict.numbers["difference"] == pytest.approx(-0.034, abs=0.002)
    assert exp(verdict.numbers["difference"]) == pytest.approx(35.70 / 36.92, abs=0.002)


def test_the_other_way_round():
    numbers = made_numbers(radam=(-0.1, 0.034), radam_matched=(-0.1, 0.1), radam_fitted=(-0.1, 0.02))
    assert words(numbers) == [CONTRADICTED] * 8


def test_one_claim_is_primary():
    assert [claim.primary for claim in e9.EXHIBIT.claims] == [True] + [False] * 7


def test_no_group_is_named_twice():
    assert len({group.title for group in e9.GROUPS.values()}) == len(e9.GROUPS)
    assert all(group.rate in ("tuned", "matched", "RAdam's") for group in e9.GROUPS.values())
