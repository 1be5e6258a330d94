"""Activations: a formula, its derivative, its kinks, and the Hermite numbers that the theory needs.

A new activation is one row of ``_FORMULAS``. Every formula takes the array and its namespace, so the same
line serves NumPy, torch and JAX.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from math import inf, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from polyspike import elementwise as ew
from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.hermite import gaussian_mean, gaussian_rule, hermite_coefficients
from polyspike.problem.callables import (
    ComplexStep,
    OnHost,
    as_kinks,
    check_function,
    check_pickles,
    check_slope,
    function_name,
    hashable,
)
from polyspike.problem.importing import imported, is_dotted
from polyspike.problem.names import closest_names
from polyspike.problem.smoothness import Smoothness, known_smoothness

__all__ = ["ACTIVATIONS", "Activation", "as_activation", "is_constant", "is_odd"]

# The prefix by which a name says that nothing is subtracted: "uncentred relu".
UNCENTRED = "uncentred "

# A difference of moments below this fraction of them is zero up to the rounding of the quadrature.
ZERO = 1e-12

# So much of its largest value an odd function may differ from minus its mirror image.
_ROUNDING_OF_ODD = 1e-13

# Elements that are worked on at a time by `apply_into`: temporaries of 256 kB stay in the cache.
_BLOCK = 1 << 15


class Formula(NamedTuple):
    """Value and derivative of (array, namespace), where either jumps, and the strip of analyticity.

    Of a callable no strip is known, but how finely it has to be looked at.
    """

    value: Callable[[Any, Any], Any]
    derivative: Callable[[Any, Any], Any]
    kinks: tuple[float, ...] = ()
    strip: float = 0.0
    bounded_derivatives: bool = True
    smoothness: Smoothness | None = None
    analytic: Callable[[Any], Any] | None = None


def _step(x: Any, xp: Any) -> Any:
    return xp.astype(x > 0, x.dtype)


_FORMULAS: dict[str, Formula] = {
    "identity": Formula(lambda x, xp: 1 * x, lambda x, xp: 0 * x + 1, strip=inf),
    "relu": Formula(lambda x, xp: ew.positive_part(x, xp), _step, (0.0,), bounded_derivatives=False),
    "leaky_relu": Formula(
        lambda x, xp: 0.01 * x + 0.99 * ew.positive_part(x, xp),
        lambda x, xp: 0.01 + 0.99 * _step(x, xp),
        (0.0,),
        bounded_derivatives=False,
    ),
    "tanh": Formula(lambda x, xp: xp.tanh(x), lambda x, xp: 1 - xp.tanh(x) ** 2, strip=pi / 2),
    "erf": Formula(
        lambda x, xp: ew.erf(x, xp),
        lambda x, xp: xp.exp(-x * x) * (2 / sqrt(pi)),
        strip=inf,
    ),
    "sigmoid": Formula(
        lambda x, xp: ew.sigmoid(x, xp),
        lambda x, xp: (1 - xp.tanh(x / 2) ** 2) / 4,
        strip=pi,
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


@lru_cache(maxsize=64)
def _smoothness(formula: Formula) -> Smoothness:
    """The smoothness of a formula, of which it is known where it is analytic."""
    return known_smoothness(lambda x: np.asarray(formula.value(x, np), dtype=float), formula.kinks)


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
    Gauss-Legendre quadrature split at the kinks. Those of a named activation are accurate to 1e-12 relative
    to degree 30; those of a callable to about 1e-14 of ``sqrt(E sigma^2 / k!)``, as nothing is known of it
    off the real line. Use :func:`as_activation` to make one.

    Named ones pickle by :attr:`label`, callables as their function does.
    """

    name: str
    formula: Formula = field(repr=False)
    centred: bool = True

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if self.is_named:
            return as_activation, (self.label,)
        check_pickles("activation", self.name, self.formula)
        return Activation, (self.name, self.formula, self.centred)

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

    def apply_into(self, x: NDArray[Any], out: NDArray[Any]) -> NDArray[Any]:
        """``sigma(x)`` written into ``out``, which may be ``x`` itself; for NumPy arrays of the same shape.

        Works through blocks that fit the cache, so that no temporary of the size of ``x`` is made: up to
        three times as quick as :meth:`apply`. It uses one thread; give disjoint rows to several.
        """
        if not (x.flags.c_contiguous and out.flags.c_contiguous and x.shape == out.shape):
            raise ArgumentError("out", out.shape, f"give C-contiguous arrays of one shape; x has {x.shape}")
        source, target = x.reshape(-1), out.reshape(-1)
        for start in range(0, source.size, _BLOCK):
            block = slice(start, start + _BLOCK)
            np.subtract(self.formula.value(source[block], np), self.mean, out=target[block])
        return out

    def apply_derivative(self, x: Any, xp: Any) -> Any:
        """``sigma'(x)`` in the array namespace ``xp``."""
        return self.formula.derivative(x, xp)

    @property
    def label(self) -> str:
        """The name by which :func:`as_activation` makes the same activation again."""
        return self.name if self.centred else UNCENTRED + self.name

    @property
    def is_named(self) -> bool:
        """Whether :attr:`label` says all; a callable has no text form, but by a dotted name."""
        return _formula_of(self.name) is self.formula

    @property
    def bounded_derivatives(self) -> bool:
        """Whether all derivatives are bounded, as Moniri et al. ask (a callable is taken to meet it)."""
        return self.formula.bounded_derivatives

    @property
    def kinks(self) -> tuple[float, ...]:
        """Points where sigma or its derivative jumps."""
        return self.formula.kinks

    @property
    def smoothness(self) -> Smoothness:
        """Where quadrature splits: at the kinks, and around steep places of a callable."""
        return self.formula.smoothness or _smoothness(self.formula)

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
        nodes, weights = gaussian_rule(self.smoothness.corners)
        return float(weights @ function(nodes))


@lru_cache(maxsize=256)
def is_odd(activation: Activation) -> bool:
    """Whether ``sigma(-z) = -sigma(z)``, to rounding at the nodes of a rule."""
    nodes, _ = gaussian_rule(activation.smoothness.corners)
    value, mirror = activation(nodes), activation(-nodes)
    return bool(np.abs(value + mirror).max() <= _ROUNDING_OF_ODD * np.abs(value).max())


@lru_cache(maxsize=256)
def is_constant(activation: Activation) -> bool:
    """Whether sigma has one value, to rounding at the nodes of a rule."""
    nodes, _ = gaussian_rule(activation.smoothness.corners)
    values = activation.formula.value(nodes, np)
    return bool(np.ptp(values) <= ZERO * np.abs(values).max())


@lru_cache(maxsize=256)
def _bare_mean(activation: Activation) -> float:
    nodes, weights = gaussian_rule(activation.smoothness.corners)
    return gaussian_mean(activation.formula.value(nodes, np), weights)[0]


@lru_cache(maxsize=256)
def _coefficients(activation: Activation, degree: int) -> Array:
    formula, mean = activation.formula, activation.mean
    analytic = formula.analytic or (lambda z: formula.value(z, np))
    c = hermite_coefficients(lambda z: analytic(z) - mean, degree, activation.smoothness.corners, formula.strip)
    if activation.centred:
        c[0] = 0.0
    c.setflags(write=False)
    return c


def as_activation(
    activation: "str | Activation | Callable[..., Any]",
    *,
    derivative: Callable[..., Any] | None = None,
    kinks: Iterable[float] = (),
    centred: bool | None = None,
) -> Activation:
    """Make an :class:`Activation` from a name or a callable.

    Parameters
    ----------
    activation : str, Activation or callable
        A name of :data:`ACTIVATIONS`, with ``"uncentred "`` before it for the bare formula; or a function
        vectorised over NumPy arrays, of finite values, with finite ``E f(z)^2``, without jumps; or the dotted name
        of one, ``"mypackage.mymodule.myfunction"``, which is imported and can be written down. That may also name
        an Activation, which has its derivative and kinks with it.
    derivative : callable, optional
        The derivative of a callable; by complex step when not given, which needs a callable that accepts
        complex arrays and is analytic (``abs`` and comparisons are not).
    kinks : iterable of float
        Where the callable or its derivative jumps.
    centred : bool, optional
        Whether ``E sigma(z)`` is subtracted; as the name says when None, and yes for a callable.

    Raises
    ------
    ArgumentError
        Unknown name (with the nearest known), wrong shape, values that are not finite, no derivative, kinks
        that were not given, or options that a name or an Activation does not take.

    Examples
    --------
    >>> round(as_activation("relu").mean, 6), as_activation("uncentred relu").mean
    (0.398942, 0.0)
    >>> as_activation(lambda x: x + 0.1 * x**3).coefficients(3).round(6).tolist()
    [0.0, 1.3, 0.0, 0.1]
    """
    kinks = as_kinks(kinks)
    if isinstance(activation, str | Activation):
        for option, value in (("derivative", derivative), ("kinks", kinks)):
            if value:
                raise ArgumentError(option, value, f"only for a callable, not for {activation!r}; leave it out")
    if isinstance(activation, Activation):
        return activation if centred is None else replace(activation, centred=centred)
    if isinstance(activation, str):
        return _named(activation, centred)
    if not callable(activation):
        raise ArgumentError("activation", activation, "give a name such as 'tanh', or a function")
    return _from_callable(activation, derivative, kinks, centred is not False)


def _named(name: str, centred: bool | None) -> Activation:
    key = name.strip()
    if key.lower().startswith(UNCENTRED):
        key = key[len(UNCENTRED) :].strip()
        if centred:
            raise ArgumentError("centred", centred, f"{name!r} says that it is not; leave one of the two out")
        centred = False
    if is_dotted(key):
        formula, own = _imported_formula(key)
        return Activation(key, formula, own if centred is None else centred)
    known = _formula_of(key.lower())
    if known is None:
        raise ArgumentError("activation", name, closest_names(key.lower(), ACTIVATIONS))
    return Activation(key.lower(), known, centred is not False)


def _formula_of(name: str) -> Formula | None:
    """The formula of a known name; always the same object."""
    if is_dotted(name):
        return _imported_formula(name)[0]
    if name in _FORMULAS:
        return _FORMULAS[name]
    return _hermite_formula(int(name[1:])) if name in ACTIVATIONS else None


@cache
def _imported_formula(name: str) -> tuple[Formula, bool]:
    """The formula of a dotted name, and whether it is centred."""
    found = imported("activation", name)
    activation = found if isinstance(found, Activation) else as_activation(found)
    return activation.formula, activation.centred


@cache
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
    check_function("activation", function, kinks)
    slope = ComplexStep(hashable(function)) if derivative is None else OnHost(hashable(derivative))
    smoothness = check_slope(function, slope, given=derivative is not None, kinks=kinks)
    formula = Formula(OnHost(hashable(function)), slope, kinks, smoothness=smoothness)
    return Activation(function_name(function), formula, centred)
