"""Problems whose numbers leave double precision: refused with a status, and never a bare exception or a NaN."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.scalars import LARGEST, LEAST
from polyspike.status import Status

__all__ = ["check_magnitudes", "within_double_precision"]


def check_magnitudes(problem: Problem) -> None:
    """Refuse numbers whose squares and products no double holds.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` for a ridge, noise, step size or coefficient of the teacher that is neither zero nor from 1e-30
        to 1e30.
    """
    amounts = {"ridge": problem.ridge, "noise": problem.noise, "step size": problem.step}
    named = [*amounts.items(), *(("teacher's coefficient", term.coefficient) for term in problem.teacher.terms)]
    for name, value in named:
        if value != 0 and not LEAST <= abs(value) <= LARGEST:
            message = f"{name} {value:g}: what is not 0 must be from {LEAST:g} to {LARGEST:g}"
            raise NumericalError(Status.OUT_OF_RANGE, message)


@contextmanager
def within_double_precision() -> Iterator[None]:
    """Turns an overflow, a division by zero or a matrix that cannot be decomposed into a :class:`NumericalError`.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE``, naming the operation.
    """
    try:
        with np.errstate(divide="raise", over="raise", invalid="raise"):
            yield
    except NumericalError:
        raise
    except (ArithmeticError, np.linalg.LinAlgError) as error:
        message = f"the numbers of this problem leave double precision ({type(error).__name__}: {error})"
        raise NumericalError(Status.OUT_OF_RANGE, message) from error
