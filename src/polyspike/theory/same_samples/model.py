"""From a problem to its pencil and its form: read :func:`build` from top to bottom."""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem
from polyspike.theory.finite_size.conditioning import activation_numbers, condition
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages
from polyspike.theory.finite_size.given_kappa.grids import choose_grid, upper_half
from polyspike.theory.finite_size.given_kappa.norm_fluctuations import norms
from polyspike.theory.same_samples.features import is_odd
from polyspike.theory.same_samples.fit import Fit, FreshSamples, PairFunctions
from polyspike.theory.same_samples.fresh_law import fresh_law
from polyspike.theory.same_samples.mean_norm import longer, responds, with_norm
from polyspike.theory.same_samples.mirror import Mirror, even_and_odd
from polyspike.theory.same_samples.pairs import own_moves, pair_functions
from polyspike.theory.same_samples.pencil import Neurons
from polyspike.theory.same_samples.residual import output_by_norm, residual_energy
from polyspike.theory.same_samples.sample_kinds import (
    Features,
    Samples,
    by_norm,
    energy_of_moves,
    fresh_averages,
    unseen_features,
)
from polyspike.theory.same_samples.sample_law import Rules, sample_law
from polyspike.theory.same_samples.spike_frame import SpikeFrame
from polyspike.theory.same_samples.steps import STANDARD, Accuracy, Step, rules_of, step_of

__all__ = ["Model", "build"]

# For c_2 != 0 there are more factors, and Newton's matrix grows with the fourth power of their number.
_CUT, _CUT_OF_BOTH = 5e-4, 1.6e-3
_VANISHING = 1e-24


@dataclass(frozen=True, eq=False)
class Model:
    """A problem's fit, its spike, how finely its samples are resolved, their nodes of kappa and of the residual, and
    whether the label is odd.
    """

    problem: Problem
    fit: Fit
    frame: SpikeFrame
    rules: Rules
    kappa: Array
    residual: Array
    odd: bool

    @property
    def gradient_cosine(self) -> float:
        """Between beta and beta*."""
        problem = self.problem
        signal = float(np.linalg.norm(problem.teacher.linear_coefficients))
        c1 = activation_numbers(problem.activation).c1 if problem.gradient == "full" else 0.0
        square = signal**2 + c1**2 + problem.phi_gradient * residual_energy(problem)
        return signal / sqrt(square) if square > 0 else 0.0


def build(problem: Problem, accuracy: Accuracy = STANDARD, pairs: bool = True, beyond: float | None = None) -> Model:
    """The model of a problem whose fit uses the gradient's own samples, all or some.

    ``pairs`` adds the terms of relative order 1/n that pairs of samples have, and the moves of weights along
    themselves. For spectra the bulk has no values beyond which fewer than ``beyond`` samples or neurons are expected.
    """
    step = step_of(problem, accuracy.readouts)
    rules = accuracy.rules or rules_of(problem)
    law = sample_law(problem, step.frame, rules)
    halved = beyond is None and law.odd and (problem.readout != "constant" or is_odd(problem.activation))
    law = law.upper_half if halved else law
    mirrored = halved and not is_odd(problem.activation)
    pairs = pairs and problem.activation.derivative_variance > _VANISHING and problem.step > 0
    # Outliers and densities are those without it.
    norm = longer(step) if beyond is None and responds(problem) else None
    samples = Samples(step, with_norm(law) if norm and not output_by_norm(problem) else law, pairs, beyond, norm)
    kappa, weights, fresh = _fresh_features(samples.inner, halved)
    kinds = [*samples.fitted_features, (weights, unseen_features(samples.inner, fresh))]
    chi, xi = _bases(samples.inner, kinds, accuracy, mirrored)
    functions = pair_functions(step, law, fresh) if pairs else _neuron_norms(step, fresh)
    moves = own_moves(step, fresh, chi, mirrored) if pairs else None
    populations, columns = samples.kinds(chi, xi, functions, moves)
    fit = Fit(
        neurons=_neurons(step, chi, xi, mirrored),
        populations=populations,
        columns=columns,
        fresh=_fresh(samples.inner, kappa, weights, fresh, chi, xi),
        mean_weights=_mean_weights(step, chi),
        output_energy=problem.activation.residual_strength,
        n_samples=problem.n_samples,
        pairs=functions,
        own_moves=moves,
    )
    return Model(problem, fit, step.frame, rules, law.kappa, law.residual, law.odd)


def _fresh_features(step: Step, halved: bool = False) -> tuple[Array, Array, ActivationAverages]:
    """Nodes and weights of kappa, for even functions where they are ``halved``, and the averages there."""
    grid = choose_grid(step.problem, condition(step.problem))
    kappa, weights = grid.kappa, grid.kappa_weights
    if halved:
        kappa, weights = upper_half(kappa, weights)
    return kappa, weights, fresh_averages(step, kappa)


def _bases(
    step: Step, kinds: list[tuple[Array, Features]], how: Accuracy, mirrored: bool = False
) -> tuple[Array, Array]:
    """Chi and xi (A, p), (A, q), orthonormal in the readouts' law, for features at nodes with weights; for ``c_2 != 0``
    chi begins with xi.
    """
    measures = [weights for weights, _ in kinds]
    along_w, along_t = [found.along_w for _, found in kinds], [found.along_t for _, found in kinds]
    ranks, weights = how.ranks or (None, None), step.u_weights
    joined = step.numbers.c2 != 0 and step.scaled > 0
    cut = how.cut or (_CUT_OF_BOTH if joined else _CUT)
    xi = _basis(along_t, measures, weights, cut, ranks[1], mirrored)
    if not joined:
        return _or_constant(_basis(along_w, measures, weights, cut, ranks[0], mirrored)), xi
    least = cut * _size(along_w, measures, weights)
    rest = [f - (f * weights) @ xi @ xi.T for f in along_w]
    more = None if ranks[0] is None else ranks[0] - xi.shape[1]
    cut_of_rest = least / (_size(rest, measures, weights) or 1.0)
    return _or_constant(np.concatenate([xi, _basis(rest, measures, weights, cut_of_rest, more, mirrored)], axis=1)), xi


def _or_constant(chi: Array) -> Array:
    """A pencil has one latent at least, also where no feature has a linear part."""
    return chi if chi.shape[1] else np.ones((len(chi), 1))


def _size(functions: list[Array], measures: list[Array], u_weights: Array) -> float:
    """Their norm."""
    return sqrt(sum(float(w @ f**2 @ u_weights) for f, w in zip(functions, measures, strict=True)))


def _basis(
    functions: list[Array], measures: list[Array], u_weights: Array, cut: float, rank: int | None, mirrored: bool
) -> Array:
    """Right singular functions, the largest first; none where all functions vanish. Even and odd ones where samples
    have ``mirrored`` images.
    """
    root = np.sqrt(u_weights)
    gram = np.sum([(f * root).T @ (w[:, None] * f * root) for f, w in zip(functions, measures, strict=True)], axis=0)
    squares, right = _even_or_odd_vectors(gram) if mirrored else np.linalg.eigh(gram)
    known = int(((squares > cut**2 * squares[-1]) & (squares > _VANISHING)).sum()) if rank is None else rank
    return np.asarray(right[:, ::-1][:, :known] / root[:, None])


def _even_or_odd_vectors(gram: Array) -> tuple[Array, Array]:
    """Eigenvalues, ascending, and eigenvectors of what of a matrix is the same with its rows and columns reversed."""
    bases = even_and_odd(len(gram))
    found = [np.linalg.eigh(basis.T @ gram @ basis) for basis in bases]
    values = np.concatenate([one[0] for one in found])
    vectors = np.concatenate([basis @ one[1] for basis, one in zip(bases, found, strict=True)], axis=1)
    order = np.argsort(values)
    return values[order], vectors[:, order]


def _neurons(step: Step, chi: Array, xi: Array, mirrored: bool = False) -> Neurons:
    problem = step.problem
    # What a move multiplies changes its sign with the readout: even functions along t make latents of odd ones.
    even, odd = (np.sign((step.u_weights[:, None] * f * f[::-1]).sum(axis=0)) for f in (chi, xi))
    signs = np.concatenate([even, -odd, -odd])
    return Neurons(
        weights=step.u_weights,
        chi=chi,
        xi=xi,
        noise_energy=step.noise_energy,
        cross=2 * step.numbers.c2 * np.eye(xi.shape[1], chi.shape[1]),
        samples_per_dim=problem.n_samples / problem.input_dim,
        samples_per_neuron=problem.n_samples / problem.width,
        gradient_share=problem.gradient_samples / problem.n_samples,
        mirror=Mirror(signs) if mirrored else None,
    )


def _mean_weights(step: Step, chi: Array) -> Array | None:
    """``sqrt(w/N) u chi``: neurons' mean weights along omega are ``u/sqrt(N)`` (eq-same-omega; full gradient only)."""
    problem = step.problem
    if problem.gradient != "full":
        return None
    return (step.root * step.u / sqrt(problem.width))[:, None] * chi


def _fresh(step: Step, kappa: Array, weights: Array, found: ActivationAverages, chi: Array, xi: Array) -> FreshSamples:
    """Test samples: features, learned functions and labels given kappa."""
    problem = step.problem
    along_w, along_t = step.kept * found.slope, found.slope * step.along_t
    in_chi, in_xi = (f @ (basis * step.u_weights[:, None]) for f, basis in ((along_w, chi), (along_t, xi)))
    lost = (along_w - in_chi @ chi.T) ** 2 + energy_of_moves(step) * (along_t - in_xi @ xi.T) ** 2
    return FreshSamples(
        weights=weights,
        seen=np.concatenate([in_chi, in_xi, np.zeros((len(kappa), xi.shape[1]))], axis=1),
        noise=found.noise_variance + lost,
        learned=found.mean * step.root,
        **fresh_law(problem, step.frame, kappa)._asdict(),
        by_norm=by_norm(step, found.mean_by_log_norm),
    )


def _neuron_norms(step: Step, fresh: ActivationAverages) -> PairFunctions | None:
    """``t`` with the variance that the log of a neuron's norm has after the step, for activations with ``c_2 != 0``."""
    problem = step.problem
    variance = norms(problem, condition(problem), step.u, step.tau, None).neuron_variance
    places = np.flatnonzero(variance > _VANISHING)
    if step.numbers.c2 == 0 or len(places) == 0:
        return None
    cost = np.asarray(1 / (problem.n_samples * variance[places]), dtype=float)
    return PairFunctions(places, fresh.mean_by_log_norm[:, places], cost[:, None, None])
