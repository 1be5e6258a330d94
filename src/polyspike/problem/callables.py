"""A user's functions: checked once, when the Problem is built, and wrapped so that they hash and pickle."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from polyspike.elementwise import on_host
from polyspike.errors import ArgumentError
from polyspike.hermite import gaussian_rule

__all__ = ["ComplexStep", "OnHost", "as_kinks", "check_function", "check_slope", "function_name", "hashable"]

Array = NDArray[np.float64]

# Two partitions of the line must give the same moments of a smooth function. An undeclared jump of f, f' or
# f'' misses this by 1e-2 to 1e-7; a function analytic in |Im z| < 0.3 meets it by five orders of magnitude.
_SMOOTH = 1e-8
# E f^2 must be finite and inside the range of the quadrature: the share of it beyond this many deviations.
_TAIL, _TAIL_SHARE = 13.0, 1e-8


@dataclass(frozen=True)
class OnHost:
    """A function of NumPy arrays as a function of (array, namespace); keeps the dtype."""

    function: Callable[[Any], Any]

    def __call__(self, x: Any, xp: Any) -> Any:
        return on_host(self.function, x, xp)


@dataclass(frozen=True)
class ComplexStep:
    """``Im f(x + ih) / h``: exact to rounding for an analytic f, with no cancellation."""

    function: Callable[[Any], Any]

    def __call__(self, x: Any, xp: Any) -> Any:
        return on_host(self._slope, x, xp)

    def _slope(self, x: Any) -> Array:
        h = 1e-30
        return np.asarray(np.imag(self.function(np.asarray(x, dtype=float) + 1j * h)) / h)


def hashable(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself, or its bound ``__call__`` where the object has no hash (NumPy's polynomials)."""
    try:
        hash(function)
    except TypeError:
        bound: Callable[..., Any] = cast(Any, function).__call__
        return bound
    return function


def function_name(function: Callable[..., Any]) -> str:
    """The name of a function, or of the type of a callable object."""
    return str(getattr(function, "__name__", type(function).__name__))


def as_kinks(kinks: Iterable[float]) -> tuple[float, ...]:
    """Kinks as a sorted tuple of finite floats."""
    remedy = "give the points where the function or its derivative jumps, such as (0.0,)"
    try:
        values = tuple(sorted(float(k) + 0.0 for k in kinks))
    except (TypeError, ValueError) as error:
        raise ArgumentError("kinks", kinks, remedy) from error
    if not all(map(isfinite, values)):
        raise ArgumentError("kinks", kinks, remedy)
    return values


def check_function(argument: str, function: Callable[..., Any], kinks: tuple[float, ...], hint: str = "") -> None:
    """Refuse a function that is not vectorised, finite, square integrable and smooth between its kinks."""
    nodes, weights = gaussian_rule(kinks)
    value = _evaluate(argument, function, nodes, hint)
    square = weights * value**2
    if square[np.abs(nodes) > _TAIL].sum() > _TAIL_SHARE * square.sum():
        raise ArgumentError(argument, function, "it grows too fast: E f(z)^2 must be finite for z ~ N(0, 1)")
    finer, finer_weights = gaussian_rule((*kinks, *(np.arange(-14, 14) + 0.37)))
    again = _evaluate(argument, function, finer, hint)
    for power, degree in ((1, 0), (1, 1), (2, 0)):
        terms = weights * value**power * nodes**degree
        gap = abs(terms.sum() - float(finer_weights @ (again**power * finer**degree)))
        if gap > _SMOOTH * np.abs(terms).sum():
            raise ArgumentError(argument, function, "give kinks=: the points where it jumps or bends sharply")


def check_slope(
    function: Callable[..., Any], slope: Callable[[Any, Any], Any], given: bool, kinks: tuple[float, ...]
) -> None:
    """Compare a derivative with central differences at points away from the kinks."""
    x = np.linspace(-2.9, 3.1, 25)
    x = x[np.all(np.abs(x[:, None] - np.asarray([*kinks, np.inf])) > 1e-3, axis=1)]
    h = 1e-5
    upper, lower = np.asarray(function(x + h), dtype=float), np.asarray(function(x - h), dtype=float)
    difference = (upper - lower) / (2 * h)
    # Truncation is h^2 f'''/6, rounding eps |f|/h: both far below 1e-4 of the function's own size.
    allowed = 1e-4 * (np.abs(difference) + np.max(np.abs(difference), initial=0.0))
    argument = "derivative" if given else "activation"
    try:
        value = np.asarray(slope(x, np))
    except (TypeError, ValueError, IndexError) as error:
        remedy = "it fails" if given else "no complex step; give derivative="
        raise ArgumentError(argument, function, f"{remedy} ({type(error).__name__}: {error})") from error
    if value.shape != x.shape:
        raise ArgumentError(argument, function, f"it returned shape {value.shape} for shape {x.shape}")
    if not np.all(np.abs(value - difference) <= allowed):
        remedy = "it is not the derivative of the activation" if given else "not analytic; give derivative="
        raise ArgumentError(argument, function, remedy)


def _evaluate(argument: str, function: Callable[..., Any], nodes: Array, hint: str) -> Array:
    x = nodes.copy()
    shape = f"an array of shape {nodes.shape}"
    try:
        value = np.asarray(function(x))
    except (TypeError, ValueError, IndexError) as error:
        remedy = f"it fails on {shape} ({type(error).__name__}: {error}); vectorise it{hint}"
        raise ArgumentError(argument, function, remedy) from error
    if value.shape != nodes.shape:
        raise ArgumentError(argument, function, f"it returned shape {value.shape} for {shape}; vectorise it{hint}")
    if not np.array_equal(x, nodes):
        raise ArgumentError(argument, function, "it changes its argument in place; return a new array")
    if value.dtype.kind not in "fiub" or not np.all(np.isfinite(value)):
        raise ArgumentError(argument, function, "it must return finite real numbers on [-14, 14]")
    return value.astype(float)
