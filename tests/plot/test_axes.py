"""Axes: when they are logarithmic, and which of their ticks have numbers."""

from typing import Any

import matplotlib.pyplot as plt
import pytest
from matplotlib.axes import Axes

import polyspike as ps


def numbers(ax: Axes, which: str) -> list[str]:
    """The numbers beside the ticks that are in view."""
    ax.figure.canvas.draw()
    axis: Any = getattr(ax, f"{which}axis")
    low, high = sorted(axis.get_view_interval())
    labels = [*zip(axis.get_majorticklocs(), axis.get_majorticklabels())]
    labels += [*zip(axis.get_minorticklocs(), axis.get_minorticklabels())]
    return [text.get_text() for place, text in sorted(labels, key=lambda pair: pair[0]) if low <= place <= high]


def drawn(ax: Axes, low: float, high: float) -> list[str]:
    rows = [{"n_samples": x, "distance": x} for x in (low, high)]
    return [text for text in numbers(ps.plot.errors(measured=rows, x="n_samples", y="distance", ax=ax), "y") if text]


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0.115, 0.205, ["0.12", "0.15", "0.2"]),
        (250.0, 1000.0, ["300", "500", "700", "1000"]),
        (1.0, 30.0, ["1", "2", "5", "10", "20"]),
    ],
)
def test_a_short_logarithmic_axis_of_the_user_has_numbers(low: float, high: float, written: list[str]) -> None:
    _, ax = plt.subplots()
    ax.set(xscale="log", yscale="log")
    assert drawn(ax, low, high) == written


def test_ticks_of_the_user_stay() -> None:
    _, ax = plt.subplots()
    ax.set_yscale("log")
    ax.set_yticks([0.13, 0.17], ["a", "b"])
    ax.set_yticks([], minor=True)
    assert drawn(ax, 0.11, 0.2) == ["a", "b"]


def test_a_long_axis_has_powers_of_ten() -> None:
    _, ax = plt.subplots()
    ax.set_yscale("log")
    assert all("10^" in text for text in drawn(ax, 1.0, 10**4.0))


def test_a_number_that_has_no_logarithm_is_left_to_matplotlib() -> None:
    _, ax = plt.subplots()
    ax.set_yscale("log")
    assert drawn(ax, 0.0, 0.5)
