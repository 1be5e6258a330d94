"""Which problems the theory speaks of: which laws of the inputs, which steps."""

from dataclasses import replace

from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import EdgePrediction, Prediction

__all__ = ["check_scope", "edge_with_law_note", "with_law_note"]


def check_scope(problem: Problem) -> None:
    """Refuse inputs whose covariance is not the identity, and steps that are no plain gradient step.

    Raises
    ------
    ArgumentError
        Of the argument ``inputs`` or ``precondition``.
    """
    if not problem.inputs.is_isotropic:
        remedy = "the theory is of inputs with covariance I; simulate() takes any, or leave inputs out"
        raise ArgumentError("inputs", str(problem.inputs), remedy)
    if problem.precondition is not None:
        remedy = "the theory is of the plain gradient step; simulate() takes this one, or leave precondition out"
        raise ArgumentError("precondition", problem.precondition, remedy)


def with_law_note(found: Prediction) -> Prediction:
    """The same; of inputs that are not Gaussian with a note that the numbers are those of Gaussian ones."""
    inputs = found.problem.inputs
    if inputs.is_gaussian:
        return found
    note = (
        f"law={inputs.law}: the numbers are those of Gaussian inputs; that they hold for others rests on universality, "
        "which needs a beta* spread over many coordinates."
    )
    return replace(found, notes=(*found.notes, note))


def edge_with_law_note(found: EdgePrediction) -> EdgePrediction:
    """The same in all three predictions."""
    crossing = None if found.crossing is None else with_law_note(found.crossing)
    return replace(found, below=with_law_note(found.below), above=with_law_note(found.above), crossing=crossing)
