"""The law of the residual at few nodes: its moments in closed form."""

import numpy as np
import pytest

from polyspike import Problem, as_teacher
from polyspike.theory.covariance.residuals import residuals

TEACHER = Problem(teacher="h1 + 0.5*h2 + 0.2*h3", step_exponent=0.2).teacher


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_target_only(noise: float) -> None:
    law = residuals(TEACHER, noise**2, 0.0, False, 1.0)
    energy = 1 + 0.25 * 2 + 0.04 * 6 + noise**2
    assert law.energy == pytest.approx(energy, abs=1e-8)
    assert law.mean == pytest.approx(0.0, abs=1e-8)
    assert law.first @ law.eps == pytest.approx([1.0], abs=1e-8)
    assert law.second[0, 0] @ law.eps == pytest.approx(2 * 0.5, abs=1e-8)


def test_the_full_gradient_has_minus_the_initial_output() -> None:
    c1, variance = 0.6, 0.7
    law = residuals(TEACHER, variance, c1, True, 1.0)
    assert law.first @ law.eps == pytest.approx([1.0, -c1], abs=1e-8)
    # E eps (k_w^2 - 1) = 0 by symmetry; E eps^2 (k_w^2 - 1) = 2 c_1^2 as for jointly Gaussian numbers.
    assert law.second[1, 1] @ law.eps == pytest.approx(0.0, abs=1e-8)
    assert law.second[1, 1] @ law.eps**2 == pytest.approx(2 * c1**2, abs=1e-7)


@pytest.mark.parametrize(("teacher", "allowed"), [("h1 + 0.5*h2", 1e-8), ("relu", 1e-8), ("0.3*h1 + h3", 1e-4)])
def test_more_nodes_change_rational_averages_by_little(teacher: str, allowed: float) -> None:
    """Poles no nearer than the deviation of the residual; the label of degree 3 has the heaviest tails."""
    teacher_ = Problem(teacher=teacher, step_exponent=0.2).teacher
    few, many = residuals(teacher_, 0.09, 0.0, False, 4.0), residuals(teacher_, 0.09, 0.0, False, 4.0, 120)
    for pole in (1.0, 3.0):
        value, exact = (law.weights @ (law.eps**2 / (pole**2 * law.energy + law.eps**2)) for law in (few, many))
        assert abs(value - exact) < allowed


def test_many_samples_of_the_gradient_have_fewer_nodes_with_farther_poles() -> None:
    teacher = Problem(teacher="h1 + 0.5*h2", step_exponent=0.2).teacher
    few, many = (residuals(teacher, 0.09, 0.0, False, phi) for phi in (0.2, 4.0))
    assert len(few.eps) < 20 < len(many.eps)
    value, exact = (law.weights @ (law.eps**2 / (4 * law.energy + law.eps**2)) for law in (few, many))
    assert value == pytest.approx(exact, rel=2e-7)
    value, exact = (law.weights @ (law.eps**2 / (0.3 * law.energy + law.eps**2)) for law in (few, many))
    assert value != pytest.approx(exact, rel=1e-5)


def test_a_label_of_two_values_has_two_nodes() -> None:
    law = residuals(as_teacher(np.sign, kinks=(0.0,)), 0.0, 0.0, False, 1.0)
    assert np.allclose(np.sort(law.eps), [-1.0, 1.0])


def test_several_indices_and_one_that_the_label_does_not_see() -> None:
    """``h1[0] + 0.5 h2[1] + 0.4 h1[0] h1[3]`` sees nothing of the third index."""
    law = residuals(as_teacher("h1[0] + 0.5*h2[1] + 0.4*h1[0]*h1[3]"), 0.09, 0.0, False, 1.0)
    assert law.energy == pytest.approx(1 + 0.5 + 0.16 + 0.09, abs=1e-6)
    assert law.first @ law.eps == pytest.approx([1.0, 0.0, 0.0, 0.0], abs=1e-6)
    second = law.second @ law.eps
    assert second[1, 1] == pytest.approx(1.0, abs=1e-6)
    assert second[0, 3] == pytest.approx(0.4, abs=1e-6)
    assert np.abs(second[2]).max() < 1e-6
    # E eps^2 (k_0^2 - 1) of a label a h1 + b h1 h1': 2 (a^2 + b^2). Within a bin of labels k k' is linear in the label.
    assert (law.second @ law.eps**2)[0, 0] == pytest.approx(2 * (1 + 0.16), rel=1e-4)


def test_the_initial_output_and_several_indices() -> None:
    law = residuals(as_teacher("h1[0] + 0.5*h2[1]"), 0.7, 0.6, True, 1.0)
    assert law.first @ law.eps == pytest.approx([1.0, 0.0, -0.6], abs=1e-7)
    assert (law.second @ law.eps**2)[0, 2] == pytest.approx(-2 * 0.6, abs=1e-6)


@pytest.mark.parametrize("power", [1, 2])
def test_what_the_samples_of_the_gradient_know_of_its_noise(power: int) -> None:
    """``(1/n_0) sum eps^p g g'`` of many samples between k and xi, of length one, and beside xi a random direction."""
    d, count, teacher = 300, 600, as_teacher("h1 - 0.5*h2 + 0.2*h3")
    law = residuals(teacher, 0.09, 0.0, False, d / count)
    rng = np.random.default_rng(3)
    found = []
    for _ in range(200):
        g = rng.normal(size=(count, d))
        eps = teacher(g[:, 0]) + 0.3 * rng.normal(size=count)
        xi = eps @ g[:, 1:] / count
        seen = np.stack([g[:, 0], g[:, 1:] @ xi / np.linalg.norm(xi)])
        moments = (eps**power * seen) @ seen.T / count
        found.append(moments - np.eye(2) * np.mean(eps**power))
    # In an orthonormal frame xi has its length, and E[eps^p] multiplies one.
    scale = np.array([1.0, (d / count * law.energy) ** 0.5])
    expected = law.given_gradient(law.eps**power) * np.outer(scale, scale)
    error = np.std(found, axis=0, ddof=1) / len(found) ** 0.5
    assert np.all(np.abs(np.mean(found, axis=0) - expected) < 4 * error)
    assert np.all(np.abs(expected) > 8 * error)


def test_what_m_adds_to_the_square_of_a_known_direction() -> None:
    """``|M v|^2`` along xi, isotropic inputs: a label that is nearly constant has ``1 + 3 phi + phi^2`` times its
    square, and ``1 + 3 phi + 2 phi^2`` if M were not to know that ``sum eps g`` is xi.
    """
    d, count, teacher = 300, 600, as_teacher("2 + 0.5*h1 - 0.3*h2")
    phi, law = d / count, residuals(teacher, 0.09, 0.0, False, d / count)
    rng, found = np.random.default_rng(4), []
    for _ in range(60):
        g = rng.normal(size=(count, d))
        eps = teacher(g[:, 0]) + 0.3 * rng.normal(size=count)
        across = (eps @ g[:, 1:]) / count
        v = np.append(0.0, across / np.linalg.norm(across))
        moved = (eps * (g @ v)) @ g / count
        found.append(moved @ moved)
    size = (phi * law.energy) ** 0.5
    once = law.given_gradient(law.eps)[:, -1]
    along, beside = law.mean + size**2 * once[-1], size * once[0]
    expected = along**2 + beside**2 + phi * (law.energy + size**2 * law.matrix_spread[-1, -1])
    error = np.std(found, ddof=1) / len(found) ** 0.5
    assert abs(np.mean(found) - expected) < 4 * error
    without = expected + phi * size**2 * (law.given_gradient(law.eps**2) - law.matrix_spread)[-1, -1]
    assert abs(np.mean(found) - without) > 6 * error
