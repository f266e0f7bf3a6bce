"""The adaptive softmax: a softmax over very many words that spends its time on the frequent ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from minirad import functional as F
from minirad.backend import Array, xp
from minirad.functional.embedding import check_ids
from minirad.nn.container import ModuleList, Sequential
from minirad.nn.linear import Linear
from minirad.nn.module import Module
from minirad.tensor import Tensor, as_tensor, no_grad


class AdaptiveLoss(NamedTuple):
    """What the adaptive softmax returns."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """log p(class) with rare classes in clusters:  p(class) = p(cluster) p(class given cluster).

    Classes must be ordered by falling frequency. The head scores the first cutoffs[0] of them and one entry for each
    cluster; cluster i, tail[i], holds classes cutoffs[i] to cutoffs[i + 1] - 1 and is computed only for the examples
    whose target lies in it. A cluster of rarer classes also gets a narrower way to its scores.

    Args:
        in_features: the width of the inputs.
        n_classes: how many classes there are.
        cutoffs: where the clusters begin, growing, each 1 .. n_classes - 1.
        div_value: cluster i sees the inputs through in_features / div_value^(i + 1) numbers, rounded down.
        head_bias: whether the head has a bias.

    Raises:
        ValueError: an argument is out of range, or an input or target does not fit.
        TypeError: the input has another dtype than the weights, or the target is no integers.

    Source: Grave et al., "Efficient softmax approximation for GPUs", ICML 2017. Names and layouts are PyTorch's.
    """

    def __init__(
        self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0, head_bias: bool = False
    ) -> None:
        for name, n in (("in_features", in_features), ("n_classes", n_classes)):
            if not isinstance(n, int) or n < 1:
                raise ValueError(f"AdaptiveLogSoftmaxWithLoss: {name} must be a positive integer, got {n!r}")
        edges = [0, *cutoffs, n_classes] if isinstance(cutoffs, tuple | list) else []
        if len(edges) < 3 or not all(isinstance(e, int) for e in edges) or any(a >= b for a, b in pairwise(edges)):
            raise ValueError(
                "AdaptiveLogSoftmaxWithLoss: cutoffs must be growing integers from 1 to "
                f"n_classes - 1 = {n_classes - 1}, got {cutoffs!r}"
            )
        widths = [int(in_features // div_value ** (i + 1)) if div_value > 0 else 0 for i in range(len(cutoffs))]
        if min(widths) < 1:
            raise ValueError(
                f"AdaptiveLogSoftmaxWithLoss: div_value must be positive and leave each of the {len(cutoffs)} clusters "
                f"at least one of {in_features} features, got {div_value!r}"
            )
        self.in_features, self.n_classes, self.cutoffs = in_features, n_classes, edges[1:]
        self.head = Linear(in_features, cutoffs[0] + len(cutoffs), bias=head_bias)
        self.tail = ModuleList(
            Sequential(Linear(in_features, width, bias=False), Linear(width, stop - start, bias=False))
            for width, (start, stop) in zip(widths, pairwise(self.cutoffs), strict=True)
        )

    def forward(self, input: Any, target: Any) -> AdaptiveLoss:
        """input (..., in_features), target (...) -> the log-probability of each target, (...), and loss, -its mean."""
        input, target = self.checked(input), as_tensor(target)
        check_ids("AdaptiveLogSoftmaxWithLoss", "target", target, self.n_classes)
        if target.shape != input.shape[:-1]:
            raise ValueError(
                f"AdaptiveLogSoftmaxWithLoss: input of shape {input.shape} needs target of shape {input.shape[:-1]}, "
                f"got {target.shape}"
            )
        x, classes = input.reshape(-1, self.in_features), target.data.reshape(-1).astype(xp.int64)
        # Which examples have their target in the head, in cluster 0, in cluster 1 ...
        rows = [xp.nonzero((start <= classes) & (classes < stop))[0] for start, stop in pairwise([0, *self.cutoffs])]
        in_head = classes.copy()
        losses = [F.zeros(len(rows[0]), dtype=x.dtype)]
        for i, (cluster, own) in enumerate(zip(self.tail, rows[1:], strict=True)):
            if len(own):
                in_head[own] = self.cutoffs[0] + i
                scores = cluster(F.embedding(own, x))  # x[own], with a faster gradient
                losses.append(F.cross_entropy(scores, classes[own] - self.cutoffs[i], reduction="none"))
        back = xp.concatenate(rows).argsort()  # from the order of the clusters to that of the examples
        output = -(F.cross_entropy(self.head(x), in_head, reduction="none") + F.cat(losses)[back])
        return AdaptiveLoss(output.reshape(target.shape), -output.mean())

    def log_prob(self, input: Any) -> Tensor:
        """(..., in_features) -> the log-probabilities of all classes, (..., n_classes)."""
        input = self.checked(input)
        head, first = F.log_softmax(self.head(input), -1), self.cutoffs[0]
        tails = [F.log_softmax(cluster(input), -1) for cluster in self.tail]
        return F.cat([head[..., :first], *(head[..., first + i, None] + t for i, t in enumerate(tails))], dim=-1)

    def predict(self, input: Any) -> Tensor:
        """(..., in_features) -> the most likely classes (...): the clusters are asked only where they may hold it."""
        input = self.checked(input)
        with no_grad():
            x = input.reshape(-1, self.in_features)
            best: Array = self.head(x).data.argmax(axis=1)
            rare = xp.nonzero(best >= self.cutoffs[0])[0]
            if len(rare):
                best[rare] = self.log_prob(x[rare]).data.argmax(axis=1)
            return Tensor(best.reshape(input.shape[:-1]))

    def checked(self, input: Any) -> Tensor:
        """The input as a tensor. Raises unless it fits."""
        input = as_tensor(input)
        if not input.ndim or input.shape[-1] != self.in_features:
            raise ValueError(
                f"AdaptiveLogSoftmaxWithLoss: input must be (..., {self.in_features}), got shape {input.shape}"
            )
        if input.dtype != self.head.weight.dtype:
            raise TypeError(f"AdaptiveLogSoftmaxWithLoss: input must be {self.head.weight.dtype}, got {input.dtype}")
        return input
