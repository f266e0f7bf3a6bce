import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirad.experiments.hints import coerced


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, float, 1.0),
        (-0.0, float, 0.0),
        (2.0, int, 2),
        (2.5, int, 2.5),  # fits nothing: left for others to refuse
        (True, float, True),
        (True, int, True),
        (1, bool, 1),
        ("1", float, "1"),
        (None, float | None, None),
        (3, float | None, 3.0),
        (3.0, int | str, 3),
        (1, int | float, 1),
        (1.0, int | float, 1),
        (1, float | int, 1.0),
        ((1, 2), tuple[float, ...], (1.0, 2.0)),
        ([1, -0.0], tuple[int, float], (1, 0.0)),
        ([1, [2]], tuple[int, tuple[float, ...]], (1, (2.0,))),
        ((1, 2, 3), tuple[float, float], (1, 2, 3)),
        (1, Literal[1, "x"], 1),
        (float("inf"), int, float("inf")),
        (10**400, float, 10**400),
    ],
)
def test_coerced(value, hint, expected):
    found = coerced(value, hint)
    assert repr(found) == repr(expected)
    assert repr(coerced(found, hint)) == repr(expected)


@given(st.integers(-(2**53), 2**53), st.sampled_from([float, int, float | None, int | float, float | int, str | float]))
def test_equal_numbers_become_one(number, hint):
    assert json.dumps(coerced(number, hint)) == json.dumps(coerced(float(number), hint))
