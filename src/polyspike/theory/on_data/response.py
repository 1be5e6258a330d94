"""How the unknowns of the resolvent answer a row or a ridge (eq-data-response), by one linear problem for both.

The errors need ``sum_u w_u zdot_u v'K_u v = sum_u l_u S_u`` for one ``l`` and many sources S. It solves
``l = (zeta^2/N) (w v'K v + w tr(K G))`` with ``G = B^-1 (sum_u l_u K_u) B^-1``, and C serves the errors too.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.on_data.excluded import Excluded, LinearParts, exclude
from polyspike.theory.on_data.family import KernelFamily, sandwich
from polyspike.theory.on_data.resolvent import Resolvent, improved

__all__ = ["Response", "respond"]

_MOST = 12

_CORRECTED = 10.0
"""A residual of so many times the precision is left to the preconditioner."""


class Response(NamedTuple):
    """What makes an error of the kernels of a test row.

    Attributes
    ----------
    vector : ndarray of shape (n,)
        ``v = B^-1 y``.
    by_zeta, by_response : ndarray of shape (A,)
        ``w zeta``, and l.
    middle : ndarray of shape (n, n)
        C of ``G = B^-1 C B^-1``: of a row's kernels the form is taken with ``B^-1 k``, which is short where G is large.
    trace : float
        tr G.
    gain : ndarray of shape (A,)
        ``l/zeta`` over its source; other ridges and steps start from it.
    excluded : Excluded, optional
        For the full gradient.
    """

    vector: Array
    by_zeta: Array
    by_response: Array
    middle: Array
    trace: float
    gain: Array
    excluded: Excluded | None = None


def respond(
    family: KernelFamily,
    found: Resolvent,
    target: Array,
    width: int,
    parts: LinearParts | None = None,
    guess: Array | None = None,
) -> tuple[Response, Resolvent]:
    """The response, and the resolvent with a better matrix for Newton's method.

    A guess of ``l/zeta`` over its source, shape (A,), makes the first of the trials.

    By GMRES, whose preconditioner is that matrix: of all combinations of the trials the one whose residual is least,
    until it is within ten times the precision. The preconditioner solves for the rest, which it makes ten times
    smaller and more. Of what that adds to ``tr G`` the kernels count by ``tr K B^-1``.

    Raises
    ------
    NumericalError
        If it does not converge.
    """
    by_zeta = family.weights * found.zeta
    if parts is None:
        vector, excluded, fixed = found.inverse @ target, None, None
        source = by_zeta / width * family.forms(vector)
    else:
        excluded = exclude(family, found, target, width, parts)
        vector, fixed = excluded.vector, _taken(found, excluded, width)
        source = found.zeta / width * (excluded.forms + family.weights * family.traces(fixed))
    newton, wanted = found.newton, source
    trials, images = np.empty((2, 0, len(source)))
    sizes: list[float] = []
    for _ in range(_MOST):
        trial = newton.T @ wanted if guess is None or sizes else guess * source
        spread = sandwich(found.inverse, family.combined(found.zeta * trial))
        image = trial - by_zeta / width * family.traces(spread)
        trials, images = np.vstack([trials, trial]), np.vstack([images, image])
        sizes.append(float(np.trace(spread, dtype=float)))
        shares = linalg.lstsq(images.T, source)[0]
        wanted = source - shares @ images
        newton = improved(newton.T, trial, image).T
        if np.sum(np.abs(wanted)) <= _CORRECTED * family.precision.response * np.sum(np.abs(source)):
            tried, left = shares @ trials, newton.T @ wanted
            solved, trace = tried + left, float(shares @ sizes) * (1 + _share(left, tried, found.zeta))
            middle = family.combined(found.zeta * solved)
            if excluded is not None and fixed is not None:
                middle -= _outer(excluded.factor, width, middle.dtype)
                trace += float(np.trace(fixed, dtype=float))
            response = Response(vector, by_zeta, found.zeta * solved, middle, trace, _gain(solved, source), excluded)
            return response, replace(found, newton=newton)
    raise NumericalError(Status.NOT_CONVERGED, f"the response at ridge {found.shift:g} N/n after {_MOST} steps")


def _share(left: Array, tried: Array, zeta: Array) -> float:
    """What is left over what was tried, kernels weighted by ``zeta tr K B^-1 / N = 1 - zeta``."""
    weights = 1 - zeta
    whole = float(weights @ tried)
    return float(weights @ left) / whole if whole else 0.0


def _gain(solved: Array, source: Array) -> Array:
    """Their ratio, within a factor of ten of that of their sums: where a source passes through zero it says nothing."""
    mean = abs(np.sum(solved)) / np.sum(np.abs(source))
    ratio = solved / np.where(source == 0, 1.0, source)
    return np.clip(ratio, 0.1 * mean, 10 * mean)


def _taken(found: Resolvent, excluded: Excluded, width: int) -> Array:
    """``-B^-1 Z Z' B^-1 / N``."""
    solved = found.inverse @ excluded.factor.astype(found.inverse.dtype, copy=False)
    return -_outer(solved, width, solved.dtype)


def _outer(factor: Array, width: int, dtype: Any) -> Array:
    """``Z Z'/N``."""
    scaled = (factor / np.sqrt(width)).astype(dtype)
    product: Array = scaled @ scaled.T
    return product
