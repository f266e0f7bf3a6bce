"""What is done to images before a net sees them: some are set aside, they are made smaller if asked for, normalised.

Images are (n, channels, height, width): bytes at first, float32 in the end.
"""

from __future__ import annotations

import numpy as np

Pair = tuple[np.ndarray, np.ndarray]  # images, and their labels (n,)


def set_aside(images: np.ndarray, labels: np.ndarray, every: int) -> tuple[Pair, Pair]:
    """Split off every fifth (say) image of each class, in the order of the file: the same on any machine, for ever."""
    aside = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        aside[np.flatnonzero(labels == label)[every - 1 :: every]] = True
    return (images[~aside], labels[~aside]), (images[aside], labels[aside])


def block_sums(images: np.ndarray, size: int) -> tuple[np.ndarray, int]:
    """The sums over square blocks, (n, channels, size, size), and how many pixels a block has.

    The sums stay integers, so that the averages, and all that is computed from them, are exact.

    Raises:
        ValueError: size is no integer that divides height and width.
    """
    n, channels, height, width = images.shape
    if not isinstance(size, int) or isinstance(size, bool) or size < 1 or height % size or width % size:
        raise ValueError(f"size must be an integer that divides height {height} and width {width}, got {size!r}")
    blocks = images.reshape(n, channels, size, height // size, size, width // size)
    return blocks.sum(axis=(3, 5), dtype=np.uint32), (height // size) * (width // size)


def mean_and_std(images: np.ndarray, per: int = 1) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Of the grey levels of each channel, from how often each comes: exact, and little memory.

    Args:
        images: bytes, or sums of this many of them.
        per: how many.
    """
    channels = [_channel(images[:, c], per) for c in range(images.shape[1])]
    mean, std = zip(*channels, strict=True)
    return mean, std


def _channel(images: np.ndarray, per: int) -> tuple[float, float]:
    levels = np.arange(255 * per + 1) / per
    parts = np.array_split(images, 1 + len(images) // 1000)
    counts = sum(np.bincount(part.ravel(), minlength=len(levels)) for part in parts)
    mean = (counts * levels).sum() / images.size
    variance = (counts * (levels - mean) ** 2).sum() / images.size
    return float(mean), float(np.sqrt(variance))


def normalised(images: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...], per: int = 1) -> np.ndarray:
    """(images / per - mean) / std, channel by channel, as float32."""
    x = images.astype(np.float32)
    if per > 1:
        x /= per
    x -= np.array(mean, np.float32)[:, None, None]
    x /= np.array(std, np.float32)[:, None, None]
    return x
