"""From a problem and a spectrum to the three errors: read it from top to bottom (docs/theory-inputs.md)."""

from dataclasses import fields
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.problem.activations import is_odd
from polyspike.status import Status
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.errors import errors
from polyspike.theory.covariance.fixed_point import Solved, solve
from polyspike.theory.covariance.gradient_sample import covariance_samples
from polyspike.theory.covariance.model import CovarianceModel, assemble
from polyspike.theory.covariance.seen import seen_teacher
from polyspike.theory.finite_size.conditioning import StepScalars
from polyspike.theory.finite_size.double_precision import check_magnitudes
from polyspike.theory.finite_size.gradient_sample import WeightedSample
from polyspike.theory.finite_size.labels.label_law import check_indices
from polyspike.theory.finite_size.solve import in_order
from polyspike.theory.finite_size.spikes.errors import Errors

__all__ = ["CovarianceSolution", "MeanSolution", "check_teacher", "shift_of", "solve_errors", "solve_mean"]

# The min-norm limit is taken at this fraction of the features' variance; its relative effect is of the same size.
_LEAST_SHIFT = 1e-10
_SINGULAR_SLOPE = 1e-3


class CovarianceSolution(NamedTuple):
    """The model of a problem, its solved bulk and its errors."""

    model: CovarianceModel
    solved: Solved
    errors: Errors


def check_teacher(problem: Problem) -> None:
    """Refuse, before any work, a teacher whose averages over several indices would cost too much.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` as :func:`polyspike.theory.finite_size.labels.label_law.check_indices`, of the linear part as
        the spike sees it.
    """
    check_indices(seen_teacher(problem))


def shift_of(problem: Problem, model: CovarianceModel) -> float:
    """``gamma = lambda n / N``; for ridge 0 a tiny fraction of the features' variance. The model is of any ridge."""
    bulk = model.bulk
    if problem.ridge > 0:
        return problem.ridge * problem.n_samples / problem.width
    linear = (bulk.phi @ bulk.chi.T) ** 2 * (bulk.mu_weights @ bulk.weight_variance)
    square = bulk.noise_variance + model.mean**2 + linear
    return _LEAST_SHIFT * float(bulk.sample_weights @ square @ bulk.neuron_weights)


class MeanSolution(NamedTuple):
    """The averages over the gradient's sample of the errors, of the overlaps of the gradient and the spike, and of what
    neurons gain along the label's directions, as a share of their square; and how far the test errors of the sample's
    nodes scatter about their mean, relatively.
    """

    errors: Errors
    cosine: float
    spike_cosine: float
    spike_strength: float
    label_cosine: float
    lean: float
    gained: float
    scatter: float


def solve_mean(problem: Problem, spectrum: Eigenvalues) -> MeanSolution:
    """The averages over the gradient's sample for a problem whose inputs have this spectrum.

    Raises
    ------
    NumericalError
        As :func:`solve_errors`.
    """
    plain = problem.step > 0 and problem.precondition is None
    nodes = covariance_samples(problem, spectrum) if plain else (WeightedSample(1.0, None),)
    rows = [_numbers(solve_errors(problem, spectrum, sample=node.scalars)) for node in nodes]
    weights, values = np.array([node.weight for node in nodes]), np.array(rows)
    means = weights @ values if len(rows) > 1 else values[0]
    square = float(weights @ (values[:, 2] - means[2]) ** 2)
    scatter = square**0.5 / means[2] if means[2] > 0 else 0.0
    numbers = [float(x) for x in (*means, scatter)]
    return MeanSolution(in_order(problem, Errors(*numbers[:3])), *numbers[3:])


def _numbers(found: CovarianceSolution) -> list[float]:
    step, scalars = found.model.step, found.model.step.scalars
    overlaps = [scalars.gradient_cosine, step.spike_cosine, scalars.spike_strength, scalars.spike_cosine, step.lean]
    gained = found.model.known.share_beyond @ found.model.grid.u_weights / found.model.problem.input_dim
    return [float(x) for x in (*_values(found.errors), *overlaps, gained)]


def solve_errors(
    problem: Problem,
    spectrum: Eigenvalues,
    *,
    finite_dimension: bool = True,
    refine: float = 1.0,
    sample: StepScalars | None = None,
) -> CovarianceSolution:
    """The errors of a problem whose inputs have this spectrum, at the expectations of the gradient's averages or at
    those of a sample.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` where the fixed point is not found; ``SINGULAR`` when the ridge is 0 and the limit of
        vanishing ridge does not exist; ``OUT_OF_RANGE`` as :func:`check_teacher`, for numbers that leave double
        precision and for errors that are not ordered as errors are.
    """
    check_magnitudes(problem)
    check_teacher(problem)
    model = _model(_OfAnyRidge(problem), spectrum, finite_dimension, refine, sample)
    shift = shift_of(problem, model)
    solved = solve(model, shift)
    found = errors(solved)
    if problem.ridge == 0:
        other = errors(solve(model, 100 * shift))
        if not abs(other.test_error - found.test_error) < _SINGULAR_SLOPE * abs(found.test_error):
            message = "ridge 0: the test error diverges as the ridge vanishes"
            raise NumericalError(Status.SINGULAR, message, partial=found)
    return CovarianceSolution(model, solved, in_order(problem, Errors(*(float(np.real(e)) for e in _values(found)))))


class _OfAnyRidge:
    """A problem that equals all those of other ridges."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._others = tuple(getattr(problem, name) for name in _OTHER_FIELDS)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _OfAnyRidge) and self._others == other._others

    def __hash__(self) -> int:
        return hash(self._others)


_OTHER_FIELDS = tuple(field.name for field in fields(Problem) if field.name != "ridge")


@lru_cache(maxsize=2)
def _model(
    problem: _OfAnyRidge, spectrum: Eigenvalues, finite_dimension: bool, refine: float, sample: StepScalars | None
) -> CovarianceModel:
    """The model of a problem; those of one ridge after the other share it."""
    return assemble(
        problem.problem,
        spectrum,
        finite_dimension=finite_dimension,
        refine=refine,
        sample=sample,
        halved=is_odd(problem.problem.activation),
    )


def _values(found: Errors) -> tuple[float, float, float]:
    return found.train_loss, found.train_error, found.test_error
