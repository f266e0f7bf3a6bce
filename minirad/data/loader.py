"""Loader: the training data in batches, in a new random order each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minirad.backend import Array, stream, to_device


class Loader:
    """Hands out batches: ``for x, y in loader`` is one epoch, and so is the next such loop.

    The arrays go to the backend at once. A batch has arrays of the backend: copies, or without shuffling views.

    Args:
        arrays: one or more arrays (n, ...) of the same n >= 1. A batch is a tuple with a piece of each.
        batch_size: how many examples in a batch; the last one may have fewer.
        shuffle: take the examples in a new random order each epoch, else in their own.
        generator: where the order is drawn from; the stream "shuffle" (see manual_seed) if there is none.
        drop_last: leave out the last batch if it is smaller than the others.
        transform: what is done to the first array of each batch (the images) before it is handed out: see augment. It
            returns another array and leaves this one alone. What it draws must come from another stream or generator
            than the order, which then stays the same whatever the transform is.

    Raises:
        TypeError: an array holds no numbers, the batch size is no integer, or the transform can't be called.
        ValueError: there is no array or no example, the lengths differ, or the batch size is below 1.
    """

    def __init__(
        self,
        *arrays: Any,
        batch_size: int,
        shuffle: bool = True,
        generator: np.random.Generator | None = None,
        drop_last: bool = False,
        transform: Callable[[Array], Array] | None = None,
    ) -> None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, int):
            raise TypeError(f"Loader: batch_size must be an integer, got {batch_size!r}")
        if batch_size < 1:
            raise ValueError(f"Loader: batch_size must be at least 1, got {batch_size}")
        if transform is not None and not callable(transform):
            raise TypeError(f"Loader: transform must be a function of a batch, got {transform!r}")
        arrays = tuple(array if hasattr(array, "dtype") else np.asarray(array) for array in arrays)
        if any(array.dtype.kind not in "biuf" for array in arrays):
            raise TypeError(f"Loader: arrays must hold numbers, got dtypes {[str(array.dtype) for array in arrays]}")
        shapes = [array.shape for array in arrays]
        if not shapes or () in shapes or len({shape[0] for shape in shapes}) != 1 or shapes[0][0] == 0:
            raise ValueError(f"Loader: needs arrays of one length, at least 1, got shapes {shapes}")
        self.arrays: tuple[Array, ...] = tuple(to_device(array) for array in arrays)
        self.batch_size, self.shuffle, self.generator, self.drop_last = batch_size, shuffle, generator, drop_last
        self.transform = transform

    @property
    def examples(self) -> int:
        """How many examples there are."""
        return len(self.arrays[0])

    def __len__(self) -> int:
        """How many batches an epoch has."""
        return self.examples // self.batch_size if self.drop_last else -(-self.examples // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        if self.shuffle:
            generator = self.generator or stream("shuffle")  # asked for each time: manual_seed starts it anew
            order = to_device(generator.permutation(self.examples))
        for start in range(0, len(self) * self.batch_size, self.batch_size):
            here = slice(start, start + self.batch_size)
            batch = tuple(array[order[here] if self.shuffle else here] for array in self.arrays)
            yield batch if self.transform is None else (self.transform(batch[0]), *batch[1:])
