"""What the gradient sees of a sample's label: ``eps = y - f_0``, with the initial output for the full gradient."""

from math import sqrt

from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers, condition

__all__ = ["energy_with_norm", "label_stretch", "mean_stretch", "output_by_norm", "own_loss", "residual_energy"]


def residual_energy(problem: Problem) -> float:
    """``E eps^2``."""
    output = activation_numbers(problem.activation).second_moment if problem.gradient == "full" else 0.0
    return problem.label_second_moment + output + output_by_norm(problem) ** 2


def energy_with_norm(problem: Problem) -> float:
    """``E[eps^2 |x|^2/d]``, of which the gradient's noise is made: where the residual knows the norm (eq-lengths)."""
    mean, d = float(problem.teacher.coefficients(0)[0]), problem.input_dim
    with_norm = -2 * mean * output_by_norm(problem) * sqrt(2 / d) / (1 + 2 / d)
    return residual_energy(problem) + with_norm


def output_by_norm(problem: Problem) -> float:
    """``k = c_2 sqrt(2 N/d)``: the initial output has this times ``sqrt(d/2) (|x|^2/d - 1)``, a standard normal
    variable, where the neurons of a constant readout add up (eq-same-output-norm; full gradient only).
    """
    if problem.gradient != "full" or problem.readout != "constant":
        return 0.0
    return activation_numbers(problem.activation).c2 * sqrt(2 * problem.width / problem.input_dim)


def mean_stretch(problem: Problem) -> float:
    """``e E[eps |x|^2/d]``: what a weight of ``u = 1`` gains of itself in the mean, as the label has a mean and the
    residual the norm (eq-same-output-norm).
    """
    by_norm = output_by_norm(problem) * sqrt(2 / problem.input_dim)
    return label_stretch(problem) - _quadratic_step(problem) * by_norm


def label_stretch(problem: Problem) -> float:
    """``e E eps``, the part of it that the pencil's samples have, all of one norm."""
    return _quadratic_step(problem) * float(problem.teacher.coefficients(0)[0])


def _quadratic_step(problem: Problem) -> float:
    """``e = 2 c_2 eta / sqrt(N)``."""
    return 2 * activation_numbers(problem.activation).c2 * problem.step / sqrt(problem.width)


def own_loss(problem: Problem) -> float:
    """What a weight loses of itself, relative, to its own output, where neurons add up (delta of eq-self).

    Elsewhere it is left out, as it is of the order 1/N.
    """
    return 0.0 if output_by_norm(problem) == 0 else float(condition(problem).self_term)
