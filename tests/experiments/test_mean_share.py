"""RAdam's mean rate under a schedule."""

import pytest

from minirad.experiments.arms import mean_rate
from minirad.experiments.mean_share import mean_share
from minirad.experiments.task_language import falling


def test_without_a_schedule_it_is_the_mean_of_r():
    assert mean_share(50, 0.99, lambda t: 1.0) == pytest.approx(mean_rate(50, 0.99))
    assert mean_share(50, 0.99, lambda t: 7.0) == pytest.approx(mean_rate(50, 0.99))


def test_steps_that_are_weighed_differently():
    """r_t grows. Where the last step alone counts it is r_t there; where late steps count little, it is less."""
    assert mean_share(5, 0.999, lambda t: t == 5) == pytest.approx(0.017311503166)
    assert mean_share(1000, 0.999, lambda t: falling(t, 1000)) < mean_rate(1000, 0.999)


def test_where_there_is_no_r():
    assert mean_share(4, 0.999, lambda t: 1.0) == 0
