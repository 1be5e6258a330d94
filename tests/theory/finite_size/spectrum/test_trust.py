"""The error estimate of a spectrum: what it grows with, and when it is given no trust."""

import pytest

from polyspike import Problem, predict
from polyspike.theory.finite_size.spectrum.trust import judged, trust_spectrum

PROBLEM = Problem("relu", "h1", 1200, 400, 800, step_exponent=0.2)


def test_a_large_network_after_a_short_step_is_trusted() -> None:
    found = trust_spectrum(PROBLEM)
    assert found.trusted
    assert not found.reason
    assert 0.003 < found.error_estimate < 0.03


def test_a_spectrum_says_what_the_estimate_says() -> None:
    found, expected = predict(PROBLEM).spectrum, trust_spectrum(PROBLEM)
    assert (found.error_estimate, found.trusted, found.trust_reason) == tuple(expected)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"n_samples": 60, "input_dim": 40, "width": 50}, "sizes are small"),
        ({"step_exponent": 0.5, "n_gradient": 300}, "matrix of the gradient's samples"),
        ({"activation": "h3", "input_dim": 100}, "grows faster"),
    ],
)
def test_the_largest_part_is_the_reason(changes: dict[str, int | float | str], part: str) -> None:
    found = trust_spectrum(PROBLEM.replace(**changes))
    assert not found.trusted
    assert part in found.reason
    assert found.error_estimate > 0.05


def test_larger_sizes_have_smaller_errors() -> None:
    sizes = [{"n_samples": 300 * k, "input_dim": 100 * k, "width": 200 * k} for k in (1, 2, 4)]
    estimates = [trust_spectrum(PROBLEM.replace(**size)).error_estimate for size in sizes]
    assert estimates == sorted(estimates, reverse=True)


def test_an_estimate_stays_below_one() -> None:
    assert judged({"a": 50.0, "b": 1.0}).error_estimate == pytest.approx(51 / 52)
    assert judged({"a": 50.0, "b": 1.0}).reason == "a"
    refused = judged({"a": 0.01}, "refused")
    assert (refused.trusted, refused.reason) == (False, "refused")
    assert refused.error_estimate == pytest.approx(0.01 / 1.01)
