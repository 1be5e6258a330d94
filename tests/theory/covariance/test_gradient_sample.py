"""The average over the gradient's sample with a covariance."""

import numpy as np
import pytest

from polyspike import Problem, predict
from polyspike.theory.covariance.gradient_sample import covariance_samples
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.solution import solve_errors, solve_mean
from polyspike.theory.covariance.step import condition
from polyspike.theory.finite_size.conditioning import StepScalars
from polyspike.theory.finite_size.gradient_sample import weighted_samples
from polyspike.theory.finite_size.solve import solve_errors as isotropic_errors
from polyspike.theory.finite_size.solve import solve_problem

PROBLEM = Problem("tanh", "h1", 400, 100, 300, step_exponent=0.4, n_gradient=40, inputs="power:0.5")
NEARLY_ISOTROPIC = "two-level:0.99999,1.00001,0.5"


@pytest.mark.parametrize("gradient", ["target", "full"])
def test_nearly_equal_eigenvalues_have_the_isotropic_nodes(gradient: str) -> None:
    problem = PROBLEM.replace(gradient=gradient, inputs=NEARLY_ISOTROPIC)
    ours = covariance_samples(problem, spectrum_of(problem))
    others = weighted_samples(problem.replace(inputs="isotropic"))
    assert len(ours) == 12
    for one, other in zip(ours, others, strict=True):
        assert one.weight == pytest.approx(other.weight, rel=1e-12)
        assert one.scalars is not None
        assert other.scalars is not None
        assert np.allclose(one.scalars, other.scalars, rtol=1e-8)


@pytest.mark.parametrize("gradient", ["target", "full"])
def test_a_node_moves_an_error_as_it_does_without_a_covariance(gradient: str) -> None:
    """The two theories themselves differ by half a percent at so few samples."""
    problem = PROBLEM.replace(gradient=gradient, inputs=NEARLY_ISOTROPIC)
    spectrum, isotropic = spectrum_of(problem), problem.replace(inputs="isotropic")
    for sample in (StepScalars(1.2, 1.3, -0.4, 0.8), StepScalars(0.8, 0.6, -0.9, 1.1)):
        moved = solve_errors(problem, spectrum, sample=sample).errors.test_error
        moved /= solve_errors(problem, spectrum).errors.test_error
        other = isotropic_errors(*solve_problem(isotropic, sample=sample)).test_error
        other /= isotropic_errors(*solve_problem(isotropic)).test_error
        assert abs(other - 1) > 0.01
        assert moved == pytest.approx(other, rel=0.1 * abs(other - 1))


@pytest.mark.parametrize("gradient", ["target", "full"])
def test_the_expectations_are_a_sample_like_any_other(gradient: str) -> None:
    problem = PROBLEM.replace(activation="relu", gradient=gradient)
    plain = condition(problem, spectrum_of(problem))
    means = np.append(plain.mean_gradient, 0.0)
    sample = StepScalars(1.0, float(means[0]), float(means[1]), 1.0)
    errors = [solve_errors(problem, spectrum_of(problem), sample=s).errors.test_error for s in (None, sample)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-12)


def test_many_samples_stand_at_their_expectations() -> None:
    many, few = PROBLEM.replace(n_gradient=400), PROBLEM.replace(n_gradient=300)
    assert [node.scalars for node in covariance_samples(many, spectrum_of(many))] == [None]
    assert len(covariance_samples(few, spectrum_of(few))) == 13


def test_the_length_across_is_that_of_the_gaussian_rest() -> None:
    """Mean and variance of ``|Sigma gamma|^2`` over draws of the part of gamma across the teacher."""
    problem = PROBLEM.replace(gradient="target", inputs="power:0.5; teacher=top")
    spectrum = spectrum_of(problem)
    across = np.array([node.scalars.across for node in covariance_samples(problem, spectrum) if node.scalars])
    values, counts = problem.inputs.eigenvalues(problem.input_dim)
    squares = np.repeat(values, counts.astype(int)) ** 2
    rest = squares[np.argsort(squares)[:-1]]
    assert across.mean() == pytest.approx(rest.sum() / squares.sum(), rel=1e-6)
    # Two equally likely values whose variance is 2/(f + 2) for f degrees of freedom.
    freedom = rest.sum() ** 2 / (rest**2).sum()
    assert 2 * across.mean() ** 2 / across.var() - 2 == pytest.approx(freedom, rel=1e-4)
    assert freedom < 99 / 3


def test_overlaps_are_averaged_with_the_errors() -> None:
    problem = PROBLEM.replace(n_gradient=20)
    spectrum, found = spectrum_of(problem), predict(problem)
    means = solve_mean(problem, spectrum)
    expected = solve_errors(problem, spectrum)
    assert found.test_error == means.errors.test_error
    assert found.cosine == means.cosine
    assert means.cosine != pytest.approx(float(expected.model.step.scalars.gradient_cosine), rel=1e-4)
