"""Means, standard errors, and how large a z-score must be before it means something."""

from collections.abc import Iterable, Sequence
from math import isfinite, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

from polyspike.errors import ArgumentError, NumericalError
from polyspike.results import Estimate, Measurement
from polyspike.scalars import as_integer
from polyspike.status import Status

__all__ = [
    "MEAN_FIELDS",
    "SCALAR_FIELDS",
    "estimate",
    "estimate_each",
    "mean_columns",
    "with_control_variate",
    "z_threshold",
]

SCALAR_FIELDS = (
    "train_loss",
    "train_error",
    "test_error",
    "test_error_se",
    "cosine",
    "spike_cosine",
    "rank_one_fraction",
)
"""The numbers that every :class:`polyspike.Measurement` has."""


MEAN_FIELDS = tuple(name for name in SCALAR_FIELDS if name != "test_error_se")
"""Those whose mean over replicates has a column, and its standard error the column ``..._se``. The sampling error of a
single run's test set is not among them: its name is that of the standard error of the mean test error."""


def estimate(values: Iterable[float]) -> Estimate:
    """Mean of independent replicates and its standard error, ``std / sqrt(n)`` with the ``n - 1`` divisor.

    Raises
    ------
    ArgumentError
        With fewer than two values, of which no error bar can be made.
    NumericalError
        If a value is not finite.

    Examples
    --------
    >>> estimate([1.0, 2.0, 3.0])
    Estimate(mean=2.0, standard_error=0.5773502691896258, replicates=3)
    """
    sample = np.asarray(list(values), dtype=float)
    if sample.size < 2:
        raise ArgumentError("replicates", sample.size, "give at least 2, else there is no standard error")
    if not np.all(np.isfinite(sample)):
        raise NumericalError(Status.OUT_OF_RANGE, f"a replicate is not finite: {sample}")
    if sample.min() == sample.max():  # the mean of equal numbers is that number, without rounding
        return Estimate(float(sample[0]), 0.0, sample.size)
    return Estimate(float(sample.mean()), float(sample.std(ddof=1)) / sqrt(sample.size), sample.size)


def estimate_each(measurements: Sequence[Measurement]) -> dict[str, Estimate]:
    """:func:`estimate` of every scalar field of the measurements."""
    return {name: estimate(getattr(m, name) for m in measurements) for name in SCALAR_FIELDS}


def mean_columns(measurements: Sequence[Measurement]) -> dict[str, float | None]:
    """Means in columns by name, standard errors in ``..._se``.

    A mean is None without any measurement, a standard error with fewer than two.
    """
    found: dict[str, float | None] = {}
    for name in MEAN_FIELDS:
        values = [getattr(m, name) for m in measurements]
        several = estimate(values) if len(values) > 1 else None
        found[name] = several.mean if several else next(iter(values), None)
        found[f"{name}_se"] = several.standard_error if several else None
    return found


def with_control_variate(values: ArrayLike, control: ArrayLike, expected: float) -> NDArray[np.float64]:
    """The values with the luck of the draw that a control shows taken out, without any bias.

    ``x_i - c_i (control_i - expected)``, where ``c_i`` is the mean of the other values over ``expected``: the errors
    of a network are nearly proportional to the mean square of the labels that it met, whose expectation is known.
    ``c_i`` and ``control_i`` come from independent draws, so the correction has mean zero whatever the proportion.

    Parameters
    ----------
    values, control : array_like of shape (replicates,)
    expected : float
        Mean of the control, not 0.

    Examples
    --------
    >>> with_control_variate([2.0, 2.2, 1.8], [1.0, 1.1, 0.9], 1.0).round(3).tolist()
    [2.0, 2.01, 2.01]
    """
    x = np.asarray(values, dtype=float)
    if x.size < 2:
        raise ArgumentError("replicates", x.size, "give at least 2")
    others = (x.sum() - x) / (x.size - 1)
    return x - others * (np.asarray(control, dtype=float) / expected - 1)


def z_threshold(
    comparisons: int = 1,
    *,
    false_alarm: float = 0.01,
    degrees_of_freedom: int | None = None,
    method: str = "sidak",
) -> float:
    """The ``|z|`` that all of many correct comparisons stay under, but for the given chance.

    Two-sided. With ``p`` the false-alarm probability of the whole family of m comparisons, a single one may
    raise a false alarm with ``1 - (1 - p)^(1/m)`` (Šidák, exact for independent ones, and conservative for
    Gaussian ones of any dependence) or ``p/m`` (Bonferroni, conservative whatever the dependence).

    Parameters
    ----------
    comparisons : int
        m >= 1.
    false_alarm : float
        p in (0, 1).
    degrees_of_freedom : int, optional
        Those of the standard error: replicates - 1. Student's t is used then, the normal law otherwise;
        with 8 replicates that is a threshold of 3.5 instead of 2.6 at 1 %.
    method : {"sidak", "bonferroni"}

    Raises
    ------
    ArgumentError
        Naming the argument that is out of range.
    """
    as_integer("comparisons", comparisons, 1)
    if degrees_of_freedom is not None:
        as_integer("degrees_of_freedom", degrees_of_freedom, 1)
    if not (isfinite(false_alarm) and 0 < false_alarm < 1):
        raise ArgumentError("false_alarm", false_alarm, "give a probability between 0 and 1")
    single = _single_false_alarm(comparisons, false_alarm, method)
    # Of the lower tail, where a small probability keeps its digits.
    return -float(ndtri(single / 2) if degrees_of_freedom is None else stdtrit(degrees_of_freedom, single / 2))


def _single_false_alarm(comparisons: int, false_alarm: float, method: str) -> float:
    if method == "bonferroni":
        return false_alarm / comparisons
    if method == "sidak":
        return float(-np.expm1(np.log1p(-false_alarm) / comparisons))
    raise ArgumentError("method", method, "give 'sidak' or 'bonferroni'")
