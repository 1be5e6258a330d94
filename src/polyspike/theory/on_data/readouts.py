"""Nodes of the law of u, the readout of a neuron at scale one (eq-data-nodes)."""

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.on_data.features import MovedRows

__all__ = ["readout_nodes", "turning_readout"]

_REACH = 7.0
"""The weight of a normal readout beyond is under 1e-11."""

_LEAST, _MOST = 0.02, 1.0


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
