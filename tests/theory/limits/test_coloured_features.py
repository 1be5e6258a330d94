"""Random features on inputs of a covariance: the isotropic ones, differences, and random matrices."""

import numpy as np
import pytest

from polyspike import NumericalError, Problem, Status
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.limits.coloured_features import ColouredFeatures, coloured_features
from polyspike.theory.limits.errors import features_of

PROBLEM = Problem("gelu", "h1", 600, 200, 900, step_size=1.0, ridge=0.05, inputs="power:0.5")
ONE = Eigenvalues(np.ones(1), np.ones(1), np.ones(1))


def features(problem: Problem) -> ColouredFeatures:
    return coloured_features(problem, spectrum_of(problem))


@pytest.mark.parametrize("width", [300, 900])
@pytest.mark.parametrize("ridge", [0.0, 0.05, 3.0])
def test_at_one_eigenvalue_they_are_the_isotropic_ones(ridge: float, width: int) -> None:
    problem = PROBLEM.replace(ridge=ridge, width=width, inputs="isotropic")
    ours, other = coloured_features(problem, ONE), features_of(problem)
    for name in ("trace_times_ridge", "loo_factor", "trace", "neuron_trace", "loo_neuron"):
        assert getattr(ours, name) == pytest.approx(getattr(other, name), rel=1e-11)
    assert ours.ratio(np.ones(1)) == pytest.approx(other.ratio, rel=1e-12)
    assert ours.loo_ratio(np.ones(1)) == pytest.approx(other.loo_ratio, rel=1e-10)


def test_what_is_said_of_the_ridge_are_derivatives() -> None:
    h, measure = 1e-4, spectrum_of(PROBLEM).teacher
    found = features(PROBLEM)
    low, high = (features(PROBLEM.replace(ridge=0.05 * (1 + side * h))) for side in (-1, 1))
    step = 2 * 0.05 * h
    assert found.loo_factor == pytest.approx((1 / high.trace - 1 / low.trace) / step, rel=1e-6)
    by_ratio = (high.ratio(measure) - low.ratio(measure)) / step
    assert found.loo_ratio(measure) == pytest.approx(-by_ratio / found.trace, rel=1e-6)
    by_neurons = (np.log(high.neuron_trace) - np.log(low.neuron_trace)) / step
    assert found.loo_neuron == pytest.approx(by_neurons / found.trace, rel=1e-6)


def test_the_traces_are_those_of_drawn_features() -> None:
    """``tr (F F' + lambda n)^-1`` and its forms with the strong and with the weak coordinates, but for terms of order
    1/n; without the covariance they are rejected.
    """
    problem = PROBLEM.replace(activation="erf", inputs="two-level:0.3,1.7,0.5")
    n, d, width = problem.n_samples, problem.input_dim, problem.width
    deviations, found = np.sqrt(problem.inputs.axes(d)), features(problem)
    rows = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        g, weights = rng.standard_normal((n, d)), rng.standard_normal((width, d))
        weights /= np.linalg.norm(weights, axis=1, keepdims=True)
        f = problem.activation((g * deviations) @ weights.T)
        resolvent = np.linalg.inv(f @ f.T + problem.ridge * n * np.eye(n))
        forms = np.einsum("ik,ij,jk->k", g, resolvent, g)
        rows.append([np.trace(resolvent), forms[:100].mean(), forms[100:].mean()])
    mean, error = np.mean(rows, axis=0), np.std(rows, axis=0, ddof=1) / 12**0.5
    ratios = found.trace / (1 + found.shrinkage * deviations**2)
    predicted = np.array([found.trace, ratios[0], ratios[-1]])
    assert np.all(np.abs(predicted - mean) < 4 * error + 10 / n * mean)
    isotropic = coloured_features(problem, ONE)
    assert np.all(np.abs(isotropic.trace * isotropic.ratio(np.ones(1)) - mean[1:]) > 0.2 * mean[1:])


def test_there_is_no_limit_at_the_peak() -> None:
    with pytest.raises(NumericalError) as error:
        features(PROBLEM.replace(ridge=0.0, width=600))
    assert error.value.status is Status.SINGULAR
