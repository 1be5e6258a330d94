"""How far a prediction on data may be from networks, and what is said where it is at its limits (docs/theory-data.md,
section 9).
"""

from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.problem.activations import is_odd
from polyspike.theory.on_data.curve import LARGE_STEP, PointErrors
from polyspike.theory.on_data.readouts import FEW_COLUMNS, MOST_COLUMNS, length_effect
from polyspike.theory.on_data.sizes import Network, Sample

__all__ = ["About", "about", "error_estimate", "notes"]

_LARGE_STEP = 0.2
"""eta^2 / N from which a readout of one size has been seen to cost several percent on unwhitened inputs."""

_AXES_LEFT = 0.2
"""Of the test error, with a readout of one size, where strong axes could not be accounted for: up to 17 % was seen."""

_FALLBACK = 4.0
"""How many times 1/d the lengths of weights may do at least where their correction was more than one."""

_OFF_CENTRE = {
    ("target", "gaussian"): 0.05,
    ("target", "rademacher"): 0.1,
    ("target", "constant"): 0.1,
    ("full", "gaussian"): 0.3,
    ("full", "rademacher"): 0.5,
    ("full", "constant"): 1.0,
}
"""Of the test error, for each share of the mean row in the square of the inputs, after a step (docs/theory-data.md)."""

_NOTED = 0.05
_COARSE_KERNEL = 0.01
_SCATTERED = 0.05
_DRAWN = 0.1


class About(NamedTuple):
    """What all points of a grid have in common.

    ``mean_square`` is the square of the mean of the fit's target, and ``mean`` that mean over all rows; zero where the
    activation is odd and the features have no part of a constant. ``off_centre`` is the share of the mean row in the
    square of the gradient's rows.
    """

    null_error: float
    length_effect: float
    mean_square: float
    mean: float
    off_centre: float


def about(network: Network, parts: tuple[Sample, Sample, Sample]) -> About:
    """Of rows of the gradient, of the fit, and of the test."""
    gradient, fit, test = parts
    odd = is_odd(network.activation)
    return About(
        null_error=float(np.mean(test.target**2)),
        length_effect=length_effect(network.activation, fit.inputs),
        mean_square=0.0 if odd else float(np.mean(fit.target) ** 2),
        mean=0.0 if odd else float(np.mean(np.concatenate([part.target for part in parts]))),
        off_centre=_off_centre(gradient.inputs),
    )


def _off_centre(inputs: Array) -> float:
    """The share of the mean row in the square of the rows, less what a mean of so many centred rows has."""
    n, square = len(inputs), float(np.mean(np.sum(inputs**2, axis=1)))
    if n == 1 or square == 0:
        return 0.0
    return max(0.0, (n * float(np.sum(np.mean(inputs, axis=0) ** 2)) / square - 1) / (n - 1))


def error_estimate(problem: Problem, found: PointErrors, about: About) -> float:
    """How far the test error may be from the mean of networks, relative."""
    mean = _of_the_mean(problem, found, about.mean_square) / float(np.mean(found.test_squares))
    return found.numerics + found.outputs + found.drawn + _left_out(problem, found, about) + mean


def _left_out(problem: Problem, found: PointErrors, about: About) -> float:
    """What the theory leaves out, relative: orders ``1/d`` and ``1/N``, that a move is no normal variable, and what was
    measured where strong axes or a mean of the inputs are too strong for it.

    Where the lengths of weights are not accounted for, the first is what they do to the kernel. That moves are not
    normal was measured to cost up to ``0.03 eta/sqrt N`` at a normal readout and ``0.3 eta^2/N`` at one of equal sizes.
    """
    size = problem.step / np.sqrt(problem.width)
    law = 0.03 * size if problem.readout == "gaussian" else 0.3 * size**2
    lengths = max(1.0, about.length_effect) if found.normal or problem.input_dim > FEW_COLUMNS else 1.0
    lengths = max(lengths, _FALLBACK) if found.normal else lengths
    axes = _AXES_LEFT * min(1.0, size**2 / LARGE_STEP) if found.plain else 0.0
    centre = _OFF_CENTRE[problem.gradient, problem.readout] * about.off_centre if problem.step > 0 else 0.0
    return float(lengths / problem.input_dim + 2 / problem.width + law + axes + centre)


def _of_the_mean(problem: Problem, found: PointErrors, square: float) -> float:
    """How much of the square of the labels' mean the theory may be off by, as measured without a step.

    Of d columns ``(12/d)^2``, and ``36/d`` where the lengths of weights are not accounted for; never more than twice:
    a constant that is not learned is fitted all the same.
    """
    d = problem.input_dim
    share = 36 / d if found.normal or d > MOST_COLUMNS else (12 / d) ** 2
    return min(2.0, share) * square


def notes(problem: Problem, found: PointErrors, about: About) -> tuple[str, ...]:
    """What a user should know of a prediction."""
    said = []
    if _of_the_mean(problem, found, about.mean**2) > _NOTED * float(np.mean(found.test_squares)):
        said.append(
            f"the target has the mean {about.mean:.2g}: how much of it networks learn is not known; subtract it from "
            "the target"
        )
    if problem.step > 0 and _OFF_CENTRE[problem.gradient, problem.readout] * about.off_centre > _NOTED:
        said.append(
            f"the mean row has {about.off_centre:.0%} of the square of the inputs: networks may err otherwise than "
            "predicted after a step; subtract the means of the columns"
        )
    if problem.readout != "gaussian" and problem.step**2 > _LARGE_STEP * problem.width:
        said.append(
            "a large step with a readout of one size: networks may err more than predicted, mostly on unwhitened inputs"
        )
    if found.plain:
        said.append(
            "strong axes of the inputs could not be accounted for: networks may err more than predicted, mostly up to "
            "a fifth, and by far more where one or two axes have nearly all"
        )
    if found.cut > _COARSE_KERNEL:
        said.append(f"the cut of the kernels may cost {found.cut:.1%} of their norm; raise accuracy.degree")
    if found.outputs > _SCATTERED:
        said.append(
            f"the mean over initial outputs is known to {found.outputs:.0%} of the test error; raise accuracy.outputs"
        )
    if found.drawn > _DRAWN:
        said.append(
            f"what a neuron adds to the fit is off by {found.drawn:.0%}: neurons differ from one another, or from the "
            "law they are taken to have"
        )
    if found.normal:
        said.append(
            "weights are taken for normal ones: with so few columns their lengths cannot be accounted for, and the "
            "error may be off by several times 2/d"
        )
    return tuple(said)
