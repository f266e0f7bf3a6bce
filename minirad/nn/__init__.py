"""Layers and models: modules own parameters."""

from minirad.nn import functional, init, utils
from minirad.nn.activation import GELU, Dropout, Flatten, ReLU, Sigmoid, Tanh
from minirad.nn.adaptive import AdaptiveLogSoftmaxWithLoss
from minirad.nn.attention import MultiheadAttention
from minirad.nn.container import ModuleList, Sequential
from minirad.nn.conv import Conv2d
from minirad.nn.embedding import Embedding
from minirad.nn.linear import Linear
from minirad.nn.loss import CrossEntropyLoss, MSELoss
from minirad.nn.module import Module
from minirad.nn.norm import BatchNorm1d, BatchNorm2d, LayerNorm
from minirad.nn.parameter import Parameter
from minirad.nn.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d
from minirad.nn.positions import LearnedPositions, SinusoidalPositions
from minirad.nn.recurrent import LSTM, LSTMCell
from minirad.nn.transformer import (
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)

__all__ = [
    "GELU", "LSTM", "AdaptiveAvgPool2d", "AdaptiveLogSoftmaxWithLoss", "AvgPool2d", "BatchNorm1d", "BatchNorm2d",
    "Conv2d", "CrossEntropyLoss", "Dropout", "Embedding", "Flatten", "LSTMCell", "LayerNorm", "LearnedPositions",
    "Linear", "MSELoss", "MaxPool2d", "Module", "ModuleList", "MultiheadAttention", "Parameter", "ReLU", "Sequential",
    "Sigmoid", "SinusoidalPositions", "Tanh", "Transformer", "TransformerDecoder", "TransformerDecoderLayer",
    "TransformerEncoder", "TransformerEncoderLayer", "functional", "init", "utils",
]  # fmt: skip
