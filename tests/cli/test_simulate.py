"""The command ``simulate``: precision, device and streaming are options, and bad ones are named."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from polyspike import Problem, simulate
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


@pytest.mark.parametrize(("option", "value"), [("device", "toaster"), ("dtype", "int8")])
def test_bad_options_are_named(option: str, value: str) -> None:
    result = run(f"--{option}", value)
    assert result.exit_code != 0
    assert f"{option} = '{value}'" in str(result.exception) + result.output
