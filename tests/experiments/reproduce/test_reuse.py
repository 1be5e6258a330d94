"""The part of reused samples, at a small size."""

from typing import Any

import pytest

from experiments.reproduce.parts import finish
from polyspike.cli.figures import FIGURES
from polyspike.experiments.reproduce import Options, reuse
from polyspike.experiments.reproduce.columns import select, to_columns
from polyspike.experiments.reproduce.common import UNTRAINED
from polyspike.simulation import leave_one_out

PROBLEM = reuse.problem_of(Options()).replace(n_samples=800, input_dim=60, width=60, readout="rademacher")
OPTIONS = Options(quick=True, seeds=2)


@pytest.fixture(scope="module")
def theory() -> list[Any]:
    return [reuse.run_theory(PROBLEM, exponent) for exponent in (UNTRAINED, *reuse.JUDGED_EXPONENTS)]


def test_reuse_part(theory: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse, "problem_of", lambda options: PROBLEM)
    rows = [*theory, *(reuse.run(PROBLEM, k) for k in range(2))]
    later = reuse.more(OPTIONS, [], {"reuse_theory": [row for found in theory for row in found["reuse_theory"]]})
    tables, claims = finish(reuse.REUSE, [*rows, *(job.run() for job in later)])
    assert len(claims) == 21
    assert tables["reuse_protocols"]["protocol"].tolist() == ["fresh", "same", "split"]
    assert len(FIGURES["reuse"](tables).axes) == 3


def test_the_theory_is_that_of_each_protocol_at_one_step(theory: list[Any]) -> None:
    found = to_columns(theory[1]["reuse_theory"])
    assert set(found["step"]) == {800 ** reuse.JUDGED_EXPONENTS[0]}
    fresh, same = (select(found, protocol=p)["test_error"] for p in ("fresh", "same"))
    assert all(fresh != same)
    start = to_columns(theory[0]["reuse_theory"])
    fresh, same = (select(start, protocol=p)["test_error"] for p in ("fresh", "same"))
    assert same == pytest.approx(fresh, rel=1e-3)  # no step, no gradient whose samples could be reused


def test_a_protocol_is_run_at_its_least_predicted_test_error() -> None:
    places = [("fresh", 1.0, 0.1, 0.4), ("fresh", 2.0, 0.1, 0.3), ("same", 2.0, 0.3, 0.5), ("split", 1.0, 1.0, 0.6)]
    names = ("protocol", "step", "ridge", "test_error")
    best = reuse.best_places(to_columns([dict(zip(names, place)) for place in places]))
    assert [(row["protocol"], row["step"], row["ridge"]) for row in best] == [
        ("fresh", 2.0, 0.1),
        ("same", 2.0, 0.3),
        ("split", 1.0, 1.0),
    ]


def test_plain_leave_one_out_is_judged_against_the_test_error_of_the_same_network() -> None:
    found = reuse.run(PROBLEM, 0)
    place: dict[str, Any] = {"samples": "same", "ridge": reuse.RIDGES["good"], "exponent": reuse.LEFT_OUT_EXPONENT}
    error = select(to_columns(found["reuse_draws"]), **place)["test_error"][0]
    problem = PROBLEM.replace(samples="same", ridge=reuse.RIDGES["good"], step_exponent=reuse.LEFT_OUT_EXPONENT)
    plain = leave_one_out(problem, seed=(10, 0)).plain_error
    bias = to_columns(found["reuse_left_out_draws"])["bias"]
    assert bias[1] == pytest.approx(plain / error - 1)
    assert bias[1] < 0
