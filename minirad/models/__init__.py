"""Whole models, each reading top to bottom."""

from minirad.models.lstm import LSTMLanguageModel
from minirad.models.mlp import MLP
from minirad.models.resnet import ResNet

__all__ = ["MLP", "LSTMLanguageModel", "ResNet"]
