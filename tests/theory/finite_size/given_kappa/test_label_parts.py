"""The label seen along the spike, at every correlation up to one."""

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import NDArray

from polyspike import Problem, as_teacher
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.given_kappa import label_parts as label_parts_module
from polyspike.theory.finite_size.given_kappa.label_parts import label_parts, values_of_label

KAPPA = np.linspace(-4, 4, 9)
TEACHERS = ["h1 + 0.7*h2", "tanh", "relu", "h1[0] + h1[0]*h2[1]", "h2 - 0.5*h1", "-h1 - h3", "h2 - relu"]


def direct(
    teacher: Any, cosine: float, log_norm: float = 0.0, first_alone: bool = False
) -> tuple[NDArray[np.float64], ...]:
    """g0, g1, g2 and the parts along quadratic polynomials, the orthogonal inputs ``exp(log_norm)`` times as long, or
    the first of them alone, by a trapezoid rule; of one index along its direction, of two along the first.
    """
    t = np.linspace(-9, 9, 200_001 if teacher.n_indices == 1 else 361)
    weights = np.exp(-(t**2) / 2)
    weights /= weights.sum()
    long = np.exp(log_norm)
    other_long = 1.0 if first_alone else long
    first = cosine * KAPPA[:, None] + np.sqrt(1 - cosine**2) * long * t
    if teacher.n_indices == 1:
        label, other, own = teacher(teacher.direction[0] * first), np.ones((1, 1)), np.array([1.0])
    else:
        x = np.stack(np.broadcast_arrays(first[:, :, None], other_long * t), axis=-1)
        label, other, own = teacher(x), np.stack([np.ones_like(t), t, t**2 - 1]), weights
    label = label.reshape(len(KAPPA), len(t), -1)
    moments = np.einsum("kts,at,bs,t,s->abk", label, np.stack([np.ones_like(t), t, t**2 - 1]), other, weights, own)
    longs = np.array([long, other_long])[: teacher.n_indices, None]
    g1 = np.concatenate([moments[1, :1], moments[0, 1:2]]) / longs
    squares = np.concatenate([moments[2, :1] / np.sqrt(2), moments[1, 1:2], moments[0, 2:] / np.sqrt(2)])
    energy = np.einsum("kts,t,s->k", label**2, weights, own)
    return moments[0, 0], g1, energy - moments[0, 0] ** 2 - (longs**2 * g1**2).sum(axis=0), squares


@pytest.mark.parametrize("name", TEACHERS)
@pytest.mark.parametrize("cosine", [0.0, 0.7, -0.999, 1 - 1e-5, 1 - 1e-7])
def test_the_parts_are_their_definitions(name: str, cosine: float) -> None:
    found, expected = label_parts(as_teacher(name), KAPPA, cosine, 0.0), direct(as_teacher(name), cosine)
    for part, other in zip(found[:4], expected, strict=True):
        np.testing.assert_allclose(part, other, atol=2e-9, rtol=2e-9)


@pytest.mark.parametrize("name", TEACHERS)
@pytest.mark.parametrize("cosine", [0.0, 0.7, -0.9])
def test_the_turns_are_derivatives_by_the_norm_of_the_other_inputs(name: str, cosine: float) -> None:
    found, h = label_parts(as_teacher(name), KAPPA, cosine, 0.3), 1e-4
    ahead, behind = (direct(as_teacher(name), cosine, step) for step in (h, -h))
    for part, more, less in zip(found[4:7], ahead, behind, strict=False):
        np.testing.assert_allclose(part, (more - less) / (2 * h), atol=2e-6)
    ahead, behind = (direct(as_teacher(name), cosine, step, first_alone=True) for step in (h, -h))
    for part, more, less in zip(found[7:], ahead, behind, strict=False):
        np.testing.assert_allclose(part, (more - less) / (2 * h), atol=2e-6)


@pytest.mark.parametrize("name", TEACHERS)
def test_at_full_correlation_the_label_is_a_function_of_kappa(name: str) -> None:
    """The approach is of second order in the angle, at a kink of first."""
    limit = label_parts(as_teacher(name), KAPPA, 1.0, 0.3)
    for angle in (1e-3, 1e-5, 1e-7):
        near = label_parts(as_teacher(name), KAPPA, np.sqrt(1 - angle**2), 0.3)
        for part, other in zip(near, limit):
            np.testing.assert_allclose(part, other, atol=100 * angle)
    if as_teacher(name).n_indices == 1:
        sign = as_teacher(name).direction[0]
        np.testing.assert_allclose(limit.g0, as_teacher(name)(sign * KAPPA), atol=1e-14)
        np.testing.assert_allclose(limit.g1, 0, atol=1e-14)
        np.testing.assert_allclose(limit.g2, 0.09, atol=1e-13)


@pytest.mark.parametrize("cosine", [0.0, 0.7, -0.999, 1 - 1e-5, 1 - 1e-7])
def test_a_falling_teacher_is_its_mirror_image_kinks_and_all(cosine: float) -> None:
    """With kinks on one side only, under which a rule that forgot to mirror them would be off by 1e-4."""
    rising = as_teacher(lambda t: t + np.maximum(t - 0.7, 0) - 2.0 * (t > 1.3), kinks=(0.7, 1.3))
    falling = as_teacher(lambda t: -t + np.maximum(-t - 0.7, 0) - 2.0 * (t < -1.3), kinks=(-0.7, -1.3))
    assert rising.direction[0] == -falling.direction[0] == 1.0
    for part, other in zip(*(label_parts(t, KAPPA, cosine, 0.3) for t in (rising, falling)), strict=True):
        np.testing.assert_allclose(part, other, atol=1e-12)


@pytest.mark.parametrize("name", TEACHERS)
@pytest.mark.parametrize("cosine", [0.9, 1 - 1e-7])
def test_a_complex_step_gives_the_derivative(name: str, cosine: float) -> None:
    h, tiny = 1e-4 * (1 - cosine), 1e-30

    def parts(rho: complex) -> NDArray[np.complex128]:
        return np.concatenate([np.atleast_2d(part) for part in label_parts(as_teacher(name), KAPPA, rho, 0.3)])

    slope = parts(cosine + 1j * tiny).imag / tiny
    central = (parts(cosine + h) - parts(cosine - h)) / (2 * h)
    np.testing.assert_allclose(slope, central, atol=3e-6 * np.abs(slope).max())


def test_unlimited_data_for_the_gradient_is_a_limit_and_not_an_accident() -> None:
    problem = Problem("tanh", "h1 + 0.7*h2", 3000, 600, 1000, step_exponent=0.45, gradient="target", ridge=0.01)
    limit = predict_finite_size(problem.replace(n_gradient=10**25))
    assert limit.cosine == 1.0
    for power in (8, 10, 12, 15, 20):
        found = predict_finite_size(problem.replace(n_gradient=10**power))
        # e^ = (beta* - rho b^)/sqrt(1 - rho^2) loses half of the digits, of terms that are a hundredth of the error.
        assert found.test_error == pytest.approx(limit.test_error, rel=5e3 / 10**power + 3e-10)


@pytest.mark.parametrize("teacher", ["relu", "relu[0] + relu[1]", "h1[0] + tanh[0]*h2[1]"])
@pytest.mark.parametrize("cosine", [0.995, -0.9999])
def test_nodes_near_every_kappa_give_what_all_nodes_give(
    teacher: str, cosine: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    kappa = np.linspace(-6, 6, 41)
    few = label_parts_module.label_parts(as_teacher(teacher), kappa, cosine, 0.3)
    monkeypatch.setattr(label_parts_module, "_FAR_MORE", np.inf)
    every = label_parts_module.label_parts(as_teacher(teacher), kappa, cosine, 0.3)
    for one, other in zip(few, every, strict=True):
        assert_allclose(one, other, rtol=1e-12, atol=1e-11)


def test_a_label_seen_sharply_is_announced_as_long() -> None:
    teacher = as_teacher("relu[0] + relu[1]")
    assert values_of_label(teacher, 300, 0.99999) > 20 * values_of_label(teacher, 300, 0.9)
    assert values_of_label(as_teacher("relu"), 300, 0.999) < 10 * values_of_label(as_teacher("relu"), 300, 0.9)
