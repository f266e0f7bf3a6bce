"""A small training that can be interrupted: for test_checkpointing.py, and for the processes that it kills."""

import math

import numpy as np

import minirad as mr
from minirad import nn, optim
from minirad.backend import stream
from minirad.data import Loader
from minirad.data.augment import random_flip
from minirad.optim.lr_scheduler import LinearWarmup
from minirad.train import predict

N, BATCH, EPOCHS = 20, 6, 3
STEPS = 4  # an epoch
SETTINGS = {"lr": 0.01, "seed": 3}


class StoppedError(BaseException):
    """Stands for whatever ends a program in the middle of a step."""


class Criterion(nn.CrossEntropyLoss):
    """The cross entropy, which fails after some steps."""

    left = math.inf

    def forward(self, *args):
        self.left -= 1
        if self.left < 0:
            raise StoppedError
        return super().forward(*args)


def images():
    rng = np.random.default_rng(0)
    return rng.normal(size=(N, 1, 3, 4)).astype(np.float32), rng.integers(3, size=N)


def everything(seed=3, own=False, rule=optim.RAdam, lr=0.01):
    """The arguments of train(), built alike each time: everything that draws, counts or remembers."""
    mr.manual_seed(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 2, 2), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(12, 3)
    )
    optimizer = rule(model.named_parameters(), lr=lr)
    generator = np.random.Generator(np.random.MT19937(seed)) if own else None
    loader = Loader(*images(), batch_size=BATCH, transform=random_flip, generator=generator)

    def evaluate(model):
        noise = stream("noise").random()  # evaluation may draw too
        return {"z_score": float(predict(model, images()[0]).mean()), "a_score": noise}

    return (model, Criterion(), optimizer, loader, EPOCHS), {
        "scheduler": LinearWarmup(optimizer, 7),
        "evaluate": evaluate,
    }
