"""MultiheadAttention: layout, masks and PyTorch's results."""

from typing import Any

import numpy as np
import pytest
from helpers import device, host
from ops import compare

import minirad as mr
from minirad.nn import MultiheadAttention

N, L, S, WIDTH, HEADS = 3, 4, 5, 6, 2


def arrays(*shapes):
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape) for shape in shapes]


def in_layout(array, batch_first):
    return array if batch_first else array.swapaxes(0, 1).copy()


def make(torch, dtype="double", **options):
    ours, theirs = MultiheadAttention(WIDTH, HEADS, **options), torch.nn.MultiheadAttention(WIDTH, HEADS, **options)
    ours, theirs = getattr(ours, dtype)(), getattr(theirs, dtype)()
    rng = np.random.default_rng(1)
    theirs.load_state_dict(
        {name: torch.tensor(rng.normal(0, 0.5, array.shape)) for name, array in theirs.state_dict().items()}
    )
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


MASKS: dict[str, dict[str, Any]] = {"none": {}}
_rng = np.random.default_rng(2)
_attn, _each = _rng.random((L, S)) < 0.4, _rng.random((N * HEADS, L, S)) < 0.4
_attn[:, 0] = _each[:, :, 0] = False
_padding = np.arange(S) >= np.array([[5], [3], [1]])
MASKS["attn_mask"] = {"attn_mask": _attn}
MASKS["attn_mask of numbers"] = {"attn_mask": _rng.standard_normal((L, S))}
MASKS["attn_mask of each head"] = {"attn_mask": _each}
MASKS["attn_mask of each head, numbers"] = {"attn_mask": _rng.standard_normal((N * HEADS, L, S))}
MASKS["key_padding_mask"] = {"key_padding_mask": _padding}
MASKS["key_padding_mask of numbers"] = {"key_padding_mask": np.where(_padding, -np.inf, _rng.random((N, S)))}
MASKS["both"] = {"attn_mask": _attn, "key_padding_mask": _padding}
MASKS["both of numbers"] = {
    "attn_mask": _rng.standard_normal((L, S)), "key_padding_mask": np.where(_padding, -np.inf, 0.0)
}  # fmt: skip
MASKS["both, of each head"] = {"attn_mask": _each, "key_padding_mask": _padding}


def test_layout():
    layer = MultiheadAttention(6, 2)
    assert [(name, p.shape, p.dtype) for name, p in layer.named_parameters()] == [
        ("in_proj_weight", (18, 6), "float32"),
        ("in_proj_bias", (18,), "float32"),
        ("out_proj.weight", (6, 6), "float32"),
        ("out_proj.bias", (6,), "float32"),
    ]
    assert [name for name, _ in MultiheadAttention(6, 2, bias=False).named_parameters()] == [
        "in_proj_weight",
        "out_proj.weight",
    ]


def test_initial_values():
    """Xavier's for the stacked maps, Linear's for the last, biases of 0: as in PyTorch."""
    layer = MultiheadAttention(64, 4)
    weight = host(layer.in_proj_weight)
    assert 0.99 < np.abs(weight).max() / np.sqrt(6 / (4 * 64)) <= 1
    assert not host(layer.in_proj_bias).any()
    assert layer.out_proj.bias is not None
    assert not host(layer.out_proj.bias).any()
    assert 0.99 < np.abs(host(layer.out_proj.weight)).max() * 8 <= 1


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("masks", MASKS.values(), ids=MASKS)
def test_cross_attention_as_in_pytorch(torch, masks, batch_first, average):
    """Output, weights and all gradients, those through the weights included; and the output alone."""
    ours, theirs = make(torch, batch_first=batch_first)
    inputs = [in_layout(a, batch_first) for a in arrays((N, L, WIDTH), (N, S, WIDTH), (N, S, WIDTH))]
    x, x_torch = (
        [mr.tensor(a, requires_grad=True) for a in inputs],
        [torch.tensor(a, requires_grad=True) for a in inputs],
    )
    given = {name: device(mask) for name, mask in masks.items()}
    given_torch = {name: torch.tensor(mask) for name, mask in masks.items()}
    y, weights = ours(*x, average_attn_weights=average, **given)
    y_torch, weights_torch = theirs(*x_torch, average_attn_weights=average, **given_torch)
    np.testing.assert_allclose(host(y), y_torch.detach().numpy(), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(host(weights), weights_torch.detach().numpy(), rtol=1e-10, atol=1e-10, strict=True)
    leaves, leaves_torch = [*x, *ours.parameters()], [*x_torch, *theirs.parameters()]
    compare((y * y).sum() + weights.exp().sum(), (y_torch**2).sum() + weights_torch.exp().sum(), leaves, leaves_torch)
    for leaf, leaf_torch in zip(leaves, leaves_torch, strict=True):
        leaf.grad, leaf_torch.grad = None, None
    y, none = ours(*x, need_weights=False, **given)
    assert none is None
    compare(y, theirs(*x_torch, need_weights=False, **given_torch)[0], leaves, leaves_torch)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("same", ["all", "key and value"])
def test_inputs_that_serve_twice_as_in_pytorch(torch, same, bias, need_weights):
    ours, theirs = make(torch, bias=bias, batch_first=True)
    data = arrays((N, L, WIDTH), (N, S, WIDTH))
    x, x_torch = [mr.tensor(a, requires_grad=True) for a in data], [torch.tensor(a, requires_grad=True) for a in data]
    i, j = (0, 0) if same == "all" else (0, 1)
    y, _ = ours(x[i], x[j], x[j], need_weights=need_weights)
    y_torch, _ = theirs(x_torch[i], x_torch[j], x_torch[j], need_weights=need_weights)
    used = slice(j + 1)
    compare(y, y_torch, [*x[used], *ours.parameters()], [*x_torch[used], *theirs.parameters()])


def test_float32_as_in_pytorch(torch):
    ours, theirs = make(torch, "float", batch_first=True)
    data = arrays((N, L, WIDTH))[0].astype("float32")
    x, x_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    y, y_torch = (layer(z, z, z, need_weights=False)[0] for layer, z in ((ours, x), (theirs, x_torch)))
    compare(y, y_torch, [x, *ours.parameters()], [x_torch, *theirs.parameters()], 2e-5)


def test_the_state_travels_back(torch):
    ours, theirs = MultiheadAttention(WIDTH, HEADS), torch.nn.MultiheadAttention(WIDTH, HEADS)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    for name, array in ours.state_dict().items():
        np.testing.assert_array_equal(theirs.state_dict()[name].numpy(), array)


@pytest.mark.parametrize("need_weights", [True, False])
def test_causal(torch, need_weights):
    """PyTorch wants the mask beside the hint; here either of them is enough."""
    ours, theirs = make(torch, batch_first=True)
    data = arrays((N, L, WIDTH))[0]
    mask = ~np.tri(L, dtype=bool)
    x, x_torch = mr.tensor(data), torch.tensor(data)
    expected = theirs(x_torch, x_torch, x_torch, attn_mask=torch.tensor(mask), is_causal=True)[0].detach().numpy()
    for options in ({"is_causal": True}, {"attn_mask": device(mask)}, {"attn_mask": device(mask), "is_causal": True}):
        y, _ = ours(x, x, x, need_weights=need_weights, **options)
        np.testing.assert_allclose(host(y), expected, rtol=1e-10, atol=1e-10)


def test_masks_of_both_kinds_may_meet():
    layer = MultiheadAttention(WIDTH, HEADS, batch_first=True).double()
    x = mr.tensor(arrays((N, S, WIDTH))[0])
    numbers = np.where(_padding, -np.inf, 0.0)
    mask = _rng.random((S, S)) < 0.3
    mask[:, 0] = False
    ys = [layer(x, x, x, device(padding), attn_mask=device(mask))[0] for padding in (_padding, numbers)]
    np.testing.assert_array_equal(*(host(y) for y in ys))


def test_the_weights_are_a_distribution_over_what_may_be_seen():
    layer = MultiheadAttention(WIDTH, HEADS, batch_first=True).double()
    q, k, v = (mr.tensor(a) for a in arrays((N, L, WIDTH), (N, S, WIDTH), (N, S, WIDTH)))
    _, weights = layer(q, k, v, device(_padding), attn_mask=device(_each), average_attn_weights=False)
    weights = host(weights)
    assert weights.shape == (N, HEADS, L, S)
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-12)
    blocked = _each.reshape(N, HEADS, L, S) | _padding[:, None, None]
    np.testing.assert_array_equal(weights > 0, ~blocked)


def test_a_query_that_may_look_at_nothing_gets_weights_of_0_either_way():
    layer = MultiheadAttention(WIDTH, HEADS, batch_first=True).double()
    x = mr.tensor(arrays((N, S, WIDTH))[0], requires_grad=True)
    mask = device(np.arange(S)[:, None] == np.zeros(S))  # the first query
    gradients = []
    for need_weights in (True, False):
        x.grad = None
        y, weights = layer(x, x, x, need_weights=need_weights, attn_mask=mask)
        np.testing.assert_allclose(host(y)[:, 0], np.broadcast_to(host(layer.out_proj.bias), (N, WIDTH)))
        (y * y).sum().backward()
        gradients.append(host(x.grad))
        if weights is not None:
            assert not host(weights)[:, 0].any()
    np.testing.assert_allclose(*gradients, rtol=1e-10, atol=1e-12)


LEARNED: dict[str, dict[str, Any]] = {
    "attn_mask": {"attn_mask": _rng.standard_normal((L, S))},
    "attn_mask of each head": {"attn_mask": _rng.standard_normal((N * HEADS, L, S))},
    "with -inf": {"attn_mask": np.where(_attn, -np.inf, _rng.standard_normal((L, S)))},
    "key_padding_mask": {"key_padding_mask": np.where(_padding, -np.inf, _rng.random((N, S)))},
    "both": {"attn_mask": _rng.standard_normal((L, S)), "key_padding_mask": _rng.standard_normal((N, S))},
}


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("masks", LEARNED.values(), ids=LEARNED)
def test_a_learned_mask_gets_its_gradient_as_in_pytorch(torch, masks, need_weights):
    ours, theirs = make(torch, batch_first=True)
    data = arrays((N, L, WIDTH), (N, S, WIDTH), (N, S, WIDTH))
    x, x_torch = [mr.tensor(a, requires_grad=True) for a in data], [torch.tensor(a, requires_grad=True) for a in data]
    given = {name: mr.tensor(mask, requires_grad=True) for name, mask in masks.items()}
    given_torch = {name: torch.tensor(mask, requires_grad=True) for name, mask in masks.items()}
    y, _ = ours(*x, need_weights=need_weights, **given)
    y_torch, _ = theirs(*x_torch, need_weights=need_weights, **given_torch)
    compare(
        y, y_torch, [*x, *given.values(), *ours.parameters()], [*x_torch, *given_torch.values(), *theirs.parameters()]
    )
    assert all(mask.grad is not None for mask in given.values())


@pytest.mark.parametrize("need_weights", [True, False])
def test_the_gradient_of_a_learned_mask_is_that_of_central_differences(need_weights):
    layer = MultiheadAttention(WIDTH, HEADS, batch_first=True).double()
    x, padding = mr.randn(N, S, WIDTH, dtype="float64"), np.where(_padding, -np.inf, 0.0)
    mask = mr.randn(N * HEADS, S, S, dtype="float64", requires_grad=True)
    assert mr.gradcheck(
        lambda mask: layer(x, x, x, device(padding), need_weights=need_weights, attn_mask=mask)[0], [mask]
    )


def test_a_mask_that_is_given_gets_no_gradient():
    layer, x = MultiheadAttention(WIDTH, HEADS, batch_first=True), mr.randn(N, S, WIDTH)
    mask = mr.zeros(S, S)
    y, _ = layer(x, x, x, need_weights=False, attn_mask=mask)
    y.sum().backward()
    assert mask.grad is None


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_masks_as_nested_lists(dtype, need_weights):
    layer = MultiheadAttention(WIDTH, HEADS, batch_first=True)
    layer, x = (layer.double() if dtype == "float64" else layer), mr.randn(N, S, WIDTH, dtype=dtype)
    for masks in (MASKS["both"], {"key_padding_mask": np.where(_padding, -0.1, 0.3)}):
        masks = {
            name: mask[:, :S] if name != "attn_mask" else np.tri(S, dtype=bool) == 0 for name, mask in masks.items()
        }
        y, z = (
            layer(x, x, x, need_weights=need_weights, **given)[0]
            for given in (
                {name: mask.tolist() for name, mask in masks.items()},
                {name: device(mask if mask.dtype == bool else mask.astype(dtype)) for name, mask in masks.items()},
            )
        )
        np.testing.assert_array_equal(host(y), host(z))


# ---- dropout


def test_dropout_of_the_weights_in_training_only():
    layer, x = MultiheadAttention(WIDTH, HEADS, dropout=0.4, batch_first=True), mr.randn(60, 20, WIDTH)
    whole = host(layer.eval()(x, x, x, average_attn_weights=False)[1])
    np.testing.assert_allclose(whole.sum(-1), 1, rtol=1e-5)
    dropped = host(layer.train()(x, x, x, average_attn_weights=False)[1])
    kept = dropped > 0
    assert abs(kept.mean() - 0.6) < 0.01
    np.testing.assert_allclose(dropped[kept], whole[kept] / 0.6, rtol=1e-5)


def test_the_same_seed_drops_the_same_whether_weights_are_needed_or_not():
    layer, x = MultiheadAttention(WIDTH, HEADS, dropout=0.4, batch_first=True), mr.randn(3, 4, WIDTH)
    results = []
    for need_weights in (True, False, False):
        mr.manual_seed(5)
        results.append(host(layer(x, x, x, need_weights=need_weights)[0]))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(results[1], results[2])
    assert (host(layer(x, x, x, need_weights=False)[0]) != results[1]).any()


# ---- printing, and what is refused


def test_repr():
    assert repr(MultiheadAttention(6, 2)) == "MultiheadAttention(\n  6, 2\n  (out_proj): Linear(6, 6)\n)"
    options: dict[str, Any] = {"dropout": 0.1, "bias": False, "batch_first": True}
    assert MultiheadAttention(6, 2, **options).extra_repr() == "6, 2, dropout=0.1, bias=False, batch_first=True"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1), "embed_dim must be a positive integer, got 0"),
        ((4.0, 1), "embed_dim must be a positive integer, got 4.0"),
        ((4, 0), "num_heads must be a positive integer, got 0"),
        ((4, "2"), "num_heads must be a positive integer, got '2'"),
        ((6, 4), "num_heads=4 must divide embed_dim=6"),
        ((4, 2, 1.5), r"dropout must lie in \[0, 1\], got 1.5"),
        ((4, 2, -0.1), r"dropout must lie in \[0, 1\], got -0.1"),
        ((4, 2, "a"), r"dropout must lie in \[0, 1\], got 'a'"),
    ],
    ids=str,
)
def test_arguments_refused(arguments, message):
    with pytest.raises(ValueError, match=f"MultiheadAttention: {message}"):
        MultiheadAttention(*arguments)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(3, 4), (3, 5, 6), (3, 5, 6)], r"query must be \(n, length, 6\), got shape \(3, 4\)"),
        ([(3, 4, 5), (3, 5, 6), (3, 5, 6)], r"query must be \(n, length, 6\), got shape \(3, 4, 5\)"),
        ([(3, 4, 6), (3, 5, 7), (3, 5, 6)], r"key must be \(n, length, 6\), got shape \(3, 5, 7\)"),
        ([(3, 4, 6), (3, 5, 6), (3, 5, 1)], r"value must be \(n, length, 6\), got shape \(3, 5, 1\)"),
        ([(3, 4, 6), (3, 5, 6), (3, 4, 6)], r"key and value .*: got \(n, length\) \(3, 4\), \(3, 5\) and \(3, 4\)"),
        ([(3, 4, 6), (2, 5, 6), (2, 5, 6)], r"as many sequences as query: got .*\(3, 4\), \(2, 5\) and \(2, 5\)"),
        ([(3, 4, 6), (3, 0, 6), (3, 0, 6)], r"at least one, .*: got .*\(3, 4\), \(3, 0\) and \(3, 0\)"),
    ],
    ids=str,
)
def test_shapes_refused(shapes, message):
    with pytest.raises(ValueError, match=f"MultiheadAttention: .*{message}"):
        MultiheadAttention(6, 2, batch_first=True)(*(mr.ones(shape) for shape in shapes))


def test_the_message_knows_the_layout():
    with pytest.raises(ValueError, match=r"MultiheadAttention: query must be \(length, n, 6\), got shape \(3, 4\)"):
        MultiheadAttention(6, 2)(*[mr.ones(3, 4)] * 3)


@pytest.mark.parametrize("need_weights", [True, False])
def test_masks_refused(need_weights):
    layer, x = MultiheadAttention(6, 2, batch_first=True), mr.ones(3, 4, 6)

    def attend(**masks):
        return layer(x, x, x, need_weights=need_weights, **{name: device(mask) for name, mask in masks.items()})

    with pytest.raises(ValueError, match=r"attn_mask must have shape \(4, 4\) or \(6, 4, 4\), got \(3, 4\)"):
        attend(attn_mask=np.zeros((3, 4), bool))
    with pytest.raises(ValueError, match=r"attn_mask must have shape .*, got \(3, 4, 4\)"):
        attend(attn_mask=np.zeros((3, 4, 4), bool))
    with pytest.raises(ValueError, match=r"key_padding_mask must have shape \(3, 4\), got \(4, 3\)"):
        attend(key_padding_mask=np.zeros((4, 3), bool))
    for name, shape in (("attn_mask", (4, 4)), ("key_padding_mask", (3, 4))):
        for dtype in ("int64", "float64"):
            with pytest.raises(TypeError, match=f"MultiheadAttention: {name} must be booleans or float32, got {dtype}"):
                attend(**{name: np.zeros(shape, dtype)})
    empty = np.zeros((3, 4), bool)
    empty[1] = True
    with pytest.raises(ValueError, match="MultiheadAttention: key_padding_mask leaves sequence 1 without any key"):
        attend(key_padding_mask=empty)


def test_other_dtypes_refused():
    for i, name in enumerate(("query", "key", "value")):
        inputs = [mr.ones(3, 4, 6)] * 3
        for other in (mr.ones(3, 4, 6, dtype="float64"), np.ones((3, 4, 6), int)):
            inputs[i] = other
            with pytest.raises(TypeError, match=f"MultiheadAttention: {name} must be float32, got {other.dtype}"):
                MultiheadAttention(6, 2)(*inputs)
