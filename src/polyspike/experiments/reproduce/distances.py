"""What part 4 measures on one draw. Inputs, network, ``X W0'`` and F_0 are the same for all of it, and made once."""

from dataclasses import dataclass

import numpy as np

from polyspike.arraytypes import Array
from polyspike.experiments.reproduce.alignment import N_VECTORS, share_of
from polyspike.experiments.reproduce.common import WINDOW_EXPONENTS, limit
from polyspike.problem import Problem
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.equivalence import feature_distance, offset, spike_features
from polyspike.simulation.gradient import Gradient, GradientSum
from polyspike.simulation.host import HOST
from polyspike.simulation.ridge import fit_readouts
from polyspike.simulation.spectrum import top_eigenpairs

__all__ = ["LOSS_EXPONENTS", "OFFSET_WINDOW", "alignments", "gaps_and_losses", "offsets", "shared"]

LOSS_EXPONENTS = (0.15, 0.2)
OFFSET_WINDOW = 4
"""Spikes taken out before the constant part in window 2 is looked at: the even one beyond it has one too."""
N_TEST = 4000
ALIGNED = {"teacher": "3*h1", "gradient": "target"}
"""What the problem of figure 2 has in the place of a linear teacher's full gradient."""


@dataclass(frozen=True, eq=False)
class Shared:
    """One draw and the products that everything on it needs.

    Attributes
    ----------
    problem : Problem
        Whose step and gradient do not count.
    draw : GaussianDraw
    readout : ndarray of shape (width,)
    before, still : ndarray of shape (n, width)
        ``X W0'`` of the sample of the step, and of that of the ridge fit.
    start : ndarray of shape (n, width)
        F_0, the features before the step.
    """

    problem: Problem
    draw: GaussianDraw
    readout: Array
    before: Array
    still: Array
    start: Array

    def gradient(self, problem: Problem) -> Gradient:
        """The gradient for the teacher and the form of this problem."""
        sample = self.draw.gradient_sample
        total = GradientSum(self.readout, problem.activation, problem.gradient, HOST)
        total.add(sample.inputs, self.before, sample.labels(problem))
        return total.gradient(self.draw.weights)

    def features(self, moved: Array, exponent: float) -> Array:
        """F at step ``n^exponent``, given ``X G'``."""
        here = self.problem.replace(step_exponent=exponent)
        return _activated(here, self.still + here.step * moved)


def shared(problem: Problem, seed: tuple[int, ...]) -> Shared:
    """The draw of a seed."""
    draw = GaussianDraw.of(problem, seed, N_TEST)
    still = draw.ridge_sample.inputs @ draw.weights.T
    before = draw.gradient_sample.inputs @ draw.weights.T
    return Shared(problem, draw, draw.readout(problem.readout), before, still, _activated(problem, still.copy()))


def _activated(problem: Problem, preactivation: Array) -> Array:
    return problem.activation.apply_into(preactivation, preactivation)


@dataclass(frozen=True, eq=False)
class Tested:
    """The test set: inputs, labels, ``X W0'``, ``X G'`` and F_0."""

    inputs: Array
    labels: Array
    still: Array
    moved: Array
    start: Array


def _tested(one: Shared, gradient: Gradient) -> Tested:
    samples = list(one.draw.test_blocks())
    inputs = np.vstack([sample.inputs for sample in samples])
    labels = np.concatenate([sample.labels(one.problem) for sample in samples])
    still = inputs @ one.draw.weights.T
    start = _activated(one.problem, still.copy())
    return Tested(inputs, labels, still, inputs @ gradient.matrix.T, start)


@dataclass(frozen=True, eq=False)
class Fit:
    """A ridge fit: its readout, train error, and train loss with the penalty."""

    readout: Array
    error: float
    loss: float


def _fit(features: Array, labels: Array, ridge: float) -> Fit:
    readout = fit_readouts(features, labels, [ridge])[:, 0]
    error = float(np.mean((labels - features @ readout) ** 2))
    return Fit(readout, error, error + ridge * float(readout @ readout))


def gaps_and_losses(one: Shared) -> dict[str, float]:
    """Distance between F and F_l and between their errors in every window; distance of the losses from their limit.

    The names are ``operator l``, ``train l``, ``test l`` and ``loss alpha``.
    """
    problem, ridge = one.problem, one.problem.ridge
    gradient = one.gradient(problem)
    fitted, tested = one.draw.ridge_sample, _tested(one, gradient)
    moved, labels = fitted.inputs @ gradient.matrix.T, fitted.labels(problem)
    found: dict[str, float] = {}
    losses = {}
    for window, exponent in WINDOW_EXPONENTS.items():
        features = one.features(moved, exponent)
        fit = _fit(features, labels, ridge)
        losses[exponent] = fit.loss
        found |= _gaps(one, gradient, tested, window, features, labels, fit)
    for exponent in LOSS_EXPONENTS:
        if exponent not in losses:
            losses[exponent] = _fit(one.features(moved, exponent), labels, ridge).loss
    untrained = _fit(one.start, labels, ridge).loss
    drop = limit(problem, 1).train_loss - limit(problem, 0).train_loss
    return found | {f"loss {a:g}": 1 - (losses[a] - untrained) / drop for a in LOSS_EXPONENTS}


def _gaps(
    one: Shared, gradient: Gradient, tested: Tested, window: int, features: Array, labels: Array, fit: Fit
) -> dict[str, float]:
    """The gaps between F, whose fit this is, and F_l, measured as by
    :func:`polyspike.simulation.equivalence.equivalence`.
    """
    here = one.problem.replace(step_exponent=WINDOW_EXPONENTS[window])
    inputs = one.draw.ridge_sample.inputs
    spiked = one.start + spike_features(inputs, gradient, one.readout, here, window)
    other = _fit(spiked, labels, here.ridge)
    moved = _activated(here, tested.still + here.step * tested.moved)
    spiked_tested = tested.start + spike_features(tested.inputs, gradient, one.readout, here, window)
    new, old = (
        float(np.mean((tested.labels - f @ a) ** 2)) for f, a in ((moved, fit.readout), (spiked_tested, other.readout))
    )
    return {
        f"operator {window}": feature_distance(features, spiked),
        f"train {window}": abs(fit.error - other.error),
        f"test {window}": abs(new - old),
    }


def alignments(one: Shared) -> dict[str, float]:
    """``alignment k``: what the top vectors lack of degree k in its window, for the problem of figure 2."""
    problem = one.problem.replace(**ALIGNED)
    gradient = one.gradient(problem)
    inputs, smoothing = one.draw.ridge_sample.inputs, limit(problem, 2).extras["Q"]
    moved, kappa = inputs @ gradient.matrix.T, inputs @ (gradient.beta / np.linalg.norm(gradient.beta))
    found = {}
    for k, exponent in WINDOW_EXPONENTS.items():
        vectors = top_eigenpairs(one.features(moved, exponent), N_VECTORS)[1]
        found[f"alignment {k}"] = 1 - share_of(vectors, kappa, smoothing)[f"new{k}"]
    return found


def offsets(one: Shared) -> dict[str, float]:
    """What F_l misses of the constant part of the even spikes in window 2, by both statements."""
    problem = one.problem.replace(step_exponent=WINDOW_EXPONENTS[2], gradient="target")
    gradient = one.gradient(problem)
    inputs = one.draw.ridge_sample.inputs
    missed = one.features(inputs @ gradient.matrix.T, WINDOW_EXPONENTS[2])
    missed -= one.start
    found = {}
    for name, corrected in (("corrected", True), ("published", False)):
        spikes = spike_features(inputs, gradient, one.readout, problem, OFFSET_WINDOW, corrected)
        found[name] = offset(missed, spikes, one.readout)
    return found
