"""The LSTM language model against one of the same structure in PyTorch; state, perplexity, writing, tied weights."""

from copy import deepcopy
from math import exp
from typing import Any

import numpy as np
import pytest
from helpers import device, host

import minirad as mr
import minirad.nn.functional as F
from minirad import checkpoint
from minirad.data import Chunks, python_docs
from minirad.models import LSTMLanguageModel
from minirad.models.lstm import drawn

SMALL: dict[str, Any] = {"embedding_dim": 6, "hidden_size": 6, "dropout": 0.0}
KINDS: list[dict[str, Any]] = [{}, {"tied": True}, {"cutoffs": [3, 5], "hidden_size": 16}]


def small(**options):
    return LSTMLanguageModel(10, **(SMALL | options))


def ids(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 10, shape)


def same_gradients(ours, expected):
    for (name, p), q in zip(ours.named_parameters(), expected, strict=True):
        np.testing.assert_allclose(host(p.grad), q, rtol=1e-10, atol=1e-12, err_msg=name)


def test_names_and_sizes():
    """The paper's sizes by default, but for the vocabulary and the cut-offs."""
    names = {name: p.shape for name, p in LSTMLanguageModel(10, num_layers=1, hidden_size=4).named_parameters()}
    assert names == {
        "embedding.weight": (10, 300),
        "lstm.weight_ih_l0": (16, 300),
        "lstm.weight_hh_l0": (16, 4),
        "lstm.bias_ih_l0": (16,),
        "lstm.bias_hh_l0": (16,),
        "decoder.weight": (10, 4),
        "decoder.bias": (10,),
    }
    adaptive = [name for name, _ in small(cutoffs=[3, 5], hidden_size=16).named_parameters() if "decoder" in name]
    assert adaptive == [f"decoder.{name}.weight" for name in ("head", "tail.0.0", "tail.0.1", "tail.1.0", "tail.1.1")]
    tied = small(tied=True)
    assert tied.decoder.weight is tied.embedding.weight
    assert "decoder.weight" not in dict(tied.named_parameters())
    assert np.abs(host(tied.embedding.weight)).max() <= 0.1


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_as_in_pytorch(torch, options):
    """Two chunks with the state carried on: losses, gradients, state and log-probabilities."""
    model = small(**options).double()
    nn: Any = torch.nn
    size = model.lstm.hidden_size
    embedding, lstm = nn.Embedding(10, 6).double(), nn.LSTM(6, size, 2, batch_first=True).double()
    adaptive = "cutoffs" in options
    decoder = nn.AdaptiveLogSoftmaxWithLoss(size, 10, [3, 5]) if adaptive else nn.Linear(size, 10)
    if options.get("tied"):
        decoder.weight = embedding.weight
    theirs = nn.ModuleDict({"embedding": embedding, "lstm": lstm, "decoder": decoder.double()})
    assert list(model.state_dict()) == list(theirs.state_dict())
    theirs.load_state_dict({name: torch.tensor(array) for name, array in model.state_dict().items()})
    state: Any = None
    state_torch: Any = None
    for chunk in range(2):
        x, target = ids(3, 4, seed=chunk), ids(3, 4, seed=7 + chunk)
        model.zero_grad()
        theirs.zero_grad()
        log_p = host(model(x, state)[0])
        loss, state = model.loss(x, target, state)
        y, (h, c) = lstm(embedding(torch.tensor(x)), state_torch)
        state_torch = (h.detach(), c.detach())
        rows, labels = y.reshape(-1, size), torch.tensor(target).reshape(-1)
        loss_torch = decoder(rows, labels).loss if adaptive else nn.functional.cross_entropy(decoder(rows), labels)
        log_p_torch = decoder.log_prob(rows) if adaptive else decoder(rows).log_softmax(1)
        np.testing.assert_allclose(log_p, log_p_torch.detach().numpy().reshape(3, 4, 10), rtol=1e-10)
        np.testing.assert_allclose(loss.item(), loss_torch.item(), rtol=1e-12)
        loss.backward()
        loss_torch.backward()
        same_gradients(model, [p.grad.numpy() for p in theirs.parameters()])
        for ours, expected in zip(state, state_torch, strict=True):
            np.testing.assert_allclose(host(ours), expected.numpy(), rtol=1e-10)


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_log_probabilities(options):
    model = small(**options).double()
    x, target = ids(3, 4), ids(3, 4, seed=1)
    log_p, _ = model(x)
    assert log_p.shape == (3, 4, 10)
    np.testing.assert_allclose(np.exp(host(log_p)).sum(2), 1, rtol=1e-12)
    expected = -np.take_along_axis(host(log_p), target[..., None], 2).mean()
    np.testing.assert_allclose(model.loss(x, target)[0].item(), expected, rtol=1e-12)


def test_the_state_goes_on_but_the_gradient_does_not():
    model = small().double()
    x, target = ids(3, 6), ids(3, 6, seed=1)
    whole, _ = model(x)
    first, state = model(x[:, :4])
    second, _ = model(x[:, 4:], state)
    np.testing.assert_allclose(host(F.cat([first, second], dim=1)), host(whole), rtol=1e-12)
    _, carried = model.loss(x[:, :4], target[:, :4])
    assert not any(s.requires_grad for s in carried)
    loss, _ = model.loss(x[:, 4:], target[:, 4:], carried)
    loss.backward()
    used = set(x[:, 4:].reshape(-1).tolist())
    assert set(host(model.embedding.weight.grad).any(1).nonzero()[0].tolist()) == used
    model.loss(x[:, 4:], target[:, 4:], carried)[0].backward()  # the state serves again


def test_dropout_in_training_only():
    model = small(dropout=0.5)
    x, target = ids(3, 4), ids(3, 4, seed=1)
    assert model.loss(x, target)[0].item() != model.loss(x, target)[0].item()
    model.eval()
    assert model.loss(x, target)[0].item() == model.loss(x, target)[0].item()


def test_where_dropout_is(monkeypatch):
    """On the embeddings, between the layers and before the scores, each in its share."""
    model = LSTMLanguageModel(10, 50, 50, dropout=0.3)
    assert model.lstm.dropout == 0.3
    seen: list[Any] = []
    forward = model.lstm.forward
    monkeypatch.setattr(model.lstm, "forward", lambda x, state: (seen.append(x), forward(x, state))[1])
    seen.append(model.read(ids(20, 10), None)[0])
    for x in seen:
        assert abs((host(x) == 0).mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / x.numel())


# ---- perplexity


def test_perplexity_is_e_to_the_mean_over_words():
    """Over one text with the state carried; each word counts alike, also in a shorter last chunk."""
    model = small(dropout=0.5).double()
    x, target = ids(2, 7), ids(2, 7, seed=1)
    log_p, _ = model.eval()(x)
    expected = exp(-np.take_along_axis(host(log_p), target[..., None], 2).mean())
    model.train()
    for cuts in ([0, 7], [0, 3, 6, 7], range(8)):
        chunks = [(x[:, i:j], target[:, i:j]) for i, j in zip(cuts, list(cuts)[1:], strict=False)]
        assert model.perplexity(chunks) == pytest.approx(expected, rel=1e-10)
    assert model.training
    assert model.lstm.training
    assert all(p.grad is None for p in model.parameters())


def test_a_model_that_knows_nothing_scores_its_vocabulary():
    model = small()
    model.load_state_dict({name: np.zeros_like(array) for name, array in model.state_dict().items()})
    assert model.perplexity(Chunks(ids(50), 3, 4)) == pytest.approx(10, rel=1e-6)


def test_the_mode_comes_back_after_an_error():
    model = small()
    with pytest.raises(ValueError, match=r"ids must be 0 .. 9"):
        model.perplexity([([[10]], [[0]])])
    assert model.training
    assert mr.is_grad_enabled()


# ---- writing


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_greedy_writing_takes_the_most_likely_word_each_time(options):
    """With the state carried on it is what the whole text so far gives."""
    model = small(**options, num_layers=1)
    for name, p in model.named_parameters():  # words that differ
        if "embedding" in name or "lstm" in name:
            mr.nn.init.normal_(p)
    text = ids(3, 4)
    written = host(model.generate(text, 6, temperature=0))
    assert (written.shape, written.dtype.kind) == ((3, 6), "i")
    for _ in range(6):
        log_p, _ = model(text)
        text = np.concatenate([text, host(log_p)[:, -1].argmax(1)[:, None]], 1)
    np.testing.assert_array_equal(written, text[:, 4:])
    np.testing.assert_array_equal(host(model.generate(ids(3, 4), 6, temperature=1e-6)), written)
    assert model.training


def test_words_are_drawn_by_their_probabilities():
    log_p = np.log([0.1, 0.2, 0.0, 0.7], where=[True, True, False, True], out=np.full(4, -np.inf)).astype("float32")
    rows, generator = device(np.tile(log_p + 5, (20_000, 1))), np.random.default_rng(0)
    for temperature, weights in (
        (1.0, [0.1, 0.2, 0, 0.7]),
        (0.5, [0.01, 0.04, 0, 0.49]),
        (2.0, np.sqrt([0.1, 0.2, 0, 0.7])),
    ):
        words = host(drawn(rows, temperature, generator))
        p = np.array(weights) / np.sum(weights)
        shares = np.bincount(words, minlength=4) / 20_000
        assert (np.abs(shares - p) <= 4 * np.sqrt(p * (1 - p) / 20_000)).all()
    assert (host(drawn(rows, 0, None)) == 3).all()


def test_the_ends_of_the_draw():
    """0 never falls on a word without probability, and nothing lies behind the last word."""

    class Ends:
        def random(self, shape):
            return np.array([[0.0], [np.nextafter(1, 0)]])

    log_p = device(np.array([[-np.inf, 0.0, 0.0, -np.inf]] * 2, "float32"))
    assert host(drawn(log_p, 1.0, Ends())).tolist() == [1, 2]  # type: ignore[arg-type]


def test_writing_draws_from_the_stream_or_a_generator():
    model = small()
    runs = []
    for _ in range(2):
        mr.manual_seed(3)
        runs.append(host(model.generate(ids(2, 3), 20)))
    np.testing.assert_array_equal(*runs)
    given = [host(model.generate(ids(2, 3), 20, generator=np.random.default_rng(5))) for _ in range(2)]
    np.testing.assert_array_equal(*given)
    assert (given[0] != runs[0]).any()


# ---- tied weights


def test_tied_weights_through_copies_checkpoints_and_optimizers(tmp_path):
    pytest.importorskip("safetensors", reason="needs the extra minirad[lab]")
    model = small(tied=True)
    optimizer = mr.optim.RAdam(model.named_parameters(), lr=0.1)

    def step(model, optimizer):
        optimizer.zero_grad()
        model.loss(ids(3, 4), ids(3, 4, seed=1))[0].backward()
        optimizer.step()

    step(model, optimizer)
    assert model.decoder.weight is model.embedding.weight
    state = model.state_dict()
    np.testing.assert_array_equal(state["decoder.weight"], state["embedding.weight"])
    assert "decoder.weight" not in optimizer.state_dict()["state"]
    twin, twin_s_optimizer = deepcopy((model, optimizer))
    assert twin.decoder.weight is twin.embedding.weight
    checkpoint.save(tmp_path / "c", model=model, optimizer=optimizer)
    back = small(tied=True)
    back_s_optimizer = mr.optim.RAdam(back.named_parameters(), lr=0.1)
    checkpoint.load(tmp_path / "c", model=back, optimizer=back_s_optimizer)
    for other, its_optimizer in ((model, optimizer), (twin, twin_s_optimizer), (back, back_s_optimizer)):
        step(other, its_optimizer)
        for name, array in other.state_dict().items():
            np.testing.assert_array_equal(array, model.state_dict()[name], err_msg=name)
    assert (model.state_dict()["embedding.weight"] != state["embedding.weight"]).any()


def test_tied_weights_get_both_gradients():
    """What the two uses would get alone, added up."""
    tied, free = small(tied=True).double(), small().double()
    free.load_state_dict(tied.state_dict())
    for model in (tied, free):
        model.loss(ids(3, 4), ids(3, 4, seed=1))[0].backward()
    expected = host(free.embedding.weight.grad) + host(free.decoder.weight.grad)
    np.testing.assert_allclose(host(tied.embedding.weight.grad), expected, rtol=1e-10, atol=1e-14)
    assert tied.double().decoder.weight is tied.embedding.weight


# ---- learning


@pytest.mark.parametrize(
    "options",
    [{"hidden_size": 48}, {"tied": True}, {"cutoffs": [20, 50], "hidden_size": 48}],
    ids=["plain", "tied", "adaptive"],
)
def test_it_beats_the_unigram_model(options):
    """On characters of Python's reference that it has not seen, after one pass through 20,000 others."""
    corpus = python_docs()
    train, test, size = corpus.train[:20_000], corpus.test[:5_000], len(corpus.vocabulary)
    counts = np.bincount(train, minlength=size) + 1
    unigram = exp(-np.log(counts / counts.sum())[test].mean())
    model = LSTMLanguageModel(size, 48, **({"hidden_size": 48, "num_layers": 1} | options))
    optimizer = mr.optim.Adam(model.parameters(), lr=0.02)
    state = None
    for x, target in Chunks(train, 16, 20):
        loss, state = model.loss(x, target, state)
        optimizer.zero_grad()
        loss.backward()
        mr.nn.utils.clip_grad_norm_(model.parameters(), 5)
        optimizer.step()
    assert model.perplexity(Chunks(test, 16, 20)) < 0.8 * unigram


# ---- errors


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: small(tied=True, hidden_size=7), "LSTMLanguageModel: tied needs .*, got 6, 7 and None"),
        (lambda: small(tied=True, cutoffs=[3]), r"LSTMLanguageModel: tied needs .*, got 6, 6 and \[3\]"),
        (lambda: LSTMLanguageModel(0), "Embedding: num_embeddings must be a positive integer, got 0"),
        (lambda: small(dropout=2.0), r"Dropout: p must lie in \[0, 1\], got 2.0"),
        (lambda: small(num_layers=0), "LSTM: num_layers must be a positive integer, got 0"),
        (lambda: small(cutoffs=[20]), "AdaptiveLogSoftmaxWithLoss: cutoffs must be"),
        (lambda: small()(ids(3)), r"LSTMLanguageModel: ids must be \(n, steps\), got shape \(3,\)"),
        (lambda: small()(ids(3, 0)), r"lstm: x must be .* with at least one step"),
        (lambda: small()([[1, 10]]), "LSTMLanguageModel: ids must be 0 .. 9, got 1 .. 10"),
        (
            lambda: small().loss(ids(3, 2), [[1, 2]]),
            r"LSTMLanguageModel: targets must have .* ids, \(3, 2\), got \(1, 2\)",
        ),
        (lambda: small().loss([[1]], [[10]]), "LSTMLanguageModel: targets must be 0 .. 9, got 10 .. 10"),
        (lambda: small().loss([[1, 1]], [[2, -100]]), "LSTMLanguageModel: targets must be 0 .. 9, got -100 .. 2"),
        (
            lambda: small(cutoffs=[3, 5], hidden_size=16).loss([[1, 1]], [[2, -100]]),
            "LSTMLanguageModel: targets must be 0 .. 9, got -100 .. 2",
        ),
        (
            lambda: small().perplexity([([[1, 1]], [[2, -100]])]),
            "LSTMLanguageModel: targets must be 0 .. 9, got -100 .. 2",
        ),
        (lambda: small()(ids(2, 3), small()(ids(3, 3))[1]), r"LSTM: h must have shape \(2, 2, 6\), got \(2, 3, 6\)"),
        (lambda: small().perplexity([]), "LSTMLanguageModel.perplexity: there are no words"),
        (lambda: small().generate(ids(1, 1), 0), "LSTMLanguageModel.generate: steps must be a positive integer, got 0"),
        (lambda: small().generate(ids(1, 1), 1, -1.0), "LSTMLanguageModel.generate: temperature must be .*, got -1.0"),
        (lambda: small().generate(ids(1, 1), 1, float("nan")), "LSTMLanguageModel.generate: temperature .*, got nan"),
    ],
    ids=range(19),
)
def test_what_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
