"""How the unknowns of the resolvent answer a row or a ridge (eq-data-response), by one linear problem for both.

The errors need ``sum_u w_u zdot_u v'K_u v = sum_u l_u S_u`` for one ``l`` and many sources S. It solves
``l = (zeta^2/N) (w v'K v + w tr(K G))`` with ``G = B^-1 (sum_u l_u K_u) B^-1``, and G serves the errors too.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import linalg

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.on_data.excluded import Excluded, LinearParts, exclude
from polyspike.theory.on_data.family import KernelFamily
from polyspike.theory.on_data.resolvent import Resolvent, improved

__all__ = ["Response", "respond"]

_MOST = 12


class Response(NamedTuple):
    """What makes an error of the kernels of a test row.

    Attributes
    ----------
    vector : ndarray of shape (n,)
        ``v = B^-1 y``.
    by_zeta, by_response : ndarray of shape (A,)
        ``w zeta``, and l.
    spread : ndarray of shape (n, n)
        G.
    excluded : Excluded, optional
        For the full gradient.
    """

    vector: Array
    by_zeta: Array
    by_response: Array
    spread: Array
    excluded: Excluded | None = None


def respond(
    family: KernelFamily, found: Resolvent, target: Array, width: int, parts: LinearParts | None = None
) -> tuple[Response, Resolvent]:
    """The response, and the resolvent with a better matrix for Newton's method.

    By GMRES, whose preconditioner is that matrix: of all combinations of the trials the one whose residual is least,
    until it is within the precision; G is the same combination of theirs.

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
    spreads: list[Array] = []
    for _ in range(_MOST):
        trial = newton.T @ wanted
        spread = found.inverse @ family.combined(found.zeta * trial) @ found.inverse
        image = trial - by_zeta / width * family.traces(spread)
        trials, images, spreads = np.vstack([trials, trial]), np.vstack([images, image]), [*spreads, spread]
        shares = linalg.lstsq(images.T, source)[0]
        wanted = source - shares @ images
        newton = improved(newton.T, trial, image).T
        if np.sum(np.abs(wanted)) <= family.precision.response * np.sum(np.abs(source)):
            whole = _sum(shares, spreads) if fixed is None else _sum(np.append(shares, 1.0), [*spreads, fixed])
            response = Response(vector, by_zeta, found.zeta * (shares @ trials), whole, excluded)
            return response, replace(found, newton=newton)
    raise NumericalError(Status.NOT_CONVERGED, f"the response at ridge {found.shift:g} N/n after {_MOST} steps")


def _taken(found: Resolvent, excluded: Excluded, width: int) -> Array:
    """``-B^-1 Z Z' B^-1 / N``."""
    solved = found.inverse @ excluded.factor.astype(found.inverse.dtype, copy=False)
    taken: Array = solved @ solved.T
    taken *= taken.dtype.type(-1 / width)
    return taken


def _sum(shares: Array, matrices: list[Array]) -> Array:
    total = shares[0].astype(matrices[0].dtype) * matrices[0]
    for share, matrix in zip(shares[1:], matrices[1:], strict=True):
        total += share.astype(matrix.dtype) * matrix
    return total
