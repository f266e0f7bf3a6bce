"""How the learning rates of minirad compare were chosen: python -m minirad.experiments.tune digits.

Every arm gets the same trials: the half-decade grid below, three seeds that no comparison uses, accuracy on validation
images. Where the best rate lies at an edge, the grid grows by one rate there, for all arms. The whole table is written
to results/tuning/<data set>.json.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from minirad import data
from minirad.experiments.compare import ARMS, BATCH_SIZE, EPOCHS, HIDDEN, Run, outcomes
from minirad.experiments.results import Store

SEEDS = (200, 201, 202)
HALF_DECADES = range(-7, 0)  # 10^(k/2): 3e-4 to 0.3


def rate(k: int) -> float:
    """10^(k/2) to one digit: ..., 0.03, 0.1, 0.3, 1."""
    return float(f"{10 ** (k / 2):.0e}")


def tune(dataset: str, root: Path) -> dict[str, dict[str, list[float]]]:
    """Validation accuracy by optimizer and learning rate, one number a seed."""
    images = data.load(dataset, validation=True)
    store = Store(root, "tuning", dataset)
    table: dict[str, dict[str, list[float]]] = {name: {} for name in ARMS}
    todo = list(HALF_DECADES)
    done: list[int] = []
    while todo:
        for k in todo:
            runs = [
                Run(dataset, name, rate(k), EPOCHS[dataset], HIDDEN[dataset], BATCH_SIZE[dataset], seed, True)
                for name in ARMS
                for seed in SEEDS
            ]
            for outcome, _ in outcomes(runs, images, store):
                row = table[outcome.run.optimizer].setdefault(f"{rate(k):g}", [])
                row.append(round(outcome.accuracy, 5))
        done = sorted(done + todo)
        winners = {best(table[name]) for name in ARMS}
        todo = [done[0] - 1] if rate(done[0]) in winners else []
        todo += [done[-1] + 1] if rate(done[-1]) in winners else []
    return table


def best(row: dict[str, list[float]]) -> float:
    """The rate with the best mean accuracy; of two equal ones the smaller."""
    return max(sorted((float(lr), sum(scores)) for lr, scores in row.items()), key=lambda pair: (pair[1], -pair[0]))[0]


def main() -> None:
    """Tune on the data set named on the command line; runs are kept in runs/, the table in results/."""
    if len(sys.argv) != 2 or sys.argv[1] not in EPOCHS:
        sys.exit(f"usage: python -m minirad.experiments.tune {'|'.join(EPOCHS)}")
    dataset = sys.argv[1]
    table = tune(dataset, Path("runs"))
    path = Path("results", "tuning", f"{dataset}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"seeds": SEEDS, "validation_accuracy": table}, indent=1) + "\n", encoding="utf-8")
    for name, row in table.items():
        rates = sorted(row, key=float)
        print(f"{name:12s} best {best(row):g}: " + "  ".join(f"{lr} {sum(row[lr]) / len(SEEDS):.4f}" for lr in rates))
    print(f"written to {path}")


if __name__ == "__main__":
    main()
