"""What the top left singular vectors of the features have learned: measured, predicted, and along the step."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from polyspike.errors import ArgumentError
from polyspike.plot.axes import as_axes, label_axes, set_scale
from polyspike.plot.profiles import Profile, measured_profile, predicted_profile, share_rows
from polyspike.plot.rows import as_rows
from polyspike.plot.series import Options, draw_dots, draw_line, given, points
from polyspike.plot.style import palette
from polyspike.plot.windows import frame_exponents

__all__ = ["alignment", "learned", "shares"]

_LEAST_SHOWN = 0.01
"""Shares below it get no number."""


def alignment(
    run: Any, theory: Any = None, *, ax: Axes | None = None, bar_kwargs: Options = None, legend: bool = True
) -> Axes:
    """Draw the squared cosine of each top left singular vector with each Hermite function, as bars.

    Parameters
    ----------
    run : Measurement, Replication, sequence of Measurement, or rows
        Simulated with ``alignment_degree``; of several runs, means with bars of one standard error. Rows have the
        columns ``vector`` and ``degree``, ``overlap`` and maybe ``overlap_se``.
    theory : Prediction or its spectrum, or rows; optional
        What its spikes carry, as ticks; nothing where fewer spikes are predicted than vectors were measured.
    ax : Axes, optional
        A new figure when absent.
    bar_kwargs : mapping, optional
        For ``Axes.bar``.
    legend : bool

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        A run without an alignment.

    Examples
    --------
    >>> import polyspike as ps
    >>> problem = ps.Problem("relu", "2*h1", n_samples=400, input_dim=50, width=80, step_exponent=0.3)
    >>> ax = alignment(ps.replicate(problem, replicates=2, n_test=2, alignment_degree=2))
    >>> ax.get_ylabel()
    'squared cosine'
    """
    found = measured_profile(run)
    predicted = None if theory is None else predicted_profile(theory)
    ax = as_axes(ax)
    degrees = found.degrees
    width = 0.8 / len(degrees)
    for k, degree in enumerate(degrees):
        offset = (k - (len(degrees) - 1) / 2) * width
        _bars(ax, found, degree, offset, width, given(bar_kwargs, Rectangle))
        if predicted is not None:
            _ticks(ax, predicted, found.vectors, degree, offset, width, label="theory" if k == 0 else "_")
    ax.set(xticks=found.vectors, ylim=(0, 1.03))
    label_axes(ax, "left singular vector", "squared cosine")
    if legend:
        ax.legend()
    return ax


def _bars(ax: Axes, found: Profile, degree: int, offset: float, width: float, options: dict[str, Any]) -> None:
    place = np.array([vector + offset for vector in found.vectors])
    values = [found.value(vector, degree) for vector in found.vectors]
    errors = [found.error(vector, degree) for vector in found.vectors]
    bars = {"yerr": errors, "error_kw": {"elinewidth": 0.8, "capsize": 1.5}} if any(errors) else {}
    style = {"color": palette(ax).colour(degree), "label": rf"$H_{degree}$"} | bars | options
    ax.bar(place, values, width, **style)


def _ticks(
    ax: Axes, predicted: Profile, vectors: Sequence[int], degree: int, offset: float, width: float, label: str
) -> None:
    known = [vector for vector in vectors if (vector, degree) in predicted.overlaps]
    middle = np.array([vector + offset for vector in known])
    values = [predicted.value(vector, degree) for vector in known]
    ax.hlines(values, middle - width / 2, middle + width / 2, color=palette(ax).theory, linewidth=1.6, label=label)


def learned(prediction: Any, *, ax: Axes | None = None, bar_kwargs: Options = None, legend: bool = True) -> Axes:
    """Draw what every predicted spike has learned: its singular vector's squared cosines with the Hermite functions.

    One horizontal bar a spike, the largest on top, in pieces by degree; what is missing from one is spread over
    directions that are no function of the learned one. On the gradient's own samples the Hermite functions are not
    orthogonal, and the pieces may add up to more than one.

    Parameters
    ----------
    prediction : Prediction or its spectrum
    ax : Axes, optional
        A new figure when absent.
    bar_kwargs : mapping, optional
        For ``Axes.barh``.
    legend : bool

    Returns
    -------
    Axes

    Raises
    ------
    NumericalError
        If the theory has no spectrum, or does not find it.

    Examples
    --------
    >>> import polyspike as ps
    >>> ax = learned(ps.predict(ps.Problem("relu", "2*h1", n_samples=400, input_dim=50, width=80, step_size=4)))
    >>> ax.get_xlabel()
    'squared cosine'
    """
    found = predicted_profile(prediction)
    ax = as_axes(ax, (5.0, 1.3 + 0.42 * max(1, len(found.vectors))))
    for degree in found.degrees:
        _pieces(ax, found, degree, given(bar_kwargs, Rectangle))
    names = [rf"{rank}:  $\mu = {place:.3g}$" for rank, place in zip(found.vectors, found.places)]
    ax.set_yticks(found.vectors, names)
    sums = [sum(found.value(vector, degree) for degree in found.degrees) for vector in found.vectors]
    ax.set(xlim=(0, max([1.0, *sums])), ylim=(max(found.vectors, default=1) + 0.6, 0.4))
    if not found.vectors:
        ax.text(0.5, 1, "no spike has left the bulk", ha="center", va="center", color=palette(ax).quiet)
    label_axes(ax, "squared cosine", "spike")
    if legend and found.vectors:
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(found.degrees), borderaxespad=0.2)
    return ax


def _pieces(ax: Axes, found: Profile, degree: int, options: dict[str, Any]) -> None:
    start = [sum(found.value(vector, k) for k in found.degrees if k < degree) for vector in found.vectors]
    values = [found.value(vector, degree) for vector in found.vectors]
    if max(values, default=0.0) < _LEAST_SHOWN:
        return
    style: dict[str, Any] = {"color": palette(ax).colour(degree), "label": rf"$H_{degree}$", "height": 0.62} | options
    ax.barh(found.vectors, values, left=start, **style)


def shares(
    runs: Any,
    theory: Any = None,
    x: str = "step_exponent",
    *,
    names: Mapping[str, str] | None = None,
    ax: Axes | None = None,
    line_kwargs: Options = None,
    dot_kwargs: Options = None,
    legend: bool = True,
) -> Axes:
    """Draw how much of each Hermite function the top left singular vectors hold, against the step.

    Parameters
    ----------
    runs : results
        As for :func:`polyspike.plot.errors`, simulated with ``alignment_degree``; or rows with the columns of
        ``names``. Results without any step are left out.
    theory : sequence of Prediction, or rows; optional
        Lines: the sum over as many of the largest spikes as a simulation of that step looks at vectors, which is the
        number l of its window, at least one.
    x : str
        A field of the problems.
    names : mapping, optional
        What the columns are called in the legend, degree 1 first; ``{"h1": "H_1", ...}`` when absent.
    ax : Axes, optional
        A new figure when absent.
    line_kwargs, dot_kwargs : mapping, optional
        For ``Axes.plot`` and ``Axes.errorbar``.
    legend : bool

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        Runs without an alignment.

    Examples
    --------
    >>> import polyspike as ps
    >>> problem = ps.Problem("relu", "2*h1", n_samples=400, input_dim=50, width=80, step_size=0)
    >>> steps = [problem.replace(step_exponent=alpha) for alpha in (0.1, 0.4)]
    >>> ax = shares([ps.simulate(step, n_test=2, alignment_degree=2) for step in steps])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['$H_1$', '$H_2$']
    """
    rows, lines = share_rows(as_rows(runs, "runs")), share_rows(as_rows(theory, "theory"))
    shown = names or _names(rows)
    ax = as_axes(ax)
    fresh = not ax.has_data()
    places: list[float] = []
    for degree, (name, label) in enumerate(shown.items(), start=1):
        style: dict[str, Any] = {"color": palette(ax).colour(degree)}
        found = points(rows, x, name, "runs")
        places += [point.place for point in found if np.isfinite(point.place)]
        joined = {} if lines else {"linestyle": "-", "linewidth": 0.7}
        draw_dots(ax, found, degree - 1, **(style | joined | {"label": label} | given(dot_kwargs)))
        if lines and any(row.has(name) for row in lines):
            line = style | {"linewidth": 1.1, "label": "_"} | given(line_kwargs)
            draw_line(ax, points(lines, x, name, "theory"), **line)
    set_scale(ax, "x", x, places)
    ax.set_ylim(-0.03, 1.03)
    label_axes(ax, x, "share in the top singular vectors")
    if x == "step_exponent" and places:
        frame_exponents(ax, places, fresh)
    if legend:
        ax.legend()
    return ax


def _names(rows: Sequence[Any]) -> dict[str, str]:
    found = {f"h{k}": rf"$H_{k}$" for k in range(1, 10) if any(row.has(f"h{k}") for row in rows)}
    if not found:
        raise ArgumentError("runs", "no alignment", "simulate with alignment_degree=3, for example")
    return found
