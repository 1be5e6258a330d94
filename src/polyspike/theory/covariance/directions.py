"""The features along the known directions, and what they fit (docs/theory-inputs.md, section 5)."""

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
        columns = self._columns(response)
        ends = np.cumsum([0, *(f.values.shape[1] for f in columns)])
        self._starts = [int(end) for end in ends[:-1]]
        self._functions = Parts(
            *(np.concatenate(parts, axis=2) for parts in zip(*self._by_degree(columns), strict=True))
        )
        prior, plain = self._prior(int(ends[-1]))
        moments = self._moments(self._functions, self._functions)
        self._t = np.linalg.solve(np.eye(len(prior)) + prior @ (moments - plain), prior)

    def _columns(self, response: NormResponse) -> list[Parts]:
        """The features (eq-stack): of degree 0 the linear ones, those of the neurons' norms and the quadratic ones; of
        degree 1 the linear and the quadratic ones; of degree 2 the quadratic ones.
        """
        model = self.state.model
        kappa, phi_t = model.grid.kappa[:, None], model.phi_by_log_norm
        phi = response.at_mean_norm(model.phi, phi_t)
        # Along b the slope is less by its part in H_3(kappa).
        phi_b = phi - model.norms.of_b * phi_t
        linear = [Parts(kappa * phi_b, kappa * phi_t), Parts(phi, phi_t)]
        if model.pairs is None:
            return linear
        phi2_t = model.pairs.phi_by_log_norm
        phi2, h2 = response.at_mean_norm(model.pairs.phi, phi2_t), (kappa**2 - 1) / 2**0.5
        of_norms, squares = Parts(phi2, phi2_t), Parts(h2 * phi2, h2 * phi2_t)
        return [linear[0], of_norms, squares, linear[1], Parts(kappa * phi2, kappa * phi2_t), of_norms]

    def _by_degree(self, columns: list[Parts]) -> list[Parts]:
        """The same with an axis of degrees: one of degree 0 has a part along h_2(kappa_e), which is part of a norm."""
        degrees = (0, 1) if len(columns) == 2 else (0, 0, 0, 1, 1, 2)
        share = self.state.model.norms.of_e / 2**0.5
        found = []
        for (values, slopes), degree in zip(columns, degrees, strict=True):
            f, t = (np.zeros((3, *part.shape), dtype=part.dtype) for part in (values, slopes))
            f[degree], t[degree] = values, slopes
            if degree == 0:
                f[2] = share * slopes
            found.append(Parts(f, t))
        return found

    def _moments(self, f: Parts, g: Parts) -> Any:
        """``E[R f g']``: ``E[R (factor f~ g~' + v f_t g_t')]``, summed over the degrees; shape (m, m')."""
        weighted = (self.factors * self.state.weighted_r)[:, :, None] * g.values
        of_norms = (self._variance * self.state.weighted_r)[:, None] * g.by_log_norm
        return np.tensordot(f.values, weighted, ((0, 1), (0, 1))) + np.tensordot(
            f.by_log_norm, of_norms, ((0, 1), (0, 1))
        )

    def _prior(self, total: int) -> tuple[Any, Any]:
        """The prior of the coefficients and the plain averages that it contains already."""
        state, model = self.state, self.state.model
        linear = model.bulk.samples_per_dim * linear_block(state)
        prior = np.zeros((total, total), dtype=linear.dtype)
        plain = np.zeros_like(prior)
        along = [self._starts[0], self._starts[1 if state.pairs is None else 3]]
        _fill(prior, along, linear)
        _fill(plain, along, _repeated(state.v, 2))
        if state.pairs is None:
            return prior, plain
        places = [self._starts[k] for k in (2, 4, 5)]
        _fill(prior, [self._starts[1]], self._of_norms()[None, None])
        _fill(prior, places, self._between_products())
        _fill(plain, places, _repeated(state.pairs.v, 3))
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
        generic = _products(both(bb, bb), both(bb, be), both(be, be), both(bb, ee), both(be, ee), both(ee, ee))
        return self._with_known_weights(pairs.arrays.n_samples * np.tensordot(generic, pairs.gam, 1))

    def _with_known_weights(self, prior: Any) -> Any:
        """The prior between the products, where the weights along them differ from those of their eigenvalues.

        ``P = (Q^-1 + n V2)^-1`` gives the Q that the eigenvalues make; to it is added what the second moments along the
        known directions have beyond (eq-products).
        """
        state = self.state
        count, size = prior.shape[0], prior.shape[2]
        flat = np.swapaxes(prior, 1, 2).reshape(count * size, count * size)
        plain, one = np.kron(np.eye(count), state.pairs.v), np.eye(count * size)
        q = flat @ np.linalg.inv(one - plain @ flat) + self._beyond_eigenvalues().swapaxes(1, 2).reshape(flat.shape)
        return np.swapaxes((q @ np.linalg.inv(one + plain @ q)).reshape(count, size, count, size), 1, 2)

    def _beyond_eigenvalues(self) -> Any:
        """``n 2/(d (d + m_2)) E[zeta chi chi' (s s' - its value by eigenvalues)]``, shape (3, 3, p2, p2)."""
        model, pairs = self.state.model, self.state.pairs
        d, chi = model.problem.input_dim, pairs.arrays.chi
        scale = 2 * pairs.arrays.n_samples / (d * (d + model.spectrum.moment(2)))
        known, by_eigenvalue = (
            _products(s[0, 0] ** 2, s[0, 0] * s[0, 1], s[0, 1] ** 2, s[0, 0] * s[1, 1], s[0, 1] * s[1, 1], s[1, 1] ** 2)
            for s in (np.moveaxis(model.known, 0, 2), np.moveaxis(model.known_by_eigenvalue, 0, 2))
        )
        return scale * np.einsum("u,iju,ua,ub->ijab", self.state.weighted_zeta, known - by_eigenvalue, chi, chi)

    def levers(self, parts: Parts) -> Any:
        """``E[R f p']`` of functions p with all features, shape (M, m)."""
        return self._moments(self._functions, parts)

    def fitted(self, levers: Any) -> Parts:
        """What the features fit of functions with these levers (M, m)."""
        coefficients = self._t @ levers
        return Parts(self._functions.values @ coefficients, self._functions.by_log_norm @ coefficients)

    def form(self, parts: Parts, others: Parts) -> Any:
        """``<p, p'>`` but for ``E[R v p_t p_t']``, which belongs to the learned functions' cost; shape (m, m')."""
        weighted = (self.factors * self.state.weighted_r)[:, :, None] * others.values
        plain = np.tensordot(parts.values, weighted, ((0, 1), (0, 1)))
        return plain - self.levers(parts).T @ (self._t @ self.levers(others))


def _products(bb_bb: Any, bb_be: Any, be_be: Any, bb_ee: Any, be_ee: Any, ee_ee: Any) -> Any:
    """Between b^b^, b^e^ (symmetrised) and e^e^, of unit norm (eq-products), shape (3, 3, ...)."""
    root = 2**0.5
    rows = [[bb_bb, root * bb_be, be_be], [root * bb_be, bb_ee + be_be, root * be_ee], [be_be, root * be_ee, ee_ee]]
    return np.array(rows)


def _repeated(block: Any, count: int) -> Any:
    """A block on the diagonal of blocks (count, count, a, b)."""
    return np.einsum("ij,ab->ijab", np.eye(count), block)


def _fill(matrix: Any, starts: list[int], blocks: Any) -> None:
    """Write blocks (i, j, a, b) at the places that start there."""
    size = blocks.shape[2]
    for i, row in enumerate(starts):
        for j, column in enumerate(starts):
            matrix[row : row + size, column : column + size] = blocks[i, j]
