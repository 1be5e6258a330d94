"""The features in the few directions of which label and spikes know (docs/theory-finite-size.md, sections 11 and 12).

With b^ the direction of kappa and e^ those of the teacher orthogonal to it, the linear features live along b^ and e^,
the quadratic ones along ``b^b^``, ``b^e^`` (symmetrised) and ``e^e^``, of unit norm. On a sample they are functions of
kappa times a polynomial in the kappa_perp, and those of one degree overlap:

- degree 0: ``kappa phi``, ``h_2(kappa) phi2``, and ``phi2`` itself, which the neurons' norms make;
- degree 1, one for each e^: ``phi`` and ``kappa phi2``;
- degree 2: ``phi2`` on ``h_2`` of each kappa_perp and on their products.

They are fitted jointly, with all the other samples: a ridge regression whose prior is ``P`` and whose sample average is
``E[R f f']``. In all other directions the features of different degree do not overlap; they are fitted already in the
blocks of ``P``, with ``E[R f f']`` at its plain value, so that what is left is the difference ``Dt``, and

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
from polyspike.theory.finite_size.spikes.norm_response import NormResponse

__all__ = ["Degree", "FeatureStack"]


class Degree(NamedTuple):
    """The features of one degree in one kappa_perp.

    Attributes
    ----------
    functions, by_log_norm : ndarray of shape (K, m)
        f at the norm a sample of this kappa has in the mean, leant by the fluctuation of R, and its derivative by
        ``log |x|``.
    factor : ndarray of shape (K,)
        What the average of R times the square of the coordinate is less by, R being small where the norm is large.
    place : slice
        Where its m coefficients stand among all of them.
    linear : int
        How many of its features are linear ones; they come first.
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
        The slope along kappa_perp and along kappa, leant.

    Attributes
    ----------
    degrees : list of Degree
        Degree 0, degree 1 of every e^, and degree 2.
    linear, quadratic : ndarray of int, shape (P, p), (1 + D, p2)
        Places of the linear features of every direction, and of the quadratic ones: first that of the norms.
    squares : list of int
        Which of the degrees belong to the square of one kappa_perp.
    t : ndarray of shape (M, M)
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
        """Linear features first, then those of the norm, then the quadratic ones."""
        kappa, turned, turned2 = self.model.grid.kappa[:, None], self.model.phi_by_log_norm, self._phi2_by_log_norm
        phi2, h2, count = (
            response.at_mean_norm(self._phi2, turned2),
            (kappa**2 - 1) / np.sqrt(2),
            self.model.direction_measures.shape[1],
        )
        columns = [
            ([kappa * phi_b, phi2, h2 * phi2], [kappa * turned, turned2, h2 * turned2], np.ones(len(phi2))),
            *[([phi, kappa * phi2], [turned, kappa * turned2], response.square_factor)] * (count - 1),
            *[([phi2], [turned2], response.square_factor**2)] * (len(products(count)) - count),
        ]
        if not self._finite:
            keep = [2, *[1] * (count - 1), *[0] * (len(products(count)) - count)]
            columns = [(f[:k], t[:k], factor) for (f, t, factor), k in zip(columns, keep, strict=True)]
        degrees: list[Degree] = []
        start = 0
        for functions, turns, factor in columns:
            f = np.concatenate([phi[:, :0], *functions], axis=1)
            place = slice(start, start + f.shape[1])
            linear = phi.shape[1] if len(degrees) < count else 0
            degrees.append(Degree(f, np.concatenate([phi[:, :0], *turns], axis=1), factor, place, linear))
            start = place.stop
        return degrees

    def _places(self) -> tuple[Any, Any]:
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
        """``Dt``: the average of ``R f f'`` less its plain value, which couples no linear and quadratic feature."""
        f, turned, size2 = degree.functions, degree.by_log_norm, self._sizes[1]
        found = f.T @ ((degree.factor * self.weighted_r)[:, None] * f)
        found = found + self._variance * (turned.T @ (self.weighted_r[:, None] * turned))
        if degree.linear:
            found[: degree.linear, : degree.linear] -= self.state.v
        if self._plain is not None:
            found[-size2:, -size2:] -= self._plain
        return found

    @property
    def _plain(self) -> Any:
        """V2 as all other quadratic directions have it; None where the bulk does not fit them."""
        terms = self.state.next_order
        return terms.v if self._finite and terms is not None and terms.arrays.phi.shape[1] else None

    def _prior(self) -> Any:
        """``P``: ``(n/d) G`` between the linear directions, ``Q (1 + plain Q)^-1`` between the quadratic ones."""
        bulk, size = self.model.bulk, self.degrees[-1].place.stop
        linear = bulk.samples_per_dim * np.einsum("kij,kab->iajb", self.model.direction_measures, self.state.gam)
        prior = np.zeros((size, size), dtype=np.result_type(linear, self._quadratic_prior))
        for places, block in (
            (self.linear.ravel(), linear),
            (self.quadratic.ravel(), self._quadratic_prior @ self._attenuation),
        ):
            prior[np.ix_(places, places)] = block.reshape(len(places), len(places))
        return prior

    @cached_property
    def _neuron_prior(self) -> Any:
        """``(n/D2) w zeta C(u)``, shape (A, 1 + D, 1 + D)."""
        n, d = self.model.problem.n_samples, self.model.problem.input_dim
        weights = 2 * n / (d * (d + 1)) * self.model.bulk.neuron_weights * self.state.zeta
        return weights[:, None, None] * self.model.along.covariance

    @cached_property
    def _quadratic_prior(self) -> Any:
        """``Q``, over products and factors, flat."""
        pairs = (self._chi2[:, :, None] * self._chi2[:, None, :]).reshape(len(self._chi2), self._sizes[1] ** 2)
        count, size2 = len(self.quadratic), self._sizes[1]
        flat = self._neuron_prior.reshape(len(pairs), count * count).T @ pairs
        return flat.reshape(count, count, size2, size2).swapaxes(1, 2).reshape(count * size2, count * size2)

    @cached_property
    def _attenuation(self) -> Any:
        """``(1 + plain Q)^-1``."""
        one = np.eye(len(self._quadratic_prior))
        if self._plain is None:
            return one
        size2 = self._sizes[1]
        blocks = self._quadratic_prior.reshape(len(self.quadratic), size2, len(one))
        blocks = np.einsum("ab,dbx->dax", self._plain, blocks)
        blocks[0] = 0.0
        return np.linalg.inv(one + blocks.reshape(one.shape))

    def vector(self, labels: Any, turned: Any) -> Any:
        """``v = E[R f y]`` for coefficients y of every degree and their derivatives, shape (S, K) each."""
        parts = [
            (d.factor * self.weighted_r * y) @ d.functions + (self._variance * self.weighted_r * t) @ d.by_log_norm
            for d, y, t in zip(self.degrees, labels, turned, strict=True)
        ]
        return np.concatenate(parts)

    def vectors(self, functions: Any, turned: Any) -> Any:
        """The same for functions (S, K, m), whose derivative at degree 0 is (K, m); shape (M, m)."""
        parts = [
            d.functions.T @ ((d.factor * self.weighted_r)[:, None] * f)
            for d, f in zip(self.degrees, functions, strict=True)
        ]
        parts[0] = parts[0] + self._variance * (self.degrees[0].by_log_norm.T @ (self.weighted_r[:, None] * turned))
        return np.concatenate(parts)

    def fitted(self, coefficients: Any) -> tuple[Any, Any]:
        """What coefficients (M,) make of every degree, and its derivative by ``log |x|``, shape (S, K) each."""
        values = [(d.functions @ coefficients[d.place], d.by_log_norm @ coefficients[d.place]) for d in self.degrees]
        return np.array([f for f, _ in values]), np.array([t for _, t in values])

    def derivatives(self, v: Any, coefficients: Any) -> tuple[Any, Any]:
        """By log R, over ``w R``, and log zeta of ``-v' T v`` through the prior and the plain averages at fixed
        ``E[R f f']``; ``coefficients = T v``.
        """
        # a = (1 + Dt P)^-1 v, so that v' dT v = a' dP a - (T v)' dDt (T v).
        a = v.copy()
        for degree, block in zip(self.degrees, self._differences, strict=True):
            a[degree.place] -= block @ coefficients[degree.place]
        linear = self._through_linear(a[self.linear], coefficients[self.linear])
        quadratic = self._through_quadratic(a[self.quadratic], coefficients[self.quadratic])
        return linear[0] + quadratic[0], linear[1] + quadratic[1]

    def _through_linear(self, a: Any, coefficients: Any) -> tuple[Any, Any]:
        """``dGam = E' dQ E - c Gam dV Gam`` at every node of M."""
        model, state, bulk = self.model, self.state, self.model.bulk
        e_a = np.einsum("kab,jb->kja", state.e, a)
        g_a = np.einsum("kab,jb->kja", state.gam, a)
        through_q, through_phi = e_a @ bulk.chi.T, g_a @ bulk.phi.T
        by_zeta = np.einsum("kij,kia,kja,ka->a", model.direction_measures, through_q, through_q, bulk.weight_variance)
        by_r = np.einsum("kij,kix,kjx->x", model.direction_measures, through_phi, through_phi)
        by_zeta = -bulk.samples_per_dim * by_zeta * bulk.neuron_weights * state.zeta
        return bulk.samples_per_dim**2 * by_r - ((coefficients @ bulk.phi.T) ** 2).sum(axis=0), by_zeta

    def _through_quadratic(self, a: Any, coefficients: Any) -> tuple[Any, Any]:
        """``dP = E' dQ E - P dplain P``, ``E = (1 + plain Q)^-1``; ``a`` and coefficients (1 + D, p2)."""
        passed = self._attenuation @ a.ravel()
        on_neurons = passed.reshape(a.shape) @ self._chi2.T
        by_zeta = -np.einsum("uab,au,bu->u", self._neuron_prior, on_neurons, on_neurons)
        if self._plain is None:
            return 0.0, by_zeta
        learned = (self._quadratic_prior @ passed).reshape(a.shape)
        squares = ((learned[1:] @ self._phi2.T) ** 2).sum(axis=0)
        return squares - ((coefficients[1:] @ self._phi2.T) ** 2).sum(axis=0), by_zeta
