"""The phase map's drawing: regions, best steps and holes."""

from typing import Any

import numpy as np
from matplotlib.contour import ContourSet

from polyspike.plotting.phase import phase_figure


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


def test_regions_are_outlined_and_counted() -> None:
    axes = phase_figure(cells(), BEST, "ridge").axes[0]
    lines = [c for c in axes.collections if isinstance(c, ContourSet)]
    assert len(lines) == 1
    assert list(lines[0].levels) == [0.5, 1.5]
    assert {text.get_text() for text in axes.texts} == {"0 spikes", "1", "2"}
    without = phase_figure(cells(spikes=False), BEST, "ridge").axes[0]
    assert not without.texts


def test_best_steps_are_dots_one_star_and_an_open_mark_below_the_map() -> None:
    axes = phase_figure(cells(), BEST, "ridge").axes[0]
    marks = {line.get_label(): np.asarray(line.get_xydata()).tolist() for line in axes.lines}
    assert marks["best step of the row"] == [[0.3, 0.01]]
    assert marks["best step below the map"] == [[0.0, 0.1]]
    assert marks["best of all"] == [[0.3, 0.01]]


def test_a_cell_without_a_number_stays_white() -> None:
    mesh = phase_figure(cells(hole=True), BEST, "ridge").axes[0].collections[0]
    values = np.ma.masked_invalid(np.asarray(mesh.get_array(), dtype=float))
    assert values.count() == 17
