"""One table of many results: the columns of a store, whatever made the rows."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import polyspike as ps
from experiments.fakes import Fake
from polyspike import ArgumentError, Problem, Status
from polyspike.experiments.curves import summary, theory_curves
from polyspike.experiments.phase import phase_map
from polyspike.experiments.statistics import MEAN_FIELDS
from polyspike.experiments.table import records

BASE = Problem("relu", "h1 + 0.5*h2", 60, 20, 40, step_exponent=0.3, ridge=0.1)
PROBLEMS = [BASE.replace(ridge=ridge) for ridge in (0.1, 0.2, 0.3)]


def swept(**options: Any) -> ps.SweepResult:
    return ps.sweep(PROBLEMS, replicates=3, workers=1, seed=7, run=Fake(**options))


def test_rows_of_a_sweep_are_the_table_of_its_store() -> None:
    found = swept(raise_at=0.2)
    assert isinstance(found.store, ps.Store)
    pd.testing.assert_frame_equal(ps.table(found.rows()), found.to_pandas())
    pd.testing.assert_frame_equal(ps.table(found.store.rows()), found.store.to_pandas())


def test_measurements_have_the_columns_of_a_store() -> None:
    found = swept()
    stored, mine = found.to_pandas(), ps.table(run for runs in found.measurements() for run in runs)
    assert list(mine.columns) == list(stored.columns)
    unknown = ["options", "version", "finished_at", "key"]
    pd.testing.assert_frame_equal(mine.drop(columns=unknown), stored.drop(columns=unknown))
    assert mine[unknown].isna().all().all()


def test_seeds_of_any_length_have_columns() -> None:
    runs = [ps.simulate(BASE, seed=seed, n_test=20) for seed in (4, (4, 1), (4, 5, 2))]
    found = [(row["seed"], row["seed_2"], row["replicate"]) for row in records(runs)]
    assert found == [(4, None, None), (4, None, 1), (4, 5, 2)]


def test_predictions_of_every_kind_share_their_columns() -> None:
    """Over an edge, where there is a limit of its own, and one that is refused."""
    problems = [BASE.replace(step_exponent=alpha) for alpha in (0.2, 0.25, 0.5)]
    rows = ps.predict(problems, method="window")
    table = ps.table([*rows, ps.predict(BASE), ps.best_ridge(BASE)])
    assert table["status"].tolist() == ["ok", "ok", Status.OUT_OF_RANGE.value, "ok", "ok"]
    assert table["message"].str.contains("no window reaches").tolist() == [False, False, True, False, False]
    measured = [row.test_error for row in rows[:2]]
    assert table["test_error"].tolist()[:2] == measured
    assert np.isnan(table["test_error"][2])
    assert table["T1"][0] == rows[0].extras["T1"]
    assert table["step"].tolist()[:3] == [p.step for p in problems]
    shared = set(table.columns) & set(swept().to_pandas().columns)
    assert shared >= {
        "activation",
        "teacher",
        "step",
        "phi",
        "psi",
        "ridge",
        "test_error",
        "cosine",
        "status",
        "message",
    }


def test_replications_have_the_means_and_errors_of_a_summary() -> None:
    found = swept()
    (first, *_), mean = found.replications(), summary(found)[0]
    row = records([first] if first is not None else [])[0]
    for name in MEAN_FIELDS:
        estimate = getattr(first, name)
        assert (row[name], row[f"{name}_se"]) == (estimate.mean, estimate.standard_error)
        assert (mean[name], mean[f"{name}_se"]) == (estimate.mean, estimate.standard_error)
    assert (row["seed"], row["replicates"]) == (7, 3)
    assert set(row) - set(mean) == {"seed"}
    assert set(mean) - set(row) == {"curve"}


def test_the_bars_of_a_summary_are_those_of_the_mean() -> None:
    """The name of a single run's sampling error is that of the mean's standard error; the second is meant."""
    found = swept()
    errors = [run.test_error for run in found.measurements()[0]]
    assert summary(found)[0]["test_error_se"] == pytest.approx(np.std(errors, ddof=1) / 3**0.5)
    assert summary(found)[0]["test_error_se"] != pytest.approx(found.measurements()[0][0].test_error_se)


def test_a_pair_names_its_baseline() -> None:
    pair = ps.paired_difference(BASE, PROBLEMS[1], replicates=2, run=Fake())
    row = records(pair)[0]
    assert row["baseline"] == repr(PROBLEMS[1])
    assert (row["test_error"], row["test_error_se"]) == tuple(pair.test_error)


MANY: dict[str, Callable[[], Any]] = {
    "comparisons": lambda: ps.compare(ps.predict(BASE), ps.replicate(BASE, replicates=2, run=Fake())).values(),
    "cells of a map": lambda: phase_map(BASE, [0.0, 0.3], [0.1, 1.0], count_spikes=False).cells,
    "points": lambda: ps.equivalence(BASE.replace(step_exponent=0.2), sizes=(40, 60), replicates=2, n_test=20).points,
    "derivatives": lambda: [ps.derivatives(problem) for problem in PROBLEMS],
    "nothing": list,
}


@pytest.mark.parametrize("name", MANY)
def test_every_result_has_a_row_of_plain_cells(name: str) -> None:
    rows = list(MANY[name]())
    found = records(rows)
    assert len(found) == len(ps.table(rows)) == len(rows)
    assert all(len(row) >= 3 for row in found)
    assert json.loads(json.dumps(found)) == found


def test_derivatives_stand_beside_their_prediction() -> None:
    found = ps.derivatives(BASE)
    row = records(found)[0]
    assert (row["test_error"], row["ridge"]) == (found.prediction.test_error, BASE.ridge)
    assert row["test_error_by_ridge"] == found.by_ridge.test_error
    assert row["train_loss_by_step"] == found.by_step.train_loss


@pytest.mark.parametrize("wrong", [[3], ["relu"], [BASE], {"test_error": 3}, [lambda: 3]])
def test_what_is_no_result_is_refused(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^rows = .*give results"):
        ps.table(wrong)


def test_a_row_keeps_where_it_came_from() -> None:
    """Rows that move from one store to another keep version and date."""
    found = swept()
    old = [replace(row, version="0.0.1", finished_at="2026-01-02T03:04:05+00:00") for row in found.rows()]
    with ps.Store() as store:
        store.add(old)
        assert {(row["version"], row["finished_at"]) for row in store.records()} == {("0.0.1", old[0].finished_at)}


def test_a_column_of_samples_stands_where_they_differ() -> None:
    same = BASE.replace(samples="same")
    assert "samples" not in ps.table(ps.simulate(PROBLEMS, n_test=20)).columns
    mixed = ps.table([ps.simulate(problem, n_test=20) for problem in (BASE, same)])
    assert mixed["samples"].tolist() == ["fresh", "same"]


def test_a_sweep_over_samples_keeps_both_apart(tmp_path: Path) -> None:
    found = ps.sweep([BASE, BASE.replace(samples="same")], replicates=2, workers=1, run=Fake())
    assert [row["samples"] for row in summary(found)] == ["fresh", "same"]
    assert [row["curve"] for row in summary(found)] == ["samples = fresh", "samples = same"]
    assert found.to_pandas()["samples"].tolist() == ["fresh", "fresh", "same", "same"]
    assert isinstance(found.store, ps.Store)
    found.store.to_csv(tmp_path / "all.csv")
    assert pd.read_csv(tmp_path / "all.csv")["samples"].nunique() == 2


def test_a_curve_has_its_theory_whosever_the_samples_are() -> None:
    steps = [BASE.replace(step_exponent=alpha, samples=s) for alpha in (0.1, 0.3) for s in ("fresh", "same")]
    rows = theory_curves(steps, points=2)
    assert [(row["samples"], row["status"]) for row in rows] == [("fresh", "ok")] * 2 + [("same", "ok")] * 2
    assert rows[2]["test_error"] != rows[0]["test_error"]


def test_a_map_of_reused_samples_counts_the_outliers_of_the_training_features() -> None:
    problem = Problem("tanh", "h1", 120, 40, 80, step_exponent=0.2, readout="rademacher", samples="same")
    cells = phase_map(problem, [0.0, 0.3], [0.1]).cells
    assert all(cell["test_error"] > 0 for cell in cells)
    assert [cell["spikes"] for cell in cells] == [0, 1]
