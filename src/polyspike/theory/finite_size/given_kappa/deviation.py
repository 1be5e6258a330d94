"""The standard deviation of a pre-activation given kappa (docs/theory-finite-size.md, section 1)."""

from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.status import Status
from polyspike.theory.finite_size.conditioning import Conditioning

__all__ = ["check_length", "deviation", "readouts_of_no_length"]


def deviation(problem: Problem, scalars: Conditioning, u: Array, overlap: Any = 0.0) -> Any:
    """``tau(u)`` (eq-tau): the average over M of a weight's variance, from the exact first two moments of M.

    ``tau^2 = (1 - delta u^2)^2 + 2 (1 - delta u^2) e u E mu + e^2 u^2 E mu^2 + q_perp u^2
    - [(1 - delta u^2 + e u E mu)^2 u^2/(N + u^2)]`` with ``E mu = E eps``, ``E mu^2 = phi_0 E eps^2 + (E eps)^2``. The
    bracket (full gradient) is the squared cosine of a neuron's own weight with ``omega = W0' a``, whose square is
    ``1 + u^2/N`` given that neuron's readout, times what the mean of the step makes of it.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` where nothing is left of a weight.
    """
    first, second = _moments_of_matrix(problem, scalars)
    constant, linear = scalars.own_gain(u, overlap), scalars.quadratic_step * u
    along_readout = scalars.excluded * u**2 / (1 + scalars.excluded * u**2)
    # Gains may vanish, and the part along omega with them.
    along_readout = along_readout * (constant + linear * first) ** 2
    of_matrix = constant**2 + 2 * constant * linear * first + linear**2 * second
    square = of_matrix + scalars.gradient_noise_variance * u**2 - along_readout
    check_length(square)
    return square**0.5


def check_length(square: Any) -> None:
    """Refuse squared deviations that are not positive.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE``.
    """
    if np.real(square).min() <= 0:
        message = "the step leaves nothing of the weight of a neuron, and no variance of its pre-activation"
        raise NumericalError(Status.OUT_OF_RANGE, message)


def readouts_of_no_length(problem: Problem, scalars: Conditioning) -> Any:
    """The complex u at which the weights would have no length: the zeros of ``tau^2`` without the part along omega.

    Near a readout at which the mean of the label turns a neuron's own weight round they are close to the real axis.
    None without such a mean: what a neuron's own output does to it matters after steps of order N alone.
    """
    first, second = (float(np.real(moment)) for moment in _moments_of_matrix(problem, scalars))
    if first == 0 or scalars.quadratic_step == 0:
        return np.zeros(0)
    step, loss = float(np.real(scalars.quadratic_step)), float(np.real(scalars.self_term))
    squares = step**2 * second + float(np.real(scalars.gradient_noise_variance)) - 2 * loss
    return np.asarray(np.roots([loss**2, -2 * loss * step * first, squares, 2 * step * first, 1.0]))


def _moments_of_matrix(problem: Problem, scalars: Conditioning) -> tuple[Any, Any]:
    """``E mu`` and ``E mu^2``."""
    first = float(problem.teacher.coefficients(0)[0])
    second = problem.phi_gradient * scalars.matrix_moment + first**2
    shift = scalars.trace_shift
    return first + shift, second + 2 * shift * first + shift**2
