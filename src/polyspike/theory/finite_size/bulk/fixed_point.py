"""The fixed point of the bulk (docs/theory-finite-size.md, sections 3 and 8), by Newton in logarithms.

Unknown: ``R(kappa)``, the limiting diagonal of ``(K + D)^-1`` on the samples, and ``zeta(u)``, that of
``(F' D^-1 F / N + I)^-1`` on the neurons, where ``K = F F'/N`` is the bulk of the features.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.linalg import get_lapack_funcs

from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.finite_dimension import NextOrder, NextOrderState

__all__ = ["BulkModel", "BulkState", "Linearised", "jacobian", "solve_bulk", "tangent"]

# What is left of the errors is some tens of times this, more next to the interpolation peak at tiny ridges.
_TOLERANCE = 2e-11
# Below this the defect is rounding: Newton stops when it no longer falls.
_ROUNDING = 1e-9
_FIRST_ATTEMPT = 16
_MAX_ITERATIONS = 200
_SHIFT_RATIO = 10.0
_DAMPED_STEPS = 1
_MAX_LOG_STEP = 2.0
_HALVINGS = 4
# A Jacobian is used again while so many more steps, each dividing the defect like the last, will do.
_CHORD_STEPS = 3

# From so many values on a Jacobian's largest block is made of products of its factors, if these are few.
_MANY, _FEW_FACTORS = 2 * 10**7, 32


@dataclass(frozen=True)
class BulkModel:
    """What the fixed point is made of; K kappa nodes, A u nodes, p factors, n_mu nodes of the matrix M.

    Attributes
    ----------
    sample_weights, neuron_weights : ndarray of shape (K,), (A,)
        Quadrature weights of the two Gaussian (or readout) measures.
    phi, q : ndarray of shape (K, p), (A, p)
        ``A1 / tau = sum_j phi_j(kappa) q_j(u)``.
    residual : ndarray of shape (K, A)
        ``A2^2``.
    moves : ndarray of shape (n_mu, A)
        ``s_u(mu)``, the variance of a neuron's weight along an eigendirection of M.
    mu_weights : ndarray of shape (n_mu,)
    aspect : float
        ``n / d``.
    overload : float
        ``n / N``.
    next_order : NextOrder, optional
        What finite dimension adds; without it the fixed point is that of the leading order.
    """

    sample_weights: Any
    neuron_weights: Any
    phi: Any
    q: Any
    residual: Any
    moves: Any
    mu_weights: Any
    aspect: float
    overload: float
    next_order: NextOrder | None = None

    @cached_property
    def phi_pairs(self) -> Any:
        """``phi_i phi_j`` flat, shape (K, p^2): sums over nodes, and forms at all of them, are then one product."""
        return (self.phi[:, :, None] * self.phi[:, None, :]).reshape(len(self.phi), -1)

    @cached_property
    def q_pairs(self) -> Any:
        """``q_i q_j`` flat, shape (A, p^2)."""
        return (self.q[:, :, None] * self.q[:, None, :]).reshape(len(self.q), -1)

    @cached_property
    def weighted_moves(self) -> Any:
        """The moves times the weights of M, shape (n_mu, A)."""
        return self.mu_weights[:, None] * self.moves


@dataclass(frozen=True)
class BulkState:
    """A pair (R, zeta) with the matrices that belong to it; ``c = n/d``.

    ``Q(mu) = E[zeta s q q']``, ``V = E[phi phi' R]``, ``E = (I + c V Q)^-1``, ``Gam = Q E``, ``Psi = E V``. Leading
    axes of ``shift``, ``r`` and ``zeta`` are a batch of shifts of one model.
    """

    model: BulkModel
    shift: Any
    r: Any
    zeta: Any

    @cached_property
    def q_hat(self) -> Any:
        """``Q(mu)``, shape (..., n_mu, p, p)."""
        model = self.model
        weights = model.moves * (model.neuron_weights * self.zeta)[..., None, :]
        return (weights @ model.q_pairs).reshape(*weights.shape[:-1], *self.v.shape[-2:])

    @cached_property
    def v(self) -> Any:
        """``V``, shape (..., p, p)."""
        size = self.model.phi.shape[1]
        flat = (self.model.sample_weights * self.r) @ self.model.phi_pairs
        return flat.reshape(*flat.shape[:-1], size, size)

    @cached_property
    def e(self) -> Any:
        """``E(mu)``, shape (..., n_mu, p, p)."""
        size = self.v.shape[-1]
        return np.linalg.inv(np.eye(size) + self.model.aspect * (self.v[..., None, :, :] @ self.q_hat))

    @cached_property
    def gam(self) -> Any:
        """``Gam(mu)``."""
        return self.q_hat @ self.e

    @cached_property
    def psi(self) -> Any:
        """``Psi(mu)``."""
        return self.e @ self.v[..., None, :, :]

    @cached_property
    def x(self) -> Any:
        """``D + h + phi' bar[Gam] phi``, at a fixed point 1/R."""
        model = self.model
        mean = model.mu_weights @ _flat(self.gam)
        h = (model.neuron_weights * self.zeta) @ model.residual.T
        shift = np.asarray(self.shift)
        shift = shift[..., None] if shift.ndim and shift.shape != self.r.shape else shift
        leading = shift + h + mean @ model.phi_pairs.T
        return leading if self.next_order is None else leading + self.next_order.by_r

    @cached_property
    def y(self) -> Any:
        """``1 + (n/N)(E[A2^2 R] + q' bar[s Psi] q)``, at a fixed point 1/zeta."""
        model = self.model
        linear = (model.weighted_moves * (_flat(self.psi) @ model.q_pairs.T)).sum(axis=-2)
        noise = (model.sample_weights * self.r) @ model.residual
        more = 0.0 if self.next_order is None else self.next_order.by_zeta
        return 1 + model.overload * (noise + linear + more)

    @cached_property
    def next_order(self) -> NextOrderState | None:
        """The terms of finite dimension."""
        arrays, model = self.model.next_order, self.model
        if arrays is None:
            return None
        wr, wz = model.sample_weights * self.r, model.neuron_weights * self.zeta
        return NextOrderState(arrays, wr, wz, self.r, model.overload)

    @property
    def diagonal_variance(self) -> Any:
        """Relative variance of the diagonal of ``(K + D)^-1`` between samples of the same kappa."""
        return 0.0 if self.next_order is None else self.next_order.variance

    @cached_property
    def defect(self) -> Any:
        """``(log R X, log zeta Y)``, zero at the fixed point."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            return np.concatenate([np.log(self.r * self.x), np.log(self.zeta * self.y)], axis=-1)

    @cached_property
    def size_of_defect(self) -> float:
        """Largest relative defect; infinite where the iterate left the domain."""
        size = float(np.abs(self.defect).max())
        return size if np.isfinite(size) else np.inf

    def moved(self, step: Any) -> "BulkState":
        """The state after adding ``step`` to (log R, log zeta)."""
        k = len(self.model.sample_weights)
        return BulkState(self.model, self.shift, self.r * np.exp(step[..., :k]), self.zeta * np.exp(step[..., k:]))


def _flat(matrices: Any) -> Any:
    """The last two axes as one."""
    return matrices.reshape(*matrices.shape[:-2], -1)


def jacobian(state: BulkState) -> Any:
    """Derivative of :attr:`BulkState.defect` by (log R, log zeta), shape (..., K + A, K + A)."""
    model = state.model
    k, a, weighted = len(model.sample_weights), len(model.neuron_weights), model.weighted_moves
    cross = _square(model.phi @ np.swapaxes(state.e, -1, -2) @ model.q.T)
    cross = model.residual + np.einsum("ma,...mka->...ka", weighted, cross)
    sample = -model.aspect * _between_samples(state)
    neuron = _square(model.q @ state.psi @ model.q.T)
    neuron = -model.aspect * np.einsum("ma,...mab,mb->...ab", weighted, neuron, model.moves)
    if state.next_order is not None:
        by_r, both, by_zeta = state.next_order.second_derivatives()
        sample, cross, neuron = sample + by_r, cross + both, neuron + by_zeta
    # Derivatives of 1/R and 1/zeta are symmetric but for the quadrature weights.
    out = np.empty((*state.r.shape[:-1], k + a, k + a), dtype=np.result_type(cross, state.x))
    out[..., :k, :k], out[..., :k, k:] = sample, cross
    out[..., k:, :k], out[..., k:, k:] = np.swapaxes(cross, -1, -2), neuron
    out *= np.concatenate([1 / state.x, model.overload / state.y], axis=-1)[..., None]
    out *= np.concatenate([model.sample_weights * state.r, model.neuron_weights * state.zeta], axis=-1)[..., None, :]
    out[..., np.arange(k + a), np.arange(k + a)] += 1
    if state.next_order is not None:
        out[..., np.arange(k), np.arange(k)] += state.next_order.own_derivative / state.x
    return out


def _between_samples(state: BulkState) -> Any:
    """``bar[(phi' Gam phi)^2]``, shape (..., K, K); of very many nodes by products of factors, with no array a mu."""
    model = state.model
    k, size = model.phi.shape
    if k * k * len(model.mu_weights) <= _MANY or size > _FEW_FACTORS:
        squares = _square(model.phi @ state.gam @ model.phi.T)
        return (model.mu_weights @ _flat(squares)).reshape(*squares.shape[:-3], k, k)
    both = np.einsum("m,...mab,...mcd->...acbd", model.mu_weights, state.gam, state.gam)
    return model.phi_pairs @ both.reshape(*both.shape[:-4], size**2, size**2) @ model.phi_pairs.T


def _square(values: Any) -> Any:
    """In the place of the values."""
    return np.multiply(values, values, out=values)


class Linearised:
    """The factorised Jacobian of a single state (no batch), for any number of right-hand sides, real or complex.

    Raises
    ------
    NumericalError
        ``SINGULAR`` where the Jacobian is singular or not finite.
    """

    def __init__(self, state: BulkState) -> None:
        matrix = jacobian(state)
        factorise, self._back = get_lapack_funcs(("getrf", "getrs"), (matrix,))
        # The transpose is in LAPACK's order already, so that nothing is copied.
        self._factors, self._pivots, info = factorise(matrix.T, overwrite_a=True)
        if info != 0 or not np.isfinite(np.diagonal(self._factors)).all():
            raise NumericalError(Status.SINGULAR, "the Jacobian of the bulk's fixed point is singular", partial=state)

    def solve(self, right: Any) -> Any:
        """``J^-1 right``."""
        return self._back(self._factors, self._pivots, right, trans=1)[0]

    def solve_transposed(self, right: Any) -> Any:
        """``J'^-1 right``."""
        return self._back(self._factors, self._pivots, right)[0]


def tangent(state: BulkState, at: Linearised) -> Any:
    """Derivative of (log R, log zeta) by log D along the solution."""
    right = np.zeros(state.defect.shape, dtype=state.defect.dtype)
    right[: len(state.r)] = state.shift / state.x
    return -at.solve(right)


def solve_bulk(
    model: BulkModel,
    shift: Any,
    start: BulkState | None = None,
    tolerance: float = _TOLERANCE,
    nearby: Linearised | None = None,
) -> tuple[BulkState, int]:
    """Solve the fixed point at the shift ``D`` (a number, or one per kappa node).

    Parameters
    ----------
    start : BulkState, optional
        A state of this model at this shift that is near the solution; without one, a damped iteration from
        ``R = 1/(D + h)``, ``zeta = 1``. Where Newton fails from there, D is lowered step by step from a size at which
        it does not.
    nearby : Linearised, optional
        The Jacobian of the start, or of a state near it.

    Returns
    -------
    state : BulkState
    iterations : int

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED``, with the residual, the iterations and the last state as ``partial``.
    """
    # Iterates may leave the domain on their way, and are then shortened or given up.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        state, iterations = _newton(start or _start(model, shift), tolerance, _FIRST_ATTEMPT, nearby)
        if _converged(state, tolerance):
            return state, iterations
        state, more = _lower_shift(model, shift, tolerance)
        if _converged(state, tolerance):
            return state, iterations + more
    message = f"bulk fixed point: residual {state.size_of_defect:.1e} after {iterations + more} Newton steps"
    raise NumericalError(Status.NOT_CONVERGED, message, partial=state)


def _converged(state: BulkState, tolerance: float) -> bool:
    return bool(state.size_of_defect <= max(tolerance, _ROUNDING))


def _newton(state: BulkState, tolerance: float, most: int, known: Linearised | None = None) -> tuple[BulkState, int]:
    """Newton steps until the defect is under the tolerance, or under the rounding and no longer falling, or for good
    not finite.

    The Jacobian of an earlier step, or ``known``, serves as long as it brings the end near.
    """
    last = np.inf
    for iteration in range(most):
        size = state.size_of_defect
        if size <= tolerance or (size <= _ROUNDING and size > last / 4) or not np.isfinite(size):
            return state, iteration
        if size / tolerance > (last / size) ** _CHORD_STEPS:
            known = None
        last = size
        state, known = _next(state, known)
    return state, most


def _lower_shift(model: BulkModel, shift: Any, tolerance: float) -> tuple[BulkState, int]:
    """Continuation in D from the scale of the features' own variance down, each start extrapolated in logarithms."""
    natural = float((model.sample_weights @ (model.residual + 1)) @ model.neuron_weights)
    level, ratio = max(1.0, natural / float(np.abs(shift).min())), _SHIFT_RATIO
    state, total = _newton(_start(model, shift * level), tolerance, _FIRST_ATTEMPT)
    slope = np.zeros(len(state.r) + len(state.zeta))
    while level > 1 and total < _MAX_ITERATIONS and np.isfinite(state.size_of_defect):
        step = min(ratio, level)
        guess = BulkState(model, shift * (level / step), state.r, state.zeta).moved(-slope * np.log(step))
        new, iterations = _newton(guess, tolerance, 8)
        total += max(iterations, 1)  # a start that is not finite takes none
        if not _converged(new, tolerance):
            ratio = max(1.2, ratio**0.5)
            continue
        moved = np.concatenate([np.log(new.r / state.r), np.log(new.zeta / state.zeta)])
        slope, level, state = -moved / np.log(step), level / step, new
    return state if level <= 1 else BulkState(model, shift, state.r, state.zeta), total


def _start(model: BulkModel, shift: Any) -> BulkState:
    ones = np.ones(len(model.neuron_weights))
    r = 1 / (shift + model.residual @ model.neuron_weights + (model.phi**2).sum(axis=1))
    state = BulkState(model, shift, r * np.ones(len(model.sample_weights)), ones)
    for _ in range(_DAMPED_STEPS):
        state = _damped(state)
    return state


def _damped(state: BulkState) -> BulkState:
    return state.moved(-0.5 * state.defect)


def _next(state: BulkState, known: Linearised | None) -> tuple[BulkState, Linearised | None]:
    """A Newton step, shortened to what the logarithms bear and until the defect falls; damped where there is none."""
    try:
        if state.r.ndim > 1:
            step = -np.linalg.solve(jacobian(state), state.defect[..., None])[..., 0]
        else:
            known = known or Linearised(state)
            step = -known.solve(state.defect)
    except (NumericalError, np.linalg.LinAlgError):
        return _damped(state), None
    largest = float(np.abs(step).max())
    if not np.isfinite(largest):
        return _damped(state), None
    if largest > _MAX_LOG_STEP:
        step *= _MAX_LOG_STEP / largest
    size = state.size_of_defect
    for _ in range(_HALVINGS):
        new = state.moved(step)
        if new.size_of_defect < size or size <= _ROUNDING:
            return new, known
        step = step / 2
    return _damped(state), None
