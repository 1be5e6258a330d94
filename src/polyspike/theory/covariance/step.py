"""The numbers that one gradient step leaves behind on inputs of covariance Sigma (docs/theory-inputs.md, section 2)."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.problem.activations import ZERO
from polyspike.status import Status
from polyspike.theory.covariance.averages import total
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.initial_output import initial_output
from polyspike.theory.covariance.preconditioned import Reach, reach
from polyspike.theory.covariance.residuals import Residuals
from polyspike.theory.covariance.seen import linear_direction
from polyspike.theory.finite_size.conditioning import ActivationNumbers, Conditioning, StepScalars, activation_numbers
from polyspike.theory.finite_size.given_kappa.grids import Grid

__all__ = ["Step", "condition", "gains", "known_moments"]


@dataclass(frozen=True, eq=False)
class Step:
    """The conditioning, and what a covariance adds to it; L eigenvalues of Sigma.

    The frame is ``(Sigma^(1/2) beta*, ..., [Sigma^(1/2) omega], Sigma^(1/2) beta, [Sigma^(3/2) beta])``: the p
    directions of the teacher (of several, turned as in :mod:`~polyspike.theory.covariance.seen`), with the full
    gradient that of the initial output, the gradient's, and where it turns the spike (``c_3 != 0``) Sigma times that; P
    directions of which those before the gradient's are those on which the residual depends.

    Attributes
    ----------
    scalars : Conditioning
        Of a unit vector ``Sigma^(1/2) b/|Sigma^(1/2) b|``; ``move_variance`` is that of the isotropic theory times
        ``m_2``.
    frame_measures : ndarray of shape (P, P, L)
        The spectral measures of Sigma between the directions of the frame (eq-frame-measures).
    known : ndarray of shape (1 + p, P)
        b^ and the e^_k in the frame.
    mean_gradient : ndarray of shape (p,) or (p + 1,)
        The coordinates of ``E[eps x]`` in the frame: those of ``c*_1``, and ``-c_1``.
    coherent : float
        The mean of M, over Sigma^2, that a constant readout leaves with the full gradient; else 0.
    lean : float
        The cosine of beta with ``Sigma beta*``.
    explained : float
        The part of ``E eps`` that a preconditioned step regresses on the samples of M, which know nothing of it then:
        the mean of M, over ``Sigma A``, is this and ``E eps`` less this. Zero in a plain step.
    matrix_noise : float
        ``phi_0 E (eps - explained)^2``, the second moment of M beyond its mean, and ``2 phi_0 L`` where residuals know
        lengths (eq-inputs-lengths).
    spike_cosine : float
        Of b with beta*, as vectors; that of the scalars is the correlation of ``b.x`` with ``x . beta*``.
    across : float
        The square of beta's part that is no mean, over what ``phi_gradient`` says: one but for single samples of the
        gradient and for preconditioned steps.
    reach : ndarray of shape (L,)
        What the gradient does to a pre-activation along every eigendirection: lambda, but for preconditioned steps.
    phi_gradient : float
        ``d/n_0`` with which the noise of the gradient's samples counts; larger in a preconditioned step.
    length : float
        ``|beta|``, as a vector of the inputs' space.
    turn : float
        The share of ``(Sigma - 1) beta`` in b, the mean of the neurons' moves along themselves.
    noise_of_gradient : ndarray of shape (L,)
        The spectral measure of ``xi = Sigma^(-1/2) (beta - E beta)``.
    """

    scalars: Conditioning
    frame_measures: Array
    known: Array
    mean_gradient: Array
    coherent: float
    explained: float
    lean: float
    matrix_noise: float
    spike_cosine: float
    across: float
    reach: Array
    phi_gradient: float
    length: float
    turn: float
    noise_of_gradient: Array

    @property
    def place(self) -> int:
        """Of ``Sigma^(1/2) beta`` in the frame."""
        return len(self.mean_gradient)

    @property
    def has_own_moves(self) -> bool:
        """Whether weights move along ``Sigma w``, so that the frame has one direction more."""
        return len(self.frame_measures) > self.place + 1

    def stronger(self, by: float) -> "Step":
        """With so many times the strength r of the spike, and all else as it is."""
        return replace(self, scalars=replace(self.scalars, spike_strength=by * self.scalars.spike_strength))

    @cached_property
    def sampled_measures(self) -> Any:
        """Between the frame and the directions of which a sample of the gradient knows something: those on which its
        residual depends, and xi; shape (P, count + 1, L).
        """
        count, of_noise = self.place, self.noise_of_gradient * self.reach
        out = np.zeros((len(self.frame_measures), count + 1, len(self.reach)))
        out[:, :count] = self.frame_measures[:, :count]
        out[count, count] = of_noise
        if self.has_own_moves:
            out[count + 1, count] = of_noise * self.reach
        return out

    @cached_property
    def measures_of_samples(self) -> Any:
        """Between these directions, shape (count + 1, count + 1, L)."""
        count = self.place
        out = np.zeros((count + 1, count + 1, len(self.reach)))
        out[:count, :count] = self.frame_measures[:count, :count]
        out[count, count] = self.noise_of_gradient
        return out

    @cached_property
    def direction_measures(self) -> Any:
        """Spectral measures of Sigma between b^ and the e^_k, shape (1 + p, 1 + p, L)."""
        return total(self.known, total(self.known, self.frame_measures).swapaxes(0, 1)).swapaxes(0, 1)


class _Means(NamedTuple):
    """The mean of the gradient: along beta*, and along omega with the full gradient."""

    signal: float
    output: float | None


def condition(problem: Problem, spectrum: Eigenvalues, sample: StepScalars | None = None) -> Step:
    """The step of a problem whose inputs have this spectrum (eq-frame-measures, eq-spike-strength).

    ``sample`` has the averages over one sample of the gradient, which then replace their expectations. Its residuals
    are taken to be ``sqrt(energy)`` times those of the law, and the step contains that factor.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` for an uncentred activation with the full gradient.
    """
    _check_centred(problem)
    numbers, full = activation_numbers(problem.activation), problem.gradient == "full"
    goes, output = reach(problem, spectrum), initial_output(problem, spectrum)
    phi_gradient, moment = problem.phi_gradient * goes.inflation, problem.label_second_moment + output.variance
    energy, seen, along_omega, across = sample or _expected(problem, numbers)
    unit, indices = energy**0.5, problem.teacher.n_indices
    means = _Means(seen / (unit or 1.0), along_omega / (unit or 1.0) if full else None)
    mean_gradient = np.array([*(means.signal * linear_direction(problem)), *([means.output] if full else [])])
    eta, e = unit * problem.step, 2 * numbers.c2 * unit * problem.step / problem.width**0.5
    noise_of_beta = _noise_of_beta(spectrum, goes, mean_gradient, moment, output.with_length) * across
    spread, share = problem.phi_gradient * noise_of_beta, _turning_share(problem, numbers)
    frame = _frame_measures(spectrum, goes, mean_gradient, spread)
    measures, b = _spike(spectrum, frame, indices, eta * numbers.c1, full, share)
    gram = measures.sum(axis=2)
    length = float(b @ gram @ b) ** 0.5
    known = _known_directions(b / length if length > 0 else 0 * b, gram, indices)
    # Without a spike of its own b^ is still along beta.
    strength = length / problem.width**0.5 if full or eta * numbers.c1 != 0 else 0.0
    explained, of_matrix = _explained(problem, spectrum, goes, moment + 2 * output.with_length)
    in_input_space = _in_input_space(spectrum, goes, means, spread)
    noise = phi_gradient * eta**2 / problem.width * output.noise_moment(moment, numbers)
    coherent, own = output.coherent / (unit or 1.0), phi_gradient * across**0.5
    moved = _moved_output(spectrum, goes, means, (_mean(problem) / (unit or 1.0), coherent), (eta * numbers.c1, own))
    scalars = Conditioning(
        spike_strength=strength,
        spike_cosine=float(known[0] @ gram[:, 0]),
        move_variance=(noise + e**2 * phi_gradient * of_matrix) * float(spectrum.weights @ goes.along**2),
        self_term=output.self_term,
        quadratic_step=e,
        scaled_step=eta / problem.width**0.5,
        gradient_noise_variance=max(noise, 0.0),
        excluded=1 / problem.width if full else 0.0,
        residual_moment=moment,
        matrix_moment=moment,
        gaussian_variance=problem.noise**2 + output.variance,
        trace_shift=0.0,
        sample=sample,
        b_coordinates=tuple(known[0]),
        gradient_cosine=_gradient_cosine(*in_input_space),
        cubic_step=6 * numbers.c3 * eta * (in_input_space[1] / (problem.width * problem.input_dim)) ** 0.5,
        spike_tilt=e * moved / length**2 if length > 0 else 0.0,
    )
    return Step(
        scalars=scalars,
        frame_measures=measures,
        known=known,
        mean_gradient=mean_gradient,
        coherent=coherent,
        explained=explained,
        lean=_lean(spectrum, goes, means, in_input_space[1]),
        matrix_noise=phi_gradient * of_matrix,
        spike_cosine=_spike_cosine(spectrum, goes, means, in_input_space, eta * numbers.c1),
        across=noise_of_beta / (moment * goes.inflation or 1.0),
        reach=goes.along,
        phi_gradient=phi_gradient,
        length=in_input_space[1] ** 0.5,
        turn=share * eta * numbers.c1,
        noise_of_gradient=spread * spectrum.weights,
    )


def _noise_of_beta(spectrum: Eigenvalues, goes: Reach, mean: Array, moment: float, with_length: float) -> float:
    """The energy of the noise of beta, of residuals that know the lengths (eq-inputs-lengths)."""
    return goes.noise(moment, mean, _inner_measures(spectrum, len(mean))) + goes.inflation * with_length


def _expected(problem: Problem, numbers: ActivationNumbers) -> StepScalars:
    """Where no sample is given."""
    return StepScalars(1.0, float(np.linalg.norm(problem.teacher.linear_coefficients)), -numbers.c1, 1.0)


def _mean(problem: Problem) -> float:
    """Of the label."""
    return float(problem.teacher.coefficients(0)[0])


def _explained(problem: Problem, spectrum: Eigenvalues, goes: Reach, moment: float) -> tuple[float, float]:
    """What of ``E eps`` the regression explains, and ``E (eps - explained)^2`` (eq-preconditioned-mean)."""
    mean = _mean(problem)
    explained = mean * (1 - goes.missed_of_own(spectrum))
    return explained, moment - (2 * mean - explained) * explained


def _check_centred(problem: Problem) -> None:
    """Refuse an uncentred activation with the full gradient."""
    if problem.gradient == "full" and problem.activation.coefficients(0)[0] != 0:
        message = "an uncentred activation with the full gradient: the mean of the initial output is random"
        raise NumericalError(Status.OUT_OF_RANGE, message)


def _inner_measures(spectrum: Eigenvalues, count: int) -> Array:
    """The measures between the directions on which the residual depends, shape (count, count, L)."""
    p = len(spectrum.between)
    out = np.zeros((count, count, len(spectrum.values)))
    out[:p, :p] = spectrum.between
    if count > p:
        out[p, p] = spectrum.values * spectrum.weights
    return out


def _frame_measures(spectrum: Eigenvalues, goes: Reach, mean: Array, noise: float) -> Array:
    """The measures of (eq-frame-measures); ``Sigma^(1/2) beta`` is the reach times the mean in the frame, and noise of
    covariance ``noise reach^2/d``.
    """
    count = len(mean)
    out = np.zeros((count + 1, count + 1, len(spectrum.values)))
    out[:count, :count] = _inner_measures(spectrum, count)
    along = total(mean, out[:count, :count])
    out[count, :count] = out[:count, count] = goes.along * along
    out[count, count] = goes.along**2 * (mean @ along + noise * spectrum.weights)
    return out


def _moved_output(
    spectrum: Eigenvalues, goes: Reach, mean: _Means, of_matrix: tuple[float, float], gradient: tuple[float, float]
) -> float:
    """``b . M omega`` in the coordinates of the frame (eq-inputs-output-gain), for the mean of eps and what the output
    leaves of M, and for ``eta c_1`` and the share ``d/n_0`` of a sample in its own move.
    """
    if mean.output is None:
        return 0.0
    (first, coherent), (eta_c1, own), along = of_matrix, gradient, goes.along
    reached = spectrum.weights * spectrum.values * along * (first + coherent * spectrum.values)
    # What the regression of a preconditioned step explains of both is no noise of its sample.
    in_common = own * first * (1 + goes.missed_of_own(spectrum) ** 2) * (spectrum.weights @ along**2)
    by_beta = mean.output * float(reached @ along + in_common)
    return float(reached.sum()) + eta_c1 * by_beta


def _turning_share(problem: Problem, numbers: ActivationNumbers) -> float:
    """``6 c_3/(c_1 d)``; zero where c_3 is rounding, without a spike, and for preconditioned steps."""
    moves = abs(numbers.c3) > ZERO * abs(numbers.c1) > 0 and problem.precondition is None
    return 6 * numbers.c3 / numbers.c1 / problem.input_dim if moves else 0.0


def _spike(
    spectrum: Eigenvalues, measures: Array, p: int, eta_c1: float, full: bool, share: float
) -> tuple[Array, Array]:
    """The frame, and ``b = [omega +] eta c_1 beta`` in it; without either b is along beta."""
    b = np.array([*[0.0] * p, 1.0, eta_c1] if full else [*[0.0] * p, eta_c1 or 1.0])
    return (measures, b) if share == 0 else _turned(spectrum, measures, b, share, p)


def _turned(spectrum: Eigenvalues, measures: Array, b: Array, share: float, p: int) -> tuple[Array, Array]:
    """The frame with ``Sigma^(3/2) beta`` after ``Sigma^(1/2) beta``, and ``b = [omega +] y beta`` in it with
    ``y share (Sigma - 1) beta`` (eq-inputs-turn), less its parts along all but the first of p indices: b stays
    orthogonal to those.
    """
    added = np.concatenate([measures[-1] * spectrum.values, measures[-1, -1:] * spectrum.values**2])
    out = np.concatenate([measures, added[None, :-1]])
    turn = share * b[-1]
    moved = np.array([*b[:-1], b[-1] - turn, turn])
    moved[1:p] = -turn * (measures[1:p, -1] @ (spectrum.values - 1))
    return np.concatenate([out, added[:, None]], axis=1), moved


def _known_directions(b: Array, gram: Array, p: int) -> Array:
    """b^, ``e^ = (Sigma^(1/2) beta* - rho b^)/sqrt(1 - rho^2)`` of the first of p indices, and the others, in the
    frame.
    """
    rho = float(b @ gram[:, 0])
    teacher = np.eye(len(b))[:p]
    rest = max(1 - rho**2, 0.0) ** 0.5
    return np.stack([b, (teacher[0] - rho * b) / rest if rest > 0 else 0 * b, *teacher[1:]])


def _in_input_space(spectrum: Eigenvalues, goes: Reach, mean: _Means, noise: float) -> tuple[float, float]:
    """``beta . beta*`` over ``|beta*|`` and ``|beta|^2``, in the coordinates of the inputs themselves
    (eq-preconditioned-cosine).
    """
    teacher_length = spectrum.teacher_inverse**0.5
    own = goes.over * goes.along
    square = mean.signal**2 * float(spectrum.teacher @ own) + noise * float(spectrum.weights @ own)
    if mean.output is not None:
        square += mean.output**2 * float(spectrum.weights @ goes.along**2)
    return mean.signal * float(spectrum.teacher @ goes.over) / teacher_length, square


def _gradient_cosine(along: float, square: float) -> float:
    """``cos(beta, beta*)``: ``beta* . Sigma beta* = 1`` and ``|beta*|^2 = <1/lambda>`` (eq-gradient-cosine)."""
    return along / square**0.5 if square > 0 else 0.0


def _spike_cosine(
    spectrum: Eigenvalues, goes: Reach, mean: _Means, in_input_space: tuple[float, float], eta_c1: float
) -> float:
    """``cos(b, beta*)`` of ``b = [omega +] eta c_1 beta``, ``omega . beta = -c_1`` (eq-gradient-cosine)."""
    along, square = in_input_space
    of_output = float(spectrum.weights @ goes.along)
    length = eta_c1**2 * square + (0.0 if mean.output is None else 1 + 2 * eta_c1 * mean.output * of_output)
    return eta_c1 * along / length**0.5 if length > 0 else 0.0


def _lean(spectrum: Eigenvalues, goes: Reach, mean: _Means, square: float) -> float:
    """``cos(beta, Sigma beta*)``: ``|Sigma beta*|^2 = <lambda>`` (eq-gradient-cosine)."""
    along = mean.signal * float(spectrum.teacher @ goes.along)
    return along / (square * spectrum.teacher_moment(1)) ** 0.5 if square > 0 else 0.0


def gains(step: Step, spectrum: Eigenvalues, grid: Grid) -> Any:
    """``gain_u = 1 - delta u^2 A + s A + e u (coherent lambda + explained) A`` with ``s = cubic_step u g`` for the
    overlap g (eq-gain, eq-inputs-own-move), shape (L, A).

    Where g is no number of a neuron, or not in whole, the root mean square of ``1 + s lambda`` stands for it, over that
    for isotropic inputs.
    """
    values, scalars, along, u = spectrum.values[:, None], step.scalars, step.reach[:, None], grid.u
    own = (scalars.cubic_step * u * grid.moving_overlap - scalars.self_term * u**2) * along
    known = 1 + own + scalars.quadratic_step * u * (step.coherent * values + step.explained) * along
    if not step.has_own_moves:
        return known
    share = grid.overlap_share if np.ndim(grid.overlap) else 0.0
    square = (1 - share**2) * (scalars.cubic_step * u) ** 2
    return known * np.sqrt((1 + square * along**2) / (1 + square))


def known_moments(step: Step, spectrum: Eigenvalues, law: Residuals, gain: Any, u: Array) -> Any:
    """``s_ij(u)``, the second moments of ``Sigma^(1/2) w`` along b^ and the e^_k (eq-known-moments), shape
    (A, 1 + p, 1 + p).

    M and the noise's covariance C stand at their means given the gradient, and M beyond at its second moment.
    """
    measures, scalars, inner = step.frame_measures, step.scalars, step.sampled_measures
    values, along = spectrum.values, step.reach
    e_u, q = scalars.quadratic_step * u, scalars.gradient_noise_variance * u**2
    own = (measures * values @ gain**2).transpose(2, 0, 1)
    seen = inner @ along
    plain, of_noise = measures @ along**2, seen @ law.given_gradient(law.eps**2) @ seen.T / (law.energy or 1.0)
    noise = q[:, None, None] * (plain + of_noise)
    if scalars.quadratic_step == 0:
        return step.known @ (own + noise) @ step.known.T
    of_matrix = step.matrix_noise * plain + step.phi_gradient * (seen @ law.matrix_spread @ seen.T)
    noise = noise + (e_u**2)[:, None, None] * of_matrix
    more = law.given_gradient(law.of_matrix)
    with_gain = (inner * values @ gain).transpose(2, 0, 1)
    once = law.mean * (measures * values * along @ gain).transpose(2, 0, 1) + with_gain @ more @ seen.T
    twice = inner @ (values * along) @ more @ seen.T
    square = law.mean**2 * (measures @ (values * along**2)) + law.mean * (twice + twice.T)
    square = square + seen @ more @ (step.measures_of_samples @ values) @ more @ seen.T
    crossed = e_u[:, None, None] * (once + np.swapaxes(once, 1, 2))
    in_frame = own + crossed + (e_u**2)[:, None, None] * square + noise
    return step.known @ in_frame @ step.known.T
