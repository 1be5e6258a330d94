"""The label of a sample by its components (docs/theory-inputs.md, section 7)."""

from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.covariance.features import component_degrees
from polyspike.theory.covariance.model import CovarianceModel
from polyspike.theory.covariance.norm_response import NormShifts
from polyspike.theory.covariance.odd_activations import odd_and_even

__all__ = ["Labels", "labels_of"]


class Labels(NamedTuple):
    """What features fit of a label and, for an odd activation, what they do not: n is one or two. Of p indices there
    are S components without Delta, the last m of them quadratic.

    Attributes
    ----------
    values : ndarray of shape (n, S, K)
    by_log_e : ndarray of shape (p, n, S, K)
        Derivatives of the values by the logs of the deviations of the kappa_e.
    energy : ndarray of shape (n, K)
        That of the rest, and of the quadratic components.
    energy_by_log_e : ndarray of shape (p, n, K)
    """

    values: Any
    by_log_e: Any
    energy: Any
    energy_by_log_e: Any

    def moved(self, shifts: NormShifts) -> Any:
        """The values where the weight R makes the kappa_e narrower; of the norm they know nothing; (n, S, ..., K)."""
        return _spread(self.values, shifts) + _along(shifts.mean_log_e, self.by_log_e, shifts)

    def squares(self, factors: Any) -> Any:
        """The energies of the quadratic components with mean squares ``factors`` (S, ..., K) of all components, shape
        (n, m, ..., K).
        """
        count = quadratic_components(len(self.by_log_e))
        squares = self.values[:, -count:] ** 2
        return factors[-count:] * squares.reshape(*squares.shape[:2], *[1] * (factors.ndim - 2), -1)

    def rest(self, shifts: NormShifts, factors: Any) -> Any:
        """The energy of the rest under the weight R, shape (n, ..., K)."""
        whole = _spread(self.energy, shifts) + _along(shifts.mean_log_e, self.energy_by_log_e, shifts)
        return whole - self.squares(factors).sum(axis=1)

    def by_norm(self, shifts: NormShifts, factors: Any, left: Any) -> Any:
        """``Delta dE[residual^2 | kappa]/dDelta`` of what is left (n, 2 S, K) of the label, by the norm and by the
        deviations of the kappa_e (eq-inputs-mean-norm), shape (K,); without tangents.
        """
        count = len(factors)
        values, weighted = left[:, :count], factors * left[:, :count]
        by_norm = 2 * (weighted * left[:, count:]).sum(axis=(0, 1))
        degrees, squares = component_degrees(len(self.by_log_e)).T[:, None, :, None], self.squares(factors)
        by_e = 2 * (weighted * (self.by_log_e + degrees * values)).sum(axis=(1, 2)) + self.energy_by_log_e.sum(axis=1)
        by_e = by_e - 2 * (degrees[:, :, -squares.shape[1] :] * squares).sum(axis=(1, 2))
        return shifts.mean_deviation * by_norm + (shifts.mean_log_e * by_e).sum(axis=0)


def quadratic_components(p: int) -> int:
    """How many products the p coordinates kappa_e have."""
    return p * (p + 1) // 2


def labels_of(model: CovarianceModel) -> Labels:
    """The labels of a model."""
    parts, p = model.labels, len(model.labels.g1)
    none, as_one = np.zeros_like(parts.squares), lambda g0, g1, rest: np.concatenate([g0[None], g1, rest])
    values = as_one(parts.g0, parts.g1, parts.squares)
    by_log_e = _by_each(
        as_one(parts.g0_by_log_first, parts.g1_by_log_first, none),
        as_one(parts.g0_by_log_norm, parts.g1_by_log_norm, none),
        p,
    )
    energies = np.array([parts.g2, *_by_each(parts.g2_by_log_first, parts.g2_by_log_norm, p)])
    if not model.halved:
        return Labels(values[None], by_log_e[:, None], energies[:1], energies[1:, None])
    signs = (-1.0) ** component_degrees(p).sum(axis=1)
    # An energy is an average over both signs, and is counted with the first.
    _, even = odd_and_even(energies, np.ones(1 + p))
    energies = np.stack([even, np.zeros_like(even)], axis=1)
    moved = odd_and_even(by_log_e, np.tile(signs, (p, 1))).swapaxes(0, 1)
    return Labels(odd_and_even(values, signs), moved, energies[0], energies[1:])


def _by_each(first: Any, all_of_them: Any, p: int) -> Any:
    """A derivative by the logs of the deviations of the p kappa_e: of those but the first, which have one in common,
    equal parts; shape (p, ...).
    """
    return np.array([first, *[(all_of_them - first) / (p - 1)] * (p - 1)] if p > 1 else [first])


def _spread(values: Any, shifts: NormShifts) -> Any:
    """Functions of kappa (..., K) with the axis of the tangents before the last."""
    return values.reshape(*values.shape[:-1], *[1] * (shifts.mean_deviation.ndim - 1), values.shape[-1])


def _along(moves: Any, derivatives: Any, shifts: NormShifts) -> Any:
    """The sum of moves (p, ..., K) times derivatives (p, ..., K)."""
    spread = _spread(derivatives, shifts)
    return sum(move * derivative for move, derivative in zip(moves, spread, strict=True))
