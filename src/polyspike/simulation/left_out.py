"""Leaving every sample out of both stages, without n refits: the formulas of :func:`polyspike.leave_one_out`.

Sample j has moved neuron i along itself: ``w_i = w_-j,i + m_ji x_j`` with
``m_ji = (eta/n) eps_j a_i sigma'(w_0i . x_j)``. Without it, the pre-activations of every sample are known exactly,
``p_k - (x_k . x_j) m_j``, and so are its own features ``f~_j = sigma(p_j - |x_j|^2 m_j)``. Those of the others are
expanded to first order, and the ridge regression on them is solved to second order:

    f_k + delta_jk,   delta_jki = -(x_j . x_k) m_ji sigma'(p_ki),                                k != j.

Two steps: with the mean slope of every neuron in the place of ``sigma'(p_ki)``, ``delta_j`` is the product of one
column and one row, ``u_j v_j'`` with ``u_jk = -x_j . x_k`` and ``v_j`` the mean slopes times ``m_j``. It is the larger
part, ``G = F_-j + u_j v_j'``, and is solved for exactly. The rest, E, is small, and one Newton step from there leaves
an error of its second order. Every term of that step has a factor E, and single precision is enough for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Activation
from polyspike.simulation.certified import RidgeSystem, certain_prediction
from polyspike.simulation.resolvent import Resolvent, SingularValues, StableResolvent
from polyspike.status import Status

__all__ = ["Refits", "TrainedFeatures", "WithoutEach", "blocks_of"]

BLOCK = 512
"""Samples that are left out at the same time; memory is so many times n."""

_LOST = 1e-9
"""Part of ``tr F'F`` from which a ridge is safe in ``F'F + n ridge``: leaves seven digits of a residual."""

_MODERATE = 1e6
"""Numbers up to this size have products that single precision can hold."""


@dataclass(frozen=True, eq=False)
class TrainedFeatures:
    """The features after the step, on the sample of the step, and how each sample has moved them.

    Attributes
    ----------
    inputs : ndarray of shape (n, d)
    labels : ndarray of shape (n,)
    moves : ndarray of shape (n, width)
        ``m_ji``; the weights after the step are ``W0 + moves' X``.
    preactivations : ndarray of shape (n, width)
        ``P = X W'``, after the step.
    activation : Activation
    """

    inputs: Array
    labels: Array
    moves: Array
    preactivations: Array
    activation: Activation

    @classmethod
    def after_step(
        cls,
        inputs: Array,
        labels: Array,
        weights: Array,
        readout: Array,
        activation: Activation,
        step: float,
        form: str,
    ) -> "TrainedFeatures":
        """One step from ``weights``, with the residual of the initial network ("full") or the label ("target").

        Raises
        ------
        NumericalError
            If the features after it overflow, or their squares.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            still = inputs @ weights.T
            residual = labels - activation(still) @ readout if form == "full" else labels
            moves = activation.derivative(still) * readout
            moves *= (step / len(inputs) * residual)[:, None]
            still += inputs @ (moves.T @ inputs).T
            trained = cls(inputs, labels, moves, still, activation)
            if not np.isfinite(trained.squared_size):
                text = "features after the step overflow: take inputs of order one, a shorter step, another activation"
                raise NumericalError(Status.OUT_OF_RANGE, text)
        return trained

    @cached_property
    def features(self) -> Array:
        """F, shape (n, width)."""
        return self.activation(self.preactivations)

    @cached_property
    def squared_size(self) -> float:
        """``tr F'F``."""
        return float(np.vdot(self.features, self.features))

    @cached_property
    def slopes(self) -> Array:
        """``sigma'(P)``, shape (n, width)."""
        return self.activation.derivative(self.preactivations)

    @cached_property
    def pulled_inputs(self) -> Array:
        """``X'F``, shape (d, width)."""
        return np.asarray(self.inputs.T @ self.features)

    @cached_property
    def _singular_values(self) -> SingularValues:
        return SingularValues.of(self.features)

    def resolvent(self, shift: float) -> Resolvent:
        """Of the features, by the faster way where that keeps enough digits."""
        if _LOST * self.squared_size < shift:
            return Resolvent(self.features, shift, self.pulled_inputs)
        return StableResolvent(self._singular_values, self.features, shift, self.pulled_inputs)

    @cached_property
    def mean_slopes(self) -> Array:
        """The mean of ``sigma'(P)`` over the samples, shape (width,)."""
        return np.asarray(np.mean(self.slopes, axis=0))

    @cached_property
    def small_precision(self) -> type:
        """Of the terms with a factor E: single, unless numbers are so large that their products would overflow."""
        parts = (self.inputs, self.labels, self.moves, self.features, self.slopes)
        return np.float32 if max(float(np.max(np.abs(part))) for part in parts) < _MODERATE else np.float64

    @cached_property
    def small_features(self) -> Array:
        """F in that precision."""
        return self.features.astype(self.small_precision)

    @cached_property
    def slope_deviations(self) -> Array:
        """``sigma'(P)`` less the mean slopes, in that precision: shape (n, width)."""
        return np.asarray(self.slopes - self.mean_slopes, dtype=self.small_precision)


class WithoutEach:
    """Some samples, each left out of the gradient: what becomes of the features of all.

    Parameters
    ----------
    trained : TrainedFeatures
    rows : slice
        The samples; there are b of them.
    """

    def __init__(self, trained: TrainedFeatures, rows: slice) -> None:
        self.trained, self.rows = trained, rows
        self.moves = trained.moves[rows]
        self.products = trained.inputs[rows] @ trained.inputs.T
        own = (np.arange(len(self.products)), np.arange(rows.start, rows.stop))
        self.squared_norms = self.products[own]
        self.products[own] = 0.0
        preactivations = trained.preactivations[rows] - self.squared_norms[:, None] * self.moves
        self.own_features = trained.activation(preactivations)

    @cached_property
    def small_products(self) -> Array:
        """``x_j . x_k`` in the precision of the terms with a factor E, zero at j."""
        return self.products.astype(self.trained.small_precision)

    def gradient(self, readouts: Array, labels: Array) -> Array:
        """``(G + E)'(labels - (G + E) a) - shift a`` less ``G'(labels - G a) - shift a``: shape (b, width).

        With ``e = E a`` it is ``E'(labels - G a) - (G + E)'e``.

        Parameters
        ----------
        readouts : ndarray of shape (b, width)
        labels : ndarray of shape (n,)
        """
        trained, products = self.trained, self.small_products
        single = trained.small_precision
        changed = (readouts * self.moves).astype(single) @ trained.slope_deviations.T
        changed *= -products
        residuals = readouts.astype(single) @ trained.small_features.T
        residuals -= products * _dots(readouts, self.row).astype(single)[:, None]
        np.subtract(labels.astype(single), residuals, out=residuals)
        back = changed @ trained.small_features
        mean = np.sum(products * changed, axis=1, dtype=float)
        residuals -= changed
        residuals *= products
        return self.moves * (mean[:, None] * trained.mean_slopes - residuals @ trained.slope_deviations) - back

    @cached_property
    def column_pulled(self) -> Array:
        """``F' u_j``, shape (b, width): see :meth:`through_inputs`."""
        return self.through_inputs(self.trained.features[self.rows], self.trained.pulled_inputs)

    def through_inputs(self, own: Array, pulled: Array) -> Array:
        """``F' u_j = |x_j|^2 f_j - F'X x_j``, from the rows ``f_j`` and from ``X'F``; the same with A on both."""
        return np.asarray(self.squared_norms[:, None] * own - self.trained.inputs[self.rows] @ pulled)

    @cached_property
    def row(self) -> Array:
        """``v_j``, shape (b, width)."""
        return self.moves * self.trained.mean_slopes

    def exact_features(self, k: int) -> tuple[Array, Array]:
        """Features and labels of all samples after a step without the k-th of these, whose own are zero."""
        trained, j = self.trained, self.rows.start + k
        moved = np.multiply(self.products[k][:, None], self.moves[k])
        features = trained.activation(np.subtract(trained.preactivations, moved, out=moved))
        labels = trained.labels.copy()
        features[j], labels[j] = 0.0, 0.0
        return features, labels


class Refits:
    """The ridge regressions without each of some samples, at one ridge.

    The system that is solved exactly has ``F_-j + u_j v_j'`` for features: its inverse is A without a row, and a change
    of rank two in the basis of ``F'u_j`` and ``v_j``, where it is ``[[0, 1], [1, |u_j|^2]]`` (Woodbury).
    """

    def __init__(self, without: WithoutEach, resolvent: Resolvent) -> None:
        self.without, self.resolvent = without, resolvent
        rows = without.rows
        self._features, self._image = without.trained.features[rows], resolvent.image[rows]
        self._freedom = resolvent.freedoms[rows]
        self._changes = (without.column_pulled, without.row)
        column, row = without.through_inputs(self._image, resolvent.pulled_image), resolvent(without.row)
        self._solved = [self._without_row(solved) for solved in (column, row)]
        inner = [[_dots(one, other) for other in self._solved] for one in self._changes]
        inner[0][0] = inner[0][0] - np.sum(without.products**2, axis=1)
        inner[0][1], inner[1][0] = inner[0][1] + 1, inner[1][0] + 1
        self._core = _inverses(np.array(inner))

    def _without_row(self, solved: Array, some: slice = slice(None)) -> Array:
        """``A_-j`` on a row each, given A on it: the ridge regression without row j of the same features."""
        share = _dots(self._features[some], solved) / self._freedom[some]
        return np.asarray(solved + share[:, None] * self._image[some])

    def _changed(self, solved: Array, inner: Array, some: slice = slice(None)) -> Array:
        """The whole inverse on a row each, given ``A_-j`` on it and its products with those of the basis."""
        first, second = np.einsum("jpq,jq->pj", self._core[some], inner)
        return np.asarray(solved - first[:, None] * self._solved[0][some] - second[:, None] * self._solved[1][some])

    def inverse(self, rows: Array, some: slice = slice(None)) -> Array:
        """The whole inverse on a row each, shape (b, width)."""
        solved = self._without_row(self.resolvent(rows), some)
        inner = np.stack([_dots(change[some], solved) for change in self._changes], axis=1)
        return self._changed(solved, inner, some)

    @cached_property
    def readouts(self) -> Array:
        """The readout without each sample, shape (b, width): exact for the leading part, then one Newton step."""
        return self._leading + self._newton

    @cached_property
    def _newton(self) -> Array:
        return self.inverse(self.without.gradient(self._leading, self.without.trained.labels))

    def corrections(self) -> Array:
        """By how much the Newton step has changed the prediction of each left-out sample, shape (b,)."""
        return np.abs(_dots(self.without.own_features, self._newton))

    def doubts(self) -> Array:
        """By how much a second Newton step would change the prediction of each left-out sample, shape (b,)."""
        second = self.inverse(self.without.gradient(self._newton, np.zeros(len(self.without.trained.labels))))
        return np.abs(_dots(self.without.own_features, second))

    @cached_property
    def _leading(self) -> Array:
        """The inverse on ``F_-j'y + (u_j . y) v_j``, of which A is known on each part."""
        without, labels = self.without, self.without.trained.labels
        along = -without.products @ labels
        own = labels[without.rows]
        readout = self.resolvent.image.T @ labels
        whole = readout - own[:, None] * self._image
        solved = self._without_row(whole) + along[:, None] * self._solved[1]
        inner = np.stack([_dots(change, solved) for change in self._changes], axis=1)
        return self._changed(solved, inner)

    def predictions(self) -> Array:
        """The prediction of each left-out sample by the formulas, shape (b,)."""
        return _dots(self.without.own_features, self.readouts)

    def exact_prediction(self, k: int, accuracy: float) -> float:
        """That of the k-th of these samples by a refit without it, off by at most ``accuracy``.

        Raises
        ------
        NumericalError
            If rounding alone moves it by more.
        """
        some = slice(k, k + 1)
        system = RidgeSystem(*self.without.exact_features(k), self.resolvent.shift, self.without.own_features[k])
        return certain_prediction(system, lambda rows: self.inverse(rows, some), self.readouts[k], accuracy)


def _inverses(matrices: Array) -> Array:
    """Of b matrices of two rows, shape (2, 2, b), as shape (b, 2, 2); not finite where one is singular."""
    (a, b), (c, d) = matrices
    with np.errstate(all="ignore"):
        inverses = np.array([[d, -b], [-c, a]]) / (a * d - b * c)
    return np.asarray(inverses.transpose(2, 0, 1))


def blocks_of(n: int) -> Iterator[slice]:
    """Slices of the samples that are left out at the same time."""
    return (slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))


def _dots(rows: Array, others: Array) -> Array:
    """The scalar product of each row with its other."""
    return np.asarray(np.einsum("ji,ji->j", rows, others))
