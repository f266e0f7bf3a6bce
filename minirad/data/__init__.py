"""Data: the registry, the download, the readers, and the loader that hands out batches.

    data = minirad.data.load("digits")
    for x, y in minirad.data.Loader(data.train.x, data.train.y, batch_size=64):
        ...

Importing this needs NumPy alone. scikit-learn, pooch and tqdm (the extra minirad[lab]) are imported when they are used.
"""

from minirad.data.augment import crop_and_flip, random_crop, random_flip
from minirad.data.cifar import read_cifar, read_cifar_archive
from minirad.data.download import fetch, folder, problem
from minirad.data.idx import read_idx
from minirad.data.images import ImageData, Split, cifar10, cifar10_jpeg, digits, fashion_mnist, load, mnist
from minirad.data.loader import Loader
from minirad.data.registry import DataFile, DataSet, get, names
from minirad.data.support import DataError

__all__ = [
    "DataError",
    "DataFile",
    "DataSet",
    "ImageData",
    "Loader",
    "Split",
    "cifar10",
    "cifar10_jpeg",
    "crop_and_flip",
    "digits",
    "fashion_mnist",
    "fetch",
    "folder",
    "get",
    "load",
    "mnist",
    "names",
    "problem",
    "random_crop",
    "random_flip",
    "read_cifar",
    "read_cifar_archive",
    "read_idx",
]
