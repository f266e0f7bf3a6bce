"""Layers and models: modules own parameters."""

from minirad.nn import functional, init, utils
from minirad.nn.activation import GELU, Dropout, Flatten, ReLU, Sigmoid, Tanh
from minirad.nn.container import ModuleList, Sequential
from minirad.nn.linear import Linear
from minirad.nn.loss import CrossEntropyLoss, MSELoss
from minirad.nn.module import Module
from minirad.nn.parameter import Parameter

__all__ = [
    "GELU", "CrossEntropyLoss", "Dropout", "Flatten", "Linear", "MSELoss", "Module", "ModuleList", "Parameter", "ReLU",
    "Sequential", "Sigmoid", "Tanh", "functional", "init", "utils",
]  # fmt: skip
