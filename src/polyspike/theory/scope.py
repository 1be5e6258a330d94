"""Which problems the theory speaks of: which samples, and which laws of the inputs."""

from dataclasses import replace

from polyspike.errors import ArgumentError
from polyspike.problem import Problem
from polyspike.results import EdgePrediction, Prediction

__all__ = ["check_fresh", "check_inputs", "check_scope", "edge_with_law_note", "with_law_note"]


def check_scope(problem: Problem) -> None:
    """Refuse a problem that only the theory for a covariance has, or none.

    Raises
    ------
    ArgumentError
        ``samples="same"``, or inputs whose covariance is not the identity.
    """
    check_fresh(problem)
    check_inputs(problem)


def check_fresh(problem: Problem) -> None:
    """Refuse a problem whose two stages have one sample.

    Raises
    ------
    ArgumentError
        Its features are not those that the theory averages: every sample has moved the weights along itself.
    """
    if problem.samples == "same":
        remedy = "the theory is of a fresh sample for the ridge regression; simulate it, or give 'fresh'"
        raise ArgumentError("samples", problem.samples, remedy)


def check_inputs(problem: Problem) -> None:
    """Refuse inputs whose covariance is not the identity.

    Raises
    ------
    ArgumentError
    """
    if not problem.inputs.is_isotropic:
        remedy = "this theory is of inputs with covariance I; predict() by its default method and simulate() take any"
        raise ArgumentError("inputs", problem.inputs, remedy)


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
