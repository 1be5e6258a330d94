"""A sweep against its step: dots with error bars, one colour for every curve, and the theory over them."""

from collections.abc import Sequence
from math import inf
from typing import Any

from matplotlib.axes import Axes

from polyspike.errors import ArgumentError
from polyspike.plot.errors import errors
from polyspike.plot.rows import STEPS, Row, as_rows, position
from polyspike.plot.series import Options

__all__ = ["MOST_CURVES", "sweep"]

_OTHERS = ("ridge", "n_samples", "input_dim", "width", "noise", "n_gradient")
"""Fields that may be the axis where the step does not vary, the first that does."""

MOST_CURVES = 6
"""Curves that one figure can show and an eye can tell apart."""


def sweep(
    found: Any,
    hue: str | Sequence[str] | None = None,
    *,
    x: str | None = None,
    y: str = "test_error",
    theory: Any = None,
    ax: Axes | None = None,
    line_kwargs: Options = None,
    dot_kwargs: Options = None,
    legend: bool = True,
) -> Axes:
    """Draw the means of a sweep with their standard errors, one colour for every curve.

    The same as :func:`polyspike.plot.errors` with ``measured=found``; the field of the axis is found by itself.

    Parameters
    ----------
    found : SweepResult, Store, DataFrame, or rows
        Rows that failed are left out.
    hue : str or sequence of str, optional
        The fields that tell curves apart; those in which the problems differ, the step aside, when absent.
    x : str, optional
        That of ``step_exponent`` and ``step_size`` which varies; if neither does, the first other number that does.
    y : str
        What was measured.
    theory : results, optional
        Lines, in the colours of their dots.
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
        Nothing was measured; no field varies; results that ``hue`` does not tell apart.

    Examples
    --------
    >>> import polyspike as ps
    >>> base = ps.Problem("relu", n_samples=60, input_dim=20, width=30, step_exponent=0.0)
    >>> grid = [base.replace(step_exponent=a, noise=s) for a in (0.0, 0.3) for s in (0.1, 1.0)]
    >>> ax = sweep(ps.sweep(grid, replicates=2, workers=1, n_test=50), hue="noise")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['noise = 0.1', 'noise = 1']
    """
    rows = [row for row in as_rows(found, "found") if row.number(y)[0] is not None]
    if not rows:
        raise ArgumentError("found", found, f"no row has a {y}; see the failures of the sweep")
    options: dict[str, Any] = {"line_kwargs": line_kwargs, "dot_kwargs": dot_kwargs, "legend": legend}
    return errors(theory, rows, x or _axis(rows), y, hue=hue, ax=ax, **options)


def _axis(rows: Sequence[Row]) -> str:
    """The field that the sweep went along."""
    found = [name for name in STEPS if _is_axis(rows, name)] or [name for name in _OTHERS if _values(rows, name) > 1]
    if not found:
        raise ArgumentError("x", None, "no field of the problems varies; give results at several values of one")
    return found[0]


def _is_axis(rows: Sequence[Row], name: str) -> bool:
    """Whether every row says its step by this field, or has none, and the steps differ."""
    places = [position(row, name) for row in rows]
    said = all(row.fields.get(name) is not None or place == -inf for row, place in zip(rows, places))
    return said and len(set(places)) > 1


def _values(rows: Sequence[Row], name: str) -> int:
    return len({row.fields.get(name) for row in rows})
