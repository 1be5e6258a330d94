"""The law between the nodes of a rule: closed forms, and eigenvalues of a drawn M."""

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from polyspike import Problem
from polyspike.arraytypes import Array
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.gradient_matrix.continuous import ContinuousLaw, continuous
from polyspike.theory.finite_size.gradient_matrix.measures import MeasureNodes
from polyspike.theory.finite_size.gradient_matrix.rules import continuous_law

LEVELS = np.array([0.002, 0.05, 0.3, 0.5, 0.8, 0.97, 0.998])


def rule(nodes: Array, weights: Array) -> MeasureNodes:
    return MeasureNodes(nodes, weights, np.zeros((len(nodes), 1, 1)), np.ones(len(nodes)))


def semicircle(count: int) -> tuple[Array, Array]:
    """The Gauss rule of the semicircle law on [-2, 2]."""
    angle = np.pi * np.arange(count, 0, -1) / (count + 1)
    return 2 * np.cos(angle), 2 / (count + 1) * np.sin(angle) ** 2


def below(x: Array) -> Array:
    """The distribution of the semicircle law."""
    return np.asarray(0.5 + x * np.sqrt(4 - x**2) / (4 * np.pi) + np.arcsin(x / 2) / np.pi)


def law_of(found: ContinuousLaw | None) -> ContinuousLaw:
    assert found is not None
    return found


def test_quantiles_of_the_semicircle_law() -> None:
    """To a share of the weight of a node, which is smaller for more nodes."""
    few, many = (law_of(continuous(rule(*semicircle(count)), 0.0)) for count in (9, 36))
    off = [np.abs(below(law.quantile(ndtri(LEVELS))) - LEVELS).max() for law in (few, many)]
    assert off[1] < 5e-4
    assert off[0] > 3 * off[1]
    values = many.quantile(ndtri((np.arange(4000) + 0.5) / 4000))
    assert (values.mean(), values.var()) == (pytest.approx(0, abs=1e-3), pytest.approx(1, abs=1e-3))


def test_an_atom_at_zero_is_no_part_of_the_rest() -> None:
    """An atom of 0.4 at zero beside the law on [-2, 2]: no level within it lies anywhere else."""
    nodes, weights = semicircle(36)
    with_atom = np.append(0.6 * weights, 0.4), np.append(nodes, 0.0)
    law = law_of(continuous(rule(with_atom[1], with_atom[0]), 0.4))
    assert law.quantile(ndtri(np.linspace(0.302, 0.698, 30))) == pytest.approx(np.zeros(30), abs=1e-3)
    assert below(law.quantile(ndtri(np.array([0.15, 0.85])))) == pytest.approx([0.25, 0.75], abs=2e-3)


def test_of_a_covariance_the_mean_stays() -> None:
    values = 1 + 0.4 * semicircle(36)[0]
    noise = MeasureNodes(np.zeros(36), semicircle(36)[1], np.zeros((36, 1, 1)), values)
    law = law_of(continuous(noise, 0.0))
    assert law.quantile(ndtri((np.arange(4000) + 0.5) / 4000)).mean() == pytest.approx(1, abs=1e-3)
    assert law.quantile(ndtri(np.array([0.25]))) == pytest.approx(1 + 0.4 * np.interp(0.25, below(X), X), abs=1e-3)


X = np.linspace(-2, 2, 4001)


def test_a_point_has_no_law_between_its_nodes() -> None:
    assert continuous(rule(np.array([0.0, 1.0]), np.array([0.5, 0.5])), 0.0) is None


def test_as_many_eigenvalues_of_m_lie_beyond_a_quantile_as_are_expected() -> None:
    """``M = X' diag(eps) X / n_0`` of labels with a quadratic part, fewer samples than dimensions; 100 draws."""
    problem = Problem(
        "relu", "h1 + 0.7*h2", 200, 80, 100, step_size=1.0, noise=0.3, gradient="target", n_gradient=60, ridge=0.1
    )
    law, expected, draws = law_of(continuous_law(problem, condition(problem))), np.array([0.5, 2.0, 8.0]), 100
    rng, counts = np.random.default_rng(5), np.zeros((draws, 3))
    for k in range(draws):
        x = rng.normal(size=(60, 80))
        eps = x[:, 0] + 0.7 * (x[:, 0] ** 2 - 1) + 0.3 * rng.normal(size=60)
        values = np.linalg.eigvalsh(x.T @ (eps[:, None] * x) / 60)
        counts[k] = (values[:, None] > law.quantile(-ndtri(expected / 80))).sum(axis=0)
    errors = counts.std(axis=0) / draws**0.5
    assert np.all(np.abs(counts.mean(axis=0) - expected) < 4 * errors + 0.05 * expected)
    wrong = 80 * (1 - ndtr(1.3 * -ndtri(expected / 80)))
    assert np.any(np.abs(counts.mean(axis=0) - wrong) > 4 * errors + 0.05 * expected)
