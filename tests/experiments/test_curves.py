import re
from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.experiments.curves import fill, thin

curves = st.lists(st.floats(-100, 100) | st.sampled_from([nan, inf, -inf]), max_size=400)
limits = st.integers(4, 60)


@given(curves, limits)
def test_ends_and_extremes_stay(values, points):
    i = thin(values, points)
    assert len(i) <= max(points, 0)
    assert (np.diff(i) > 0).all()  # in their order, none twice
    kept = np.array(values)[i]
    if values:
        assert (i[0], i[-1]) == (0, len(values) - 1)
        known = [value for value in values if not np.isnan(value)]
        if known:
            assert (np.nanmin(kept), np.nanmax(kept)) == (min(known), max(known))
        else:
            assert np.isnan(kept).all()


@given(st.integers(0, 999), limits)
def test_gaps_hide_no_extremes(seed, points):
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(400) < rng.random(), nan, rng.normal(size=400))
    values[rng.integers(400)] = 99.0
    kept = values[thin(values, points)]
    assert (np.nanmin(kept), np.nanmax(kept)) == (np.nanmin(values), 99.0)


@given(curves, limits)
def test_short_curves_stay_whole(values, points):
    if len(values) <= points:
        assert thin(values, points).tolist() == list(range(len(values)))


@given(st.integers(0, 99), st.sampled_from([10, 50, 100]))
def test_peaks_all_along_stay(seed, points):
    """Of each stretch of equal length its lowest and its highest value."""
    values = np.random.default_rng(seed).normal(size=1000)
    kept = set(thin(values, points).tolist())
    edges = np.linspace(0, 1000, (points - 2) // 2 + 1).astype(int)
    for start, stop in pairwise(edges):
        stretch = values[start:stop]
        assert {start + stretch.argmin(), start + stretch.argmax()} <= kept


def test_a_million_points():
    rng = np.random.default_rng(0)
    values = rng.normal(size=1_000_000).cumsum()
    values[123_456], values[777_777] = 1e6, -1e6  # each a single point
    i = thin(values)
    assert 490 <= len(i) <= 500
    assert {0, 123_456, 777_777, 999_999} <= set(i.tolist())
    assert (np.diff(i) > 0).all()
    # What is left looks as before: the straight lines between the points stay near the curve.
    smooth = np.delete(np.arange(1_000_000), [123_456, 777_777])
    near = np.delete(i, np.flatnonzero(np.isin(i, [123_456, 777_777])))
    assert abs(np.interp(smooth, near, values[near]) - values[smooth]).max() < 4 * np.sqrt(4016)


def test_a_run_that_diverged_ends_where_it_did():
    values = [1.0] * 5000 + [nan]
    assert thin(values)[-1] == 5000


@pytest.mark.parametrize("points", [3, 0, -1])
def test_too_few_points(points):
    with pytest.raises(ValueError, match=f"thin: points must be at least 4, got {points}"):
        thin([1.0], points)


def test_more_axes():
    with pytest.raises(ValueError, match=re.escape("thin: values must have one axis, got shape (2, 3)")):
        thin(np.zeros((2, 3)))


# ---- filled up again


@given(curves, limits)
def test_thinned_and_filled(values, points):
    i = thin(values, points)
    filled = fill(i + 1, np.array(values)[i])
    assert len(filled) == len(values)
    if len(values) <= points:
        np.testing.assert_array_equal(filled, values)
    elif np.isfinite(values).all():
        np.testing.assert_allclose(filled[i], np.array(values)[i])


def test_straight_between_the_points():
    np.testing.assert_array_equal(fill([2, 4, 5], [1.0, 2.0, 0.0]), [nan, 1.0, 1.5, 2.0, 0.0])
    assert fill([], []).tolist() == []


@pytest.mark.parametrize(
    ("steps", "values"), [([1, 2], [1.0]), ([0, 1], [1.0, 2.0]), ([2, 2], [1.0, 2.0]), ([3, 2], [1.0, 2.0]),
                          ([1.5], [1.0]), (["a"], [1.0])]
)  # fmt: skip
def test_steps_that_are_none(steps, values):
    words = f"fill: steps must be {len(values)} growing whole numbers from 1 or later on, got {steps!r}"
    with pytest.raises(ValueError, match=re.escape(words)):
        fill(steps, values)
