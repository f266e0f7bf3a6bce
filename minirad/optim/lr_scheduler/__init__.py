"""Schedules, the learning rate as a function of the step: PyTorch's names and meanings, and the paper's warmups."""

from minirad.optim.lr_scheduler.combine import ChainedScheduler, SequentialLR
from minirad.optim.lr_scheduler.decay import (
    ConstantLR,
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiStepLR,
    StepLR,
)
from minirad.optim.lr_scheduler.schedule import LRScheduler
from minirad.optim.lr_scheduler.warmup import (
    InverseSquareRoot,
    LinearWarmup,
    UntunedExponentialWarmup,
    UntunedLinearWarmup,
)

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "ExponentialLR", "InverseSquareRoot", "LRScheduler",
    "LambdaLR", "LinearLR", "LinearWarmup", "MultiStepLR", "SequentialLR", "StepLR", "UntunedExponentialWarmup",
    "UntunedLinearWarmup",
]  # fmt: skip
