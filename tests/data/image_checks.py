"""What the tests of all data sets of images ask."""

import hashlib

import numpy as np
import pytest

from minirad.data import DataFile, DataSet, folder, get, registry


def check(data, counts, shape, classes=10):
    assert (len(data.train), len(data.test)) == counts
    assert data.image_shape == shape
    assert len(data.classes) == classes
    assert len(data.mean) == len(data.std) == len(data.black) == shape[0]
    for split, count in zip((data.train, data.test), counts, strict=True):
        assert split.x.shape == (count, *shape)
        assert split.x.dtype == np.float32
        assert split.y.shape == (count,)
        assert split.y.dtype == np.int64
        assert set(np.unique(split.y)) == set(range(classes))
    np.testing.assert_allclose(data.train.x.mean(axis=(0, 2, 3), dtype=float), 0, atol=1e-6)
    np.testing.assert_allclose(data.train.x.std(axis=(0, 2, 3), dtype=float), 1, atol=1e-6)


def levels(data, split):
    """The grey levels of a split's images, as they were."""
    mean, std = (np.reshape(numbers, (-1, 1, 1)) for numbers in (data.mean, data.std))
    return split.x * std + mean


def publish(monkeypatch, place, name, contents):
    """Put the contents (file name -> bytes) into this folder of data sets, and make the registry believe in them."""
    (place / name).mkdir()
    for file_name, content in contents.items():
        (place / name / file_name).write_bytes(content)
    files = [DataFile(key, (), len(value), hashlib.sha256(value).hexdigest()) for key, value in contents.items()]
    monkeypatch.setitem(
        registry._REGISTRY, name, DataSet(name, "images", "tiny", "none", "nobody", "nowhere", tuple(files))
    )
    monkeypatch.setenv("MINIRAD_DATA", str(place))


def real(name, advice):
    """The folder of this data set as the user has it; the test is skipped if it is not there. No test downloads it."""
    try:
        place = folder() / name
    except ImportError as error:
        pytest.skip(str(error))
    if not all((place / file.name).exists() for file in get(name).files):
        pytest.skip(f"{name} is not in {place.parent}: {advice}")
    return place
