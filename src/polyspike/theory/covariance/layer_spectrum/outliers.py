"""Outliers where the gradient's samples are a layer of their own (docs/theory-inputs.md, section 8).

As in (eq-count) a symmetric matrix E(z) has as many negative eigenvalues more than far above as there are outliers
above z. ``G`` along b has poles outside the bulk, at which the fields along the directions that the residual knows are
singular; so these fields stay in E (eq-layer-count):

    rows x (coefficients of the nodal basis)      C + n E[R m m'],   sqrt(n c) v'
    rows l, t (the linear part along b)           [[-G_0, 1], [1, D]],   (S, F) between l and the next
    rows g, h (the fields that the samples know)  [[-T_k, 1], [1, Pi]]

and of every single eigenvalue of Sigma, whose weight in b is w, the fields of that direction:

    rows l_k, s (the linear part along it)        [[-S(lambda), 1], [1, c V + w D]],  sqrt(w) D between t and s
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import hermite_functions
from polyspike.spectra import Spike
from polyspike.theory.bulk_support.roots import Roots
from polyspike.theory.covariance.averages import joined
from polyspike.theory.covariance.errors import cost_of_neurons
from polyspike.theory.covariance.layer_spectrum.model import LayerModel
from polyspike.theory.covariance.layer_spectrum.point import RealLayerPoint
from polyspike.theory.covariance.linear_directions import known_parts
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["KnownFields", "Outliers", "Root", "assembled", "form_matrix", "known_fields", "neuron_cost"]

_TANGENT_STEP = 1e-20


class Root(NamedTuple):
    """A solution at which E is singular, with the null vector y and the slope ``y' E' y`` along z."""

    point: RealLayerPoint
    vector: Array
    slope: float


@dataclass(frozen=True, eq=False)
class Outliers:
    """The outliers on a path of real solutions outside the bulk.

    Attributes
    ----------
    layer : LayerModel
    path : list of RealLayerPoint
        As of :class:`~polyspike.theory.bulk_support.roots.Roots`.
    degree : int
        Of the overlaps.
    """

    layer: LayerModel
    path: list[RealLayerPoint]
    degree: int

    def above(self) -> list[Spike]:
        """Every outlier above the bulk, largest first, on a path down from above all of them."""
        return [self._spike(root) for root in self.roots_above()]

    def roots_above(self) -> list[Root]:
        """The same as roots of E."""
        return [self._root(point) for point in self._roots.above()]

    def locations_above(self) -> Array:
        """Their locations alone."""
        return np.array([point.z for point in self._roots.above()])

    def between(self) -> list[Spike]:
        """Every outlier on a path up, smallest first."""
        return [self._spike(self._root(point)) for point in self._roots.between()]

    @cached_property
    def _roots(self) -> Roots:
        return Roots(self.path, lambda point: form_matrix(self.layer, point.here))

    def _root(self, point: RealLayerPoint) -> Root:
        vector = self._roots.null_vector(point)
        moved = point.state.moved(1j * _TANGENT_STEP * point.by_log_z)
        ahead = type(moved)(moved.model, -point.z * (1 + 1j * _TANGENT_STEP), moved.r, moved.zeta, moved.t)
        by_log_z = float((vector @ form_matrix(self.layer, ahead) @ vector).imag / _TANGENT_STEP)
        return Root(point, vector, by_log_z / point.z)

    def _spike(self, root: Root) -> Spike:
        """The location of an outlier and its squared overlaps with the Hermite functions (eq-overlap)."""
        hermite = hermite_functions(self.layer.whole.grid.kappa, self.degree)
        cross = root.vector @ _rows(self.layer, root.point.here, hermite.T)
        return Spike(root.point.z, cross**2 / (self.layer.problem.n_samples * root.slope))


def form_matrix(layer: LayerModel, state: CovarianceState) -> Any:
    """E at a solution of the bulk (eq-layer-count)."""
    return assembled(layer, state, layer.on_whole_laws(state))


def assembled(layer: LayerModel, state: CovarianceState, whole: CovarianceState) -> Any:
    """E from the bulk's own solution and that on the whole laws."""
    known = known_fields(layer, state)
    model, n, c = layer.whole, layer.problem.n_samples, layer.whole.bulk.samples_per_dim
    phi, functions, kappa = model.bulk.phi, layer.functions, model.grid.kappa[:, None]
    of_functions = neuron_cost(layer, whole) + n * whole.gram(functions, functions)
    v = (n * c) ** 0.5 * whole.gram(functions, kappa * phi)
    d = c * whole.gram(phi, (kappa**2 - 1) * phi)
    size, p, fields = len(of_functions), phi.shape[1], len(known.inner) // 2
    m = state.blocks.form.shape[-1]
    starts = np.cumsum([0, size, p, p, fields, fields, *[m, p] * len(layer.single)])
    x, t, prior, g, h, *rest = (slice(a, b) for a, b in pairwise(starts))
    out = np.zeros((starts[-1],) * 2, dtype=np.result_type(of_functions, known.inner))
    one = np.eye(p)

    def put(rows: slice, columns: slice, values: Any) -> None:
        out[rows, columns], out[columns, rows] = values, values.T

    put(x, x, of_functions)
    put(x, t, v)
    put(t, t, d)
    put(t, prior, one)
    put(prior, prior, -known.prior)
    put(prior, slice(g.start, h.stop), known.coupling)
    put(slice(g.start, h.stop), slice(g.start, h.stop), known.inner)
    roots = layer.roots_of_single
    for k, node in enumerate(layer.single):
        here, s, root = rest[2 * k], rest[2 * k + 1], roots[k]
        put(here, here, -state.blocks.form[node])
        put(here, s, np.eye(m, p))
        put(s, s, c * state.v + root**2 * d)
        put(x, s, root * v)
        put(t, s, root * d)
        put(h, here, _field_components(layer, state, node))
        for j in range(k):
            put(rest[2 * j + 1], s, roots[j] * root * d)
    return (out + out.T) / 2


def neuron_cost(layer: LayerModel, whole: CovarianceState) -> Any:
    """N times the cost of unit coefficients of the learned functions, with the norms of samples and neurons
    (eq-norm-terms), shape (2 A, 2 A).
    """
    cost = cost_of_neurons(whole)
    of_samples = layer.problem.n_samples * layer.norms.sample_covariance
    first = cost + of_samples * whole.gram(layer.by_log_norm, layer.by_log_norm)
    none = np.zeros_like(first)
    return np.block([[first, none], [none, np.diag(1 / whole.zeta)]])


@dataclass(frozen=True)
class KnownFields:
    """The linear part along b and the fields that the samples know.

    Attributes
    ----------
    prior : ndarray of shape (p, p)
        ``G_0`` along b.
    coupling : ndarray of shape (p, 2 c f p)
        ``(S, F)``: what the samples of beta put into the fields, and what of b the fields see.
    inner : ndarray of shape (2 c f p, 2 c f p)
        ``[[-T_k, 1], [1, Pi]]``.
    """

    prior: Any
    coupling: Any
    inner: Any


def known_fields(layer: LayerModel, state: CovarianceState) -> KnownFields:
    """Without the single eigenvalues; ``G`` along b is what is left of ``-E`` in row l without the others. What b has
    of the bulk's directions is one less what it has of those.
    """
    step, p = layer.whole.step, layer.whole.bulk.phi.shape[1]
    measures = step.frame_measures.copy()
    measures[..., layer.single] = 0.0
    parts, along = known_parts(state, measures), step.known[0]
    count, others = len(step.mean_gradient), len(step.frame_measures) - len(step.mean_gradient)
    spread = np.kron(along[None], np.eye(p))
    first, second = spread[:, : count * p], spread[:, count * p :]
    seen = first @ parts.half + second @ parts.seen_mean.T
    put_in = second @ parts.moved.T
    one = np.eye(len(parts.knows))
    assert second.shape[1] == others * p
    left = layer.left_of_b
    return KnownFields(
        prior=left * spread @ joined(parts.alone) @ spread.T,
        coupling=left**0.5 * np.concatenate([put_in, seen], axis=1),
        inner=np.block([[-parts.knows, one], [one, parts.fields]]),
    )


def _field_components(layer: LayerModel, state: CovarianceState, node: int) -> Any:
    """Between the fields of the directions that the residual knows and those of an eigendirection of Sigma, shape
    (c f p, m): a direction's component there, with the sign that it has beside that of b.
    """
    step = layer.whole.step
    count = len(step.mean_gradient)
    measures = step.frame_measures[..., node]
    components = np.sqrt(np.maximum(np.diagonal(measures)[:count], 0.0))
    signs = np.where(measures[:count] @ step.known[0] < 0, -1.0, 1.0)
    form = state.blocks.form
    as_fields = state.blocks.on_fields(np.tile(np.eye(form.shape[-1]), (len(form), 1, 1)))[node].T
    return np.concatenate([component * as_fields for component in signs * components])


def _rows(layer: LayerModel, state: CovarianceState, functions: Array) -> Any:
    """The rows of E that functions of kappa (K, m) would have, shape (size, m) (eq-overlap)."""
    whole, model, n = layer.on_whole_laws(state), layer.whole, layer.problem.n_samples
    v = (n * model.bulk.samples_per_dim) ** 0.5 * whole.gram(model.bulk.phi, model.grid.kappa[:, None] * functions)
    p, m = model.bulk.phi.shape[1], state.blocks.form.shape[-1]
    fields = 2 * len(model.step.mean_gradient) * len(state.t)
    parts = [n * whole.gram(layer.functions, functions), v, np.zeros((p + fields, functions.shape[1]))]
    for root in layer.roots_of_single:
        parts += [np.zeros((m, functions.shape[1])), root * v]
    return np.concatenate(parts)
