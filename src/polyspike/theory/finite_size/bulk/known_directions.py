"""The few directions of which something is known, b^ and those of the teacher, and the measures of M between them.

The frame is (teacher directions ..., omega, beta), with ``M omega`` after these where b^ has it (eq-output-gain).
"""

from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import Conditioning
from polyspike.theory.finite_size.given_kappa.weights_along import KnownWeights, known_moments
from polyspike.theory.finite_size.gradient_matrix.measures import MeasureNodes
from polyspike.theory.finite_size.gradient_matrix.residual_law import gradient_law
from polyspike.theory.finite_size.gradient_matrix.rules import noise_between

__all__ = ["known_directions", "measures_between", "moved_output"]

_SMALLEST_SINE = 3e-7
"""sqrt(1 - rho^2) from which e^_1 is told from b^: its square is known to a thousandth there."""


def measures_between(
    problem: Problem, scalars: Conditioning, measures: MeasureNodes, mu: Any, frame: Any, gains: Any, u: Array
) -> tuple[Any, KnownWeights]:
    """Weights of the measures of M between b^, e^_1, ..., and the moments of the neurons' weights along those
    directions after the step.
    """
    directions = frame @ _with_moved_output(measures.frame, scalars, mu) @ frame.T
    mean = np.array([measures.frame[:, -2, -2] @ mu])
    noise = _with_moved_output(noise_between(gradient_law(problem, scalars))[None], scalars, mean)[0]
    noise = frame @ noise @ frame.T
    return directions, known_moments(directions, noise, gains, scalars.gradient_noise_variance * u**2, measures.bulk)


def _with_moved_output(forms: Any, scalars: Conditioning, mu: Any) -> Any:
    """Forms between (teacher directions ..., omega, beta), of shape (n_mu, p + 2, p + 2), with ``M omega`` after these
    where b^ has it.
    """
    if scalars.moved_output == 0:
        return forms
    rows = np.concatenate([forms, mu[:, None, None] * forms[:, -2:-1]], axis=1)
    return np.concatenate([rows, mu[:, None, None] * rows[:, :, -2:-1]], axis=2)


def moved_output(scalars: Conditioning, measures: MeasureNodes, mu: Any, frame: Any) -> dict[str, Any]:
    """The measure of M at omega, and what of ``M omega`` lies along the known directions, where b^ has it at some
    readouts only.
    """
    of_omega = measures.frame[:, :, -2]
    found = {"omega_measure": of_omega[:, -2]}
    if scalars.spike_tilt == 0:
        return found
    along = frame @ (mu @ of_omega)
    part = along @ frame
    shared = measures.frame @ part
    return found | {"output_along": along, "output_measures": np.stack([shared[:, -2], shared @ part])}


def _orthonormal(frame: Any, gram: Array) -> Any:
    """The rows of the frame, orthonormal for this Gram matrix, by Gram and Schmidt; rows of zeros stay.

    They are orthonormal already but for the quadrature of the labels, whose linear part lies 1e-7 beside the teacher's:
    much of what is left of beta* orthogonal to b^ where many samples make the gradient.
    """
    found = frame.copy()
    for i, row in enumerate(found):
        row -= (found[:i] @ gram @ row) @ found[:i]
        square = row @ gram @ row
        if square != 0:
            row /= square**0.5
    return found


def known_directions(problem: Problem, scalars: Conditioning, measures: MeasureNodes, mu: Any) -> Any:
    """b^, e^_1 = (beta* - rho b^)/sqrt(1 - rho^2) and e^_j = further teacher directions in the frame (teacher
    directions ..., omega, beta), shape (P, p + 2), or in that with ``M omega``, (P, p + 3).
    """
    p = problem.teacher.n_indices
    b = np.array(scalars.b_coordinates if scalars.moved_output == 0 else (*scalars.b_coordinates, scalars.moved_output))
    frame = np.zeros((p + 1, len(b)), dtype=b.dtype)
    frame[0] = b
    frame[1:, :p] = np.eye(p)
    rest = (1 - scalars.spike_cosine**2) ** 0.5
    # At rho = 1 to rounding there is no such direction: beta* and b^ differ by what rounding leaves of them, and the
    # label has a share of 1 - rho^2 along it.
    frame[1] = (frame[1] - scalars.spike_cosine * b) / rest if abs(rest) > _SMALLEST_SINE else 0.0
    return _orthonormal(frame, _with_moved_output(measures.frame, scalars, mu).sum(axis=0))
