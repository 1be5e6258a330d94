"""The errors of all ridges at one step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.on_data.drawn import deviation
from polyspike.theory.on_data.errors import row_errors, train_errors
from polyspike.theory.on_data.family import DOUBLE, KernelFamily, precision_for, rounding
from polyspike.theory.on_data.ridges import Known, Solved, over_ridges
from polyspike.theory.on_data.shared import SharedStep
from polyspike.theory.on_data.step import Step

__all__ = ["PointErrors", "at_step"]


@dataclass(frozen=True, eq=False)
class PointErrors:
    """Errors at one step and one ridge; the test errors of all rows, shape (rows,).

    ``normal`` says that weights were taken for normal ones though there are few columns, ``plain`` that strong axes of
    the inputs could not be accounted for, and ``numerics`` what rounding, the ends of iterations and kernels shared by
    steps may have changed, relative. ``drawn`` is the relative deviation of ``zeta`` from that of drawn neurons, and
    ``outputs`` is how far the mean over the initial outputs may be from that over
    all networks, relative.
    """

    train_loss: float
    train_error: float
    test_squares: Array
    cut: float
    numerics: float
    normal: bool = False
    plain: bool = False
    drawn: float = 0.0
    outputs: float = 0.0


def at_step(
    step: Step | SharedStep, ridges: Sequence[float], known: Known | None, width: int
) -> tuple[list[PointErrors], Known]:
    """The errors of all ridges, in their order, and what the next step may start from."""
    target, diagonal = step.fit.target, step.diagonal()
    smallest = min(ridges) * len(target) / width
    precision = DOUBLE if step.exact else precision_for(diagonal, smallest)
    family, cut = step.family(precision)
    solved, known = over_ridges(family, step.neurons, ridges, target, width, known, step.linear_parts(precision.dtype))
    trained = [train_errors(r, response, target) for r, response in solved]
    squares = _test_squares(step, family, solved, width)
    rounded = rounding(diagonal, smallest) if precision.dtype is np.float32 else 0.0
    numerics = precision.error + rounded + step.lost
    drawn = _from_drawn(step, solved, width)
    points = [
        PointErrors(t.loss, t.error, s, cut, numerics, step.normal, drawn=there)
        for t, s, there in zip(trained, squares, drawn, strict=True)
    ]
    return points, known


def _from_drawn(step: Step | SharedStep, solved: Sequence[Solved], width: int) -> list[float]:
    """How far ``zeta`` is from that of drawn neurons, for every ridge."""
    if step.drawn is None:
        return [0.0] * len(solved)
    neurons, features = step.drawn
    return [deviation(neurons, step.neurons.nodes, features, found, width) for found, _ in solved]


def _test_squares(step: Step | SharedStep, family: KernelFamily, solved: Sequence[Solved], width: int) -> list[Array]:
    """Errors of all test rows, for every ridge; test rows are worked on some at a time."""
    wanted = step.test.target
    squares = [np.empty(len(wanted)) for _ in solved]
    for start in range(0, len(wanted), step.rows_at_once):
        part = slice(start, start + step.rows_at_once)
        kernels = step.test_kernels(part, family)
        for whole, some in zip(squares, row_errors(solved, kernels, wanted[part], width), strict=True):
            whole[part] = some
    return squares
