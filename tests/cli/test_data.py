"""``polyspike data``: predicted beside measured on a table, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from cli.command import refusal, run, run_json


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 150 rows whose target is a ramp of one direction."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((150, 6)) * [3, 1, 1, 1, 0.5, 0.2]
    y = np.maximum(x @ [0.3, 0.5, 0, 0, 0, 0], 0) + 0.1 * rng.standard_normal(150)
    path = tmp_path_factory.mktemp("own") / "own.csv"
    head = ",".join([*(f"x{k}" for k in range(6)), "y"])
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", header=head, comments="")
    return path


def test_predicted_stands_beside_measured(table: Path) -> None:
    done = run("data", table, "--target", "y", "--networks", 3)
    assert done.exit_code == 0, done.output
    assert "own.csv: y from 6 columns; 150 rows, 60 for the fit" in done.stdout
    assert done.stdout.count("predicted,") == 4
    assert done.stdout.count("(its own estimate)") == 2
    assert "inputs as they are: effective dimension" in done.stdout
    assert "inputs whitened: effective dimension 6.0 of 6" in done.stdout


def test_json_has_every_step_and_ridge(table: Path) -> None:
    found = run_json("data", table, "--target", "y", "--networks", 6, "--ridge", 0.1, "--ridge", 0.01)
    for form in ("as they are", "whitened"):
        values = found["inputs"][form]
        assert np.shape(values["test_error"]) == (7, 2)
        predicted, (measured, bar) = values["predicted"]["test_error"], values["measured"]
        assert predicted == pytest.approx(np.min(values["test_error"]))
        assert 0 < values["predicted"]["error_estimate"] < 1.5
        assert abs(predicted - measured) < 5 * bar + 0.15 * measured
    assert found["inputs"]["whitened"]["shape"]["effective_dimension"] == pytest.approx(6.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--target", "z"), "z"),
        (("--target", "y", "--ridge", 0), "ridge = 0"),
        (("--target", "y", "--n-samples", 80), "--n-samples = 80"),
        (("--target", "y", "--networks", 1), "networks = 1"),
    ],
)
def test_bad_input_is_refused(table: Path, options: tuple[object, ...], said: str) -> None:
    code, message = refusal("data", table, *options)
    assert code == 2
    assert said in message
