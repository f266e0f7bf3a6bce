"""Data sets of images, split into training and test images and normalised.

Images are (n, channels, height, width), so that one form serves every model: a convolution takes them as they are, an
MLP begins with nn.Flatten.

The test images are fixed, whatever the seed of a run, and are not for tuning. Whoever chooses a learning rate asks for
validation=True: then the test images stay away, and a sixth of the training images takes their place.

For fast experiments size=16 makes 32x32 pixels to 16x16: each is the exact average of a block, here of 2x2. The size
must divide that of the images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minirad.data import cifar
from minirad.data.download import fetch
from minirad.data.idx import read_idx
from minirad.data.preparing import Pair, block_sums, mean_and_std, normalised, set_aside
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
        mean: what was subtracted from each channel's pixels, in training and test images alike: the mean level (0, 1,
            2 ...) of this channel in the training images.
        std: what they were then divided by: the standard deviation.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def image_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return self.train.x.shape[1:]

    @property
    def black(self) -> tuple[float, ...]:
        """What a black pixel has become, channel by channel: the ``fill`` of augment.random_crop."""
        black = normalised(np.zeros((1, len(self.mean), 1, 1)), self.mean, self.std)
        return tuple(black.ravel().tolist())


def load(name: str, validation: bool = False, size: int | None = None) -> ImageData:
    """The data set of images of this name: digits, mnist, fashion-mnist, cifar10 or cifar10-jpeg.

    Args:
        name: its name in the registry.
        validation: leave the test images out and put every sixth training image of each class in their place.
        size: make the images this high and wide, by averages over blocks; None leaves them as they are.

    Raises:
        DataError: there is no such data set of images, or its files can't be had.
        ValueError: the images can't be divided into size x size blocks.
    """
    if name not in _LOADERS:
        raise DataError(f"unknown data set of images {name!r}; there are {', '.join(_LOADERS)}")
    return _LOADERS[name](validation, size)


def digits(validation: bool = False, size: int | None = None) -> ImageData:
    """Scikit-learn's handwritten digits: 1,797 images of 8x8 pixels. Needs no download.

    They have no official test set. Every fifth image of each class is a test image.
    """
    bunch = lab("sklearn.datasets").load_digits()
    rest, test = set_aside(bunch.images.astype(np.uint8)[:, None], bunch.target, every=5)
    return _image_data("digits", DIGITS, rest, test, validation, size)


def mnist(validation: bool = False, size: int | None = None) -> ImageData:
    """MNIST: 60,000 training and 10,000 test images of handwritten digits, 28x28 pixels."""
    return _from_idx("mnist", DIGITS, validation, size)


def fashion_mnist(validation: bool = False, size: int | None = None) -> ImageData:
    """Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28x28 pixels."""
    return _from_idx("fashion-mnist", FASHION_CLASSES, validation, size)


def cifar10(validation: bool = False, size: int | None = None) -> ImageData:
    """CIFAR-10: 50,000 training and 10,000 test photos of animals and vehicles, 32x32 pixels in colour."""
    train, test = cifar.read_cifar_archive(fetch("cifar10")["cifar-10-binary.tar.gz"])
    return _image_data("cifar10", cifar.CLASSES, train, test, validation, size)


def cifar10_jpeg(validation: bool = False, size: int | None = None) -> ImageData:
    """CIFAR-10 (JPEG subset): 10,000 training and 2,000 test photos, decoded from lossy copies of CIFAR-10's.

    Not to be reported as CIFAR-10. There is no download: the files must be in the folder of data sets.
    """
    paths = fetch("cifar10-jpeg")
    train, test = (cifar.read_cifar(paths[name]) for name in ("data_batch_1.bin", "test_batch.bin"))
    return _image_data("cifar10-jpeg", cifar.CLASSES, train, test, validation, size)


DIGITS = tuple("0123456789")
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

_LOADERS: dict[str, Callable[[bool, int | None], ImageData]] = {
    "digits": digits,
    "mnist": mnist,
    "fashion-mnist": fashion_mnist,
    "cifar10": cifar10,
    "cifar10-jpeg": cifar10_jpeg,
}


def _from_idx(name: str, classes: tuple[str, ...], validation: bool, size: int | None) -> ImageData:
    paths = fetch(name)
    train, test = (
        (read_idx(paths[f"{part}-images-idx3-ubyte.gz"])[:, None], read_idx(paths[f"{part}-labels-idx1-ubyte.gz"]))
        for part in ("train", "t10k")
    )
    return _image_data(name, classes, train, test, validation, size)


def _image_data(
    name: str, classes: tuple[str, ...], train: Pair, test: Pair, validation: bool, size: int | None
) -> ImageData:
    if validation:
        train, test = set_aside(*train, every=6)
    (x, y), (x_test, y_test), per = train, test, 1
    if size is not None:
        (x, per), (x_test, _) = block_sums(x, size), block_sums(x_test, size)
    mean, std = mean_and_std(x, per)

    def split(x: np.ndarray, y: np.ndarray) -> Split:
        return Split(normalised(x, mean, std, per), y.astype(np.int64))

    return ImageData(name, classes, split(x, y), split(x_test, y_test), mean, std)
