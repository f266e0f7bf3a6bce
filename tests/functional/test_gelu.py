"""GELU in both forms, and the error function below it."""

from math import erf as math_erf

import numpy as np
import pytest
from helpers import device, host
from hypothesis import given
from hypothesis import strategies as st
from ops import SHAPES, Op, check_op, check_torch

import minirad as mr
from minirad.functional.gelu import erf

exact_erf = np.vectorize(math_erf, otypes=["float64"])


def reference(x, approximate):
    if approximate == "none":
        return x * 0.5 * (1 + exact_erf(x / np.sqrt(2)))
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


CASES = st.tuples(st.tuples(SHAPES), st.fixed_dictionaries({"approximate": st.sampled_from(["none", "tanh"])}))
GELU = Op("gelu", mr.nn.functional.gelu, reference, "nn.functional.gelu", CASES)


@given(GELU.cases)
def test_value_and_gradient(case):
    check_op(GELU, *case)


@pytest.mark.parity
@given(GELU.cases)
def test_as_in_pytorch(case):
    check_torch(GELU, *case)


def test_erf_is_exact_to_the_last_digits():
    x = np.concatenate([np.linspace(-7, 7, 5001), [0.0, 1e-300, 1e-8, 40.0, -np.inf, np.inf]])
    np.testing.assert_allclose(host(erf(device(x))), exact_erf(x), rtol=0, atol=1e-15)


def test_erf_keeps_float32():
    assert erf(device([0.5], "float32")).dtype == "float32"


def test_gelu_refuses_an_unknown_form():
    with pytest.raises(ValueError, match="gelu: approximate must be 'none' or 'tanh', got 'sigmoid'"):
        mr.nn.functional.gelu(mr.tensor([1.0]), "sigmoid")
