"""Some neurons, drawn and moved as they are: how far the theory's ``zeta`` is from theirs (eq-data-drawn).

The theory has one ``zeta_u = 1/(1 + tr(K_u B^-1)/N)`` for all neurons of a readout. A neuron has
``1/(1 + f'B^-1 f/N)`` with its own features f, which is the same where the form is close to its mean, and that mean to
the kernel's. Where a few strong directions of the inputs make features of a high degree neither is so.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from polyspike.arraytypes import Array
from polyspike.theory.on_data.resolvent import Resolvent
from polyspike.theory.on_data.sizes import Network, Sample

__all__ = ["DrawnNeurons", "GradientRows", "deviation", "drawn_neurons"]

_COUNT = 64
_SEED = 1991_2310
"""Of directions that are the same for every prediction."""


class GradientRows(NamedTuple):
    """Rows of the gradient with their residuals; omega, shape (d,), for the full gradient."""

    sample: Sample
    residual: Array
    output: Array | None


class DrawnNeurons(NamedTuple):
    """Readouts at scale one, shape (M,), and moved weights, shape (M, d)."""

    readouts: Array
    weights: Array


def drawn_neurons(network: Network, gradient: GradientRows, step: float) -> DrawnNeurons:
    """Directions drawn uniformly and readouts spread over their law, moved by the gradient.

    The weight of a neuron has the mean ``u omega / sqrt N``; its own share in the residual is left out.
    """
    x, width = gradient.sample.inputs, network.width
    generator = np.random.default_rng(_SEED)
    w = generator.standard_normal((_COUNT, x.shape[1]))
    u = generator.permutation(_spread_readouts(network.readout))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    if gradient.output is not None:
        w = w + np.outer(u, gradient.output) / np.sqrt(width)
        w /= np.linalg.norm(w, axis=1, keepdims=True)
    if step > 0:
        slopes = network.activation.apply_derivative(w @ x.T, np) * gradient.residual
        w = w + (step / np.sqrt(width) * u)[:, None] * (slopes @ x) / len(x)
    return DrawnNeurons(u, w)


def _spread_readouts(law: str) -> Array:
    quantiles = (np.arange(_COUNT) + 0.5) / _COUNT
    if law == "gaussian":
        return np.asarray(ndtri(quantiles))
    return np.where(quantiles < 0.5, -1.0, 1.0) if law == "rademacher" else np.ones(_COUNT)


def deviation(neurons: DrawnNeurons, nodes: Array, features: Array, found: Resolvent, width: int) -> float:
    """``1 - exp(-|log(mean zeta / mean of the neurons')|)`` at features of shape (M, n), between 0 and 1."""
    short = features.astype(found.inverse.dtype, copy=False)
    forms = np.sum((short @ found.inverse) * short, axis=1, dtype=float) / width
    own = np.mean(1 / (1 + np.maximum(forms, 0.0)))
    known = np.mean(np.exp(np.interp(neurons.readouts, nodes, np.log(found.zeta))))
    return float(1 - np.exp(-abs(np.log(own / known))))
