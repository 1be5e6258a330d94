"""Quadrature grids: masses, moments, and where they end."""

import numpy as np
import pytest

from polyspike import NumericalError, Problem
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.given_kappa.deviation import deviation
from polyspike.theory.finite_size.given_kappa.grids import choose_grid, graded, trapezoid

BASE = Problem("tanh", "h1 + 0.7*h2", 3000, 600, 1000, step_exponent=0.3)


@pytest.mark.parametrize("readout", ["gaussian", "rademacher", "constant"])
@pytest.mark.parametrize("teacher", ["h1 + 0.7*h2", "relu"])
def test_masses_are_one_and_variances_too(readout: str, teacher: str) -> None:
    problem = BASE.replace(readout=readout, teacher=teacher, gradient="target")
    grid = choose_grid(problem, condition(problem))
    for nodes, weights in ((grid.kappa, grid.kappa_weights), (grid.u, grid.u_weights)):
        assert weights.sum() == pytest.approx(1, abs=1e-12)
        assert weights @ nodes**2 == pytest.approx(1, abs=1e-6)


def test_a_larger_step_needs_more_nodes_and_refining_too() -> None:
    sizes = [len(choose_grid(p, condition(p)).kappa) for p in (BASE, BASE.replace(step_exponent=0.5))]
    assert sizes[1] > sizes[0]
    assert len(choose_grid(BASE, condition(BASE), refine=2.0).kappa) > 1.9 * sizes[0]


def test_a_step_too_far_is_refused() -> None:
    far = Problem("tanh", "h1", 10**8, 600, 1000, step_size=1e8, noise=0.0, gradient="target")
    with pytest.raises(NumericalError, match="nodes"):
        choose_grid(far, condition(far))


def test_no_readout_is_resolved_that_no_neuron_has() -> None:
    """However strong the spike, the smallest node is not below a millionth of the least readout of the neurons."""
    huge = BASE.replace(activation=lambda x: 1e12 * np.tanh(x), gradient="target", step_size=1.0)
    grids = [choose_grid(p, condition(p)) for p in (huge, huge.replace(width=100), huge.replace(step_size=1e-9))]
    wide, narrow, ordinary = (np.abs(grid.u[grid.u != 0]).min() * p for grid, p in zip(grids, (1000, 100, 1000)))
    assert wide > 1e-7
    assert narrow > 1e-7
    assert len(grids[1].u) < len(grids[0].u) < 350
    assert ordinary > 1.0


def test_rules_have_the_moments_of_the_normal_law() -> None:
    for nodes, weights in (trapezoid(0.2, 8.0), graded(0.1, 60, 8.0)):
        assert [weights @ nodes**k for k in (0, 1, 2, 4)] == pytest.approx([1, 0, 1, 3], abs=1e-8)
        assert np.any(nodes == 0)


@pytest.mark.parametrize("end", [None, 2.3])
@pytest.mark.parametrize("gradient", ["full", "target"])
def test_a_readout_at_which_neurons_lose_their_length_is_resolved(gradient: str, end: float | None) -> None:
    """The averages of ``1/(tau^2 + c)`` and of tau, against a rule of ten thousand nodes."""
    problem = Problem("relu", "h1 + 3", 200, 60, 100, step_size=14.0, gradient=gradient, n_gradient=10**6)
    scalars = condition(problem)
    grid = choose_grid(problem, scalars, ends=(None, end))
    fine = trapezoid(0.002, 9.0)
    for function in (lambda tau: 1 / (tau**2 + 0.01), lambda tau: tau):
        found, expected = (w @ function(deviation(problem, scalars, u)) for u, w in ((grid.u, grid.u_weights), fine))
        assert found == pytest.approx(expected, abs=1e-8)
    assert 40 < len(grid.u) < 110
    if end is not None:
        assert [np.abs(grid.u - node).min() for node in (-end, end)] == pytest.approx([0, 0], abs=1e-9)
