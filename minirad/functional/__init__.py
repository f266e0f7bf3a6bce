"""Differentiable functions by family, each with its vector-Jacobian product beside it.

Importing this package gives Tensor its operators and methods: ``x.sum(dim=0)`` is ``sum(x, dim=0)``.
"""

from minirad.functional import arithmetic, choosing, elementwise, masks, protocols, reductions, shaping
from minirad.functional.arithmetic import add, cast, div, matmul, mul, neg, pow, sub
from minirad.functional.attention import attention_of_heads, scaled_dot_product_attention
from minirad.functional.batch_norm import batch_norm
from minirad.functional.choosing import argmax, clip, max, maximum, min, minimum, where
from minirad.functional.conv import conv2d
from minirad.functional.creation import arange, clone, full, ones, ones_like, rand, randn, zeros, zeros_like
from minirad.functional.cross_entropy import cross_entropy
from minirad.functional.dropout import dropout
from minirad.functional.elementwise import abs, exp, log, relu, sigmoid, sqrt, tanh
from minirad.functional.embedding import embedding
from minirad.functional.gelu import gelu
from minirad.functional.joining import cat, stack
from minirad.functional.layer_norm import layer_norm
from minirad.functional.linear import linear
from minirad.functional.lstm import lstm
from minirad.functional.mse import mse_loss
from minirad.functional.pooling import adaptive_avg_pool2d, avg_pool2d, max_pool2d
from minirad.functional.reductions import log_softmax, mean, softmax, std, sum, var
from minirad.functional.shaping import flatten, getitem, permute, reshape, squeeze, transpose, unsqueeze
from minirad.tensor import Tensor

_METHODS = {f.__name__: f for family in (elementwise, reductions, choosing, shaping) for f in family.METHODS} | {
    "pow": pow,
    "matmul": matmul,
    "view": reshape,
    "clone": clone,
    "__getitem__": getitem,
    "__abs__": abs,
    "T": property(lambda x: permute(x, *reversed(range(x.ndim))), doc="The axes in reverse order."),
    "float": lambda x: cast(x, "float32"),
    "double": lambda x: cast(x, "float64"),
}
for _name, _method in (arithmetic.OPERATORS | masks.OPERATORS | protocols.METHODS | _METHODS).items():
    setattr(Tensor, _name, _method)
