import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minirad.data.preparing import block_sums, mean_and_std, normalised, set_aside


@given(labels=st.lists(st.integers(0, 4), min_size=1, max_size=60), every=st.integers(2, 7))
def test_set_aside(labels, every):
    labels = np.array(labels)
    (rest, rest_labels), (aside, aside_labels) = set_aside(np.arange(len(labels)), labels, every)
    assert sorted([*rest, *aside]) == list(range(len(labels)))
    np.testing.assert_array_equal(rest_labels, labels[rest])
    np.testing.assert_array_equal(aside_labels, labels[aside])
    for label in set(labels.tolist()):
        assert (aside_labels == label).sum() == (labels == label).sum() // every


# Averages over blocks.


@given(data=st.data(), size=st.integers(1, 4), high=st.integers(1, 3), wide=st.integers(1, 3))
def test_block_sums(data, size, high, wide):
    shape = (data.draw(st.integers(0, 3)), data.draw(st.integers(1, 3)), size * high, size * wide)
    images = data.draw(hnp.arrays(np.uint8, shape))
    sums, per = block_sums(images, size)
    assert per == high * wide
    assert sums.shape == (*shape[:2], size, size)
    for r in range(size):
        for c in range(size):
            block = images[:, :, r * high : (r + 1) * high, c * wide : (c + 1) * wide]
            np.testing.assert_array_equal(sums[:, :, r, c], block.astype(int).sum(axis=(2, 3)))


def test_the_greatest_sum_fits():
    sums, per = block_sums(np.full((1, 3, 32, 32), 255, np.uint8), 1)
    assert (per, sums.ravel().tolist()) == (1024, [255 * 1024] * 3)


@pytest.mark.parametrize("size", [0, -1, 3, 8, 4.0, True, "4"])
@pytest.mark.parametrize(("height", "width"), [(4, 8), (8, 4)])
def test_a_size_that_does_not_divide_the_images(size, height, width):
    with pytest.raises(ValueError, match=f"size must be .* divides height {height} and width {width}, got {size!r}"):
        block_sums(np.zeros((1, 1, height, width), np.uint8), size)


# Normalisation.


@pytest.mark.parametrize("count", [1, 2999, 3000])
def test_mean_and_std(count):
    images = np.random.default_rng(0).integers(0, 256, (count, 2, 3, 2), dtype=np.uint8)
    images[:, 1] //= 3
    mean, std = mean_and_std(images)
    assert mean == pytest.approx(images.mean(axis=(0, 2, 3)), rel=1e-12)
    assert std == pytest.approx(images.std(axis=(0, 2, 3)), rel=1e-12)
    assert {type(number) for number in (*mean, *std)} == {float}


def test_mean_and_std_of_averages():
    images = np.random.default_rng(0).integers(0, 256, (10, 3, 8, 8), dtype=np.uint8)
    sums, per = block_sums(images, 2)
    mean, std = mean_and_std(sums, per)
    averages = images.reshape(10, 3, 2, 4, 2, 4).mean(axis=(3, 5))
    assert mean == pytest.approx(averages.mean(axis=(0, 2, 3)), rel=1e-12)
    assert std == pytest.approx(averages.std(axis=(0, 2, 3)), rel=1e-12)


def test_averages_are_exact_in_float32():
    images = np.random.default_rng(0).integers(0, 256, (10, 3, 32, 32), dtype=np.uint8)
    for size in (16, 8, 4, 2, 1):
        sums, per = block_sums(images, size)
        x = normalised(sums, (0.0,) * 3, (1.0,) * 3, per)
        assert x.dtype == np.float32
        k = 32 // size
        np.testing.assert_array_equal(x, images.reshape(10, 3, size, k, size, k).mean(axis=(3, 5)))


def test_each_channel_has_its_own_mean_and_std():
    images = np.array([10, 20, 30], np.uint8).reshape(1, 3, 1, 1)
    x = normalised(images, (8.0, 16.0, 38.0), (1.0, 2.0, 4.0))
    assert x.ravel().tolist() == [2.0, 2.0, -2.0]
    assert images.ravel().tolist() == [10, 20, 30]
