"""A user's functions: checked once, when the Problem is built, and wrapped so that they hash and pickle."""

import pickle
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any, cast

import numpy as np

from polyspike.arraytypes import Array
from polyspike.elementwise import on_host
from polyspike.errors import ArgumentError
from polyspike.hermite import gaussian_rule
from polyspike.problem.smoothness import Smoothness, resolve, simple_far_out
from polyspike.scalars import LARGEST, LEAST

__all__ = [
    "ComplexStep",
    "OnHost",
    "as_kinks",
    "check_function",
    "check_pickles",
    "check_slope",
    "function_name",
    "hashable",
]

# E f^2 must be finite and inside the range of the quadrature: the share of it beyond this many deviations.
_TAIL, _TAIL_SHARE = 13.0, 1e-8
# A derivative agrees with its function to this, beside the rounding of what the function's own series leaves.
_SAME, _ROUNDING = 1e-6, 1e-8


@dataclass(frozen=True)
class OnHost:
    """A function of NumPy arrays as a function of (array, namespace); keeps the dtype."""

    function: Callable[[Any], Any]

    def __call__(self, x: Any, xp: Any) -> Any:
        with np.errstate(over="ignore", under="ignore"):  # 1/(1 + exp(-x)) overflows on its way to zero
            return on_host(self.function, x, xp)


@dataclass(frozen=True)
class ComplexStep:
    """``Im f(x + ih) / h``: exact to rounding for an analytic f, with no cancellation."""

    function: Callable[[Any], Any]

    def __call__(self, x: Any, xp: Any) -> Any:
        return on_host(self._slope, x, xp)

    def _slope(self, x: Any) -> Array:
        h = 1e-30
        with np.errstate(over="ignore", under="ignore"):
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


def check_function(argument: str, function: Callable[..., Any], kinks: tuple[float, ...], hint: str = "") -> Smoothness:
    """How a function is to be integrated; refuses one that is not vectorised, finite, square integrable and smooth
    between its kinks.
    """
    nodes, weights = gaussian_rule(kinks)
    value = _evaluate(argument, function, nodes, hint)
    with np.errstate(over="ignore"):
        square = weights * value**2
    if not square.sum() <= LARGEST**2:
        raise ArgumentError(argument, function, f"E f(z)^2 is over {LARGEST**2:.0e}; scale it down")
    if square.sum() < LEAST**2 and value.any():
        raise ArgumentError(argument, function, f"E f(z)^2 is under {LEAST**2:.0e}; scale it up")
    if square[np.abs(nodes) > _TAIL].sum() > _TAIL_SHARE * square.sum():
        raise ArgumentError(argument, function, "it grows too fast: E f(z)^2 must be finite for z ~ N(0, 1)")
    return resolve(argument, function, lambda x: _evaluate(argument, function, x, hint), kinks)[0]


def check_pickles(argument: str, name: str, value: Any) -> None:
    """Refuse to send a function to another process that finds it by no name."""
    try:
        pickle.dumps(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        remedy = (
            "it cannot be sent to another process; put it in a module and give its dotted name, 'mymodule.myfunction'"
        )
        raise ArgumentError(argument, name, remedy) from error


def check_slope(
    function: Callable[..., Any], slope: Callable[[Any, Any], Any], given: bool, kinks: tuple[float, ...]
) -> Smoothness:
    """How an activation and its derivative are to be integrated; refuses a derivative that is not that of the function.

    A jump is in no derivative: the gradient of ``sign`` is zero, while theory takes ``c_1`` from ``E z f(z)``.
    """
    argument = "derivative" if given else "activation"

    def derivative(x: Array) -> Array:
        return _evaluate_slope(argument, function, slope, x, given)

    derivative(np.linspace(-2.9, 3.1, 25))
    smoothness, panels = resolve(
        "activation", function, lambda x: _evaluate("activation", function, x, ""), kinks, derivative
    )
    if len(panels.jumps):
        where = ", ".join(f"{x:g}" for x in panels.jumps[:4])
        remedy = f"it jumps at {where}, which no gradient sees; give a continuous one: tanh(20*x) and not sign(x)"
        raise ArgumentError("activation", function, remedy)
    wanted, found = panels.slopes, derivative(panels.nodes.ravel()).reshape(panels.nodes.shape)
    size = np.maximum(np.abs(wanted), np.abs(found)).max(axis=1, keepdims=True)
    rounding = _ROUNDING * panels.size / (panels.right - panels.left)
    if not np.all(np.abs(wanted - found) <= _SAME * size + rounding[:, None]):
        remedy = "it is not the derivative of the activation" if given else "not analytic; give derivative="
        raise ArgumentError(argument, function, remedy)
    return smoothness._replace(far=simple_far_out(lambda x: np.asarray(function(x), dtype=float)))


def _evaluate_slope(
    argument: str, function: Callable[..., Any], slope: Callable[[Any, Any], Any], x: Array, given: bool
) -> Array:
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(slope(x, np))
    except (TypeError, ValueError, IndexError) as error:
        remedy = "it fails" if given else "no complex step; give derivative="
        raise ArgumentError(argument, function, f"{remedy} ({type(error).__name__}: {error})") from error
    if value.shape != x.shape:
        raise ArgumentError(argument, function, f"it returned shape {value.shape} for shape {x.shape}")
    if not np.all(np.isfinite(value)):
        remedy = "it must return finite numbers on [-14, 14]" if given else "no complex step there; give derivative="
        raise ArgumentError(argument, function, remedy)
    return value.astype(float)


def _evaluate(argument: str, function: Callable[..., Any], nodes: Array, hint: str) -> Array:
    x = nodes.copy()
    shape = f"an array of shape {nodes.shape}"
    try:
        with np.errstate(all="ignore"):
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
    if value.dtype in (np.float16, np.float32):
        raise ArgumentError(argument, function, f"it computes in {value.dtype}; keep the float64 of the argument")
    return value.astype(float)
