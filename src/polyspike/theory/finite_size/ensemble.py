"""A problem over the law of its gradient's sample: one model a node, and the average of what they predict."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import cached_property
from typing import NamedTuple

from polyspike.problem import Problem
from polyspike.results import Prediction, Slopes
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState, Linearised
from polyspike.theory.finite_size.continuation import ShiftContinuation, Solution
from polyspike.theory.finite_size.cost import checked_samples
from polyspike.theory.finite_size.derivatives import ridge_slopes, step_slopes
from polyspike.theory.finite_size.gradient_sample import WeightedSample, mean_overlaps
from polyspike.theory.finite_size.predict import as_prediction, effect_of_anisotropy, mean_errors
from polyspike.theory.finite_size.solve import model_of, solve_errors
from polyspike.theory.finite_size.spikes.errors import Errors

__all__ = ["Average", "Ensemble", "Member"]


class Member(NamedTuple):
    """A node of the average: its weight, its model, the solved bulk and the Jacobian there."""

    weight: float
    model: FiniteSizeModel
    state: BulkState
    at: Linearised


class Average(NamedTuple):
    """All nodes of a problem, and the means of their errors and of the effect of anisotropic weights on them."""

    members: tuple[Member, ...]
    errors: Errors
    anisotropy_effect: float

    def prediction(self, problem: Problem) -> Prediction:
        """The result in the form that all predictions share."""
        overlaps = mean_overlaps([(member.weight, member.model) for member in self.members])
        return as_prediction(problem, self.errors, overlaps, self.anisotropy_effect)

    @property
    def test_error(self) -> float:
        """The mean test error."""
        return float(self.errors.test_error)

    def by_ridge(self) -> Slopes:
        """The derivatives by the ridge."""
        return self._mean(ridge_slopes)

    def by_step(self) -> Slopes:
        """The derivatives by the step size."""
        return self._mean(step_slopes)

    def _mean(self, by: Callable[[FiniteSizeModel, BulkState, Linearised], Slopes]) -> Slopes:
        """The average of a slope over the nodes, whose weights depend on neither ridge nor step."""
        found = [(weight, by(model, state, at)) for weight, model, state, at in self.members]
        if len(found) == 1:
            return found[0][1]
        names = [field.name for field in fields(Slopes)]
        return Slopes(*(sum(weight * getattr(slopes, name) for weight, slopes in found) for name in names))


class Ensemble:
    """Solves problems that differ in the ridge alone, one after the other, at every node of the gradient's sample.

    Parameters
    ----------
    problem : Problem
        One of them.
    before : sequence of Solution
        Those of other problems, the latest first; the first node starts from them where they are near, every further
        one from the node before.
    """

    slope_accuracy = 1e-11

    def __init__(self, problem: Problem, before: Sequence[Solution] = ()) -> None:
        self._problem, self._before = problem, before
        self._followers: list[ShiftContinuation] = []

    @cached_property
    def _nodes(self) -> tuple[WeightedSample, ...]:
        return checked_samples(self._problem)

    @property
    def first(self) -> Solution | None:
        """The first solution of the first node, once there is one."""
        return self._followers[0].first if self._followers else None

    def solve(self, problem: Problem) -> Average:
        """All nodes at this problem's ridge.

        Raises
        ------
        NumericalError
            Of the first node that has no solution.
        """
        members = tuple(Member(node.weight, *self._follower(k).solve(problem)) for k, node in enumerate(self._nodes))
        found = [(member.weight, solve_errors(member.model, member.state, member.at)) for member in members]
        effect = sum(
            member.weight * effect_of_anisotropy(member.model, member.state, errors, member.at)
            for member, (_, errors) in zip(members, found, strict=True)
        )
        return Average(members, mean_errors(problem, found), effect)

    def _follower(self, k: int) -> ShiftContinuation:
        if k == len(self._followers):
            last = self._followers[-1].first if self._followers else None
            before = self._before if last is None else (last,)
            self._followers.append(ShiftContinuation(model_of(self._problem, sample=self._nodes[k].scalars), before))
        return self._followers[k]
