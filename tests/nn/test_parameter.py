"""Parameter: a leaf that requires a gradient."""

import pytest
from helpers import device

import minirad as mr
from minirad.nn import Parameter


def test_parameters():
    array = device([1.0, 2.0], "float32")
    p = Parameter(array)
    assert (p.requires_grad, p.grad, p.dtype) == (True, None, "float32")
    assert p.data is array
    assert type(p * 2) is mr.Tensor
    with pytest.raises(TypeError, match="Parameter: data must be float32 or float64, got int64"):
        Parameter([1, 2])
