"""Results in a loop: every row has the common fields, copies and pickles, and shows itself on one screen."""

import copy
import json
import pickle
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import poisson

import polyspike as ps
from polyspike import EdgePrediction, FailedPrediction, Prediction, Problem, Status

PROBLEM = Problem("relu", "h1 + 0.5*h2", 400, 100, 150, step_exponent=0.3)
EXPONENTS = (0.2, 0.25, 0.3)  # 1/4 is the edge between the first two windows

COMMON = {f.name for f in fields(Prediction)} - {"spectrum_source", "fresh_spectrum_source", "limit_source"}


def rows(method: str) -> list[Any]:
    """Predictions over an edge, and one that fails."""
    problems = [PROBLEM.replace(step_exponent=a) for a in EXPONENTS]
    return ps.predict([*problems, PROBLEM.replace(step_exponent=0.5)], method=method)


@pytest.mark.parametrize("method", ["window", "window-published"])
def test_every_row_over_an_edge_has_the_common_fields(method: str) -> None:
    found = rows(method)
    assert [type(row) for row in found] == [Prediction, EdgePrediction, Prediction, FailedPrediction]
    for row in found:
        assert {name for name in COMMON if not hasattr(row, name)} == set()
        assert row.method == method
        assert (row.test_error is None) == (not row.status.ok)
        assert row.test_error is not None or (row.trust_reason and not row.trusted)


def test_an_edge_row_has_its_own_value_beside_its_neighbours() -> None:
    _, edge, _, _ = rows("window")
    assert edge.crossing is not None
    for name in ("train_loss", "train_error", "test_error", "cosine", "spike_cosine", "null_error"):
        assert getattr(edge, name) == getattr(edge.crossing, name)
    assert min(edge.below.test_error, edge.above.test_error) < edge.test_error
    assert edge.test_error < max(edge.below.test_error, edge.above.test_error)
    assert edge.trusted == edge.crossing.trusted


def test_an_edge_of_the_published_limit_says_what_it_lacks() -> None:
    _, edge, _, failed = rows("window-published")
    assert edge.crossing is None
    assert (edge.test_error, edge.status) == (None, Status.OUT_OF_RANGE)
    assert edge.trust_reason == (
        "the published limit jumps at this step and says nothing of the edge itself: see below and above"
    )
    assert failed.trust_reason == failed.message
    assert (failed.notes, failed.extras, failed.regime) == ((), {}, "")


def test_a_prediction_gives_the_limit_of_its_problem() -> None:
    single, row = ps.predict(PROBLEM), ps.predict([PROBLEM])[0]
    for found in (single, row):
        assert isinstance(found, Prediction)
        assert found.limit().test_error == ps.predict(PROBLEM, method="window").test_error
        assert found.limit(2).test_error == ps.predict(PROBLEM, method="window", window=2).test_error


def test_a_limit_has_no_limit() -> None:
    found = ps.predict(PROBLEM, method="window")
    assert isinstance(found, Prediction)
    with pytest.raises(ps.NumericalError, match="method 'window' knows no limit"):
        found.limit()


def test_an_optimum_has_the_fields_of_its_prediction() -> None:
    best = ps.best_ridge(PROBLEM)
    for name in COMMON:
        assert getattr(best, name) == getattr(best.prediction, name) or name == "problem"
    assert best.spectrum is best.prediction.spectrum


LOCALISED = ps.LocalisedOutliers(
    10.0,
    *np.array([[1.0, 2.0], [0.3, 0.0], [0.0, 2.0], [0.2, 1.5], [0.0, 0.5], [0.75, 0.25]]),
)


def test_localised_outliers_are_a_mixture_of_poisson_numbers() -> None:
    found = LOCALISED.probabilities(60)
    expected = 0.75 * poisson.pmf(np.arange(61), 1.5) + 0.25 * poisson.pmf(np.arange(61), 4.0, loc=2)
    np.testing.assert_allclose(found, expected, atol=1e-14)
    assert found @ np.arange(61) == pytest.approx(LOCALISED.expected) == pytest.approx(0.75 * 1.5 + 0.25 * 6)
    low, high = LOCALISED.interval(0.9)
    assert found[:low].sum() <= 0.05 < found[: low + 1].sum()
    assert found[:high].sum() < 0.95 <= found[: high + 1].sum()
    zero = np.zeros(1)
    none = ps.LocalisedOutliers(10.0, zero, zero, zero, zero, zero, np.ones(1))
    assert none.interval() == (0, 0)
    np.testing.assert_allclose(none.probabilities(2), [1.0, 0.0, 0.0], atol=1e-300)
    with pytest.raises(ps.ArgumentError, match="between 0 and 1"):
        none.interval(1.0)
    for most in (-1, 1.5, "2"):
        with pytest.raises(ps.ArgumentError, match="most = "):
            none.probabilities(most)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", ["a", np.inf, np.nan, None, 0.0])
def test_a_level_that_is_none_is_refused(level: Any) -> None:
    with pytest.raises(ps.ArgumentError, match="level = "):
        ps.predict(PROBLEM).spectrum.localised(level)


MAKE: dict[str, Callable[[], Any]] = {
    "Prediction": lambda: ps.predict(PROBLEM),
    "Spectrum": lambda: ps.predict(PROBLEM).spectrum,
    "LocalisedOutliers": lambda: LOCALISED,
    "EdgePrediction": lambda: rows("window")[1],
    "FailedPrediction": lambda: rows("window")[3],
    "Derivatives": lambda: ps.derivatives(PROBLEM),
    "Optimum": lambda: ps.best_step(PROBLEM),
    "GradientSpectrum": lambda: ps.gradient_matrix_spectrum(PROBLEM.replace(activation="tanh")),
    "Measurement": lambda: ps.simulate(PROBLEM, n_test=100, eigenvalues="all", alignment_degree=3),
    "Replication": lambda: ps.replicate(PROBLEM, replicates=8, n_test=100),
    "PairedDifference": lambda: ps.paired_difference(PROBLEM, PROBLEM.replace(step_size=0), replicates=2, n_test=100),
    "Comparison": lambda: ps.compare(ps.predict(PROBLEM), ps.replicate(PROBLEM, replicates=2, n_test=100))[
        "test_error"
    ],
    "Row": lambda: ps.sweep([PROBLEM], replicates=1, workers=1, n_test=100).rows()[0],
    "ActivationReport": lambda: ps.activation_report(ps.as_activation("relu")),
    "Dataset": lambda: ps.data.load("digits"),
}


RESULTS = tuple(MAKE)
WRITTEN = [name for name in RESULTS if name != "Dataset"]


@cache
def made(name: str) -> Any:
    """The result of this name; results only hold data, so that all tests may share it."""
    return MAKE[name]()


@pytest.mark.parametrize("name", WRITTEN)
def test_a_result_writes_itself_down(name: str) -> None:
    """As JSON holds it, without a loss: what is read again is what was written."""
    result = made(name)
    written = result.to_dict()
    assert json.loads(json.dumps(written, allow_nan=False)) == written
    assert set(written) >= {f.name for f in fields(result) if f.repr}
    for name, value in written.items():
        if isinstance(value, float) and not isinstance(getattr(result, name), ps.Estimate):
            assert value == getattr(result, name)


@pytest.mark.parametrize("name", ["Prediction", "EdgePrediction", "FailedPrediction", "Optimum"])
def test_every_prediction_writes_down_the_common_fields(name: str) -> None:
    assert set(made(name).to_dict()) >= COMMON


def test_what_is_written_makes_the_problem_again() -> None:
    for name in ("Prediction", "Measurement", "Replication", "Optimum"):
        result = made(name)
        assert Problem.from_dict(result.to_dict()["problem"]) == result.problem


def test_a_measurement_writes_down_its_arrays_and_means_their_errors() -> None:
    run = made("Measurement")
    assert run.to_dict()["eigenvalues"] == run.eigenvalues.tolist()
    assert run.to_dict()["alignment"]["overlaps"] == run.alignment.overlaps.tolist()
    found = made("Replication")
    mean = found.test_error
    expected = {"mean": mean.mean, "standard_error": mean.standard_error, "replicates": 8}
    assert found.to_dict()["test_error"] == expected
    assert found.to_dict()["measurements"][3]["seed"] == [0, 3]


def test_numbers_that_are_not_finite_are_texts_that_float_reads() -> None:
    least_squares = ps.predict(PROBLEM.replace(ridge=0.0), method="window", window=1)
    trace = least_squares.to_dict()["extras"]["T1"]
    assert trace == "Infinity"
    assert float(trace) == least_squares.extras["T1"]


def test_a_lambda_is_not_written_down_but_refused() -> None:
    with pytest.raises(ps.ArgumentError, match="a callable has no text form"):
        ps.predict(PROBLEM.replace(activation=lambda x: x + 0.1 * x**2)).to_dict()


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_shows_itself_on_one_screen(name: str) -> None:
    text = repr(made(name))
    assert text.startswith(f"{name}(")
    assert len(text.splitlines()) <= 12
    assert max(map(len, text.splitlines())) <= 79
    assert " at 0x" not in text


def test_a_sweep_shows_itself_on_one_screen() -> None:
    problems = [PROBLEM.replace(ridge=0.01 * k) for k in range(1, 9)]
    text = repr(ps.sweep(problems, replicates=1, workers=1, n_test=100))
    assert "problems=<8 x Problem>" in text
    assert len(text.splitlines()) <= 6


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["copy", "deepcopy", "pickle"]
)
def test_a_result_survives_copying_and_pickling(name: str, again: Callable[[Any], Any]) -> None:
    result = made(name)
    assert repr(again(result)) == repr(result)
