"""The covariance of the gradient's noise: its averages, its spectral measures, its projection on M."""

from dataclasses import replace
from math import sqrt

import numpy as np
import pytest

from polyspike import Problem, replicate, z_threshold
from polyspike.simulation.draw import GaussianDraw
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.gradient_matrix.cumulants import matrix_cumulants
from polyspike.theory.finite_size.gradient_matrix.gauss_rule import measure_nodes
from polyspike.theory.finite_size.gradient_matrix.noise_law import NoiseLaw, noise_given_matrix
from polyspike.theory.finite_size.gradient_matrix.residual_law import GradientLaw, residual_law
from polyspike.theory.finite_size.solve import model_of, shift_of
from polyspike.theory.finite_size.spikes.errors import errors

DRAWS = 12
# 3 problems x 5 directions at a false-alarm probability of 1e-3 together, Student's law with 11 degrees of freedom.
Z = 6.4


def problem(input_dim: int = 600, gradient: str = "full", teacher: str = "h1 + 0.5*h2") -> Problem:
    return Problem(
        "tanh",
        teacher,
        n_samples=300,
        input_dim=input_dim,
        width=300,
        step_exponent=0.4,
        noise=0.5,
        gradient=gradient,
        ridge=0.01,
    )


def noise_law(chosen: Problem) -> NoiseLaw:
    law = residual_law(chosen, condition(chosen))
    return NoiseLaw(law.labels, law.weights, law.inputs, law.gaussian_variance, law.output_covariance, law.phi_gradient)


def test_the_closed_forms_are_the_averages() -> None:
    """Near the law (partial fractions) and far from it (few nodes) against a fine sum."""
    law = noise_law(problem())
    pole = np.array([2 + 2j, -3 + 2j, 20 + 8j, 300 + 60j, 3000 + 9j])
    eps, weights, k, pairs = law.joint_sample(120)
    inverse = weights / (pole[:, None] - eps**2)
    found = law.averages(pole)
    exact = {
        "scalar": pole * (inverse @ eps**2),
        "vector": pole[:, None] * ((inverse * eps) @ k),
        "matrix": pole[:, None, None] * np.tensordot(inverse * eps**2, pairs, 1),
        "beta_beta": -(inverse @ eps**2),
        "slope": (inverse / (pole[:, None] - eps**2)) @ eps**4,
    }
    for name, value in exact.items():
        np.testing.assert_allclose(getattr(found, name), value, rtol=2e-6, atol=1e-7, err_msg=name)


@pytest.mark.parametrize(("input_dim", "gradient"), [(150, "full"), (600, "full"), (600, "target")])
def test_the_measures_are_those_of_simulated_matrices(input_dim: int, gradient: str) -> None:
    """Resolvent-like averages over the spectrum and along beta*, omega and beta; isotropic noise is rejected."""
    chosen = problem(input_dim, gradient)
    law = noise_law(chosen)
    nodes = measure_nodes(law, 12)
    shares = 1 / (1 + 0.3 * nodes.nodes / law.second_moment)
    predicted = [nodes.bulk @ shares, *(nodes.frame[:, i, i] @ shares for i in range(3)), nodes.frame[:, 0, 2] @ shares]
    simulated = np.array([simulate(chosen, law.second_moment, seed) for seed in range(DRAWS)])
    error = simulated.std(axis=0, ddof=1) / sqrt(DRAWS)
    # What is left out is of relative order 1/d, with a prefactor of a few.
    allowed = Z * error + 5 / input_dim * np.abs(predicted)
    used = slice(None) if gradient == "full" else [0, 1, 3, 4]
    assert np.all((np.abs(simulated.mean(axis=0) - predicted) <= allowed)[used])
    assert abs(simulated.mean(axis=0)[0] - 1 / 1.3) > allowed[0]


def simulate(chosen: Problem, scale: float, seed: int) -> list[float]:
    draw = GaussianDraw.of(chosen, (23, seed), 2)
    sample, readout = draw.gradient_sample, draw.readout("gaussian")
    eps = sample.labels(chosen)
    if chosen.gradient == "full":
        eps = eps - chosen.activation(sample.inputs @ draw.weights.T) @ readout
    n = len(eps)
    resolvent = np.linalg.inv(
        np.eye(chosen.input_dim) + 0.3 / scale * (sample.inputs.T @ (eps[:, None] ** 2 * sample.inputs)) / n
    )
    beta, omega = sample.inputs.T @ eps / n, draw.weights.T @ readout
    own = [float(resolvent[0, 0]), float(omega @ resolvent @ omega), float(beta @ resolvent @ beta)]
    return [float(np.trace(resolvent)) / chosen.input_dim, *own, float(resolvent[0] @ beta)]


@pytest.mark.slow
def test_simulation_tells_the_covariance_from_isotropic_noise() -> None:
    """The largest step, where the noise is of order one: 4 % of the test error, two comparisons at 1 % together."""
    d = 800
    chosen = Problem(
        "sin",
        "h1 + 0.5*h3",
        n_samples=3 * d,
        input_dim=d,
        width=d // 2,
        n_gradient=2 * d,
        step_size=1.5 * sqrt(d / 2),
        ridge=0.1 / 6,
        gradient="target",
        readout="constant",
    )
    found = replicate(chosen, replicates=40, seed=31).test_error
    allowed = z_threshold(2, false_alarm=0.01, degrees_of_freedom=found.replicates - 1) * found.standard_error
    model = model_of(chosen)
    bulk = replace(
        model.bulk, weight_variance=model.gains**2 + model.conditioning.gradient_noise_variance * model.grid.u**2
    )
    isotropic = errors(replace(model, bulk=bulk), solve_bulk(bulk, shift_of(chosen, model))[0]).test_error
    assert abs(predict_finite_size(chosen).test_error - found.mean) <= allowed
    assert abs(isotropic - found.mean) > allowed


def test_with_unlimited_samples_the_noise_is_isotropic() -> None:
    law = noise_law(problem().replace(n_gradient=10**12))
    nodes = measure_nodes(law, 12)
    mean = nodes.nodes / law.second_moment
    assert nodes.bulk @ (mean - 1) ** 2 < 1e-7
    assert nodes.bulk.sum() == pytest.approx(1, rel=1e-12)


def test_the_projection_on_the_matrix_is_exact_with_few_samples_and_none_with_many() -> None:
    """``C = M^2/(phi_0 E eps^2)`` for d/n_0 to infinity (the samples are orthogonal), C = 1 for d/n_0 to 0."""
    chosen = problem()
    teacher, v = chosen.teacher, condition(chosen).gaussian_variance
    for phi, expected in ((1e9, lambda x: x**2), (1e-9, np.ones_like)):
        cumulants = matrix_cumulants(GradientLaw(teacher, v, 0.0, phi))
        scale = sqrt(cumulants[1])
        x = np.linspace(-2, 2, 9)
        np.testing.assert_allclose(noise_given_matrix(scale * x, cumulants), expected(x), atol=2e-4)


def test_the_projection_has_the_moments_of_the_noise() -> None:
    """Mean one and the covariances with M and its square, in simulated matrices of a skew residual."""
    chosen = Problem(
        "relu", "h1 + 0.5*h2", n_samples=800, input_dim=800, width=2, step_size=1.0, gradient="target", ridge=0.01
    )
    rng = np.random.default_rng(5)
    x = rng.standard_normal((800, 800))
    eps = chosen.teacher(x[:, 0]) + chosen.noise * rng.standard_normal(800)
    matrix, noise = x.T @ (eps[:, None] * x) / 800, x.T @ (eps[:, None] ** 2 * x) / 800
    # The cumulants of these very labels: what is left are the fluctuations of the inputs, of relative order 1/d.
    k1, k2, k3, k4 = (float(np.mean(eps**k)) for k in range(1, 5))
    values = np.linalg.eigvalsh(matrix)
    found = noise_given_matrix(values, (k1, k2, k3, k4)) * k2
    for power in (0, 1, 2):
        measured = float(np.sum(noise * np.linalg.matrix_power(matrix, power))) / 800
        assert float(np.mean(found * values**power)) == pytest.approx(measured, rel=20 / 800)
    assert float(np.mean(values**2)) * k2 != pytest.approx(measured, rel=20 / 800)
