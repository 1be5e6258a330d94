"""The samples of the two stages by kind: those of both, those of the fit alone, those of the gradient alone.

One sample for both stages has the first kind only, fresh samples have the other two (docs/theory-same-data.md,
section 3).
"""

from dataclasses import replace
from math import sqrt
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.given_kappa.activation_averages import ActivationAverages, averages_on_grid
from polyspike.theory.same_samples.features import TrainingFeatures, training_features
from polyspike.theory.same_samples.fit import ACROSS, Columns, MeanNorm, NormFunctions, OwnMoves, PairFunctions
from polyspike.theory.same_samples.mean_norm import norm_slope, own_share_by_norm, uncorrelated
from polyspike.theory.same_samples.pairs import seen_own_moves, seen_pairs, unseen_own_moves, unseen_pairs
from polyspike.theory.same_samples.pencil import SamplePopulation
from polyspike.theory.same_samples.reach import Reach, within_reach
from polyspike.theory.same_samples.residual import energy_with_norm, label_stretch, output_by_norm
from polyspike.theory.same_samples.sample_law import SampleLaw
from polyspike.theory.same_samples.steps import Step

__all__ = ["Features", "Samples", "by_norm", "energy_of_moves", "fresh_averages", "unseen_features"]


class Features(NamedTuple):
    """The linear features along w and along t, and what is left, of samples of one kind; all of shape (..., A)."""

    along_w: Array
    along_t: Array
    own: Array
    noise: Array


class Samples:
    """The samples of a problem, before it is known in which factors.

    Parameters
    ----------
    step : polyspike.theory.same_samples.steps.Step
    law : SampleLaw
        Of the gradient's samples.
    pairs : bool
        Whether the terms that pairs of samples have, and the moves of weights along themselves, are wanted.
    beyond : float, optional
        The bulk has no values beyond which fewer samples or neurons than that are expected.
    longer : polyspike.theory.same_samples.steps.Step, optional
        That of samples of a larger norm, where errors know it.
    """

    def __init__(
        self, step: Step, law: SampleLaw, pairs: bool, beyond: float | None, longer: Step | None = None
    ) -> None:
        self._step, self._law, self._pairs, self._longer_step = step, law, pairs, longer
        problem = step.problem
        self._both = problem.shared_samples / problem.n_samples
        self._gradient_alone = (problem.gradient_samples - problem.shared_samples) / problem.n_samples
        reach = None if beyond is None else within_reach(step, law, beyond)
        self.inner = step if reach is None else reach.step
        """The step, with the readouts within reach."""
        self._inner_law = law if reach is None else reach.law
        if self._both:
            self._found = _of_sample(step, law, pairs)
            self._seen = _training(step, law, self._found) if reach is None else _reached(reach)
            self._longer = (
                _training(longer, law, uncorrelated(longer, _of_sample(longer, law, False))) if longer else None
            )
        if self._both < 1:
            self._averages = fresh_averages(step, law.kappa)
            inner = self._averages if reach is None else fresh_averages(reach.step, reach.unseen_kappa)
            self._unseen = unseen_features(self.inner, inner)
            self._longer_unseen = unseen_features(longer, fresh_averages(longer, law.kappa)) if longer else None

    @property
    def fitted_features(self) -> list[tuple[Array, Features]]:
        """The nodes' weights and the features of every kind that the fit sees, as rows."""
        out = []
        if self._both:
            rows = Features(*(f.reshape(-1, f.shape[-1]) for f in self._seen))
            out.append((self._law.weights.ravel(), rows))
        if self._both < 1:
            out.append((self._law.weights.sum(axis=0), self._unseen))
        return out

    def kinds(
        self, chi: Array, xi: Array, functions: PairFunctions | None, moves: OwnMoves | None
    ) -> tuple[list[SamplePopulation], list[Columns]]:
        """Every kind that there is, in the factors chi and xi (A, p), (A, q)."""
        out = []
        if self._both:
            law = _share(self._inner_law, self._both)
            columns = self._seen_columns(functions, moves)
            if self._longer is not None:
                known, along = own_share_by_norm(law, self._step)
                norm = self._mean_norm(law, along, self._longer, chi, xi)
                columns = replace(columns, first=known.first, second=known.second, mean_norm=norm)
            out.append((_population(self.inner, law, self._seen, chi, xi), columns))
        if self._both < 1:
            law = _share(_unseen_law(self._step, self._law), 1 - self._both)
            features = Features(*(f[None] for f in self._unseen))
            columns = self._unseen_columns(law, functions, moves)
            if self._longer_unseen is not None:
                longer = Features(*(f[None] for f in self._longer_unseen))
                _, along = own_share_by_norm(law, self._step)
                columns = replace(columns, mean_norm=self._mean_norm(law, along, longer, chi, xi))
            out.append((_population(self.inner, law, features, chi, xi), columns))
        if self._gradient_alone:
            law = _share(_given_residual(self._inner_law), self._gradient_alone)
            out.append((_unfitted(law, chi, xi), self._gradient_columns()))
        return [population for population, _ in out], [columns for _, columns in out]

    @property
    def _known_by_norm(self) -> float:
        """The variance of the log of a norm that is one of the hidden variables."""
        problem = self._step.problem
        return 1 / (2 * problem.input_dim) if self._longer_step or output_by_norm(problem) else 0.0

    def _seen_columns(self, functions: PairFunctions | None, moves: OwnMoves | None) -> Columns:
        found, step, law = self._found, self._step, _share(self._law, self._both)
        known = self._known_by_norm
        return Columns(
            learned=found.mean * step.root,
            learned_output=_learned_output(step, found),
            first=law.first,
            second=law.second,
            by_own_norm=by_norm(step, found.by_norm, known),
            by_hidden_norm=found.by_norm * step.root * sqrt(known) if known else None,
            pairs=self._function_values(functions, found),
            own_moves=None if moves is None else seen_own_moves(step, found),
        )

    def _mean_norm(self, law: SampleLaw, along: Array, features: Features, chi: Array, xi: Array) -> MeanNorm:
        """Of samples whose features are these where they are longer."""
        assert self._longer_step is not None
        residual = law.residual * self._longer_step.of_sample.norm
        population = _population(self._step, replace(law, residual=residual), features, chi, xi)
        return MeanNorm(along, norm_slope(self._step.problem), population)

    def _function_values(self, functions: PairFunctions | None, found: TrainingFeatures) -> Array | None:
        if functions is None:
            return None
        return seen_pairs(self._step, found) if self._pairs else found.by_norm[..., functions.places]

    def _unseen_columns(self, law: SampleLaw, functions: PairFunctions | None, moves: OwnMoves | None) -> Columns:
        found, step, pairs = self._averages, self._step, None
        known = self._known_by_norm if self._longer_step else 0.0
        if functions is not None:
            pairs = unseen_pairs(step, found) if self._pairs else found.mean_by_log_norm[:, functions.places]
        return Columns(
            learned=(found.mean * step.root)[None],
            learned_output=None,
            first=law.first,
            second=law.second,
            constrained=False,
            by_own_norm=by_norm(step, found.mean_by_log_norm[None], known),
            by_hidden_norm=(found.mean_by_log_norm * step.root)[None] * sqrt(known) if known else None,
            pairs=None if pairs is None else pairs[None],
            own_moves=None if moves is None else unseen_own_moves(step, found)[None],
        )

    def _gradient_columns(self) -> Columns:
        law = _share(_given_residual(self._law), self._gradient_alone)
        return Columns(np.zeros((*law.weights.shape, len(self._step.u))), None, law.first, law.second)


def fresh_averages(step: Step, kappa: Array) -> ActivationAverages:
    """Of fresh samples at kappa (B,), for every readout."""
    tau = step.of_sample.norm * step.tau * np.ones((len(kappa), 1))
    return averages_on_grid(step.problem.activation, step.frame.strength * step.u, kappa, tau)


def unseen_features(step: Step, found: ActivationAverages) -> Features:
    """Of samples that the gradient has not seen, (B, A)."""
    slope = step.of_sample.norm * found.slope
    return Features(step.kept * slope, slope * step.along_t, np.zeros(slope.shape), found.noise_variance)


def energy_of_moves(step: Step) -> float:
    """``E (x . t)^2`` of a fresh sample: ``phi E[eps^2 |x|^2/d] Var sigma'``."""
    problem = step.problem
    return problem.phi_gradient * energy_with_norm(problem) * problem.activation.derivative_variance


def by_norm(step: Step, by_log_norm: Array, known: float = 0.0) -> NormFunctions:
    """Of derivatives by the log of a norm (..., A), without the ``known`` part of its variance."""
    return NormFunctions(by_log_norm * step.root, step.norm_covariance - known)


def _of_sample(step: Step, law: SampleLaw, pairs: bool) -> TrainingFeatures:
    return training_features(step.problem.activation, step.of_sample, law.kappa, law.residual, step.u, pairs)


def _reached(reach: Reach) -> Features:
    """The features without what n samples and N neurons do not reach."""
    features = _training(reach.step, reach.law, _of_sample(reach.step, reach.law, False))
    return Features(*(reach.along_kappa(values) for values in features))


def _training(step: Step, law: SampleLaw, found: TrainingFeatures) -> Features:
    """The features of the gradient's samples (eq-same-feature), without the samples' own share of t."""
    of, v = step.of_sample, step.noise_energy
    along_t = of.norm * found.slope * step.along_t
    share = of.norm * step.problem.phi_gradient * law.residual[:, None, None] * along_t
    linear = found.linear - of.norm * label_stretch(step.problem) * step.u * found.slope
    own = found.own / v if v > 0 else 0 * found.own
    moved = found.slope**2 * of.norm**2 * of.move_variance * step.u**2
    known = found.mean**2 + found.linear**2 + moved + found.own * own
    noise = np.maximum(found.second_moment - known, 0.0)
    return Features(linear - 2 * step.numbers.c2 * of.norm * share, along_t, own - share, noise)


def _population(step: Step, law: SampleLaw, features: Features, chi: Array, xi: Array) -> SamplePopulation:
    """What the factors lack is noise, so that every feature keeps its energy."""
    weights, moves = step.u_weights[:, None], step.problem.phi_gradient * law.residual[:, None, None]
    in_xi = features.along_t @ (weights * xi)
    lost_t = features.along_t - in_xi @ xi.T
    along_w = features.along_w + 2 * step.numbers.c2 * moves * lost_t
    in_chi = along_w @ (weights * chi)
    lost_w = along_w - in_chi @ chi.T
    noise = features.noise + lost_w**2 + energy_of_moves(step) * lost_t**2
    return SamplePopulation(law.weights, law.residual, in_chi, in_xi, features.own + moves * lost_t, noise)


def _unfitted(law: SampleLaw, chi: Array, xi: Array) -> SamplePopulation:
    """Samples that the gradient alone has."""
    along_w, along_t, nothing = (np.zeros((*law.weights.shape, k)) for k in (chi.shape[1], xi.shape[1], len(chi)))
    return SamplePopulation(law.weights, law.residual, along_w, along_t, nothing, nothing, fitted=False)


def _share(law: SampleLaw, share: float) -> SampleLaw:
    """The law of so many samples, as a share of those of the fit."""
    if share == 1:
        return law
    return SampleLaw(law.kappa, law.residual, share * law.weights, share * law.first, share * law.second)


def _given_residual(law: SampleLaw) -> SampleLaw:
    """At one node of kappa, where it does not count."""
    return SampleLaw(
        np.zeros(1), law.residual, *(f.sum(axis=1, keepdims=True) for f in (law.weights, law.first, law.second))
    )


def _unseen_law(step: Step, law: SampleLaw) -> SampleLaw:
    """Of samples that the gradient has not seen: they lack the gradient's samples' own share along the noise of beta,
    and nothing loads on their residual.
    """
    share = step.frame.self_share * law.residual[:, None]
    first, second = law.first.copy(), law.second.copy()
    first[..., ACROSS] -= share * law.weights
    second[..., ACROSS, :] -= share[..., None] * law.first
    second[..., :, ACROSS] -= share[..., None] * first
    return SampleLaw(law.kappa, np.zeros(1), *(f.sum(axis=0, keepdims=True) for f in (law.weights, first, second)))


def _learned_output(step: Step, found: TrainingFeatures) -> Array | None:
    """``sqrt(w) u l / (sqrt(N) C_g)``: what a neuron knows of its sample's initial output f (eq-same-gap)."""
    problem = step.problem
    output = problem.activation.residual_strength
    if problem.gradient != "full" or output == 0:
        return None
    return found.output * (step.u * step.root / (sqrt(problem.width) * output))
