"""How long a prediction takes, before it starts: its operations counted, at the rates of a laptop."""

from typing import Any

import numpy as np

from polyspike.problem import Problem
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import jacobian_seconds, step_seconds
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.double_precision import check_magnitudes
from polyspike.theory.finite_size.given_kappa.activation_averages import is_mirrored, values_needed
from polyspike.theory.finite_size.given_kappa.deviation import deviation
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.given_kappa.label_parts import values_of_label
from polyspike.theory.finite_size.given_kappa.overlaps import with_overlaps
from polyspike.theory.finite_size.gradient_sample import WeightedSample, weighted_samples
from polyspike.theory.long_work import LONG, tell

__all__ = ["checked_samples", "prediction_seconds", "tell_of_model"]

# Seconds of one value of an activation or of a teacher with its averages.
_VALUE = 4e-8
# Jacobians of a node of the average over the gradient's sample where Newton does not fail, and the seconds of
# everything else.
_JACOBIANS, _NODE = 8, 0.01


def prediction_seconds(problem: Problem) -> float:
    """An estimate of the time of :func:`predict_finite_size`, within a factor of four where Newton does not fail.

    Takes a millisecond a node of the average over the gradient's sample.

    Raises
    ------
    NumericalError
        As the prediction does.
    """
    return sum(_node_seconds(problem, sample) for _, sample in weighted_samples(problem))


def checked_samples(problem: Problem) -> tuple[WeightedSample, ...]:
    """The nodes of the average over the gradient's sample; where one of several has no grid, that is said before the
    others are solved.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` as the prediction does.
    """
    check_magnitudes(problem)
    nodes = weighted_samples(problem)
    if len(nodes) > 1:
        for node in nodes:
            _node_seconds(problem, node.scalars)
    return nodes


def tell_of_model(model: FiniteSizeModel, nodes: int) -> None:
    """Announce what only a model that has been made can tell: that its functions have many factors, so that so many
    nodes of the average over the gradient's sample take long though the estimate was short.
    """
    seconds = nodes * _JACOBIANS * step_seconds(model.bulk)
    if seconds >= LONG and prediction_seconds(model.problem) < LONG:
        tell(seconds, "what is learned varies much from neuron to neuron: about %s more")


def _node_seconds(problem: Problem, sample: Any) -> float:
    scalars = condition(problem, sample=sample)
    grid = with_overlaps(choose_grid(problem, scalars), problem, scalars)
    tau = deviation(problem, scalars, grid.u, grid.moving_overlap)
    strengths = np.real(scalars.strengths(grid.u))
    x = strengths * grid.kappa[:, None]
    tau = tau * np.ones(x.shape)
    # As a prediction takes those of half of the readouts where it can, so that what is counted is what may be refused.
    first = len(grid.u) // 2 if is_mirrored(strengths, tau) else 0
    share = (len(grid.u) - first) / len(grid.u)
    of_label = values_of_label(problem.teacher, len(grid.kappa), abs(float(np.real(scalars.spike_cosine))))
    values = values_needed(problem.activation, x[:, first:], tau[:, first:]) / share + of_label
    return _NODE + _VALUE * values + _JACOBIANS * jacobian_seconds(len(grid.kappa), len(grid.u))
