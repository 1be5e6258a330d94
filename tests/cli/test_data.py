"""``polyspike data``: predicted beside measured on a table, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pytest
import typer

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
        (("--target", "z"), "target 'z': no such column"),
        (("--ridge", 0), "--ridge = 0.0: "),
        (("--ridge", "nan"), "--ridge = nan: "),
        (("--ridge", 0.1, "--ridge", -1), "--ridge = -1.0: "),
        (("--n-samples", 80), "--n-samples = 80: the table has 150 rows, .*; give 74 at most"),
        (("--n-samples", 0), "--n-samples = 0: "),
        (("--networks", 1), "--networks = 1: give an integer >= 2"),
        (("--seed", -1), "--seed = -1: "),
        (("--width", 0), "--width = 0: "),
        (("--gradient", "half"), "--gradient = 'half': "),
        (("--activation", "rleu"), "--activation = 'rleu': did you mean 'relu'"),
    ],
)
def test_bad_input_is_refused_before_anything_is_announced(table: Path, options: tuple[object, ...], said: str) -> None:
    target = () if "--target" in options else ("--target", "y")
    code, message = refusal("data", table, *target, *options)
    assert code == 2
    assert re.match(f"error: .*{said}", message), message
    assert "n_gradient" not in message
    assert "Ctrl-C" not in message


def test_options_are_looked_at_before_the_file() -> None:
    assert "--networks = 1: " in refusal("data", "nowhere.csv", "--target", "y", "--networks", 1)[1]


def test_the_largest_sample_that_is_named_works(table: Path) -> None:
    done = run("data", table, "--target", "y", "--n-samples", 74, "--networks", 2)
    assert done.exit_code == 0, done.output
    assert "over the 2 test rows" in done.stdout


def test_networks_and_width_are_in_what_is_announced(table: Path) -> None:
    few = announced(table, "--networks", 2, "--width", 60)
    many = announced(table, "--networks", 100_000, "--width", 60)
    wide = announced(table, "--networks", 2000, "--width", 10_000)
    assert few == ""
    assert many != wide
    assert many.startswith("about ")
    assert "GB" in wide or "MB" in wide


def announced(table: Path, *options: object) -> str:
    """What is said on stderr before the work, which is not done."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("polyspike.experiments.own_data.beside_networks", _stopped)
        return str(run("data", table, "--target", "y", *options).stderr)


def _stopped(*_: object, **__: object) -> None:
    raise typer.Exit


def test_what_does_not_fit_is_refused_with_what_would(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("polyspike.simulation.memory.available_bytes", lambda: 20_000_000)
    code, message = refusal("data", table, "--target", "y", "--width", 10**7)
    assert code == 4
    found = re.match(r"error: --width = 10000000: needs about \d+ GB and 20 MB are available; (\d+) would fit", message)
    assert found is not None, message
    most = int(found[1])
    assert run("data", table, "--target", "y", "--networks", 2, "--width", most).exit_code == 0
    assert refusal("data", table, "--target", "y", "--width", most + 1)[0] == 4
    monkeypatch.setattr("polyspike.simulation.memory.available_bytes", lambda: 5_000_000)
    code, message = refusal("data", table, "--target", "y")
    found = re.match(r"error: --n-samples = 60: .*; (\d+) with --width (\d+) would fit", message)
    assert found is not None, message
    sizes = ("--n-samples", found[1], "--width", found[2])
    assert run("data", table, "--target", "y", "--networks", 2, *sizes).exit_code == 0
    monkeypatch.setattr("polyspike.simulation.memory.available_bytes", lambda: 1000)
    assert "give fewer columns (--ignore)" in refusal("data", table, "--target", "y")[1]
