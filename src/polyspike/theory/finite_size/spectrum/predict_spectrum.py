"""The predicted spectrum of ``F F'/N``: bulk, atom and outliers (docs/theory-finite-size.md, section 6)."""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import numpy as np

from polyspike.errors import NumericalError
from polyspike.problem import Problem
from polyspike.results import Spectrum, Spike
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel
from polyspike.theory.finite_size.localised.count import localised_outliers
from polyspike.theory.finite_size.spectrum.branches import Branch, below, find_edge, in_smaller_steps, is_resolvent
from polyspike.theory.finite_size.spectrum.density import Interval, PiecewiseDensity, SolvedInterval, solve_interval
from polyspike.theory.finite_size.spectrum.outlier_means import outlier_means
from polyspike.theory.finite_size.spectrum.outliers import (
    DEGREE,
    FiniteRankParts,
    outliers_above,
    outliers_between,
    upper_edge,
)
from polyspike.theory.finite_size.spectrum.spectral_model import SpectralModel, spectral_model
from polyspike.theory.finite_size.spectrum.trust import trust_spectrum

__all__ = ["DEGREE", "degrees_inside", "predict_spectrum", "solve_parts", "solve_spectrum"]

# Largest difference between the mass of the density and one minus the atom: this, or so many eigenvalues.
_MASS_TOLERANCE, _MISSED = 1e-3, 2.0
_MOST_INTERVALS = 24
# The last is for a light component whose place next to an edge hides it with all of the others.
_REFINEMENTS = (1.0, 1.3, 1.7, 1.15)
# A spike belongs to a degree if at least this share of it is that Hermite function; a c_k below the second is no spike.
_LEAST_OVERLAP, _LEAST_COEFFICIENT = 0.02, 1e-9


def predict_spectrum(problem: Problem) -> Spectrum:
    """The limiting spectrum of ``F F'/N`` at the problem's own sizes.

    More nodes are taken where the usual ones miss light components, which belong to single nodes in the tails of M.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` when an edge, a node of the density or an outlier is not found, or the density misses mass.
    """
    for refine in _REFINEMENTS[:-1]:
        try:
            return _with_means(problem, refine)
        except NumericalError:
            continue
    return _with_means(problem, _REFINEMENTS[-1])


def _with_means(problem: Problem, refine: float) -> Spectrum:
    found, worth = solve_spectrum(spectral_model(problem, refine)), trust_spectrum(problem)
    return replace(
        found,
        error_estimate=worth.error_estimate,
        trusted=worth.trusted,
        trust_reason=worth.reason,
        means_source=partial(outlier_means, problem, found.spikes, refine),
        localised_source=partial(localised_outliers, problem, refine),
    )


def solve_spectrum(spectral: SpectralModel, degree: int = DEGREE) -> Spectrum:
    """The spectrum of a model, with small steps along the branches where large ones miss some mass."""
    return solve_parts(FiniteRankParts(spectral), degree)


def solve_parts(parts: FiniteRankParts, degree: int = DEGREE) -> Spectrum:
    """The spectrum of a model and of its parts of finite rank."""
    return in_smaller_steps(partial(_solve, parts, degree))


def _solve(parts: FiniteRankParts, degree: int, largest: float) -> Spectrum:
    spectral, bulk = parts.spectral, parts.spectral.bulk
    atom = zero_share(spectral)
    top, path = upper_edge(parts, largest)
    spikes = outliers_above(parts, [*path, top], degree)
    low = None
    if not _starts_at_zero(spectral):
        low, path = find_edge(_lowest(spectral, atom > 0), 1, largest, outside=is_resolvent)
        spikes += outliers_between(parts, [*path, low], degree)
    intervals, gaps = _support(bulk, Interval(0.0 if low is None else low.z, top.z, low, top), largest)
    for path in gaps:
        spikes += outliers_between(parts, path, degree)
    _check_mass(sum(solved.mass for solved in intervals), 1 - atom, spectral.model.problem.n_samples)
    spikes = sorted(spikes, key=lambda spike: -spike.location)
    edges = tuple((solved.interval.low, solved.interval.high) for solved in intervals)
    density = PiecewiseDensity(tuple((*ends, solved) for ends, solved in zip(edges, intervals, strict=True)))
    return Spectrum(density, edges, atom, tuple(spikes), _inside(spectral, spikes))


def _check_mass(mass: float, expected: float, n_samples: int) -> None:
    """Refuse a density from which more than a light component is missing."""
    if abs(mass - expected) > max(_MASS_TOLERANCE, _MISSED / n_samples):
        message = f"the density of the bulk has mass {mass:.4f} instead of {expected:.4f}"
        raise NumericalError(Status.NOT_CONVERGED, message)


def zero_share(spectral: SpectralModel) -> float:
    """Mass of the eigenvalue zero, ``1 - rank/n``: N features with noise have the rank N, those without at most that of
    the directions in which they are linear.
    """
    return max(0.0, 1 - _rank(spectral) / spectral.model.problem.n_samples)


def _rank(spectral: SpectralModel) -> int:
    problem = spectral.model.problem
    noisy = np.any(spectral.bulk.noise_variance > 1e-12 * np.abs(spectral.bulk.noise_variance).max(initial=1e-300))
    noisy = noisy and spectral.bulk.noise_variance.max() > 1e-12
    return problem.width if noisy else min(problem.width, round(spectral.directions))


def _starts_at_zero(spectral: SpectralModel) -> bool:
    """Whether the features are a square matrix, whose smallest singular values reach zero."""
    return _rank(spectral) == spectral.model.problem.n_samples


def _lowest(spectral: SpectralModel, atom: bool) -> Branch:
    return below(spectral.bulk, atom, atom and _rank(spectral) == spectral.model.problem.width)


def _support(bulk: BulkModel, whole: Interval, largest: float) -> tuple[list[SolvedInterval], list[list[Branch]]]:
    """The intervals of the bulk, ascending, and the paths of real solutions across the gaps between them."""
    waiting: list[tuple[Interval, SolvedInterval | None]] = [(whole, None)]
    intervals: list[SolvedInterval] = []
    gaps: list[list[Branch]] = []
    while waiting:
        interval, wider = waiting.pop()
        found = solve_interval(bulk, interval, wider)
        if isinstance(found, SolvedInterval):
            intervals.append(found)
            continue
        if len(gaps) == _MOST_INTERVALS:
            raise NumericalError(Status.NOT_CONVERGED, f"the bulk has more than {_MOST_INTERVALS} gaps")
        (left, left_path), (right, right_path) = (
            find_edge(found.branch, side, largest, in_gap=True, outside=is_resolvent) for side in (-1, 1)
        )
        gaps.append([left, *left_path[::-1], *right_path[1:], right])
        waiting += [
            (Interval(interval.low, left.z, interval.low_state, left), found.solved),
            (Interval(right.z, interval.high, right, interval.high_state), found.solved),
        ]
    return sorted(intervals, key=lambda solved: solved.interval.low), gaps


def _inside(spectral: SpectralModel, spikes: list[Spike]) -> tuple[int, ...]:
    model = spectral.model
    return degrees_inside(model.problem, model.conditioning.spike_strength, spikes)


def degrees_inside(problem: Problem, strength: float, spikes: Iterable[Spike]) -> tuple[int, ...]:
    """Degrees that the activation has and that no outlier is mostly made of; none for a spike of no strength."""
    if strength == 0:
        return ()
    coefficients = problem.activation.coefficients(DEGREE)
    degrees = [k for k in range(1, DEGREE + 1) if abs(coefficients[k]) > _LEAST_COEFFICIENT]
    for spike in spikes:
        overlaps = spike.overlaps
        choice = max(degrees, key=overlaps.__getitem__, default=None)
        if choice is not None and overlaps[choice] > _LEAST_OVERLAP:
            degrees.remove(choice)
    return tuple(degrees)
