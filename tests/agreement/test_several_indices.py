"""Teachers of several indices with quadratic parts off their first direction, against fresh simulations.

Where n is not small against ``D2 = d(d+1)/2`` the bulk learns a share of every quadratic part of the label, in
whichever of the teacher's directions it lies. Tolerances are z standard errors, z from the number of comparisons, plus
the theory's own ``error_estimate``.
"""

from dataclasses import replace

import numpy as np
import pytest

from polyspike import Problem, simulate, z_threshold
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.given_kappa.weights_along import WeightsAlong, products
from polyspike.theory.finite_size.solve import solve_problem
from polyspike.theory.finite_size.spikes.errors import errors

REPLICATES = 24
PROBLEM = Problem("relu", "h1", 400, 60, 800, step_size=2.0, ridge=0.1, noise=0.0, gradient="target")
TEACHERS = ["h1[0] + h2[1]", "h1[0] + h1[1]*h1[2]"]


def first_square_only(problem: Problem) -> float:
    """The test error if the bulk learned the square of the first orthogonal input alone."""
    model, state = solve_problem(problem)
    pairs = products(model.direction_measures.shape[1])
    others = [1 + k for k, pair in enumerate(pairs) if min(pair) > 0 and pair != (1, 1)]
    covariance, mean = model.along.covariance.copy(), model.along.mean.copy()
    covariance[:, others, :] = covariance[:, :, others] = 0.0
    mean[:, 2:, 1:] = mean[:, 1:, 2:] = 0.0
    return float(errors(replace(model, along=WeightsAlong(mean, covariance)), state).test_error)


@pytest.mark.parametrize("teacher", TEACHERS)
def test_quadratic_parts_in_every_direction_are_learned(teacher: str) -> None:
    problem = PROBLEM.replace(teacher=teacher)
    found = predict_finite_size(problem)
    runs = [simulate(problem, seed=(31, k), n_test=3000) for k in range(REPLICATES)]
    sample = np.array([(run.train_loss, run.test_error) for run in runs])
    mean, error = sample.mean(axis=0), sample.std(axis=0, ddof=1) / np.sqrt(REPLICATES)
    assert found.error_estimate is not None
    tolerance = z_threshold(4, degrees_of_freedom=REPLICATES - 1) * error + found.error_estimate * mean
    assert np.all(np.abs([found.train_loss, found.test_error] - mean) < tolerance)
    assert abs(first_square_only(problem) - mean[1]) > tolerance[1]
