"""The features along the known directions, and what they fit (docs/theory-inputs.md, section 5)."""

from itertools import pairwise
from typing import Any

import numpy as np

from polyspike.theory.covariance.fixed_point import CovarianceState

__all__ = ["FeatureForms", "linear_block"]


def linear_block(state: CovarianceState) -> Any:
    """``G`` between b^ and e^ (eq-known-directions), shape (2, 2, p, p).

    Nothing is divided by V': where H would be subtracted from it, ``V'^-1 - V'^-1 H V'^-1 = Gam``.
    """
    model, blocks, law = state.model, state.blocks, state.model.law
    measures, count = model.step.frame_measures, len(model.step.mean_gradient)
    inner, size, fields = measures[:count, :count], len(state.v), len(state.t)

    def joined(arrays: Any) -> Any:
        """(q, q', x, y) as one matrix."""
        return np.swapaxes(arrays, 1, 2).reshape(arrays.shape[0] * arrays.shape[2], -1)

    half = joined(np.einsum("xkl,lab->xkab", inner, blocks.half))
    seen = np.einsum("xkl,lab->xkab", inner, blocks.seen)
    fields_along = joined(np.einsum("xkl,lab->xkab", inner, blocks.fields))
    t_along = joined(np.einsum("xkj,jab->xkab", law.second, state.samples.answer))
    # (1 + Pi T_k)^-1 and what follows from it.
    one = np.eye(len(t_along))
    inverse = np.linalg.inv(one + fields_along @ t_along)
    gathered = t_along @ inverse
    phi_gradient = model.problem.phi_gradient
    weighted_eps = law.eps * law.first
    answers = np.einsum("kj,jab->kab", weighted_eps, state.samples.answer).reshape(count * fields, fields)
    mean_seen = np.tensordot(model.spectrum.weights, blocks.seen, 1)
    moved = phi_gradient * answers @ mean_seen
    seen_mean = np.einsum("xkab,k->xab", seen, model.step.mean_gradient).reshape(count * fields, size)
    out = np.einsum("xyl,lab->xyab", measures, blocks.gam)
    out[:count, :count] += _split(half @ gathered @ half.T, count, size)
    returned = np.linalg.inv(one + t_along @ fields_along)
    beside = half @ (gathered @ seen_mean + returned @ moved)
    beside = beside.reshape(count, size, size)
    out[:count, count] += beside
    out[count, :count] += np.swapaxes(beside, 1, 2)
    cross = seen_mean.T @ returned @ moved
    own = phi_gradient**2 * mean_seen.T @ np.tensordot(law.weights * law.eps**2, state.samples.answer, 1) @ mean_seen
    corrected = fields_along - fields_along @ gathered @ fields_along
    out[count, count] += seen_mean.T @ gathered @ seen_mean + cross + cross.T + own - moved.T @ corrected @ moved
    known = model.step.known
    return np.einsum("ai,ijxy,bj->abxy", known, out, known)


def _split(matrix: Any, count: int, size: int) -> Any:
    return np.swapaxes(matrix.reshape(count, size, count, size), 1, 2)


class FeatureForms:
    """Forms of functions of the known directions at a state (eq-stack-forms).

    Functions are sums over the Hermite polynomials of ``kappa_e``, the coordinate along e^, of degrees 0, 1 and 2, with
    coefficients that are functions of kappa.
    """

    def __init__(self, state: CovarianceState) -> None:
        self.state, model = state, state.model
        kappa, phi = model.grid.kappa[:, None], model.bulk.phi
        size = phi.shape[1]
        stack: list[list[Any]] = [[kappa * phi], [phi], []]
        if model.pairs is not None:
            phi2 = model.pairs.phi
            for functions, more in zip(stack, ((kappa**2 - 1) / 2**0.5 * phi2, kappa * phi2, phi2), strict=True):
                functions.append(more)
        self.functions: list[Any] = [np.concatenate([phi[:, :0], *functions], axis=1) for functions in stack]
        ends = np.cumsum([0, *(f.shape[1] for f in self.functions)])
        self.places = [slice(a, b) for a, b in pairwise(ends)]
        prior, plain = self._prior(size, int(ends[-1]))
        moments = np.zeros_like(prior)
        for joined, place in zip(self.functions, self.places, strict=True):
            moments[place, place] = state.gram(joined, joined)
        self._t = np.linalg.solve(np.eye(len(prior)) + prior @ (moments - plain), prior)

    def _prior(self, size: int, total: int) -> tuple[Any, Any]:
        """The prior of the coefficients and the plain averages that it contains already."""
        state, model = self.state, self.state.model
        linear = model.bulk.samples_per_dim * linear_block(state)
        prior = np.zeros((total, total), dtype=linear.dtype)
        plain = np.zeros_like(prior)
        starts = [place.start for place in self.places]
        for i in range(2):
            plain[starts[i] : starts[i] + size, starts[i] : starts[i] + size] = state.v
            for j in range(2):
                prior[starts[i] : starts[i] + size, starts[j] : starts[j] + size] = linear[i, j]
        if state.pairs is not None:
            size2 = state.pairs.v.shape[0]
            places = [starts[0] + size, starts[1] + size, starts[2]]
            between = self._between_products()
            for i in range(3):
                plain[places[i] : places[i] + size2, places[i] : places[i] + size2] = state.pairs.v
                for j in range(3):
                    prior[places[i] : places[i] + size2, places[j] : places[j] + size2] = between[i, j]
        return prior, plain

    def _between_products(self) -> Any:
        """``n <D_a|G2|D_b>`` between b^b^, b^e^ (symmetrised) and e^e^ (eq-products), shape (3, 3, p2, p2)."""
        pairs = self.state.pairs
        assert pairs is not None
        first, second = pairs.arrays.first, pairs.arrays.second
        nu = self.state.model.direction_measures

        def both(x: Any, y: Any) -> Any:
            """The measure of x times that of y on the pairs, symmetrised."""
            return np.where(first == second, x[first] * y[first], x[first] * y[second] + x[second] * y[first])

        bb, be, ee = nu[0, 0], nu[0, 1], nu[1, 1]
        once = {"bb.bb": both(bb, bb), "bb.be": both(bb, be), "be.be": both(be, be), "bb.ee": both(bb, ee)}
        once |= {"be.ee": both(be, ee), "ee.ee": both(ee, ee)}
        root = 2**0.5
        weights = np.array(
            [
                [once["bb.bb"], root * once["bb.be"], once["be.be"]],
                [root * once["bb.be"], once["bb.ee"] + once["be.be"], root * once["be.ee"]],
                [once["be.be"], root * once["be.ee"], once["ee.ee"]],
            ]
        )
        # <x x|G|y y> over ordered pairs of eigendirections: twice the pairs i < j and once i = j.
        return pairs.arrays.n_samples * np.tensordot(weights, pairs.gam, 1)

    def levers(self, parts: Any) -> Any:
        """``E[R p f]`` of a function with parts (3, K) or (3, K, m)."""
        found = [
            f.T @ (self.state.weighted_r.reshape(-1, *(1,) * (p.ndim - 1)) * p)
            for f, p in zip(self.functions, parts, strict=True)
        ]
        return np.concatenate(found)

    def form(self, parts: Any, others: Any) -> Any:
        """``<p, p'>`` of functions of every degree, (3, K, m) and (3, K, m')."""
        plain = np.einsum("skm,k,skn->mn", parts, self.state.weighted_r, others)
        return plain - self.levers(parts).T @ (self._t @ self.levers(others))
