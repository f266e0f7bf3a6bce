"""The optimizers, one rule a file. Read variance.py, optimizer.py and radam.py, in this order."""

from minirad.optim import algorithm1, lr_scheduler
from minirad.optim.adagrad import Adagrad
from minirad.optim.adam import Adam
from minirad.optim.adamw import AdamW
from minirad.optim.algorithm1 import Algorithm1
from minirad.optim.optimizer import Optimizer
from minirad.optim.probes import Adam2k, AdamEps, PhaseSwitched, RAdamExact
from minirad.optim.radam import RAdam
from minirad.optim.radam_dialect import DIALECTS, Dialect, RAdamDialect
from minirad.optim.rmsprop import RMSprop
from minirad.optim.sgd import SGD
from minirad.optim.tracing import Trace, trace

__all__ = [
    "DIALECTS", "SGD", "Adagrad", "Adam", "Adam2k", "AdamEps", "AdamW", "Algorithm1", "Dialect", "Optimizer",
    "PhaseSwitched", "RAdam", "RAdamDialect", "RAdamExact", "RMSprop", "Trace", "algorithm1", "lr_scheduler",
    "trace",
]  # fmt: skip
