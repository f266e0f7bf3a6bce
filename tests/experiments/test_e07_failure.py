"""E7: its trainings, its judges on made-up numbers, its table and figure; that the paper's scale starts."""

import json
from dataclasses import replace

import pytest

from minirad import data
from minirad.experiments import e07_failure as e7
from minirad.experiments import failure_report, rates
from minirad.experiments.arms import mean_rate
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, NOT_RUN, SUPPORTED
from minirad.experiments.task_translation import Training

for needed in ("matplotlib", "num2words", "scipy"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

TINY = e7.LAPTOP | {
    "task": {"layers": 1, "width": 8, "feed_forward": 16, "pairs": 60, "steps": 4},
    "seeds": 2, "grid": [-5], "tuning seeds": 1, "layers": [1], "rates": [3e-3], "map seeds": 2,
    "multi30k": None,
}  # fmt: skip


def inline(experiment, trainings):
    return [json.loads(json.dumps(experiment.run(training))) for training in trainings]


def recorded(numbers):
    """As they come back from a file: in the order of the keys."""
    return json.loads(json.dumps(numbers, sort_keys=True, allow_nan=False))


def made_up(experiment, trainings):
    """Loss by rate, as it were: RAdam and the control learn faster the higher the rate, Adam not beyond 3e-3."""
    rows = []
    for t in trainings:
        learns = t.lr < 1e-3 or t.arm != "adam"
        loss = (2.0 - 30 * min(t.lr, 1e-2) + 0.01 * (t.seed % 10) if learns else 2.6) + (t.data == "multi30k")
        row = {
            "step": [1, 2],
            "loss": [3.0, loss],
            "validation_loss": loss,
            "test_loss": loss,
            "unigram": 2.8,
            "nothing": 3.5,
        }
        rows.append([row | {"stopped": None}])
    return rows


CLAIMS = {claim.text: claim for claim in e7.EXHIBIT.claims}


def test_from_end_to_end(tmp_path, monkeypatch):
    monkeypatch.setattr(rates, "MOST", 1)
    numbers = recorded(e7.run(TINY, inline))
    for claim in e7.EXHIBIT.claims:
        verdict = claim.judge(numbers)
        assert (verdict.word == NOT_RUN) is ("Multi30k" in claim.text)
    assert any("at RAdam's" in line for line in e7.EXHIBIT.lines(numbers))
    e7.draw(numbers).savefig(tmp_path / "figure.png")
    assert numbers["bar"] == 0.9 * numbers["unigram"]
    assert numbers["mean r_t"] == {"0.999": mean_rate(4, 0.999), "0.99": mean_rate(4, 0.99)}


def test_which_trainings():
    """Those that count have seeds from 100 on, those that tune their own; arms of a seed differ in nothing else."""
    asked = []
    numbers = e7.run(e7.LAPTOP, lambda experiment, runs: asked.extend(runs) or made_up(experiment, runs))
    counting = [t for t in asked if t.seed not in rates.SEEDS]
    assert {t.seed for t in counting} == set(range(100, 110))
    assert {t.seed for t in asked} - {t.seed for t in counting} == set(rates.SEEDS)
    assert not any(t.beam for t in asked)
    alike = {replace(t, arm="", seed=0, lr=0.0, beta2=0.0, layers=6) for t in asked if t.data == "number-words"}
    assert alike == {Training("", 0.0, 0, 0.0)}
    assert len(numbers["map"]) == 15
    assert all(len(losses) == 3 for cell in numbers["map"] for losses in cell["losses"].values())
    assert list(numbers["matched"]) == list(e7.MATCHED)
    assert all(len(losses) == 10 for losses in numbers["matched"].values())
    for part in ("tuned", "fitted, tuned"):
        best = numbers[part]["rates"]
        assert best["adam-mean-rate"] == best["radam"]
        assert len({tuple(trials) for trials in numbers[part]["tuning"].values()}) == 1  # equal trials
    assert {lr: set(losses) for lr, losses in numbers["multi30k"]["losses"].items()} == {
        "0.003": set(e7.MATCHED),
        "0.001": set(e7.MAIN),
    }


def test_the_gap_that_e16_asks_for_is_that_of_the_numbers():
    found = e7.run(e7.LAPTOP, made_up)["tuned"]["losses"]
    expected = sum(found["adam"]) / 10 - sum(found["adam-warmup-25"]) / 10
    assert e7.tuned_gap(e7.LAPTOP, made_up) == pytest.approx(expected)
    assert expected > 0


def test_the_table_and_the_figure_with_all_parts(tmp_path):
    numbers = recorded(e7.run(e7.LAPTOP, made_up))
    told = failure_report.lines(numbers)
    assert sum("10 of 10 stuck" in line for line in told) == 2  # Adam at one rate for all, at both beta2
    assert any(line.split()[:4] == ["Adam", "36", "of", "45"] for line in told)
    assert [line.split()[0] for line in told[1:4]] == ["Adam", "RAdam", "Adam,"]  # in the order of ARMS
    failure_report.draw(numbers).savefig(tmp_path / "figure.png")


@pytest.mark.parametrize(
    ("adam", "radam", "word"),
    [(3.0, 1.0, SUPPORTED), (1.0, 3.0, CONTRADICTED), (3.0, 3.0, INCONCLUSIVE), (1.0, 1.0, INCONCLUSIVE)],
)
def test_the_primary_claim(adam, radam, word):
    (claim,) = [claim for claim in e7.EXHIBIT.claims if claim.primary]
    losses = {"adam": [adam] * 3, "radam": [radam] * 3}
    verdict = claim.judge({"bar": 2.5, "map": [{"layers": 6, "lr": lr, "losses": losses} for lr in (0.1, 0.2)]})
    assert verdict.word == word
    assert verdict.numbers["p"] == (1.0 if adam == radam else 2 / 2**6)
    assert verdict.numbers["seeds that agree"] == (3 if word == SUPPORTED else 0)
    assert "p is too small" in verdict.note


def test_a_loss_at_the_bar_is_stuck():
    numbers = {"bar": 2.5, "map": [{"losses": {"adam": [2.5, 2.4999]}}]}
    assert e7.stuck(numbers, "adam") == [True, False]


SMALL, LARGE, OTHER = [1.0, 1.1, 0.9], [2.0, 2.2, 1.9], [0.1, 3.0, 1.0]


@pytest.mark.parametrize("claim", [claim for claim in e7.EXHIBIT.claims if claim.judge.func is e7.compared])
@pytest.mark.parametrize(("first", "then"), [(SMALL, LARGE), (LARGE, SMALL), (SMALL, OTHER)])
def test_each_comparison_can_come_out_each_way(claim, first, then):
    """a is the arm that the claim is about."""
    judge, path, a, b = claim.judge.args
    other = claim.judge.keywords.get("other") or path
    numbers: dict = {}
    for place, arm, losses in ((path, a, first), (other, b, then)):
        part = numbers
        for key in place:
            part = part.setdefault(key, {})
        part[arm] = losses
    if then is OTHER:
        word = INCONCLUSIVE
    elif judge is e7.alike_in_ratio:
        word = CONTRADICTED
    else:
        word = SUPPORTED if (judge is e7.smaller) is (first is SMALL) else CONTRADICTED
    assert claim.judge(numbers).word == word


def test_alike_in_ratio():
    assert e7.alike_in_ratio({0: 1.0, 1: 2.0, 2: 3.0}, {0: 1.01, 1: 1.98, 2: 3.03}).word == SUPPORTED


def test_what_the_claims_name():
    """Every claim about one side of a comparison names its arms in the right order."""
    for claim in e7.EXHIBIT.claims:
        *_, a, b = claim.judge.args
        assert a != b
    assert CLAIMS["At one rate for all, RAdam ends with a smaller loss than Adam."].judge.args[2:] == ("radam", "adam")


def test_what_is_refused_early(monkeypatch):
    asked = []
    monkeypatch.setattr(e7.task, "before", asked.append)
    e7.EXHIBIT.before(e7.LAPTOP)
    assert [t.data for t in asked] == ["number-words", "multi30k"]
    e7.EXHIBIT.before(e7.QUICK)
    assert [t.data for t in asked] == ["number-words", "multi30k", "number-words"]


def test_the_papers_scale_starts(monkeypatch):
    """The paper's net, on a few number words in the place of Multi30k."""
    few = data.number_words(20)
    monkeypatch.setattr(data, "multi30k", lambda *arguments: few)
    e7.task.load.cache_clear()
    own = e7.PAPER["task"]
    training = Training("radam", e7.PAPER["lr"], 0, **own | {"steps": 2, "max_tokens": 40})
    assert (training.width, training.layers, training.dropout, training.clip) == (512, 6, 0.3, 25.0)
    (row,) = e7.EXPERIMENT.run(training)
    e7.task.load.cache_clear()
    assert len(row["loss"]) == 2
    assert row["stopped"] is None
