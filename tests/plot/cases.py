"""Small problems and their results, made once for the tests of the figures."""

from functools import cache
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import polyspike as ps

__all__ = ["BASE", "SPIKED", "at", "bars", "dots", "labels", "lines", "predicted", "predictions", "runs"]

BASE = ps.Problem("relu", "h1 + 0.5*h2", n_samples=400, input_dim=50, width=80, step_exponent=0.0)
SPIKED = ps.Problem("gelu", "3*h1", n_samples=400, input_dim=100, width=200, step_exponent=0.3)

ALPHAS = (0.0, 0.2, 0.3, 0.5)


def at(problem: ps.Problem, *exponents: float) -> list[ps.Problem]:
    """The problem at other steps."""
    return [problem.replace(step_exponent=alpha) for alpha in exponents]


def predicted(problem: ps.Problem, **options: Any) -> Any:
    """A single prediction; what kind it is of is for the test to know."""
    return ps.predict(problem, **options)


@cache
def predictions() -> list[Any]:
    """Of the base at four steps."""
    return list(ps.predict(at(BASE, *ALPHAS)))


@cache
def runs() -> list[ps.Replication]:
    """Three networks at two steps."""
    return [ps.replicate(step, replicates=3, n_test=100) for step in at(BASE, 0.0, 0.3)]


def lines(ax: Axes) -> dict[str, NDArray[np.float64]]:
    """Points of every line with a name."""
    found = {str(line.get_label()): np.asarray(line.get_xydata(), dtype=float) for line in ax.lines}
    return {name: xy for name, xy in found.items() if not name.startswith("_")}


def dots(ax: Axes) -> dict[str, NDArray[np.float64]]:
    """Points of every row of dots by its name."""
    return {str(c.get_label()): np.asarray(c[0].get_xydata(), dtype=float) for c in ax.containers}


def bars(ax: Axes) -> list[NDArray[np.float64]]:
    """Half lengths of the error bars of every row of dots; empty where it has none."""
    found = []
    for container in ax.containers:
        segments = container[2][0].get_segments() if container[2] else []
        found.append(np.array([(s[1][1] - s[0][1]) / 2 for s in segments]))
    return found


def labels(ax: Axes) -> list[str]:
    """Texts of the legend."""
    legend = ax.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]
