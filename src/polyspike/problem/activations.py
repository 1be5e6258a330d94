"""Activations: a formula, its derivative, its kinks, and the Hermite numbers that the theory needs.

A new activation is one row of ``_FORMULAS``. Every formula takes the array and its namespace, so the same
line serves NumPy, torch and JAX.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyspike import elementwise as ew
from polyspike.errors import ArgumentError
from polyspike.hermite import gaussian_rule, hermite_coefficients
from polyspike.problem.names import closest_names

__all__ = ["ACTIVATIONS", "Activation", "as_activation"]

Array = NDArray[np.float64]

# The prefix by which a name says that nothing is subtracted: "uncentred relu".
UNCENTRED = "uncentred "

# A coefficient below this fraction of the activation's own size is zero up to the rounding of the quadrature.
ZERO = 1e-12


class Formula(NamedTuple):
    """Value and derivative of (array, namespace), where either jumps, and the strip of analyticity."""

    value: Callable[[Any, Any], Any]
    derivative: Callable[[Any, Any], Any]
    kinks: tuple[float, ...] = ()
    strip: float = 0.0
    bounded_derivatives: bool = True
    analytic: Callable[[Any], Any] | None = None


def _step(x: Any, xp: Any) -> Any:
    return xp.astype(x > 0, x.dtype)


_FORMULAS: dict[str, Formula] = {
    "identity": Formula(lambda x, xp: 1 * x, lambda x, xp: 0 * x + 1, strip=inf),
    "relu": Formula(lambda x, xp: (x + xp.abs(x)) / 2, _step, (0.0,), bounded_derivatives=False),
    "leaky_relu": Formula(
        lambda x, xp: 0.505 * x + 0.495 * xp.abs(x),
        lambda x, xp: 0.01 + 0.99 * _step(x, xp),
        (0.0,),
        bounded_derivatives=False,
    ),
    "tanh": Formula(lambda x, xp: xp.tanh(x), lambda x, xp: 1 - xp.tanh(x) ** 2, strip=pi / 2),
    "erf": Formula(lambda x, xp: ew.erf(x, xp), lambda x, xp: xp.exp(-x * x) * (2 / sqrt(pi)), strip=inf),
    "sigmoid": Formula(
        lambda x, xp: ew.sigmoid(x, xp), lambda x, xp: (1 - xp.tanh(x / 2) ** 2) / 4, strip=pi
    ),
    "softplus": Formula(
        lambda x, xp: ew.softplus(x, xp),
        lambda x, xp: ew.sigmoid(x, xp),
        strip=pi,
        analytic=lambda z: np.log1p(np.exp(z)),
    ),
    "gelu": Formula(
        lambda x, xp: x * ew.normal_cdf(x, xp),
        lambda x, xp: ew.normal_cdf(x, xp) + x * ew.normal_pdf(x, xp),
        strip=inf,
    ),
    "silu": Formula(
        lambda x, xp: x * ew.sigmoid(x, xp),
        lambda x, xp: ew.sigmoid(x, xp) * (1 + x * (1 - ew.sigmoid(x, xp))),
        strip=pi,
    ),
    "sin": Formula(lambda x, xp: xp.sin(x), lambda x, xp: xp.cos(x), strip=inf),
    "cos": Formula(lambda x, xp: xp.cos(x), lambda x, xp: -xp.sin(x), strip=inf),
}

_MAX_HERMITE = 12

ACTIVATIONS: tuple[str, ...] = (*_FORMULAS, *(f"h{k}" for k in range(1, _MAX_HERMITE + 1)))
"""Every activation known by name; ``h3`` is the third Hermite polynomial."""


@dataclass(frozen=True)
class Activation:
    """An activation sigma, centred so that ``E sigma(z) = 0`` for z ~ N(0, 1), with its Hermite expansion.

    The feature map of the paper needs ``c_0 = 0``: an uncentred activation adds an outlier along the
    all-ones direction that no learning made. Centring subtracts the constant :attr:`mean` and is the
    default; ``centred=False`` leaves the formula as it is.

    Parameters
    ----------
    name : str
        A name of :data:`ACTIVATIONS`, or any label for a callable.
    formula : Formula
        Value and derivative as functions of the array and its namespace.
    centred : bool
        Whether :attr:`mean` is subtracted.

    Notes
    -----
    Coefficients are ``c_k = E[sigma(z) H_k(z)] / k!`` (Moniri et al., section 2), by composite
    Gauss-Legendre quadrature split at the kinks; relative accuracy about 1e-14 of the largest to degree 60.
    Use :func:`as_activation` to make one.
    """

    name: str
    formula: Formula = field(repr=False, compare=False)
    centred: bool = True
    key: Any = field(default=None, repr=False)

    def __call__(self, x: Any) -> Any:
        """``sigma(x)`` for a NumPy array or a number."""
        return self.apply(np.asarray(x, dtype=float), np)

    def derivative(self, x: Any) -> Any:
        """``sigma'(x)`` for a NumPy array or a number."""
        return self.apply_derivative(np.asarray(x, dtype=float), np)

    def apply(self, x: Any, xp: Any) -> Any:
        """``sigma(x)`` in the array namespace ``xp``; keeps dtype and device."""
        value = self.formula.value(x, xp)
        return value - self.mean if self.mean else value

    def apply_derivative(self, x: Any, xp: Any) -> Any:
        """``sigma'(x)`` in the array namespace ``xp``."""
        return self.formula.derivative(x, xp)

    @property
    def label(self) -> str:
        """The name by which :func:`as_activation` makes the same activation again."""
        return self.name if self.centred else UNCENTRED + self.name

    @property
    def bounded_derivatives(self) -> bool:
        """Whether all derivatives are bounded, as Moniri et al. ask (a callable is taken to meet it)."""
        return self.formula.bounded_derivatives

    @property
    def kinks(self) -> tuple[float, ...]:
        """Points where sigma or its derivative jumps; quadrature splits there."""
        return self.formula.kinks

    @property
    def mean(self) -> float:
        """The constant ``E sigma(z)`` of the bare formula that centring subtracts (0.0 when not centred)."""
        return _bare_mean(self) if self.centred else 0.0

    def coefficients(self, degree: int) -> Array:
        """Hermite coefficients ``c_0 .. c_degree``; entries that vanish up to rounding are exactly zero."""
        return _coefficients(self, degree)

    @property
    def second_moment(self) -> float:
        """``E sigma(z)^2``."""
        return self._expect(lambda z: self(z) ** 2)

    @property
    def linear_strength(self) -> float:
        """``C1 = c_1^2``, the weight of the linear part of the features."""
        return float(self.coefficients(1)[1] ** 2)

    @property
    def residual_strength(self) -> float:
        """``Cg = E sigma^2 - c_0^2 - c_1^2``, the weight of everything non-linear."""
        residual = self.second_moment - float(np.sum(self.coefficients(1) ** 2))
        return residual if residual > ZERO * self.second_moment else 0.0

    @property
    def derivative_variance(self) -> float:
        """``Var sigma'(z)``."""
        mean = float(self.coefficients(1)[1])
        return self._expect(lambda z: (self.derivative(z) - mean) ** 2)

    def _expect(self, function: Callable[[Array], Array]) -> float:
        nodes, weights = gaussian_rule(self.kinks)
        return float(weights @ function(nodes))


@lru_cache(maxsize=256)
def _bare_mean(activation: Activation) -> float:
    nodes, weights = gaussian_rule(activation.kinks)
    mean = float(weights @ activation.formula.value(nodes, np))
    return mean if abs(mean) > ZERO else 0.0


@lru_cache(maxsize=256)
def _coefficients(activation: Activation, degree: int) -> Array:
    formula, mean = activation.formula, activation.mean
    analytic = formula.analytic or (lambda z: formula.value(z, np))
    c = hermite_coefficients(lambda z: analytic(z) - mean, degree, formula.kinks, formula.strip)
    if activation.centred:
        c[0] = 0.0
    c.setflags(write=False)
    return c


def as_activation(
    activation: "str | Activation | Callable[..., Any]",
    derivative: Callable[..., Any] | None = None,
    kinks: tuple[float, ...] = (),
    centred: bool = True,
) -> Activation:
    """Make an :class:`Activation` from a name or a callable.

    Parameters
    ----------
    activation : str, Activation or callable
        A name of :data:`ACTIVATIONS`; or a function vectorised over NumPy arrays, of finite values.
    derivative : callable, optional
        The derivative of a callable; by complex step when not given, which needs a callable that accepts
        complex arrays and is analytic (``abs``, comparisons and ``maximum`` are not).
    kinks : tuple of float
        Where the callable or its derivative jumps.
    centred : bool
        Subtract ``E sigma(z)`` (default).

    Raises
    ------
    ArgumentError
        Unknown name (with the nearest known), wrong shape, values that are not finite, or no derivative.
    """
    if isinstance(activation, Activation):
        return activation
    if isinstance(activation, str):
        return _named(activation, centred)
    if not callable(activation):
        raise ArgumentError("activation", activation, "give a name such as 'tanh', or a function")
    return _from_callable(activation, derivative, tuple(float(k) for k in kinks), centred)


def _named(name: str, centred: bool) -> Activation:
    key = name.strip().lower()
    if key.startswith(UNCENTRED):
        key, centred = key.removeprefix(UNCENTRED).strip(), False
    if key in _FORMULAS:
        return Activation(key, _FORMULAS[key], centred)
    if key not in ACTIVATIONS:
        raise ArgumentError("activation", name, closest_names(key, ACTIVATIONS))
    return Activation(key, _hermite_formula(int(key[1:])), centred)


@lru_cache(maxsize=_MAX_HERMITE)
def _hermite_formula(degree: int) -> Formula:
    return Formula(
        lambda x, xp: ew.hermite_polynomial(x, degree),
        lambda x, xp: degree * ew.hermite_polynomial(x, degree - 1),
        strip=inf,
        bounded_derivatives=degree == 1,
    )


def _from_callable(
    function: Callable[..., Any],
    derivative: Callable[..., Any] | None,
    kinks: tuple[float, ...],
    centred: bool,
) -> Activation:
    name = getattr(function, "__name__", type(function).__name__)
    _check_values("activation", function, kinks)
    slope = derivative or _complex_step(function)
    _check_slope(function, slope, given=derivative is not None, kinks=kinks)
    formula = Formula(lambda x, xp: function(x), lambda x, xp: slope(x), kinks)
    return Activation(name, formula, centred, key=(function, derivative, kinks))


def _complex_step(function: Callable[..., Any]) -> Callable[[Array], Array]:
    """``Im f(x + ih) / h``: exact to rounding for an analytic f, with no cancellation."""
    h = 1e-30
    return lambda x: np.imag(function(x + 1j * h)) / h


def _check_values(argument: str, function: Callable[..., Any], kinks: tuple[float, ...]) -> None:
    nodes, _ = gaussian_rule(kinks)
    value = np.asarray(function(nodes))
    if value.shape != nodes.shape:
        raise ArgumentError(
            argument,
            function,
            f"it returned shape {value.shape} for an array of shape {nodes.shape}; vectorise it",
        )
    if np.iscomplexobj(value) or not np.all(np.isfinite(value)):
        raise ArgumentError(argument, function, "it must return finite real numbers on [-14, 14]")


def _check_slope(
    function: Callable[..., Any], slope: Callable[..., Any], given: bool, kinks: tuple[float, ...]
) -> None:
    """Compare the derivative with central differences at points away from the kinks."""
    x = np.linspace(-2.9, 3.1, 25)
    x = x[np.all(np.abs(x[:, None] - np.asarray([*kinks, np.inf])) > 1e-3, axis=1)]
    h = 1e-5
    difference = (np.asarray(function(x + h)) - np.asarray(function(x - h))) / (2 * h)
    try:
        value = np.asarray(slope(x), dtype=float)
    except TypeError as error:
        raise ArgumentError("activation", function, f"no complex step ({error}); give derivative=") from error
    if value.shape != x.shape or not np.allclose(value, difference, rtol=1e-4, atol=1e-4):
        remedy = (
            "it is not the derivative of the activation" if given else "it is not analytic; give derivative="
        )
        raise ArgumentError("derivative" if given else "activation", function, remedy)
