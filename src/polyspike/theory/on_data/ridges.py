"""All ridges at one step: each resolvent starts from its larger neighbour, and from what the step before found."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.on_data.excluded import LinearParts
from polyspike.theory.on_data.family import KernelFamily
from polyspike.theory.on_data.resolvent import Resolvent, solve
from polyspike.theory.on_data.response import Response, respond

__all__ = ["Known", "Solved", "over_ridges"]


class Solved(NamedTuple):
    """One ridge."""

    resolvent: Resolvent
    response: Response


class Known(NamedTuple):
    """``log zeta`` of every ridge at some step, by the nodes of u, and the matrix of Newton's method."""

    nodes: Array
    logs: dict[float, Array]
    newtons: dict[float, Array]

    def newton(self, nodes: Array, ridge: float) -> Array | None:
        """The matrix of a ridge, for as many nodes."""
        return self.newtons.get(ridge) if len(nodes) == len(self.nodes) else None

    def change(self, nodes: Array, start: float, end: float) -> Array | None:
        """How ``log zeta`` changes from one ridge to another, at other nodes; None where it is not known."""
        if start not in self.logs or end not in self.logs:
            return None
        return np.interp(nodes, self.nodes, self.logs[end] - self.logs[start])


def over_ridges(
    family: KernelFamily,
    nodes: Array,
    ridges: Sequence[float],
    target: Array,
    width: int,
    known: Known | None = None,
    parts: LinearParts | None = None,
) -> tuple[list[Solved], Known]:
    """The resolvents and responses of all ridges, in their order, and what the next step may start from.

    The full gradient needs the linear parts of the features.
    """
    found: dict[float, Solved] = {}
    logs: dict[float, Array] = {}
    descending = sorted(set(ridges), reverse=True)
    newton: Array | None = None
    for k, ridge in enumerate(descending):
        start = _start(nodes, logs, descending[: k + 1], known) if k else _first(nodes, ridge, known)
        there = None if known is None else known.newton(nodes, ridge)
        resolvent = solve(family, ridge * len(target) / width, width, newton if there is None else there, start)
        response, near = respond(family, resolvent, target, width, parts)
        found[ridge], logs[ridge], newton = Solved(near, response), np.log(near.zeta), near.newton
    newtons = {ridge: solved.resolvent.newton for ridge, solved in found.items()}
    return [found[ridge] for ridge in ridges], Known(nodes, logs, newtons)


def _first(nodes: Array, ridge: float, known: Known | None) -> Array | None:
    """``zeta`` at the largest ridge at the step before, where that is known."""
    there = None if known is None else known.logs.get(ridge)
    return None if known is None or there is None else np.exp(np.interp(nodes, known.nodes, there))


def _start(nodes: Array, logs: dict[float, Array], ridges: Sequence[float], known: Known | None) -> Array:
    """``zeta`` at the last of these ridges: from the one before by what it changed at the step before, or in
    proportion to the logarithm of the ridge.
    """
    before, here = ridges[-2:]
    change = None if known is None else known.change(nodes, before, here)
    if change is None and len(ridges) > 2:
        earlier = ridges[-3]
        change = (logs[before] - logs[earlier]) * np.log(here / before) / np.log(before / earlier)
    return np.exp(np.minimum(logs[before] + (0.0 if change is None else change), 0.0))
