"""How far a network of finite size is from the prediction, and where the prediction is to be trusted.

Not theory but a calibration. What is left after the terms of order 1/d is of order 1/n and 1/N, or second in 1/d, and
grows with how strongly the fit reacts to a single sample. That is measured by

    A = sqrt(train error x test error) / train loss,

the factor by which the test error exceeds the squared residual that the labels alone would leave: 1 at large ridge,
``1/(1 - N/n)`` for least squares, and of order ``ridge^(-1/2)`` at the interpolation peak, where a single sample turns
the fit. The estimate is

    error_estimate = COVERED x / (1 + x/BENT),   x = A (1/n + 1/d + 1/N),

and is meant to hold nine times in ten for the mean test error over draws. Its constants were set on 64 small problems
(n from 250 to 1,000, ridge from 1e-6 to 1, before and after the step) and checked on others that had no part in that;
docs/decisions.md has the coverage.
"""

from math import sqrt
from typing import NamedTuple

from polyspike.problem import Problem
from polyspike.theory.uniform.next_order import LARGEST_ASPECT

__all__ = ["Trust", "amplification", "trust"]

COVERED, BENT = 0.35, 0.5
"""Calibrated constants of the estimate."""

LARGEST = 0.05
"""Predictions with a larger error estimate are not trusted."""

_PEAK = 5.0
_EVERYTHING = 1.0


class Trust(NamedTuple):
    """The error estimate, relative; whether it is small enough; and why not."""

    error_estimate: float
    trusted: bool
    reason: str


def amplification(train_loss: float, train_error: float, test_error: float) -> float:
    """``A = sqrt(train error x test error) / train loss``; 1 where rounding has left nothing of the training error."""
    if train_loss <= 0 or train_error <= 0 or test_error <= 0:
        return _EVERYTHING
    return sqrt(train_error) * sqrt(test_error) / train_loss


def trust(problem: Problem, train_loss: float, train_error: float, test_error: float) -> Trust:
    """What the sizes of a problem and its predicted errors say about the prediction."""
    n, d, width = problem.n_samples, problem.input_dim, problem.width
    factor = amplification(train_loss, train_error, test_error)
    x = factor * (1 / n + 1 / d + 1 / width)
    estimate = COVERED * x / (1 + x / BENT)
    directions = d * (d + 1) / 2
    if estimate > LARGEST and factor > _PEAK:
        reason = (
            f"near the interpolation peak (n = {n}, width = {width}, ridge {problem.ridge:g}): leaving a sample out "
            f"multiplies its squared residual by {factor:.0f}, and the fit differs from draw to draw"
        )
    elif n > LARGEST_ASPECT * directions:
        reason = f"n = {n} is of the order of d(d+1)/2 = {directions:.0f}, where quadratic features are learned"
    elif estimate > LARGEST:
        reason = f"the sizes are small: corrections of order 1/n + 1/d + 1/width = {1 / n + 1 / d + 1 / width:.2g}"
    else:
        return Trust(estimate, True, "")
    return Trust(estimate, False, reason)
