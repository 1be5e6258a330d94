"""What the initial output in the residual makes of a full gradient (docs/theory-inputs.md, section 2)."""

from math import exp
from typing import NamedTuple

from polyspike.problem import Problem
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.finite_size.conditioning import ActivationNumbers, activation_numbers

__all__ = ["InitialOutput", "initial_output"]


class InitialOutput(NamedTuple):
    """All zero for the target-only gradient.

    Attributes
    ----------
    variance : float
        Of the output.
    coherent : float
        The mean of M that it leaves, over Sigma^2; of a constant readout.
    self_term : float
        delta.
    with_length : float
        ``E[eps^2 (|x|^2/d - 1)]``, of a constant readout and a label that has a mean (eq-inputs-lengths).
    """

    variance: float = 0.0
    coherent: float = 0.0
    self_term: float = 0.0
    with_length: float = 0.0

    def noise_moment(self, moment: float, numbers: ActivationNumbers) -> float:
        """``E[eps^2 h^2 |x|^2/d]`` for ``E eps^2 = moment`` and ``h = sigma' - c_1 - 2 c_2 z``; positive whatever the
        label is.
        """
        of_noise = max(numbers.derivative_variance - 4 * numbers.c2**2, 0.0)
        longer = self.with_length / moment if moment > 0 else 0.0
        return moment * of_noise * exp(longer * (1 + numbers.noise_by_length))


def initial_output(problem: Problem, spectrum: Eigenvalues) -> InitialOutput:
    """Of the inputs of this spectrum. All neurons of a constant readout add up: the fluctuation of ``|x|^2`` enters the
    output coherently, ``c_2 sqrt(N) (|x|^2/d - 1)``.
    """
    if problem.gradient != "full":
        return InitialOutput()
    numbers, eta, m2 = activation_numbers(problem.activation), problem.step, spectrum.moment(2)
    self_term = eta / problem.width * numbers.self_overlap
    if problem.readout != "constant":
        return InitialOutput(numbers.second_moment, self_term=self_term)
    d, mean = problem.input_dim, float(problem.teacher.coefficients(0)[0])
    coherent = -2 * numbers.c2 * problem.width**0.5 / d
    return InitialOutput(
        variance=numbers.second_moment + 2 * numbers.c2**2 * problem.width / d * m2,
        coherent=coherent,
        self_term=self_term + 24 * eta * numbers.c2 * numbers.c4 / d * m2,
        # The divisor keeps every moment positive on few directions.
        with_length=2 * mean * coherent * m2 / (1 + 2 * m2 / d),
    )
