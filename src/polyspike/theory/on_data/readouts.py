"""Nodes of the law of a neuron: of u, its readout at scale one, and of the length of its weight (eq-data-nodes)."""

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.on_data.features import MovedRows

__all__ = ["length_nodes", "readout_nodes", "turning_readout"]

_REACH = 7.0
"""The weight of a normal readout beyond is under 1e-11."""

_LEAST, _MOST = 0.02, 1.0


FEW_COLUMNS = 40
"""With more, the law of a weight on the sphere is taken for a normal one: a relative error under ``2/d``."""

_LONGER, _SHORTER = 0.3, -0.75
"""Of the squared length; the second at most."""


def length_nodes(input_dim: int) -> tuple[Array, Array]:
    """Lengths and signed weights with which normal weights make one on the sphere, shape (3,) or (1,) (eq-data-length).

    A normal weight is one on the sphere times a random length R, ``R^2 ~ chi2_d / d``. A length s with
    ``E s^{2k} = 1 / E R^{2k}`` undoes it: its variance is negative, hence the signs. Three nodes have the first two
    moments of ``s^2``, and the third from d = 14 on.
    """
    if input_dim > FEW_COLUMNS:
        return np.ones(1), np.ones(1)
    d, longer = input_dim, _LONGER
    shorter = max(-8 / (d + 4) - longer, _SHORTER)
    on_longer = -2 / (d + 2) / (longer * (longer - shorter))
    on_shorter = -on_longer * longer / shorter
    lengths = np.sqrt(1 + np.array([0.0, longer, shorter]))
    return lengths, np.array([1 - on_longer - on_shorter, on_longer, on_shorter])


def readout_nodes(law: str, count: int, scale: float) -> tuple[Array, Array]:
    """Nodes and weights of an average over u, shape (A,) each; exact but for a normal u.

    Of a normal u the trapezoid rule in v, ``u = c sinh v`` (eq-data-nodes): the kernels are analytic in u but near
    ``u = +- i c``, c the readout at which a step moves a pre-activation by its own size, and in v that is the distance
    ``pi / 2`` whatever the step. There are ``count`` nodes at c = 1, and as dense ones at smaller c.
    """
    if law == "gaussian":
        reach = np.arcsinh(_REACH / scale)
        half = int(np.ceil((count - 1) / 2 * reach / np.arcsinh(_REACH)))
        v = np.linspace(-reach, reach, 2 * half + 1)
        nodes, weights = scale * np.sinh(v), np.cosh(v) * np.exp(-((scale * np.sinh(v)) ** 2) / 2)
        return nodes, weights / weights.sum()
    nodes = np.array([-1.0, 1.0]) if law == "rademacher" else np.array([1.0])
    return nodes, np.full(len(nodes), 1 / len(nodes))


def turning_readout(rows: MovedRows, scaled_step: float) -> float:
    """The readout c at which the move of a row's pre-activation is as large as what it was, within [0.02, 1].

    The largest move over its deviation, ``sqrt(|x.drift|^2 + |M x|^2/d + |L'x|^2) / t``, of the rows, shape (rows,),
    but for the most extreme hundredth.
    """
    d = rows.inputs.shape[1]
    size = rows.drift**2 + np.sum(rows.matrix**2, axis=1) / d + np.sum(rows.noise**2, axis=1)
    start = np.maximum(np.sum(rows.inputs**2, axis=1) / d, 1e-300)
    ratio = scaled_step * float(np.quantile(np.sqrt(size / start), 0.99))
    return float(np.clip(1 / max(ratio, 1e-300), _LEAST, _MOST))
