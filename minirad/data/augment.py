"""Augmentation: each time an image is shown, it is another one. It is flipped, and moved a little.

    fill = images.black
    loader = Loader(images.train.x, images.train.y, batch_size=128, transform=lambda x: crop_and_flip(x, fill))

The moved image needs pixels from outside. The usual recipe for CIFAR-10, that of the paper's own code too, pads the
photo with black and normalises it afterwards. Here the images are normalised already, so the pixels outside are
``fill``, and ImageData.black says what black has become. Zero would be the mean colour: some codes pad with that.

The numbers are drawn on the host from the stream "noise", unless there is a generator: the order of the data (the
stream "shuffle") is the same with augmentation and without. The result is always a new array. On NumPy it lies in
memory as the batch did: channels that come last there, so that x.transpose(0, 2, 3, 1) is contiguous, still do.

Source: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2; with black in
https://github.com/LiyuanLucasLiu/RAdam, cifar_imagenet/cifar.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minirad.backend import Array, stream, to_device, xp


def crop_and_flip(
    x: Array, fill: float | Sequence[float], padding: int = 4, generator: np.random.Generator | None = None
) -> Array:
    """The usual augmentation of small photos: random_flip, then random_crop. Arguments and errors as there.

    A padding of 4 is meant for 32x32 pixels.
    """
    return random_crop(random_flip(x, generator=generator), fill, padding, generator)


def random_flip(x: Array, p: float = 0.5, generator: np.random.Generator | None = None) -> Array:
    """Mirror each image, left to right, with probability p.

    Args:
        x: images (n, channels, height, width).
        p: the probability.
        generator: where the n numbers are drawn from; the stream "noise" if there is none.

    Raises:
        ValueError: x has other than 4 axes, or p does not lie in [0, 1].
    """
    if x.ndim != 4:
        raise ValueError(f"random_flip: x must be (n, channels, height, width), got shape {x.shape}")
    if not 0 <= p <= 1:
        raise ValueError(f"random_flip: p must lie in [0, 1], got {p}")
    flipped = to_device(np.flatnonzero((generator or stream("noise")).random(len(x)) < p))
    out = x.copy(order="K")
    out[flipped] = x[flipped][..., ::-1]
    return out


def random_crop(
    x: Array, fill: float | Sequence[float], padding: int = 4, generator: np.random.Generator | None = None
) -> Array:
    """Pad each image and cut a window of its own size out at random: each of the (2 padding + 1)^2 is as likely.

    Args:
        x: images (n, channels, height, width), of floating-point numbers.
        fill: the pixels around them: a number for each channel, or one for all.
        padding: how many on each side.
        generator: where the 2 n numbers (first all rows, then all columns) are drawn from; the stream "noise" if there
            is none.

    Raises:
        TypeError: x holds no floating-point numbers: fill might not fit in.
        ValueError: x has other than 4 axes, fill is not one number or one for each channel, or padding is no integer of
            at least 0.
    """
    if x.ndim != 4:
        raise ValueError(f"random_crop: x must be (n, channels, height, width), got shape {x.shape}")
    if x.dtype.kind != "f":
        raise TypeError(f"random_crop: x must hold floating-point numbers, got {x.dtype}")
    n, channels, height, width = x.shape
    colour = np.asarray(fill, x.dtype)
    if colour.shape not in ((), (channels,)):
        raise ValueError(f"random_crop: fill must be one number or {channels}, one for each channel, got {fill!r}")
    if not isinstance(padding, int) or isinstance(padding, bool) or padding < 0:
        raise ValueError(f"random_crop: padding must be an integer >= 0, got {padding!r}")

    padded = _padded(x, to_device(colour.reshape(-1, 1, 1)), padding)
    offsets = 2 * padding + 1
    rows, columns = to_device((generator or stream("noise")).integers(0, offsets, (2, n)))
    # All windows of all images, without a copy: windows[i, r, s] is padded[i, :, r : r + height, s : s + width].
    i, c, h, w = padded.strides
    shape = (n, offsets, offsets, channels, height, width)
    windows = xp.lib.stride_tricks.as_strided(padded, shape, (i, h, w, c, h, w))
    return windows[xp.arange(n), rows, columns]


def _padded(x: Array, colour: Array, padding: int) -> Array:
    n, channels, height, width = x.shape
    bottom, right = padding + height, padding + width  # where the image ends
    out = xp.empty_like(x, shape=(n, channels, bottom + padding, right + padding))
    for edge in (out[:, :, :padding], out[:, :, bottom:], out[:, :, :, :padding], out[:, :, :, right:]):
        edge[...] = colour
    out[:, :, padding:bottom, padding:right] = x
    return out
