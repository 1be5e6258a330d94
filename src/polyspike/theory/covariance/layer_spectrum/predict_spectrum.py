"""From a problem and a spectrum of Sigma to the spectrum of ``F F'/N``: read it from top to bottom."""

from dataclasses import dataclass

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.spectra import Spectrum
from polyspike.status import Status
from polyspike.theory.bulk_support.density import Span
from polyspike.theory.bulk_support.support import check_mass, lower_edge, support_of, upper_edge
from polyspike.theory.covariance.eigenvalues import MOST_SEPARATED, SINGLE, Eigenvalues
from polyspike.theory.covariance.layer_spectrum.model import LayerModel, layer_model
from polyspike.theory.covariance.layer_spectrum.outliers import Outliers
from polyspike.theory.covariance.layer_spectrum.point import RealLayerPoint, above, below
from polyspike.theory.finite_size.spectrum.branches import LARGEST_ARC_STEP
from polyspike.theory.finite_size.spectrum.density import PiecewiseDensity
from polyspike.theory.finite_size.spectrum.outliers import DEGREE
from polyspike.theory.finite_size.spectrum.predict_spectrum import degrees_inside

__all__ = ["above_bulk", "predict_layer_spectrum"]

# The branch above the bulk starts at this multiple of a bound on all eigenvalues.
_FAR = 4.0
# An edge is sought from so many times that of a bulk that reaches further.
_NEAR = 3.0
# Residuals that are expected beyond either end of those of the bulk, and the longest arc step; the first that is solved
# counts.
_ATTEMPTS = ((0.5, LARGEST_ARC_STEP), (1.0, LARGEST_ARC_STEP), (0.5, 0.1), (1.0, 0.1), (2.0, 0.1))
# Features of a smaller share of the largest variance are none.
_UNSEEN = 1e-12


def predict_layer_spectrum(problem: Problem, spectrum: Eigenvalues) -> Spectrum:
    """Density, edges, atom and outliers at leading order, M and the covariance of the gradient's noise held jointly.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when an edge, a node of the density or an outlier is not found, or the density misses mass.
    """
    for beyond, largest in _ATTEMPTS[:-1]:
        try:
            return _Solver(separated(layer_model(problem, spectrum, beyond), largest)).solve(largest)
        except NumericalError as error:
            if error.status is Status.OUT_OF_RANGE:
                raise
    beyond, largest = _ATTEMPTS[-1]
    return _Solver(separated(layer_model(problem, spectrum, beyond), largest)).solve(largest)


def above_bulk(
    problem: Problem, spectrum: Eigenvalues, stronger: float = 1.0, single: Array | None = None
) -> tuple[LayerModel, list[RealLayerPoint]]:
    """The model with ``stronger`` times the strength of the spike, and the path from far above down to its edge.

    ``single`` are the nodes that lie outside the bulk, where they are known.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when the edge is not found.
    """
    for beyond, largest in _ATTEMPTS[:-1]:
        try:
            return _above(layer_model(problem, spectrum, beyond, stronger), single, largest)
        except NumericalError as error:
            if error.status is Status.OUT_OF_RANGE:
                raise
    beyond, largest = _ATTEMPTS[-1]
    return _above(layer_model(problem, spectrum, beyond, stronger), single, largest)


def _above(whole: LayerModel, single: Array | None, largest: float) -> tuple[LayerModel, list[RealLayerPoint]]:
    layer = separated(whole, largest) if single is None else whole.without(single)
    return layer, upper_edge(_start(layer), largest)[1]


def separated(layer: LayerModel, largest: float = LARGEST_ARC_STEP) -> LayerModel:
    """Without the single eigenvalues at the top of Sigma that lie outside the bulk of all that are smaller, 16 at most
    (eq-separated).
    """
    counts = layer.whole.spectrum.weights * layer.problem.input_dim
    end, top = len(counts), np.inf
    for node in range(end - 1, max(0, end - 1 - MOST_SEPARATED), -1):
        if counts[node] >= SINGLE:
            break
        outside, top = _is_outside(layer.without(np.arange(node, len(counts))), node, top, largest)
        if not outside:
            break
        end = node
    return layer.without(np.arange(end, len(counts)))


def _is_outside(layer: LayerModel, node: int, top: float, largest: float) -> tuple[bool, float]:
    """Whether an eigenvalue of Sigma makes an outlier above the bulk: between far above and the edge the form of its
    fields changes the number of its negative eigenvalues; and the edge. ``top`` is that of a bulk which has more.
    """
    start = _near(layer, _NEAR * top) or above(layer.bulk, _FAR * _bulk_bound(layer))
    edge, _ = upper_edge(start, largest)
    return _negative(edge, node) != _negative(start, node), edge.z


def _near(layer: LayerModel, z: float) -> RealLayerPoint | None:
    """The solution at a point above the bulk that may be near; None where it is not found at once."""
    try:
        return above(layer.bulk, z) if np.isfinite(z) else None
    except NumericalError:
        return None


def _negative(point: RealLayerPoint, node: int) -> int:
    """Of ``[[-S(lambda), 1], [1, c V]]``."""
    form, v = point.here.blocks.form[node], point.here.blocks.v
    side = np.eye(len(form), len(v))
    return int((np.linalg.eigvalsh(np.block([[-form, side], [side.T, v]])) < 0).sum())


def _start(layer: LayerModel) -> RealLayerPoint:
    return above(layer.bulk, _FAR * _bound(layer))


def _bound(layer: LayerModel) -> float:
    """Above all eigenvalues: the strength of the learned functions, and the bulk."""
    learned = float(layer.whole.grid.kappa_weights @ (layer.functions**2).sum(axis=1))
    return layer.problem.n_samples * learned + _bulk_bound(layer)


def _bulk_bound(layer: LayerModel) -> float:
    """Above the bulk: its largest node as if all were, on both sides of the Marchenko-Pastur law."""
    bulk = layer.whole.bulk
    sides = (1 + bulk.samples_per_neuron**0.5) ** 2 * (1 + bulk.samples_per_dim**0.5) ** 2
    moves = float(bulk.weight_variance.max())
    return sides * float((bulk.noise_variance + moves * (bulk.phi @ bulk.chi.T) ** 2).max())


@dataclass(frozen=True)
class _Solver:
    """The walk from far above the bulk down to its lower edge."""

    layer: LayerModel

    def solve(self, largest: float) -> Spectrum:
        """The spectrum, with arc steps no larger than these."""
        problem, start = self.layer.problem, _start(self.layer)
        top, path = upper_edge(start, largest)
        spikes = Outliers(self.layer, path, DEGREE).above()
        low = 0.0
        if problem.width != problem.n_samples:
            end, path = lower_edge(
                below(self.layer.bulk, problem.activation.second_moment, problem.width < problem.n_samples), largest
            )
            low = end.z
            spikes += Outliers(self.layer, path, DEGREE).between()
        spans, gaps = support_of(Span(low, top.z, low == 0.0), start, largest)
        for gap in gaps:
            spikes += Outliers(self.layer, gap, DEGREE).between()
        check_mass(spans, 1 - self._atom, problem.n_samples)
        edges = tuple((solved.span.low, solved.span.high) for solved in spans)
        ordered = tuple(sorted(spikes, key=lambda spike: -spike.location))
        inside = degrees_inside(problem, self.layer.whole.step.scalars.spike_strength, ordered)
        density = PiecewiseDensity(tuple((*ends, solved) for ends, solved in zip(edges, spans, strict=True)))
        return Spectrum(density, edges, self._atom, ordered, inside)

    @property
    def _atom(self) -> float:
        """Mass of the eigenvalue zero: N features with noise have the rank N, of the samples that they see."""
        bulk = self.layer.bulk.bulk
        square = (bulk.noise_variance + (bulk.phi @ bulk.chi.T) ** 2).max(axis=1)
        unseen = float(bulk.sample_weights @ (square < _UNSEEN * square.max()))
        return max(0.0, unseen, 1 - self.layer.problem.width / self.layer.problem.n_samples)
