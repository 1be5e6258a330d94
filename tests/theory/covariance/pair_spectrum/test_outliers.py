"""The matrix of the outliers of quadratic features: what is eliminated, what is not, and where it counts from."""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.covariance.pair_spectrum.model import pair_model, quadratic_features
from polyspike.theory.covariance.pair_spectrum.outliers import Columns, PairParts, columns
from polyspike.theory.covariance.predict import nodes_of
from polyspike.theory.covariance.spectrum import as_commuting
from polyspike.theory.finite_size.spectrum.outliers import far_above, outliers_above, upper_edge

PROBLEM = Problem(
    "cos", "h1 + h2", 400, 200, 500, step_exponent=0.2, gradient="target", readout="constant", inputs="spiked:10,3"
)


def parts_of(problem: Problem, strongest: int = 0) -> PairParts:
    features = quadratic_features(problem, nodes_of(problem))
    return PairParts(pair_model(features, as_commuting(features.model), strongest))


def test_a_pair_may_stay_in_the_matrix() -> None:
    """One pair in the bulk's sums, or as rows of its own: the same is left when these are eliminated, of the square of
    an eigendirection and of a product of two. (What M draws is in the sums alone.)
    """
    problem = PROBLEM.replace(inputs="eigenvalues:" + ",".join(["9", "5", *["1"] * 198]))
    parts = parts_of(problem)
    state, pairs = far_above(parts).state, parts.spectral.features.pairs
    plain = replace(parts.columns, drawn=0 * parts.columns.drawn)
    together = _with(parts, plain).matrix(state)
    for first, second in ((2, 2), (1, 2), (1, 1)):
        place = np.flatnonzero((pairs.first == first) & (pairs.second == second))
        assert pairs.counts[place] == pytest.approx(1)
        apart = _with(PairParts(replace(parts.spectral, single=place)), plain).matrix(state)
        size = len(together)
        inner = np.linalg.solve(apart[size:, size:], apart[size:, :size])
        found = apart[:size, :size] - apart[:size, size:] @ inner
        assert found == pytest.approx(together, rel=1e-9, abs=1e-9 * np.abs(together).max())
        assert np.abs(apart[:size, :size] - together).max() > 1e-7 * np.abs(together).max()


def _with(parts: PairParts, found: Columns) -> PairParts:
    """The parts with other columns."""
    changed = PairParts(parts.spectral)
    changed.__dict__["columns"] = found
    return changed


def test_far_above_nothing_is_left() -> None:
    parts = parts_of(PROBLEM, 1)
    start = far_above(parts)
    scaled, _ = parts.scaled(start)
    assert (np.linalg.eigvalsh(scaled) < 0).sum() == parts.at_infinity
    assert (np.linalg.eigvalsh(parts.matrix(start.state)) < 0).sum() == parts.at_infinity


def test_without_the_products_the_mean_is_a_rank_one() -> None:
    """At n V Q -> 0 the cost of the mean is what the isotropic theory has of the norms of samples: ``sum B'VB`` is
    ``n E[R t t'] cov(log tau, log tau')``, to the order 1/d that the norm's own part and the curvature have.
    """
    problem = PROBLEM.replace(inputs="two-level:0.5,1.5,0.5", teacher="h1", step_exponent=0.0)
    features = parts_of(problem).spectral.features
    model, size = features.model, len(features.model.grid.u)
    found, pairs = columns(features).squares[:, :, :size], model.pairs
    assert pairs is not None
    made = np.einsum("l,lpa,lqb->paqb", problem.input_dim * model.spectrum.weights, found, found)
    square = np.einsum("k,kp,paqb,kq->ab", model.grid.kappa_weights, pairs.phi, made, pairs.phi)
    slopes = model.averages.mean_by_log_norm * np.sqrt(model.grid.u_weights)
    covariance = model.relative.T @ (model.spectrum.weights[:, None] * model.relative) / (2 * problem.input_dim)
    expected = (model.grid.kappa_weights[:, None] * slopes).T @ slopes * covariance
    assert square == pytest.approx(expected, rel=4 / problem.input_dim)


@pytest.mark.parametrize("teacher", ["h2", "h1"])
def test_a_quadratic_label_moves_the_outlier(teacher: str) -> None:
    """Along its direction weights are long; without that the outlier is elsewhere."""
    problem = PROBLEM.replace(teacher=teacher, step_exponent=0.4, inputs="two-level:0.5,1.5,0.5")
    parts = parts_of(problem)
    size, none = len(parts.spectral.features.grid.u), parts.columns.along.copy()
    none[:, :, :size] = 0.0
    first, other = (_first(found) for found in (parts, _with(parts, replace(parts.columns, along=none))))
    assert (abs(first / other - 1) > 0.01) == (teacher == "h2")


def _first(parts: PairParts) -> float:
    top, path = upper_edge(parts)
    return outliers_above(parts, [*path, top], 2)[0].location


def test_the_vector_of_an_outlier_is_even() -> None:
    """The mean over the neurons is a function of the norm, of which kappa, that is noise, has a small share."""
    parts = parts_of(PROBLEM)
    top, path = upper_edge(parts)
    overlaps = outliers_above(parts, [*path, top], 4)[0].overlaps
    assert (overlaps >= 0).all()
    assert overlaps[[1, 3]].max() < 1e-12
    assert overlaps[2] < 0.1
