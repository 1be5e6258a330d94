"""Derivatives of the three errors by ridge and step, for inputs of a general covariance, by central differences."""

from typing import NamedTuple

from polyspike.problem import Problem
from polyspike.results import Slopes
from polyspike.theory.covariance.predict import spectrum_of
from polyspike.theory.covariance.solution import solve_mean
from polyspike.theory.covariance.trust import check_dimension
from polyspike.theory.finite_size.spikes.errors import Errors

__all__ = ["ridge_slopes", "step_slopes"]

# A central difference of a share h errs by h^2/6 of the third derivative, and by the errors' own 1e-9 over h.
_SHARE = 2e-3
# At step 0 the difference is one-sided, to the same order, with this share of a step at which the spike is felt.
_FIRST = 1e-2


class _Stencil(NamedTuple):
    """Places and weights of a difference."""

    places: tuple[float, ...]
    weights: tuple[float, ...]


def ridge_slopes(problem: Problem) -> Slopes:
    """By the ridge, which is > 0."""
    stencil = _central(problem.ridge)
    return _slopes([problem.replace(ridge=place) for place in stencil.places], stencil)


def step_slopes(problem: Problem) -> Slopes:
    """By the step size; at step 0 from above."""
    stencil = _central(problem.step) if problem.step > 0 else _one_sided(_FIRST)
    return _slopes([problem.replace(step_size=place) for place in stencil.places], stencil)


def _central(x: float) -> _Stencil:
    h = _SHARE * x
    return _Stencil((x - h, x + h), (-0.5 / h, 0.5 / h))


def _one_sided(h: float) -> _Stencil:
    """``(-3 f(0) + 4 f(h) - f(2 h))/(2 h)``."""
    return _Stencil((0.0, h, 2 * h), (-1.5 / h, 2 / h, -0.5 / h))


def _slopes(problems: list[Problem], stencil: _Stencil) -> Slopes:
    found = [_errors(problem) for problem in problems]
    names = ("train_loss", "train_error", "test_error")
    return Slopes(*(sum(w * getattr(e, name) for w, e in zip(stencil.weights, found, strict=True)) for name in names))


def _errors(problem: Problem) -> Errors:
    check_dimension(problem.inputs, problem.input_dim)
    return solve_mean(problem, spectrum_of(problem)).errors
