"""Spectra of a covariance by name: ``isotropic``, ``power:0.5``, ``two-level:0.3,1.7,0.5``, ``spiked:10,1``, a list."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError
from polyspike.problem.names import closest_names
from polyspike.scalars import LARGEST, LEAST, as_list, real_or_none

__all__ = ["Eigenvalues", "Named", "as_named", "as_numbers", "as_spectrum"]

LARGEST_LIST = 10**7
"""Eigenvalues that are all different are listed up to so many."""


@dataclass(frozen=True, eq=False)
class Eigenvalues:
    """The distinct eigenvalues of a covariance, largest first; ``values, counts = found`` takes them apart.

    Attributes
    ----------
    values : ndarray of shape (distinct,)
        Their mean over all directions is one: ``counts @ values = d``.
    counts : ndarray of shape (distinct,)
        In how many directions each one is found, as floats.
    """

    values: Array
    counts: Array

    def __iter__(self) -> Iterator[Array]:
        return iter((self.values, self.counts))


@dataclass(frozen=True)
class Named:
    """A name with its numbers, ``power:0.5``, as which texts are read."""

    name: str
    numbers: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}:{','.join(map(_digits, self.numbers))}" if self.numbers else self.name


Values = tuple[Array, Array]


class _Kind(NamedTuple):
    """A family of spectra: what is written, which numbers it takes, and its eigenvalues in d dimensions."""

    pattern: str
    takes: int | None
    accepts: Callable[[tuple[float, ...]], bool]
    of: Callable[[tuple[float, ...], int], Values]
    misfit: Callable[[tuple[float, ...], int], str] = lambda numbers, d: ""
    is_isotropic: Callable[[tuple[float, ...]], bool] = lambda numbers: False


def _power(numbers: tuple[float, ...], d: int) -> Values:
    if d > LARGEST_LIST:
        raise ArgumentError("input_dim", d, f"the eigenvalues of a power law are listed up to d = {LARGEST_LIST}")
    return np.arange(1, d + 1.0) ** -numbers[0], np.ones(d)


def _two_level(numbers: tuple[float, ...], d: int) -> Values:
    one, other, share = numbers
    count = round(share * d)
    return np.array([one, other]), np.array([float(count), float(d - count)])


def _two_level_misfit(numbers: tuple[float, ...], d: int) -> str:
    empty = not 0 < round(numbers[2] * d) < d
    return f"one of the two levels has no direction at input_dim = {d}; give a share nearer to 1/2" if empty else ""


def _listed(numbers: tuple[float, ...], d: int) -> Values:
    return np.array(numbers), np.ones(len(numbers))


def _listed_misfit(numbers: tuple[float, ...], d: int) -> str:
    return "" if len(numbers) == d else f"{len(numbers)} eigenvalues were given; give input_dim = {d} of them"


def _levels(*numbers: float) -> bool:
    return all(x == 0 or LEAST <= x <= LARGEST for x in numbers) and any(numbers)


_KINDS = {
    "isotropic": _Kind(
        "isotropic", 0, lambda p: True, lambda p, d: (np.ones(1), np.array([float(d)])), is_isotropic=lambda p: True
    ),
    "power": _Kind("power:0.5 (an exponent >= 0)", 1, lambda p: p[0] >= 0, _power, is_isotropic=lambda p: p[0] == 0),
    "two-level": _Kind(
        "two-level:0.3,1.7,0.5 (two eigenvalues, each 0 or from 1e-30 to 1e30, and the share in (0, 1) of the first)",
        3,
        lambda p: _levels(*p[:2]) and 0 < p[2] < 1,
        _two_level,
        _two_level_misfit,
        lambda p: p[0] == p[1],
    ),
    "spiked": _Kind(
        "spiked:10,1 (how large against the others, and how many of them)",
        2,
        lambda p: LEAST <= p[0] <= LARGEST and p[1] >= 1 and p[1].is_integer(),
        lambda p, d: (np.array([p[0], 1.0]), np.array([p[1], d - p[1]])),
        lambda p, d: "" if p[1] < d else f"give fewer large eigenvalues than input_dim = {d}",
        lambda p: p[0] == 1,
    ),
    "eigenvalues": _Kind(
        "eigenvalues:2,1,0.5 (one for every dimension, each 0 or from 1e-30 to 1e30, not all zero)",
        None,
        lambda p: _levels(*p),
        _listed,
        _listed_misfit,
        lambda p: min(p) == max(p),
    ),
}
"""A new spectrum is one row."""


class Spectrum(NamedTuple):
    """A spectrum that was read."""

    named: Named

    @property
    def kind(self) -> _Kind:
        """Its family."""
        return _KINDS[self.named.name]

    @property
    def is_isotropic(self) -> bool:
        """Whether all eigenvalues are equal."""
        return self.kind.is_isotropic(self.named.numbers)

    def misfit(self, d: int) -> str:
        """What to give instead where it is no spectrum in d dimensions, else nothing."""
        return self.kind.misfit(self.named.numbers, d)

    def eigenvalues(self, d: int) -> Eigenvalues:
        """The distinct ones in d dimensions, their mean one."""
        return _eigenvalues(self, d)

    def axes(self, d: int) -> Array:
        """All of them, shape (d,): a list in its own order, all others from the largest down."""
        found = self.eigenvalues(d)
        if self.named.name == "eigenvalues":
            listed = np.array(self.named.numbers)
            return listed / _mean(listed)
        return np.repeat(found.values, found.counts.astype(int))


@lru_cache(maxsize=64)
def _eigenvalues(spectrum: Spectrum, d: int) -> Eigenvalues:
    values, counts = spectrum.kind.of(spectrum.named.numbers, d)
    values, places = np.unique(values, return_inverse=True)
    values, counts = values[::-1], np.bincount(places, counts)[::-1].astype(float)
    mean = _mean(np.array(spectrum.named.numbers)) if spectrum.named.name == "eigenvalues" else counts @ values / d
    values = values / mean
    found = Eigenvalues(np.array(values), np.array(counts))
    for array in found:
        array.setflags(write=False)
    return found


def _mean(values: Array) -> float:
    """That of equal numbers is that number, without rounding."""
    return float(values[0] if np.all(values == values[0]) else np.mean(values))


def as_spectrum(argument: str, value: Any) -> Spectrum:
    """The spectrum of a text, or of a sequence of eigenvalues.

    Raises
    ------
    ArgumentError
        Unknown names, wrong numbers.
    """
    named = as_named(argument, value, "eigenvalues", {name: kind.pattern for name, kind in _KINDS.items()})
    kind = _KINDS[named.name]
    count_fits = len(named.numbers) == kind.takes if kind.takes is not None else bool(named.numbers)
    if not (count_fits and kind.accepts(named.numbers)):
        raise ArgumentError(argument, value, f"write {kind.pattern}")
    return Spectrum(named)


def as_named(argument: str, value: Any, listed: str, known: dict[str, str]) -> Named:
    """A text ``name`` or ``name:1,2``, or a sequence of numbers, which has the name ``listed``.

    Parameters
    ----------
    known : dict
        How each name is written.

    Raises
    ------
    ArgumentError
        Anything else; numbers that are not finite.
    """
    if not isinstance(value, str):
        return Named(listed, as_numbers(argument, value, known[listed]))
    name, colon, rest = value.strip().lower().partition(":")
    name = name.strip()
    if name not in known:
        raise ArgumentError(argument, value, closest_names(name, known))
    return Named(name, as_numbers(argument, rest.split(","), known[name]) if colon else ())


def as_numbers(argument: str, values: Any, pattern: str) -> tuple[float, ...]:
    """Finite numbers, be they texts.

    Raises
    ------
    ArgumentError
    """
    remedy = f"give finite numbers: {pattern}"
    numbers = tuple(map(_number, as_list(argument, values, remedy)))
    finite = tuple(x for x in numbers if x is not None and isfinite(x))
    if not numbers or len(finite) < len(numbers):
        raise ArgumentError(argument, values, remedy)
    return finite


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            return float(value) + 0.0
        except ValueError:
            return None
    return real_or_none(value)


def _digits(number: float) -> str:
    """All digits of a number, without those that say nothing."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
