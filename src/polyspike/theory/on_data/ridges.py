"""All ridges at one step: each resolvent starts from its larger neighbour, and from what the step before found."""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

from polyspike.arraytypes import Array
from polyspike.theory.on_data.excluded import LinearParts
from polyspike.theory.on_data.family import KernelFamily
from polyspike.theory.on_data.resolvent import Resolvent, solve
from polyspike.theory.on_data.response import Response, respond
from polyspike.theory.on_data.step import NeuronNodes

__all__ = ["Known", "Solved", "over_ridges"]

_REMEMBERED = 3
"""Steps from which the next is extrapolated."""

_FURTHEST = 8.0
"""Sum of the moduli of weights; 7 for three steps at equal ratios."""

_NEIGHBOURS = 3
"""Ridges from which the next is extrapolated."""

_SPLINED = 4
"""Nodes that a cubic spline needs."""


class Solved(NamedTuple):
    """One ridge."""

    resolvent: Resolvent
    response: Response


class Known(NamedTuple):
    """What was found at some step for every ridge, by the nodes of u, and at the step before that.

    Attributes
    ----------
    step : float
    nodes : ndarray of shape (A,)
    zetas, echoes : dict
        ``log zeta`` and the logarithms of the response's echoes, of every ridge, both of shape (A,); no echo that is
        not positive.
    newtons : dict
        The matrices of Newton's method.
    earlier : Known, optional
    """

    step: float
    nodes: Array
    zetas: dict[float, Array]
    echoes: dict[float, Array]
    newtons: dict[float, Array]
    earlier: "Known | None" = None

    def newton(self, nodes: Array, ridge: float) -> Array | None:
        """The matrix of a ridge, of shape (A, A) for these nodes: but for the unit matrix it smooths functions of u.

        None where few nodes say nothing of others.
        """
        known = self.newtons.get(ridge)
        if known is None or np.array_equal(nodes, self.nodes):
            return known
        if min(len(nodes), len(known)) < _SPLINED:
            return None
        smoothing = known - np.eye(len(known))
        there = between(self.nodes, nodes, np.eye(len(nodes)))
        found: Array = np.eye(len(nodes)) + between(nodes, self.nodes, smoothing @ there)
        return found

    def expected(self, step: float, nodes: Array) -> tuple[dict[float, Array], dict[float, Array]]:
        """Both logarithms of every ridge at another step and its nodes, as parabolas of the logarithm of the step."""
        past = self._past()
        zetas = _extrapolated([(k.step, k.nodes, k.zetas) for k in past], step, nodes)
        return zetas, _extrapolated([(k.step, k.nodes, k.echoes) for k in past], step, nodes)

    def without(self, depth: int) -> "Known":
        """The same with so many steps in all."""
        earlier = None if self.earlier is None or depth <= 1 else self.earlier.without(depth - 1)
        return self._replace(earlier=earlier)

    def _past(self) -> list["Known"]:
        """The step and those before it, the last first, as far as they ascend from zero."""
        past: list[Known] = [self]
        while (before := past[-1].earlier) is not None and 0 < before.step < past[-1].step:
            past.append(before)
        return past


def _extrapolated(
    past: Sequence[tuple[float, Array, dict[float, Array]]], step: float, nodes: Array
) -> dict[float, Array]:
    """The ridges that are known at all of these steps."""
    weights = step_weights([some[0] for some in past], step)
    past = past[: len(weights)]
    shared = set[float].intersection(*(set(values) for _, _, values in past))
    return {
        ridge: sum(
            weight * between(nodes, there, values[ridge])
            for weight, (_, there, values) in zip(weights, past, strict=True)
        )
        for ridge in shared
    }


def step_weights(known: Sequence[float], step: float) -> Array:
    """Weights of what is known at some steps, or ridges, beyond which another one lies, the nearest of them first; of
    fewer of them where they are so near to one another that weights are large.
    """
    beyond = len(known) > 1 and (step - known[0]) * (known[0] - known[1]) > 0
    for count in range(len(known) if beyond else 1, 1, -1):
        weights = lagrange(np.log(known[:count]), np.log(step))
        if np.sum(np.abs(weights)) <= _FURTHEST:
            return weights
    return np.ones(1)


def lagrange(known: Array, there: float) -> Array:
    """Weights of values at some points in that at another, of the polynomial through them."""
    apart = known[:, None] - known
    np.fill_diagonal(apart, 1.0)
    to = np.tile(there - known, (len(known), 1))
    np.fill_diagonal(to, 1.0)
    found: Array = np.prod(to / apart, axis=1)
    return found


def between(nodes: Array, known: Array, values: Array) -> Array:
    """Values at other nodes, of shape (A,) or (A, B): the cubic spline in ``arsinh u``; the ends' values beyond.

    Of fewer than four nodes, values of shape (A,) alone, linear in u.
    """
    if np.array_equal(nodes, known):
        return values
    if len(known) < _SPLINED:
        return np.interp(nodes, known, values)
    found: Array = _spline_weights(nodes.tobytes(), known.tobytes()) @ values
    return found


@lru_cache(maxsize=64)
def _spline_weights(nodes: bytes, known: bytes) -> Array:
    """Of values at known nodes in those at others, shape (others, known): all ridges share them."""
    there, given = np.frombuffer(nodes), np.frombuffer(known)
    spline = CubicSpline(np.arcsinh(given), np.eye(len(given)))
    weights: Array = spline(np.arcsinh(np.clip(there, given[0], given[-1])))
    return weights


def over_ridges(
    family: KernelFamily,
    neurons: NeuronNodes,
    ridges: Sequence[float],
    target: Array,
    width: int,
    known: Known | None = None,
    parts: LinearParts | None = None,
) -> tuple[list[Solved], Known]:
    """The resolvents and responses of all ridges, in their order, and what the next step may start from.

    The full gradient needs the linear parts of the features.
    """
    nodes, found = neurons.nodes, dict[float, Solved]()
    zetas, echoes = dict[float, Array](), dict[float, Array]()
    of_zeta, of_echo = ({}, {}) if known is None else known.expected(neurons.step, nodes)
    newton: Array | None = None
    for ridge in sorted(set(ridges), reverse=True):
        begin, echo = start(zetas, ridge, of_zeta), start(echoes, ridge, of_echo)
        there = None if known is None else known.newton(nodes, ridge)
        zeta = None if begin is None else np.exp(np.minimum(begin, 0.0))
        resolvent = solve(family, ridge * len(target) / width, width, newton if there is None else there, zeta)
        guess = None if echo is None else np.exp(echo)
        response, near = respond(family, resolvent, target, width, parts, guess)
        found[ridge], zetas[ridge], newton = Solved(near, response), near.nearer, near.newton
        if np.all(response.echo > 0):
            echoes[ridge] = np.log(response.echo)
    newtons = {ridge: solved.resolvent.newton for ridge, solved in found.items()}
    earlier = None if known is None else known.without(_REMEMBERED - 1)
    return [found[ridge] for ridge in ridges], Known(neurons.step, nodes, zetas, echoes, newtons, earlier)


def start(logs: dict[float, Array], ridge: float, expected: dict[float, Array]) -> Array | None:
    """Logarithms at a ridge from those of the nearest ridges that are known: what these differ by from what was
    expected there, as a polynomial of the logarithm of the ridge, added to what is expected here; the logarithms
    themselves where nothing was expected.
    """
    known = sorted(logs, key=lambda other: abs(np.log(other / ridge)))[:_NEIGHBOURS]
    if ridge not in expected or not all(other in expected for other in known):
        return _through(known, [logs[other] for other in known], ridge)
    change = _through(known, [logs[other] - expected[other] for other in known], ridge)
    return expected[ridge] if change is None else expected[ridge] + change


def _through(known: Sequence[float], values: Sequence[Array], ridge: float) -> Array | None:
    """The polynomial through values at some ridges, the nearest first, at another one; of fewer of them where weights
    are large.
    """
    if not known:
        return None
    weights = step_weights(known, ridge)
    found: Array = weights @ np.array(values[: len(weights)])
    return found
