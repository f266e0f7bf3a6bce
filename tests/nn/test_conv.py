"""Conv2d: layout, initialisation and PyTorch's results."""

from copy import deepcopy
from math import sqrt

import numpy as np
import pytest
from helpers import host
from ops import compare

import minirad as mr
import minirad.nn.functional as F
from minirad.nn import Conv2d

LAYERS = [
    ((3, 4, 3), {}),
    ((4, 6, (3, 2)), {"stride": 2, "padding": (1, 0), "bias": False}),
    ((4, 6, 3, 2, 1, 2, 2), {}),  # PyTorch's order: stride, padding, dilation, groups
    ((4, 8, 1), {"groups": 4, "stride": (1, 2)}),
    ((1, 1, 1, 1, 0, 1, 1, False), {}),
]


def test_layout():
    layer = Conv2d(4, 6, (3, 5), groups=2)
    assert [(name, p.shape, p.dtype) for name, p in layer.named_parameters()] == [
        ("weight", (6, 2, 3, 5), "float32"),
        ("bias", (6,), "float32"),
    ]
    assert Conv2d(4, 6, 3, bias=False).bias is None
    assert [name for name, _ in Conv2d(4, 6, 3, bias=False).named_parameters()] == ["weight"]


@pytest.mark.parametrize(("arguments", "options"), LAYERS, ids=str)
def test_it_is_the_function_with_its_options(arguments, options):
    layer = Conv2d(*arguments, **options)
    x = mr.randn(2, arguments[0], 7, 6)
    y = F.conv2d(x, layer.weight, layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups)
    np.testing.assert_array_equal(host(layer(x)), host(y))


@pytest.mark.parametrize(("arguments", "options"), LAYERS, ids=str)
def test_as_in_pytorch(torch, arguments, options):
    ours, theirs = Conv2d(*arguments, **options).double(), torch.nn.Conv2d(*arguments, **options).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    data = np.random.default_rng(0).standard_normal((3, arguments[0], 7, 6))
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    compare(ours(x), theirs(x_torch), [x, *ours.parameters()], [x_torch, *theirs.parameters()])
    theirs.load_state_dict({name: torch.tensor(array + 1) for name, array in ours.state_dict().items()})
    np.testing.assert_allclose(theirs.weight.detach().numpy(), host(ours.weight) + 1)


@pytest.mark.parity
@pytest.mark.parametrize(("arguments", "options"), LAYERS, ids=str)
def test_it_is_printed_as_in_pytorch(torch, arguments, options):
    assert repr(Conv2d(*arguments, **options)) == repr(torch.nn.Conv2d(*arguments, **options))


def test_repr():
    assert repr(Conv2d(3, 4, 3)) == "Conv2d(3, 4, kernel_size=(3, 3), stride=(1, 1))"
    assert repr(Conv2d(4, 6, (3, 5), 2, 1, 2, 2, bias=False)) == (
        "Conv2d(4, 6, kernel_size=(3, 5), stride=(2, 2), padding=(1, 1), dilation=(2, 2), groups=2, bias=False)"
    )


@pytest.mark.parametrize("groups", [1, 4])
def test_initial_values(groups):
    """Uniform to 1 / sqrt(fan_in), where an output has 3 x 3 inputs in each channel of its group."""
    layer = Conv2d(16, 400, 3, groups=groups)
    bound = 1 / sqrt(9 * 16 / groups)
    for p in layer.parameters():
        values = host(p)
        assert 0.98 * bound < np.abs(values).max() <= np.float32(bound)
        assert abs(values.std() / (bound / sqrt(3)) - 1) < 0.05
        assert abs(values.mean()) < 0.1 * bound


@pytest.mark.parametrize("groups", [1, 4])
def test_initial_values_spread_as_in_pytorch(torch, groups):
    torch.manual_seed(0)
    ours, theirs = Conv2d(16, 400, 3, groups=groups), torch.nn.Conv2d(16, 400, 3, groups=groups)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert p.shape == tuple(q.shape)
        assert abs(host(p).std() / q.std().item() - 1) < 0.1
        assert abs(np.abs(host(p)).max() / q.abs().max().item() - 1) < 0.02


def test_the_seed_decides_the_weights():
    layers = []
    for _ in range(2):
        mr.manual_seed(4)
        layers.append(Conv2d(3, 2, 3))
    for p, q in zip(*(layer.parameters() for layer in layers), strict=True):
        np.testing.assert_array_equal(host(p), host(q))
    assert (host(Conv2d(3, 2, 3).weight) != host(layers[0].weight)).any()


def test_copies_share_nothing():
    layer = Conv2d(2, 3, 3)
    twin = deepcopy(layer)
    x = mr.randn(1, 2, 5, 5)
    before = host(layer(x))
    np.testing.assert_array_equal(host(twin(x)), before)
    with mr.no_grad():
        for p in twin.parameters():
            p.copy_(host(p) + 1)
    np.testing.assert_array_equal(host(layer(x)), before)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((0, 1, 1), {}, "Conv2d: in_channels must be a positive integer, got 0"),
        ((1, 2.0, 1), {}, "Conv2d: out_channels must be a positive integer, got 2.0"),
        ((4, 4, 1), {"groups": 0}, "Conv2d: groups must be a positive integer, got 0"),
        ((4, 6, 1), {"groups": 4}, "Conv2d: groups=4 must divide in_channels=4, out_channels=6"),
        ((6, 4, 1), {"groups": 4}, "Conv2d: groups=4 must divide in_channels=6, out_channels=4"),
        ((1, 1, 0), {}, "Conv2d: kernel_size must be an integer >= 1, or a pair of them, got 0"),
        ((1, 1, (3, 3, 3)), {}, r"Conv2d: kernel_size must be .*, got \(3, 3, 3\)"),
        ((1, 1, 1), {"stride": 0}, "Conv2d: stride must be an integer >= 1, or a pair of them, got 0"),
        ((1, 1, 1), {"padding": -1}, "Conv2d: padding must be an integer >= 0, or a pair of them, got -1"),
        ((1, 1, 1), {"padding": "same"}, "Conv2d: padding must be an integer >= 0, or a pair of them, got 'same'"),
        ((1, 1, 1), {"dilation": (1, 0)}, r"Conv2d: dilation must be an integer >= 1, .*, got \(1, 0\)"),
    ],
)
def test_conv2d_refuses(arguments, options, message):
    draws = deepcopy(mr.backend.stream("init").bit_generator.state)
    with pytest.raises(ValueError, match=message):
        Conv2d(*arguments, **options)
    assert mr.backend.stream("init").bit_generator.state == draws


def test_inputs_refused():
    layer = Conv2d(3, 2, 3)
    for shape in ((2, 4, 5, 5), (3, 5, 5), (2, 3, 5)):
        with pytest.raises(ValueError, match=r"Conv2d: x must be \(n, 3, h, w\), got shape \(\d, \d, \d"):
            layer(mr.ones(shape))
    with pytest.raises(ValueError, match=r"conv2d: a kernel of 3x3 .* does not fit into 2x5 pixels"):
        layer(mr.ones(1, 3, 2, 5))
    with pytest.raises(TypeError, match="conv2d: operands have different dtypes, float64 and float32"):
        layer(mr.ones(1, 3, 5, 5, dtype="float64"))


def test_inputs_may_be_lists_as_in_linear():
    layer = Conv2d(1, 2, 1)
    np.testing.assert_array_equal(host(layer([[[[1.0, 2.0]]]])), host(layer(mr.tensor([[[[1.0, 2.0]]]]))))
