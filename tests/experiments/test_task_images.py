"""The image trainings: what they start from and see, what is recorded, when they fail, and how seeds are paired."""

from dataclasses import replace

import numpy as np
import pytest

from minirad import data
from minirad.data import DataError
from minirad.experiments import task_images as task
from minirad.experiments.exhibit import CONTRADICTED, INCONCLUSIVE, NOT_RUN, SUPPORTED
from minirad.experiments.judging import larger

for needed in ("matplotlib", "scipy", "sklearn"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

TINY = task.Training("digits", "radam", 0.03, 0, steps=6)


@pytest.fixture
def images(monkeypatch):
    """How the images were asked for. Each is made of 40 of the digits."""
    asked, load = [], data.load

    def few(name, validation, size):
        asked.append((name, validation, size))
        digits = load("digits")
        part = data.Split(np.tile(digits.train.x[:40], (1, 1, size // 8, size // 8)), digits.train.y[:40])
        if name == "cifar10":
            part = data.Split(np.tile(part.x, (1, 3, 1, 1)), part.y)
        mean = digits.mean * part.x.shape[1]
        return data.ImageData(name, digits.classes, part, part, mean, digits.std * part.x.shape[1])

    monkeypatch.setattr(data, "load", few)
    task._images.cache_clear()
    yield asked
    task._images.cache_clear()


def test_the_rows():
    rows = task.train(replace(TINY, scores=3))
    assert rows == task.train(replace(TINY, scores=3))
    row, end = rows
    assert row.keys() == {"step", "loss", "scored", "accuracy", "test_accuracy"}
    assert (row["step"], row["scored"], end) == ([1, 2, 3, 4, 5, 6], [2, 4, 6], {"stopped": None})
    assert all(1.5 < x < 3.5 for x in row["loss"])
    assert row["accuracy"][-1] == row["test_accuracy"] == task.accuracy(rows)
    assert 0.05 < row["test_accuracy"] < 0.6
    once = task.train(TINY)[0]
    assert (once["scored"], once["test_accuracy"]) == ([6], row["test_accuracy"])  # to be scored changes nothing


def test_long_curves_are_thinned_but_for_the_first_steps(images):
    row, _ = task.train(replace(TINY, steps=150))
    assert row["step"][: task.EARLY] == list(range(1, task.EARLY + 1))
    assert row["step"][-1] == 150
    assert len(row["step"]) < 125


def test_the_arms_of_a_seed_start_alike():
    """The same weights and the same first batch, flips included."""
    first = [
        task.train(replace(TINY, arm=arm, lr=lr, beta2=beta2))[0]["loss"]
        for arm, lr, beta2 in (("sgd", 0.1, 0.999), ("adam", 0.01, 0.999), ("radam", 0.01, 0.9))
    ]
    assert len({losses[0] for losses in first}) == 1
    assert len({losses[2] for losses in first}) == 3
    assert task.train(replace(TINY, seed=1))[0]["loss"][0] != first[0][0]


def test_a_training_that_diverges_is_as_good_as_a_guess():
    row, end = task.train(replace(TINY, arm="sgd", lr=1e30))
    assert row["test_accuracy"] == 0.1
    assert row["scored"] == row["accuracy"] == []
    assert all(np.isfinite(row["loss"]))
    assert end["stopped"].endswith(f"at step {len(row['loss']) + 1}")


def test_the_rate():
    """A tenth after half of the run, a hundredth after three quarters, and a warmup where there is one."""
    plain, warm = replace(TINY, steps=8), replace(TINY, steps=8, warmup=4)
    factors = [task.rate_factor(t, plain) for t in range(1, 9)]
    assert factors == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])
    assert [task.rate_factor(t, warm) for t in range(1, 9)] == pytest.approx([0.25, 0.5, 0.75, *factors[3:]])


def test_the_rate_of_the_paper():
    """After epochs 81 and 122 of 164."""
    paper = replace(TINY, data="cifar10", steps=task.PAPER_STEPS)
    assert task.PAPER_STEPS == 164 * -(-50_000 // 128)
    for epochs, before, after in ((81, 1, 0.1), (122, 0.1, 0.01)):
        assert task.rate_factor(391 * epochs, paper) == pytest.approx(before)
        assert task.rate_factor(391 * epochs + 1, paper) == pytest.approx(after)


def test_which_images(images):
    """Validation images for tuning."""
    task.train(replace(TINY, validation=True))
    task.train(TINY)
    assert images == [("digits", True, 8), ("digits", False, 8)]


def test_the_net_of_the_paper(images, monkeypatch):
    """ResNet-20 with projections on 32x32, batches of 128; images are cropped, then flipped: it starts."""
    seen = []

    def net(*args, **kwargs):
        seen.append(task_net(*args, **kwargs))
        return seen[-1]

    task_net = task.ResNet
    monkeypatch.setattr(task, "ResNet", net)
    cropped = []
    monkeypatch.setattr(
        task, "crop_and_flip", lambda x, fill, padding: cropped.append((x.shape, len(fill), padding)) or x
    )
    row, end = task.train(replace(TINY, data="cifar10", steps=1))
    assert images == [("cifar10", False, 32)]
    assert sum(p.data.size for p in seen[0].parameters()) == 272_474
    assert cropped == [((40, 3, 32, 32), 3, 4)]
    assert task.TASKS["cifar10"].batch_size == 128
    assert (len(row["loss"]), end) == (1, {"stopped": None})


def test_what_is_refused(monkeypatch):
    with pytest.raises(ValueError, match=r"^seeds must be at least 2, got 1: there is no interval for a single one$"):
        task.before({"data": "digits", "seeds": 1})
    with pytest.raises(DataError, match="unknown data set"):
        task.before({"data": "letters", "seeds": 2})
    task.before({"data": "digits", "seeds": 2})


def test_what_stands_beside_is_left_out_where_it_is_not(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIRAD_DATA", str(tmp_path))
    settings = {"data": "fashion-mnist", "beside": "cifar10-jpeg"}
    found = task.data_of(settings)
    assert found == {"data": "fashion-mnist", "other": None, "missing": "cifar10-jpeg"}
    assert task.left_out(found)[0].startswith("cifar10-jpeg is left out: ")
    alone = task.data_of(settings | {"beside": None})
    assert alone == {"data": "fashion-mnist", "other": None, "missing": None}
    (tmp_path / "cifar10-jpeg").mkdir()
    for name in ("data_batch_1.bin", "test_batch.bin"):
        (tmp_path / "cifar10-jpeg" / name).touch()
    found = task.data_of(settings)
    assert found == {"data": "fashion-mnist", "other": "cifar10-jpeg", "missing": None}
    assert task.left_out(found) == []


def test_arms_are_compared_on_the_seeds_that_they_share():
    numbers = {"one": {"radam": [0.9, 0.91, 0.92, 0.1]}, "two": {"adam": [0.8, 0.82, 0.81]}}
    judge = task.versus(larger, ("one", "radam"), ("two", "adam"))
    found = judge(numbers)
    assert (found.word, found.numbers["seeds"]) == (SUPPORTED, 3)
    assert found.numbers["difference"] == pytest.approx(0.1)
    assert task.versus(larger, ("two", "adam"), ("one", "radam"))(numbers).word == CONTRADICTED
    assert judge({"one": {"radam": [0.9]}, "two": {"adam": [0.8]}}).word == INCONCLUSIVE
    assert judge({"one": {"radam": [0.9]}}).word == NOT_RUN
