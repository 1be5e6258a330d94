"""Outliers of the training features, and what they carry (docs/theory-same-data.md, section 9).

All coefficients of the quadratic form of the fit, the learned functions' and those of the linear part along the known
directions, stand in one symmetric matrix E(z), at the shift -z: nothing is eliminated but the bulk, so that E has no
pole outside of it. It is a Schur complement of a matrix whose inertia is that of ``F F'/N - z``, and has as many
negative eigenvalues more than far above as there are outliers above z (eq-same-outliers).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import hermite_functions
from polyspike.spectra import TrainingSpike
from polyspike.theory.bulk_support.roots import Roots
from polyspike.theory.same_samples.fixed_point import states
from polyspike.theory.same_samples.form_terms import form_terms, side_of
from polyspike.theory.same_samples.forms import form_at
from polyspike.theory.same_samples.model import Model
from polyspike.theory.same_samples.spectrum.branch import RealPencilPoint

__all__ = ["DEGREE", "Outliers", "matrix_at"]

DEGREE = 6
"""Highest Hermite degree of the overlaps."""

_TANGENT_STEP = 1e-20
# The place of the coordinate along the noise of beta among the known directions is that in the spike's frame.
_ACROSS = 2


def matrix_at(point: RealPencilPoint) -> Array:
    """E at a solution."""
    return form_terms(point.model, point.state, point.parts).matrix


@dataclass(frozen=True, eq=False)
class Outliers:
    """The outliers on a path of real solutions outside the bulk.

    Attributes
    ----------
    model : Model
    path : list of RealPencilPoint
        As of :class:`~polyspike.theory.bulk_support.roots.Roots`.
    """

    model: Model
    path: list[RealPencilPoint]

    def above(self) -> tuple[TrainingSpike, ...]:
        """Every outlier above the bulk, largest first, on a path down from above all of them.

        Raises
        ------
        NumericalError
            ``NOT_CONVERGED`` when an outlier is not located.
        """
        return tuple(self._spike(point) for point in self._roots.above())

    def between(self) -> tuple[TrainingSpike, ...]:
        """Every outlier on a path up, smallest first.

        Raises
        ------
        NumericalError
            ``NOT_CONVERGED`` when an outlier is not located.
        """
        return tuple(self._spike(point) for point in self._roots.between())

    @cached_property
    def _roots(self) -> Roots:
        return Roots(self.path, matrix_at)

    def _spike(self, point: RealPencilPoint) -> TrainingSpike:
        """The location of an outlier and its squared overlaps (eq-same-overlap)."""
        fit, vector = point.model, self._roots.null_vector(point)
        slope = _slope(point, vector)
        energies, cross, label = np.zeros(DEGREE + 2), np.zeros(DEGREE + 2), 0.0
        for k, part in enumerate(point.parts):
            law = part.population
            if law.fitted:
                functions = _functions(self.model, k)
                energies += law.mean(np.moveaxis(functions**2, 0, -1))
                cross += [vector @ side_of(fit, k, part, values) for values in functions]
                label += float(vector @ side_of(fit, k, part, np.ones_like(law.weights), labels=True))
        # Where the gradient has seen none of the fit's samples nothing is known of them.
        overlaps = cross**2 / (np.where(energies > 0, energies, 1.0) * slope)
        return TrainingSpike(
            location=point.z,
            overlaps=overlaps[:-1],
            label=label**2 / (self.model.problem.label_second_moment * slope),
            residual=float(overlaps[-1]),
        )


def _slope(point: RealPencilPoint, vector: Array) -> float:
    """``v'E'(z)v`` along the branch, at fixed v."""
    fit = point.model
    moved = point.state.moved(1j * _TANGENT_STEP * point.by_log_z / point.z)
    nearby = states(fit.neurons, fit.populations, moved, -(point.z + 1j * _TANGENT_STEP))
    ahead, back, none = (form_at(fit, moved, nearby, sign * vector) for sign in (1.0, -1.0, 0.0))
    return float(np.imag((ahead + back) / 2 - none) / _TANGENT_STEP)


def _functions(model: Model, k: int) -> Array:
    """Hermite functions of the coordinate along the learned direction, with the samples' own share of beta
    (eq-same-coordinates), and what the gradient has seen of the label; at the nodes of the k-th kind of samples,
    shape (DEGREE + 2, E, B).
    """
    frame, seen = model.frame, model.fit.columns[k].constrained
    residual = model.residual[:, None] if seen else np.zeros((1, 1))
    share = frame.coordinates[_ACROSS] * frame.self_share
    hermite = hermite_functions(model.kappa + share * residual, DEGREE)
    return np.concatenate([hermite, np.broadcast_to(residual, hermite.shape[1:])[None]])
