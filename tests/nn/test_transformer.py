"""The layers of the Transformer and the Transformer, against PyTorch's."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from helpers import device, host
from ops import compare

import minirad as mr
import minirad.nn as nn
import minirad.nn.functional as F

pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor")  # PyTorch, on its way of computing

N, L, S, WIDTH = 3, 4, 5, 6
RNG = np.random.default_rng(0)
SRC, TGT = RNG.standard_normal((N, S, WIDTH)), RNG.standard_normal((N, L, WIDTH))
PADDING = np.arange(S) >= np.array([[5], [3], [1]])
KINDS = [
    {},
    {"norm_first": True},
    {"activation": "gelu", "batch_first": True, "layer_norm_eps": 0.1},
    {"activation": "gelu", "norm_first": True, "bias": False, "batch_first": True},
]


def blocked(rows, columns):
    """A mask, True where one may not look, that leaves the first place to all."""
    mask = RNG.random((rows, columns)) < 0.4
    mask[:, 0] = False
    return mask


def pair(torch, name, *arguments, dtype="double", **options):
    """Ours and PyTorch's with the same random parameters (normalisations too), without dropout."""
    ours = getattr(getattr(nn, name)(*arguments, dropout=0.0, **options), dtype)()
    theirs = getattr(getattr(torch.nn, name)(*arguments, dropout=0.0, **options), dtype)()
    rng = np.random.default_rng(1)
    state = {name: torch.tensor(rng.normal(0, 0.4, array.shape)) for name, array in theirs.state_dict().items()}
    theirs.load_state_dict(state)
    ours.load_state_dict(theirs.state_dict())
    assert list(ours.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    return ours, theirs


def agree(torch, ours, theirs, arrays, options, tolerance=1e-10):
    """Output and all gradients of both, given the inputs as arrays (n, length, width)."""
    first = (
        ours.batch_first
        if hasattr(ours, "batch_first")
        else next(m.batch_first for _, m in ours.named_modules() if isinstance(m, nn.MultiheadAttention))
    )
    arrays = [array if first else array.swapaxes(0, 1).copy() for array in arrays]
    x = [mr.tensor(array, requires_grad=True) for array in arrays]
    x_torch = [torch.tensor(array, requires_grad=True) for array in arrays]
    y = ours(*x, **{name: device(v) if isinstance(v, np.ndarray) else v for name, v in options.items()})
    y_torch = theirs(*x_torch, **{n: torch.tensor(v) if isinstance(v, np.ndarray) else v for n, v in options.items()})
    compare(y, y_torch, [*x, *ours.parameters()], [*x_torch, *theirs.parameters()], tolerance)


@pytest.mark.parametrize("masks", [{}, {"src_mask": blocked(S, S)}, {"src_key_padding_mask": PADDING}], ids=list)
@pytest.mark.parametrize("options", KINDS, ids=str)
def test_encoder_layer_as_in_pytorch(torch, options, masks):
    agree(torch, *pair(torch, "TransformerEncoderLayer", WIDTH, 2, 7, **options), [SRC], masks)


DECODER_MASKS: list[dict[str, Any]] = [
    {},
    {"tgt_mask": ~np.tri(L, dtype=bool), "tgt_is_causal": True},
    {"memory_mask": blocked(L, S), "memory_key_padding_mask": PADDING},
    {"tgt_mask": blocked(L, L), "tgt_key_padding_mask": PADDING[:, :L]},
]


@pytest.mark.parametrize("masks", DECODER_MASKS, ids=list)
@pytest.mark.parametrize("options", KINDS, ids=str)
def test_decoder_layer_as_in_pytorch(torch, options, masks):
    agree(torch, *pair(torch, "TransformerDecoderLayer", WIDTH, 2, 7, **options), [TGT, SRC], masks)


MASKS: list[dict[str, Any]] = [
    {},
    {"tgt_mask": ~np.tri(L, dtype=bool), "src_key_padding_mask": PADDING, "memory_key_padding_mask": PADDING},
    {"src_mask": RNG.random((S, S)), "tgt_mask": RNG.random((L, L)), "memory_mask": RNG.random((L, S))},
]


@pytest.mark.parametrize("masks", MASKS, ids=list)
@pytest.mark.parametrize("options", KINDS, ids=str)
def test_transformer_as_in_pytorch(torch, options, masks):
    agree(torch, *pair(torch, "Transformer", WIDTH, 3, 2, 1, 7, **options), [SRC, TGT], masks)


@pytest.mark.parametrize("which", ["src", "tgt", "memory"])
def test_causal_is_the_mask_that_says_so(which):
    """Also without the mask beside it, which PyTorch wants to see."""
    model = nn.Transformer(WIDTH, 2, 1, 1, 7, 0.0, batch_first=True).double()
    mask = device(~np.tri(L if which != "src" else S, L if which == "tgt" else S, dtype=bool))
    inputs = [mr.tensor(SRC), mr.tensor(TGT)]
    told, masked = model(*inputs, **{f"{which}_is_causal": True}), model(*inputs, **{f"{which}_mask": mask})
    np.testing.assert_array_equal(host(told), host(masked))
    assert (host(told) != host(model(*inputs))).any()


def test_transformer_in_float32_as_in_pytorch(torch):
    ours, theirs = pair(torch, "Transformer", WIDTH, 3, 2, 1, 7, dtype="float")
    agree(torch, ours, theirs, [SRC.astype("float32"), TGT.astype("float32")], {}, 1e-4)


@pytest.mark.parametrize("norm", [False, True])
def test_stacks_as_in_pytorch(torch, norm):
    """Encoder and decoder of their own, with and without a normalisation at the end."""
    for name, arrays in (("Encoder", [SRC]), ("Decoder", [TGT, SRC])):
        layers = pair(torch, f"Transformer{name}Layer", WIDTH, 2, 7, batch_first=True)
        ours = getattr(nn, f"Transformer{name}")(layers[0], 2, nn.LayerNorm(WIDTH).double() if norm else None)
        theirs = getattr(torch.nn, f"Transformer{name}")(
            layers[1], 2, torch.nn.LayerNorm(WIDTH).double() if norm else None
        )
        assert list(ours.state_dict()) == list(theirs.state_dict())
        agree(torch, ours, theirs, arrays, {})


def test_post_ln_normalises_what_comes_out_and_pre_ln_does_not():
    for norm_first in (False, True):
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 7, dropout=0.0, batch_first=True, norm_first=norm_first).double()
        y = host(layer(mr.tensor(10 * SRC)))
        assert np.allclose(y.mean(-1), 0, atol=1e-10) != norm_first
    for p in layer.parameters():  # maps of zeros: only the way past them is left
        nn.init.zeros_(p)
    np.testing.assert_array_equal(host(layer(mr.tensor(SRC))), SRC)


def test_the_copies_of_a_stack_share_nothing():
    layer = nn.TransformerEncoderLayer(WIDTH, 2, 7)
    stack = nn.TransformerEncoder(layer, 2)
    assert len(list(stack.parameters())) == 2 * len(list(layer.parameters()))
    nn.init.zeros_(layer.linear1.weight)
    assert host(stack.layers[0].linear1.weight).any()


def test_initial_values():
    """All matrices are Xavier's, and no two of them alike."""
    model = nn.Transformer(16, 2, 2, 2, 32)
    seen = set()
    for name, p in model.named_parameters():
        values = host(p)
        if p.ndim == 2:
            bound = np.sqrt(6 / sum(values.shape))
            assert 0.95 * bound < np.abs(values).max() <= bound * (1 + 1e-6), name
            seen.add(float(values[0, 0]))
        elif "norm" in name:
            assert (values == (1 if name.endswith("weight") else 0)).all(), name
    assert len(seen) == sum(p.ndim == 2 for p in model.parameters())


def test_the_causal_mask_of_pytorch(torch):
    ours, theirs = (kind.generate_square_subsequent_mask(4) for kind in (nn.Transformer, torch.nn.Transformer))
    np.testing.assert_array_equal(host(ours), theirs.numpy(), strict=True)
    for dtype in ("float32", "float64"):
        mask = nn.Transformer.generate_square_subsequent_mask(4, dtype=dtype)
        peer = torch.nn.Transformer.generate_square_subsequent_mask(4, dtype=getattr(torch, dtype))
        np.testing.assert_array_equal(host(mask), peer.numpy(), strict=True)


def test_the_causal_mask_of_a_model_in_float64():
    model = nn.Transformer(8, 2, 1, 1, 8, dropout=0.0).double()
    x = mr.randn(4, 2, 8, dtype="float64")
    mask = nn.Transformer.generate_square_subsequent_mask(4, dtype="float64")
    np.testing.assert_allclose(host(model(x, x, tgt_mask=mask)), host(model(x, x, tgt_is_causal=True)), rtol=1e-12)
    with pytest.raises(TypeError, match="generate_square_subsequent_mask: dtype must be float32 or float64, got int64"):
        nn.Transformer.generate_square_subsequent_mask(4, "int64")


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_learned_mask_gets_its_gradient(torch, norm_first):
    options = {"dropout": 0.0, "batch_first": True, "norm_first": norm_first}
    theirs = torch.nn.TransformerEncoderLayer(WIDTH, 2, 7, **options).double()
    ours = nn.TransformerEncoderLayer(WIDTH, 2, 7, **options).double()
    ours.load_state_dict(theirs.state_dict())
    data = np.random.default_rng(3).standard_normal((S, S))
    mask, mask_torch = mr.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
    compare(ours(mr.tensor(SRC), mask), theirs(torch.tensor(SRC), mask_torch), [mask], [mask_torch])


# ---- dropout


@pytest.mark.parametrize("norm_first", [False, True])
def test_dropout_stands_in_every_place(norm_first):
    """The layer with dropout is the one without, with F.dropout written out where the paper has it."""
    layer = nn.TransformerEncoderLayer(WIDTH, 2, 7, dropout=0.3, batch_first=True, norm_first=norm_first).double()
    x = mr.tensor(SRC)
    mr.manual_seed(1)
    y = layer(x)
    mr.manual_seed(1)

    def attend(x):
        return F.dropout(layer.self_attn(x, x, x, need_weights=False)[0], 0.3)

    def feed_forward(x):
        return F.dropout(layer.linear2(F.dropout(F.relu(layer.linear1(x)), 0.3)), 0.3)

    for f, norm in ((attend, layer.norm1), (feed_forward, layer.norm2)):
        x = x + f(norm(x)) if norm_first else norm(x + f(x))
    np.testing.assert_array_equal(host(y), host(x))


def test_dropout_in_training_only_and_the_same_for_the_same_seed():
    model = nn.Transformer(WIDTH, 2, 1, 1, 7, dropout=0.3, batch_first=True).double()
    inputs = [mr.tensor(SRC), mr.tensor(TGT)]
    ys = []
    for _ in range(2):
        mr.manual_seed(4)
        ys.append(host(model(*inputs)))
    np.testing.assert_array_equal(*ys)
    assert (host(model(*inputs)) != ys[0]).any()
    model.eval()
    plain = deepcopy(model)
    for _, module in plain.named_modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
        elif isinstance(module, nn.MultiheadAttention):
            module.dropout = 0.0
    np.testing.assert_array_equal(host(model(*inputs)), host(plain.train()(*inputs)))


# ---- what is refused


@pytest.mark.parametrize("layer", [nn.TransformerEncoderLayer, nn.TransformerDecoderLayer])
def test_layers_refuse(layer):
    with pytest.raises(ValueError, match=f"{layer.__name__}: activation must be one of relu, gelu, got 'tanh'"):
        layer(6, 2, activation="tanh")
    with pytest.raises(ValueError, match="MultiheadAttention: num_heads=4 must divide embed_dim=6"):
        layer(6, 4)
    with pytest.raises(ValueError, match="Linear: out_features must be a positive integer, got 0"):
        layer(6, 2, 0)
    with pytest.raises(ValueError, match=r"dropout must lie in \[0, 1\], got 2"):
        layer(6, 2, dropout=2)


@pytest.mark.parametrize("layers", [0, -1, 1.0, None])
def test_stacks_refuse(layers):
    for name in ("Encoder", "Decoder"):
        layer = getattr(nn, f"Transformer{name}Layer")(6, 2, 7)
        with pytest.raises(ValueError, match=f"Transformer{name}: num_layers must be a positive integer, got {layers}"):
            getattr(nn, f"Transformer{name}")(layer, layers)


def test_inputs_refused():
    model = nn.Transformer(6, 2, 1, 1, 7, batch_first=True)
    with pytest.raises(ValueError, match=r"MultiheadAttention: query must be \(n, length, 6\), got shape \(3, 4, 5\)"):
        model(mr.ones(3, 4, 5), mr.ones(3, 4, 6))
    with pytest.raises(ValueError, match=r"as many sequences as query: got \(n, length\) \(3, 4\), \(2, 4\)"):
        model(mr.ones(2, 4, 6), mr.ones(3, 4, 6))
    with pytest.raises(ValueError, match=r"attn_mask must have shape \(4, 4\)"):
        model(mr.ones(2, 4, 6), mr.ones(2, 4, 6), tgt_mask=device(np.zeros((3, 3), bool)))
    with pytest.raises(ValueError, match="key_padding_mask leaves sequence 0 without any key"):
        model(mr.ones(2, 4, 6), mr.ones(2, 4, 6), src_key_padding_mask=device(np.ones((2, 4), bool)))
