"""Chunks: a long text cut for a recurrent net that carries its state from one piece to the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minirad.backend import Array, to_device
from minirad.tensor import Tensor


class Chunks:
    """Hands out chunks: ``for input, target in chunks`` is one epoch, from the beginning of the text to its end.

    The text is cut into batch_size rows of equal length, and these into chunks. Row i of a chunk continues row i of the
    chunk before: the state that the net has after one chunk is the one to begin the next with. The target of each token
    is the token after it. There is no random order, which would tear the text apart.

    A chunk is input and target, both (batch_size, steps), int64 views on arrays of the backend; the last chunk may be
    shorter. Fewer than batch_size tokens at the end of the text are left out, so that all rows are of one length.

    Args:
        ids: the text, integers (n,) with n > batch_size: an array, a tensor or a list.
        batch_size: how many rows.
        steps: how many tokens of each row in a chunk: as far as the gradient goes back.

    Raises:
        TypeError: ids holds no integers, or batch_size or steps is none.
        ValueError: ids has not one axis or is too short, or batch_size or steps is below 1.
    """

    def __init__(self, ids: Any, batch_size: int, steps: int) -> None:
        for name, value in (("batch_size", batch_size), ("steps", steps)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"Chunks: {name} must be an integer, got {value!r}")
            if value < 1:
                raise ValueError(f"Chunks: {name} must be at least 1, got {value}")
        ids = ids.data if isinstance(ids, Tensor) else ids
        ids = ids if hasattr(ids, "dtype") else np.asarray(ids)
        if ids.dtype.kind not in "iu":
            raise TypeError(f"Chunks: ids must hold integers, got {ids.dtype}")
        if ids.ndim != 1 or len(ids) <= batch_size:
            raise ValueError(
                f"Chunks: ids must be (n,) with n > batch_size={batch_size}: a row needs a token and the one after it, "
                f"got shape {ids.shape}"
            )
        self.batch_size, self.steps = batch_size, steps
        self.length = (len(ids) - 1) // batch_size  # of a row
        used = self.length * batch_size
        ids = to_device(ids.astype(np.int64))
        self.input: Array = ids[:used].reshape(batch_size, self.length)
        self.target: Array = ids[1 : used + 1].reshape(batch_size, self.length)

    def __len__(self) -> int:
        """How many chunks an epoch has."""
        return -(-self.length // self.steps)

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        for start in range(0, self.length, self.steps):
            here = slice(start, start + self.steps)
            yield self.input[:, here], self.target[:, here]
