"""The learned functions ``m(., u)`` and the cost of their coefficients (docs/theory-finite-size.md, sections 4 and 10).

The basis is that of the quadrature nodes of u: one learned function a node, and one more a node for the neurons' norms.
"""

from typing import Any

import numpy as np

from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState
from polyspike.theory.finite_size.given_kappa.weights_along import products

__all__ = [
    "cost_derivatives",
    "functions_by_log_norm",
    "inverse_neuron_form",
    "learned_by_degree",
    "learned_functions",
    "neuron_cost",
    "separating_rotation",
]

# Spikes stronger than this (n r^2) get their own coordinates; below, their rounding stays under 1e-11.
_STRONG = 1e5


def learned_functions(model: FiniteSizeModel) -> Any:
    """Functions of kappa (K, 2 A): ``m(., u) sqrt(w)``, and ``t(., u) sqrt(w v_u)``, which the neurons' norms add
    (eq-norm-terms).
    """
    root = np.sqrt(model.grid.u_weights)
    of_norms = model.norms.mean_by_log_norm * root * np.sqrt(model.norms.neuron_variance)
    return np.concatenate([model.mean * root, of_norms], axis=1)


def functions_by_log_norm(model: FiniteSizeModel) -> Any:
    """The derivatives of the learned functions of degree 0 by the log of a sample's norm, shape (K, A):
    ``t(., u) sqrt(w)``, and that of the slope along kappa where the overlaps are known.
    """
    by_log_norm = model.norms.mean_by_log_norm
    if model.overlaps is not None:
        by_log_norm = by_log_norm + _along_b(model, model.overlaps.slope_by_log_norm)
    return by_log_norm * np.sqrt(model.grid.u_weights)


def _along_b(model: FiniteSizeModel, slope: Any) -> Any:
    """``kappa`` times a slope (K, A) times the known weight along b, shape (K, A) (eq-known-overlaps); its average over
    the overlaps where they are not tied to the weights.
    """
    assert model.overlaps is not None
    known = slope * model.overlaps.mean
    if not model.overlaps.tied:
        known = model.grid.average_over_overlaps(known.T).T
    return model.grid.kappa[:, None] * known


def neuron_cost(model: FiniteSizeModel, state: BulkState) -> Any:
    """N times the cost of unit coefficients of the learned functions: ``U^-1`` and ``1/zeta``, block diagonal
    (eq-norm-terms).
    """
    of_means, size = inverse_neuron_form(model, state), len(state.zeta)
    cost = np.zeros((2 * size, 2 * size), dtype=np.result_type(of_means, model.mean))
    cost[:size, :size] = of_means
    rest = np.arange(size, 2 * size)
    cost[rest, rest] = 1 / state.zeta
    return cost


def learned_by_degree(model: FiniteSizeModel) -> Any:
    """The learned functions, by their degree in the orthogonal inputs, shape (S, K, A).

    The mean of ``(w . x)^2`` has parts along the products of the known directions: ``t/(sqrt 2 d)`` times
    ``WeightsAlong.mean`` on each, of unit norm.
    """
    root, kappa, count = np.sqrt(model.grid.u_weights), model.grid.kappa[:, None], model.direction_measures.shape[1]
    mean, by_log_norm = model.along.mean, model.norms.mean_by_log_norm * root / model.problem.input_dim
    parts = [model.mean * root + by_log_norm * (kappa**2 - 1) / 2 * mean[:, 0, 0]]
    parts += [by_log_norm * kappa * mean[:, 0, j] for j in range(1, count)]
    parts += [by_log_norm * mean[:, i, j] * (0.5**0.5 if i == j else 1.0) for i, j in products(count)[count:]]
    if model.output_along is not None:
        moved = _by_moved_output(model) * root
        for j in range(1, count):
            parts[j] = parts[j] + model.output_along[j] * moved
    if model.overlaps is not None:
        known, variance = model.overlaps, model.norms.log_norm_variance
        parts[0] = parts[0] + _along_b(model, known.slope - 2 * variance * known.slope_by_log_norm) * root
    return np.array(parts)


def _by_moved_output(model: FiniteSizeModel) -> Any:
    """What a weight ``e u^2 / sqrt N`` along a direction multiplies that coordinate of the input by, shape (K, A)."""
    u, scalars = model.grid.u, model.conditioning
    slope = model.phi @ model.bulk.chi.T
    return slope * scalars.quadratic_step * u**2 / model.problem.width**0.5


def separating_rotation(model: FiniteSizeModel) -> Any:
    """Orthogonal change of the learned functions that keeps strong and weak spikes apart.

    A spike of strength n r^2 rounds the coefficients of the others at its own relative precision unless it has a
    coordinate of its own. None where no spike is strong.
    """
    if model.problem.n_samples * np.abs(model.conditioning.spike_strength) ** 2 < _STRONG:
        return None
    weighted = np.sqrt(model.grid.kappa_weights)[:, None] * np.real(model.mean) * np.sqrt(model.grid.u_weights)
    return np.linalg.svd(weighted)[2].T


def inverse_neuron_form(model: FiniteSizeModel, state: BulkState) -> Any:
    """``U^-1`` in the nodal basis (A, A): the inverse of ``U = E_u[h h' zeta]`` and the cost of the samples' norms.

    The second is ``n E_kappa[R t t'] cov(log tau, log tau')`` (eq-norm-terms). The full gradient adds
    ``(n/N) sum_mu weight Y Psi Y'`` (eq-excluded).
    """
    by_log_norm = functions_by_log_norm(model)
    of_norms = model.problem.n_samples * model.norms.sample_covariance * state.gram(by_log_norm, by_log_norm)
    inverse = np.diag(1 / state.zeta) + of_norms
    if model.conditioning.excluded == 0:
        return inverse
    return inverse + _along_readout_form(model, state)


def _along_readout_form(model: FiniteSizeModel, state: BulkState) -> Any:
    """``(n/N) sum_mu weight Y Psi Y'``, ``Y = gain u chi`` (eq-excluded), over :func:`_readout_measures`.

    The gains are ``constant + linear mu``: of each measure the averages of Psi, ``mu Psi`` and ``mu^2 Psi`` suffice.
    """
    bulk, root = model.bulk, np.sqrt(model.grid.u_weights)
    if not model.linear_gains:
        return _along_readout_node_by_node(model, state)
    weights, constant, linear = _readout_measures(model)
    powers = np.concatenate([weights, weights * model.mu, weights * model.mu**2]) * bulk.samples_per_neuron
    size = bulk.chi.shape[1]
    means = (powers @ state.psi.reshape(len(model.mu), -1)).reshape(3, len(weights), size, size)
    psi, mu_psi, mu2_psi = bulk.chi @ means @ bulk.chi.T
    fixed, moved = root * model.grid.u * constant, root * model.grid.u * linear
    mixed = fixed[:, :, None] * moved[:, None]
    form = fixed[:, :, None] * fixed[:, None] * psi + (mixed + np.swapaxes(mixed, 1, 2)) * mu_psi
    found: Any = (form + moved[:, :, None] * moved[:, None] * mu2_psi).sum(axis=0)
    return found


def _along_readout_node_by_node(model: FiniteSizeModel, state: BulkState) -> Any:
    """:func:`_along_readout_form` for any gains."""
    bulk = model.bulk
    weights, gains = _along_readout(model)
    y = gains * np.sqrt(model.grid.u_weights) * model.grid.u
    psi = np.concatenate([state.psi, state.psi])
    return bulk.samples_per_neuron * np.einsum("k,ku,kuv,kv->uv", weights, y, bulk.chi @ psi @ bulk.chi.T, y)


def _readout_measures(model: FiniteSizeModel) -> tuple[Any, Any, Any]:
    """Of the part along the readout that the neurons' linear features lack, and of what they have beside the learned
    functions (eq-excluded, eq-output-gain): weights of S measures of M, shape (S, n_mu), and their gains
    ``constant + linear mu``, both of shape (S, A).

    With the full gradient the own weights are ``a omega' + (I - a a') W0'``. The bulk has no part along the readout
    (weight -1, in every direction of x). The gain acts on ``a omega'``, too, by ``gain - 1``; what of this lies along
    known directions is in the learned functions.
    """
    scalars, u = model.conditioning, model.grid.u
    own, by_matrix = scalars.own_gain(u, model.grid.moving_overlap) * np.ones(len(u)), scalars.quadratic_step * u
    none = np.zeros_like(by_matrix)
    if model.output_measures is None:
        left = none if scalars.moved_output != 0 else by_matrix
        weights = np.stack([-model.bulk.mu_weights, model.omega_measure])
        return weights, np.stack([own, own - 1]), np.stack([by_matrix, left])
    # The measure at (own - 1 + e u mu) omega - e u (the known part) by those at its parts and at their sums.
    between, at_part = model.output_measures
    weights = np.stack([-model.bulk.mu_weights, model.omega_measure - between, between, at_part - between])
    constant = np.stack([own, own - 1, own - 1 - by_matrix, by_matrix])
    return weights, constant, np.stack([by_matrix, by_matrix, by_matrix, none])


def _along_readout(model: FiniteSizeModel) -> tuple[Any, Any]:
    """Weights and gains of those measures, one after the other, at the nodes of M; where the gains are those of a
    covariance, of the part that is lacking and of ``gain - 1`` along omega.
    """
    if not model.linear_gains:
        weights = np.concatenate([-model.bulk.mu_weights, model.omega_measure])
        return weights, np.concatenate([model.gains, model.gains - 1])
    weights, constant, linear = _readout_measures(model)
    return weights.ravel(), np.concatenate(constant[:, None] + linear[:, None] * model.mu[:, None])


def cost_derivatives(model: FiniteSizeModel, state: BulkState, x: Any) -> tuple[Any, Any]:
    """Derivatives of ``x' U^-1 x / n`` by log R (K,) and log zeta (A,), x (A,) coefficients of learned functions."""
    weighted_r = model.bulk.sample_weights * state.r
    by_log_norm = functions_by_log_norm(model) * x
    by_r = ((by_log_norm @ model.norms.sample_covariance) * by_log_norm).sum(axis=1) * weighted_r
    by_zeta = -(x**2) / (model.problem.n_samples * state.zeta)
    if model.conditioning.excluded == 0:
        return by_r, by_zeta
    more_r, more_zeta = _along_readout_derivatives(model, state, x)
    return by_r + more_r * weighted_r, by_zeta + more_zeta


def _along_readout_derivatives(model: FiniteSizeModel, state: BulkState, x: Any) -> tuple[Any, Any]:
    """The derivatives by log R (over R and its weights) and log zeta of ``(1/N) sum_mu weight x' Y Psi Y' x``:
    ``dPsi = E dV E' - c Psi dQ Psi``.
    """
    bulk = model.bulk
    weights, gains = _along_readout(model)
    y = (gains * np.sqrt(model.grid.u_weights) * model.grid.u * x) @ bulk.chi
    count = len(weights) // len(model.mu)
    e, psi, weight_variance = (np.concatenate([part] * count) for part in (state.e, state.psi, bulk.weight_variance))
    through_phi = np.einsum("kab,kb->ka", np.swapaxes(e, 1, 2), y) @ bulk.phi.T
    through_chi = (np.einsum("kab,kb->ka", psi, y) @ bulk.chi.T) ** 2 * weight_variance
    scale = bulk.samples_per_neuron / model.problem.n_samples
    by_zeta = -scale * bulk.samples_per_dim * (weights @ through_chi) * bulk.neuron_weights * state.zeta
    return scale * (weights @ through_phi**2), by_zeta
