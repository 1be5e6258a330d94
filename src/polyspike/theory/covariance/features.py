"""The features of a sample in the known directions, and what they fit (docs/theory-inputs.md, section 7).

A function of a sample is written as coefficients, functions of kappa, of the components ``(1, kappa_e, h_2(kappa_e))``
and ``Delta (1, kappa_e, h_2(kappa_e))``: kappa_e is the coordinate along e^, Delta the fluctuation of the sample's norm
in all other directions, of unit variance. They are orthogonal given kappa. Of a teacher of p indices there are p
coordinates and p (p + 1)/2 quadratic polynomials.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.covariance.averages import beside
from polyspike.theory.covariance.known_weights import linear_prior
from polyspike.theory.covariance.norm_response import CovarianceNormResponse
from polyspike.theory.covariance.products import label_products, product_prior
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["FeatureForms", "Functions", "component_degrees", "mean_squares", "side_by_side"]


@lru_cache(maxsize=16)
def component_degrees(p: int) -> Any:
    """The degrees in each kappa_e of the components without Delta, for p indices: one, the p coordinates and their
    products (:func:`label_products`); shape (S, p).
    """
    one = np.eye(p + 1, dtype=int)[:, 1:]
    return np.concatenate([one, [one[i] + one[j] for i, j in label_products(p)]])


Functions = dict[int, Any]


def mean_squares(response: CovarianceNormResponse, degrees: Any) -> Any:
    """The mean squares under the weight R of components of these degrees (S, p), shape (S, ..., K)."""
    square = response.square_factor
    return np.prod([square[k] ** beside(degrees[:, k], square) for k in range(len(square))], axis=0)


def side_by_side(parts: list[Any]) -> Any:
    """Functions (..., K, m) of one component as one array; some may have no axis of tangents."""
    whole = max((part.shape[:-1] for part in parts), key=len)
    full = [p if p.ndim > len(whole) else np.broadcast_to(p, (*whole, p.shape[-1])) for p in parts]
    return np.concatenate(full, axis=-1)


class _Component(NamedTuple):
    """The features along one component: which they are, their values (..., K, m), and these times the weights."""

    columns: Any
    values: Any
    weighted: Any


class FeatureForms:
    """Forms of functions at a state (eq-stack-forms). Functions are a dictionary with the components that they have,
    (K, m) each, or (..., K, m) for several tangents.

    Attributes
    ----------
    factors : ndarray of shape (2 S, ..., K)
        The mean square of each component under the weight R.
    """

    def __init__(self, state: CovarianceState, response: CovarianceNormResponse) -> None:
        self.state, self._response = state, response
        self._indices = len(response.square_factor)
        squares = mean_squares(response, component_degrees(self._indices))
        self.factors = np.concatenate([squares, squares])
        self._norm = len(squares)
        self._weights = (self.factors * state.weighted_r)[..., None]
        features = self._linear() if state.pairs is None else self._linear() + self._quadratic()
        widths = [next(iter(feature.values())).shape[-1] for feature in features]
        ends = np.cumsum([0, *widths]).tolist()
        self._size = ends[-1]
        self._components = {s: self._component(s, features, ends) for s in sorted(set().union(*features))}
        prior, plain = self._prior(ends)
        self._t = np.linalg.solve(np.eye(prior.shape[-1]) + prior @ (self._moments() - plain), prior)

    def _component(self, s: int, features: list[Functions], ends: list[int]) -> _Component:
        here = [k for k, feature in enumerate(features) if s in feature]
        values = side_by_side([features[k][s] for k in here])
        columns = np.concatenate([np.arange(ends[k], ends[k + 1]) for k in here])
        return _Component(columns, values, self._weights[s] * values)

    def column(self, component: int, values: Any, slopes: Any) -> Functions:
        """A feature along a component, from its values and derivatives by the log of the norm, (K, m) each.

        One along the first has parts along the products of the kappa_e, which are part of a norm.
        """
        out = {component: self._response.at_mean_norm(values, slopes)}
        out[self._norm + component] = self._response.deviation * slopes
        if component == 0:
            shares = self.state.model.norms.of_e
            for k, (i, j) in enumerate(label_products(self._indices), 1 + self._indices):
                out[k] = shares[i - 1, j - 1] * (2**-0.5 if i == j else 1.0) * slopes
        return out

    def _linear(self) -> list[Functions]:
        """Along b^, where the slope is less by its part in H_3(kappa), and along e^ (eq-stack)."""
        model = self.state.model
        kappa, phi, slope = model.grid.kappa[:, None], model.phi, model.phi_by_log_norm
        along_b = kappa * (phi - model.norms.of_b * slope)
        along_e = [self.column(k, phi, slope) for k in range(1, 1 + self._indices)]
        return [self.column(0, along_b, kappa * slope), *along_e]

    def _quadratic(self) -> list[Functions]:
        """Of the neurons' norms, then along b^b^, the b^e^_k, the e^_j e^_k and c^ (eq-stack)."""
        pairs = self.state.model.pairs
        assert pairs is not None
        kappa, phi, slope = self.state.model.grid.kappa[:, None], pairs.phi, pairs.phi_by_log_norm
        h2 = (kappa**2 - 1) / 2**0.5
        of_norm = {self._norm: phi, 0: self._response.mean_deviation[..., None] * phi}
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
        prior = np.zeros((*state.r.shape[:-1], ends[-1], ends[-1]), dtype=linear.dtype)
        plain = np.zeros_like(prior)
        count = 1 + self._indices
        _fill(prior, ends[:count], linear)
        _fill(plain, ends[:count], np.multiply.outer(np.eye(count), state.v))
        if state.pairs is not None:
            found = product_prior(state)
            _fill(prior, ends[count:-1], found.prior)
            _fill(plain, ends[count:-1], found.plain)
        return prior, plain

    def _moments(self) -> Any:
        """``E[R f f']`` of the features."""
        out = self._zeros(self._size)
        for columns, values, weighted in self._components.values():
            out[..., columns[:, None], columns] += values.swapaxes(-1, -2) @ weighted
        return out

    def _with_features(self, functions: Functions) -> Any:
        """``E[R f g']`` of the features f with functions g."""
        out = self._zeros(next(iter(functions.values())).shape[-1])
        for s in self._components.keys() & functions.keys():
            columns, _, weighted = self._components[s]
            out[..., columns, :] += weighted.swapaxes(-1, -2) @ functions[s]
        return out

    def _zeros(self, count: int) -> Any:
        return np.zeros((*self.state.r.shape[:-1], self._size, count), dtype=self.state.r.dtype)

    def form(self, functions: Functions) -> tuple[Any, Any]:
        """``<g, g'>`` of functions g with each other, shape (..., m, m), and the coefficients of the features that fit
        them, one column each.
        """
        seen = self._with_features(functions)
        coefficients = self._t @ seen
        own = sum(g.swapaxes(-1, -2) @ (self._weights[s] * g) for s, g in functions.items())
        return own - seen.swapaxes(-1, -2) @ coefficients, coefficients

    def unfitted(self, functions: Functions, coefficients: Any, left: Any) -> Any:
        """Functions g less the features that fit them, both times ``left`` (..., m, 1), shape (2 S, ..., K)."""
        fitted, out = coefficients @ left, np.zeros(self.factors.shape, dtype=self.state.r.dtype)
        for s, g in functions.items():
            out[s] = (g @ left)[..., 0]
        for s, (columns, values, _) in self._components.items():
            out[s] -= (values @ fitted[..., columns, :])[..., 0]
        return out


def _fill(matrix: Any, starts: list[int], blocks: Any) -> None:
    """Write blocks (i, j, ..., a, b) at the places that start there."""
    size = blocks.shape[-1]
    for i, row in enumerate(starts):
        for j, column in enumerate(starts):
            matrix[..., row : row + size, column : column + size] = blocks[i, j]
