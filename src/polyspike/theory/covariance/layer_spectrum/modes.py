"""An outlier as a function on the samples and on the neurons (docs/theory-inputs.md, section 8)."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.covariance.jacobian import jacobian
from polyspike.theory.covariance.layer_spectrum.model import LayerModel
from polyspike.theory.covariance.layer_spectrum.outliers import Root, neuron_cost
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["OutlierMode", "outlier_mode"]


@dataclass(frozen=True, eq=False)
class OutlierMode:
    """A mode divided by the root of its slope; what fluctuates at a node is normal there (eq-layer-mode).

    Attributes
    ----------
    z : float
        The location.
    state : CovarianceState
        The bulk's own solution there.
    samples : ndarray of shape (K,)
        ``sqrt(|R|) f`` in the mean over samples of the same kappa.
    of_samples : ndarray of shape (A + S, K)
        Its coefficients of log tau at every u, and of a sample's coordinates along the S single eigendirections, beside
        what kappa has of them.
    neurons : ndarray of shape (A,)
        ``sqrt(|zeta|) g`` in the mean over neurons of the same u.
    of_neurons : ndarray of shape (2 + 2 S, A)
        Its coefficients of independent normals: a neuron's length, its weight along b, and along the S single
        eigendirections the one that it had and the one that the gradient's noise gave it.
    """

    z: float
    state: CovarianceState
    samples: Array
    of_samples: Array
    neurons: Array
    of_neurons: Array

    @cached_property
    def response(self) -> Array:
        """The inverse Jacobian of (log R, log zeta), the gradient's samples put back, less one."""
        size = len(self.state.r) + len(self.state.zeta)
        return np.asarray(np.linalg.inv(jacobian(self.state))[:size, :size] - np.eye(size))


def outlier_mode(layer: LayerModel, root: Root) -> OutlierMode:
    """The mode of an outlier."""
    state = root.point.here
    whole = layer.on_whole_laws(state)
    x, t, prior, single = _blocks(layer, state, root.vector)
    of_samples, of_neurons = _on_samples(layer, x, t, single), _on_neurons(layer, whole, x, t, prior, single)
    per_sample = np.sqrt(np.abs(whole.r) / root.slope)
    per_neuron = np.sqrt(np.abs(whole.zeta) / root.slope)
    return OutlierMode(
        z=root.point.z,
        state=state,
        samples=per_sample * of_samples[0],
        of_samples=per_sample * of_samples[1:],
        neurons=per_neuron * of_neurons[0],
        of_neurons=per_neuron * of_neurons[1:],
    )


def _blocks(layer: LayerModel, state: CovarianceState, vector: Array) -> tuple[Any, Any, Any, list[tuple[Any, Any]]]:
    """Of the null vector of E: x, t and l, and for every single eigendirection its fields and s."""
    p, fields = len(state.v), len(state.t) * len(layer.whole.step.mean_gradient)
    sizes = [2 * len(layer.whole.grid.u), p, p, 2 * fields]
    sizes += [state.blocks.form.shape[-1], p] * len(layer.single)
    x, t, prior, _, *rest = (vector[a:b] for a, b in pairwise(np.cumsum([0, *sizes])))
    return x, t, prior, list(zip(rest[::2], rest[1::2], strict=True))


def _on_samples(layer: LayerModel, x: Any, t: Any, single: list[tuple[Any, Any]]) -> Array:
    """f: its mean given kappa, and the coefficients of what fluctuates, shape (1 + A + S, K)."""
    model, root = layer.whole, layer.roots_of_single
    phi, scale = model.bulk.phi, model.problem.input_dim**-0.5
    along = [scale * (phi @ s) for _, s in single]
    along_b = scale * (phi @ t) + sum((w * a for w, a in zip(root, along, strict=True)), np.zeros(len(phi)))
    mean = layer.functions @ x + model.grid.kappa * along_b
    return np.array([mean, *(layer.by_log_norm * x[: len(model.grid.u)]).T, *along])


def _on_neurons(layer: LayerModel, whole: CovarianceState, x: Any, t: Any, prior: Any, single: list[Any]) -> Array:
    """g: its mean given u, and the coefficients of what fluctuates, shape (3 + 2 S, A)."""
    model, size = layer.whole, len(layer.whole.grid.u)
    chi, c, p = model.bulk.chi, model.bulk.samples_per_dim, len(whole.v)
    known = (neuron_cost(layer, whole) @ x).reshape(2, size) / np.sqrt(model.grid.u_weights)
    energies = np.delete(model.direction_measures[0, 0], layer.single)
    variance = energies @ np.delete(model.bulk.weight_variance, layer.single, axis=0)
    rows = [*known, np.sqrt(np.maximum(variance, 0.0)) * (chi @ (prior - c * whole.v @ t))]
    for node, (fields, _) in zip(layer.single, single, strict=True):
        noise = np.sqrt(np.maximum(model.noise_of_neurons, 0.0)) * model.step.reach[node]
        rows += [model.known_neurons[node] @ fields, noise * (chi @ fields[:p])]
    return np.array(rows)
