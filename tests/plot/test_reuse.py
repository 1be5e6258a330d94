"""The three protocols beside each other: dots with bars, lines where there is a prediction."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from polyspike import ArgumentError, Problem, SampleReuse, sample_reuse
from polyspike.experiments.sample_reuse import PROTOCOLS
from polyspike.plot import reuse

BASE = Problem("tanh", "h1", 1000, 60, 80, step_exponent=0.0)


@pytest.fixture(scope="module")
def found() -> list[SampleReuse]:
    options: dict[str, Any] = {"exponents": [0.3], "ridges": [0.1], "pilot": 2, "replicates": 2, "n_test": 100}
    return [sample_reuse(BASE.replace(n_samples=n), **options) for n in (1000, 1500)]


def heights(line: Any) -> list[float]:
    return [float(height) for height in line.get_ydata()]


def test_dots_are_measured_and_lines_predicted(found: list[SampleReuse]) -> None:
    ax = reuse(found)
    assert len(ax.containers) == 3
    same = ax.containers[1]
    assert isinstance(same, ErrorbarContainer)
    assert same.has_yerr
    assert heights(same.lines[0]) == [one["same"].test_error.mean for one in found]
    drawn = [heights(line) for line in ax.lines if line.get_linestyle() == "-"]
    rows = [row for one in found for row in one.records()]
    predicted = [[r["predicted_test_error"] for r in rows if r["protocol"] == name] for name in PROTOCOLS]
    assert drawn == [curve for curve in predicted if None not in curve]
    assert len(drawn) >= 2
    assert ax.get_xlabel() == "samples $n$"
    plt.close("all")


def test_labels_may_be_counted_instead(found: list[SampleReuse]) -> None:
    ax = reuse(found[0], x="n_labels", legend=False)
    assert ax.get_xlabel() == "labelled samples"
    dots = [dots.lines[0] for dots in ax.containers if isinstance(dots, ErrorbarContainer)]
    assert [np.asarray(one.get_xdata()).tolist() for one in dots] == [[2000], [1000], [1000]]
    assert ax.get_legend() is None
    plt.close("all")


@pytest.mark.parametrize("wrong", [None, [], 3, {"test_error": 1.0}])
def test_anything_else_is_refused(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^found = "):
        reuse(wrong)
