"""The command ``simulate``: its numbers are those of the function, and bad options are named."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.command import refusal, run_json
from polyspike import Problem, replicate, simulate
from polyspike.cli.app import app

PROBLEM = Problem(n_samples=60, input_dim=30, width=40, step_exponent=0.2)
SMALL = ["--n-samples", "60", "--input-dim", "30", "--width", "40", "--n-test", "300"]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["simulate", *SMALL, *arguments])


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {}),
        (["--dtype", "float32"], {"dtype": "float32"}),
        (["--device", "array_api_strict", "--no-streaming"], {"device": "array_api_strict"}),
        (["--streaming"], {"streaming": True}),
    ],
)
def test_the_command_is_the_function(arguments: list[str], options: dict[str, Any]) -> None:
    shown = json.loads(run(*arguments, "--seed", "4", "--json").stdout)
    measured = simulate(PROBLEM, seed=4, n_test=300, **options)
    assert shown["test_error"] == measured.test_error
    assert shown["dtype"] == measured.dtype
    assert shown["device"] == measured.device


def test_replicates_take_the_same_options() -> None:
    shown = json.loads(run("--replicates", "2", "--dtype", "float32", "--streaming", "--json").stdout)
    runs = [simulate(PROBLEM, seed=(0, k), n_test=300, dtype="float32", streaming=True).test_error for k in (0, 1)]
    assert shown["test_error"]["mean"] == pytest.approx(sum(runs) / 2, rel=1e-6)


def test_samples_are_an_option() -> None:
    shown = json.loads(run("--samples", "same", "--seed", "4", "--json").stdout)
    assert shown["test_error"] == simulate(PROBLEM.replace(samples="same"), seed=4, n_test=300).test_error
    assert "samples='same'" in shown["problem"]


@pytest.mark.parametrize(("option", "value"), [("device", "toaster"), ("dtype", "int8")])
def test_bad_options_are_named(option: str, value: str) -> None:
    result = run(f"--{option}", value)
    assert result.exit_code != 0
    assert f"{option} = '{value}'" in str(result.exception) + result.output


FIELDS = ("train_loss", "train_error", "test_error", "test_error_se", "cosine", "rank_one_fraction")


def test_one_run_is_that_of_simulate() -> None:
    expected = simulate(PROBLEM, seed=7, n_test=300)
    found = run_json("simulate", *SMALL, "--seed", 7)
    assert found["seed"] == 7
    assert {name: found[name] for name in FIELDS} == {name: getattr(expected, name) for name in FIELDS}


def test_replicates_have_error_bars() -> None:
    expected = replicate(PROBLEM, replicates=3, n_test=300).test_error
    found = run_json("simulate", *SMALL, "--replicates", 3)["test_error"]
    assert found == {"mean": expected.mean, "standard_error": expected.standard_error, "replicates": 3}
    assert "(3 runs)" in run("--replicates", "3").output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--replicates", 0), "--replicates = 0: give an integer >= 1"),
        (("--n-test", 1), "--n-test = 1: give an integer >= 2"),
        (("--seed", -1), "--seed = -1"),
    ],
)
def test_refusals(options: tuple[object, ...], message: str) -> None:
    code, said = refusal("simulate", *SMALL, *options)
    assert code == 2
    assert message in said


def test_inputs_are_a_text_and_show_what_the_direction_leans_to() -> None:
    text = "power:0.5; teacher=top; law=uniform"
    problem = PROBLEM.replace(inputs=text, precondition=0.5)
    expected = simulate(problem, seed=7, n_test=300)
    found = run_json("simulate", *SMALL, "--seed", 7, "--inputs", text, "--precondition", 0.5)
    assert found["problem"] == repr(problem)
    assert {name: found[name] for name in (*FIELDS, "biased_cosine")} == {
        name: getattr(expected, name) for name in (*FIELDS, "biased_cosine")
    }
    several = run_json("simulate", *SMALL, "--replicates", 2, "--inputs", text)["biased_cosine"]
    assert several["replicates"] == 2
    assert "biased_cosine" not in run_json("simulate", *SMALL)


def test_inputs_that_are_none_are_named() -> None:
    code, message = refusal("simulate", *SMALL, "--inputs", "powr:1")
    assert code == 2
    assert message.startswith("error: --inputs = 'powr:1': did you mean 'power'?")
