"""From a problem to its pencil and its form: read :func:`build` from top to bottom."""

from dataclasses import dataclass, replace
from math import sqrt
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers, condition
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages, activation_averages
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.given_kappa.norm_fluctuations import norms
from polyspike.theory.same_samples.features import TrainingFeatures, training_features
from polyspike.theory.same_samples.fit import Columns, Fit, FreshSamples, PairFunctions
from polyspike.theory.same_samples.fresh_law import fresh_law
from polyspike.theory.same_samples.pairs import own_moves, pair_functions
from polyspike.theory.same_samples.pencil import Neurons, SamplePopulation
from polyspike.theory.same_samples.reach import within_reach
from polyspike.theory.same_samples.sample_law import Rules, SampleLaw, SpikeFrame, residual_energy, sample_law
from polyspike.theory.same_samples.steps import STANDARD, Accuracy, Step, rules_of, step_of

__all__ = ["Model", "build", "build_fresh"]

# For c_2 != 0 there are more factors, and Newton's matrix grows with the fourth power of their number.
_CUT, _CUT_OF_BOTH = 5e-4, 2e-3
_VANISHING = 1e-24
# The place of the coordinate along the noise of beta in the hidden vector.
_ACROSS = 3


@dataclass(frozen=True, eq=False)
class Model:
    """A problem's fit, its spike, how finely its samples are resolved, and their nodes of kappa and the residual."""

    problem: Problem
    fit: Fit
    frame: SpikeFrame
    rules: Rules
    kappa: Array
    residual: Array

    @property
    def gradient_cosine(self) -> float:
        """Between beta and beta*."""
        problem = self.problem
        signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
        c1 = activation_numbers(problem.activation).c1 if problem.gradient == "full" else 0.0
        square = signal**2 + c1**2 + problem.phi_gradient * residual_energy(problem)
        return signal / sqrt(square) if square > 0 else 0.0


class _Features(NamedTuple):
    """The linear features along w and along t, and what is left, of samples of one kind; all of shape (..., A)."""

    along_w: Array
    along_t: Array
    own: Array
    noise: Array


def build(problem: Problem, accuracy: Accuracy = STANDARD, pairs: bool = True, beyond: float | None = None) -> Model:
    """The model of a problem whose fit uses the gradient's own samples.

    ``pairs`` adds the terms of relative order 1/n that pairs of samples have, and the moves of weights along
    themselves. For spectra the bulk has no values beyond which fewer than ``beyond`` samples or neurons are expected.
    """
    step = step_of(problem, accuracy.readouts)
    rules = accuracy.rules or rules_of(problem)
    law = sample_law(problem, step.frame, rules)
    varies = problem.activation.derivative_variance > _VANISHING
    pairs = pairs and varies and problem.step > 0
    found = _of_sample(step, law, pairs)
    inner, inner_law, features = (
        (step, law, _training(step, law, found)) if beyond is None else _within_reach(step, law, beyond)
    )
    kappa, weights, fresh = _fresh_features(inner)
    chi, xi = _bases(inner, features, law.weights, fresh, weights, accuracy)
    neurons = _neurons(step, chi, xi)
    fit = Fit(
        neurons=neurons,
        populations=(_population(inner, inner_law, features, chi, xi),),
        columns=(_columns(step, law, found),),
        fresh=_fresh(inner, kappa, weights, fresh, chi, xi),
        excluded=_excluded(step, chi),
        output_energy=problem.activation.residual_strength,
        n_samples=problem.n_samples,
        pairs=pair_functions(step, law, found, fresh) if pairs else _neuron_norms(step, found, fresh),
        own_moves=own_moves(step, found, fresh, chi) if pairs else None,
    )
    return Model(problem, fit, step.frame, rules, law.kappa, law.residual)


def build_fresh(problem: Problem, accuracy: Accuracy = STANDARD) -> Model:
    """The same pencil with two populations: those of the gradient carry N, those of the fit z.

    It is the leading order of the finite-size theory, with the noise's covariance and M held together exactly.
    """
    step = step_of(problem, accuracy.readouts)
    rules = accuracy.rules or rules_of(problem)
    law = sample_law(problem, step.frame, rules)
    mean, features = _fresh_at(step, law)
    kappa, weights, fresh = _fresh_features(step)
    chi, xi = _bases(step, features, law.weights, fresh, weights, accuracy)
    fitted = _population(step, replace(law, residual=0 * law.residual), features, chi, xi)
    nothing = np.zeros_like(features.own)
    share = problem.gradient_samples / problem.n_samples
    seen_once = SamplePopulation(
        share * law.weights,
        law.residual,
        0 * fitted.along_w,
        0 * fitted.along_t,
        nothing,
        nothing,
        fitted=False,
    )
    learned = mean * step.root
    fit = Fit(
        neurons=_neurons(step, chi, xi),
        populations=(seen_once, fitted),
        columns=(Columns(learned, None, share * law.first, share * law.second), _fresh_columns(step, law, learned)),
        fresh=_fresh(step, kappa, weights, fresh, chi, xi),
        excluded=_excluded(step, chi),
        output_energy=0.0,
        n_samples=problem.n_samples,
    )
    return Model(problem, fit, step.frame, rules, law.kappa, law.residual)


def _of_sample(step: Step, law: SampleLaw, pairs: bool) -> TrainingFeatures:
    return training_features(step.problem.activation, step.of_sample, law.kappa, law.residual, step.u, pairs)


def _within_reach(step: Step, law: SampleLaw, beyond: float) -> tuple[Step, SampleLaw, _Features]:
    """Step, law and features without what n samples and N neurons do not reach."""
    reach = within_reach(step, law, beyond)
    features = _training(reach.step, reach.law, _of_sample(reach.step, reach.law, False))
    return reach.step, reach.law, _Features(*(reach.along_kappa(values) for values in features))


def _training(step: Step, law: SampleLaw, found: TrainingFeatures) -> _Features:
    """The features of the gradient's samples (eq-same-feature), without the samples' own share of t."""
    of, v = step.of_sample, step.noise_energy
    along_t = found.slope * step.along_t
    share = step.problem.phi_gradient * law.residual[:, None, None] * along_t
    linear = found.linear - of.stretch * step.u * found.slope
    own = found.own / v if v > 0 else 0 * found.own
    known = found.mean**2 + found.linear**2 + found.slope**2 * of.move_variance * step.u**2 + found.own * own
    noise = np.maximum(found.second_moment - known, 0.0)
    return _Features(linear - 2 * step.numbers.c2 * share, along_t, own - share, noise)


def _fresh_at(step: Step, law: SampleLaw) -> tuple[Array, _Features]:
    """The learned functions and the features of fresh samples, the same at all residuals."""
    found = _averages(step, law.kappa[:, None])
    shape = (*law.weights.shape, len(step.u))
    mean, slope, noise = (np.broadcast_to(f, shape) for f in (found.mean, found.slope, found.noise_variance))
    return mean, _Features(slope, slope * step.along_t, np.zeros(shape), noise)


def _averages(step: Step, kappa: Array) -> ActivationAverages:
    """At kappa of shape (K, 1)."""
    tau = step.tau * np.ones(kappa.shape)
    return activation_averages(step.problem.activation, step.frame.strength * kappa * step.u, tau)


def _fresh_features(step: Step) -> tuple[Array, Array, ActivationAverages]:
    """Nodes and weights of kappa, and the averages of fresh features there."""
    grid = choose_grid(step.problem, condition(step.problem))
    return grid.kappa, grid.kappa_weights, _averages(step, grid.kappa[:, None])


def _bases(
    step: Step,
    features: _Features,
    sample_weights: Array,
    fresh: ActivationAverages,
    fresh_weights: Array,
    how: Accuracy,
) -> tuple[Array, Array]:
    """Chi and xi (A, p), (A, q), orthonormal in the readouts' law; for ``c_2 != 0`` chi begins with xi."""
    size = len(step.u)
    measures = [sample_weights.ravel(), fresh_weights]
    along_w = [features.along_w.reshape(-1, size), fresh.slope]
    along_t = [features.along_t.reshape(-1, size), fresh.slope * step.along_t]
    ranks, weights = how.ranks or (None, None), step.u_weights
    joined = step.numbers.c2 != 0 and step.scaled > 0
    cut = how.cut or (_CUT_OF_BOTH if joined else _CUT)
    xi = _basis(along_t, measures, weights, cut, ranks[1])
    if not joined:
        return _or_constant(_basis(along_w, measures, weights, cut, ranks[0])), xi
    least = cut * _size(along_w, measures, weights)
    rest = [f - (f * weights) @ xi @ xi.T for f in along_w]
    more = None if ranks[0] is None else ranks[0] - xi.shape[1]
    cut_of_rest = least / (_size(rest, measures, weights) or 1.0)
    return _or_constant(np.concatenate([xi, _basis(rest, measures, weights, cut_of_rest, more)], axis=1)), xi


def _or_constant(chi: Array) -> Array:
    """A pencil has one latent at least, also where no feature has a linear part."""
    return chi if chi.shape[1] else np.ones((len(chi), 1))


def _size(functions: list[Array], measures: list[Array], u_weights: Array) -> float:
    """Their norm."""
    return sqrt(sum(float(w @ f**2 @ u_weights) for f, w in zip(functions, measures, strict=True)))


def _basis(functions: list[Array], measures: list[Array], u_weights: Array, cut: float, rank: int | None) -> Array:
    """Right singular functions, the largest first; none where all functions vanish."""
    root = np.sqrt(u_weights)
    gram = sum((f * root).T @ (w[:, None] * f * root) for f, w in zip(functions, measures, strict=True))
    squares, right = np.linalg.eigh(gram)
    known = int(((squares > cut**2 * squares[-1]) & (squares > _VANISHING)).sum()) if rank is None else rank
    return np.asarray(right[:, ::-1][:, :known] / root[:, None])


def _neurons(step: Step, chi: Array, xi: Array) -> Neurons:
    problem = step.problem
    return Neurons(
        weights=step.u_weights,
        chi=chi,
        xi=xi,
        noise_energy=step.noise_energy,
        cross=2 * step.numbers.c2 * np.eye(xi.shape[1], chi.shape[1]),
        samples_per_dim=problem.n_samples / problem.input_dim,
        samples_per_neuron=problem.n_samples / problem.width,
        gradient_share=problem.gradient_samples / problem.n_samples,
    )


def _population(step: Step, law: SampleLaw, features: _Features, chi: Array, xi: Array) -> SamplePopulation:
    """What the factors lack is noise, so that every feature keeps its energy."""
    weights, moves = step.u_weights[:, None], step.problem.phi_gradient * law.residual[:, None, None]
    in_xi = features.along_t @ (weights * xi)
    lost_t = features.along_t - in_xi @ xi.T
    along_w = features.along_w + 2 * step.numbers.c2 * moves * lost_t
    in_chi = along_w @ (weights * chi)
    lost_w = along_w - in_chi @ chi.T
    noise = features.noise + lost_w**2 + _energy_of_moves(step) * lost_t**2
    return SamplePopulation(law.weights, law.residual, in_chi, in_xi, features.own + moves * lost_t, noise)


def _energy_of_moves(step: Step) -> float:
    """``E (x . t)^2`` of a fresh sample: ``phi E eps^2 Var sigma'``."""
    problem = step.problem
    return problem.phi_gradient * residual_energy(problem) * problem.activation.derivative_variance


def _fresh_columns(step: Step, law: SampleLaw, learned: Array) -> Columns:
    """The law without the samples' own share along the noise of beta."""
    by_norm = np.broadcast_to(_averages(step, law.kappa[:, None]).mean_by_log_norm, learned.shape)
    share = step.frame.self_share * law.residual[:, None]
    first, second = law.first.copy(), law.second.copy()
    first[..., _ACROSS] -= share * law.weights
    second[..., _ACROSS, :] -= share[..., None] * law.first
    second[..., :, _ACROSS] -= share[..., None] * first
    return Columns(learned, None, first, second, False, by_norm * _norm_scale(step))


def _columns(step: Step, law: SampleLaw, found: TrainingFeatures) -> Columns:
    return Columns(
        learned=found.mean * step.root,
        learned_output=_learned_output(step, found),
        first=law.first,
        second=law.second,
        by_norm=found.by_norm * _norm_scale(step),
    )


def _norm_scale(step: Step) -> Array:
    """``sqrt(w_a / 2d)``: the log of a sample's norm has the variance 1/(2d) (eq-same-norms)."""
    return np.asarray(step.root / sqrt(2 * step.problem.input_dim))


def _excluded(step: Step, chi: Array) -> Array | None:
    """``sqrt(d/(n N)) sqrt(w) u chi``: what the bulk lacks along the readout, full gradient only (eq-same-gap)."""
    problem = step.problem
    if problem.gradient != "full":
        return None
    return sqrt(problem.input_dim / problem.n_samples / problem.width) * (step.root * step.u)[:, None] * chi


def _learned_output(step: Step, found: TrainingFeatures) -> Array | None:
    """``sqrt(w) u l / (sqrt(N) C_g)``: what a neuron knows of its sample's initial output f (eq-same-gap)."""
    problem = step.problem
    output = problem.activation.residual_strength
    if problem.gradient != "full" or output == 0:
        return None
    return found.output * (step.u * step.root / (sqrt(problem.width) * output))


def _neuron_norms(step: Step, found: TrainingFeatures, fresh: ActivationAverages) -> PairFunctions | None:
    """``t`` with the variance that the log of a neuron's norm has after the step, for activations with ``c_2 != 0``."""
    problem = step.problem
    scalars = condition(problem)
    variance = norms(problem, scalars, step.u, step.tau, None).neuron_variance
    places = np.flatnonzero(variance > _VANISHING)
    if step.numbers.c2 == 0 or len(places) == 0:
        return None
    cost = np.asarray(1 / (problem.n_samples * variance[places]), dtype=float)
    return PairFunctions(places, found.by_norm[..., places], fresh.mean_by_log_norm[:, places], cost[:, None, None])


def _fresh(step: Step, kappa: Array, weights: Array, found: ActivationAverages, chi: Array, xi: Array) -> FreshSamples:
    """Test samples: features, learned functions and labels given kappa."""
    problem = step.problem
    along_t = found.slope * step.along_t
    in_chi, in_xi = (f @ (basis * step.u_weights[:, None]) for f, basis in ((found.slope, chi), (along_t, xi)))
    lost = (found.slope - in_chi @ chi.T) ** 2 + _energy_of_moves(step) * (along_t - in_xi @ xi.T) ** 2
    return FreshSamples(
        weights=weights,
        seen=np.concatenate([in_chi, in_xi, np.zeros((len(kappa), xi.shape[1]))], axis=1),
        noise=found.noise_variance + lost,
        learned=found.mean * step.root,
        **fresh_law(problem, step.frame, kappa)._asdict(),
        by_norm=found.mean_by_log_norm * _norm_scale(step),
    )
