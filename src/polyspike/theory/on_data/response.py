"""How the unknowns of the resolvent answer a row or a ridge (eq-data-response), by one linear problem for both.

The errors need ``sum_u w_u zdot_u v'K_u v = sum_u l_u S_u`` for one ``l`` and many sources S. It solves
``l = (zeta^2/N) (w v'K v + w tr(K G))`` with ``G = B^-1 (sum_u l_u K_u) B^-1``, and C serves the errors too.
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
from polyspike.theory.on_data.symmetric import sandwich, shifted_inverse

__all__ = ["Response", "by_difference", "respond"]

_MOST = 12

_CORRECTED = 10.0
"""A residual of so many times the precision is left to the preconditioner."""

_UNSEEN = 1e-3
"""What differences may cost, of the source; their error was at most 0.8 times the change of the kernels."""


class Response(NamedTuple):
    """What makes an error of the kernels of a test row.

    Attributes
    ----------
    vector : ndarray of shape (n,)
        ``v = B^-1 y``.
    by_zeta, by_response : ndarray of shape (A,)
        ``w zeta``, and l.
    middle : ndarray of shape (M,)
        C of ``G = B^-1 C B^-1``, packed, but for ``-Z Z'/N`` of what is excluded: of a row's kernels the form is taken
        with ``B^-1 k``, which is short where G is large.
    trace : float
        tr G.
    echo : ndarray of shape (A,)
        ``tr K_u G`` over the sum of the moduli of the source; other ridges and steps start from it.
    excluded : Excluded, optional
        For the full gradient.
    """

    vector: Array
    by_zeta: Array
    by_response: Array
    middle: Array
    trace: float
    echo: Array
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

    A guess of the response's ``echo``, shape (A,), makes the first of the trials.

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
        vector, excluded, fixed = _product(found.inverse, target), None, None
        source = by_zeta / width * family.forms(vector[:, None], vector[:, None])
    else:
        excluded = exclude(family, found, target, width, parts)
        vector, fixed = excluded.vector, _taken(found, excluded, width)
        both = np.column_stack([vector, fixed])
        whole = family.forms(both * np.append(1.0, np.full(fixed.shape[1], -1.0)), both)
        source = found.zeta / width * (excluded.learned + family.weights * whole)
    newton, wanted = found.newton, source
    trials, images, echoes = np.empty((3, 0, len(source)))
    whole = np.sum(np.abs(source))
    sizes: list[float] = []
    for _ in range(_MOST):
        trial = newton.T @ wanted if guess is None or sizes else source + by_zeta / width * guess * whole
        answered = float(np.sum(np.abs(trial - wanted))) / whole if whole else 0.0
        echo, size = _echo(family, found, found.zeta * trial, answered)
        image = trial - by_zeta / width * echo
        trials, images, echoes = (np.vstack(some) for some in ((trials, trial), (images, image), (echoes, echo)))
        sizes.append(size)
        shares = linalg.lstsq(images.T, source)[0]
        wanted = source - shares @ images
        newton = improved(newton.T, trial, image).T
        if np.sum(np.abs(wanted)) <= _CORRECTED * family.precision.response * whole:
            tried, left = shares @ trials, newton.T @ wanted
            more = 1 + _share(left, tried, found.zeta)
            solved, trace, echo = tried + left, more * float(shares @ sizes), more * (shares @ echoes) / (whole or 1.0)
            middle = family.packed(found.zeta * solved)
            if fixed is not None:
                trace -= float(np.sum(np.square(fixed), dtype=float))
            response = Response(vector, by_zeta, found.zeta * solved, middle, trace, echo, excluded)
            return response, replace(found, newton=newton)
    raise NumericalError(Status.NOT_CONVERGED, f"the response at ridge {found.shift:g} N/n after {_MOST} steps")


def _echo(family: KernelFamily, found: Resolvent, by_readout: Array, answered: float) -> tuple[Array, float]:
    """``tr K_u G`` of ``G = B^-1 C B^-1``, ``C = sum_u c_u K_u``, shape (A,), and ``tr G``.

    By the two products that make G; or by a difference, which takes half of their time, where so little of the source
    is answered through the kernels that its error does not count.
    """
    change = family.precision.change
    if change and answered * change < _UNSEEN:
        by_inverse = by_difference(family, found, by_readout)
        if by_inverse is not None:
            return by_inverse
    spread = sandwich(found.inverse, family.combined(by_readout))
    return family.traces(spread), float(np.trace(spread, dtype=float))


def by_difference(family: KernelFamily, found: Resolvent, by_readout: Array) -> tuple[Array, float] | None:
    """The same as minus the derivatives of ``tr K_u (B + h C)^-1`` and ``tr (B + h C)^-1``, by one more inverse.

    One over a trace is linear in h where the eigenvalues of ``B^-1 C`` are equal (eq-data-difference). None where
    ``B + h C`` is not positive definite.
    """
    own, size = family.weights * found.zeta, np.abs(by_readout) @ found.traces
    if size == 0:
        return np.zeros(len(own)), 0.0
    h = family.precision.change * (own @ found.traces) / size
    try:
        moved = shifted_inverse(family.upper(own + h * by_readout), found.shift)
    except NumericalError:
        return None
    before = np.append(found.traces, np.trace(found.inverse, dtype=float))
    after = np.append(family.traces(moved), np.trace(moved, dtype=float))
    slopes = before * (before / np.where(before == 0, 1.0, after) - 1) / h
    return slopes[:-1], float(slopes[-1])


def _share(left: Array, tried: Array, zeta: Array) -> float:
    """What is left over what was tried, kernels weighted by ``zeta tr K B^-1 / N = 1 - zeta``."""
    weights = 1 - zeta
    whole = float(weights @ tried)
    return float(weights @ left) / whole if whole else 0.0


def _product(inverse: Array, vector: Array) -> Array:
    """In the precision of the inverse, of which no copy in another one is made."""
    return (inverse @ vector.astype(inverse.dtype, copy=False)).astype(float)


def _taken(found: Resolvent, excluded: Excluded, width: int) -> Array:
    """``B^-1 Z / sqrt N``, shape (n, d)."""
    taken: Array = found.inverse @ (excluded.factor / np.sqrt(width)).astype(found.inverse.dtype, copy=False)
    return taken
