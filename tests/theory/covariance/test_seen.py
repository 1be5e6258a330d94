"""Teachers of several indices as the spike sees them."""

import numpy as np
import pytest

from polyspike import Problem, simulate
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.seen import TurnedTeacher, index_measures, linear_direction, seen_teacher
from polyspike.theory.covariance.step import condition

TOP = Problem("erf", "h1[0] + h1[1] + 0.5*h2[1]", 600, 200, 400, step_exponent=0.4, inputs="power:0.5; teacher=top")


@pytest.mark.parametrize("inputs", ["power:0.5", "two-level:0.3,1.7,0.5", "isotropic"])
def test_indices_of_equal_energies_are_seen_along_the_linear_part(inputs: str) -> None:
    problem = TOP.replace(inputs=inputs)
    assert seen_teacher(problem) is problem.teacher
    assert np.allclose(linear_direction(problem), [1, 0])
    measures = index_measures(problem)
    assert np.allclose(measures[0, 0], problem.inputs.teacher_energies(200))
    assert np.allclose(measures[0, 1], 0)


def test_the_stronger_eigendirection_is_seen_more() -> None:
    """``Sigma^(1/2) b`` is ``sum c*_k lambda_k e_k``, of which the label's inputs have the parts along ``e_k``."""
    teacher = seen_teacher(TOP)
    assert isinstance(teacher, TurnedTeacher)
    first, second = TOP.inputs.eigenvalues(200).values[:2]
    assert np.allclose(teacher.direction, np.array([first, second]) / np.hypot(first, second))
    assert teacher(np.ones(2)) == TOP.teacher(np.ones(2))
    assert np.linalg.norm(linear_direction(TOP)) == pytest.approx(1)
    assert np.abs(linear_direction(TOP)[1]) > 0.1
    measures = index_measures(TOP)
    assert np.allclose(measures.sum(axis=2), np.eye(2))
    assert np.abs(measures[0, 1]).max() > 0.1


@pytest.mark.parametrize("gradient", ["full", "target"])
def test_the_spike_is_orthogonal_to_all_other_inputs(gradient: str) -> None:
    """And not to those across the linear part."""
    problem = TOP.replace(gradient=gradient)
    step = condition(problem, spectrum_of(problem))
    gram = step.frame_measures.sum(axis=2)
    along = step.known[0] @ gram
    assert along[0] == pytest.approx(step.scalars.spike_cosine)
    assert along[1] == pytest.approx(0, abs=1e-12)
    assert abs(along[:2] @ [-linear_direction(problem)[1], linear_direction(problem)[0]]) > 0.05
    assert np.allclose(step.known @ gram @ step.known.T, np.eye(3))


def test_the_cosines_are_those_of_networks() -> None:
    for problem in (TOP, TOP.replace(inputs="two-level:0.3,1.7,0.5")):
        step = condition(problem, spectrum_of(problem))
        runs = [simulate(problem, seed=(3, k), n_test=100) for k in range(8)]
        for name, found in (("cosine", step.scalars.gradient_cosine), ("biased_cosine", step.lean)):
            values = np.array([getattr(run, name) for run in runs])
            assert abs(values.mean() - found) < 4 * values.std(ddof=1) / 8**0.5 + 1 / problem.input_dim


def test_a_teacher_without_a_linear_part_stays() -> None:
    problem = TOP.replace(teacher="h2[0] + h2[1]")
    assert seen_teacher(problem) is problem.teacher
