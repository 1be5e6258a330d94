"""How far inputs of another law may be from Gaussian ones of the same covariance (docs/inputs.md, "Other laws").

What a label sees of independent coordinates of excess kurtosis k_4 has the excess ``k_4 sum_k t_k^2``, with the
energies t_k of its direction: nothing where that is spread over many coordinates, all of k_4 where it is one of them.
To first order an average ``E f(kappa)`` changes by ``k_4 sum t_k^2/24 E f''''``, ``E[f H_4]/24`` of a Gaussian kappa.
"""

from dataclasses import replace
from math import inf

import numpy as np

from polyspike.problem import Inputs, Problem
from polyspike.results import EdgePrediction, Prediction
from polyspike.theory.finite_size.labels.label_law import teacher_sample
from polyspike.theory.finite_size.trust import LARGEST

__all__ = ["edge_with_law", "excess_kurtosis", "label_change", "with_law"]

_EXCESS = {"rademacher": -2.0, "uniform": -1.2, "sphere": 0.0}
_OF_SPHERE = 2.0
"""The excess that leaves no scatter of a norm, which samples on a sphere have not; their coordinates are dependent."""

_OF_NORMS = 0.5
"""Of ``|k_4|/d_eff E y^2``: on the sphere, which lacks the scatter of norms alone, errors of docs/inputs.md are 0.5."""

_NORMAL_EXCESS = 3.0
"""``d sum t_k^2`` of a direction that is drawn at random."""


def excess_kurtosis(inputs: Inputs) -> float:
    """``E g^4 - 3`` of a standardised coordinate; infinite where there is no fourth moment."""
    degrees = inputs.degrees_of_freedom
    if degrees is not None:
        return 6 / (degrees - 4) if degrees > 4 else inf
    return _EXCESS.get(inputs.law, 0.0)


def label_change(problem: Problem) -> float:
    """By how much the law changes ``E y^2`` and the linear part of the label, to first order, in units of the label's
    square; infinite where a coordinate has no fourth moment.
    """
    excess = abs(excess_kurtosis(problem.inputs))
    if excess in (0.0, inf):
        return excess
    labels, weights, inputs = teacher_sample(problem.teacher)
    total = 0.0
    for k, z in enumerate(inputs.T):
        # H_4 / 24, the fourth derivative by partial integration.
        fourth = weights * (z**4 - 6 * z**2 + 3) / 24 * excess * _concentration(problem, k)
        linear, change = float(weights @ (labels * z)), float(fourth @ (labels * z))
        total += abs(float(fourth @ labels**2)) + abs(change) * (2 * abs(linear) + abs(change))
    return total


def _concentration(problem: Problem, index: int) -> float:
    """``sum_k t_k^2`` over the coordinates."""
    inputs, d = problem.inputs, problem.input_dim
    if inputs.teacher == "random":
        return min(_NORMAL_EXCESS / inputs.effective_dimension(d), 1.0)
    if inputs.teacher == "top":
        return 1.0
    return float(np.sum(inputs.axis_energies(d) ** 2))


def with_law(prediction: Prediction) -> Prediction:
    """The same; of inputs that are not Gaussian with a note that the numbers are those of Gaussian ones, and with what
    their law may change in the error estimate: :func:`label_change`, and half of ``|k_4|/d_eff E y^2`` by the scatter
    of norms.
    """
    problem = prediction.problem
    inputs = problem.inputs
    if inputs.is_gaussian:
        return prediction
    note = (
        f"law={inputs.law}: the numbers are those of Gaussian inputs; that they hold for others rests on universality, "
        "which needs a beta* spread over many coordinates."
    )
    noted = replace(prediction, notes=(*prediction.notes, note))
    if prediction.error_estimate is None or not prediction.test_error > 0:
        return noted
    change = label_change(problem)
    if change == inf:
        reason = f"law={inputs.law}: its coordinates have no fourth moment, and no universality is known"
        return replace(noted, error_estimate=None, trusted=False, trust_reason=reason)
    scatter = _OF_SPHERE if inputs.law == "sphere" else abs(excess_kurtosis(inputs))
    norms = _OF_NORMS * scatter / inputs.effective_dimension(problem.input_dim) * problem.label_second_moment
    estimate = prediction.error_estimate + (change + norms) / prediction.test_error
    if estimate <= LARGEST or not prediction.trusted:
        return replace(noted, error_estimate=estimate)
    of_label = "the label sees single coordinates; spread the teacher (teacher=random), or simulate"
    of_norms = "the lengths of samples scatter otherwise; take more dimensions, or simulate"
    reason = f"law={inputs.law}: {of_label if change > norms and inputs.teacher != 'random' else of_norms}"
    return replace(noted, error_estimate=estimate, trusted=False, trust_reason=reason)


def edge_with_law(edge: EdgePrediction) -> EdgePrediction:
    """The same in all three predictions."""
    crossing = None if edge.crossing is None else with_law(edge.crossing)
    return replace(edge, below=with_law(edge.below), above=with_law(edge.above), crossing=crossing)
