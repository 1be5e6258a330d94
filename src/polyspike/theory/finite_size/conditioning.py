"""The numbers that one gradient step leaves behind (docs/theory-finite-size.md, section 1).

Conditionally on ``kappa = b . x / |b|`` along the spike direction ``b`` and on the readout ``u_i = sqrt(N) a_i``, the
pre-activation of neuron i on a fresh input is ``tau(u) z + r u kappa`` with ``z ~ N(0, 1)``.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import exp
from typing import Any, NamedTuple

import numpy as np

from polyspike.errors import NumericalError
from polyspike.hermite import gaussian_rule
from polyspike.problem import Activation, Problem
from polyspike.status import Status

__all__ = ["ActivationNumbers", "Conditioning", "StepScalars", "activation_numbers", "condition"]

# A part of the slope's square that is smaller is rounding.
_ROUNDING = 1e-14


@dataclass(frozen=True)
class ActivationNumbers:
    """Gaussian averages of an activation, z ~ N(0, 1)."""

    c1: float
    c2: float
    c3: float
    c4: float
    second_moment: float
    derivative_variance: float
    self_overlap: float
    """``E[z sigma(z) sigma'(z)] - c_1^2``, the response of a neuron to its own output."""
    radial_slope: float
    """``E[(z^2 - 1) z sigma'(z)] / 2 = 2 c_2 + 12 c_4``, the coefficient of M in the move of a weight along itself."""
    radial_variance: float
    """Variance of ``z sigma'(z)`` beyond degree 2."""
    square_slope: float
    """``E[(z^2 - 1) (sigma'(z) - c_1)^2] / 2``, the coefficient of ``h_2(w . x)`` in the squared length of a gradient
    across beta."""
    square_variance: float
    """Variance of ``(sigma'(z) - c_1)^2`` beyond degree 2."""
    noise_by_length: float
    """``E[(z^2 - 1) h^2] / (2 E h^2)`` with ``h = sigma' - c_1 - 2 c_2 z``: what a longer sample has more of it."""
    radial_square: float
    """Covariance of that with ``z sigma'(z)``, beyond degree 2."""


@lru_cache(maxsize=256)
def activation_numbers(activation: Activation) -> ActivationNumbers:
    """The averages that the conditioning needs, computed once per activation."""
    _, c1, c2, c3, c4 = (float(c) for c in activation.coefficients(4))
    z, weights = gaussian_rule(activation.smoothness.corners)
    slope = activation.derivative(z)
    noise = (slope - c1 - 2 * c2 * z) ** 2
    energy = float(weights @ noise)
    basis = np.stack([np.ones_like(z), z, (z**2 - 1) / 2**0.5])
    radial, square = (part - (basis @ (weights * part)) @ basis for part in (z * slope, (slope - c1) ** 2))
    return ActivationNumbers(
        c1=c1,
        c2=c2,
        c3=c3,
        c4=c4,
        second_moment=activation.second_moment,
        derivative_variance=activation.derivative_variance,
        self_overlap=float(weights @ (z * activation(z) * slope)) - c1**2,
        radial_slope=2 * c2 + 12 * c4,
        radial_variance=float(weights @ radial**2),
        square_slope=float(weights @ ((z**2 - 1) * (slope - c1) ** 2)) / 2,
        square_variance=float(weights @ square**2),
        noise_by_length=float(weights @ ((z**2 - 1) * noise)) / 2 / energy if energy > _ROUNDING else 0.0,
        radial_square=float(weights @ (radial * square)),
    )


class StepScalars(NamedTuple):
    """The averages over one sample of the gradient on which the step depends (eq-step-scalars), all real.

    Attributes
    ----------
    energy : float
        V: the sample's mean of ``eps^2``, over its expectation.
    signal : float
        S: ``beta . beta*``, of mean ``c*_1``.
    output : float
        T: ``omega . beta``, of mean ``-c_1`` (full gradient only).
    across : float
        ``|beta|^2`` orthogonal to both, over ``phi_0`` times the sample's mean of ``eps^2``.
    """

    energy: float
    signal: float
    output: float
    across: float


@dataclass(frozen=True)
class Conditioning:
    """Scalars of section 1, all of them functions of the problem; complex where the step is (complex step).

    Attributes
    ----------
    spike_strength : float
        ``r = |b| / sqrt(N)``.
    spike_cosine : float
        ``rho = b . beta* / |b|``.
    move_variance : float
        ``q``: the move without beta adds ``q u^2`` to the variance of a pre-activation.
    self_term : float
        ``delta``: by its own output a neuron loses the share ``delta u^2`` of its weight (full gradient).
    quadratic_step : float
        ``e = 2 c_2 eta / sqrt(N)``: the quadratic part of the gradient moves a weight by ``e u M w``.
    scaled_step : float
        ``eta / sqrt(N)``.
    gradient_noise_variance : float
        ``q_perp = q - e^2 phi_0 E eps^2``, the part of ``q`` that does not come from ``M``.
    excluded : float
        ``1/N`` for the full gradient, whose bulk has no part along the readout (eq-projection); 0 otherwise.
    residual_moment : float
        ``E eps^2`` of the residual that the gradient sees.
    matrix_moment : float
        ``E[(eps |x|^2/d)^2]``, which is what M has of it (eq-lengths).
    gaussian_variance : float
        Variance of the Gaussian part ``nu`` of ``eps = sigma*(kappa*) + nu``.
    trace_shift : float
        Added to the spectrum of ``M`` (constant readout with the full gradient only).
    b_coordinates : tuple
        ``b / |b|`` in the frame (teacher directions ..., omega, beta).
    gradient_cosine : float
        Between ``beta`` and beta*; 0.0 at a vanishing gradient.
    cubic_step : float
        ``6 c_3 eta |beta| / sqrt(N d)``: a neuron of readout u whose initial weight has the overlap ``g/sqrt(d)`` with
        ``beta/|beta|`` moves along itself by that times ``u g`` (eq-cubic).
    beta_cosine : float
        ``b . beta / (|b| |beta|)``.
    moved_output : float
        The coordinate of ``b / |b|`` along ``M omega`` (constant readout with the full gradient only).
    spike_tilt : float
        ``e b . M omega/|b|^2``: what a readout of no mean has of ``M omega`` along b grows with it (eq-output-gain).
    sample : StepScalars, optional
        Those of the gradient's sample for which all of this holds; None for their expectations.
    """

    spike_strength: Any
    spike_cosine: Any
    move_variance: Any
    self_term: Any
    quadratic_step: Any
    scaled_step: Any
    gradient_noise_variance: Any
    excluded: float
    residual_moment: float
    matrix_moment: float
    gaussian_variance: float
    trace_shift: float
    b_coordinates: tuple[Any, ...]
    gradient_cosine: float
    cubic_step: Any = 0.0
    beta_cosine: Any = 0.0
    moved_output: Any = 0.0
    spike_tilt: Any = 0.0
    sample: StepScalars | None = None

    def strengths(self, u: Any) -> Any:
        """What kappa is multiplied by in the pre-activation of a neuron: ``r u (1 + tilt u)``."""
        return self.spike_strength * u * (1 + self.spike_tilt * u)

    def own_gain(self, u: Any, overlap: Any = 0.0) -> Any:
        """``1 - delta u^2 + s``: what becomes of a neuron's own weight but for M, with ``s = cubic_step u g`` for the
        overlap ``g`` (eq-self, eq-cubic).
        """
        return 1 - self.self_term * u**2 + self.cubic_step * u * overlap


def condition(problem: Problem, step: Any = None, sample: StepScalars | None = None) -> Conditioning:
    """The conditioning of a problem at its own step, or at ``step`` (complex for derivatives).

    Parameters
    ----------
    problem : Problem
    step : complex, optional
    sample : StepScalars, optional
        The averages over one sample of the gradient, instead of their expectations.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` for an uncentred activation with the full gradient: the mean of the initial output is then a
        random number of order one, on which every prediction would depend.
    """
    numbers = activation_numbers(problem.activation)
    eta = problem.step if step is None else step
    if problem.gradient == "target":
        return _target_only(problem, numbers, eta, sample)
    if problem.activation.coefficients(0)[0] != 0:
        message = "an uncentred activation with the full gradient: the mean of the initial output is random"
        raise NumericalError(Status.OUT_OF_RANGE, message)
    return _full(problem, numbers, eta, sample)


def _target_only(problem: Problem, numbers: ActivationNumbers, eta: Any, sample: StepScalars | None) -> Conditioning:
    """``b = eta c_1 beta``, ``|beta|^2 = c*_1^2 + phi_0 E y^2`` (eq-target); without a spike b^ is still along beta."""
    moment = problem.label_second_moment
    mean_signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
    energy, signal, _, across = sample or StepScalars(1.0, mean_signal, 0.0, 1.0)
    beta = (signal**2 + problem.phi_gradient * moment * energy * across) ** 0.5
    sign = -1.0 if numbers.c1 < 0 else 1.0
    alone = beta == 0.0
    # The frame has the beta of the law of M, at its expectation: the sample has ``scale`` times its orthogonal part.
    scale = (energy * across) ** 0.5
    zeros = (0.0,) * (problem.teacher.n_indices - 1)
    frame = (
        (0.0, *zeros, 1.0, 0.0)
        if alone
        else (
            sign * (signal - scale * mean_signal) / beta,
            *zeros,
            0.0,
            sign * scale / beta,
        )
    )
    return Conditioning(
        spike_strength=eta * abs(numbers.c1) * beta / problem.width**0.5,
        spike_cosine=0.0 if alone else sign * signal / beta,
        self_term=0.0,
        excluded=0.0,
        gaussian_variance=problem.noise**2,
        trace_shift=0.0,
        b_coordinates=frame,
        gradient_cosine=0.0 if alone else signal / beta,
        cubic_step=6 * numbers.c3 * eta * beta / (problem.width * problem.input_dim) ** 0.5,
        beta_cosine=sign,
        sample=sample,
        **_without_beta(problem, numbers, eta * energy**0.5, moment),
    )


def _full(problem: Problem, numbers: ActivationNumbers, eta: Any, sample: StepScalars | None) -> Conditioning:
    """``b = omega + eta c_1 beta`` with the initial output's direction omega, ``omega . beta = -c_1`` (eq-full), and
    what of ``M omega`` (eq-moved-output) is learned (eq-output-gain); the self-term delta is that of (eq-self).
    """
    output = numbers.second_moment
    self_term = eta / problem.width * numbers.self_overlap
    trace_shift = 0.0
    if problem.readout == "constant":
        # All neurons add up: the fluctuation of |x|^2 enters the output coherently, c_2 sqrt(N) (|x|^2/d - 1).
        output += 2 * numbers.c2**2 * problem.width / problem.input_dim
        trace_shift = -2 * numbers.c2 * problem.width**0.5 / problem.input_dim
        self_term += 24 * eta * numbers.c2 * numbers.c4 / problem.input_dim
    moment = problem.label_second_moment + output
    first = float(problem.teacher.coefficients(0)[0])
    # E[eps^2 (|x|^2/d - 1)]; the divisor keeps every moment below positive in few dimensions.
    with_length = 2 * first * trace_shift / (1 + 2 / problem.input_dim)
    c1, mean_signal = numbers.c1, float(np.linalg.norm(problem.teacher.linear_coefficients))
    energy, signal, along_omega, across = sample or StepScalars(1.0, mean_signal, -c1, 1.0)
    of_matrix = moment + 2 * with_length
    orthogonal = problem.phi_gradient * (moment + with_length) * energy * across
    eta_c1, scale = eta * c1, (energy * across) ** 0.5
    without_beta = _without_beta(problem, numbers, eta * energy**0.5, moment, with_length)
    matrix_mean = first + trace_shift / energy**0.5
    # omega . M omega and beta . M omega, and the part of |M omega|^2 across omega.
    correlated = -2 * problem.phi_gradient * first * c1 * scale
    by_omega, by_beta = matrix_mean, along_omega * matrix_mean + correlated
    across_omega = problem.phi_gradient * (of_matrix + 2 * c1**2)
    quadratic = without_beta["quadratic_step"]
    moved = quadratic if problem.readout == "constant" else 0.0
    gain = 1 + moved * by_omega
    # A sum of squares, because omega and eta c_1 beta may nearly cancel.
    square = (gain + eta_c1 * along_omega) ** 2 + eta_c1**2 * (signal**2 + orthogonal)
    b = (square + moved * (moved * across_omega + 2 * eta_c1 * correlated)) ** 0.5
    over_b = 1 / b if b != 0 else 0.0
    beta = (signal**2 + along_omega**2 + orthogonal) ** 0.5
    return Conditioning(
        spike_strength=b / problem.width**0.5,
        spike_cosine=eta_c1 * signal * over_b,
        self_term=self_term,
        excluded=1 / problem.width,
        gaussian_variance=problem.noise**2 + output,
        trace_shift=trace_shift / energy**0.5,
        b_coordinates=(
            eta_c1 * (signal - scale * mean_signal) * over_b,
            *(0.0,) * (problem.teacher.n_indices - 1),
            (1 + eta_c1 * (along_omega + scale * c1)) * over_b if b != 0 else 1.0,
            eta_c1 * scale * over_b,
        ),
        gradient_cosine=signal / beta if beta > 0 else 0.0,
        cubic_step=6 * numbers.c3 * eta * beta / (problem.width * problem.input_dim) ** 0.5,
        beta_cosine=(along_omega + moved * by_beta + eta_c1 * beta**2) * over_b / beta if beta > 0 else 0.0,
        moved_output=moved * over_b,
        spike_tilt=0.0 if moved else quadratic * (by_omega + eta_c1 * by_beta) * over_b**2,
        sample=sample,
        **without_beta,
    )


def _without_beta(
    problem: Problem, numbers: ActivationNumbers, eta: Any, moment: float, with_length: float = 0.0
) -> dict[str, Any]:
    """The move of a neuron without its part along beta: ``q = phi_0 (eta^2/N) E eps^2 Var sigma'`` and its split into
    the part of M and the gradient noise (eq-noise), with ``E[eps^2 (|x|^2/d - 1)]`` in both (eq-lengths).

    The residuals of a sample are taken to be ``sqrt(energy)`` times those of the law; ``eta`` contains that factor.
    """
    squares = problem.phi_gradient * eta**2 / problem.width * moment
    longer = with_length / moment if moment > 0 else 0.0
    quadratic_step = 2 * numbers.c2 * eta / problem.width**0.5
    through_matrix = 4 * numbers.c2**2 * squares * (1 + 2 * longer)
    of_noise = squares * (numbers.derivative_variance - 4 * numbers.c2**2)
    if longer:
        # To first order; noise stays positive.
        of_noise = of_noise * exp(longer * (1 + numbers.noise_by_length))
    return {
        "move_variance": through_matrix + of_noise,
        "quadratic_step": quadratic_step,
        "scaled_step": eta / problem.width**0.5,
        "gradient_noise_variance": of_noise,
        "residual_moment": moment,
        "matrix_moment": moment * (1 + 2 * longer),
    }
