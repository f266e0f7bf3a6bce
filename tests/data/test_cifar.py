"""CIFAR-10's format, and the two data sets that come in it."""

import gzip
import io
import tarfile

import numpy as np
import pytest
from data.image_checks import check, levels, publish, real
from hypothesis import given
from hypothesis import strategies as st

from minirad.data import DataError, cifar, cifar10, cifar10_jpeg, get, load, problem, read_cifar, read_cifar_archive
from minirad.data.cifar import RECORD, _records
from minirad.data.preparing import set_aside


def made_up(n, seed=0):
    """n images and their labels, each class as often as the others."""
    images = np.random.default_rng(seed).integers(0, 256, (n, 3, 32, 32), dtype=np.uint8)
    return images, np.arange(n, dtype=np.uint8) % 10


def record_bytes(images, labels):
    """In CIFAR-10's format, written plainly."""
    return b"".join(
        bytes([label]) + image[0].tobytes() + image[1].tobytes() + image[2].tobytes()
        for image, label in zip(images, labels, strict=True)
    )


def archive_bytes(contents):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
        for name, content in contents.items():
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


# The format.


def test_read(tmp_path):
    images, labels = made_up(7)
    path = tmp_path / "batch.bin"
    path.write_bytes(record_bytes(images, labels))
    for read_images, read_labels in (read_cifar(path), read_cifar(str(path))):
        assert read_images.dtype == read_labels.dtype == np.uint8
        np.testing.assert_array_equal(read_images, images)
        np.testing.assert_array_equal(read_labels, labels)


def test_a_record_by_hand():
    content = bytearray(3073)
    content[0] = 9
    content[1 + 32] = 10  # red, second row, first pixel
    content[1 + 1024 + 2] = 20  # green, first row, third pixel
    content[1 + 2 * 1024 + 1023] = 30  # blue, the last pixel
    (image,), (label,) = _records(bytes(content), "here")
    assert label == 9
    assert (image[0, 1, 0], image[1, 0, 2], image[2, 31, 31], image.astype(int).sum()) == (10, 20, 30, 60)
    assert cifar.CLASSES[label] == "truck"


@given(size=st.integers(0, 4 * RECORD).filter(lambda size: size % RECORD or not size))
def test_wrong_length(size):
    with pytest.raises(DataError) as error:
        _records(bytes(size), "a.bin")
    assert str(error.value) == (
        f"a.bin is no file of CIFAR-10: it has {size:,} bytes, expected records of 3,073 bytes. "
        "Move it away and get it again"
    )


@given(record=st.integers(0, 4), label=st.integers(10, 255))
def test_wrong_label(record, label):
    content = bytearray(5 * RECORD)
    content[record * RECORD] = label
    with pytest.raises(DataError, match=rf"a.bin is .*: record {record} has the label {label}, expected 0 to 9. Move"):
        _records(bytes(content), "a.bin")


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><html>log in</html>", bytes(RECORD - 1), b"\xff" * RECORD])
def test_foreign_file(tmp_path, content):
    path = tmp_path / "batch.bin"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"is no file of CIFAR-10: .* Move it away") as error:
        read_cifar(path)
    assert str(error.value).startswith(str(path))


def test_a_file_that_cannot_be_read(tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(DataError, match=str(path.name)):
            read_cifar(path)


# CIFAR-10, with files of 20 records.

TRAIN, TEST = made_up(100), made_up(20, seed=1)


@pytest.fixture
def contents(monkeypatch):
    """What is in the archive."""
    monkeypatch.setattr(cifar, "RECORDS", 20)
    train = {f"data_batch_{i + 1}.bin": record_bytes(*(part[20 * i : 20 * i + 20] for part in TRAIN)) for i in range(5)}
    others = {"batches.meta.txt": b"airplane\n", "readme.html": b"<html></html>"}
    # Not in their order, as in the archive itself.
    return {"test_batch.bin": record_bytes(*TEST), **dict(reversed(train.items())), **others}


@pytest.fixture
def place(tmp_path, monkeypatch, contents):
    publish(monkeypatch, tmp_path, "cifar10", {"cifar-10-binary.tar.gz": archive_bytes(contents)})
    return tmp_path / "cifar10" / "cifar-10-binary.tar.gz"


def test_cifar10(place):
    data = cifar10()
    check(data, (100, 20), (3, 32, 32))
    assert (data.name, data.classes) == ("cifar10", cifar.CLASSES)
    for split, (images, labels) in ((data.train, TRAIN), (data.test, TEST)):
        np.testing.assert_array_equal(np.rint(levels(data, split)), images)
        np.testing.assert_array_equal(split.y, labels)
    assert data.mean == pytest.approx(TRAIN[0].mean(axis=(0, 2, 3)), rel=1e-12)
    assert data.std == pytest.approx(TRAIN[0].std(axis=(0, 2, 3)), rel=1e-12)
    np.testing.assert_array_equal(load("cifar10").test.x, data.test.x)


def test_black(place):
    data = cifar10()
    for c, black in enumerate(data.black):
        pixels = data.train.x[:, c][TRAIN[0][:, c] == 0]
        assert len(pixels) > 0
        assert set(pixels.tolist()) == {black}


def test_cifar10_for_tuning(place):
    data = cifar10(validation=True)
    check(data, (90, 10), (3, 32, 32))
    (rest, rest_labels), (aside, aside_labels) = set_aside(*TRAIN, every=6)
    np.testing.assert_array_equal(np.rint(levels(data, data.train)), rest)
    np.testing.assert_array_equal(np.rint(levels(data, data.test)), aside)
    np.testing.assert_array_equal((*data.train.y, *data.test.y), (*rest_labels, *aside_labels))
    assert data.mean == pytest.approx(rest.mean(axis=(0, 2, 3)), rel=1e-12)


def test_smaller_cifar10(place):
    data = load("cifar10", size=16)
    check(data, (100, 20), (3, 16, 16))
    for split, (images, _) in ((data.train, TRAIN), (data.test, TEST)):
        exact = images.reshape(-1, 3, 16, 2, 16, 2).mean(axis=(3, 5))
        np.testing.assert_allclose(levels(data, split), exact, atol=1e-4)  # off by the rounding of the normalisation
        np.testing.assert_array_equal(np.rint(4 * levels(data, split)), 4 * exact)
    check(load("cifar10", validation=True, size=8), (90, 10), (3, 8, 8))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"data_batch_3.bin": b""}, "data_batch_3.bin has 0 bytes instead of 61,460"),
        ({"data_batch_3.bin": bytes(19 * RECORD)}, "data_batch_3.bin has 58,387 bytes instead of 61,460"),
        ({"test_batch.bin": bytes(21 * RECORD)}, "test_batch.bin has 64,533 bytes instead of 61,460"),
        ({"test_batch.bin": b"\xff" * (20 * RECORD)}, "test_batch.bin in .*: record 0 has the label 255"),
        ({"data_batch_5.bin": None}, "it lacks cifar-10-batches-bin/data_batch_5.bin"),
    ],
)
def test_wrong_files_in_the_archive(tmp_path, contents, change, says):
    path = tmp_path / "archive.tar.gz"
    changed = {name: content for name, content in (contents | change).items() if content is not None}
    path.write_bytes(archive_bytes(changed))
    with pytest.raises(DataError, match=rf"{says}.*Move it away") as error:
        read_cifar_archive(path)
    assert str(path) in str(error.value)


def test_cifar10_with_another_file_in_its_place(place):
    whole = place.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for content, says in (
        (b"", "is empty"),
        (whole[:-1], f"has {len(whole) - 1:,} bytes instead of {len(whole):,}"),
        (flipped, "has sha256"),
        (gzip.decompress(whole), "bytes instead of"),
        (b"<!DOCTYPE html>", "is a web page"),
    ):
        place.write_bytes(content)
        with pytest.raises(DataError, match=rf"cifar-10-binary.tar.gz is not the published file: it .*{says}"):
            cifar10()


# CIFAR-10 (JPEG subset), made up and as it is.


def test_cifar10_jpeg_made_up(tmp_path, monkeypatch):
    files = {"data_batch_1.bin": record_bytes(*TRAIN), "test_batch.bin": record_bytes(*TEST)}
    publish(monkeypatch, tmp_path, "cifar10-jpeg", files)
    data = load("cifar10-jpeg")
    check(data, (100, 20), (3, 32, 32))
    assert (data.name, data.classes) == ("cifar10-jpeg", cifar.CLASSES)
    for split, (images, labels) in ((data.train, TRAIN), (data.test, TEST)):
        np.testing.assert_array_equal(np.rint(levels(data, split)), images)
        np.testing.assert_array_equal(split.y, labels)
    check(cifar10_jpeg(validation=True, size=16), (90, 10), (3, 16, 16))


def test_cifar10_jpeg_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIRAD_DATA", str(tmp_path))
    expected = tmp_path / "cifar10-jpeg" / "data_batch_1.bin"
    with pytest.raises(DataError, match="is missing, and there is no download: put the file of 30,730,000 bytes") as e:
        cifar10_jpeg()
    assert str(expected) in str(e.value)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def real_jpeg():
    return real("cifar10-jpeg", "it has no download")


def test_cifar10_jpeg(real_jpeg):
    data = cifar10_jpeg()
    check(data, (10_000, 2_000), (3, 32, 32))
    assert (np.bincount(data.train.y) == 1000).all()
    assert (np.bincount(data.test.y) == 200).all()
    # Close to the usual constants of CIFAR-10, .4914 .4822 .4465 and .2470 .2435 .2616, and not equal to them.
    np.testing.assert_allclose(np.array(data.mean) / 255, (0.4911, 0.4827, 0.4465), atol=5e-5)
    np.testing.assert_allclose(np.array(data.std) / 255, (0.2452, 0.2430, 0.2614), atol=5e-5)
    # A photo is smooth: a pixel is much like its neighbours, which a wrong order of the bytes would undo.
    assert np.abs(np.diff(data.train.x, axis=2)).mean() < 0.3
    assert np.abs(np.diff(data.train.x, axis=3)).mean() < 0.3
    # The sky behind airplanes is blue.
    red, _, blue = data.train.x[data.train.y == 0].mean(axis=(0, 2, 3))
    assert blue > red + 0.2


def test_cifar10_jpeg_for_tuning(real_jpeg):
    data = cifar10_jpeg(validation=True, size=16)
    check(data, (8_340, 1_660), (3, 16, 16))
    assert (np.bincount(data.test.y) == 166).all()


def test_cifar10_jpeg_damaged(real_jpeg, tmp_path, monkeypatch):
    train, test = (real_jpeg / file.name for file in get("cifar10-jpeg").files)
    whole = test.read_bytes()
    flipped = bytearray(whole)
    flipped[1_000_000] ^= 1
    monkeypatch.setenv("MINIRAD_DATA", str(tmp_path))
    place = tmp_path / "cifar10-jpeg"
    place.mkdir()
    (place / train.name).symlink_to(train.absolute())
    for content, says in (
        (b"", "is empty"),
        (whole[:-1], "has 6,145,999 bytes instead of 6,146,000"),
        (whole + b"\0", "has 6,146,001 bytes instead of 6,146,000"),
        (flipped, "has sha256"),
        (b"<!DOCTYPE html><html>log in</html>", "is a web page"),
    ):
        (place / test.name).write_bytes(content)
        with pytest.raises(DataError, match=rf"test_batch.bin is not the published file: it .*{says}.*Put the right"):
            cifar10_jpeg()


@pytest.mark.slow
def test_cifar10_itself():
    place = real("cifar10", "170 MB that no test downloads")
    (file,) = get("cifar10").files
    assert problem(place / file.name, file) is None
    data = cifar10()
    check(data, (50_000, 10_000), (3, 32, 32))
    assert (np.bincount(data.train.y) == 5000).all()
    assert (np.bincount(data.test.y) == 1000).all()
    np.testing.assert_allclose(np.array(data.mean) / 255, (0.4914, 0.4822, 0.4465), atol=1e-4)
    np.testing.assert_allclose(np.array(data.std) / 255, (0.2470, 0.2435, 0.2616), atol=1e-4)
