"""The phase map's drawing: regions, best steps and holes."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet

import polyspike as ps


class Map(NamedTuple):
    """What :func:`polyspike.phase_map` returns, by its fields."""

    against: str
    cells: list[dict[str, Any]]
    best: list[dict[str, Any]]


def cells(hole: bool = False, spikes: bool = True) -> list[dict[str, Any]]:
    out = []
    for ridge in (0.01, 0.1, 1.0):
        for alpha in np.linspace(0, 0.5, 6):
            count = int(alpha > 0.15) + int(alpha > 0.35)
            error = None if hole and ridge == 0.1 and alpha == 0 else 1 + ridge + (alpha - 0.3) ** 2
            out.append(
                {"step_exponent": alpha, "ridge": ridge, "test_error": error, "spikes": count if spikes else None}
            )
    return out


BEST: list[dict[str, Any]] = [
    {"ridge": 0.01, "step_exponent": 0.3, "test_error": 1.01, "overall": True},
    {"ridge": 0.1, "step_exponent": None, "test_error": 1.1, "overall": False},
    {"ridge": 1.0, "step_exponent": None, "test_error": None, "overall": False},
]


def drawn(rows: list[dict[str, Any]]) -> Axes:
    return ps.plot.phase(Map("ridge", rows, BEST))


def test_regions_are_outlined_and_counted() -> None:
    axes = drawn(cells())
    lines = [c for c in axes.collections if isinstance(c, ContourSet)]
    assert len(lines) == 1
    assert list(lines[0].levels) == [0.5, 1.5]
    assert {text.get_text() for text in axes.texts} == {"0 spikes", "1", "2"}
    assert not drawn(cells(spikes=False)).texts


def test_best_steps_are_dots_one_star_and_an_open_mark_below_the_map() -> None:
    marks = {line.get_label(): np.asarray(line.get_xydata()).tolist() for line in drawn(cells()).lines}
    assert marks["best step of the row"] == [[0.3, 0.01]]
    assert marks["best step below the map"] == [[0.0, 0.1]]
    assert marks["best of all"] == [[0.3, 0.01]]


def test_a_cell_without_a_number_stays_white() -> None:
    mesh = drawn(cells(hole=True)).collections[0]
    values = np.ma.masked_invalid(np.asarray(mesh.get_array(), dtype=float))
    assert values.count() == 17


def test_predictions_on_a_grid_make_the_map_of_their_cells() -> None:
    base = ps.Problem("relu", n_samples=400, input_dim=50, width=80, step_exponent=0.0)
    grid = [base.replace(step_exponent=a, noise=s) for s in (0.1, 1.0) for a in (0.0, 0.2, 0.4)]
    found = ps.predict(grid)
    axes = ps.plot.phase(found, y="noise")
    colours = np.asarray(axes.collections[0].get_array(), dtype=float).ravel()
    assert colours.tolist() == [row.test_error for row in found]
    assert axes.get_ylabel() == r"noise $\sigma_\varepsilon$"
    axes.figure.axes[-1].get_ylabel().index("predicted test error")


@pytest.mark.parametrize(
    ("rows", "options", "argument"),
    [
        ([], {}, "found"),
        (cells(), {"y": "width"}, "y"),
        (cells(), {"value": "cosine"}, "value"),
        (cells() + cells()[:1], {}, "found"),
        (cells()[:6], {}, "y"),
    ],
)
def test_what_is_no_map_is_refused(rows: list[dict[str, Any]], options: dict[str, Any], argument: str) -> None:
    with pytest.raises(ps.ArgumentError, match=f"^{argument} = "):
        ps.plot.phase(rows, **options)
