"""What the tests of E10, E11, E12 and E14 share: small settings, trainings done here, made-up rows."""

import pytest

for needed in ("matplotlib", "scipy", "sklearn"):
    pytest.importorskip(needed, reason="needs the extra minirad[lab]")

TINY_SETTINGS = {"steps": 4, "seeds": 2}


def inline(experiment, trainings):
    """Do the trainings in this process."""
    return [experiment.run(training) for training in trainings]


def made_up(asked, score=lambda training: 0.8 + 0.001 * (training.seed - 100), failed=False):
    """Rows with this accuracy, and into ``asked`` what they were asked for."""

    def do(experiment, trainings):
        asked.extend(trainings)
        n, stopped = (3, "the loss is nan at step 4") if failed else (30, None)
        row = {"step": list(range(1, n + 1)), "loss": [2.0 / t for t in range(1, n + 1)], "scored": [15, 30]}
        return [
            [row | {"accuracy": [0.5, score(t)], "test_accuracy": 0.1 if failed else score(t)}, {"stopped": stopped}]
            for t in trainings
        ]

    return do


def saved(module, numbers, folder):
    """Draw the exhibit's figure."""
    module.draw(numbers).savefig(folder / "figure.png")
