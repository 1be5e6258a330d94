"""Errors of a sweep against the step: dots with error bars, the theory of each size over them."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from polyspike.plotting.curves import plot_measured, plot_predicted
from polyspike.plotting.errors import LABELS
from polyspike.plotting.style import DEGREES, MARKERS, new_figure, styled
from polyspike.plotting.windows import EXPONENT_LABEL, mark_windows

__all__ = ["MOST_CURVES", "sweep_figure"]

Records = Sequence[Mapping[str, Any]]

MOST_CURVES = len(DEGREES)
"""Curves that one figure can show and an eye can tell apart."""

# Letters that stand side by side under both panels, markers and gaps taken off.
_LEGEND_WIDTH = 96

_QUANTITIES = ("test_error", "train_error")


@styled
def sweep_figure(measured: Records, theory: Records, field: str) -> Figure:
    """Test error and train error against the step, one colour for every curve.

    Parameters
    ----------
    measured : sequence of mappings
        Each with ``curve``, ``field``, the errors and their ``..._se``; None where there is no number.
    theory : sequence of mappings
        Each with ``curve``, ``field`` and the errors; empty to draw dots only.
    field : {"step_exponent", "step_size"}
        What the horizontal axis shows.

    Returns
    -------
    Figure
    """
    figure, axes = new_figure(7.2, 3.4, ncols=len(_QUANTITIES))
    for one, quantity in zip(axes, _QUANTITIES):
        for degree, curve in enumerate(dict.fromkeys(row["curve"] for row in measured), start=1):
            style = {"color": DEGREES[degree]}
            _dots(one, measured, curve, field, quantity, style | {"fmt": MARKERS[degree]})
            _line(one, theory, curve, field, quantity, style)
        if field == "step_exponent":
            mark_windows(one)
        one.set(xlabel=EXPONENT_LABEL if field == "step_exponent" else "step size", ylabel=LABELS[quantity])
    handles, labels = axes[0].get_legend_handles_labels()
    if theory:
        handles, labels = (
            [*handles, Line2D([], [], color="0.3")],
            [*labels, f"lines: {theory[0].get('method', 'predicted')} theory"],
        )
    columns = max(1, min(3, _LEGEND_WIDTH // max(map(len, labels))))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    return figure


def _dots(axes: Axes, rows: Records, curve: str, field: str, quantity: str, style: dict[str, Any]) -> None:
    mine = [row for row in rows if row["curve"] == curve and row[field] is not None and row[quantity] is not None]
    x, mean, error = ([row[name] for row in mine] for name in (field, quantity, f"{quantity}_se"))
    bars = [0.0 if e is None else e for e in error]  # a single replicate has none
    plot_measured(axes, x, mean, bars, curve or "simulated", **style)


def _line(axes: Axes, rows: Records, curve: str, field: str, quantity: str, style: dict[str, Any]) -> None:
    mine = [row for row in rows if row["curve"] == curve]
    if mine:
        values = [float("nan") if row[quantity] is None else row[quantity] for row in mine]  # a gap in the line
        plot_predicted(axes, [row[field] for row in mine], values, "", **style)
