"""Data: the registry, the download, the readers, and the loader that hands out batches.

    data = minirad.data.load("digits")
    for x, y in minirad.data.Loader(data.train.x, data.train.y, batch_size=64):
        ...

Importing this needs NumPy alone. The packages of the extra minirad[lab] (scikit-learn, pooch, tqdm, num2words and
sacrebleu) are imported when they are used.
"""

from minirad.data.augment import crop_and_flip, random_crop, random_flip
from minirad.data.checking import problem
from minirad.data.chunks import Chunks
from minirad.data.cifar import read_cifar, read_cifar_archive
from minirad.data.corpora import Corpus, ptb, python_docs, tinyshakespeare, wikitext2
from minirad.data.download import fetch, folder
from minirad.data.idx import read_idx
from minirad.data.images import ImageData, Split, cifar10, cifar10_jpeg, digits, fashion_mnist, load, mnist
from minirad.data.length_batches import LengthBatches, padded, padding_mask
from minirad.data.loader import Loader
from minirad.data.numerals import english_number, german_number, number_words
from minirad.data.registry import DataFile, DataSet, get, names
from minirad.data.support import DataError
from minirad.data.translation import TranslationData, bleu, multi30k, tokenise
from minirad.data.vocabulary import Vocabulary

__all__ = [
    "Chunks",
    "Corpus",
    "DataError",
    "DataFile",
    "DataSet",
    "ImageData",
    "LengthBatches",
    "Loader",
    "Split",
    "TranslationData",
    "Vocabulary",
    "bleu",
    "cifar10",
    "cifar10_jpeg",
    "crop_and_flip",
    "digits",
    "english_number",
    "fashion_mnist",
    "fetch",
    "folder",
    "german_number",
    "get",
    "load",
    "mnist",
    "multi30k",
    "names",
    "number_words",
    "padded",
    "padding_mask",
    "problem",
    "ptb",
    "python_docs",
    "random_crop",
    "random_flip",
    "read_cifar",
    "read_cifar_archive",
    "read_idx",
    "tinyshakespeare",
    "tokenise",
    "wikitext2",
]
