"""The features in the few directions on which label and spikes depend (docs/theory-corrections.md, sections 11 and 12).

With b^ the direction of kappa and e^ those of the teacher orthogonal to it, the linear features live along b^ and e^,
the quadratic ones along ``b^b^``, ``b^e^`` (symmetrised) and ``e^e^``, of unit norm. On a sample they are functions of
kappa times a polynomial in the kappa_perp, and those of one degree overlap (eq-stack):

- degree 0: ``kappa phi``, ``h_2(kappa) phi2``, and ``phi2`` itself, which comes from the neurons' norms;
- degree 1, one for each e^: ``phi`` and ``kappa phi2``;
- degree 2: ``phi2`` on ``h_2`` of each kappa_perp and on their products.

They are fitted jointly, with all the other samples: a ridge regression whose prior is ``P`` and whose sample average is
``E[R f f']``. In all other directions the features of different degree do not overlap. The blocks of ``P`` already
contain the samples through the value that ``E[R f f']`` has in those directions, called plain: V for the linear
features, V2 for the quadratic ones. With ``Dt`` the difference of ``E[R f f']`` from its plain value (eq-joint)

``T = (1 + P Dt)^-1 P``.

The weights along the known directions are not isotropic, nor independent of the neuron's norm: the prior of the
quadratic features is ``Q = (n/D2) E_u[zeta chi chi' C(u)]`` with C of weights_along.py, and P holds
``Q (1 + plain Q)^-1``.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState
from polyspike.theory.finite_size.given_kappa.weights_along import products
from polyspike.theory.finite_size.spikes.known_overlaps import KnownAlongB
from polyspike.theory.finite_size.spikes.norm_response import NormResponse

__all__ = ["Degree", "FeatureStack"]


class Degree(NamedTuple):
    """The features of one degree in one kappa_perp.

    Attributes
    ----------
    functions, by_log_norm : ndarray of shape (K, m)
        ``f~``, the functions at the mean norm under the weight R, and their derivatives by ``log |x|``.
    factor : ndarray of shape (K,)
        The mean square of the polynomial under the weight R: less than one, as R is small where the norm is large.
    place : slice
        The place of its m coefficients among those of all degrees.
    linear : int
        The number of its linear features, which come first.
    """

    functions: Any
    by_log_norm: Any
    factor: Any
    place: slice
    linear: int


class FeatureStack:
    """Functions of all degrees, the prior of their coefficients and ``T``, at a solved bulk.

    Parameters
    ----------
    model : FiniteSizeModel
    state : BulkState
    response : NormResponse
    phi, phi_b : ndarray of shape (K, p)
        The slope along kappa_perp and along kappa, at the mean norm under the weight R.

    Attributes
    ----------
    degrees : list of Degree
        Degree 0, degree 1 of every e^, and degree 2.
    linear, quadratic : ndarray of int, shape (P, p), (1 + D, p2)
        Places of the linear features of every direction, and of the quadratic features of the neurons' norms (first)
        and of every product.
    squares : list of int
        The degrees that belong to the square of one kappa_perp.
    t : ndarray of shape (M, M)
        ``T`` of (eq-joint).
    """

    def __init__(self, model: FiniteSizeModel, state: BulkState, response: NormResponse, phi: Any, phi_b: Any) -> None:
        self.model, self.state = model, state
        self._variance = response.log_norm_variance
        self.weighted_r = model.bulk.sample_weights * state.r
        self._phi2, self._phi2_by_log_norm, self._chi2 = model.quadratic
        self._finite = model.along.covariance.shape[1] > 1
        self._sizes = phi.shape[1], self._phi2.shape[1]
        self.degrees = self._stacked(phi, phi_b, response)
        self.linear, self.quadratic = self._places()
        count = model.direction_measures.shape[1]
        self.squares = [count + k for k, (i, j) in enumerate(products(count)[count:]) if i == j]
        self._differences = [self._difference(degree) for degree in self.degrees]
        prior = self._prior()
        inner = np.eye(len(prior), dtype=prior.dtype)
        for degree, block in zip(self.degrees, self._differences, strict=True):
            inner[:, degree.place] += prior[:, degree.place] @ block
        self.t = np.linalg.solve(inner, prior)

    def _stacked(self, phi: Any, phi_b: Any, response: NormResponse) -> list[Degree]:
        """The features f of every degree (eq-stack): the linear ones first, then those of the neurons' norms, then the
        quadratic ones.
        """
        kappa, phi_t, phi2_t = self.model.grid.kappa[:, None], self.model.phi_by_log_norm, self._phi2_by_log_norm
        phi2, h2 = response.at_mean_norm(self._phi2, phi2_t), (kappa**2 - 1) / np.sqrt(2)
        n_first = self.model.direction_measures.shape[1] - 1
        n_second = len(products(n_first + 1)) - n_first - 1
        zero = ([kappa * phi_b, phi2, h2 * phi2], [kappa * phi_t, phi2_t, h2 * phi2_t], np.ones(len(phi2)))
        first = ([phi, kappa * phi2], [phi_t, kappa * phi2_t], response.square_factor)
        second = ([phi2], [phi2_t], response.square_factor**2)
        columns = [zero, *[first] * n_first, *[second] * n_second]
        if not self._finite:
            keep = [2, *[1] * n_first, *[0] * n_second]
            columns = [(f[:k], t[:k], factor) for (f, t, factor), k in zip(columns, keep, strict=True)]
        degrees: list[Degree] = []
        start = 0
        for functions, by_log_norm, factor in columns:
            f = np.concatenate([phi[:, :0], *functions], axis=1)
            f_t = np.concatenate([phi[:, :0], *by_log_norm], axis=1)
            place = slice(start, start + f.shape[1])
            linear = phi.shape[1] if len(degrees) <= n_first else 0
            degrees.append(Degree(f, f_t, factor, place, linear))
            start = place.stop
        return degrees

    def _places(self) -> tuple[Any, Any]:
        """The places of the linear and of the quadratic features, as in the attributes of the class."""
        size, size2 = self._sizes
        count = self.model.direction_measures.shape[1]
        starts = np.array([degree.place.start for degree in self.degrees])
        norm = size + np.arange(size2)
        if not self._finite:
            return starts[:count, None] + np.arange(size), norm[None]
        before = np.where(np.arange(len(starts)) < count, size, 0)
        before[0] += size2
        return starts[:count, None] + np.arange(size), np.stack([norm, *(starts + before)[:, None] + np.arange(size2)])

    def _difference(self, degree: Degree) -> Any:
        """``Dt = E[R f f'] - plain`` (eq-joint); the plain average has no block between linear and quadratic features.

        ``E[R f f']`` is taken at the mean norm, with the term ``v f_t f_t'`` (eq-mean-norm).
        """
        f, f_t, size2 = degree.functions, degree.by_log_norm, self._sizes[1]
        found = f.T @ ((degree.factor * self.weighted_r)[:, None] * f)
        found = found + self._variance * self.state.gram(f_t, f_t)
        if degree.linear:
            found[: degree.linear, : degree.linear] -= self.state.v
        if self._plain is not None:
            found[-size2:, -size2:] -= self._plain
        return found

    @property
    def _plain(self) -> Any:
        """The plain average of the quadratic features, V2; None where the bulk does not fit them."""
        terms = self.state.next_order
        return terms.v if self._finite and terms is not None and terms.arrays.phi.shape[1] else None

    def _prior(self) -> Any:
        """``P`` (eq-joint): between the linear directions ``(n/d) G`` with the ``G_ij = int Gam dnu_ij`` of
        (eq-directions), between the quadratic ones ``Q (1 + plain Q)^-1``.
        """
        bulk, size = self.model.bulk, self.degrees[-1].place.stop
        if self._known is None:
            linear = bulk.samples_per_dim * np.einsum("kij,kab->iajb", self.model.direction_measures, self.state.gam)
        else:
            linear = self._known.prior
        prior = np.zeros((size, size), dtype=np.result_type(linear, self._quadratic_prior))
        for places, block in (
            (self.linear.ravel(), linear),
            (self.quadratic.ravel(), self._quadratic_prior @ self._attenuation),
        ):
            prior[np.ix_(places, places)] = block.reshape(len(places), len(places))
        return prior

    @cached_property
    def _known(self) -> KnownAlongB | None:
        overlaps = self.model.overlaps
        return None if overlaps is None or not overlaps.tied else KnownAlongB(self.model, self.state)

    @cached_property
    def _neuron_prior(self) -> Any:
        """``(n/D2) w zeta C(u)``, shape (A, 1 + D, 1 + D)."""
        n, d = self.model.problem.n_samples, self.model.problem.input_dim
        weights = 2 * n / (d * (d + 1)) * self.model.bulk.neuron_weights * self.state.zeta
        return weights[:, None, None] * self.model.along.covariance

    @cached_property
    def _quadratic_prior(self) -> Any:
        """``Q = (n/D2) E_u[zeta chi chi' C(u)]``, a matrix over (product, factor), flattened."""
        pairs = (self._chi2[:, :, None] * self._chi2[:, None, :]).reshape(len(self._chi2), self._sizes[1] ** 2)
        count, size2 = len(self.quadratic), self._sizes[1]
        flat = self._neuron_prior.reshape(len(pairs), count * count).T @ pairs
        return flat.reshape(count, count, size2, size2).swapaxes(1, 2).reshape(count * size2, count * size2)

    @cached_property
    def _attenuation(self) -> Any:
        """``(1 + plain Q)^-1``; the feature of the neurons' norms has no plain average."""
        one = np.eye(len(self._quadratic_prior))
        if self._plain is None:
            return one
        size2 = self._sizes[1]
        blocks = self._quadratic_prior.reshape(len(self.quadratic), size2, len(one))
        blocks = np.einsum("ab,dbx->dax", self._plain, blocks)
        blocks[0] = 0.0
        return np.linalg.inv(one + blocks.reshape(one.shape))

    def vector(self, labels: Any, by_log_norm: Any) -> Any:
        """``v = E[R f y]`` for coefficients y of every degree and their derivatives, shape (S, K) each."""
        parts = [
            (d.factor * self.weighted_r * y) @ d.functions + (self._variance * self.weighted_r * t) @ d.by_log_norm
            for d, y, t in zip(self.degrees, labels, by_log_norm, strict=True)
        ]
        return np.concatenate(parts)

    def vectors(self, functions: Any, by_log_norm: Any) -> Any:
        """:meth:`vector` for functions (S, K, m), whose derivative at degree 0 is (K, m); shape (M, m)."""
        parts = [
            d.functions.T @ ((d.factor * self.weighted_r)[:, None] * f)
            for d, f in zip(self.degrees, functions, strict=True)
        ]
        parts[0] = parts[0] + self._variance * self.state.gram(self.degrees[0].by_log_norm, by_log_norm)
        return np.concatenate(parts)

    def fitted(self, coefficients: Any) -> tuple[Any, Any]:
        """The function with the coefficients (M,) by degree, and its derivative by ``log |x|``, shape (S, K) each."""
        values = [(d.functions @ coefficients[d.place], d.by_log_norm @ coefficients[d.place]) for d in self.degrees]
        return np.array([f for f, _ in values]), np.array([t for _, t in values])

    def derivatives(self, v: Any, coefficients: Any) -> tuple[Any, Any]:
        """The derivatives by log R, over ``w R``, and log zeta of ``-v' T v`` through the prior and the plain averages,
        at fixed ``E[R f f']``; ``coefficients = T v``.
        """
        # a = (1 + Dt P)^-1 v, so that v' dT v = a' dP a - (T v)' dDt (T v).
        a = v.copy()
        for degree, block in zip(self.degrees, self._differences, strict=True):
            a[degree.place] -= block @ coefficients[degree.place]
        linear = self._through_linear(a[self.linear], coefficients[self.linear])
        quadratic = self._through_quadratic(a[self.quadratic], coefficients[self.quadratic])
        return linear[0] + quadratic[0], linear[1] + quadratic[1]

    def _through_linear(self, a: Any, coefficients: Any) -> tuple[Any, Any]:
        """The part of the linear block of P: ``dGam = E' dQ E - c Gam dV Gam`` at every node of M."""
        measures, state, bulk = self.model.direction_measures, self.state, self.model.bulk
        known_v, known_zeta = 0.0, 0.0
        if self._known is not None:
            a, known_v, known_zeta = self._known.derivatives(a)
        chi_e_a = np.einsum("kab,jb->kja", state.e, a) @ bulk.chi.T
        phi_gam_a = np.einsum("kab,jb->kja", state.gam, a) @ bulk.phi.T
        through_q = np.einsum("kij,kia,kja,ka->a", measures, chi_e_a, chi_e_a, bulk.weight_variance)
        through_v = np.einsum("kij,kix,kjx->x", measures, phi_gam_a, phi_gam_a)
        by_zeta = -bulk.samples_per_dim * through_q * bulk.neuron_weights * state.zeta + known_zeta
        through_v = bulk.samples_per_dim**2 * through_v + known_v
        return through_v - ((coefficients @ bulk.phi.T) ** 2).sum(axis=0), by_zeta

    def _through_quadratic(self, a: Any, coefficients: Any) -> tuple[Any, Any]:
        """The part of the quadratic block: ``dP = E' dQ E - P dplain P``, ``E = (1 + plain Q)^-1``, where ``a`` and
        the coefficients have the shape (1 + D, p2).
        """
        e_a = self._attenuation @ a.ravel()
        chi_e_a = e_a.reshape(a.shape) @ self._chi2.T
        by_zeta = -np.einsum("uab,au,bu->u", self._neuron_prior, chi_e_a, chi_e_a)
        if self._plain is None:
            return 0.0, by_zeta
        p_a = (self._quadratic_prior @ e_a).reshape(a.shape)
        through_plain = ((p_a[1:] @ self._phi2.T) ** 2).sum(axis=0)
        return through_plain - ((coefficients[1:] @ self._phi2.T) ** 2).sum(axis=0), by_zeta
