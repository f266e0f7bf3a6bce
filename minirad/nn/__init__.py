"""Layers and models: modules own parameters."""

from minirad.nn import functional, init, utils
from minirad.nn.activation import GELU, Dropout, Flatten, ReLU, Sigmoid, Tanh
from minirad.nn.container import ModuleList, Sequential
from minirad.nn.conv import Conv2d
from minirad.nn.linear import Linear
from minirad.nn.loss import CrossEntropyLoss, MSELoss
from minirad.nn.module import Module
from minirad.nn.norm import BatchNorm1d, BatchNorm2d, LayerNorm
from minirad.nn.parameter import Parameter
from minirad.nn.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d

__all__ = [
    "GELU", "AdaptiveAvgPool2d", "AvgPool2d", "BatchNorm1d", "BatchNorm2d", "Conv2d", "CrossEntropyLoss", "Dropout",
    "Flatten", "LayerNorm", "Linear", "MSELoss", "MaxPool2d", "Module", "ModuleList", "Parameter", "ReLU", "Sequential",
    "Sigmoid", "Tanh", "functional", "init", "utils",
]  # fmt: skip
