"""Which conditions of the paper an activation meets, and which spikes it can have."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike.errors import ArgumentError
from polyspike.problem.activations import Activation, as_activation
from polyspike.record import Result
from polyspike.scalars import integer_or_none

__all__ = ["ActivationReport", "Condition", "activation_report"]


@dataclass(frozen=True)
class Condition:
    """A condition of Moniri et al. (arXiv 2310.07891), section 2, and what follows where it fails."""

    name: str
    holds: bool
    comment: str


@dataclass(frozen=True, eq=False, repr=False)
class ActivationReport(Result):
    """What the theory sees of an activation.

    Attributes
    ----------
    activation : Activation
    coefficients : ndarray of shape (degree + 1,)
        ``c_0 .. c_degree`` after centring.
    spikes : tuple of int
        Degrees k <= degree whose spike exists: ``c_1 != 0`` and ``c_k != 0``.
    windows : tuple of (int, float)
        Each such degree with the exponent ``(k-1)/(2k)`` above which its spike diverges.
    linear_strength, residual_strength, derivative_variance, second_moment : float
        C1, Cg, ``Var sigma'``, ``E sigma^2``.
    conditions : tuple of Condition
    """

    activation: Activation
    coefficients: NDArray[np.float64]
    spikes: tuple[int, ...]
    windows: tuple[tuple[int, float], ...]
    linear_strength: float
    residual_strength: float
    derivative_variance: float
    second_moment: float
    conditions: tuple[Condition, ...]

    def _recorded(self) -> dict[str, Any]:
        return {**super()._recorded(), "activation": self.activation.label}


def activation_report(activation: Any, *, degree: int = 8) -> ActivationReport:
    """Report on an activation, by name or callable (see :func:`polyspike.as_activation`).

    Parameters
    ----------
    activation : str, Activation or callable
    degree : int
        Highest Hermite degree looked at, from 1 to 40.

    Examples
    --------
    >>> activation_report("relu").spikes
    (1, 2, 4, 6, 8)
    """
    highest = integer_or_none(degree)
    if highest is None or not 1 <= highest <= 40:
        raise ArgumentError("degree", degree, "give an integer from 1 to 40")
    sigma = as_activation(activation)
    c = sigma.coefficients(highest)
    spikes = tuple(k for k in range(1, highest + 1) if c[1] != 0 and c[k] != 0)
    return ActivationReport(
        activation=sigma,
        coefficients=c,
        spikes=spikes,
        windows=tuple((k, (k - 1) / (2 * k)) for k in spikes),
        linear_strength=sigma.linear_strength,
        residual_strength=sigma.residual_strength,
        derivative_variance=sigma.derivative_variance,
        second_moment=sigma.second_moment,
        conditions=_conditions(sigma, float(c[0]), float(c[1])),
    )


def _conditions(sigma: Activation, c0: float, c1: float) -> tuple[Condition, ...]:
    centring = f"the constant {sigma.mean:.6g} is subtracted" if sigma.mean else "nothing had to be subtracted"
    return (
        Condition("c_0 = 0", c0 == 0, centring if c0 == 0 else "an outlier along the all-ones direction appears"),
        Condition("c_1 != 0", c1 != 0, "" if c1 else "the gradient has no rank-one part: no spike at any step size"),
        Condition(
            "bounded derivatives",
            sigma.bounded_derivatives,
            "" if sigma.bounded_derivatives else "outside the theorems, which ask for it; compare with simulation",
        ),
        Condition(
            "not linear", sigma.residual_strength > 0, "" if sigma.residual_strength > 0 else "features stay linear"
        ),
    )
