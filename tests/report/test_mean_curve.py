import numpy as np
import pytest

from lightweight_ssd.report.mean_curve import mean_curve

NAN = float("nan")


def test_runs_of_other_steps_are_averaged_where_all_have_values():
    curve = mean_curve(
        [(np.array([0.0, 2.0, 4.0]), np.array([0.0, 4.0, 8.0])), (np.array([1.0, 3.0]), np.array([0.0, 0.0]))]
    )
    assert curve.x.tolist() == [1.0, 2.0, 3.0] and curve.mean.tolist() == [1.0, 2.0, 3.0] and curve.runs == 2
    assert curve.deviation == pytest.approx(np.array([2, 4, 6]) / np.sqrt(2))


def test_missing_values_and_order_do_not_matter():
    curve = mean_curve([(np.array([3.0, NAN, 1.0, 2.0]), np.array([6.0, 1.0, 2.0, NAN]))])
    assert curve.x.tolist() == [1.0, 3.0] and curve.mean.tolist() == [2.0, 6.0]
    assert np.isnan(curve.deviation).all() and curve.runs == 1


def test_runs_without_values_are_not_counted():
    nothing = (np.array([1.0]), np.array([NAN]))
    assert mean_curve([nothing, (np.array([1.0]), np.array([5.0]))]).runs == 1
    assert mean_curve([nothing]).x.shape == mean_curve([]).mean.shape == (0,)


def test_runs_that_share_no_range_have_no_mean_but_are_counted():
    curve = mean_curve([(np.array([1.0]), np.array([1.0])), (np.array([2.0]), np.array([1.0]))])
    assert curve.runs == 2 and curve.x.shape == curve.mean.shape == curve.deviation.shape == (0,)
