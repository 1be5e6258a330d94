"""The features of the bulk in the few directions of which label and spikes know (docs/theory-uniform.md, section 11).

With b^ the direction of kappa and e^ those of the teacher orthogonal to it, the linear features live along b^ and e^,
the quadratic ones along ``b^b^``, ``b^e^`` (symmetrised) and ``e^e^``, of unit norm. On a sample they are functions of
kappa times a polynomial in kappa_perp, and those of one degree in kappa_perp overlap:

- degree 0: ``kappa phi`` and ``h_2(kappa) phi2``;
- degree 1, one for each e^: ``phi`` and ``kappa phi2``;
- degree 2: ``phi2`` on ``h_2(kappa_perp)``.

They are fitted jointly, with all the other samples: a ridge regression whose prior is ``P`` and whose sample average is
``E[R f f']``. In all other directions the features of different degree do not overlap; they are fitted already in the
blocks of ``P``, with ``E[R f f']`` at its plain value, so that what is left is the difference ``Dt``, and

``T = (1 + P Dt)^-1 P``.

Of a teacher of several indices the squares and products of its further orthogonal inputs are left out.
"""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.uniform.bulk import BulkState
from polyspike.theory.uniform.model import UniformModel
from polyspike.theory.uniform.norm_response import NormResponse

__all__ = ["Degree", "FeatureStack"]


class Degree(NamedTuple):
    """The features of one degree in one kappa_perp.

    Attributes
    ----------
    functions, turned : ndarray of shape (K, m)
        f at the norm a sample of this kappa has in the mean, leant by the fluctuation of R, and its derivative by
        ``log |x|``.
    factor : ndarray of shape (K,)
        What the average of R times the square of the coordinate is less by, R being small where the norm is large.
    place : slice
        Where its m coefficients stand among all of them.
    """

    functions: Any
    turned: Any
    factor: Any
    place: slice


class FeatureStack:
    """Functions of all degrees, the prior of their coefficients and ``T``, at a solved bulk.

    Parameters
    ----------
    model : UniformModel
    state : BulkState
    response : NormResponse
    phi, phi_b : ndarray of shape (K, p)
        The slope along kappa_perp and along kappa, leant.

    Attributes
    ----------
    degrees : list of Degree
        Degree 0, degree 1 of every e^, degree 2 of the first.
    linear, quadratic : ndarray of int, shape (P, p), (P + 1, p2)
        Places of the linear features of every direction, and of the quadratic ones of every degree.
    t : ndarray of shape (M, M)
    """

    def __init__(self, model: UniformModel, state: BulkState, response: NormResponse, phi: Any, phi_b: Any) -> None:
        self.model, self.state = model, state
        self._variance = response.variance
        self.moved = model.bulk.sample_weights * state.r
        terms = state.next_order
        self._phi2 = np.zeros((len(phi), 0)) if terms is None else terms.arrays.phi
        self.degrees = self._stacked(phi, phi_b, response)
        size, size2, count = phi.shape[1], self._phi2.shape[1], model.directions.shape[1]
        starts = np.array([degree.place.start for degree in self.degrees])
        self.linear = starts[:count, None] + np.arange(size)
        self.quadratic = starts[:, None] + np.arange(size2) + size * (np.arange(count + 1) < count)[:, None]
        self._differences = [self._difference(degree) for degree in self.degrees]
        prior = self._prior()
        inner = np.eye(len(prior), dtype=prior.dtype)
        for degree, block in zip(self.degrees, self._differences, strict=True):
            inner[:, degree.place] += prior[:, degree.place] @ block
        self.t = np.linalg.solve(inner, prior)

    def _stacked(self, phi: Any, phi_b: Any, response: NormResponse) -> list[Degree]:
        kappa, turned, terms = self.model.grid.kappa[:, None], self.model.phi_turn, self.state.next_order
        h2 = (kappa**2 - 1) / np.sqrt(2)
        turned2 = self._phi2 if terms is None else terms.arrays.turned
        phi2 = response.leant(self._phi2, turned2)
        columns = [
            ([kappa * phi_b, h2 * phi2], [kappa * turned, h2 * turned2], np.ones(len(phi2))),
            *[([phi, kappa * phi2], [turned, kappa * turned2], response.factor)] * len(self.model.labels.g1),
            ([phi2], [turned2], response.factor**2),
        ]
        degrees, start = [], 0
        for functions, turns, factor in columns:
            f = np.concatenate(functions, axis=1)
            place = slice(start, start + f.shape[1])
            degrees.append(Degree(f, np.concatenate(turns, axis=1), factor, place))
            start = place.stop
        return degrees

    def _difference(self, degree: Degree) -> Any:
        """``Dt``: the average of ``R f f'`` less its plain value, which couples no linear and quadratic feature."""
        f, turned, terms = degree.functions, degree.turned, self.state.next_order
        found = f.T @ ((degree.factor * self.moved)[:, None] * f)
        found = found + self._variance * (turned.T @ (self.moved[:, None] * turned))
        size = f.shape[1] - self._phi2.shape[1]
        if size:
            found[:size, :size] -= self.state.v
        if terms is not None:
            found[size:, size:] -= terms.v
        return found

    def _prior(self) -> Any:
        """``P``: ``(n/d) G`` between the linear directions, ``(n/D2) Q (1 + (n/D2) V2 Q)^-1`` in each quadratic one."""
        bulk, size, (quadratic, _) = self.model.bulk, self.degrees[-1].place.stop, self._quadratic
        linear = bulk.aspect * np.einsum("kij,kab->iajb", self.model.directions, self.state.gam)
        prior = np.zeros((size, size), dtype=np.result_type(linear, quadratic))
        places = self.linear.ravel()
        prior[np.ix_(places, places)] = linear.reshape(len(places), len(places))
        for place, block in zip(self.quadratic, quadratic, strict=True):
            prior[np.ix_(place, place)] = block
        return prior

    @cached_property
    def _shares(self) -> Any:
        """The variance of ``w' D w`` over neurons times D2, shape (S, 1, 1), for weights on the unit sphere.

        It is ``(d + 1)/(d + 2)`` for a traceless D of norm 1; of the squares ``b^b^`` and ``e^e^`` a share ``1/d`` more
        belongs to the norm.
        """
        d, mixed = self.model.problem.input_dim, len(self.degrees) - 2
        square = (d * d - 1) / (d * (d + 2))
        return np.array([square, *[(d + 1) / (d + 2)] * mixed, square])[:, None, None]

    @cached_property
    def _quadratic(self) -> tuple[Any, Any]:
        """``(n/D2) Q (1 + (n/D2) V2 Q)^-1`` and ``(1 + (n/D2) V2 Q)^-1`` of every degree, shape (S, p2, p2)."""
        terms, count = self.state.next_order, len(self.degrees)
        if terms is None:
            return np.zeros((count, 0, 0)), np.zeros((count, 0, 0))
        q = terms.arrays.aspect * self._shares * terms.q
        e = np.linalg.inv(np.eye(q.shape[-1]) + terms.v @ q)
        return q @ e, e

    def vector(self, labels: Any, turned: Any) -> Any:
        """``v = E[R f y]`` for coefficients y of every degree and their derivatives, shape (S, K) each."""
        parts = [
            (d.factor * self.moved * y) @ d.functions + (self._variance * self.moved * t) @ d.turned
            for d, y, t in zip(self.degrees, labels, turned, strict=True)
        ]
        return np.concatenate(parts)

    def fitted(self, coefficients: Any) -> tuple[Any, Any]:
        """What coefficients (M,) make of every degree, and its derivative by ``log |x|``, shape (S, K) each."""
        values = [(d.functions @ coefficients[d.place], d.turned @ coefficients[d.place]) for d in self.degrees]
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
        through_q, through_phi = e_a @ bulk.q.T, g_a @ bulk.phi.T
        by_zeta = np.einsum("kij,kia,kja,ka->a", model.directions, through_q, through_q, bulk.moves)
        by_r = np.einsum("kij,kix,kjx->x", model.directions, through_phi, through_phi)
        by_zeta = -bulk.aspect * by_zeta * bulk.neuron_weights * state.zeta
        return bulk.aspect**2 * by_r - ((coefficients @ bulk.phi.T) ** 2).sum(axis=0), by_zeta

    def _through_quadratic(self, a: Any, coefficients: Any) -> tuple[Any, Any]:
        terms = self.state.next_order
        if terms is None:
            return 0.0, 0.0
        arrays, (prior, e) = terms.arrays, self._quadratic
        through_chi = np.einsum("spq,sq->sp", e, a) @ arrays.chi.T
        through_phi = np.einsum("spq,sq->sp", prior, a) @ arrays.phi.T
        by_zeta = -arrays.aspect * terms.wz * (self._shares[:, :, 0] * through_chi**2).sum(axis=0)
        return (through_phi**2 - (coefficients @ arrays.phi.T) ** 2).sum(axis=0), by_zeta
