"""The translator, against a model of the same structure in PyTorch."""

import gc
import weakref
from copy import deepcopy
from math import log, sqrt
from typing import Any

import numpy as np
import pytest
from helpers import device, host
from ops import compare

import minirad as mr
import minirad.nn.functional as F
from minirad import checkpoint
from minirad.models import Translator, beam_search, greedy_search

SMALL: dict[str, Any] = {"width": 8, "heads": 2, "layers": 2, "feed_forward": 12, "max_length": 20}
RNG = np.random.default_rng(0)
SOURCE, TARGET = RNG.integers(4, 9, (3, 5)), RNG.integers(4, 7, (3, 6))
SOURCE[1, 3:] = SOURCE[2, 1:] = TARGET[0, 4:] = TARGET[2, 3:] = 0
TARGET[:, 0] = 2


def translator(**options):
    return Translator(9, 7, **{**SMALL, "dropout": 0.0, **options})


def torch_translator(torch, norm_first=False, source_words=9, target_words=7, width=8, heads=2, layers=2, inner=12):
    nn = torch.nn
    options = {"dropout": 0.0, "batch_first": True, "norm_first": norm_first}

    class Translator(nn.Module):
        def __init__(self):
            super().__init__()
            self.source_embedding = nn.Embedding(source_words, width)
            self.target_embedding = nn.Embedding(target_words, width)
            norms = [nn.LayerNorm(width) if norm_first else None for _ in range(2)]
            self.encoder = nn.TransformerEncoder(
                nn.TransformerEncoderLayer(width, heads, inner, **options), layers, norms[0], enable_nested_tensor=False
            )
            self.decoder = nn.TransformerDecoder(
                nn.TransformerDecoderLayer(width, heads, inner, **options), layers, norms[1]
            )

        def embed(self, embedding, ids):
            place = torch.arange(ids.shape[1])[:, None]
            angle = place / 10000 ** (torch.arange(0, width, 2, dtype=torch.float64) / width)
            table = torch.stack([angle.sin(), angle.cos()], 2).flatten(1).to(embedding.weight.dtype)
            return embedding(ids) * sqrt(width) + table

        def forward(self, source, target):
            padding, future = source == 0, ~torch.ones(target.shape[1], target.shape[1]).tril().bool()
            memory = self.encoder(self.embed(self.source_embedding, source), src_key_padding_mask=padding)
            y = self.embed(self.target_embedding, target)
            y = self.decoder(y, memory, tgt_mask=future, memory_key_padding_mask=padding)
            return nn.functional.linear(y, self.target_embedding.weight)

    return Translator()


def test_names_and_the_number_of_parameters():
    model = translator(layers=1)
    names = [name for name, _ in model.named_parameters()]
    assert names[:2] == ["source_embedding.weight", "target_embedding.weight"]
    assert names[2] == "encoder.layers.0.self_attn.in_proj_weight"
    assert names[-1] == "decoder.layers.0.norm3.bias"
    attention, net, norm = 4 * (64 + 8), 12 * 8 + 12 + 8 * 12 + 8, 16
    count = (9 + 7) * 8 + (attention + net + 2 * norm) + (2 * attention + net + 3 * norm)
    assert sum(p.numel() for p in model.parameters()) == count
    assert sum(p.numel() for p in translator(layers=1, norm_first=True).parameters()) == count + 2 * norm


def test_the_defaults_are_the_paper_s():
    model = Translator(50, 60)
    layer: Any = model.decoder.layers[5]
    assert len(model.encoder.layers) == len(model.decoder.layers) == 6
    assert (layer.self_attn.num_heads, layer.linear1.weight.shape) == (4, (1024, 512))
    assert (layer.dropout.p, layer.norm_first, layer.activation) == (0.3, False, "relu")


@pytest.mark.parametrize("norm_first", [False, True])
def test_scores_gradients_and_training_as_in_pytorch(torch, norm_first):
    ours, theirs = translator(norm_first=norm_first).double(), torch_translator(torch, norm_first).double()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict())
    optimizer, optimizer_torch = mr.optim.SGD(ours.parameters(), lr=0.1), torch.optim.SGD(theirs.parameters(), lr=0.1)
    words = TARGET[:, 1:].reshape(-1)
    for smoothing in (0.0, 0.1):
        optimizer.zero_grad()
        optimizer_torch.zero_grad()
        scores_torch = theirs(torch.tensor(SOURCE), torch.tensor(TARGET[:, :-1]))
        np.testing.assert_allclose(
            host(ours(device(SOURCE), device(TARGET[:, :-1]))), scores_torch.detach().numpy(), rtol=1e-10, atol=1e-10
        )
        loss_torch = torch.nn.functional.cross_entropy(
            scores_torch.flatten(0, 1), torch.tensor(words), ignore_index=0, label_smoothing=smoothing
        )
        loss = ours.loss(device(SOURCE), device(TARGET), smoothing)
        compare(loss, loss_torch, list(ours.parameters()), list(theirs.parameters()))
        optimizer.step()
        optimizer_torch.step()
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})


def test_float32_as_in_pytorch(torch):
    ours, theirs = translator(), torch_translator(torch)
    ours.load_state_dict(theirs.state_dict())
    compare(
        ours(device(SOURCE), device(TARGET)), theirs(torch.tensor(SOURCE), torch.tensor(TARGET)),
        list(ours.parameters()), list(theirs.parameters()), 2e-4,
    )  # fmt: skip


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize(("words", "apart"), [(100, 1.0), (4000, 0.1)])
def test_the_first_loss_is_that_of_a_model_that_knows_nothing(words, apart, norm_first):
    """Scores of about variance v cost v / 2 on top of log(words), and v falls with the number of words."""
    model = Translator(words, words, 64, 4, 2, 256, 0.0, norm_first)
    source, target = (np.random.default_rng(i).integers(4, words, (32, 10)) for i in range(2))
    assert abs(model.loss(device(source), device(target)).item() - log(words)) < apart


def test_initial_values():
    model = translator()
    for name, p in model.named_parameters():
        if p.ndim == 2:
            bound = sqrt(6 / sum(p.shape))
            assert 0.8 * bound < np.abs(host(p)).max() <= bound * (1 + 1e-6), name
    again = []
    for _ in range(2):
        mr.manual_seed(5)
        again.append(translator().state_dict())
    for name, array in again[0].items():
        np.testing.assert_array_equal(array, again[1][name])


def test_a_word_goes_in_as_embedding_times_root_of_width_plus_position():
    model = translator()
    x = host(model.embed(model.target_embedding, mr.tensor(TARGET), first=3))
    table = host(model.target_embedding.weight)[TARGET] * np.float32(sqrt(8))
    np.testing.assert_allclose(x - table, np.broadcast_to(host(model.positions.table)[3:9], x.shape), atol=1e-5)


def test_input_and_output_share_the_target_embedding():
    """The gradient comes from both ends: also for words that are only input, and for those that are only scored."""
    model = translator().double()
    model(device(SOURCE), mr.tensor([[2], [2], [2]]))[:, 0, 6].sum().backward()
    used = host(model.target_embedding.weight.grad).any(axis=1)
    assert used.tolist() == [False, False, True, False, False, False, True]


def test_no_word_sees_the_future():
    model, later = translator(), TARGET.copy()
    later[:, 3:] = 6
    before, after = (host(model(device(SOURCE), device(target))) for target in (TARGET, later))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).any()


@pytest.mark.parametrize("norm_first", [False, True])
def test_padding_counts_for_nothing(norm_first):
    """More of it, on both sides, changes neither loss nor gradients."""
    model = translator(norm_first=norm_first).double()
    results = []
    for more in (0, 3):
        source, target = (np.pad(ids, ((0, 0), (0, more))) for ids in (SOURCE, TARGET))
        model.zero_grad()
        loss = model.loss(device(source), device(target), 0.1)
        loss.backward()
        results.append([host(loss), *(host(p.grad) for p in model.parameters())])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    assert not host(model.source_embedding.weight.grad)[0].any()
    alone = [model.loss(device(SOURCE[i : i + 1]), device(TARGET[i : i + 1])).item() for i in range(3)]
    words = (TARGET[:, 1:] != 0).sum(axis=1)
    assert abs(np.average(alone, weights=words) - model.loss(device(SOURCE), device(TARGET)).item()) < 1e-10


def test_another_padding_id():
    model = translator(padding=3).double()
    source, target = (np.where(ids == 0, 3, ids) for ids in (SOURCE, TARGET))
    other = translator().double()
    other.load_state_dict(model.state_dict())
    loss, expected = model.loss(device(source), device(target)), other.loss(device(SOURCE), device(TARGET))
    np.testing.assert_allclose(host(loss), host(expected), rtol=1e-12)


# ---- word by word


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_step_says_what_forward_says_at_the_last_place(norm_first):
    model = translator(norm_first=norm_first).double().eval()
    expected = host(F.log_softmax(model(device(SOURCE), device(TARGET)), dim=-1))
    with mr.no_grad():
        kept = model.start(device(SOURCE))
        for t in range(6):
            log_p = model.step(device(TARGET[:, t]), kept)
            np.testing.assert_allclose(host(log_p), expected[:, t], rtol=1e-10, atol=1e-10)
            assert kept.length == t + 1
            assert [a.shape for a in kept.target] == [(3, t + 1, 16)] * 2  # one place more, no other is computed again
            assert [a.shape for a in kept.source] == [(3, 5, 16)] * 2


def test_rows_can_be_chosen():
    model, rows = translator().double().eval(), [2, 0, 0]
    expected = host(F.log_softmax(model(device(SOURCE[rows]), device(TARGET[rows, :2])), dim=-1))
    with mr.no_grad():
        kept = model.start(device(SOURCE))
        model.step(device(TARGET[:, 0]), kept)
        chosen = kept.choose(rows)
        log_p = model.step(device(TARGET[rows, 1]), chosen)
        assert kept.target[0].shape == (3, 1, 16)  # as it was
    np.testing.assert_allclose(host(log_p), expected[:, 1], rtol=1e-10)


# ---- use and training


def test_dropout_in_training_only_and_the_same_for_the_same_seed():
    model, losses = translator(dropout=0.3), []
    for seed in (1, 1, 2):
        mr.manual_seed(seed)
        losses.append(model.loss(device(SOURCE), device(TARGET)).item())
    assert losses[0] == losses[1] != losses[2]
    model.eval()
    assert model.loss(device(SOURCE), device(TARGET)).item() == model.loss(device(SOURCE), device(TARGET)).item()


def test_dropout_of_what_goes_in():
    model = translator(dropout=0.3)
    x = host(model.embed(model.target_embedding, mr.tensor(TARGET)))
    assert 0 < (x == 0).mean() < 1
    assert (host(model.eval().embed(model.target_embedding, mr.tensor(TARGET))) != 0).all()


def test_copies_share_nothing_and_stay_tied():
    model = translator()
    twin, before = deepcopy(model), model.state_dict()
    optimizer = mr.optim.RAdam(twin.parameters(), lr=0.1)
    twin.loss(device(SOURCE), device(TARGET)).backward()
    optimizer.step()
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert (twin.state_dict()["target_embedding.weight"] != before["target_embedding.weight"]).any()


def test_a_checkpoint_brings_it_back(tmp_path):
    pytest.importorskip("safetensors", reason="needs the extra minirad[lab]")
    model, other = translator(), translator()
    checkpoint.save(tmp_path / "c", model=model)
    checkpoint.load(tmp_path / "c", model=other)
    np.testing.assert_array_equal(*(host(m(device(SOURCE), device(TARGET))) for m in (model, other)))


def test_memory_goes_back_without_the_collector():
    model = translator()
    gc.collect()
    gc.disable()
    try:
        loss = model.loss(device(SOURCE), device(TARGET))
        refs, stack = [], [loss]
        while stack:
            node = stack.pop()
            refs.append(weakref.ref(node))
            stack += [p for p in node.parents if p.vjp is not None]
        assert len(refs) > 50
        del loss, node, stack
        assert not any(ref() is not None for ref in refs)
    finally:
        gc.enable()


@pytest.mark.parametrize("norm_first", [False, True])
def test_it_learns_to_turn_sentences_round(norm_first):
    rng = np.random.default_rng(0)

    def draw(n):
        lengths = rng.integers(1, 4, n)
        source, target = np.zeros((n, 3), int), np.zeros((n, 5), int)
        target[:, 0] = 2
        for row, length in enumerate(lengths):
            source[row, :length] = words = rng.integers(4, 8, length)
            target[row, 1 : length + 2] = [*words[::-1], 3]
        return source, target

    model = Translator(8, 8, 32, 4, 1, 64, 0.0, norm_first, max_length=10)
    optimizer = mr.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(250):
        optimizer.zero_grad()
        model.loss(*map(device, draw(32))).backward()
        optimizer.step()
    source, target = draw(50)
    expected = [[word for word in row[1:] if word > 3] for row in target.tolist()]
    for found in (
        greedy_search(model, device(source), 2, 3, 8),
        [list(h.words) for h in beam_search(model, device(source), 2, 3, 3, max_length=8)],
    ):
        assert np.mean([a == b for a, b in zip(found, expected, strict=True)]) > 0.9


# ---- what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 3}, "MultiheadAttention: num_heads=3 must divide embed_dim=8"),
        ({"layers": 0}, "TransformerEncoder: num_layers must be a positive integer, got 0"),
        ({"width": 0}, "Embedding: embedding_dim must be a positive integer, got 0"),
        ({"feed_forward": 0}, "Linear: out_features must be a positive integer, got 0"),
        ({"dropout": 1.5}, r"Dropout: p must lie in \[0, 1\], got 1.5"),
        ({"max_length": 0}, "SinusoidalPositions: max_length must be a positive integer, got 0"),
    ],
    ids=str,
)
def test_settings_refused(options, message):
    with pytest.raises(ValueError, match=message):
        translator(**options)


def test_ids_refused():
    model = translator()
    good = {"source": SOURCE, "target": TARGET}

    def refused(message, **other):
        with pytest.raises(ValueError, match=message):
            model.loss(**{name: device(ids) for name, ids in (good | other).items()})

    for name in good:
        refused(rf"Translator: {name} must be integers \(n, length\), got int64 of shape \(5,\)", **{name: SOURCE[0]})
        refused(rf"Translator: {name} must be integers .*, got float64 of shape \(3, 5\)", **{name: SOURCE * 1.0})
        last = 8 if name == "source" else 6
        refused(rf"Translator: {name} must be 0 \.\. {last}, got 9 \.\. 1", **{name: good[name] + 9})
    refused(
        r"Translator: source must have at least one word in each sentence, got shape \(3, 5\) with padding alone in "
        "sentence 1",
        source=SOURCE * [[1], [0], [1]],
    )
    refused(r"source must have at least one word in each sentence, got shape \(3, 0\)", source=SOURCE[:, :0])
    message = r"Translator: target must be \(n, t\) with the n of source, {}, and t >= {}, got shape \({}\)"
    refused(message.format(2, 2, "3, 6"), source=SOURCE[:2])
    refused(message.format(3, 2, "1, 6"), target=TARGET[:1])
    for t in (0, 1):
        refused(message.format(3, 2, f"3, {t}"), target=TARGET[:, :t])
    with pytest.raises(ValueError, match=message.format(3, 1, "3, 0")):
        model(device(SOURCE), device(TARGET[:, :0]))
    assert model(device(SOURCE), device(TARGET[:, :1])).shape == (3, 1, 7)
    with pytest.raises(ValueError, match=r"Translator: target must be 0 \.\. 6, got 2 \.\. 9"):
        model.step(device([2, 2, 9]), model.start(device(SOURCE)))
    refused(r"SinusoidalPositions: x must be .* places 0 \.\. 19", target=np.tile(TARGET, (1, 4)))
