"""The optimizers, one rule a file. Read variance.py, optimizer.py and radam.py, in this order."""

from minirad.optim import lr_scheduler
from minirad.optim.adam import Adam
from minirad.optim.optimizer import Optimizer
from minirad.optim.radam import RAdam
from minirad.optim.sgd import SGD

__all__ = ["SGD", "Adam", "Optimizer", "RAdam", "lr_scheduler"]
