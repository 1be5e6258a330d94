"""The page is told what the library says."""

import json
from typing import Any

import pytest

from explore.serving import PROBLEM
from polyspike import Problem, best_step, phase_map, predict
from polyspike.explore import replies
from polyspike.results import Prediction

HERE = Problem(**PROBLEM)


def asked(**more: Any) -> dict[str, Any]:
    return {"problem": PROBLEM, **more}


def unhurried() -> float:
    return 0.0


def prediction(problem: Problem, method: str = "finite-size", window: int | None = None) -> Prediction:
    found = predict(problem, method=method, window=window)
    assert isinstance(found, Prediction)
    return found


def test_points_are_predictions_in_the_order_asked_for() -> None:
    changes: list[dict[str, Any]] = [{"step_exponent": 0.4}, {"step_size": 0}, {"step_exponent": 0.4, "ridge": 1.0}, {}]
    points = replies.predictions(asked(changes=changes), unhurried)["points"]
    for change, point in zip(changes, points, strict=True):
        expected = prediction(HERE.replace(**change))
        for name in ("train_loss", "train_error", "test_error", "error_estimate", "trusted", "cosine", "null_error"):
            assert point[name] == pytest.approx(getattr(expected, name), rel=1e-8), (change, name)
        assert point["step"] == expected.problem.step
    assert [point["step_exponent"] for point in points] == [0.4, None, 0.4, 0.3]


def test_what_is_over_the_budget_is_left_to_the_next_question() -> None:
    times = iter([0.0, replies.BUDGET / 2, replies.BUDGET, 2 * replies.BUDGET])
    changes = [{"step_exponent": k / 10} for k in range(5)]
    assert len(replies.predictions(asked(changes=changes), lambda: next(times))["points"]) == 2


def test_what_is_waited_for_ends_after_one_prediction() -> None:
    changes = [{"step_exponent": k / 10} for k in range(5)]
    found = replies.predictions(asked(changes=changes), unhurried, waited_for=lambda: True)
    assert [point["step_exponent"] for point in found["points"]] == [0.0]


def test_numbers_of_spikes_are_those_of_the_phase_map() -> None:
    steps = [0.0, 0.3, 0.5]
    rows = replies.spikes(asked(steps=steps), unhurried)["spikes"]
    assert [row["step_exponent"] for row in rows] == steps
    expected = phase_map(HERE, steps, [0.5]).cells
    assert [row["spikes"] for row in rows] == [cell["spikes"] for cell in expected]
    assert len({row["spikes"] for row in rows}) > 1
    assert len(replies.spikes(asked(steps=steps), iter([0.0, replies.BUDGET]).__next__)["spikes"]) == 1


def test_no_spikes_are_counted_where_no_spectrum_is_predicted() -> None:
    question = {"problem": {**PROBLEM, "activation": "uncentred relu"}, "steps": [0.2]}
    assert replies.spikes(question)["spikes"] == [{"step_exponent": 0.2, "spikes": None}]


def test_neighbours_that_differ_in_the_ridge_are_one_piece_of_work() -> None:
    times = iter([0.0, replies.BUDGET])
    changes = [{"step_exponent": 0.2, "ridge": ridge} for ridge in (0.1, 1.0, 10.0)] + [{"step_exponent": 0.3}]
    assert len(replies.predictions(asked(changes=changes), lambda: next(times))["points"]) == 3


def test_a_failed_prediction_is_told_and_the_others_go_on() -> None:
    values = {**PROBLEM, "activation": "uncentred relu"}
    points = replies.predictions({"problem": values, "changes": [{}, {}]}, unhurried)["points"]
    assert len(points) == 2
    assert "test_error" not in points[0]
    assert "uncentred" in points[0]["message"] or "centred" in points[0]["message"]


def test_limits_are_those_of_each_window() -> None:
    windows = replies.limits(asked())["windows"]
    assert [(w["low"], w["high"]) for w in windows[:3]] == [(0, 0.25), (0.25, 1 / 3), (1 / 3, 0.375)]
    assert len(windows) == replies.WINDOWS
    for window in windows:
        inside = HERE.replace(step_exponent=(window["low"] + window["high"]) / 2)
        expected = prediction(inside, "window")
        assert (window["window"], window["test_error"]) == (expected.window, expected.test_error)


def test_the_spectrum_and_its_means_are_those_of_the_prediction() -> None:
    expected = prediction(HERE.replace(ridge=1.0)).spectrum
    found = replies.spectrum(asked())
    assert found["edges"] == [list(edge) for edge in expected.edges]
    assert [spike["location"] for spike in found["spikes"]] == [spike.location for spike in expected.spikes]
    assert found["spikes"][0]["overlaps"] == expected.spikes[0].overlaps.tolist()
    assert found["inside"] == list(expected.inside)
    assert (found["error_estimate"], found["trusted"]) == (expected.error_estimate, True)
    assert replies.means(asked())["means"] == list(expected.means)
    same = {"problem": {**PROBLEM, "samples": "same"}}
    assert replies.means(same) == {"means": None, "message": ""}
    coloured = {"problem": {**PROBLEM, "inputs": "power:0.3", "readout": "rademacher"}}
    of_coloured = prediction(HERE.replace(ridge=1.0, inputs="power:0.3", readout="rademacher")).spectrum
    assert replies.means(coloured)["means"] == list(of_coloured.means)
    mass = sum(
        (b - a) * (f + g) / 2 for a, b, f, g in zip(found["x"], found["x"][1:], found["density"], found["density"][1:])
    )
    assert mass == pytest.approx(1, abs=0.01)


def test_a_spectrum_says_whether_it_is_to_be_trusted() -> None:
    expected = prediction(HERE.replace(ridge=1.0, inputs="power:1")).spectrum
    found = replies.spectrum({"problem": {**PROBLEM, "inputs": "power:1"}})
    assert not found["trusted"]
    assert (found["error_estimate"], found["trust_reason"]) == (expected.error_estimate, expected.trust_reason)


def test_a_spectrum_that_is_not_predicted_has_a_message() -> None:
    values = {**PROBLEM, "activation": "uncentred relu"}
    assert replies.spectrum({"problem": values})["message"]
    assert replies.means({"problem": values})["message"]


def test_the_best_step_is_that_of_the_library() -> None:
    [row] = replies.best(asked(ridges=[0.5]))["best"]
    expected = best_step(HERE.replace(ridge=0.5))
    assert (row["step"], row["test_error"]) == (expected.problem.step, expected.test_error)
    assert row["step_exponent"] == expected.problem.exponent
    assert row["step_end"] == (expected.step_end or "")


def test_no_best_step_at_ridge_zero_says_why() -> None:
    [row] = replies.best(asked(ridges=[0.0]))["best"]
    assert "ridge 0" in row["message"]


def test_every_reply_is_json() -> None:
    questions = {
        "predictions": asked(changes=[{"step_size": 0}]),
        "limits": asked(),
        "spectrum": asked(),
        "means": asked(),
        "best": asked(ridges=[0.1]),
        "spikes": asked(steps=[0.2]),
    }
    assert set(questions) == set(replies.REPLIES)
    for name, question in questions.items():
        json.dumps(replies.REPLIES[name](question), allow_nan=False)


@pytest.mark.parametrize("more", [{"inputs": "power:0.5"}, {"samples": "same"}])
def test_other_inputs_and_reused_samples_are_predicted_one_at_a_time(more: dict[str, str]) -> None:
    question = {"problem": {**PROBLEM, **more}, "changes": [{"ridge": 0.1}, {"ridge": 1.0}]}
    [point] = replies.predictions(question, iter([0.0, replies.BUDGET]).__next__)["points"]
    expected = prediction(HERE.replace(**more, ridge=0.1))
    for name in ("train_error", "test_error", "error_estimate", "biased_cosine"):
        assert point[name] == getattr(expected, name)
    found = replies.spectrum(question)
    assert found["spikes"][0]["location"] > 1.5 * found["x"][-1]
    json.dumps([point, replies.limits(question)], allow_nan=False)


def test_what_no_theory_is_of_is_answered_with_a_message() -> None:
    question = {"problem": {**PROBLEM, "inputs": "power:0.5", "samples": "same"}}
    messages = [
        *(point["message"] for point in replies.predictions({**question, "changes": [{}, {"step_size": 0}]})["points"]),
        replies.spectrum(question)["message"],
        replies.best({**question, "ridges": [0.1]})["best"][0]["message"],
    ]
    assert all("samples = 'same': the theory of one sample for both stages" in message for message in messages)
    assert replies.limits(question) == {"windows": []}
