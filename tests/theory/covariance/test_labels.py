"""The label by its components: its parts on the whole grid, and the energies of both halves on half of it."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.labels import Labels, labels_of
from polyspike.theory.covariance.model import assemble
from polyspike.theory.covariance.norm_response import NormShifts
from polyspike.theory.covariance.predict import spectrum_of

PROBLEM = Problem("tanh", "h1[0] + 0.5*h2[0] + 0.3*h2[1]", 300, 120, 200, step_exponent=0.3, inputs="power:0.5")


def labels(halved: bool) -> tuple[Labels, np.ndarray, np.ndarray]:
    model = assemble(PROBLEM, spectrum_of(PROBLEM), halved=halved)
    return labels_of(model), model.grid.kappa, model.grid.kappa_weights


def shifts(kappa: np.ndarray) -> NormShifts:
    """Any even ones."""
    log_e = 0.01 * np.array([1 + kappa**2, 2 - np.abs(kappa)])
    return NormShifts(0.1 * np.exp(-(kappa**2)), log_e, np.exp(2 * log_e))


def factors(kappa: np.ndarray) -> np.ndarray:
    square = shifts(kappa).square_factor
    return np.array([1 + 0 * kappa, *square, square[0] ** 2, square[0] * square[1], square[1] ** 2])


def test_parts_are_those_of_the_label() -> None:
    found, kappa, _ = labels(False)
    assert found.values.shape == (1, 6, len(kappa))
    assert found.by_log_e.shape == (2, 1, 6, len(kappa))
    model = assemble(PROBLEM, spectrum_of(PROBLEM))
    assert np.array_equal(found.values[0, 0], model.labels.g0)
    assert np.array_equal(found.energy[0], model.labels.g2)


def test_halves_have_the_energy_of_the_whole() -> None:
    energies = []
    for halved in (False, True):
        found, kappa, weights = labels(halved)
        moved, mean_square = found.moved(shifts(kappa)), factors(kappa)
        energy = (mean_square * moved**2).sum(axis=(0, 1)) + found.rest(shifts(kappa), mean_square).sum(axis=0)
        energies.append(weights @ energy)
    assert energies[1] == pytest.approx(energies[0], rel=1e-12)


def test_halves_change_with_the_norm_as_the_whole() -> None:
    changes = []
    for halved in (False, True):
        found, kappa, weights = labels(halved)
        left = np.concatenate([found.values, 0 * found.values], axis=1)
        changes.append(weights @ found.by_norm(shifts(kappa), factors(kappa), left))
    assert changes[1] == pytest.approx(changes[0], rel=1e-12)
    assert abs(changes[0]) > 1e-3


def test_a_label_without_shifts_does_not_move() -> None:
    found, kappa, _ = labels(True)
    none = NormShifts(0 * kappa, np.zeros((2, len(kappa))), np.ones((2, len(kappa))))
    assert np.array_equal(found.moved(none), found.values)
