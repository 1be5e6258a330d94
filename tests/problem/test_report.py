"""What an activation can learn by one step, before any network is there."""

import pytest

from polyspike import activation_report, as_activation


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_the_report_has_the_numbers_of_the_activation(name: str) -> None:
    report, activation = activation_report(name), as_activation(name)
    assert report.coefficients[:4] == pytest.approx(activation.coefficients(3), abs=1e-12)
    assert report.spikes == tuple(k for k in range(1, len(report.coefficients)) if abs(report.coefficients[k]) > 1e-9)
