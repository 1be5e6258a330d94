"""The same functions on NumPy, the strict reference of the array standard, and torch."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import special

from polyspike import elementwise as ew

REFERENCES: dict[str, tuple[Callable[[Any, Any], Any], Callable[[Any], Any]]] = {
    "erf": (ew.erf, special.erf),
    "normal_cdf": (ew.normal_cdf, special.ndtr),
    "normal_pdf": (ew.normal_pdf, lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi)),
    "positive_part": (ew.positive_part, lambda x: np.where(x > 0, x, 0.0)),
    "sigmoid": (ew.sigmoid, special.expit),
    "softplus": (ew.softplus, lambda x: np.logaddexp(0, x)),
    "h5": (lambda x, xp: ew.hermite_polynomial(x, 5), lambda x: x**5 - 10 * x**3 + 15 * x),
}
POINTS = np.concatenate([np.linspace(-5, 5, 41), [-30.0, 30.0]])


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_against_scipy_on_every_namespace(name: str, dtype: str, xp: Any) -> None:
    function, reference = REFERENCES[name]
    x = xp.asarray(POINTS, dtype=getattr(xp, dtype))
    value = function(x, xp)
    assert value.dtype == x.dtype
    expected = reference(POINTS)
    allowed = 20 * np.finfo(dtype).eps * (1 + np.abs(expected) + (np.abs(POINTS) ** 5 if name == "h5" else 0))
    assert np.all(np.abs(np.asarray(value, dtype=float) - expected) <= allowed)


def test_nothing_overflows_far_out() -> None:
    far = np.array([-1e4, 1e4])
    np.testing.assert_array_equal(ew.sigmoid(far), [0, 1])
    np.testing.assert_array_equal(ew.softplus(far), [0, 1e4])
    np.testing.assert_array_equal(ew.normal_cdf(far), [0, 1])
    np.testing.assert_array_equal(ew.normal_pdf(far), [0, 0])


@pytest.mark.parametrize("degree", range(8))
def test_hermite_polynomials(degree: int) -> None:
    x = np.linspace(-2, 2, 9)
    unit = np.eye(8)[degree]
    np.testing.assert_allclose(ew.hermite_polynomial(x, degree), np.polynomial.hermite_e.hermeval(x, unit), atol=1e-12)


def test_nan_goes_through() -> None:
    for function, _ in REFERENCES.values():
        assert np.isnan(function(np.array([np.nan]), np)).all()


def test_a_host_function_keeps_the_dtype_of_any_array(xp: Any) -> None:
    x = xp.asarray([0.0, 1.0], dtype=xp.float32)
    value = ew.on_host(lambda t: np.float64(2.0) * np.asarray(t, dtype=np.float64), x, xp)
    assert value.dtype == xp.float32
    np.testing.assert_array_equal(np.asarray(value), [0.0, 2.0])


def test_complex_arguments_reach_the_entire_functions() -> None:
    z = np.array([0.3 + 0.7j])
    np.testing.assert_allclose(ew.erf(z), special.erf(z))
    assert ew.normal_cdf(z).dtype == complex
