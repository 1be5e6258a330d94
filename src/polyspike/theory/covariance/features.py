"""The features of a sample in the known directions, and what they fit (docs/theory-inputs.md, section 7).

A function of a sample is written as coefficients, functions of kappa, of the components ``(1, kappa_e, h_2(kappa_e))``
and ``Delta (1, kappa_e, h_2(kappa_e))``: kappa_e is the coordinate along e^, Delta the fluctuation of the sample's norm
in all other directions, of unit variance. They are orthogonal given kappa. Of a teacher of p indices there are p
coordinates and p (p + 1)/2 quadratic polynomials.
"""

from functools import lru_cache
from typing import Any

import numpy as np

from polyspike.theory.covariance.known_weights import linear_prior
from polyspike.theory.covariance.norm_response import CovarianceNormResponse
from polyspike.theory.covariance.products import label_products, product_prior
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["FeatureForms", "component_degrees"]


@lru_cache(maxsize=16)
def component_degrees(p: int) -> Any:
    """The degrees in each kappa_e of the components without Delta, for p indices: one, the p coordinates and their
    products (:func:`label_products`); shape (S, p).
    """
    one = np.eye(p + 1, dtype=int)[:, 1:]
    return np.concatenate([one, [one[i] + one[j] for i, j in label_products(p)]])


class FeatureForms:
    """Forms of functions (2 S, K, m) at a state (eq-stack-forms).

    Attributes
    ----------
    factors : ndarray of shape (2 S, K)
        The mean square of each component under the weight R.
    """

    def __init__(self, state: CovarianceState, response: CovarianceNormResponse) -> None:
        self.state, self._response = state, response
        square = response.square_factor
        self._indices = len(square)
        degrees = component_degrees(self._indices)
        self.factors = np.tile((square[None] ** degrees[:, :, None]).prod(axis=1), (2, 1))
        self._norm = len(degrees)
        columns = self._linear() if state.pairs is None else self._linear() + self._quadratic()
        self.functions = np.concatenate(columns, axis=2)
        self._weights = self.factors * state.weighted_r
        self._weighted = self._weights[:, :, None] * self.functions
        # A feature has few components: most products of two of them vanish.
        self._present = [np.flatnonzero(part.any(axis=0)) for part in self.functions]
        ends = np.cumsum([0, *(column.shape[2] for column in columns)])
        prior, plain = self._prior([int(end) for end in ends])
        self._t = np.linalg.solve(np.eye(len(prior)) + prior @ (self._moments() - plain), prior)

    def column(self, component: int, values: Any, slopes: Any) -> Any:
        """A feature along a component and its derivative by the log of the norm, (K, m) each, as (2 S, K, m).

        One along the first has parts along the products of the kappa_e, which are part of a norm.
        """
        out = np.zeros((2 * self._norm, *values.shape), dtype=self.state.r.dtype)
        out[component] = self._response.at_mean_norm(values, slopes)
        out[self._norm + component] = self._response.deviation * slopes
        if component == 0:
            shares = self.state.model.norms.of_e
            for k, (i, j) in enumerate(label_products(self._indices), 1 + self._indices):
                out[k] = shares[i - 1, j - 1] * (2**-0.5 if i == j else 1.0) * slopes
        return out

    def _linear(self) -> list[Any]:
        """Along b^, where the slope is less by its part in H_3(kappa), and along e^ (eq-stack)."""
        model = self.state.model
        kappa, phi, slope = model.grid.kappa[:, None], model.phi, model.phi_by_log_norm
        along_b = kappa * (phi - model.norms.of_b * slope)
        along_e = [self.column(k, phi, slope) for k in range(1, 1 + self._indices)]
        return [self.column(0, along_b, kappa * slope), *along_e]

    def _quadratic(self) -> list[Any]:
        """Of the neurons' norms, then along b^b^, the b^e^_k, the e^_j e^_k and c^ (eq-stack)."""
        pairs = self.state.model.pairs
        assert pairs is not None
        kappa, phi, slope = self.state.model.grid.kappa[:, None], pairs.phi, pairs.phi_by_log_norm
        h2 = (kappa**2 - 1) / 2**0.5
        of_norm = np.zeros((2 * self._norm, *phi.shape), dtype=self.state.r.dtype)
        of_norm[self._norm] = phi
        of_norm[0] = self._response.mean_deviation[:, None] * phi
        return [
            self.column(0, phi, slope),
            self.column(0, h2 * phi, h2 * slope),
            *(self.column(k, kappa * phi, kappa * slope) for k in range(1, 1 + self._indices)),
            *(self.column(k, phi, slope) for k in range(1 + self._indices, self._norm)),
            of_norm,
        ]

    def _prior(self, ends: list[int]) -> tuple[Any, Any]:
        """The prior of the coefficients and the plain averages that it contains already."""
        state = self.state
        linear = linear_prior(state)
        prior = np.zeros((ends[-1], ends[-1]), dtype=linear.dtype)
        plain = np.zeros_like(prior)
        count = 1 + self._indices
        _fill(prior, ends[:count], linear)
        _fill(plain, ends[:count], np.eye(count)[:, :, None, None] * state.v)
        if state.pairs is not None:
            found = product_prior(state)
            _fill(prior, ends[count:-1], found.prior)
            _fill(plain, ends[count:-1], found.plain)
        return prior, plain

    def _moments(self) -> Any:
        """``E[R f f']`` of the features."""
        out = np.zeros((self.functions.shape[2],) * 2, dtype=self._weighted.dtype)
        for part, weighted, columns in zip(self.functions, self._weighted, self._present, strict=True):
            out[np.ix_(columns, columns)] += part[:, columns].T @ weighted[:, columns]
        return out

    def _with_features(self, functions: Any) -> Any:
        """``E[R f g']`` of the features f with functions g (2 S, K, m)."""
        out = np.zeros((self.functions.shape[2], functions.shape[2]), dtype=self._weighted.dtype)
        for part, weighted, columns in zip(functions, self._weighted, self._present, strict=True):
            out[columns] += weighted[:, columns].T @ part
        return out

    def form(self, functions: Any) -> tuple[Any, Any]:
        """``<g, g'>`` of functions g (2 S, K, m) with each other, shape (m, m), and the coefficients of the features
        that fit them, one column each.
        """
        seen = self._with_features(functions)
        coefficients = self._t @ seen
        own = _flat(functions).T @ _flat(self._weights[:, :, None] * functions)
        return own - seen.T @ coefficients, coefficients


def _flat(functions: Any) -> Any:
    """Functions (2 S, K, m) in columns."""
    return functions.reshape(-1, functions.shape[2])


def _fill(matrix: Any, starts: list[int], blocks: Any) -> None:
    """Write blocks (i, j, a, b) at the places that start there."""
    size = blocks.shape[2]
    for i, row in enumerate(starts):
        for j, column in enumerate(starts):
            matrix[row : row + size, column : column + size] = blocks[i, j]
