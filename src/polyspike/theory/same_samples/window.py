"""The limit inside a window of step sizes with reused samples (docs/theory-same-data.md, section 8).

The bulk is that of random features at initialisation; the spikes are unpenalised functions of (kappa, eps). The label
is an ingredient of the first, ``p_1 = c_1 g kappa + phi E[sigma'^2] eps``, more by ``Var sigma'`` than through beta.
"""

from math import sqrt

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.hermite import gaussian_rule
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.finite_size.given_kappa.grids import trapezoid
from polyspike.theory.limits.errors import (
    LearnedDirection,
    check_limit,
    features_of,
    learned_direction,
    limit_notes,
    spike_degrees,
)
from polyspike.theory.same_samples.fit import Columns, Fit, FreshSamples
from polyspike.theory.same_samples.fixed_point import solve_pencil
from polyspike.theory.same_samples.forms import FitErrors, fit_errors
from polyspike.theory.same_samples.fresh_law import fresh_law
from polyspike.theory.same_samples.pencil import Neurons, SamplePopulation
from polyspike.theory.same_samples.predict import check_domain
from polyspike.theory.same_samples.sample_law import Rules, SampleLaw, sample_law
from polyspike.theory.same_samples.spike_frame import SpikeFrame

__all__ = ["closed_train_loss", "predict_window_same"]

_LARGEST_WINDOW = 2
_RULES = Rules(30, 30, 60, 30, negligible=0.0)
_KAPPA = (0.3, 9.0)
# The cost of a spike that is not penalised, and the shift of the min-norm limit.
_FREE = 10**30
_LEAST_SHIFT = 1e-12


def predict_window_same(problem: Problem, window: int | None = None) -> Prediction:
    """Limiting errors of reused samples in the window of the problem's step, or for a given number of spikes.

    Parameters
    ----------
    problem : Problem
        With ``samples="same"``.
    window : int, optional
        l, by default that of the step; up to 1, and 2 for activations without kinks.

    Returns
    -------
    Prediction
        Method "window".

    Raises
    ------
    ArgumentError
        Samples that are the same in part; ``alpha = 1/2`` or an edge, where ``window`` must be given; a window beyond
        those known; the full gradient with a constant readout.
    """
    if not problem.one_sample:
        remedy = f"the limit is of one sample for both stages, of {problem.n_samples}; use method='finite-size'"
        name = "n_gradient" if problem.overlap is None else "overlap"
        raise ArgumentError(name, getattr(problem, name), remedy)
    given = check_limit(problem, window)
    chosen = problem.window if given is None else given
    if chosen is None:
        remedy = "no single window applies at this step; give window=, or use method='finite-size'"
        raise ArgumentError("step_exponent", problem.exponent, remedy)
    degrees = spike_degrees(problem, chosen)
    _check_window(problem, chosen, degrees)
    check_domain(problem)
    with within_double_precision():
        found, learned = _errors(problem, degrees), learned_direction(problem)
    null = problem.label_second_moment
    return Prediction(
        problem=problem,
        method="window",
        train_loss=found.train_loss,
        train_error=found.train_error,
        test_error=found.test_error,
        cosine=learned.cosine,
        spike_cosine=learned.cosine,
        spike_strength=problem.step * problem.activation.linear_strength**0.5 * learned.norm / problem.width**0.5,
        regime=f"n, d, N -> infinity at fixed ratios, one sample for both stages, window {chosen} of the step",
        null_error=null,
        linear_error=null - float(np.sum(problem.teacher.linear_coefficients**2)),
        window=chosen,
        notes=limit_notes(problem, chosen, degrees),
        extras={"Q": learned.noise_ratio, "leave_one_out": found.leave_one_out},
    )


def _check_window(problem: Problem, window: int, degrees: tuple[int, ...]) -> None:
    # An activation without a cubic part has no spike more in the third window, but the finite-size theory leaves the
    # limit of the second one there.
    if window > _LARGEST_WINDOW or (max(degrees, default=0) > 1 and problem.activation.kinks):
        remedy = "spikes of this degree are not known for samples='same'; use method='finite-size', or a smaller window"
        raise ArgumentError("window", window, remedy)


def _errors(problem: Problem, degrees: tuple[int, ...]) -> FitErrors:
    frame, learned = _frame(problem), learned_direction(problem)
    law = sample_law(problem, frame, _RULES)
    functions = np.stack([_of_samples(problem, k, frame, law) for k in degrees], axis=-1) if degrees else None
    kappa, weights = trapezoid(*_KAPPA)
    tests = np.stack([_of_fresh(problem, k, frame, learned, kappa) for k in degrees], axis=-1) if degrees else None
    # A node of the readouts more for every spike: the bulk is the same for all.
    count = max(len(degrees), 1)
    c1, noise = float(activation_numbers(problem.activation).c1), problem.activation.residual_strength
    shape = (*law.weights.shape, count)
    bulk = SamplePopulation(
        law.weights,
        0 * law.residual,
        np.full((*law.weights.shape, 1), c1),
        np.zeros((*law.weights.shape, 0)),
        np.zeros(shape),
        np.full(shape, noise),
    )
    neurons = Neurons(
        np.full(count, 1 / count),
        np.ones((count, 1)),
        np.zeros((count, 0)),
        0.0,
        np.zeros((0, 1)),
        problem.n_samples / problem.input_dim,
        problem.n_samples / problem.width,
        1.0,
    )
    shift = problem.ridge * problem.n_samples / problem.width or _LEAST_SHIFT * problem.activation.second_moment
    state = solve_pencil(neurons, [bulk], shift).state
    # The bulk does not see eps, the constraint of the samples does.
    population = SamplePopulation(bulk.weights, law.residual, bulk.along_w, bulk.along_t, bulk.own, bulk.noise)
    fit = Fit(
        neurons=neurons,
        populations=(population,),
        columns=(Columns(np.zeros(shape) if functions is None else functions, None, law.first, law.second),),
        fresh=FreshSamples(
            weights=weights,
            seen=np.full((len(kappa), 1), c1),
            noise=np.full((len(kappa), count), noise),
            learned=np.zeros((len(kappa), count)) if tests is None else tests,
            **fresh_law(problem, frame, kappa)._asdict(),
        ),
        mean_weights=None,
        output_energy=0.0,
        n_samples=_FREE,
    )
    return fit_errors(fit, state, shift)


def _frame(problem: Problem) -> SpikeFrame:
    """The direction of ``c_1 beta``, and ``g = |c_1 beta|`` as its strength."""
    c1 = activation_numbers(problem.activation).c1
    learned = learned_direction(problem)
    signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
    own = -c1 if problem.gradient == "full" else 0.0
    noise = sqrt(problem.phi_gradient * learned.residual_energy)
    side = -1.0 if c1 < 0 else 1.0
    share = sqrt(problem.phi_gradient / learned.residual_energy) if learned.residual_energy > 0 else 0.0
    return SpikeFrame(side * np.array([signal, own, noise]) / learned.norm, abs(c1) * learned.norm, share)


def _of_samples(problem: Problem, k: int, frame: SpikeFrame, law: SampleLaw) -> Array:
    """``p_k = E sigma^(k)(z) (g kappa + sqrt(phi E eps^2 Var sigma') xi + phi eps sigma'(z))^k / k!`` for k = 1 and 2,
    with ``E sigma'' sigma'^j = E z sigma'^(j+1) / (j+1)`` (eq-same-spikes).
    """
    activation, phi = problem.activation, problem.phi_gradient
    z, w = gaussian_rule(activation.smoothness.corners)
    slope = activation.derivative(z)
    along, own = frame.strength * law.kappa, phi * law.residual[:, None]
    if k == 1:
        return np.asarray((w @ slope) * along + (w @ slope**2) * own)
    bends = [float(w @ (z * slope ** (j + 1))) / (j + 1) for j in range(3)]
    noise = phi * learned_direction(problem).residual_energy * activation.derivative_variance
    return np.asarray((bends[0] * (along**2 + noise) + 2 * bends[1] * own * along + bends[2] * own**2) / 2)


def _of_fresh(problem: Problem, k: int, frame: SpikeFrame, learned: LearnedDirection, kappa: Array) -> Array:
    """``c_k g^k P_k(kappa)`` for k = 1 and 2."""
    c = float(problem.activation.coefficients(k)[k]) * frame.strength**k
    return c * kappa if k == 1 else c * (kappa**2 + learned.noise_ratio)


def closed_train_loss(problem: Problem) -> float:
    """The train loss of the first window in closed form, target-only gradient (eq-same-window)."""
    activation, phi, gamma = problem.activation, problem.phi, problem.ridge * problem.n_samples / problem.width
    c1sq, cg, v = activation.linear_strength, activation.residual_strength, activation.derivative_variance
    zeta, r = _bulk(c1sq, cg, problem)
    signal = float(np.sum(problem.teacher.linear_coefficients**2))
    energy = problem.label_second_moment
    d = gamma + zeta * cg
    delta = phi / (zeta * c1sq)
    f = signal * r / (1 + c1sq * zeta * r / phi) + (energy - signal) * r
    e = energy - d * f
    beta = signal + phi * energy
    above = (c1sq * delta * e + phi * v * f) ** 2
    below = c1sq**2 * delta * (beta - delta * d * e) + 2 * c1sq * phi * v * delta * e + (phi * v) ** 2 * f
    return float(gamma * (f - above / below))


def _bulk(c1sq: float, cg: float, problem: Problem) -> tuple[float, float]:
    """The zeta and the R of the features at initialisation."""
    features = features_of(problem)
    r = features.trace * problem.width / problem.n_samples
    gamma = problem.ridge * problem.n_samples / problem.width
    # The fixed point at step 0: 1/R = gamma + zeta (C_g + C_1 tau).
    return (1 / r - gamma) / (cg + c1sq * features.ratio), r
