from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import stats

from polyspike import ArgumentError, NumericalError
from polyspike.experiments.statistics import estimate, with_control_variate, z_threshold


def test_estimate_of_known_numbers() -> None:
    found = estimate([1.0, 3.0, 5.0, 7.0])
    assert found.mean == 4.0
    assert found.standard_error == pytest.approx(np.sqrt(20 / 3 / 4), rel=1e-15)
    assert found.replicates == 4


def test_equal_values_have_no_error_at_all() -> None:
    assert np.std([0.1] * 3, ddof=1) > 0  # rounding of the mean
    found = estimate([0.1] * 3)
    assert (found.mean, found.standard_error) == (0.1, 0.0)


def test_estimate_refuses_what_has_no_error_bar() -> None:
    with pytest.raises(ArgumentError, match="replicates = 1: give at least 2"):
        estimate([1.0])
    with pytest.raises(NumericalError, match="not finite"):
        estimate([1.0, float("nan")])


def test_standard_error_covers_the_truth_as_often_as_it_says() -> None:
    sample = np.random.default_rng(11).normal(size=(4000, 6))
    inside = [
        abs(e.mean) <= z_threshold(1, false_alarm=0.1, degrees_of_freedom=5) * e.standard_error
        for e in map(estimate, sample)
    ]
    spread = np.sqrt(0.9 * 0.1 / len(inside))
    assert abs(np.mean(inside) - 0.9) < 4 * spread
    normal = [abs(e.mean) <= z_threshold(1, false_alarm=0.1) * e.standard_error for e in map(estimate, sample)]
    assert np.mean(normal) < 0.9 - 4 * spread  # without Student's t the band is too narrow


def test_threshold_is_the_textbook_value() -> None:
    assert z_threshold(1, false_alarm=0.05) == pytest.approx(1.959963984540054, rel=1e-12)
    assert z_threshold(1, false_alarm=0.05, degrees_of_freedom=7) == pytest.approx(stats.t(7).isf(0.025), rel=1e-12)
    assert z_threshold(20, false_alarm=0.05, method="bonferroni") == pytest.approx(stats.norm.isf(0.00125), rel=1e-12)


@pytest.mark.parametrize("freedom", [None, 3, 19])
def test_sidak_is_exact_for_independent_comparisons(freedom: int | None) -> None:
    law = stats.norm if freedom is None else stats.t(freedom)
    single = 2 * law.sf(z_threshold(60, false_alarm=0.01, degrees_of_freedom=freedom))
    assert (1 - single) ** 60 == pytest.approx(0.99, abs=1e-12)


def test_more_comparisons_need_a_higher_threshold_and_bonferroni_the_highest() -> None:
    sidak = [z_threshold(m) for m in (1, 2, 10, 100, 10_000)]
    bonferroni = [z_threshold(m, method="bonferroni") for m in (1, 2, 10, 100, 10_000)]
    assert all(a < b for a, b in pairwise(sidak))
    assert all(b >= s for b, s in zip(bonferroni, sidak))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"comparisons": 0}, "comparisons = 0: give an integer >= 1"),
        ({"comparisons": True}, "comparisons = True"),
        ({"false_alarm": 0.0}, "false_alarm = 0.0: give a probability"),
        ({"false_alarm": float("nan")}, "false_alarm = nan"),
        ({"degrees_of_freedom": 0}, "degrees_of_freedom = 0"),
        ({"method": "holm"}, "method = 'holm': give 'sidak' or 'bonferroni'"),
    ],
)
def test_threshold_names_the_bad_argument(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        z_threshold(**arguments)


def test_the_luck_of_the_labels_is_taken_out_without_bias() -> None:
    """Errors proportional to the labels' mean square, times noise of 1 %: the mean stays, the error bar falls."""
    rng = np.random.default_rng(0)
    luck = 1 + 0.2 * rng.standard_normal((4000, 6))
    values = 3 * luck * (1 + 0.01 * rng.standard_normal(luck.shape))
    steady = np.array([with_control_variate(v, c, 1.0) for v, c in zip(values, luck)])
    assert steady.std() < 0.2 * values.std()
    means = steady.mean(axis=1)
    assert abs(means.mean() - 3) < 4 * means.std() / np.sqrt(means.size)
    biased = (values / luck.mean(axis=1, keepdims=True) ** 2).mean(axis=1)  # a ratio with the draw's own mean is not
    assert abs(biased.mean() - 3) > 4 * biased.std() / np.sqrt(means.size)
