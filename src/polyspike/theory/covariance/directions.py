"""The features along the known directions, and what they fit (docs/theory-inputs.md, section 5)."""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.covariance.fixed_point import CovarianceState
from polyspike.theory.covariance.norm_response import NormResponse

__all__ = ["FeatureForms", "Parts", "linear_block"]


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


class Parts(NamedTuple):
    """Functions by their degree in kappa_e, (3, K, m), with their derivatives by the log of a sample's norm."""

    values: Any
    by_log_norm: Any


class FeatureForms:
    """Forms of functions of the known directions at a state (eq-stack-forms).

    Functions are sums over the Hermite polynomials of ``kappa_e``, the coordinate along e^, of degrees 0, 1 and 2, with
    coefficients that are functions of kappa. All of them are given at the mean norm under the weight R.

    Attributes
    ----------
    factors : ndarray of shape (3, K)
        The mean square of the polynomial of each degree.
    """

    def __init__(self, state: CovarianceState, response: NormResponse) -> None:
        self.state, self._variance = state, response.log_norm_variance
        square = response.square_factor
        self.factors = np.stack([np.ones_like(square), square, square**2])
        self._functions = self._stacked(response)
        ends = np.cumsum([0, *(f.values.shape[1] for f in self._functions)])
        self._places = [slice(a, b) for a, b in pairwise(ends)]
        prior, plain = self._prior(int(ends[-1]))
        moments = np.zeros_like(prior)
        for degree, place in enumerate(self._places):
            moments[place, place] = self._between(degree, *self._functions[degree], *self._functions[degree])
        self._t = np.linalg.solve(np.eye(len(prior)) + prior @ (moments - plain), prior)

    def _stacked(self, response: NormResponse) -> list[Parts]:
        """The features of every degree (eq-stack): linear ones, that of the neurons' norms, quadratic ones."""
        model = self.state.model
        kappa, phi_t = model.grid.kappa[:, None], model.phi_by_log_norm
        phi = response.at_mean_norm(model.phi, phi_t)
        # Along b the slope is less by its part in H_3(kappa).
        phi_b = phi - 2 * self._variance * model.norms.along_b * phi_t
        stack, by_log_norm = [[kappa * phi_b], [phi], [phi[:, :0]]], [[kappa * phi_t], [phi_t], [phi_t[:, :0]]]
        if model.pairs is not None:
            phi2_t = model.pairs.phi_by_log_norm
            phi2, h2 = response.at_mean_norm(model.pairs.phi, phi2_t), (kappa**2 - 1) / 2**0.5
            for found, f in ((stack, phi2), (by_log_norm, phi2_t)):
                found[0] += [f, h2 * f]
                found[1] += [kappa * f]
                found[2] += [f]
        pairs = zip(stack, by_log_norm, strict=True)
        return [Parts(np.concatenate(f, axis=1), np.concatenate(t, axis=1)) for f, t in pairs]

    def _between(self, degree: int, f: Any, f_t: Any, g: Any, g_t: Any) -> Any:
        """``E[R f g']`` of functions of one degree: ``E[R (factor f~ g~' + v f_t g_t')]``."""
        weighted = (self.factors[degree] * self.state.weighted_r)[:, None] * g
        return f.T @ weighted + self._variance * self.state.gram(f_t, g_t)

    def _prior(self, total: int) -> tuple[Any, Any]:
        """The prior of the coefficients and the plain averages that it contains already."""
        state, model = self.state, self.state.model
        linear = model.bulk.samples_per_dim * linear_block(state)
        size, starts = linear.shape[2], [place.start for place in self._places]
        prior = np.zeros((total, total), dtype=linear.dtype)
        plain = np.zeros_like(prior)
        _fill(prior, starts[:2], linear)
        _fill(plain, starts[:2], np.einsum("ij,ab->iajb", np.eye(2), state.v).swapaxes(1, 2))
        if state.pairs is None:
            return prior, plain
        size2 = state.pairs.v.shape[0]
        _fill(prior, [size], self._of_norms()[None, None])
        places = [size + size2, starts[1] + size, starts[2]]
        _fill(prior, places, self._between_products())
        _fill(plain, places, np.einsum("ij,ab->iajb", np.eye(3), state.pairs.v).swapaxes(1, 2))
        return prior, plain

    def _of_norms(self) -> Any:
        """``2 n E[zeta chi chi' Var log tau]``: the neurons' own norms multiply ``t = sqrt(2) a2``, shape (p2, p2)."""
        pairs, state = self.state.pairs, self.state
        assert pairs is not None
        chi = pairs.arrays.chi
        return 2 * pairs.arrays.n_samples * chi.T @ ((state.weighted_zeta * state.model.norms.neurons)[:, None] * chi)

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
        crossed, squared, root = both(bb, be), both(be, be), 2**0.5
        weights = np.array(
            [
                [both(bb, bb), root * crossed, squared],
                [root * crossed, both(bb, ee) + squared, root * both(be, ee)],
                [squared, root * both(be, ee), both(ee, ee)],
            ]
        )
        return pairs.arrays.n_samples * np.tensordot(weights, pairs.gam, 1)

    def levers(self, parts: Parts) -> Any:
        """``E[R f p']`` of functions p with all features, shape (M, m)."""
        found = [
            self._between(degree, *f, parts.values[degree], parts.by_log_norm[degree])
            for degree, f in enumerate(self._functions)
        ]
        return np.concatenate(found)

    def fitted(self, levers: Any) -> Parts:
        """What the features fit of functions with these levers (M, m)."""
        coefficients = self._t @ levers
        columns = list(zip(self._functions, self._places, strict=True))
        values, slopes = (np.array([f[k] @ coefficients[place] for f, place in columns]) for k in (0, 1))
        return Parts(values, slopes)

    def form(self, parts: Parts, others: Parts) -> Any:
        """``<p, p'>`` but for ``E[R v p_t p_t']``, which belongs to the label's rest and to the learned functions'
        cost; shape (m, m').
        """
        weighted = (self.factors * self.state.weighted_r)[:, :, None] * others.values
        plain = np.einsum("skm,skn->mn", parts.values, weighted)
        return plain - self.levers(parts).T @ (self._t @ self.levers(others))


def _fill(matrix: Any, starts: list[int], blocks: Any) -> None:
    """Write blocks (i, j, a, b) at the places that start there."""
    size = blocks.shape[2]
    for i, row in enumerate(starts):
        for j, column in enumerate(starts):
            matrix[row : row + size, column : column + size] = blocks[i, j]
