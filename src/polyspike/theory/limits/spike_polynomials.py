"""What the spikes carry: the polynomials ``P_k`` and the regression on them, unpenalised where a spike diverges."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, factorial

import numpy as np

from polyspike.arraytypes import Array

__all__ = ["Projection", "project", "spike_polynomial"]


def spike_polynomial(k: int, q: float, degree: int) -> Array:
    """Hermite coefficients of ``P_k(x) = E_xi (x + sqrt(q) xi)^k``, padded to ``degree + 1``.

    With ``x ~ N(0, 1)`` the sum has variance ``1 + q``, so that ``P_k = sum_j k!/(2^j j! (k-2j)!) (1 + q)^j H_{k-2j}``;
    ``q = 0`` is the bare monomial.
    """
    row = np.zeros(degree + 1)
    for j in range(k // 2 + 1):
        row[k - 2 * j] = comb(k, 2 * j) * factorial(2 * j) / (2**j * factorial(j)) * (1 + q) ** j
    return row


@dataclass(frozen=True)
class Projection:
    """What regression on polynomials takes off a quadratic form.

    Attributes
    ----------
    gain : float
        ``b' M^-1 b``, per T1.
    linear_left : float
        What is left of the linear Hermite coefficient of the target: ``t_1`` minus the fitted one.
    paid : float
        ``sum_k penalty_k x_k^2`` at the fitted coefficients; 0 where nothing is penalised.
    paid_each : tuple of float
        The terms of that sum.
    """

    gain: float
    linear_left: float
    paid: float = 0.0
    paid_each: tuple[float, ...] = ()


def project(rows: Sequence[Array], target: Array, ratio: float, penalties: Sequence[float] | None = None) -> Projection:
    """``b = B W t``, ``M = B W B' + diag(penalties)``, ``W = diag(p!)`` with ``ratio = T2/T1`` in the place of p = 1.

    Parameters
    ----------
    rows : sequence of ndarray of shape (degree + 1,)
        Hermite coefficients of the polynomials, one row of B each; may be empty.
    target : ndarray of shape (degree + 1,)
        Hermite coefficients ``t_p = c*_p rho^p`` of the target seen along the learned direction.
    ratio : float
        ``T2/T1``.
    penalties : sequence of float, optional
        What the square of each coefficient costs, per T1; none by default.
    """
    if not len(rows):
        return Projection(0.0, float(target[1]))
    weight = np.array([float(factorial(p)) for p in range(len(target))])
    weight[1] = ratio
    root = np.sqrt(weight)
    cost = np.zeros(len(rows)) if penalties is None else np.sqrt(np.asarray(penalties, dtype=float))
    design = np.concatenate([(np.stack(rows) * root).T, np.diag(cost)])
    design /= np.linalg.norm(design, axis=0)
    coefficients = np.linalg.lstsq(design, np.append(root * target, np.zeros(len(rows))))[0]
    fitted = design @ coefficients
    paid = fitted[len(target) :]
    each = tuple((paid**2).tolist())
    return Projection(float(fitted @ fitted), float(target[1] - fitted[1] / root[1]), float(paid @ paid), each)
