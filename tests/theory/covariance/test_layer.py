"""The layer of the gradient's samples against random matrices, and a theory without it rejected."""

from dataclasses import dataclass

import numpy as np
import pytest

from polyspike.theory.covariance.layer import Blocks, LayerCoefficients, Samples
from polyspike.theory.covariance.residuals import Residuals

D, N0 = 240, 120
VALUES = np.array([0.3, 1.7])
U = np.array([-1.3, 0.4, 1.5])
WEIGHTS = np.array([0.3, 0.4, 0.3])
DELTA, E, Q, V = 0.02, 0.25, 0.3, 2.0


@dataclass(frozen=True)
class Numbers:
    """``tr Gam/d`` and ``tr Sigma Gam/d``."""

    plain: float
    weighted: float


def residual(rng: np.random.Generator, count: int) -> np.ndarray:
    """Of mean one half, and skewed."""
    z = rng.standard_normal(count)
    return np.asarray(z + 0.5 * z**2)


def law() -> Residuals:
    z, w = np.polynomial.hermite_e.hermegauss(40)
    w = w / w.sum()
    none = np.zeros((1, 40))
    return Residuals(z + 0.5 * z**2, w, none, none[:, None] * none[None])


def by_theory(layered: bool = True) -> Numbers:
    gain = 1 - DELTA * U**2 * VALUES[:, None]
    own = (VALUES * (gain**2 @ WEIGHTS))[:, None, None]
    mixed = (VALUES**0.5 * ((gain * E * U) @ WEIGHTS))[:, None, None]
    tilt, noise = (np.array([[WEIGHTS @ (x * U**2)]]) for x in (E**2, Q))
    coefficients = LayerCoefficients(VALUES, VALUES, own, mixed, tilt, noise, True)
    share, v = np.array([0.5, 0.5]), np.array([[V]])
    t = np.tensordot(law().weights, coefficients.vertices(law()), 1)
    for _ in range(200 if layered else 0):
        mean = np.tensordot(share, Blocks(coefficients, t, v).fields, 1)
        t = (t + Samples(coefficients, law(), D / N0, mean).t) / 2
    gam = Blocks(coefficients, t, v).gam[:, 0, 0]
    return Numbers(float(share @ gam), float(share @ (VALUES * gam)))


def by_matrices(seed: int) -> Numbers:
    rng = np.random.default_rng(seed)
    g, eps = rng.standard_normal((N0, D)), residual(rng, N0)
    values = np.repeat(VALUES, D // 2)
    root, energy = np.sqrt(values), law().energy
    m, c = (g.T @ (x[:, None] * g) / N0 for x in (eps, eps**2 / energy))
    form = Q * (WEIGHTS @ U**2) * values[:, None] * c * values
    for u, weight in zip(U, WEIGHTS, strict=True):
        half = np.diag((1 - DELTA * u**2 * values) * root) + E * u * root[:, None] * m * values
        form += weight * half.T @ half
    gam = form @ np.linalg.inv(np.eye(D) + V * form)
    return Numbers(float(np.trace(gam)) / D, float(values @ np.diag(gam)) / D)


@pytest.mark.parametrize("name", ["plain", "weighted"])
def test_traces_of_random_matrices(name: str) -> None:
    draws = np.array([getattr(by_matrices(seed), name) for seed in range(12)])
    mean, error = draws.mean(), draws.std(ddof=1) / 12**0.5
    allowed = 4 * error + 1 / D**1.5
    assert abs(getattr(by_theory(), name) - mean) < allowed
    assert abs(getattr(by_theory(layered=False), name) - mean) > 3 * allowed


def test_an_untilted_layer_is_the_tilted_one_without_tilt() -> None:
    own, noise = np.array([[[0.8]], [[1.1]]]), np.array([[0.4]])
    none = np.zeros((2, 1, 1))
    two = LayerCoefficients(VALUES, VALUES, own, none, np.zeros((1, 1)), noise, True)
    one = LayerCoefficients(VALUES, VALUES, own, none, np.zeros((1, 1)), noise, False)
    share, v = np.array([0.5, 0.5]), np.array([[V]])
    t_one, t_two = np.array([[0.3]]), np.diag([0.3, 0.0])
    blocks = Blocks(one, t_one, v), Blocks(two, t_two, v)
    assert np.allclose(blocks[0].gam, blocks[1].gam)
    assert np.allclose(blocks[0].fields, blocks[1].fields[:, :1, :1])
    answers = [
        Samples(c, law(), 2.0, np.tensordot(share, b.fields, 1)) for c, b in zip((one, two), blocks, strict=True)
    ]
    assert np.allclose(answers[0].t, answers[1].t[:1, :1])
