"""The standard deviation of a pre-activation given kappa (docs/theory-finite-size.md, section 1)."""

from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.status import Status
from polyspike.theory.finite_size.conditioning import Conditioning

__all__ = ["deviation"]


def deviation(problem: Problem, scalars: Conditioning, u: Array, overlap: Any = 0.0) -> Any:
    """``tau(u)`` (eq-tau): the average over M of a weight's variance, from the exact first two moments of M.

    ``tau^2 = (1 - delta u^2)^2 + 2 (1 - delta u^2) e u E mu + e^2 u^2 E mu^2 + q_perp u^2
    - [(1 + e u E mu)^2 u^2/(N + u^2)]`` with ``E mu = E eps``, ``E mu^2 = phi_0 E eps^2 + (E eps)^2``. The bracket
    (full gradient) is the squared cosine of a neuron's own weight with ``omega = W0' a``, whose square is ``1 + u^2/N``
    given that neuron's readout, times what the mean of M makes of it.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` where so few neurons take a step so large that the expansion in 1/N gives no variance.
    """
    first = float(problem.teacher.coefficients(0)[0])
    second = problem.phi_gradient * scalars.residual_moment + first**2
    shift = scalars.trace_shift
    second, first = second + 2 * shift * first + shift**2, first + shift
    constant, linear = scalars.own_gain(u, overlap), scalars.quadratic_step * u
    along_readout = scalars.excluded * u**2 / (1 + scalars.excluded * u**2)
    # Gains may vanish, and the part along omega with them.
    along_readout = along_readout * ((constant if np.ndim(overlap) else 1.0) + linear * first) ** 2
    of_matrix = constant**2 + 2 * constant * linear * first + linear**2 * second
    square = of_matrix + scalars.gradient_noise_variance * u**2 - along_readout
    if np.real(square).min() <= 0:
        message = f"width {problem.width}: a pre-activation is left without variance beside the neuron's own output"
        raise NumericalError(Status.OUT_OF_RANGE, message)
    return square**0.5
