"""The intervals of a bulk and the gaps between them, from its outer edges (docs/theory-same-data.md, section 9)."""

from typing import TypeVar

from polyspike.errors import NumericalError
from polyspike.status import Status
from polyspike.theory.bulk_support.density import SolvedSpan, Span, gap_of, solve_span
from polyspike.theory.bulk_support.point import RealPoint, descend
from polyspike.theory.finite_size.spectrum.branches import find_edge

__all__ = ["check_mass", "lower_edge", "support_of", "upper_edge"]

Real = TypeVar("Real", bound=RealPoint)

# Largest difference between the mass of the density and one minus the atom: this, or so many eigenvalues.
_MASS_TOLERANCE, _MISSED = 2e-3, 2.0
_MOST_INTERVALS = 24


def upper_edge(start: Real, largest: float) -> tuple[Real, list[Real]]:
    """The edge at the top of the bulk, and the solutions down to it from a start above everything, in arc steps of this
    length at most.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED``, here as in the others.
    """
    way = descend(start)
    edge, path = find_edge(way[-1], -1, largest, outside=_is_outside)
    return edge, [*way[:-1], *path, edge]


def lower_edge(start: Real, largest: float) -> tuple[Real, list[Real]]:
    """The edge at the bottom of the bulk, and the solutions up to it from a start below."""
    edge, path = find_edge(start, 1, largest, outside=_is_outside)
    return edge, [*path, edge]


def support_of(whole: Span, far: Real, largest: float) -> tuple[list[SolvedSpan], list[list[Real]]]:
    """The intervals of the bulk, ascending, and the paths of real solutions up across the gaps between them.

    Parameters
    ----------
    whole : Span
        Between the outer edges.
    far : RealPoint
        Far above the bulk.
    largest : float
        The longest step of the arc.
    """
    waiting: list[tuple[Span, SolvedSpan | None]] = [(whole, None)]
    spans: list[SolvedSpan] = []
    gaps: list[list[Real]] = []
    while waiting:
        span, wider = waiting.pop()
        solved = solve_span(span, far, wider)
        inside: Real | None = gap_of(solved)
        if inside is None:
            spans.append(solved)
            continue
        if len(gaps) == _MOST_INTERVALS:
            raise NumericalError(Status.NOT_CONVERGED, f"the bulk has more than {_MOST_INTERVALS} gaps")
        (left, down), (right, up) = (find_edge(inside, side, largest, True, _is_outside) for side in (-1, 1))
        gaps.append([left, *down[::-1], *up[1:], right])
        waiting += [(Span(span.low, left.z, span.hard), solved), (Span(right.z, span.high), solved)]
    return sorted(spans, key=lambda solved: solved.span.low), gaps


def _is_outside(point: RealPoint) -> bool:
    return point.is_outside


def check_mass(spans: list[SolvedSpan], expected: float, n_samples: int) -> None:
    """Refuse a density from which more than a light component is missing."""
    mass = sum(solved.mass for solved in spans)
    if abs(mass - expected) > max(_MASS_TOLERANCE, _MISSED / n_samples):
        message = f"the density of the bulk has mass {mass:.4f} instead of {expected:.4f}"
        raise NumericalError(Status.NOT_CONVERGED, message)
