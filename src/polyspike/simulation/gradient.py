"""The exact gradient of the first layer, in both forms, and its part of rank one."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Activation, Problem
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.draw import Draw
from polyspike.simulation.host import HOST
from polyspike.status import Status

__all__ = ["Direction", "Gradient", "GradientSum", "explained", "gradient_of", "gradient_step", "preconditioner"]


@dataclass(frozen=True, eq=False)
class Direction:
    """The spike direction of a gradient, and how much of the gradient it explains, without the gradient itself.

    Attributes
    ----------
    beta : ndarray of shape (d,)
        ``X' eps / n0``; ``G`` is close to ``c_1 a beta'``. Of a preconditioned step both are the preconditioned ones.
    initial_direction : ndarray of shape (d,)
        ``omega = W0' a`` for the full gradient (the initial output is part of the spike), zero for the target-only one.
    linear_coefficient : float
        ``c_1``.
    rank_one_fraction : float
        ``1 - |G - c_1 a beta'|^2 / |G|^2`` in Frobenius norm (0.0 for a vanishing gradient).
    """

    beta: Array
    initial_direction: Array
    linear_coefficient: float
    rank_one_fraction: float

    def spike_direction(self, step: float) -> Array:
        """``b = omega + eta c_1 beta``, not normalised (docs/theory-finite-size.md)."""
        return self.initial_direction + step * self.linear_coefficient * self.beta


@dataclass(frozen=True, eq=False)
class Gradient(Direction):
    """One gradient of ``|y - sigma(X W0') a|^2 / (2 n0)``, with a minus sign: ``W = W0 + eta * matrix``.

    Attributes
    ----------
    matrix : array of shape (width, d)
        ``G = (1/n0) [(a eps') o sigma'(W0 X')] X``, on the device, in working precision.
    """

    matrix: Any


class GradientSum:
    """The sums over samples of which a gradient is made (Moniri et al., arXiv 2310.07891, section 2).

    Parameters
    ----------
    readout : array of shape (width,)
        a, on the device, in working precision.
    activation : Activation
    form : {"full", "target"}
        With the residual ``y - f_0(x)``, or with ``y`` in its place.
    arrays : Arrays
    precondition : float, optional
        rho of :func:`preconditioner`; the plain step when None.
    """

    def __init__(
        self, readout: Any, activation: Activation, form: str, arrays: Arrays, precondition: float | None = None
    ) -> None:
        self.readout, self.activation, self.form, self.arrays = readout, activation, form, arrays
        self.precondition = precondition
        self.rows = 0
        self._matrix: Any = None
        self._beta: Any = None
        self._covariance: Any = None

    def add(self, inputs: Any, preactivation: Any, labels: Any) -> None:
        """Samples of shape (rows, d), their ``X W0'`` of shape (rows, width) and float64 labels of shape (rows,)."""
        arrays = self.arrays
        residual = labels
        if self.form == "full":
            residual = labels - arrays.outputs(preactivation, self.readout, self.activation)
        slopes = arrays.slopes(preactivation, residual, self.activation)
        self._matrix = arrays.add(self._matrix, arrays.cross(slopes, inputs))
        self._beta = arrays.add(self._beta, arrays.cross(inputs, arrays.working(residual)))
        if self.precondition is not None:
            self._covariance = arrays.add(self._covariance, arrays.cross(inputs, inputs))
        self.rows += inputs.shape[0]

    def merge(self, other: "GradientSum") -> None:
        """Add the sums over the samples of another instance."""
        if other.rows:
            self._matrix = self.arrays.add(self._matrix, other._matrix)
            self._beta = self.arrays.add(self._beta, other._beta)
            if self.precondition is not None:
                self._covariance = self.arrays.add(self._covariance, other._covariance)
            self.rows += other.rows

    def gradient(self, weights: Any) -> Gradient:
        """The gradient at initial weights of shape (width, d)."""
        arrays = self.arrays
        readout = arrays.exact(self.readout)
        matrix = self._matrix * (readout[:, None] / self.rows)
        beta = self._beta / self.rows
        if self.precondition is not None:
            turn = preconditioner(self._covariance / self.rows, self.precondition, arrays)
            matrix, beta = matrix @ turn, turn @ beta
        linear = float(self.activation.coefficients(1)[1])
        omega = arrays.host(weights.T @ self.readout) if self.form == "full" else np.zeros(weights.shape[1])
        cross = float(readout @ (matrix @ beta))
        share = explained(arrays.squared_norm(matrix), cross, linear, arrays.host(readout), arrays.host(beta))
        return Gradient(arrays.host(beta), omega, linear, share, arrays.working(matrix))


def gradient_step(
    inputs: Any,
    labels: Any,
    weights: Any,
    readout: Any,
    activation: Activation,
    form: str = "full",
    arrays: Arrays = HOST,
    precondition: float | None = None,
) -> Gradient:
    """The gradient at initialisation, of one sample held whole; see :class:`GradientSum`.

    Parameters
    ----------
    inputs : array of shape (n0, d)
    labels : array of shape (n0,)
        In float64.
    weights : array of shape (width, d)
    readout : array of shape (width,)
    activation : Activation
    form : {"full", "target"}
        With the residual ``y - f_0(x)``, or with ``y`` in its place.
    arrays : Arrays
        Library, device and precision of all of them.
    precondition : float, optional
        rho of :func:`preconditioner`.

    Returns
    -------
    Gradient
    """
    total = GradientSum(readout, activation, form, arrays, precondition)
    total.add(inputs, inputs @ weights.T, labels)
    return total.gradient(weights)


def gradient_of(problem: Problem, draw: Draw) -> Gradient:
    """:func:`gradient_step` of a problem on the gradient sample of its draw."""
    sample = draw.seen_by_gradient(problem.shared_samples)
    readout = draw.readout(problem.readout)
    labels = sample.labels(problem)
    form, rho = problem.gradient, problem.precondition
    return gradient_step(sample.inputs, labels, draw.weights, readout, problem.activation, form, precondition=rho)


def preconditioner(covariance: Any, rho: float, arrays: Arrays) -> Any:
    """``(1 + rho) (S + rho I)^-1`` in float64 on the device, which is I for S = I, and for rho to infinity.

    Parameters
    ----------
    covariance : array of shape (d, d)
        ``S = X'X/n0`` of the gradient's sample, in float64.
    rho : float
    arrays : Arrays

    Raises
    ------
    NumericalError
        If ``S + rho I`` is singular up to rounding.
    """
    values, vectors = np.linalg.eigh(arrays.host(covariance))
    shifted = values + rho
    if shifted[0] <= len(values) * np.finfo(float).eps * shifted[-1]:
        message = (
            f"precondition = {rho:g}: the covariance of the gradient's sample has eigenvalues from {values[0]:.3g}"
        )
        raise NumericalError(Status.SINGULAR, f"{message} to {values[-1]:.3g}; give a larger number")
    return arrays.put_exact((vectors * ((1 + rho) / shifted)) @ vectors.T)


def explained(total: float, cross: float, linear: float, readout: Array, beta: Array) -> float:
    """Share of ``|G|^2`` that ``c_1 a beta'`` explains, from ``|G|^2`` and ``a' G beta``, without the difference."""
    if total == 0.0:
        return 0.0
    unexplained = total - 2 * linear * cross + linear**2 * float(readout @ readout) * float(beta @ beta)
    return 1.0 - unexplained / total
