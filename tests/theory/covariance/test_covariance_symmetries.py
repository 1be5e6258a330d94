"""What leaves the law of a problem unchanged leaves its prediction unchanged."""

import numpy as np
import pytest

from polyspike import Inputs, Problem, predict
from polyspike.results import Prediction

PROBLEM = Problem("softplus", "h1 + 0.5*h2", 900, 300, 600, step_exponent=0.35, inputs="power:0.5")
NAMES = ("train_loss", "train_error", "test_error")


def same(one: Prediction, other: Prediction, tolerance: float = 1e-8) -> bool:
    return all(abs(getattr(one, n) / getattr(other, n) - 1) < tolerance for n in NAMES)


@pytest.fixture(scope="module")
def found() -> Prediction:
    return predict(PROBLEM)


def test_a_mirrored_teacher(found: Prediction) -> None:
    assert same(found, predict(PROBLEM.replace(teacher="-h1 + 0.5*h2")))


def test_flipped_labels(found: Prediction) -> None:
    assert same(found, predict(PROBLEM.replace(teacher="-h1 - 0.5*h2")))


def test_a_mirrored_activation() -> None:
    steep, mirrored = (lambda x: np.tanh(x + 0.5)), (lambda x: np.tanh(0.5 - x))
    one, other = (predict(PROBLEM.replace(activation=f)) for f in (steep, mirrored))
    assert same(one, other)


def test_permuted_eigenvalues() -> None:
    values = [0.5, 2.0, 1.0, 0.25] * 75
    energies = list(np.arange(1, 301.0))
    order = np.random.default_rng(1).permutation(300)
    first = {"spectrum": values, "teacher": energies}
    second = {name: [column[k] for k in order] for name, column in first.items()}
    one, other = (predict(PROBLEM.replace(inputs=Inputs(**arguments))) for arguments in (first, second))
    assert same(one, other)


def test_scaled_labels_of_the_target_only_gradient() -> None:
    one = predict(PROBLEM.replace(gradient="target", step_size=8.0, step_exponent=None))
    other = predict(
        PROBLEM.replace(gradient="target", teacher="2*h1 + h2", noise=1.0, step_size=4.0, step_exponent=None)
    )
    assert other.test_error == pytest.approx(4 * one.test_error, rel=1e-8)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_without_a_step_the_gradient_does_not_matter(activation: str) -> None:
    """The direction of kappa differs; that the errors do not is left of order one over the square of d_eff."""
    problem = PROBLEM.replace(activation=activation, step_size=0.0, step_exponent=None)
    one, other = predict(problem), predict(problem.replace(gradient="target"))
    assert same(one, other, 4e-3)


@pytest.mark.parametrize(("activation", "ridge"), [("silu", 0.48), ("silu", 0.01), ("relu", 0.01), ("tanh", 0.01)])
@pytest.mark.parametrize("inputs", ["power:0.5; teacher=top", "spiked:6,1; teacher=top"])
def test_without_a_step_it_does_not_matter_where_the_gradient_points(
    activation: str, ridge: float, inputs: str
) -> None:
    """Along noise for ``h2``, along the strong direction of the label with a trace of ``h1`` and endless samples of the
    gradient; what differs is left of the square of that direction's share in an input, and was 3 to 6 % for SiLU.
    """
    problem = Problem(activation, "h2", 553, 120, 231, step_size=0.0, ridge=ridge, noise=0.3, gradient="target")
    problem = problem.replace(inputs=inputs)
    beside = predict(problem)
    along = predict(problem.replace(teacher="h2 + 0.0001*h1", n_gradient=10**16))
    share = problem.inputs.teacher_moment(1, problem.input_dim) / problem.input_dim
    assert 0.04 < share < 0.06
    assert along.test_error == pytest.approx(beside.test_error, rel=10 * share**2)


def test_a_huge_ridge_leaves_the_energy_of_the_labels() -> None:
    found = predict(PROBLEM.replace(ridge=1e9))
    for name in NAMES:
        assert getattr(found, name) == pytest.approx(PROBLEM.label_second_moment, rel=1e-5)


def test_nearly_equal_eigenvalues_are_nearly_isotropic(found: Prediction) -> None:
    for activation, tolerance in (("tanh", 1e-4), ("relu", 3e-3)):
        problem = PROBLEM.replace(activation=activation)
        near = predict(problem.replace(inputs="two-level:0.9999,1.0001,0.5"))
        assert same(near, predict(problem.replace(inputs="isotropic")), tolerance)


def test_errors_are_in_their_order(found: Prediction) -> None:
    assert 0 < found.train_error < found.train_loss < PROBLEM.label_second_moment
    assert found.test_error > PROBLEM.noise**2
