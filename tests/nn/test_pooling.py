"""The layers that pool are the functions with their options kept."""

from copy import deepcopy

import numpy as np
import pytest
from helpers import host
from ops import compare

import minirad as mr
import minirad.nn.functional as F
from minirad.nn import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d

LAYERS = [  # the arguments in PyTorch's order
    (MaxPool2d, (2,), {}),
    (MaxPool2d, ((3, 2), 1), {"padding": (1, 0)}),
    (MaxPool2d, (3, 2, 1, 2), {}),
    (MaxPool2d, (3, (1, 2)), {"ceil_mode": True}),
    (AvgPool2d, (2,), {}),
    (AvgPool2d, ((3, 2), 2, (1, 0)), {"count_include_pad": False}),
    (AvgPool2d, (3, 2, 1, True, True), {}),
    (AdaptiveAvgPool2d, (1,), {}),
    (AdaptiveAvgPool2d, ((3, 2),), {}),
]


def name(layer):
    return {MaxPool2d: "max_pool2d", AvgPool2d: "avg_pool2d", AdaptiveAvgPool2d: "adaptive_avg_pool2d"}[layer]


@pytest.mark.parametrize(("layer", "arguments", "options"), LAYERS, ids=str)
def test_it_is_the_function_with_its_options(layer, arguments, options):
    x = mr.randn(2, 3, 7, 6)
    pool = layer(*arguments, **options)
    np.testing.assert_array_equal(host(pool(x)), host(getattr(F, name(layer))(x, *arguments, **options)))
    assert pool.state_dict() == {}
    np.testing.assert_array_equal(host(deepcopy(pool).double()(x)), host(pool(x)))


@pytest.mark.parametrize(("layer", "arguments", "options"), LAYERS, ids=str)
def test_as_in_pytorch(torch, layer, arguments, options):
    data = np.random.default_rng(0).standard_normal((2, 3, 7, 6))
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    peer = getattr(torch.nn, layer.__name__)
    compare(layer(*arguments, **options)(x), peer(*arguments, **options)(x_torch), [x], [x_torch])


def test_repr():
    assert repr(MaxPool2d(2)) == "MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0))"
    assert repr(AvgPool2d((3, 2), 1, 1)) == "AvgPool2d(kernel_size=(3, 2), stride=(1, 1), padding=(1, 1))"
    assert repr(AdaptiveAvgPool2d(1)) == "AdaptiveAvgPool2d(output_size=(1, 1))"


@pytest.mark.parametrize("options", [{"dilation": 2}, {"ceil_mode": True}], ids=str)
def test_what_is_not_the_default_is_printed(options):
    """As it is of a Conv2d."""
    assert repr(MaxPool2d(3, **options)) != repr(MaxPool2d(3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaxPool2d(0), "MaxPool2d: kernel_size must be an integer >= 1, or a pair of them, got 0"),
        (lambda: MaxPool2d(2, 0), "MaxPool2d: stride must be an integer >= 1, or a pair of them, got 0"),
        (lambda: MaxPool2d(2, padding=-1), "MaxPool2d: padding must be an integer >= 0, or a pair of them, got -1"),
        (lambda: MaxPool2d(2, dilation=(0, 1)), r"MaxPool2d: dilation must be .*, got \(0, 1\)"),
        (lambda: AvgPool2d((2, 2, 2)), r"AvgPool2d: kernel_size must be .*, got \(2, 2, 2\)"),
        (lambda: AvgPool2d(2, 1.0), "AvgPool2d: stride must be .*, got 1.0"),
        (lambda: AvgPool2d(2, padding="same"), "AvgPool2d: padding must be .*, got 'same'"),
        (lambda: AdaptiveAvgPool2d(0), "AdaptiveAvgPool2d: output_size must be an integer >= 1, or a pair .*, got 0"),
        (lambda: MaxPool2d(2, padding=2)(mr.ones(1, 1, 4, 4)), "max_pool2d: padding must be at most half of"),
        (lambda: MaxPool2d(5)(mr.ones(1, 1, 4, 4)), r"max_pool2d: windows of \(5, 5\).* do not fit into 4x4 pixels"),
        (
            lambda: AvgPool2d(2)(mr.ones(1, 4, 4)),
            r"avg_pool2d: x must be \(n, c, h, w\) with pixels, got shape \(1, 4, 4\)",
        ),
        (lambda: AdaptiveAvgPool2d(1)(mr.ones(4, 4)), r"adaptive_avg_pool2d: x must be .*, got shape \(4, 4\)"),
    ],
    ids=range(12),
)
def test_pooling_layers_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()
