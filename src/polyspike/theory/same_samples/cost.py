"""How long a prediction with reused samples takes, before it starts, at the rates of a laptop."""

from polyspike.problem import Problem
from polyspike.theory.same_samples.sample_law import sample_law
from polyspike.theory.same_samples.steps import STANDARD, rules_of, step_of

__all__ = ["prediction_seconds_same"]

# Seconds of one value of an activation, of which an average over z and the move's noise takes so many; of a reading of
# all nodes by one readout, a hundred of them a prediction; and of everything else.
_VALUE, _VALUES = 4e-8, 350
_READING, _READINGS = 4e-8, 300
_NODE = 0.05


def prediction_seconds_same(problem: Problem) -> float:
    """An estimate of the time of :func:`predict_same_samples`, within a factor of four where Newton does not fail."""
    step = step_of(problem, STANDARD.readouts)
    nodes = sample_law(problem, step.frame, rules_of(problem)).weights.size
    readouts = len(step.u)
    return _NODE + nodes * readouts * (_VALUE * _VALUES + _READING * _READINGS)
