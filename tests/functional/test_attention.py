"""Attention against the same written plainly, and against PyTorch."""

from math import sqrt
from typing import Any

import numpy as np
import pytest
from helpers import backend, device, host
from hypothesis import given
from hypothesis import strategies as st
from ops import Op, check_op, check_torch

import minirad as mr
import minirad.nn.functional as F
from minirad import threads
from minirad.functional.attention import attention_of_heads

NAME = "scaled_dot_product_attention"


@st.composite
def attended(draw):
    """query, key and value with axes that broadcast, perhaps numbers as mask; booleans, causal, scale as options."""
    l, s, e, width = (draw(st.integers(1, 4)) for _ in range(4))
    axes = draw(st.sampled_from([((), (), ()), ((2,), (2,), (2,)), ((2, 3), (2, 3), (2, 3)), ((2, 1), (3,), (1, 3))]))
    shapes = [(*axes[0], l, e), (*axes[1], s, e), (*axes[2], s, width)]
    kind = draw(st.sampled_from(["none", "causal", "bool", "float"]))
    options: dict[str, Any] = {"is_causal": kind == "causal", "scale": draw(st.sampled_from([None, 0.3]))}
    if kind in ("bool", "float"):
        mask = draw(st.sampled_from([(l, s), (1, s), (l, 1), (2, 1, l, s) if axes[0] == (2, 3) else (l, s)]))
        if kind == "float":
            shapes.append(mask)
        else:  # some queries may look at nothing
            options["allowed"] = np.random.default_rng(draw(st.integers(0, 9))).random(mask) < 0.6
    return tuple(shapes), options


def attention(q, k, v, *mask, allowed=None, **options):
    mask = mask[0] if mask else None if allowed is None else device(allowed)
    return F.scaled_dot_product_attention(q, k, v, mask, **options)


def plain(q, k, v, *mask, allowed=None, is_causal=False, scale=None):
    """The ops that it replaces, one after the other; what is blocked gets a weight of 0."""
    scores = q @ k.transpose(-1, -2) * (1 / sqrt(q.shape[-1]) if scale is None else scale)
    scores = scores + mask[0] if mask else scores
    if is_causal:
        allowed = np.tri(q.shape[-2], k.shape[-2], dtype=bool)
    if allowed is None:
        return F.softmax(scores, dim=-1) @ v
    allowed = device(np.broadcast_to(allowed, scores.shape).copy())
    e = F.where(allowed, F.exp(F.where(allowed, scores, -1e9)), 0.0)
    total = e.sum(dim=-1, keepdim=True)
    return e / F.where(total == 0, 1.0, total) @ v


def reference(*arrays, **options):
    return host(plain(*(mr.tensor(array) for array in arrays), **options))


def torch_attention(q, k, v, *mask, allowed=None, **options):
    import torch

    attn_mask = mask[0] if mask else None if allowed is None else torch.tensor(allowed)
    return torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask, **options)


ATTENTION = Op(NAME, attention, reference, torch_attention, attended())


@given(ATTENTION.cases)
def test_value_and_gradient(case):
    check_op(ATTENTION, *case)


@pytest.mark.parity
@given(ATTENTION.cases)
def test_as_in_pytorch(case):
    check_torch(ATTENTION, *case)


@given(ATTENTION.cases)
def test_attention_is_what_it_replaces(case):
    shapes, options = case
    results = []
    for function in (attention, plain):
        inputs = [mr.tensor(array, requires_grad=True) for array in ATTENTION.arrays(shapes)]
        y = function(*inputs, **options)
        y.backward(mr.tensor(np.random.default_rng(0).standard_normal(y.shape)))
        results.append([host(y), *(host(x.grad) for x in inputs)])
    for fused, written_out in zip(*results, strict=True):
        np.testing.assert_allclose(fused, written_out, rtol=1e-11, atol=1e-11, strict=True)


@pytest.mark.parametrize("packing", [1, 2, 3])
@pytest.mark.parametrize("p", [0.0, 0.4])
@pytest.mark.parametrize("masked", [False, True])
def test_heads_side_by_side(packing, p, masked):
    """The same as heads that were cut out and copied, however queries, keys and values are packed."""
    rng, heads, width = np.random.default_rng(0), 2, 6
    n, l, s = (3, 4, 4) if packing == 1 else (3, 4, 5)
    arrays = [rng.standard_normal((n, length, width)) for length in (l, s, s)]
    added = device(np.where(rng.random((n, 1, 1, s)) < 0.3, -np.inf, rng.random((n, 1, 1, s)))) if masked else None
    parts = {1: [arrays], 2: [arrays[:1], arrays[1:]], 3: [[a] for a in arrays]}[packing]
    packed = [mr.tensor(np.concatenate(part, axis=-1), requires_grad=True) for part in parts]
    y = attention_of_heads(packed, heads, added, p, np.random.default_rng(5))
    q, k, v = (mr.tensor(a, requires_grad=True) for a in arrays)
    cut = [x.reshape(n, x.shape[1], heads, width // heads).transpose(1, 2) for x in (q, k, v)]
    generator = np.random.default_rng(5)
    z = F.scaled_dot_product_attention(*cut, added, p, generator=generator).transpose(1, 2).reshape(n, l, width)
    cotangent = rng.standard_normal(y.shape)
    for out in (y, z):
        out.backward(mr.tensor(cotangent))
    np.testing.assert_allclose(host(y), host(z), rtol=1e-12, atol=1e-12)
    for gradient, x in zip(pieces(packed, width), (q, k, v), strict=True):
        np.testing.assert_allclose(gradient, host(x.grad), rtol=1e-12, atol=1e-12)


def pieces(packed, width):
    return [host(x.grad)[..., i : i + width] for x in packed for i in range(0, x.shape[-1], width)]


def test_the_weights_are_those_of_the_paper():
    """Two keys: one fits the query by log 3 more than the other."""
    q = mr.tensor([[1.0, 0.0, 0.0, 0.0]])
    k = mr.tensor([[2 * np.log(3), 0.0, 0.0, 0.0], [0.0, 5.0, 5.0, 5.0]]).float()
    v = mr.tensor([[4.0, 0.0], [0.0, 8.0]])
    np.testing.assert_allclose(host(F.scaled_dot_product_attention(q, k, v)), [[3, 2]], rtol=1e-6)


def test_causal_attention_sees_no_future():
    q, k, v = (mr.randn(2, 5, 3) for _ in range(3))
    before = host(F.scaled_dot_product_attention(q, k, v, is_causal=True))
    for x in (k, v):
        x.data[:, 3:] += 7
    after = host(F.scaled_dot_product_attention(q, k, v, is_causal=True))
    np.testing.assert_array_equal(after[:, :3], before[:, :3])
    assert (after[:, 3:] != before[:, 3:]).all()


@pytest.mark.parametrize("kind", ["bool", "float"])
def test_a_query_that_may_look_at_nothing_gets_0(kind):
    allowed = np.array([[True, False], [False, False]])
    mask = device(allowed if kind == "bool" else np.where(allowed, 0.0, -np.inf))
    inputs = [mr.randn(2, 3, dtype="float64", requires_grad=True) for _ in range(3)]
    y = F.scaled_dot_product_attention(*inputs, mask)
    np.testing.assert_allclose(host(y), [host(inputs[2])[0], np.zeros(3)])
    y.sum().backward()
    q, k, v = (host(x.grad) for x in inputs)
    np.testing.assert_allclose(v, [[1] * 3, [0] * 3])
    assert not q.any()
    assert not k.any()


def test_a_very_low_number_in_the_mask_is_no_infinity():
    """Some write the lowest float where they mean -inf. A row of nothing else is still an average."""
    mask = np.full((1, 2), np.finfo("float64").min)
    v = mr.tensor(np.array([[1.0, 2.0], [3.0, 4.0]]))
    y = F.scaled_dot_product_attention(mr.zeros(1, 2, dtype="float64"), v, v, device(mask))
    np.testing.assert_allclose(host(y), [[2, 3]])


@pytest.mark.parametrize("s", [2, 64])  # short rows and long ones
def test_large_scores_do_not_overflow(s):
    x = mr.tensor(300 * np.eye(s, dtype="float32"), requires_grad=True)
    y = F.scaled_dot_product_attention(x, x, x)
    np.testing.assert_array_equal(host(y), host(x))
    y.sum().backward()
    assert np.isfinite(host(x.grad)).all()


@pytest.mark.parametrize("wanted", [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 0, 1, 0)], ids=str)
def test_a_gradient_that_no_one_needs_is_not_computed(wanted):
    shapes = [(3, 4, 2), (3, 5, 2), (3, 5, 2), (4, 5)]
    inputs = [mr.tensor(np.ones(shape), requires_grad=bool(yes)) for shape, yes in zip(shapes, wanted, strict=True)]
    y = F.scaled_dot_product_attention(*inputs)
    assert y.vjp is not None
    assert [g is not None for g in y.vjp(y.data)] == [bool(yes) for yes in wanted]


@pytest.mark.parametrize("wanted", [(1, 0), (0, 1)], ids=str)
def test_nor_that_of_packed_heads(wanted):
    shapes = [(3, 4, 2), (3, 5, 4)]
    packed = [mr.tensor(np.ones(shape), requires_grad=bool(yes)) for shape, yes in zip(shapes, wanted, strict=True)]
    y = attention_of_heads(packed, 2)
    assert y.vjp is not None
    assert [g is not None for g in y.vjp(y.data)] == [bool(yes) for yes in wanted]


# ---- dropout


def test_dropout_keeps_the_mean_and_drops_whole_weights():
    """With one key all weights are 1, and with values of 1 the output shows what dropout made of them."""
    q, ones = mr.randn(200, 50, 4), mr.ones(200, 1, 4)
    y = host(F.scaled_dot_product_attention(q, ones, ones, dropout_p=0.3))
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert (y == y[..., :1]).all()
    assert abs((y == 0).mean() - 0.3) < 0.03  # 6 standard errors
    assert not host(F.scaled_dot_product_attention(q, ones, ones, dropout_p=1.0)).any()


def test_dropout_gradient_by_differences():
    inputs = [mr.randn(2, 3, 4, dtype="float64", requires_grad=True) for _ in range(3)]
    assert mr.gradcheck(
        lambda *x: F.scaled_dot_product_attention(*x, dropout_p=0.5, generator=np.random.default_rng(0)), inputs
    )


def test_dropout_draws_from_its_stream_or_a_generator():
    inputs = [mr.randn(2, 3, 4) for _ in range(3)]
    draws = []
    for more in (False, True):
        mr.manual_seed(3)
        if more:
            mr.randn(10)
        draws.append(host(F.scaled_dot_product_attention(*inputs, dropout_p=0.5)))
    np.testing.assert_array_equal(*draws)
    assert (host(F.scaled_dot_product_attention(*inputs, dropout_p=0.5)) != draws[0]).any()
    given = [
        host(F.scaled_dot_product_attention(*inputs, dropout_p=0.5, generator=np.random.default_rng(7)))
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*given)


# ---- threads, layouts, no examples


def run(arrays, mask=None):
    inputs = [mr.tensor(array, requires_grad=True) for array in arrays]
    y = F.scaled_dot_product_attention(*inputs, mask)
    y.backward(y)
    return [host(y), *(host(x.grad) for x in inputs)]


def test_the_same_bits_each_time_and_nearly_the_same_with_two_threads(monkeypatch):
    pytest.importorskip("threadpoolctl", reason="needs threadpoolctl")
    monkeypatch.setattr(threads, "_count", threads._count)
    monkeypatch.setattr(threads, "SMALL", 100)
    before = mr.get_num_threads() or 1
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((9, 2, 6, 8)).astype("float32") for _ in range(3)]
    mask = rng.random((9, 1, 1, 6)) < 0.7
    with backend("numpy"):
        results = {}
        try:
            for count in (1, 2):
                mr.set_num_threads(count)
                results[count], again = run(arrays, mask), run(arrays, mask)
                for first, second in zip(results[count], again, strict=True):
                    np.testing.assert_array_equal(first, second)
        finally:
            mr.set_num_threads(before)
    for one, two in zip(results[1], results[2], strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


def test_inputs_in_any_layout():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((4, 3, 5, 2)) for _ in range(3)]
    turned = [mr.Tensor(device(a.T.copy()).T) for a in arrays]
    for x in turned:
        x.requires_grad = True
    y = F.scaled_dot_product_attention(*turned)
    y.backward(mr.Tensor(device(host(y).T.copy()).T))
    for ours, expected in zip([y, *(x.grad for x in turned)], run(arrays), strict=True):
        np.testing.assert_allclose(host(ours), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("shapes", [((0, 2, 3), (0, 4, 3)), ((2, 0, 3), (2, 4, 3))], ids=str)
def test_no_examples_and_no_queries(shapes):
    q, k, v = (mr.tensor(np.ones(shape), requires_grad=True) for shape in (*shapes, shapes[1]))
    y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    assert y.shape == q.shape
    y.sum().backward()
    for x in (q, k, v):
        np.testing.assert_array_equal(host(x.grad), np.zeros(x.shape))


@pytest.mark.parametrize("s", [63, 64, 200])
def test_long_rows_as_plain(s):
    arrays = [np.random.default_rng(0).standard_normal((2, length, 4)) for length in (3, s, s)]
    y = plain(*(mr.tensor(array) for array in arrays))
    np.testing.assert_allclose(run(arrays)[0], host(y), rtol=1e-11, atol=1e-12)


def test_what_is_not_finite_stays_in_its_row():
    q = np.ones((3, 2))
    q[1, 0] = np.nan
    y = host(F.scaled_dot_product_attention(mr.tensor(q), mr.tensor(np.eye(2)), mr.tensor(np.eye(2))))
    assert (np.isfinite(y) == [[True], [False], [True]]).all()


# ---- what is refused


def test_the_tape_notices_a_mask_that_changed():
    mask = mr.zeros(2, 2, dtype="float64", requires_grad=True)
    x = mr.randn(2, 3, dtype="float64", requires_grad=True)
    y = F.scaled_dot_product_attention(x, x, x, mask)
    with mr.no_grad():
        mask.copy_(1.0)
    with pytest.raises(RuntimeError, match="backward: scaled_dot_product_attention used data"):
        y.sum().backward()


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(2, 3), (4, 5), (4, 5)], r"do not fit: got \(2, 3\), \(4, 5\) and \(4, 5\)"),
        ([(2, 3), (4, 3), (5, 3)], r"do not fit: got \(2, 3\), \(4, 3\) and \(5, 3\)"),
        ([(3,), (4, 3), (4, 3)], r"query \(\.\.\., l, e\), key .* got \(3,\), \(4, 3\) and \(4, 3\)"),
        ([(), (), ()], r"do not fit: got \(\), \(\) and \(\)"),
        ([(2, 3), (0, 3), (0, 3)], r"key must have at least one position and one feature, got shape \(0, 3\)"),
        ([(2, 0), (2, 0), (2, 1)], r"key must have at least one position and one feature, got shape \(2, 0\)"),
        ([(2, 2, 3), (3, 4, 3), (4, 3)], r"axes before the last two do not fit: got shapes .*\(3, 4, 3\)"),
        ([(2, 3), (4, 3), (4, 3), (4, 2)], r"attn_mask must be broadcastable to \(\.\.\., 2, 4\), got shape \(4, 2\)"),
        ([(2, 3), (4, 3), (4, 3), (4,)], r"attn_mask must be broadcastable to \(\.\.\., 2, 4\), got shape \(4,\)"),
        ([(5, 2, 3), (4, 3), (4, 3), (3, 2, 4)], r"axes before the last two do not fit: .*\(3, 2, 4\)"),
    ],
    ids=str,
)
def test_shapes_refused(shapes, message):
    with pytest.raises(ValueError, match=f"{NAME}: .*{message}"):
        F.scaled_dot_product_attention(*(mr.ones(shape) for shape in shapes))


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan"), None])
def test_probabilities_refused(p):
    x = mr.ones(2, 3)
    with pytest.raises(ValueError, match=rf"{NAME}: dropout_p must lie in \[0, 1\], got {p}"):
        F.scaled_dot_product_attention(x, x, x, dropout_p=p)


def test_other_things_refused():
    x, mask = mr.ones(2, 3), mr.ones(2, 2)
    with pytest.raises(ValueError, match=f"{NAME}: give attn_mask or is_causal, not both"):
        F.scaled_dot_product_attention(x, x, x, mask, is_causal=True)
    with pytest.raises(TypeError, match=f"{NAME}: attn_mask must be booleans or floats, got int64"):
        F.scaled_dot_product_attention(x, x, x, mr.tensor([[1, 1], [1, 1]]))
    with pytest.raises(TypeError, match=f"{NAME}: operands have different dtypes, float32 and float64"):
        F.scaled_dot_product_attention(x, x, x, mr.ones(2, 2, dtype="float64"))
    for i in range(3):
        inputs = [x, x, x]
        inputs[i] = mr.ones(2, 3, dtype="float64")
        with pytest.raises(TypeError, match=f"{NAME}: operands have different dtypes"):
            F.scaled_dot_product_attention(*inputs)
    with pytest.raises(TypeError, match=f"{NAME}: needs float32 or float64, got int64"):
        F.scaled_dot_product_attention(mr.tensor([[1]]), x, x)
