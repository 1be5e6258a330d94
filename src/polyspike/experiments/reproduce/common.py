"""What the parts share: the activation of the figures, and averages over seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns, unique
from polyspike.experiments.statistics import estimate
from polyspike.problem import Problem, as_activation
from polyspike.results import Estimate, Prediction
from polyspike.theory import predict

__all__ = [
    "SEEDS_SHOWN",
    "SHIFTED_SINE",
    "UNTRAINED",
    "WINDOW_EXPONENTS",
    "average",
    "limit",
    "paired",
    "sample",
    "with_exponent",
]

SHIFT = 0.6


def shifted_sine(x: Any) -> Any:
    """``sin(x + 0.6)``."""
    return np.sin(x + SHIFT)


def _derivative(x: Any) -> Any:
    return np.cos(x + SHIFT)


SHIFTED_SINE = as_activation(shifted_sine, derivative=_derivative)
"""The activation of the figures: ``c_k = exp(-1/2) sin(0.6 + k pi/2) / k!``, so no coefficient vanishes, and all
derivatives are bounded, as the paper asks. The usual ones will not do: past the first, relu, gelu, silu and
softplus have no odd coefficient, tanh and erf no even one. The shift is such that ``|c_2|`` and ``|c_3|`` (0.17 and
0.08, with c_1 = 0.50) are both large enough for the spikes of degree 2 and 3 to leave the bulk at n = 2000."""

WINDOW_EXPONENTS = {1: 0.15, 2: 0.29, 3: 0.354}
"""A step exponent inside each of the first three windows, (0, 1/4), (1/4, 1/3) and (1/3, 3/8)."""

SEEDS_SHOWN = 3
"""Seeds at most of what is drawn in a figure and not judged by any claim."""

UNTRAINED = -1.0
"""Stands for the exponent of a vanishing step in tables, which hold numbers only."""


def with_exponent(problem: Problem, exponent: float) -> Problem:
    """The problem at step ``n^exponent``; at step 0 for the exponent :data:`UNTRAINED`."""
    return problem.replace(step_size=0.0) if exponent == UNTRAINED else problem.replace(step_exponent=exponent)


def limit(problem: Problem, window: int, published: bool = False) -> Prediction:
    """The limit theory with ``window`` spikes; ``published`` for its printed form, with bare monomials."""
    return predict(problem, method="window-published" if published else "window", window=window)


def average(draws: Columns, by: Sequence[str], values: Sequence[str]) -> Columns:
    """Means over seeds, with standard errors in columns named ``..._se``, for every combination of ``by``."""
    rows: list[Row] = []
    for key in unique(zip(*(draws[name].tolist() for name in by))):
        here = dict(zip(by, key))
        found = {name: sample(draws, name, **here) for name in values}
        means = {name: e.mean for name, e in found.items()}
        errors = {f"{name}_se": e.standard_error for name, e in found.items()}
        rows.append(here | means | errors)
    return to_columns(rows)


def sample(draws: Columns, value: str, **where: float | str) -> Estimate:
    """Mean and standard error of a column over the seeds at one place."""
    return estimate(select(draws, **where)[value].tolist())


def paired(draws: Columns, value: str, here: dict[str, float | str], there: dict[str, float | str]) -> Estimate:
    """Mean and standard error of the difference of a column between two places, seed by seed."""
    a, b = select(draws, **here), select(draws, **there)
    base = dict(zip(b["seed"].tolist(), b[value].tolist()))
    return estimate(x - base[seed] for seed, x in zip(a["seed"].tolist(), a[value].tolist()))
