"""The pilot of exhibit E11, run again with minirad's own net: python -m minirad.experiments.pilot_e11 [seeds].

ResNet-8 on CIFAR-10 (JPEG subset), 16x16 averages, pixels from 0 to 1, random flips, batch 128, 8 epochs, lr times 0.1
after epochs 4 and 6, weight decay 1e-4 (decoupled for Adam and RAdam), beta2 = 0.999. It shows that net, data and rules
work as those of the pilot did, which used another library. It is no evidence for the claim of the paper: the rates are
not tuned.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from minirad import data, optim
from minirad.backend import manual_seed
from minirad.data.augment import random_flip
from minirad.experiments.results import environment
from minirad.models import ResNet
from minirad.nn import CrossEntropyLoss
from minirad.optim.lr_scheduler import MultiStepLR
from minirad.threads import set_num_threads
from minirad.train import classification_scores, train

Pixels = tuple[np.ndarray, np.ndarray]  # of training and test images
RATES = (0.1, 0.03, 0.01, 0.003)
RULES: dict[str, Callable[..., optim.Optimizer]] = {
    "SGD": partial(optim.SGD, momentum=0.9, weight_decay=1e-4),
    "Adam": partial(optim.AdamW, weight_decay=1e-4),
    "RAdam": partial(optim.RAdam, weight_decay=1e-4),
}


def pixels(images: data.ImageData) -> Pixels:
    """The images as levels from 0 to 1, (n, 3, 16, 16): the pilot's text names no normalisation."""
    mean, std = (np.array(x, np.float32)[:, None, None] / 255 for x in (images.mean, images.std))
    return images.train.x * std + mean, images.test.x * std + mean


def accuracy(rule: str, lr: float, seed: int, images: data.ImageData) -> float:
    """The test accuracy after the last epoch."""
    x, x_test = pixels(images)
    manual_seed(seed)
    model, criterion = ResNet(8, in_channels=3), CrossEntropyLoss()
    optimizer = RULES[rule](model.named_parameters(), lr=lr)
    loader = data.Loader(x, images.train.y, batch_size=128, transform=random_flip)
    steps = len(loader)
    scheduler = MultiStepLR(optimizer, [4 * steps, 6 * steps])
    train(model, criterion, optimizer, loader, 8, scheduler=scheduler, title=f"{rule} {lr}")
    return classification_scores(model, criterion, x_test, images.test.y)[1]


def main() -> None:
    """Run all rules and rates for each seed, print the table, write results/pilots/e11.json."""
    seeds = [int(seed) for seed in sys.argv[1:]] or [0]
    set_num_threads(1)
    images = data.load("cifar10-jpeg", size=16)
    table: dict[str, dict[str, list[float]]] = {rule: {} for rule in RULES}
    for rule in RULES:
        for lr in RATES:
            scores = [accuracy(rule, lr, seed, images) for seed in seeds]
            table[rule][f"{lr:g}"] = [round(score, 4) for score in scores]
            print(f"{rule:6s} lr {lr:5g}: " + "  ".join(f"{score:.3f}" for score in scores), flush=True)
    path = Path("results", "pilots", "e11.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"seeds": seeds, "test_accuracy": table, "environment": environment()}, indent=1) + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
