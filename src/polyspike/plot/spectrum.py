"""Eigenvalues of F F'/N: the bulk as a histogram, what has left it as marks, the prediction over both."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import offset_copy

from polyspike.arraytypes import Array
from polyspike.edge import LEAST, fit_edge
from polyspike.errors import ArgumentError
from polyspike.plot.axes import as_axes
from polyspike.plot.series import Options, given
from polyspike.plot.style import MARKERS, palette
from polyspike.spectra import Spectrum

__all__ = ["spectrum"]

N_BINS = 45
CURVE_POINTS = 200

_ZERO = 1e-9
"""Eigenvalues below this share of the largest are zeros that rounding has moved."""

_LOWEST_SHARE = 0.02
"""Of the bulk that may lie below the axis, where it reaches down to zero."""

_SPIKE_HEIGHT = 0.42

_DIGIT, _SYMBOL = 0.03, 0.06
"""Share of the axis within which two numbers, or two names of functions, would overlap."""

_CLEAR = 0.1
"""Squared cosine from which a spike is said to be of a degree."""


@dataclass(frozen=True)
class Sample:
    """The eigenvalues of one or more runs.

    Attributes
    ----------
    spectra : tuple of ndarray
        Descending, without zeros.
    total : float
        Number of eigenvalues of all runs that are not zero, seen or not.
    zeros : float
        Share of zeros among the n eigenvalues of ``F F'/N``.
    overlaps : ndarray or None
        Mean squared cosine of the k-th vector with the degrees 1, 2, ...
    """

    spectra: tuple[Array, ...]
    total: float
    zeros: float | None
    overlaps: Array | None


def spectrum(
    run: Any = None,
    theory: Any = None,
    *,
    ax: Axes | None = None,
    limits: tuple[float, float] | None = None,
    hist_kwargs: Options = None,
    line_kwargs: Options = None,
    legend: bool = True,
) -> Axes:
    """Draw the eigenvalues of one network, or of several of one problem, beside the predicted density and spikes.

    Both are normalised in the same way, as shares of the eigenvalues that are not zero, so that their areas agree
    whatever the sizes are: ``F F'/N`` has n eigenvalues of which ``n - N`` vanish where N < n, and the density of the
    theory, whose total is one minus that atom, is divided by it. The axis is logarithmic and the density is that in
    ``ln mu``. Spikes are the eigenvalues beyond the end of the bulk (:func:`polyspike.edge.fit_edge`; with less than
    48 eigenvalues the predicted end), numbered or, where overlaps are known, named by the Hermite function of which
    they hold most. Open circles are the predicted ones, at their limits.

    Parameters
    ----------
    run : Measurement, Replication, sequence of Measurement, or array of eigenvalues; optional
        Simulated with ``eigenvalues="all"``. Of an array all non-zero eigenvalues are expected.
    theory : Prediction or its spectrum, optional
        At least one of the two is needed.
    ax : Axes, optional
        A new figure when absent.
    limits : pair of float, optional
        Of the axis.
    hist_kwargs, line_kwargs : mapping, optional
        For ``Axes.hist`` and, of the density, ``Axes.plot``. Keep the normalisation to this function: ``bins`` may be
        a number, the other keywords concern the look.
    legend : bool

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        Nothing to draw; a run without eigenvalues.
    NumericalError
        If the theory has no spectrum, or does not find it.

    Examples
    --------
    >>> import polyspike as ps
    >>> problem = ps.Problem("relu", "2*h1", n_samples=400, input_dim=50, width=80, step_exponent=0.3)
    >>> ax = spectrum(ps.simulate(problem, eigenvalues="all", n_test=2), theory=ps.predict(problem))
    >>> ax.get_xscale()
    'log'
    """
    sample = None if run is None else _sample(run)
    predicted = None if theory is None else _predicted(theory)
    if sample is None and predicted is None:
        raise ArgumentError("run, theory", (run, theory), "give a run, a prediction, or both")
    ax = as_axes(ax)
    bulk, spikes = _split(sample, predicted)
    low, high = limits or _limits(bulk, spikes, predicted)
    top = 0.0
    if sample is not None:
        top = _histogram(ax, bulk, sample, (low, high), given(hist_kwargs, Rectangle))
    if predicted is not None:
        top = max(top, _density(ax, predicted, (low, high), sample is None, given(line_kwargs)))
    ax.set(xscale="log", xlim=(low, high), ylim=(0, 1.25 * top))
    _mark(ax, spikes, None if sample is None else sample.overlaps, 1.25 * top * _SPIKE_HEIGHT)
    if predicted is not None:
        _rings(ax, predicted, 1.25 * top * _SPIKE_HEIGHT, named=sample is None)
    ax.set_xlabel(ax.get_xlabel() or r"eigenvalue $\mu$ of $F F^{\top}\!/N$")
    ax.set_ylabel(ax.get_ylabel() or r"density in $\ln\mu$")
    if legend:
        ax.legend()
    return ax


def _predicted(theory: Any) -> Spectrum:
    found = getattr(theory, "spectrum", theory)
    if not isinstance(found, Spectrum):
        raise ArgumentError("theory", theory, "give a Prediction or its spectrum")
    return found


def _sample(run: Any) -> Sample:
    runs = getattr(run, "measurements", run)
    if hasattr(runs, "problem"):
        runs = (runs,)
    if isinstance(runs, Iterable) and (several := list(runs)) and all(hasattr(one, "problem") for one in several):
        return _of_runs(several)
    values = np.asarray(run if not isinstance(runs, Iterable) else several, dtype=object)
    if values.ndim != 1 or values.size == 0 or not all(isinstance(v, int | float | np.number) for v in values):
        raise ArgumentError("run", run, "give a Measurement, a Replication, several runs, or an array of eigenvalues")
    positive = _positive(values.astype(float))
    return Sample((positive,), positive.size, None, None)


def _of_runs(runs: Sequence[Any]) -> Sample:
    for one in runs:
        if getattr(one, "eigenvalues", None) is None or len(one.eigenvalues) == 0:
            raise ArgumentError("run", one, "it has no eigenvalues; simulate with eigenvalues='all'")
    spectra = tuple(_positive(one.eigenvalues) for one in runs)
    totals = [_total(one, found) for one, found in zip(runs, spectra)]
    zeros = 1 - sum(totals) / sum(one.problem.n_samples for one in runs)
    aligned = [one.alignment.overlaps for one in runs if one.alignment is not None]
    overlaps = np.mean(aligned, axis=0) if len(aligned) == len(runs) else None
    return Sample(spectra, sum(totals), zeros, overlaps)


def _total(run: Any, positive: Array) -> int:
    """Eigenvalues that are not zero: as many as were found, or by the shape where only the largest were asked for."""
    by_shape = min(run.problem.n_samples, run.problem.width)
    return by_shape if len(run.eigenvalues) < by_shape else positive.size


def _positive(eigenvalues: Any) -> Array:
    values = np.sort(np.asarray(eigenvalues, dtype=float))[::-1]
    return values[values > _ZERO * values[0]]


def _split(sample: Sample | None, predicted: Spectrum | None) -> tuple[Array, list[Array]]:
    """The bulk of all runs together, and the spikes of each."""
    if sample is None:
        return np.array([]), []
    counts = [_n_spikes(values, predicted) for values in sample.spectra]
    bulk = np.concatenate([values[count:] for values, count in zip(sample.spectra, counts)])
    return bulk, [values[:count] for values, count in zip(sample.spectra, counts)]


def _n_spikes(values: Array, predicted: Spectrum | None) -> int:
    if values.size >= LEAST:
        return fit_edge(values).n_spikes
    return 0 if predicted is None else int(np.sum(values > predicted.edges[-1][1]))


def _limits(bulk: Array, spikes: Sequence[Array], predicted: Spectrum | None) -> tuple[float, float]:
    """Room for all that is shown; of a bulk that reaches zero, from the lowest fiftieth on."""
    low, high = [], []
    if bulk.size:
        low.append(float(np.quantile(bulk, _LOWEST_SHARE)) / 2)
        high += [float(bulk.max()), *(float(values[0]) for values in spikes if values.size)]
    if predicted is not None:
        edges = predicted.edges
        low.append(max(edges[0][0] / 1.5, 1e-3 * edges[-1][1]))
        high += [edges[-1][1], *(spike.location for spike in predicted.spikes)]
    if not low:
        low, high = [float(min(values[-1] for values in spikes)) / 2], [float(max(values[0] for values in spikes))]
    return min(low), 2 * max(high)


def _histogram(ax: Axes, bulk: Array, sample: Sample, limits: tuple[float, float], options: dict[str, Any]) -> float:
    count = options.pop("bins", N_BINS)
    bins = np.geomspace(*limits, count + 1) if isinstance(count, int) else np.asarray(count, dtype=float)
    weights = 1 / (sample.total * np.log(bins[1:] / bins[:-1]))
    heights = np.histogram(bulk, bins)[0] * weights
    zeros = f" ({sample.zeros:.0%} zeros left out)" if sample.zeros and sample.zeros > 5e-3 else ""
    style = {"color": palette(ax).bulk, "label": f"bulk{zeros}"} | options
    ax.hist(bins[:-1], bins=bins.tolist(), weights=heights, **style)
    return float(heights.max(initial=0.0)) or 1.0


def _density(
    ax: Axes, predicted: Spectrum, limits: tuple[float, float], filled: bool, options: dict[str, Any]
) -> float:
    x, density = predicted.curve(CURVE_POINTS)
    density = density / (1 - predicted.atom)
    shown = (x >= limits[0]) & (x <= limits[1])
    style: dict[str, Any] = {"color": palette(ax).theory, "linewidth": 1.1, "label": "theory"} | options
    breaks = np.cumsum([CURVE_POINTS] * len(predicted.edges))[:-1]
    for part, (points, values) in enumerate(zip(np.split(x, breaks), np.split(x * density, breaks))):
        ax.plot(points, values, **(style | ({"label": "_"} if part else {})))
        if filled:
            ax.fill_between(points, values, color=palette(ax).bulk, linewidth=0, zorder=0)
    return float(np.max((x * density)[shown], initial=0.0)) or 1.0


def _mark(ax: Axes, spikes: Sequence[Array], overlaps: Array | None, height: float) -> None:
    """A stem for the k-th spike of every run, with its number or, if the overlaps of all are known, its degree."""
    count = max((values.size for values in spikes), default=0)
    known = overlaps is not None and len(overlaps) >= count
    for rank in range(1, count + 1):
        places = [values[rank - 1] for values in spikes if values.size >= rank]
        degree = _degree([0.0, *overlaps[rank - 1]]) if known and overlaps is not None else None
        shade, name = palette(ax).colour(degree or rank), str(rank) if degree is None else rf"$H_{degree}$"
        marker = MARKERS[((degree or rank) - 1) % len(MARKERS)]
        ax.vlines(places, 0, height, color=shade, linewidth=1.2, alpha=max(0.3, 1 / len(places)))
        ax.plot(float(np.mean(places)), height, marker, color=shade, label="_")
        _name(ax, name, float(np.mean(places)), height, shade)


def _degree(profile: Sequence[float]) -> int | None:
    """The degree from 1 on of which a vector holds most, where it is clear."""
    if len(profile) < 2:
        return None
    best = int(np.argmax(profile[1:])) + 1
    return best if profile[best] > _CLEAR else None


def _rings(ax: Axes, predicted: Spectrum, height: float, named: bool) -> None:
    style: dict[str, Any] = {"marker": "o", "mfc": "none", "mec": palette(ax).theory, "ms": 8, "linestyle": "none"}
    places = [spike.location for spike in predicted.spikes]
    if places:
        ax.plot(places, [height] * len(places), label="predicted spikes", mew=0.9, **style)
    for spike in predicted.spikes if named else ():
        degree = _degree(spike.overlaps.tolist())
        shade = palette(ax).theory if degree is None else palette(ax).colour(degree)
        ax.vlines(spike.location, 0, height, color=shade, linewidth=1.2)
        _name(ax, "?" if degree is None else rf"$H_{degree}$", spike.location, height, shade)


def _name(ax: Axes, text: str, place: float, height: float, colour: Any) -> None:
    """A name over a mark; a line higher where a neighbour's stands."""
    room = (_SYMBOL if "$" in text else _DIGIT) * float(np.log(np.divide(*ax.get_xlim()[::-1])))
    taken = [float(other.get_position()[0]) for other in ax.texts]
    near = [other for other in taken if abs(np.log(other / place)) < room]
    offset = (0, 5 + 11 * len(near))
    style: dict[str, Any] = {"ha": "center", "va": "bottom", "color": colour}
    ax.text(
        place, height, text, transform=offset_copy(ax.transData, ax.get_figure(root=True), *offset, "points"), **style
    )
