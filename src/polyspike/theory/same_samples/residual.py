"""What the gradient sees of a sample's label: ``eps = y - f_0``, with the initial output for the full gradient."""

from math import sqrt

from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers, condition

__all__ = ["energy_with_norm", "mean_stretch", "output_by_norm", "own_loss", "residual_energy"]


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
    mean = float(problem.teacher.coefficients(0)[0]) - output_by_norm(problem) * sqrt(2 / problem.input_dim)
    return 2 * activation_numbers(problem.activation).c2 * problem.step / sqrt(problem.width) * mean


def own_loss(problem: Problem) -> float:
    """What a weight loses of itself, relative, where neurons add up (eq-same-output-norm): to its own output, the delta
    of (eq-self), and to the direction that the readout knows, the square of its cosine with omega (eq-tau).

    Elsewhere both, of the order 1/N, are left out.
    """
    if output_by_norm(problem) == 0:
        return 0.0
    kept = 1 + mean_stretch(problem)
    return kept - (kept - condition(problem).self_term) * sqrt(problem.width / (problem.width + 1))
