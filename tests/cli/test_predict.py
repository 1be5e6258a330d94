"""``polyspike predict``."""

import pytest

from cli.command import SMALL, refusal, run, run_json
from polyspike import Problem, predict

PROBLEM = Problem("relu", "h1 + 0.7*h2", 400, 40, 80, step_exponent=0.3)
OPTIONS = (*SMALL, "--activation", "relu", "--teacher", "h1 + 0.7*h2", "--step-exponent", 0.3)


def test_it_prints_what_predict_returns() -> None:
    expected = predict(PROBLEM)
    found = run_json("predict", *OPTIONS)
    assert found["problem"] == repr(PROBLEM)
    for name in ("train_loss", "train_error", "test_error", "cosine", "linear_error", "null_error"):
        assert found["prediction"][name] == getattr(expected, name)


@pytest.mark.parametrize("method", ["window", "window-published"])
def test_the_limit_by_name(method: str) -> None:
    expected = predict(PROBLEM, method=method)
    found = run_json("predict", *OPTIONS, "--method", method)["prediction"]
    assert found["window"] == expected.window == 2
    assert found["test_error"] == expected.test_error


def test_a_given_window() -> None:
    found = run_json("predict", *OPTIONS, "--method", "window", "--window", 1)["prediction"]
    assert found["window"] == 1


def test_an_edge_has_both_answers() -> None:
    found = run_json("predict", *OPTIONS, "--step-exponent", 0.25, "--method", "window")
    windows = [values["window"] for name, values in found.items() if name in ("below the edge", "above the edge")]
    assert windows == [1, 2]
    text = run("predict", *OPTIONS, "--step-exponent", 0.25, "--method", "window").output
    assert "below the edge" in text
    assert "above the edge" in text


def test_zero_spikes_say_why() -> None:
    assert "c_1 = 0" in run("predict", *SMALL, "--activation", "cos", "--step-exponent", 0.3).output
    assert "c*_1 = 0" in run("predict", *SMALL, "--teacher", "h2", "--step-exponent", 0.3).output


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--method", "windw"), 2, "method = 'windw': did you mean 'window'?"),
        (("--method", "finite-size", "--window", 2), 2, "--window = 2"),
        (("--method", "window", "--step-exponent", 0.5), 2, "--step-exponent = 0.5"),
        (("--width", 400, "--ridge", 0, "--method", "window", "--window", 1), 3, "interpolation peak"),
    ],
)
def test_refusals(options: tuple[object, ...], code: int, message: str) -> None:
    found, said = refusal("predict", *OPTIONS, *options)
    assert found == code
    assert message in said


def test_inputs_of_another_covariance() -> None:
    done = run("predict", *SMALL, "--inputs", "power:0.5")
    assert done.exit_code == 0, done.output
    assert "power:0.5" in done.output
    assert "biased_cosine" in done.output
    assert "outliers" in done.output
    linear = run("predict", *SMALL, "--inputs", "power:0.5", "--activation", "identity")
    assert "spectrum        not predicted: " in linear.output


def test_one_sample_for_both_stages() -> None:
    done = run("predict", *SMALL, "--samples", "same")
    assert done.exit_code == 0, done.output
    assert "outliers" in done.output
    assert "not predicted" not in done.output


def test_the_limit_of_inputs_of_another_covariance() -> None:
    done = run("predict", *SMALL, "--inputs", "power:0.5", "--method", "window")
    assert done.exit_code == 0, done.output
    assert "biased_cosine" in done.output


def test_inputs_that_a_limit_does_not_know() -> None:
    code, message = refusal("predict", *SMALL, "--inputs", "power:0.5", "--method", "window-published")
    assert code == 2
    assert message.startswith("error: --inputs = 'power:0.5': this theory is of inputs with covariance I")
