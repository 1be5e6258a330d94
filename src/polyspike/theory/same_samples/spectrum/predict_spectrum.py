"""The predicted spectrum of ``F F'/N`` on the gradient's own samples (docs/theory-same-data.md, section 9)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.spectra import Spectrum, TrainingSpike
from polyspike.status import Status
from polyspike.theory.bulk_support.density import Span
from polyspike.theory.bulk_support.support import check_mass, lower_edge, support_of, upper_edge
from polyspike.theory.finite_size.conditioning import activation_numbers
from polyspike.theory.finite_size.double_precision import within_double_precision
from polyspike.theory.finite_size.spectrum.branches import LARGEST_ARC_STEP
from polyspike.theory.finite_size.spectrum.density import PiecewiseDensity
from polyspike.theory.finite_size.spectrum.predict_spectrum import degrees_inside
from polyspike.theory.same_samples.model import Model, build
from polyspike.theory.same_samples.spectrum.branch import RealPencilPoint, above, below
from polyspike.theory.same_samples.spectrum.outliers import Outliers
from polyspike.theory.same_samples.steps import Accuracy

__all__ = ["predict_same_spectrum", "spectral_model", "training_outliers"]

# Factors of the features below these shares of the largest are left out, for c_2 = 0 and for others.
_CUT, _CUT_OF_BOTH = 4e-3, 1e-2
# The branch above the bulk starts at this multiple of a bound on all eigenvalues.
_FAR = 4.0
_NO_NOISE = 1e-12
# The expected count of samples, and of neurons, beyond either end of what the bulk has, and the largest arc step; the
# first that is solved counts.
_ATTEMPTS = ((0.5, LARGEST_ARC_STEP), (1.0, LARGEST_ARC_STEP), (0.25, LARGEST_ARC_STEP), (1.0, 0.1), (2.0, 0.1))

Result = TypeVar("Result")


def predict_same_spectrum(problem: Problem) -> Spectrum:
    """Bulk, edges, atom and outliers of the training features, at the problem's own sizes.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when an edge, a node of the density or an outlier is not found, or the density misses mass;
        ``OUT_OF_RANGE`` for linear activations, whose features have no noise of their own.
    """
    if problem.activation.residual_strength < _NO_NOISE:
        message = "samples='same': the spectrum is not solved for a linear activation; samples='fresh' has one"
        raise NumericalError(Status.OUT_OF_RANGE, message)
    with within_double_precision():
        return _at_some_reach(problem, _Solver.solve)


def training_outliers(problem: Problem) -> tuple[float, tuple[TrainingSpike, ...]]:
    """The upper edge of the bulk and the outliers above it, largest first, without the bulk's density.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED``.
    """
    with within_double_precision():
        return _at_some_reach(problem, _Solver.outliers)


def spectral_model(problem: Problem, beyond: float = 0.5) -> Model:
    """The model whose bulk has what n samples and N neurons reach, with fewer factors than errors need."""
    cut = _CUT_OF_BOTH if activation_numbers(problem.activation).c2 != 0 else _CUT
    return build(problem, Accuracy(cut=cut), beyond=beyond)


def _at_some_reach(problem: Problem, solve: Callable[["_Solver", float], Result]) -> Result:
    """At another reach a light component of the bulk, that of the samples furthest out, hides no edge."""
    for beyond, largest in _ATTEMPTS[:-1]:
        try:
            return solve(_Solver(spectral_model(problem, beyond)), largest)
        except NumericalError:
            continue
    beyond, largest = _ATTEMPTS[-1]
    return solve(_Solver(spectral_model(problem, beyond)), largest)


@dataclass(frozen=True)
class _Solver:
    """The walk from far above the bulk down to its lower edge."""

    model: Model

    def solve(self, largest: float) -> Spectrum:
        """The spectrum, with arc steps no larger than these."""
        start = self._start()
        top, path = upper_edge(start, largest)
        spikes = list(Outliers(self.model, path).above())
        low = 0.0
        if self._rank != self._problem.n_samples:
            end, path = lower_edge(below(self.model.fit, self._energy, self._atom > 0), largest)
            low = end.z
            spikes += Outliers(self.model, path).between()
        spans, gaps = support_of(Span(low, top.z, low == 0.0), start, largest)
        for gap in gaps:
            spikes += Outliers(self.model, gap).between()
        check_mass(spans, 1 - self._atom, self._problem.n_samples)
        edges = tuple((solved.span.low, solved.span.high) for solved in spans)
        ordered = tuple(sorted(spikes, key=lambda spike: -spike.location))
        inside = degrees_inside(self._problem, float(self.model.frame.strength), ordered)
        density = PiecewiseDensity(tuple((*ends, solved) for ends, solved in zip(edges, spans, strict=True)))
        return Spectrum(density, edges, self._atom, ordered, inside)

    def outliers(self, largest: float) -> tuple[float, tuple[TrainingSpike, ...]]:
        """The upper edge and the outliers above it."""
        top, path = upper_edge(self._start(), largest)
        return top.z, Outliers(self.model, path).above()

    def _start(self) -> RealPencilPoint:
        return above(self.model.fit, _FAR * self._bound)

    @property
    def _problem(self) -> Problem:
        return self.model.problem

    @property
    def _energy(self) -> float:
        return self._problem.activation.second_moment

    @property
    def _bound(self) -> float:
        """Above all eigenvalues: the strength of the learned functions, and the bulk's largest node as if all were."""
        fit, n = self.model.fit, self._problem.n_samples
        learned = sum(
            part.mean((fit.learned(k) ** 2).sum(axis=-1)) for k, part in enumerate(fit.populations) if part.fitted
        )
        nn = fit.neurons
        largest = max(
            float((((part.along_w @ nn.chi.T) ** 2 + nn.noise_energy * part.own**2 + part.noise) @ nn.weights).max())
            for part in fit.populations
        )
        sides = (1 + nn.samples_per_neuron**0.5) ** 2 * (1 + nn.samples_per_dim**0.5) ** 2
        return float(n * learned + sides * largest)

    @property
    def _rank(self) -> int:
        problem = self._problem
        noisy = any((part.noise > _NO_NOISE).any() for part in self.model.fit.populations)
        return problem.width if noisy else min(problem.width, problem.input_dim)

    @property
    def _atom(self) -> float:
        return max(0.0, 1 - self._rank / self._problem.n_samples)
