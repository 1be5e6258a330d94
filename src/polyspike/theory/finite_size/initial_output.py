"""What the network's initial output does: the theory of the full gradient with one of its terms taken away.

The initial output ``f_0`` is of order one. It enters the residual ``eps = y - f_0``, of which the learned direction
``beta`` is made, and its own direction ``omega = W0' a`` belongs to the spike, ``b = omega + eta c_1 beta``. Here the
second is left out: ``b = eta c_1 beta`` in a bulk that knows nothing of the readout. (Leaving out both is the
target-only gradient.) The comparison is drawn in docs/initial-output.md; a simulation rejects it.
"""

from dataclasses import replace

import numpy as np

from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.theory.finite_size.bulk.assemble import assemble
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.conditioning import Conditioning, activation_numbers, condition
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.gradient_sample import mean_overlaps
from polyspike.theory.finite_size.predict import as_prediction
from polyspike.theory.finite_size.solve import shift_of, solve_errors

__all__ = ["condition_without_output", "predict_without_output"]


def condition_without_output(problem: Problem) -> Conditioning:
    """The conditioning of the full gradient with ``b = eta c_1 beta``: the residual's beta, but no omega.

    ``|beta|^2 = c*_1^2 + c_1^2 + phi_0 E eps^2`` and the noise of the gradient are kept; the neurons' view of their
    own output (delta, and 1/N in tau) goes with omega.

    Raises
    ------
    ArgumentError
        The target-only gradient, which has no such term.
    """
    if problem.gradient != "full":
        raise ArgumentError("gradient", problem.gradient, "give 'full'; the target-only gradient has no initial output")
    full, c1 = condition(problem), activation_numbers(problem.activation).c1
    signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
    beta = (signal**2 + c1**2 + problem.phi_gradient * full.residual_moment) ** 0.5
    sign = -1.0 if c1 < 0 else 1.0
    return replace(
        full,
        spike_strength=problem.step * abs(c1) * beta / problem.width**0.5,
        spike_cosine=sign * signal / beta,
        self_term=0.0,
        excluded=0.0,
        b_coordinates=(*(0.0,) * problem.teacher.n_indices, 0.0, sign / beta),
    )


def predict_without_output(problem: Problem) -> Prediction:
    """Errors of the full gradient when omega is left out of the spike; wrong on purpose.

    Parameters
    ----------
    problem : Problem
        With ``gradient="full"``.

    Returns
    -------
    Prediction
        Method "finite-size, without omega".

    Raises
    ------
    ArgumentError
        The target-only gradient.
    NumericalError
        As :func:`polyspike.theory.finite_size.predict` does.
    """
    scalars = condition_without_output(problem)
    model = assemble(problem, choose_grid(problem, scalars), scalars)
    state, _ = solve_bulk(model.bulk, shift_of(problem, model))
    overlaps = mean_overlaps([(1.0, model)])
    return replace(as_prediction(problem, solve_errors(model, state), overlaps), method="finite-size, without omega")
