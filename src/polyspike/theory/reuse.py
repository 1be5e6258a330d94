"""What has no theory yet: a ridge regression on the samples of the gradient."""

from polyspike.errors import ArgumentError
from polyspike.problem import Problem

__all__ = ["check_fresh"]


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
