"""Differentiable functions by family, each with its vector-Jacobian product beside it.

Importing this package gives Tensor its operators and methods: ``x.sum(dim=0)`` is ``sum(x, dim=0)``.
"""

from minirad.functional import arithmetic, elementwise, reductions, shaping
from minirad.functional.arithmetic import (
    add,
    cast,
    div,
    matmul,
    maximum,
    minimum,
    mul,
    neg,
    pow,
    sub,
    where,
)
from minirad.functional.creation import arange, full, ones, rand, randn, zeros
from minirad.functional.elementwise import abs, clip, exp, log, relu, sigmoid, sqrt, tanh
from minirad.functional.gelu import gelu
from minirad.functional.linear import dropout, linear
from minirad.functional.losses import cross_entropy, mse_loss
from minirad.functional.reductions import argmax, log_softmax, max, mean, min, softmax, std, sum, var
from minirad.functional.shaping import cat, flatten, getitem, permute, reshape, squeeze, stack, transpose, unsqueeze
from minirad.tensor import Tensor

METHODS = {function.__name__: function for family in (elementwise, reductions, shaping) for function in family.METHODS}
METHODS |= {
    "pow": pow,
    "matmul": matmul,
    "__getitem__": getitem,
    "__abs__": abs,
    "T": property(lambda x: permute(x, *reversed(range(x.ndim))), doc="The axes in reverse order."),
    "float": lambda x: cast(x, "float32"),
    "double": lambda x: cast(x, "float64"),
}
for _name, _method in (arithmetic.OPERATORS | METHODS).items():
    setattr(Tensor, _name, _method)
