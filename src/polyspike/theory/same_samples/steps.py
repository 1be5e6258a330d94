"""The step, the readouts and how finely all is resolved (docs/theory-same-data.md, section 10)."""

from functools import lru_cache
from math import ceil, sqrt
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite
from polyspike.problem import Activation, Problem
from polyspike.theory.finite_size.conditioning import ActivationNumbers, activation_numbers, condition
from polyspike.theory.finite_size.given_kappa.norm_fluctuations import norms
from polyspike.theory.same_samples.features import is_odd
from polyspike.theory.same_samples.readout_rule import readout_rule
from polyspike.theory.same_samples.residual import (
    energy_with_norm,
    label_stretch,
    mean_stretch,
    own_loss,
    residual_energy,
)
from polyspike.theory.same_samples.sample_law import Rules
from polyspike.theory.same_samples.spike_frame import SpikeFrame, spike_frame
from polyspike.theory.same_samples.step_numbers import StepNumbers
from polyspike.theory.same_samples.teacher_nodes import is_wild

__all__ = ["STANDARD", "Accuracy", "Step", "readout_nodes", "readouts_of", "rules_of", "step_of"]

# The scale 1/r of the readouts is resolved no finer than this strength asks for; a sample's own share of the move
# counts at so many standard deviations of its residual.
_LEAST_STRENGTH = 0.3
_OWN, _OWN_OF_KINKS = 3.0, 6.0
# The scale of the rule for normal readouts, and its nodes, by how much an activation bends at large pre-activations;
# residuals with long tails take a neuron further, by the first share, for an odd activation of a mean square slope
# above the second number that bends less than the third (not for a sine).
_SCALE, _SCALE_OF_BENDS = 0.5, 0.4
_SHARE_OF_WILD, _STEEP, _BENT = 0.6, 0.25, 0.75
_READOUTS, _READOUTS_OF_BENDS, _MOST_READOUTS = 6, 5.0, 10
# Where neurons are turned round: the exponent that a rule must reach, and the most nodes.
_DIGITS_OF_LENGTH, _MOST_READOUTS_OF_LENGTH = 6.4, 30
_LARGE, _NODES_OF_LARGE = 3.0, 100
# Nodes of the residual and of kappa beyond the least. Labels beyond this degree take more of the former, and a finer
# law.
_MOST_RESIDUALS, _MOST_KAPPA = 18, 40
_WILD_EXTRA, _LEAST_WILD, _WILD_TEACHER = 4, 28, 100


class Accuracy(NamedTuple):
    """How fine the quadrature is.

    Attributes
    ----------
    rules : Rules, optional
        Of a sample; chosen by the step when None.
    readouts : int, optional
        Nodes on either side of u = 0, for a normal readout; chosen by the step when None.
    cut : float, optional
        Singular values of the features' factors below this share of the largest are left out; errors move by its
        square.
    ranks : tuple of int, optional
        Numbers of factors along w and along t, in place of the cut.
    """

    rules: Rules | None = None
    readouts: int | None = None
    cut: float | None = None
    ranks: tuple[int, int] | None = None


STANDARD = Accuracy()
"""About 1e-7 in the errors with readouts of one size, 1e-6 with normal ones, 1e-4 with those and ``c_2 != 0``."""


class Step(NamedTuple):
    """The step, the readouts and the deviations of fresh pre-activations.

    Attributes
    ----------
    problem : Problem
    numbers : ActivationNumbers
    noise_energy : float
        ``v_h = E h^2``.
    scaled : float
        ``eta / sqrt(N)``.
    of_sample : StepNumbers
    frame : SpikeFrame
    u, u_weights : ndarray of shape (A,)
        Those from 0 only where the activation is odd: a neuron of readout -u then is one of u, mirrored.
    tau : ndarray of shape (A,)
        The deviation of a fresh pre-activation.
    norm_covariance : ndarray of shape (A, A)
        Of its logarithm over samples: 1/(2d) of their norms, and more as M makes some of their directions longer.
    """

    problem: Problem
    numbers: ActivationNumbers
    noise_energy: float
    scaled: float
    of_sample: StepNumbers
    frame: SpikeFrame
    u: Array
    u_weights: Array
    tau: Array
    norm_covariance: Array

    @property
    def kept(self) -> Any:
        """What is left of a weight but for its move t, which has its stretch by the mean of the label (A,)."""
        return 1 + self.u * (self.of_sample.stretch - label_stretch(self.problem))

    @property
    def along_t(self) -> Array:
        """``eta u / sqrt(N)``."""
        return self.scaled * self.u

    @property
    def root(self) -> Array:
        """``sqrt(w_a)``."""
        return np.sqrt(self.u_weights)


def rules_of(problem: Problem) -> Rules:
    """Nodes for 1e-7 in the errors: the further the spike, and a sample's own share of the move, take a pre-activation
    in periods of the activation, the more. With labels of degree three and more, whose residuals have no law that
    polynomials resolve well, it is 2e-4.
    """
    activation, teacher = problem.activation, problem.teacher
    periods = sqrt(_slope_energy(activation) / activation.second_moment)
    spike = spike_frame(problem).strength * periods
    own = problem.step / sqrt(problem.width) * problem.phi_gradient * sqrt(residual_energy(problem)) * periods
    residual, kappa = 10 + min(ceil(14 * own), _MOST_RESIDUALS), 8 + min(ceil(32 * spike), _MOST_KAPPA)
    if not is_wild(teacher):
        return Rules(residual, kappa)
    nodes = Rules(max(residual + _WILD_EXTRA, _LEAST_WILD), kappa)
    return nodes._replace(teacher=_WILD_TEACHER) if teacher.n_indices == 1 else nodes


def readouts_of(problem: Problem) -> int:
    """Nodes on either side of u = 0 for a normal readout: the more, the further a move of the learned direction's or
    the sample's own takes an activation that bends at large pre-activations, too, and the more, the sharper the minimum
    of the length of neurons that the mean of the label turns round.
    """
    bends = _bends_at_large(problem.activation) * _strength(problem)
    found = min(_READOUTS + round(_READOUTS_OF_BENDS * bends**2), _MOST_READOUTS)
    stretch, move_variance = _stretch_and_move(problem)
    zero = (-stretch + 1j * sqrt(move_variance)) / (stretch**2 + move_variance) if stretch or move_variance else 1j
    if abs(zero.real) <= zero.imag:
        return found
    # The rule is Gauss's in t: its error falls with the ellipse about [-1, 1] on which that zero of tau^2 lies.
    t = zero / (_scale(problem) + np.sqrt(_scale(problem) ** 2 + zero**2))
    digits = _DIGITS_OF_LENGTH - zero.real**2 / 2
    return max(found, min(ceil(digits / (4 * abs(np.arccos(t).imag))), _MOST_READOUTS_OF_LENGTH))


def _strength(problem: Problem) -> float:
    """How far a move takes the pre-activation of a neuron with u = 1, in its deviations."""
    frame, energy = spike_frame(problem), residual_energy(problem)
    deviations = _OWN_OF_KINKS if problem.activation.kinks else _OWN
    scaled = problem.step / sqrt(problem.width)
    noise = sqrt(problem.phi_gradient * energy * problem.activation.derivative_variance)
    own = deviations * problem.phi_gradient * sqrt(energy)
    return max(frame.strength, scaled * noise, scaled * own)


def _slope_energy(activation: Activation) -> float:
    """``E sigma'^2``."""
    return activation.derivative_variance + activation.linear_strength


def _saturates(activation: Activation) -> bool:
    return is_odd(activation) and _slope_energy(activation) > _STEEP and _bends_at_large(activation) < _BENT


@lru_cache(maxsize=64)
def _bends_at_large(activation: Activation) -> float:
    """``sqrt(E sigma'^2 / E sigma^2)`` under a normal law of three times the deviation."""
    z, weights = gauss_hermite(_NODES_OF_LARGE)
    slope, value = activation.derivative(_LARGE * z), activation(_LARGE * z)
    return sqrt(float(weights @ slope**2) / float(weights @ value**2))


def step_of(problem: Problem, readouts: int | None = None) -> Step:
    """The step of a problem, with so many ``readouts`` on either side of zero where they are normal."""
    return _step_of(problem, readouts)


@lru_cache(maxsize=1)
def _step_of(problem: Problem, readouts: int | None) -> Step:
    numbers = activation_numbers(problem.activation)
    variance = problem.activation.derivative_variance
    scaled = problem.step / sqrt(problem.width)
    frame = spike_frame(problem)
    stretch, q = _stretch_and_move(problem)
    gain, loss = scaled * problem.phi_gradient, own_loss(problem)
    of_sample = StepNumbers(frame.strength, gain, q, stretch - loss, numbers.c1, numbers.c2, numbers.c3, loss)
    u, weights = readout_nodes(problem, readouts)
    if problem.readout != "constant" and is_odd(problem.activation):
        u, weights = u[u > 0], 2 * weights[u > 0]
    tau = np.sqrt((1 + u * of_sample.stretch) ** 2 + q * u**2)
    noise_energy = max(variance - 4 * numbers.c2**2, 0.0)
    covariance = norms(problem, condition(problem), u, tau, None).sample_covariance
    return Step(problem, numbers, noise_energy, scaled, of_sample, frame, u, weights, tau, covariance)


def readout_nodes(problem: Problem, half: int | None = None) -> tuple[Array, Array]:
    """Nodes and weights of u, with so many on either side of zero where readouts are normal."""
    if problem.readout == "rademacher":
        return np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    if problem.readout == "constant":
        return np.array([1.0]), np.array([1.0])
    return readout_rule(_scale(problem), half or readouts_of(problem))


def _scale(problem: Problem) -> float:
    """The scale of u on which a move bends a feature."""
    scale = _SCALE + _SCALE_OF_BENDS * _bends_at_large(problem.activation)
    if is_wild(problem.teacher) and _saturates(problem.activation):
        scale *= _SHARE_OF_WILD
    return scale / max(_strength(problem), _LEAST_STRENGTH)


def _stretch_and_move(problem: Problem) -> tuple[float, float]:
    """What the mean of the label makes of a weight of u = 1, and the variance that its move adds."""
    scaled = problem.step / sqrt(problem.width)
    energy = energy_with_norm(problem) * problem.activation.derivative_variance
    return mean_stretch(problem), problem.phi_gradient * scaled**2 * energy
