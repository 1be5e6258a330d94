"""The table from which the explorer on the pages answers holds what the library predicts."""

import random
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from polyspike import Prediction, Problem, predict

DOCS = Path(__file__).parents[1] / "docs"
ROUNDED = 6e-4
"""Relative: four digits are kept."""
SAMPLE = 6


@pytest.fixture(scope="module")
def maker() -> Any:
    spec = spec_from_file_location("explorer_data", DOCS / "explorer_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def data(maker: Any) -> dict[str, Any]:
    found: dict[str, Any] = maker.read(maker.TARGET)
    return found


def test_the_table_is_whole_and_small(maker: Any, data: dict[str, Any]) -> None:
    assert data["axes"] == maker.AXES
    places = list(maker.places())
    cells = len(data["axes"]["ridge"]) * (len(data["steps"]) + 1)
    assert [len(row) for row in data["test_error"]] == [cells] * len(places)
    noisy = [place for place in places if place["noise"] == maker.SPECTRUM_NOISE]
    assert len(data["spectra"]) == len(noisy) * len(data["spectrum_steps"])
    assert maker.TARGET.stat().st_size < 600_000
    page = (DOCS / "explorer.md").read_text(encoding="utf-8")
    assert f"{len(places) * cells:,} predictions and {len(data['spectra']):,} spectra" in page


def test_a_sample_of_it_is_what_predict_gives(maker: Any, data: dict[str, Any]) -> None:
    places = list(maker.places())
    for row in random.Random(0).sample(range(len(places)), SAMPLE):
        start = Problem(**places[row], **maker.FIXED, step_size=0.0)
        for step, ridge in ((0, 2), (9, 0), (14, 5), (21, 7)):
            problem = start.replace(ridge=data["axes"]["ridge"][ridge])
            problem = problem.replace(step_exponent=data["steps"][step - 1]) if step else problem
            expected = predict(problem)
            assert isinstance(expected, Prediction)
            place = step * len(data["axes"]["ridge"]) + ridge
            for name in ("test_error", "train_error"):
                assert data[name][row][place] == pytest.approx(getattr(expected, name), rel=ROUNDED), problem
            assert (data["reasons"][data["reason"][row][place]] == "") == expected.trusted


def test_a_sample_of_its_spectra_is_what_predict_gives(maker: Any, data: dict[str, Any]) -> None:
    noisy = [place for place in maker.places() if place["noise"] == maker.SPECTRUM_NOISE]
    steps = data["spectrum_steps"]
    for row in random.Random(1).sample(range(len(noisy)), 3):
        problem = Problem(**noisy[row], **maker.FIXED, ridge=1.0, step_exponent=steps[8])
        expected = predict(problem)
        assert isinstance(expected, Prediction)
        found = data["spectra"][row * len(steps) + 8]
        locations = [spike.location for spike in expected.spectrum.spikes]
        assert [spike["location"] for spike in found["spikes"]] == pytest.approx(locations, rel=ROUNDED)
        assert found["error_estimate"] == pytest.approx(expected.spectrum.error_estimate, rel=0.06)
        assert (data["reasons"][found["reason"]] == "") == expected.spectrum.trusted
        assert found["edges"][-1][1] == pytest.approx(expected.spectrum.edges[-1][1], rel=ROUNDED)


def test_what_is_written_is_read_back(maker: Any, tmp_path: Path) -> None:
    maker.write({"a": [1.5, None, "h1"]}, tmp_path / "data.js")
    assert maker.read(tmp_path / "data.js") == {"a": [1.5, None, "h1"]}
