import dataclasses
import gzip
import hashlib

import numpy as np
import pytest
from data.image_checks import check, levels, publish, real
from idx_files import idx_bytes

from minirad.data import DataError, digits, fashion_mnist, get, load, mnist, problem
from minirad.data.images import FASHION_CLASSES
from minirad.data.preparing import set_aside


def sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array, "<i8").tobytes()).hexdigest()


def grey(data, split):
    """The grey levels of a split's images, as they were."""
    return np.rint(levels(data, split)[:, 0]).astype(int)


# Digits.


@pytest.fixture(scope="module")
def bunch():
    return pytest.importorskip("sklearn.datasets").load_digits()


def test_digits(bunch):
    data = digits()
    check(data, (1442, 355), (1, 8, 8))
    rest, test = set_aside(np.arange(1797), bunch.target, every=5)
    np.testing.assert_array_equal(grey(data, data.train), bunch.images[rest[0]])
    np.testing.assert_array_equal(grey(data, data.test), bunch.images[test[0]])
    np.testing.assert_array_equal(data.test.y, bunch.target[test[0]])
    np.testing.assert_array_equal(data.train.y, bunch.target[rest[0]])


def test_digits_are_what_they_were(bunch):
    # The recorded results rest on these images and this split. Whoever changes one changes them all.
    (rest, _), (test, _) = set_aside(np.arange(1797), bunch.target, every=5)
    assert sha256(bunch.images) == "51aa641716dc54df7cda17ac1b9bc24c2e97846b98914a2d56b3a0de2b4b2e53"
    assert sha256(bunch.target) == "a3c91c262eddcf7ba8f0e37507c30284493c9b20412ffe4af30d536401f7ba21"
    assert sha256(rest) == "8d6fc3d223aaa437d18b58e513b8a576d102ff4d85a36c0cc34a960f55586018"
    assert sha256(test) == "f169ac7f88a6056159147defc4b4a795976fc25cda8160bd80f79271c567a30a"


def test_digits_for_tuning_never_show_a_test_image(bunch):
    data, tuning = digits(), digits(validation=True)
    check(tuning, (1205, 237), (1, 8, 8))
    together = np.concatenate([grey(tuning, tuning.train), grey(tuning, tuning.test)])
    assert sorted(image.tobytes() for image in together) == sorted(image.tobytes() for image in grey(data, data.train))


def test_load():
    pytest.importorskip("sklearn")
    np.testing.assert_array_equal(load("digits").test.x, digits().test.x)
    np.testing.assert_array_equal(load("digits", validation=True).test.x, digits(validation=True).test.x)


@pytest.mark.parametrize("size", [8, 4, 2, 1])
def test_smaller_digits(bunch, size):
    data, small = digits(), digits(size=size)
    check(small, (1442, 355), (1, size, size))
    np.testing.assert_array_equal(small.train.y, data.train.y)
    blocks = grey(data, data.test).reshape(355, size, 8 // size, size, 8 // size)
    np.testing.assert_allclose(levels(small, small.test)[:, 0], blocks.mean(axis=(2, 4)), atol=1e-5)
    np.testing.assert_array_equal(load("digits", size=size).test.x, small.test.x)
    check(digits(validation=True, size=size), (1205, 237), (1, size, size))


@pytest.mark.parametrize("size", [0, -2, 3, 16, 4.0, True, "4"])
def test_a_size_that_does_not_divide_the_images(bunch, size):
    with pytest.raises(ValueError, match=f"size must be an integer that divides height 8 and width 8, got {size!r}"):
        digits(size=size)


# MNIST's format, with a handful of images.

_rng = np.random.default_rng(1)
TINY = {
    "train-images-idx3-ubyte.gz": _rng.integers(0, 256, (120, 28, 28), dtype=np.uint8),
    "train-labels-idx1-ubyte.gz": np.tile(np.arange(10, dtype=np.uint8), 12),
    "t10k-images-idx3-ubyte.gz": _rng.integers(0, 256, (30, 28, 28), dtype=np.uint8),
    "t10k-labels-idx1-ubyte.gz": np.tile(np.arange(10, dtype=np.uint8), 3),
}


@pytest.mark.parametrize(("name", "function"), [("mnist", mnist), ("fashion-mnist", fashion_mnist)])
def test_idx_sets(name, function, tmp_path, monkeypatch):
    publish(monkeypatch, tmp_path, name, {key: gzip.compress(idx_bytes(array)) for key, array in TINY.items()})

    data = function()
    check(data, (120, 30), (1, 28, 28))
    np.testing.assert_array_equal(grey(data, data.train), TINY["train-images-idx3-ubyte.gz"])
    np.testing.assert_array_equal(grey(data, data.test), TINY["t10k-images-idx3-ubyte.gz"])
    np.testing.assert_array_equal(data.train.y, TINY["train-labels-idx1-ubyte.gz"])
    np.testing.assert_array_equal(data.test.y, TINY["t10k-labels-idx1-ubyte.gz"])

    tuning = load(name, validation=True)
    check(tuning, (100, 20), (1, 28, 28))
    aside = np.r_[50:60, 110:120]  # the sixth and the twelfth image of each class
    np.testing.assert_array_equal(
        grey(tuning, tuning.train), np.delete(TINY["train-images-idx3-ubyte.gz"], aside, axis=0)
    )
    np.testing.assert_array_equal(grey(tuning, tuning.test), TINY["train-images-idx3-ubyte.gz"][aside])

    (tmp_path / name / "t10k-labels-idx1-ubyte.gz").write_bytes(b"<html>log in</html>")
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz is not the published file: it is a web page"):
        function()


# Fashion-MNIST itself, where it is.


@pytest.fixture(scope="module")
def real_folder():
    return real("fashion-mnist", "run `minirad compare --data fashion-mnist`, or set MINIRAD_DATA")


def test_fashion_mnist_is_what_the_registry_says(real_folder):
    for file in get("fashion-mnist").files:
        path = real_folder / file.name
        assert path.stat().st_size == file.bytes
        assert problem(path, file) is None
        assert problem(path, dataclasses.replace(file, sha256="0" * 64)) is None  # by its content
        assert problem(path, dataclasses.replace(file, content_sha256="0" * 64)) is None
        assert problem(path, dataclasses.replace(file, sha256="0" * 64, content_sha256="0" * 64))


def test_fashion_mnist(real_folder):
    data = fashion_mnist()
    check(data, (60_000, 10_000), (1, 28, 28))
    assert data.classes == FASHION_CLASSES
    assert (np.bincount(data.train.y) == 6000).all()
    assert (np.bincount(data.test.y) == 1000).all()
    # The usual constants, rounded as they are usually given.
    assert (round(data.mean[0] / 255, 4), round(data.std[0] / 255, 4)) == (0.286, 0.353)
    assert data.classes[data.test.y[0]] == "Ankle boot"
    assert data.test.y[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]


def test_fashion_mnist_for_tuning(real_folder):
    data = fashion_mnist(validation=True)
    check(data, (50_000, 10_000), (1, 28, 28))
    assert (np.bincount(data.test.y) == 1000).all()
