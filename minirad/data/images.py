"""Data sets of images, split into training and test images and normalised.

Images are (n, channels, height, width), so that one form serves every model: a convolution takes them as they are, an
MLP begins with nn.Flatten.

The test images are fixed, whatever the seed of a run, and are not for tuning. Whoever chooses a learning rate asks for
validation=True: then the test images stay away, and a sixth of the training images takes their place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minirad.data.download import fetch
from minirad.data.idx import read_idx
from minirad.data.registry import names
from minirad.data.support import DataError, lab


@dataclass(frozen=True, eq=False)
class Split:
    """Images and what they show.

    Attributes:
        x: the images, float32 of shape (n, channels, height, width).
        y: the number of each image's class, int64 of shape (n,).
    """

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set of images. The arrays are NumPy's: the Loader brings them to the backend.

    Attributes:
        name: its name in the registry.
        classes: the names of the classes.
        train: what to train on.
        test: what to report the accuracy on; the validation images if it was loaded with validation=True.
        mean: what was subtracted from each pixel: the mean grey level (0, 1, 2 ...) of the training images.
        std: what it was then divided by: their standard deviation.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    mean: float
    std: float

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return self.train.x.shape[1:]


def load(name: str, validation: bool = False) -> ImageData:
    """The data set of images of this name: digits, mnist or fashion-mnist.

    Raises:
        DataError: there is no such data set of images, or its files can't be had.
    """
    if name not in _LOADERS:
        raise DataError(f"unknown data set of images {name!r}; there are {', '.join(names('images'))}")
    return _LOADERS[name](validation)


def digits(validation: bool = False) -> ImageData:
    """Scikit-learn's handwritten digits: 1,797 images of 8x8 pixels. Needs no download.

    They have no official test set. Every fifth image of each class is a test image.
    """
    bunch = lab("sklearn.datasets").load_digits()
    images, labels = bunch.images.astype(np.uint8), bunch.target
    rest, test = _set_aside(images, labels, every=5)
    return _image_data("digits", tuple("0123456789"), rest, test, validation)


def mnist(validation: bool = False) -> ImageData:
    """MNIST: 60,000 training and 10,000 test images of handwritten digits, 28x28 pixels."""
    return _from_idx("mnist", tuple("0123456789"), validation)


def fashion_mnist(validation: bool = False) -> ImageData:
    """Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28x28 pixels."""
    return _from_idx("fashion-mnist", FASHION_CLASSES, validation)


FASHION_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

_LOADERS: dict[str, Callable[[bool], ImageData]] = {"digits": digits, "mnist": mnist, "fashion-mnist": fashion_mnist}

_Pair = tuple[np.ndarray, np.ndarray]  # grey levels (n, height, width) in uint8, and labels (n,)


def _from_idx(name: str, classes: tuple[str, ...], validation: bool) -> ImageData:
    paths = fetch(name)
    train, test = (
        (read_idx(paths[f"{part}-images-idx3-ubyte.gz"]), read_idx(paths[f"{part}-labels-idx1-ubyte.gz"]))
        for part in ("train", "t10k")
    )
    return _image_data(name, classes, train, test, validation)


def _image_data(name: str, classes: tuple[str, ...], train: _Pair, test: _Pair, validation: bool) -> ImageData:
    if validation:
        train, test = _set_aside(*train, every=6)
    mean, std = _mean_and_std(train[0])
    return ImageData(name, classes, _normalised(*train, mean, std), _normalised(*test, mean, std), mean, std)


def _set_aside(images: np.ndarray, labels: np.ndarray, every: int) -> tuple[_Pair, _Pair]:
    """Split off every fifth (say) image of each class, in the order of the file: the same on any machine, for ever."""
    aside = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        aside[np.flatnonzero(labels == label)[every - 1 :: every]] = True
    return (images[~aside], labels[~aside]), (images[aside], labels[aside])


def _mean_and_std(images: np.ndarray) -> tuple[float, float]:
    """Of all grey levels, from how often each of the 256 comes: exact, and little memory."""
    counts = sum(np.bincount(part.ravel(), minlength=256) for part in np.array_split(images, 1 + len(images) // 1000))
    levels = np.arange(256)
    mean = (counts * levels).sum() / images.size
    variance = (counts * (levels - mean) ** 2).sum() / images.size
    return float(mean), float(np.sqrt(variance))


def _normalised(images: np.ndarray, labels: np.ndarray, mean: float, std: float) -> Split:
    x = images[:, None].astype(np.float32)
    x -= mean
    x /= std
    return Split(x, labels.astype(np.int64))
