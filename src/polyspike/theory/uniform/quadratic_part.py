"""What the quadratic features of the bulk learn of the label (docs/theory-uniform.md, section 11).

The quadratic part of the features has D2 = d(d+1)/2 directions, of which the label sees a few: ``h_2(kappa)``,
``kappa kappa_perp`` and ``h_2(kappa_perp)`` (of a teacher of several indices one of the second kind for each of its
orthogonal inputs, and all squares and products of those), all of unit norm. With e(kappa) the direction's own function
of kappa (``h_2``, kappa, 1) and f the label's coefficient (``g0``, ``g1``, its part along ``h_2(kappa_perp)``), the
form of two labels loses ``(n/D2) v' Z (1 + (n/D2) V2 Z)^-1 v'`` along each, where ``v = E_kappa[f e a2 R]`` and
``V2 = E_kappa[e^2 a2 a2' R]``, as it loses ``(n/d) v' Gam v'`` along a linear one.
"""

from typing import Any

import numpy as np

from polyspike.theory.uniform.next_order import NextOrderState
from polyspike.theory.uniform.teacher_given_kappa import LabelParts

__all__ = ["QuadraticPart"]


class QuadraticPart:
    """The losses along the quadratic directions, at a solved bulk.

    Parameters
    ----------
    terms : NextOrderState
    kappa, moved : ndarray of shape (K,)
        Nodes, and R times the quadrature weights.
    labels : LabelParts
    """

    def __init__(self, terms: NextOrderState, kappa: Any, moved: Any, labels: LabelParts) -> None:
        self._labels = labels
        self._learned = (kappa**2 - 1) / np.sqrt(2)
        self._along = _Direction(terms, self._learned, moved)
        across = _Direction(terms, kappa, moved)
        beside = _Direction(terms, np.ones_like(kappa), moved, constant=True)
        self._others = [across] * len(labels.g1) + [beside] * len(labels.squares)

    def between(self, functions: Any, others: Any) -> Any:
        """The loss of ``<f_i, f_j>`` for functions of kappa, columns of shape (K, m) and (K, m')."""
        return self._along.between(functions, others)

    def form(self, rest: Any) -> tuple[Any, Any, Any]:
        """The loss of the label whose part along kappa is ``rest``, and its derivatives by log R and log zeta."""
        first = self._along.form(rest)
        parts = [d.form(f) for d, f in zip(self._others, [*self._labels.g1, *self._labels.squares], strict=True)]
        value, by_r, by_zeta = (sum(values, start=one) for one, *values in zip(first, *parts, strict=True))
        return value, by_r, by_zeta


class _Direction:
    """One direction of the quadratic features, whose function of kappa is ``own``."""

    def __init__(self, terms: NextOrderState, own: Any, moved: Any, constant: bool = False) -> None:
        self._terms, self._own, self._moved, self._aspect = terms, own, moved, terms.arrays.aspect
        if constant:
            self._inverse = terms.e
            return
        phi = terms.arrays.phi
        v2 = phi.T @ ((own**2 * moved)[:, None] * phi)
        self._inverse = np.linalg.inv(np.eye(len(v2)) + self._aspect * v2 @ terms.q)

    def between(self, functions: Any, others: Any) -> Any:
        v, w = (self._levers(f) for f in (functions, others))
        return self._aspect * (v.T @ (self._terms.q @ (self._inverse @ w)))

    def form(self, f: Any) -> tuple[Any, Any, Any]:
        """The loss of a label with itself; what is left of it is ``f - c e along`` at every kappa."""
        c, arrays = self._aspect, self._terms.arrays
        v = self._levers(f[:, None])[:, 0]
        t = self._inverse @ v
        learned = self._terms.q @ t
        along = self._own * (arrays.phi @ learned)
        by_zeta = c * self._terms.wz * (arrays.chi @ t) ** 2
        return c * (v @ learned), self._moved * (2 * c * f * along - c**2 * along**2), by_zeta

    def _levers(self, f: Any) -> Any:
        """``E_kappa[f e phi R]``, shape (p2, m): ``chi`` times it is ``E_kappa[f e a2 R]``."""
        return self._terms.arrays.phi.T @ ((self._own * self._moved)[:, None] * f)
