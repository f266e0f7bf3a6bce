"""Whole models, each reading top to bottom."""

from minirad.models.lstm import LSTMLanguageModel
from minirad.models.mlp import MLP
from minirad.models.resnet import ResNet
from minirad.models.search import beam_search, greedy_search
from minirad.models.transformer import Translator

__all__ = ["MLP", "LSTMLanguageModel", "ResNet", "Translator", "beam_search", "greedy_search"]
