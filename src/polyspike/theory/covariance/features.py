"""The features of a sample in the known directions, and what they fit (docs/theory-inputs.md, section 7).

A function of a sample is written as coefficients, functions of kappa, of the components ``(1, kappa_e, h_2(kappa_e))``
and ``Delta (1, kappa_e, h_2(kappa_e))``: kappa_e is the coordinate along e^, Delta the fluctuation of the sample's norm
in all other directions, of unit variance. They are orthogonal given kappa. Of a teacher of p indices there are p
coordinates and p (p + 1)/2 quadratic polynomials.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.covariance.averages import beside, without_tangents
from polyspike.theory.covariance.known_weights import linear_prior
from polyspike.theory.covariance.model import CovarianceModel
from polyspike.theory.covariance.norm_response import NormShifts
from polyspike.theory.covariance.products import label_products, product_prior
from polyspike.theory.covariance.state import CovarianceState

__all__ = ["FeatureForms", "Functions", "along_component", "component_degrees", "mean_squares"]

Functions = dict[int, Any]
"""Functions of a sample by their components: values and slopes by ``Delta_R``, the mean of Delta, shape (2, K, m)."""


@lru_cache(maxsize=16)
def component_degrees(p: int) -> Any:
    """The degrees in each kappa_e of the components without Delta, for p indices: one, the p coordinates and their
    products (:func:`label_products`); shape (S, p).
    """
    one = np.eye(p + 1, dtype=int)[:, 1:]
    return np.concatenate([one, [one[i] + one[j] for i, j in label_products(p)]])


def mean_squares(shifts: NormShifts, degrees: Any) -> Any:
    """The mean squares under the weight R of components of these degrees (S, p), shape (S, ..., K)."""
    square = shifts.square_factor
    return np.prod([square[k] ** beside(degrees[:, k], square) for k in range(len(square))], axis=0)


def along_component(model: CovarianceModel, component: int, values: Any, slopes: Any) -> Functions:
    """Functions along a component, from their values and derivatives by the log of the norm, (K, m) each.

    One along the first has parts along the products of the kappa_e, which are part of a norm.
    """
    deviation, p = model.norms.variance**0.5, len(model.norms.of_e)
    by_norm = deviation * slopes
    out = {component: np.array([values, by_norm]), len(component_degrees(p)) + component: _constant(by_norm)}
    if component == 0:
        for k, (i, j) in enumerate(label_products(p), 1 + p):
            out[k] = _constant(model.norms.of_e[i - 1, j - 1] * (2**-0.5 if i == j else 1.0) * slopes)
    return out


def _constant(values: Any) -> Any:
    """Of functions that ``Delta_R`` leaves as they are."""
    return np.array([values, np.zeros_like(values)])


def _linear(model: CovarianceModel) -> list[Functions]:
    """Along b^, where the slope is less by its part in H_3(kappa), and along e^ (eq-stack)."""
    kappa, phi, slope = model.grid.kappa[:, None], model.phi, model.phi_by_log_norm
    along_b = kappa * (phi - model.norms.of_b * slope)
    along_e = [along_component(model, k, phi, slope) for k in range(1, 1 + len(model.norms.of_e))]
    return [along_component(model, 0, along_b, kappa * slope), *along_e]


def _quadratic(model: CovarianceModel) -> list[Functions]:
    """Of the neurons' norms, then along b^b^, the b^e^_k, the e^_j e^_k and c^ (eq-stack)."""
    pairs, p = model.pairs, len(model.norms.of_e)
    if pairs is None:
        return []
    kappa, phi, slope = model.grid.kappa[:, None], pairs.phi, pairs.phi_by_log_norm
    h2, count = (kappa**2 - 1) / 2**0.5, len(component_degrees(p))
    return [
        along_component(model, 0, phi, slope),
        along_component(model, 0, h2 * phi, h2 * slope),
        *(along_component(model, k, kappa * phi, kappa * slope) for k in range(1, 1 + p)),
        *(along_component(model, k, phi, slope) for k in range(1 + p, count)),
        {count: _constant(phi), 0: np.array([np.zeros_like(phi), phi])},
    ]


class _Component(NamedTuple):
    """The features along one component: which they are, as functions (2, K, m), their values (K, m), and these times
    the weights.
    """

    columns: Any
    functions: Any
    values: Any
    weighted: Any


class FeatureForms:
    """Forms of functions at a state (eq-stack-forms), or at that of which it has the tangents.

    Attributes
    ----------
    factors : ndarray of shape (2 S, ..., K)
        The mean square of each component under the weight R.
    """

    def __init__(self, state: CovarianceState, shifts: NormShifts) -> None:
        model, tangents = state.model, state.r.ndim - 1
        squares = mean_squares(shifts, component_degrees(len(model.norms.of_e)))
        self.factors = np.concatenate([squares, squares])
        self._mean = shifts.known.mean_deviation[:, None]
        self._weights = without_tangents(self.factors * state.weighted_r, tangents, 1)[..., None]
        features = _linear(model) + _quadratic(model)
        ends = np.cumsum([0, *(next(iter(f.values())).shape[-1] for f in features)]).tolist()
        self._size = ends[-1]
        self._components = {s: self._component(s, features, ends) for s in sorted(set().union(*features))}
        self._prior, self._plain = _prior(state, ends)
        prior, plain = (without_tangents(x, tangents, 2) for x in (self._prior, self._plain))
        self._beyond = self._moments() - plain
        self._t = np.linalg.solve(np.eye(self._size) + prior @ self._beyond, prior)

    def _component(self, s: int, features: list[Functions], ends: list[int]) -> _Component:
        here = [k for k, feature in enumerate(features) if s in feature]
        functions = np.concatenate([features[k][s] for k in here], axis=-1)
        columns = np.concatenate([np.arange(ends[k], ends[k + 1]) for k in here])
        values = self._known(functions)
        return _Component(columns, functions, values, self._weights[s] * values)

    def _known(self, functions: Any) -> Any:
        """The values of functions (2, K, m) at the mean of Delta, without tangents."""
        return functions[0] + self._mean * functions[1]

    def _moments(self) -> Any:
        """``E[R f f']`` of the features."""
        out = np.zeros((self._size, self._size))
        for columns, _, values, weighted in self._components.values():
            out[columns[:, None], columns] += values.T @ weighted
        return out

    def form(self, functions: Functions) -> tuple[Any, Any, Any]:
        """``<g, g'>`` of functions g with each other, shape (m, m), the ``E[R f g']`` of the features f with them and
        the coefficients of the features that fit them, one column each.
        """
        values = {s: self._known(g) for s, g in functions.items()}
        seen = np.zeros((self._size, values[0].shape[-1]))
        for s in self._components.keys() & values.keys():
            columns, _, _, weighted = self._components[s]
            seen[columns] += weighted.T @ values[s]
        coefficients = self._t @ seen
        own = sum(g.T @ (self._weights[s] * g) for s, g in values.items())
        return own - seen.T @ coefficients, seen, coefficients

    def at_mean(self, functions: Any, shifts: NormShifts) -> Any:
        """Functions (2, 2 S, K) at the mean of Delta, shape (2 S, ..., K)."""
        values, slopes = functions if shifts.mean_deviation.ndim == 1 else functions[:, :, None]
        return values + shifts.mean_deviation * slopes

    def sum(self, functions: Functions, x: Any, fitted: Any) -> Any:
        """Functions g times ``x`` (m,) and the features times ``fitted``, as functions (2, 2 S, K)."""
        out = np.zeros((2, len(self.factors), self.factors.shape[-1]))
        for s, g in functions.items():
            out[:, s] = g @ x
        for s, (columns, features, *_) in self._components.items():
            out[:, s] += features @ fitted[columns]
        return out

    def price(self, seen: Any, fitted: Any) -> Any:
        """``fitted' (P^-1 - plain) fitted`` of the coefficients that fit what is ``seen``: as P may be singular,
        ``P^-1 fitted = seen - (E[R f f'] - plain) fitted``, and ``dP^-1 = -P^-1 dP P^-1``; shape (...,).
        """
        side = seen - self._beyond @ fitted
        return 2 * side @ fitted - side @ self._prior @ side - fitted @ self._plain @ fitted


def _prior(state: CovarianceState, ends: list[int]) -> tuple[Any, Any]:
    """The prior of the coefficients and the plain averages that it contains already, (..., F, F)."""
    linear = linear_prior(state)
    prior = np.zeros((*state.r.shape[:-1], ends[-1], ends[-1]), dtype=linear.dtype)
    plain, count = np.zeros_like(prior), len(linear)
    _fill(prior, ends[:count], linear)
    _fill(plain, ends[:count], np.multiply.outer(np.eye(count), state.v))
    if state.pairs is not None:
        found = product_prior(state)
        _fill(prior, ends[count:-1], found.prior)
        _fill(plain, ends[count:-1], found.plain)
    return prior, plain


def _fill(matrix: Any, starts: list[int], blocks: Any) -> None:
    """Write blocks (i, j, ..., a, b) at the places that start there."""
    size = blocks.shape[-1]
    for i, row in enumerate(starts):
        for j, column in enumerate(starts):
            matrix[..., row : row + size, column : column + size] = blocks[i, j]
