"""Time and memory of a prediction on data, asked before it starts: its operations counted, at the rates of a laptop."""

import os
from dataclasses import dataclass

from polyspike.blas import blas_threads
from polyspike.errors import DoesNotFitError
from polyspike.problem import Problem
from polyspike.theory.on_data.chains import at_once
from polyspike.theory.on_data.curve import LARGE_STEP
from polyspike.theory.on_data.family import has_many
from polyspike.theory.on_data.readouts import length_nodes
from polyspike.theory.on_data.sizes import DEFAULT_ACCURACY, CurveAccuracy
from polyspike.theory.on_data.strong_axes import axes_rule

__all__ = ["DataCost", "check_memory", "data_cost", "spectrum_seconds"]

_PRODUCT, _ENTRY = 1 / 20e9, 2.5e-9
"""Seconds of a multiplication and an addition in a matrix product, and of one of entries of a matrix."""

_PARTS = 8
"""Matrices that the kernels of all readouts are made of, about."""

_SOLVES, _TRIALS = 3, 2.5
"""Inverses and trials of the response, of two products each, that a ridge needs at a first step; later ones need 2.4
inverses, those of differences among them, and 0.1 pairs of products.
"""

_AT_ONCE = 1.6
"""How many times less two threads take: with the full gradient on two initial outputs, else on two chains of steps."""


@dataclass(frozen=True)
class DataCost:
    """Seconds, estimated within a factor of three, and peak memory in bytes."""

    seconds: float
    bytes: int


def data_cost(
    problem: Problem, n_test: int, steps: int = 1, ridges: int = 1, accuracy: CurveAccuracy = DEFAULT_ACCURACY
) -> DataCost:
    """What ``predict_data_grid`` takes at so many steps and ridges."""
    n, n0, d = problem.n_samples, problem.gradient_samples, problem.input_dim
    nodes = {"gaussian": 3 * accuracy.nodes // 2, "rademacher": 2, "constant": 1}[problem.readout]
    full = problem.gradient == "full"
    draws = 2 * accuracy.outputs if full else 1
    parts, many = min(nodes, _PARTS), has_many(n) and not accuracy.exact
    lengths = len(length_nodes(d)[0])
    if problem.readout != "gaussian" and problem.step**2 > LARGE_STEP * problem.width:
        lengths += 2 * len(axes_rule()[1])
    lengths += lengths > 1 and not many  # normal weights besides
    spanned = min(steps * nodes, (12 + 2 * steps) * (2 if full else 1)) if many else steps * nodes
    kernels = spanned * lengths * (n / 2 + n_test) * n * (2 * d * _PRODUCT + (2 * (accuracy.degree or 16) + 6) * _ENTRY)
    half = n**2 / 2  # of every kernel
    kernels += steps * ridges * 6 * parts * half * _ENTRY
    compressed = (steps * parts * spanned if many else steps * nodes * (nodes / 2 + parts)) * half * _PRODUCT
    ridge = (_SOLVES / 2 + 2 * _TRIALS) * n**3 + (parts * d * n**2 if full else 0) + 2 * n**2 * n_test
    gradient = lengths * 60 * n0**2 * _ENTRY + 2 * n0**2 * d * _PRODUCT
    outputs = 9 * n0**3 * _PRODUCT if full else 0
    if many:  # in single precision
        kernels, compressed, ridge = kernels / 2, compressed / 2, ridge / 2
    seconds = outputs + draws * (gradient + kernels + compressed + steps * ridges * ridge * _PRODUCT)
    threads = blas_threads()
    if many and min(threads, at_once(draws, steps)) > 1:
        seconds /= _AT_ONCE
    tested = spanned * min(n_test, accuracy.rows_at_once) if many else nodes * accuracy.rows_at_once
    held = round(((spanned if many else nodes) + parts) * half + tested * n + (3 * ridges / 2 + 10) * n**2)
    if many:  # outputs at the same time
        held = held * min(draws, threads) // 2
    return DataCost(seconds, 8 * (held + 4 * n0**2 + 6 * nodes * lengths * n * d))


def spectrum_seconds(n: int) -> float:
    """What a spectrum of n rows takes, within a factor of three: some 900 inverses of complex matrices."""
    return 900 * 8 * n**3 * _PRODUCT


def check_memory(problem: Problem, n_test: int, accuracy: CurveAccuracy, steps: int = 1, ridges: int = 1) -> None:
    """Refuse what this machine cannot hold.

    Raises
    ------
    DoesNotFitError
    """
    needed = data_cost(problem, n_test, steps, ridges, accuracy).bytes
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > there:
        fits = int(problem.n_samples * (there / needed) ** 0.5)
        remedy = f"needs about {needed / 1e9:.1f} GB of {there / 1e9:.1f} GB; about {fits} rows of the fit would do"
        raise DoesNotFitError("n_samples", problem.n_samples, remedy)
