"""The fixed point of the bulk, by Newton in logarithms.

Derived in docs/theory-finite-size.md, section 3 and docs/theory-corrections.md, section 8.

Unknown: ``R(kappa)``, the limiting diagonal of ``(K + D)^-1`` on the samples, and ``zeta(u)``, that of
``(F' D^-1 F / N + I)^-1`` on the neurons, where ``K = F F'/N`` is the bulk of the features.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.theory.finite_size.bulk.factorised import FactorisedJacobian
from polyspike.theory.finite_size.bulk.finite_dimension import NextOrder, NextOrderState

__all__ = ["BulkModel", "BulkState", "Linearised", "jacobian", "tangent"]


# Of more readout nodes than this a Jacobian's block is made of factors, where that takes fewer operations; their rank
# is cut at this share of the largest.
_MANY_NEURONS, _RANK_ROUNDING = 60, 1e-15
# Seconds of an entry of a Jacobian, of an operation of its decomposition, and of a pair of readout nodes at a node of
# M; nodes of M.
_ENTRY_SECONDS, _OPERATION_SECONDS, _PAIR_SECONDS, _TYPICAL_MU_NODES = 6e-8, 1e-10, 3e-9, 24


@dataclass(frozen=True)
class BulkModel:
    """The coefficients of the fixed point; K kappa nodes, A u nodes, p factors, n_mu nodes of the matrix M.

    Attributes
    ----------
    sample_weights, neuron_weights : ndarray of shape (K,), (A,)
        Quadrature weights of the two Gaussian (or readout) measures.
    phi, chi : ndarray of shape (K, p), (A, p)
        ``A1 / tau = sum_j phi_j(kappa) chi_j(u)``.
    noise_variance : ndarray of shape (K, A)
        ``A2^2``, the variance of the noise of a feature.
    weight_variance : ndarray of shape (n_mu, A)
        ``s_u(mu)``, the variance of a neuron's weight along an eigendirection of M.
    mu_weights : ndarray of shape (n_mu,)
    samples_per_dim : float
        ``n / d``.
    samples_per_neuron : float
        ``n / N``.
    next_order : NextOrder, optional
        The terms of finite dimension (section 11); without them the fixed point is that of the leading order.
    """

    sample_weights: Any
    neuron_weights: Any
    phi: Any
    chi: Any
    noise_variance: Any
    weight_variance: Any
    mu_weights: Any
    samples_per_dim: float
    samples_per_neuron: float
    next_order: NextOrder | None = None

    @cached_property
    def phi_pairs(self) -> Any:
        """``phi_i phi_j`` flat, shape (K, p^2): sums over nodes, and forms at all of them, are then one product."""
        return (self.phi[:, :, None] * self.phi[:, None, :]).reshape(len(self.phi), -1)

    @cached_property
    def chi_pairs(self) -> Any:
        """``chi_i chi_j`` flat, shape (A, p^2)."""
        return (self.chi[:, :, None] * self.chi[:, None, :]).reshape(len(self.chi), -1)

    @cached_property
    def weighted_variance(self) -> Any:
        """``s_u(mu)`` times the weights of M, shape (n_mu, A)."""
        return self.mu_weights[:, None] * self.weight_variance

    @cached_property
    def variance_factors(self) -> tuple[Any, Any]:
        """``s_u(mu)``, a polynomial of degree two in mu beside the noise's covariance, as a product of few functions of
        mu (n_mu, r) and of u (r, A), to rounding of each neuron's largest.
        """
        largest = np.abs(self.weight_variance).max(axis=0)
        left, sizes, right = np.linalg.svd(self.weight_variance / largest, full_matrices=False)
        rank = int((sizes > _RANK_ROUNDING * sizes[0]).sum())
        return left[:, :rank] * sizes[:rank], right[:rank] * largest

    def over_r(self, shift: Any, noise: Any, gam: Any) -> Any:
        """``D + h + phi' bar[Gam] phi`` (eq-fixed, eq-split), the leading order of 1/R, shape (..., K).

        ``noise`` is ``h``, and ``gam`` has the nodes of M on its third axis from the end.
        """
        return shift + noise + (self.mu_weights @ _flat(gam)) @ self.phi_pairs.T

    def over_zeta(self, noise: Any, psi: Any, more: Any = 0.0) -> Any:
        """``1 + (n/N)(E[A2^2 R] + chi' bar[s Psi] chi)`` (eq-fixed, eq-split), 1/zeta, shape (..., A).

        ``noise`` is ``E[A2^2 R]``, and ``more`` what finite dimension adds to it.
        """
        linear = (self.weighted_variance * (_flat(psi) @ self.chi_pairs.T)).sum(axis=-2)
        return 1 + self.samples_per_neuron * (noise + linear + more)


@dataclass(frozen=True)
class BulkState:
    """A pair (R, zeta) with the matrices that belong to it (eq-cavity, eq-split); ``c = n/d``.

    ``Q(mu) = E[zeta s chi chi']``, ``V = E[phi phi' R]``, ``E = (I + c V Q)^-1``, ``Gam = Q E``, ``Psi = E V``. Leading
    axes of ``shift``, ``r`` and ``zeta`` are a batch of shifts of one model.
    """

    model: BulkModel
    shift: Any
    r: Any
    zeta: Any

    def gram(self, f: Any, g: Any) -> Any:
        """``E[R f g']`` of functions of kappa, shapes (K, m) and (K, m'), for a single state (no batch)."""
        return f.T @ ((self.model.sample_weights * self.r)[:, None] * g)

    @cached_property
    def q_hat(self) -> Any:
        """``Q(mu)``, shape (..., n_mu, p, p)."""
        model = self.model
        weights = model.weight_variance * (model.neuron_weights * self.zeta)[..., None, :]
        return (weights @ model.chi_pairs).reshape(*weights.shape[:-1], *self.v.shape[-2:])

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
        return np.linalg.inv(np.eye(size) + self.model.samples_per_dim * (self.v[..., None, :, :] @ self.q_hat))

    @cached_property
    def gam(self) -> Any:
        """``Gam(mu)``."""
        return self.q_hat @ self.e

    @cached_property
    def psi(self) -> Any:
        """``Psi(mu)``."""
        return self.e @ self.v[..., None, :, :]

    @cached_property
    def inverse_r(self) -> Any:
        """X, the right-hand side of the equation for 1/R (eq-fixed, eq-split): ``D + h + phi' bar[Gam] phi``."""
        model = self.model
        h = (model.neuron_weights * self.zeta) @ model.noise_variance.T
        shift = np.asarray(self.shift)
        shift = shift[..., None] if shift.ndim and shift.shape != self.r.shape else shift
        leading = model.over_r(shift, h, self.gam)
        return leading if self.next_order is None else leading + self.next_order.by_r

    @cached_property
    def inverse_zeta(self) -> Any:
        """Y, the right-hand side of the equation for 1/zeta (eq-fixed, eq-split):
        ``1 + (n/N)(E[A2^2 R] + chi' bar[s Psi] chi)``.
        """
        noise = (self.model.sample_weights * self.r) @ self.model.noise_variance
        more = 0.0 if self.next_order is None else self.next_order.by_zeta
        return self.model.over_zeta(noise, self.psi, more)

    @cached_property
    def next_order(self) -> NextOrderState | None:
        """The terms of finite dimension."""
        arrays, model = self.model.next_order, self.model
        if arrays is None:
            return None
        wr, wz = model.sample_weights * self.r, model.neuron_weights * self.zeta
        return NextOrderState(arrays, wr, wz, self.r, model.samples_per_neuron)

    @property
    def diagonal_variance(self) -> Any:
        """Relative variance of the diagonal of ``(K + D)^-1`` between samples of the same kappa."""
        return 0.0 if self.next_order is None else self.next_order.diagonal_variance

    @cached_property
    def defect(self) -> Any:
        """P, the defect ``(log R X, log zeta Y)``, zero at the fixed point."""
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            return np.concatenate([np.log(self.r * self.inverse_r), np.log(self.zeta * self.inverse_zeta)], axis=-1)

    @cached_property
    def size_of_defect(self) -> float:
        """Largest relative defect; infinite where the iterate left the domain."""
        size = float(np.abs(self.defect).max())
        return size if np.isfinite(size) else np.inf

    def moved(self, step: Any) -> "BulkState":
        """The state after adding ``step`` to (log R, log zeta)."""
        k = len(self.model.sample_weights)
        return BulkState(self.model, self.shift, self.r * np.exp(step[..., :k]), self.zeta * np.exp(step[..., k:]))

    def damped(self) -> "BulkState":
        """Half a step of the plain iteration, in logarithms."""
        return self.moved(-0.5 * self.defect)

    def alternated(self) -> "BulkState":
        """A step of alternation: balanced, then ``zeta = 1/Y(R, zeta)``, then ``R = 1/X(R, zeta)``.

        Sinkhorn's balancing of a matrix does the same, and like it this is fast where the variances of the noise range
        over many decades.
        """
        balanced = self._balanced()
        neurons = BulkState(self.model, self.shift, balanced.r, 1 / balanced.inverse_zeta)
        return BulkState(self.model, self.shift, 1 / neurons.inverse_r, neurons.zeta)

    def _balanced(self) -> "BulkState":
        """``(R c, zeta/c)`` with the c at which ``E zeta/c + (n/N)(1 - c E[D R]) = 1``, an identity of every fixed
        point of the leading order: the one direction in which alternation is slow where D is small.
        """
        model = self.model
        quadratic = model.samples_per_neuron * float(model.sample_weights @ (self.shift * self.r))
        constant, half_linear = float(model.neuron_weights @ self.zeta), (1 - model.samples_per_neuron) / 2
        # Not a number outside of the domain: a negative float has a complex power.
        root = float(np.sqrt(half_linear**2 + quadratic * constant))
        scale = constant / (root + half_linear) if half_linear > 0 else (root - half_linear) / quadratic
        return BulkState(model, self.shift, self.r * scale, self.zeta / scale)


def _flat(matrices: Any) -> Any:
    """The last two axes as one."""
    return matrices.reshape(*matrices.shape[:-2], -1)


def jacobian(state: BulkState) -> Any:
    """J, the derivative of :attr:`BulkState.defect` by (log R, log zeta) (eq-jacobian), shape (..., K + A, K + A)."""
    model = state.model
    k, a = len(model.sample_weights), len(model.neuron_weights)
    cross = model.noise_variance + _between_both(state)
    sample = -model.samples_per_dim * _between_samples(state)
    neuron = -model.samples_per_dim * _between_neurons(state)
    if state.next_order is not None:
        by_r, cross_change, by_zeta = state.next_order.second_derivatives()
        sample, cross, neuron = sample + by_r, cross + cross_change, neuron + by_zeta
    # Derivatives of 1/R and 1/zeta are symmetric but for the quadrature weights.
    out = np.empty((*state.r.shape[:-1], k + a, k + a), dtype=np.result_type(cross, state.inverse_r))
    out[..., :k, :k], out[..., :k, k:] = sample, cross
    out[..., k:, :k], out[..., k:, k:] = np.swapaxes(cross, -1, -2), neuron
    out *= np.concatenate([1 / state.inverse_r, model.samples_per_neuron / state.inverse_zeta], axis=-1)[..., None]
    out *= np.concatenate([model.sample_weights * state.r, model.neuron_weights * state.zeta], axis=-1)[..., None, :]
    out[..., np.arange(k + a), np.arange(k + a)] += 1
    if state.next_order is not None:
        out[..., np.arange(k), np.arange(k)] += state.next_order.diagonal_derivative / state.inverse_r
    return out


def jacobian_seconds(rows: int, columns: int) -> float:
    """Seconds of a Jacobian and its decomposition, its operations counted at the rates of a laptop."""
    size = rows + columns
    pairs = _PAIR_SECONDS * _TYPICAL_MU_NODES * columns**2
    return _ENTRY_SECONDS * rows * size + pairs + _OPERATION_SECONDS * (_TYPICAL_MU_NODES * size**2 + size**3)


def step_seconds(model: BulkModel) -> float:
    """Seconds of a step of Newton's method with two evaluations of the defect, by the factors and nodes of a model that
    has been made; as above.
    """
    rows, columns = len(model.sample_weights), len(model.neuron_weights)
    nodes, rank = len(model.mu_weights), model.phi.shape[1]
    of_state = nodes * rank**2 * (5 * rank + 2 * (rows + columns))
    of_jacobian = nodes * rank * (columns**2 + rows * columns + rows**2) + (rows + columns) ** 3
    return _OPERATION_SECONDS * 2 * (of_state + of_jacobian) + _ENTRY_SECONDS * rows * (rows + columns)


def _between_samples(state: BulkState) -> Any:
    """``bar[(phi' Gam phi)^2]``, shape (..., K, K): of few factors by their products, without an array a node of M."""
    model = state.model
    k, size = model.phi.shape
    count = len(model.mu_weights)
    if size**4 * (count + k) + (size * k) ** 2 > count * k**2 * (size + 2):
        squares = _square(model.phi @ state.gam @ model.phi.T)
        return (model.mu_weights @ _flat(squares)).reshape(*squares.shape[:-3], k, k)
    gam = _flat(state.gam)
    products = np.swapaxes(model.mu_weights[:, None] * gam, -1, -2) @ gam
    products = np.swapaxes(products.reshape(*products.shape[:-2], size, size, size, size), -3, -2)
    return model.phi_pairs @ products.reshape(*products.shape[:-4], size**2, size**2) @ model.phi_pairs.T


def _between_both(state: BulkState) -> Any:
    """``bar[s (phi' E' chi)^2]``, shape (..., K, A): of few factors by their products, as between samples."""
    model = state.model
    k, size = model.phi.shape
    count, weighted = len(model.mu_weights), model.weighted_variance
    e_chi = model.chi @ state.e
    if size**2 * (count + k) > count * k * (size + 3):
        return (weighted[:, None] * _square(model.phi @ np.swapaxes(e_chi, -1, -2))).sum(axis=-3)
    of_neuron = np.swapaxes(e_chi, -3, -2)
    products = np.swapaxes(weighted.T[:, :, None] * of_neuron, -1, -2) @ of_neuron
    return model.phi_pairs @ np.swapaxes(_flat(products), -1, -2)


def _products_of_psi(state: BulkState, of_matrix: Any) -> Any:
    """``bar[(f f') x (Psi x Psi)]`` for functions f (n_mu, r) of M, shape (..., r p^2, r p^2)."""
    size, rank = state.psi.shape[-1], of_matrix.shape[1]
    psi = _flat(state.psi)
    pairs = (psi[..., :, None] * psi[..., None, :]).reshape(*psi.shape[:-1], *4 * (size,))
    # Of (p r)(q s) to (p q)(r s).
    pairs = np.swapaxes(pairs, -3, -2).reshape(*psi.shape[:-1], size**4)
    functions = (state.model.mu_weights[:, None, None] * of_matrix[:, :, None] * of_matrix[:, None, :]).reshape(
        len(of_matrix), rank**2
    )
    products = (functions.T @ pairs).reshape(*psi.shape[:-2], rank, rank, size**2, size**2)
    return np.swapaxes(products, -3, -2).reshape(*psi.shape[:-2], rank * size**2, rank * size**2)


def _between_neurons(state: BulkState) -> Any:
    """``bar[s (chi' Psi chi)^2 s]``, shape (..., A, A): of many neurons by the factors of s and products of those of
    Psi.
    """
    model = state.model
    a, size = model.chi.shape
    count = len(model.mu_weights)
    if a > _MANY_NEURONS and not np.iscomplexobj(model.weight_variance):
        of_matrix, of_neuron = model.variance_factors
        width = len(of_neuron) * size**2
        if width * (width * count + a * (width + a)) < count * a**2 * (size + 4):
            left = (of_neuron.T[:, :, None] * model.chi_pairs[:, None, :]).reshape(a, width)
            return left @ _products_of_psi(state, of_matrix) @ left.T
    squares = _square(model.chi @ state.psi @ model.chi.T)
    squares *= model.weighted_variance[:, :, None]
    squares *= model.weight_variance[:, None, :]
    return squares.sum(axis=-3)


def _square(values: Any) -> Any:
    """The squares of an array, written over the array itself: the largest temporary of a Jacobian is not doubled."""
    return np.multiply(values, values, out=values)


class Linearised(FactorisedJacobian):
    """The factorised Jacobian of a single state (no batch)."""

    def __init__(self, state: BulkState) -> None:
        super().__init__(jacobian(state), state)


def tangent(state: BulkState, at: Linearised) -> Any:
    """Derivative of (log R, log zeta) by log D along the solution."""
    right = np.zeros(state.defect.shape, dtype=state.defect.dtype)
    right[: len(state.r)] = state.shift / state.inverse_r
    return -at.solve(right)
