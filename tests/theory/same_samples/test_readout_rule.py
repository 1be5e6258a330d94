"""Nodes of a normal readout: exact for what they are made for and not beyond, and quick for singularities at ic."""

import numpy as np
import pytest

from polyspike.hermite import gaussian_rule
from polyspike.theory.same_samples.readout_rule import readout_rule

U, WEIGHTS = gaussian_rule((0.0,))


def t(u: np.ndarray, scale: float) -> np.ndarray:
    return u / (scale + np.sqrt(scale**2 + u**2))


@pytest.mark.parametrize("scale", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("half", [2, 4])
def test_exact_to_its_degree_and_not_beyond(scale: float, half: int) -> None:
    nodes, weights = readout_rule(scale, half)
    error = [float(weights @ t(nodes, scale) ** k - WEIGHTS @ t(U, scale) ** k) for k in range(4 * half + 1)]
    assert np.abs(error[:-1]).max() < 1e-13
    assert abs(error[-1]) > 1e-13
    assert len(nodes) == 2 * half
    assert np.diff(nodes).min() > 0
    assert weights.min() > 0


def test_poles_on_the_imaginary_axis() -> None:
    """For which Gauss-Hermite nodes are bad."""
    scale = 0.3
    pole = lambda u: 1 / (1 + (u / scale) ** 2)  # noqa: E731
    exact = float(WEIGHTS @ pole(U))
    nodes, weights = readout_rule(scale, 7)
    hermite, of_hermite = np.polynomial.hermite_e.hermegauss(14)
    assert weights @ pole(nodes) == pytest.approx(exact, rel=1e-8)
    assert abs(of_hermite @ pole(hermite) / of_hermite.sum() / exact - 1) > 1e-2
