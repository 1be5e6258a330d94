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
from scipy import linalg

from polyspike.arraytypes import Array
from polyspike.problem import Activation
from polyspike.simulation.arrays import not_positive

__all__ = ["ACCURACY", "Refits", "Resolvent", "TrainedFeatures", "WithoutEach", "blocks_of"]

BLOCK = 512
"""Samples that are left out at the same time; memory is so many times n."""

ACCURACY = 1e-3
"""Of an exact refit: bound of the error of a prediction, relative to the root of the mean squared residual."""

_MOST_STEPS = 100
"""Of conjugate gradients, after which the system is solved at once: n width min(n, width) operations."""

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
        """One step from ``weights``, with the residual of the initial network ("full") or the label ("target")."""
        still = inputs @ weights.T
        residual = labels - activation(still) @ readout if form == "full" else labels
        moves = activation.derivative(still) * readout
        moves *= (step / len(inputs) * residual)[:, None]
        still += inputs @ (moves.T @ inputs).T
        return cls(inputs, labels, moves, still, activation)

    @cached_property
    def features(self) -> Array:
        """F, shape (n, width)."""
        return self.activation(self.preactivations)

    @cached_property
    def slopes(self) -> Array:
        """``sigma'(P)``, shape (n, width)."""
        return self.activation.derivative(self.preactivations)

    @cached_property
    def pulled_inputs(self) -> Array:
        """``X'F``, shape (d, width)."""
        return np.asarray(self.inputs.T @ self.features)

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


class Resolvent:
    """``A = (F'F + shift)^-1`` on rows of width numbers, and what leaving a sample out of it takes.

    Parameters
    ----------
    features : ndarray of shape (n, width)
    shift : float
        ``n ridge``, positive.
    pulled : ndarray of shape (d, width)
        ``X'F``, on which A is wanted too.

    Raises
    ------
    NumericalError
        If the sum is not positive definite in double precision.
    """

    def __init__(self, features: Array, shift: float, pulled: Array) -> None:
        self.features, self.shift, self._pulled = features, shift, pulled
        n, width = features.shape
        self._dual = width > n
        gram = features @ features.T if self._dual else features.T @ features
        gram[np.diag_indices_from(gram)] += shift
        self._inverse = _inverse(gram, shift)

    def __call__(self, rows: Array) -> Array:
        """``rows A``; where neurons are more than samples by ``A = (1 - F'(F F' + shift)^-1 F)/shift``."""
        if self._dual:
            return np.asarray((rows - rows @ self.features.T @ self._inverse @ self.features) / self.shift)
        return np.asarray(rows @ self._inverse)

    @cached_property
    def image(self) -> Array:
        """``F A``, shape (n, width)."""
        return self._inverse @ self.features if self._dual else self(self.features)

    @cached_property
    def pulled_image(self) -> Array:
        """``X'F A``, shape (d, width)."""
        return self(self._pulled)

    @cached_property
    def leverages(self) -> Array:
        """``h_j = f_j . A f_j``."""
        return _dots(self.features, self.image)

    def residuals(self, labels: Array) -> Array:
        """``y - F a`` of the ridge regression, shape (n,)."""
        return np.asarray(labels - self.image @ (self.features.T @ labels))


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
        self._freedom = 1 - resolvent.leverages[rows]
        self._changes = (without.column_pulled, without.row)
        column, row = without.through_inputs(self._image, resolvent.pulled_image), resolvent(without.row)
        self._solved = [self._without_row(solved) for solved in (column, row)]
        inner = [[_dots(one, other) for other in self._solved] for one in self._changes]
        inner[0][0] = inner[0][0] - np.sum(without.products**2, axis=1)
        inner[0][1], inner[1][0] = inner[0][1] + 1, inner[1][0] + 1
        self._core = np.linalg.inv(np.array(inner).transpose(2, 0, 1))

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

    def exact_prediction(self, k: int, scale: float) -> float:
        """That of the k-th of these samples by a refit without it; ``scale`` is the size of a residual."""
        return float(self.without.own_features[k] @ self._refit(k, self.readouts[k], ACCURACY * scale))

    def _refit(self, k: int, readout: Array, accuracy: float) -> Array:
        """The minimiser on the exact features, by preconditioned conjugate gradients from a readout close to it.

        The error of the prediction ``f~ . a`` is at most ``sqrt(f~'Q^-1 f~) sqrt(g'Q^-1 g)``, g the gradient there and
        Q the Hessian; the preconditioner stands for Q. Where it is a poor one the system is solved at once.
        """
        features, labels = self.without.exact_features(k)
        shift, some, own = self.resolvent.shift, slice(k, k + 1), self.without.own_features[k]
        size = float(own @ self.inverse(own[None], some)[0])
        gradient = features.T @ (labels - features @ readout) - shift * readout
        direction, before = np.zeros_like(readout), 1.0
        for step in range(_MOST_STEPS):
            solved = self.inverse(gradient[None], some)[0]
            now = float(gradient @ solved)
            if size * now <= accuracy**2:
                return readout
            direction = solved + (now / before if step else 0.0) * direction
            image = features.T @ (features @ direction) + shift * direction
            length = now / float(direction @ image)
            readout, gradient, before = readout + length * direction, gradient - length * image, now
        return _solved_at_once(features, labels, shift)


def _solved_at_once(features: Array, labels: Array, shift: float) -> Array:
    """The readout of the ridge regression, by the smaller of its two systems."""
    n, width = features.shape
    if n < width:
        dual = linalg.solve(features @ features.T + shift * np.eye(n), labels, assume_a="pos")
        return np.asarray(features.T @ dual)
    gram = features.T @ features + shift * np.eye(width)
    return np.asarray(linalg.solve(gram, features.T @ labels, assume_a="pos"))


def _inverse(gram: Array, shift: float) -> Array:
    """The inverse of a positive definite matrix, from its Cholesky factor."""
    factor, info = linalg.lapack.dpotrf(gram, lower=1, overwrite_a=1, clean=0)
    if info != 0:
        raise not_positive(shift, f"its leading minor {info} is not")
    lower, _ = linalg.lapack.dpotri(factor, lower=1, overwrite_c=1)
    whole = np.tril(lower)
    return np.asarray(whole + np.tril(lower, -1).T)


def blocks_of(n: int) -> Iterator[slice]:
    """Slices of the samples that are left out at the same time."""
    return (slice(start, min(start + BLOCK, n)) for start in range(0, n, BLOCK))


def _dots(rows: Array, others: Array) -> Array:
    """The scalar product of each row with its other."""
    return np.asarray(np.einsum("ji,ji->j", rows, others))
