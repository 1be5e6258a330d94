"""What the gradient sees of a sample's label: ``eps = y - f_0``, with the initial output for the full gradient."""

from math import sqrt

from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers

__all__ = ["output_by_norm", "residual_energy"]


def residual_energy(problem: Problem) -> float:
    """``E eps^2``."""
    output = activation_numbers(problem.activation).second_moment if problem.gradient == "full" else 0.0
    return problem.label_second_moment + output + output_by_norm(problem) ** 2


def output_by_norm(problem: Problem) -> float:
    """``k = c_2 sqrt(2 N/d)``: the initial output has this times ``sqrt(d/2) (|x|^2/d - 1)``, a standard normal
    variable, where the neurons of a constant readout add up (eq-same-output-norm; full gradient only).
    """
    if problem.gradient != "full" or problem.readout != "constant":
        return 0.0
    return activation_numbers(problem.activation).c2 * sqrt(2 * problem.width / problem.input_dim)
