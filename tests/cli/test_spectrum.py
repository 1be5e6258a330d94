"""``polyspike spectrum`` and ``polyspike predict`` show what the finite-size theory says of the eigenvalues."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from polyspike.cli.app import app

SMALL = ["--activation", "relu", "--n-samples", "400", "--input-dim", "200", "--width", "300", "--step-exponent", "0.4"]


def run(*arguments: str) -> Any:
    done = CliRunner().invoke(app, [*arguments, *SMALL])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_spectrum_puts_the_prediction_below_the_simulation(tmp_path: Path) -> None:
    text = run("spectrum", "--figure", str(tmp_path / "spectrum.png"))
    simulated, predicted = text.index("simulated, seed 0"), text.index("predicted: the bulk lies on")
    assert simulated < predicted
    assert "still inside: h4" in text
    assert (tmp_path / "spectrum.png").stat().st_size > 5000


def test_spectrum_as_json_has_both() -> None:
    found = json.loads(run("spectrum", "--json"))
    predicted = found["predicted"]
    assert predicted["spikes"][0]["location"] == pytest.approx(found["spikes"][0], rel=0.4)
    assert predicted["edges"][-1][1] == pytest.approx(found["bulk_edge"], rel=0.2)
    assert predicted["atom"] == pytest.approx(0.25)
    assert predicted["spikes"][0]["mean"] != predicted["spikes"][0]["location"]


def test_where_no_expectation_is_known_the_limit_is_called_so() -> None:
    assert "outside it, on average at" in run("spectrum")
    same = ["--samples", "same", "--readout", "rademacher"]
    assert "outside it, in the limit at" in run("spectrum", *same)
    assert json.loads(run("predict", "--json", *same))["prediction"]["outliers"][0]["mean"] is None


def test_with_a_covariance_means_are_for_those_who_ask_for_the_spectrum() -> None:
    coloured = ["--inputs", "power:0.3", "--readout", "rademacher"]
    assert "outside it, on average at" in run("spectrum", *coloured)
    [outlier, *_] = json.loads(run("predict", "--json", *coloured))["prediction"]["outliers"]
    assert outlier["mean"] is None


def test_an_outlier_of_reused_samples_says_what_it_has_of_the_labels() -> None:
    same = ["--samples", "same", "--readout", "rademacher"]
    lines = run("spectrum", *same).split("predicted: ")[1].splitlines()
    assert re.search(r"h1 0\.9\d+ .*label 0\.\d+$", lines[1])
    [spike, *_] = json.loads(run("spectrum", "--json", *same))["predicted"]["spikes"]
    assert 0.2 < spike["label"] < 0.9
    assert spike["residual"] >= spike["label"]  # the full gradient sees more than the label


def test_predict_lists_outliers_with_what_they_learned() -> None:
    line = next(line for line in run("predict").splitlines() if line.startswith("outliers"))
    assert "(h1 0.9" in line
    assert "h2 0." in line
    found = json.loads(run("predict", "--json"))["prediction"]
    assert len(found["outliers"][0]["overlaps"]) == 7
    assert found["zeros"] == pytest.approx(0.25)


def test_the_limit_theory_shows_no_outliers() -> None:
    assert "outliers" not in run("predict", "--method", "window")


def test_a_spectrum_says_what_it_is_worth() -> None:
    found = json.loads(run("predict", "--json"))["prediction"]
    predicted = json.loads(run("spectrum", "--json"))["predicted"]
    names = ("error_estimate", "trusted", "trust_reason")
    assert [found[f"spectrum_{name}"] for name in names] == [predicted[name] for name in names]
    assert predicted["trusted"]
    assert f"may be off these places by {predicted['error_estimate']:.1%}" in run("spectrum")
    steep = run("spectrum", "--inputs", "power:1")
    assert "not to be trusted: the inputs have the effective dimension" in steep


def test_where_no_estimate_is_known_none_is_given() -> None:
    same = ["--samples", "same", "--readout", "rademacher"]
    assert "may be off these places" not in run("spectrum", *same)
    assert json.loads(run("spectrum", "--json", *same))["predicted"]["error_estimate"] is None
