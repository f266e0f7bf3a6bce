"""E13 from end to end at a tiny scale, its verdicts on made-up numbers, and its paper scale's first steps."""

import json
from math import log

import numpy as np
import pytest

from minirad.experiments import e13_translation as e13
from minirad.experiments import rates, task_translation
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from minirad.experiments.results import Store

for needed in ("matplotlib", "num2words", "sacrebleu", "scipy"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

TINY = {"data": "number-words", "pairs": 60, "layers": 1, "width": 8, "feed_forward": 8, "steps": 2}


def tiny(scale):
    settings = e13.EXHIBIT.at(scale, seeds=3)
    training = settings["training"] | TINY
    return settings | {"half_decades": [-4], "beam": 2, "training": training}


@pytest.mark.parametrize("scale", e13.EXHIBIT.settings)
def test_from_end_to_end(scale, tmp_path, monkeypatch):
    """Run, recorded, read back, judged, told and drawn: at each scale, but for the net's size and the data."""
    asked = []

    def do(experiment, trainings):
        asked.extend(trainings)
        return [json.loads(json.dumps(experiment.run(training))) for training in trainings]

    monkeypatch.setattr(rates, "MOST", 0)
    settings = tiny(scale)
    e13.EXHIBIT.before(settings)
    store = Store(tmp_path, "E13", "tiny")
    store.write(settings, [e13.run(settings, do)], 0.0)
    (numbers,), _ = store.read(settings)
    seeds = [claim.judge(numbers).numbers.get("seeds") for claim in e13.EXHIBIT.claims]
    assert seeds == [3, 2, None, *[2] * 5]
    assert all(claim.judge(numbers) == claim.judge(numbers) for claim in e13.EXHIBIT.claims)
    assert len(e13.lines(numbers)) == 3 + len(e13.GROUPS) + 4
    e13.draw(numbers).savefig(tmp_path / "figure.png")
    tuning = [t for t in asked if t.seed >= 200]
    assert {(t.beam, t.translate, t.direction) for t in tuning} == {(0, "validation", "de-en")}
    final = [t for t in asked if t.seed < 200]
    assert {(t.beam, t.translate) for t in final} == {(2, "test")}
    assert len(final) == 2 * len(e13.GROUPS) + 2
    assert {t.arm for t in final} == {group.arm for group in e13.GROUPS.values()}


def made_rows(training):
    """The best rate is 0.003 for the warmup, 0.01 for RAdam; the test says otherwise. RAdam at its rate diverges."""
    best = 0.003 if training.arm == e13.WARMUP else 0.01
    loss = 2 + abs(log(training.lr / best))
    stopped = (
        "the loss is nan at step 9" if (training.arm, training.lr, training.seed) == ("radam", 0.01, 100) else None
    )
    row = {"validation_loss": loss, "test_loss": 9 - loss, "nothing": 7.6, "unigram": 5.0, "stopped": stopped}
    return [row | ({"bleu": 0.0 if stopped else 30.0, "exact": 0.1} if training.beam else {})]


def test_which_trainings():
    """Each group has its arm, its direction, its beta2 and its rate, and the primary two twice the seeds."""
    asked = []

    def do(experiment, trainings):
        asked.extend(trainings)
        return [made_rows(training) for training in trainings]

    numbers = e13.run(e13.EXHIBIT.at("laptop"), do)
    assert numbers["rates"] == {kind: {e13.WARMUP: 0.003, "radam": 0.01} for kind in ("beta2", "fitted")}
    for table in numbers["tables"].values():
        assert list(table["radam"]) == list(table[e13.WARMUP]) == ["0.001", "0.003", "0.01", "0.03"]
    found = {name: (group["lr"], group["beta2"]) for name, group in numbers["groups"].items()}
    assert found.pop("adam mean rate") == (0.01, 0.999)  # times the mean of r_t: the arm's own
    warmup, radam = (0.003, 0.999), (0.01, 0.999)
    assert found == {
        "warmup": warmup, "radam": radam, "radam matched": warmup, "adam r": radam, "adam untuned": radam,
        "warmup fitted": (0.003, 0.99), "radam fitted": (0.01, 0.99), "radam fitted matched": (0.003, 0.99),
        "warmup back": warmup, "radam back": radam, "radam back matched": warmup,
    }  # fmt: skip
    for name, group in numbers["groups"].items():
        assert group["seeds"] == list(range(100, 110 if name in ("warmup", "radam") else 105))
    assert {t.direction for t in asked if t.seed >= 200} == {"de-en"}
    assert sum(t.direction == "en-de" for t in asked) == 15
    # A run that diverged counts: it translates nothing.
    assert numbers["groups"]["radam"]["bleu"][:2] == [0.0, 30.0]
    assert numbers["groups"]["radam"]["stopped"] == 1
    assert ", 1 diverged" in "\n".join(e13.lines(numbers))


def made_numbers(**bleu):
    """All groups at 30 but for these; little noise, the same mean."""
    noise, groups = np.random.default_rng(0), {}
    for name in e13.GROUPS:
        seeds = list(range(100, 110 if name in ("warmup", "radam") else 105))
        half = 0.05 * noise.standard_normal(5)
        spread = [*half, *-half][: len(seeds)] if len(seeds) == 10 else half - half.mean()
        values = [bleu.get(name.replace(" ", "_"), 30.0) + float(x) for x in spread]
        groups[name] = {"seeds": seeds, "bleu": values, "lr": 0.01, "beta2": 0.999, "stopped": 0}
    return {"groups": groups}


def words(numbers):
    return [claim.judge(numbers).word for claim in e13.EXHIBIT.claims]


def test_all_alike():
    assert words(made_numbers()) == [SUPPORTED] * 5 + [INCONCLUSIVE] + [SUPPORTED] * 2


def test_as_the_paper_says():
    """Its differences, 0.1 and -0.08, are within the margin, yet here more than chance."""
    numbers = made_numbers(warmup=34.66, radam=34.76, warmup_back=28.56, radam_back=28.48)
    numbers["groups"]["warmup"]["bleu"][0] += 0.5
    numbers["groups"]["radam back"]["bleu"][0] -= 0.4
    assert words(numbers)[:3] == [SUPPORTED] * 3


def test_one_is_better():
    numbers = made_numbers(radam=32, radam_back=29, radam_matched=29, radam_fitted=31)
    assert words(numbers) == [CONTRADICTED] * 5 + [SUPPORTED] + [CONTRADICTED] * 2
    verdict = e13.EXHIBIT.claims[2].judge(numbers)
    assert verdict.numbers["difference En-De"] == pytest.approx(-1)
    assert verdict.numbers["p En-De"] < 0.025


def test_a_small_difference_beyond_chance():
    """Equivalent within the margin, and yet one is better."""
    numbers = made_numbers(radam=30.3)
    assert [words(numbers)[i] for i in (0, 2)] == [SUPPORTED, CONTRADICTED]


def test_noise_decides_nothing():
    numbers = made_numbers()
    for name in e13.GROUPS:
        bleu = numbers["groups"][name]["bleu"]
        for i in range(len(bleu)):
            bleu[i] += (-1) ** i * (len(name) % 5 + 2)
    assert words(numbers)[:3] == [INCONCLUSIVE] * 3


def test_one_seed_decides_nothing():
    numbers = made_numbers()
    for group in numbers["groups"].values():
        for key in ("seeds", "bleu"):
            group[key] = group[key][:1]
        group["exact"] = [0.0]
    assert words(numbers) == [INCONCLUSIVE] * 8
    e13.draw(numbers)
    more = {"tables": {}, "mean r_t": 0.4}
    assert "one seed" in "\n".join(e13.lines(numbers | more))


def test_what_stands_beside_what():
    assert [claim.primary for claim in e13.EXHIBIT.claims] == [True] + [False] * 7
    assert {name for pair in e13.PAIRS for name in pair} == set(e13.GROUPS)
    assert len({group.title for group in e13.GROUPS.values()}) == len(e13.GROUPS)
    for settings in e13.EXHIBIT.settings.values():
        training = task_translation.Training("adam", 1.0, 0, **settings["training"])
        assert (training.heads, training.decay, training.clip) == (4, "linear", 25.0)
