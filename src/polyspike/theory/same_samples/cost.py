"""How long a prediction with reused samples takes, before it starts, at the rates of a laptop."""

from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.same_samples.piecewise_linear import is_piecewise_linear
from polyspike.theory.same_samples.steps import rules_of, step_of

__all__ = ["prediction_seconds_same", "spectrum_seconds_same"]

# Seconds of one value of a feature or of what the fit does with it, and of everything else.
_VALUE, _NODE = 2.5e-6, 0.018
# Seconds of a spectrum with readouts of one size, with normal ones, and with those where c_2 != 0.
_ONE_SIZE, _NORMAL, _NORMAL_QUADRATIC = 0.6, 2.5, 6.0


def prediction_seconds_same(problem: Problem) -> float:
    """An estimate of the time of :func:`predict_same_samples`, within a factor of four where Newton does not fail."""
    rules, readouts, activation = rules_of(problem), len(step_of(problem).u), problem.activation
    on_panels = bool(activation.kinks) and not is_piecewise_linear(activation)
    return _NODE + _VALUE * rules.residual * rules.kappa * readouts * (10 if on_panels else 1)


def spectrum_seconds_same(problem: Problem) -> float:
    """An estimate of the time of the training features' spectrum, within a factor of four."""
    if problem.readout != "gaussian":
        return _ONE_SIZE
    return _NORMAL if activation_numbers(problem.activation).c2 == 0 else _NORMAL_QUADRATIC
