"""What a notebook shows: the numbers, escaped, with a thumbnail that is well-formed."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import polyspike as ps
from polyspike.markup import table
from polyspike.pictures import bars_picture, curve_picture, dots_picture, histogram_picture

PROBLEM = ps.Problem("relu", "h1 + 0.5*h2", n_samples=400, input_dim=50, width=80, step_exponent=0.3)
NASTY = '<img src=x onerror=alert(1)> & "quoted"'


def predicted() -> Any:
    return ps.predict(PROBLEM)


RESULTS: dict[str, tuple[Callable[[], Any], str, bool]] = {
    "Problem": (lambda: PROBLEM, "h1 + 0.5*h2", False),
    "Prediction": (predicted, "test_error", True),
    "Measurement": (lambda: ps.simulate(PROBLEM, n_test=50, eigenvalues="all"), "rank_one_fraction", True),
    "Replication": (lambda: ps.replicate(PROBLEM, replicates=2, n_test=50), "±", True),
    "Spectrum": (lambda: predicted().spectrum, "edges", True),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_shows_its_numbers_and_a_thumbnail_where_it_helps(name: str) -> None:
    make, word, pictured = RESULTS[name]
    found = make()._repr_html_()
    root = ElementTree.fromstring(found)  # well-formed
    cells = ["".join(cell.itertext()) for cell in root.iter("td")]
    assert name in "".join(root.itertext())
    assert word in found
    assert all(cells)
    assert (root.find("{http://www.w3.org/2000/svg}svg") is not None) is pictured


def test_the_numbers_are_those_of_the_result() -> None:
    found = predicted()
    root = ElementTree.fromstring(found._repr_html_())
    shown = {row[0].text: row[1].text for row in root.iter("tr")}
    assert shown["test_error"] == f"{found.test_error:.6g}"
    assert shown["trusted"] == str(found.trusted)


def test_a_thumbnail_computes_nothing() -> None:
    """The spectrum takes its time, and showing a prediction must not."""
    found = predicted()
    found._repr_html_()
    assert "spectrum" not in vars(found)


def test_names_and_texts_are_escaped() -> None:
    found = table(NASTY, {NASTY: NASTY})
    assert "<img" not in found
    assert found.count("&lt;img") == 3
    assert "<img" not in bars_picture({NASTY: 1.0})


def test_the_message_of_a_failure_is_escaped() -> None:
    failed = ps.FailedPrediction(PROBLEM, "window", ps.Status.OUT_OF_RANGE, NASTY)
    assert "<img" not in failed._repr_html_()


def numbers(picture: str, tag: str, name: str) -> list[float]:
    root = ElementTree.fromstring(picture)
    return [float(element.attrib[name]) for element in root.iter(f"{{http://www.w3.org/2000/svg}}{tag}")]


def test_bars_are_in_proportion() -> None:
    one, two, none = numbers(bars_picture({"a": 1.0, "b": 2.0, "c": 0.0}), "rect", "width")
    assert one == pytest.approx(two / 2, abs=0.1)
    assert none == 0.0


def test_dots_have_their_mean_among_them() -> None:
    *values, mean = numbers(dots_picture([1.0, 3.0], 2.0, 0.5), "circle", "cx")
    assert mean == pytest.approx(np.mean(values), abs=0.1)
    assert numbers(dots_picture([1.0, 1.0], 1.0, 0.0), "circle", "cx")[0] > 0


def test_a_histogram_counts_the_values_that_are_not_zero() -> None:
    tall, low = sorted(h for h in numbers(histogram_picture([0.0, 1.0, 1.0, 100.0]), "rect", "height") if h > 0)[::-1]
    assert tall == pytest.approx(2 * low, abs=0.1)
    assert histogram_picture([0.0]) == ""


def test_a_curve_shows_its_marks_inside_the_picture() -> None:
    found = curve_picture([1.0, 2.0, 4.0], [0.0, 1.0, 0.0], [8.0])
    assert 0 < numbers(found, "circle", "cx")[0] < 220
