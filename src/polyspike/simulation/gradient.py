"""The exact gradient of the first layer, in both forms, and what of it is rank one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyspike.problem import Activation

__all__ = ["Gradient", "gradient_step"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gradient:
    """One gradient of ``|y - sigma(X W0') a|^2 / (2 n0)``, with a minus sign: ``W = W0 + eta * matrix``.

    Attributes
    ----------
    matrix : ndarray of shape (width, d)
        ``G = (1/n0) [(a eps') o sigma'(W0 X')] X``.
    beta : ndarray of shape (d,)
        ``X' eps / n0``; ``G`` is close to ``c_1 a beta'``.
    initial_direction : ndarray of shape (d,)
        ``omega = W0' a`` for the full gradient (the initial output is part of the spike), zero for the target-only one.
    rank_one_fraction : float
        ``1 - |G - c_1 a beta'|^2 / |G|^2`` in Frobenius norm (0.0 for a vanishing gradient).
    """

    matrix: Array
    beta: Array
    initial_direction: Array
    linear_coefficient: float
    rank_one_fraction: float

    def spike_direction(self, step: float) -> Array:
        """``b = omega + eta c_1 beta``, not normalised (docs/theory-uniform.md)."""
        return self.initial_direction + step * self.linear_coefficient * self.beta


def gradient_step(
    inputs: Array, labels: Array, weights: Array, readout: Array, activation: Activation, form: str = "full"
) -> Gradient:
    """The gradient at initialisation (Moniri et al., arXiv 2310.07891, section 2).

    Parameters
    ----------
    inputs : ndarray of shape (n0, d)
    labels : ndarray of shape (n0,)
    weights : ndarray of shape (width, d)
    readout : ndarray of shape (width,)
    activation : Activation
    form : {"full", "target"}
        With the residual ``y - f_0(x)``, or with ``y`` in its place.

    Returns
    -------
    Gradient
    """
    preactivation = inputs @ weights.T
    residual = labels - activation.apply(preactivation, np) @ readout if form == "full" else labels
    slopes = activation.apply_derivative(preactivation, np)
    slopes *= residual[:, None]
    matrix = (slopes.T @ inputs) * (readout[:, None] / len(labels))
    beta = inputs.T @ residual / len(labels)
    linear = float(activation.coefficients(1)[1])
    return Gradient(
        matrix=matrix,
        beta=beta,
        initial_direction=weights.T @ readout if form == "full" else np.zeros_like(beta),
        linear_coefficient=linear,
        rank_one_fraction=_explained(matrix, linear, readout, beta),
    )


def _explained(matrix: Array, linear: float, readout: Array, beta: Array) -> float:
    """Share of ``|G|^2`` that ``c_1 a beta'`` explains, without forming the difference."""
    total = float(np.vdot(matrix, matrix))
    if total == 0.0:
        return 0.0
    cross = float(readout @ (matrix @ beta))
    rest = total - 2 * linear * cross + linear**2 * float(readout @ readout) * float(beta @ beta)
    return 1.0 - rest / total
