"""Scalar functions over any array namespace (NumPy, torch, JAX), for the activations.

Each takes the array and its namespace ``xp`` (as from ``array_api_compat.array_namespace``).
"""

from collections.abc import Callable
from importlib import import_module
from math import pi, sqrt
from typing import Any

import numpy as np
from scipy import special

__all__ = [
    "erf",
    "hermite_polynomial",
    "normal_cdf",
    "normal_pdf",
    "on_host",
    "positive_part",
    "sigmoid",
    "softplus",
]


def on_host(function: Callable[[Any], Any], x: Any, xp: Any = np) -> Any:
    """A function of NumPy arrays applied to any array, by way of the host memory; keeps dtype and device."""
    if isinstance(x, np.ndarray | np.generic):
        return np.asarray(function(x)).astype(x.dtype, copy=False)
    host = np.asarray(x.cpu() if hasattr(x, "cpu") else x)
    return xp.asarray(np.asarray(function(host)), dtype=x.dtype, device=x.device)


def erf(x: Any, xp: Any = np) -> Any:
    """Error function; the array standard has none, so each library's own is used, else the host's.

    NumPy and complex arrays go to ``scipy.special.erf``, torch to ``torch.special.erf``, JAX to
    ``jax.scipy.special.erf``; any other namespace takes the way through the host memory.
    """
    if "torch" in xp.__name__:
        return xp.special.erf(x)
    if "jax" in xp.__name__:
        return import_module("jax.scipy.special").erf(x)
    return on_host(special.erf, x, xp)


def normal_pdf(x: Any, xp: Any = np) -> Any:
    """Density of N(0, 1)."""
    return xp.exp(-x * x / 2) / sqrt(2 * pi)


def normal_cdf(x: Any, xp: Any = np) -> Any:
    """Distribution function of N(0, 1)."""
    return (1 + erf(x / sqrt(2), xp)) / 2


def positive_part(x: Any, xp: Any = np) -> Any:
    """``max(x, 0)``, in one pass."""
    return xp.clip(x, min=0)


def sigmoid(x: Any, xp: Any = np) -> Any:
    """``1 / (1 + exp(-x))``, by tanh so that nothing overflows."""
    return (1 + xp.tanh(x / 2)) / 2


def softplus(x: Any, xp: Any = np) -> Any:
    """``log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|))``, which does not overflow."""
    return positive_part(x, xp) + xp.log1p(xp.exp(-xp.abs(x)))


def hermite_polynomial(x: Any, degree: int) -> Any:
    """``H_degree(x)`` by ``H_{k+1} = x H_k - k H_{k-1}``: products and sums only, so for any array."""
    previous, current = 0 * x + 1, x
    if degree == 0:
        return previous
    for k in range(1, degree):
        previous, current = current, x * current - k * previous
    return current
