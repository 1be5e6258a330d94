"""The command ``loo``: its numbers are those of the function, on drawn samples and on a table."""

from pathlib import Path

import numpy as np
import pytest

from cli.command import SMALL, refusal, run, run_json
from polyspike import Problem, leave_one_out
from polyspike.data import read_csv, whiten

PROBLEM = Problem("relu", n_samples=400, input_dim=40, width=80, step_exponent=0.3, samples="same")
OPTIONS = ("loo", *SMALL, "--activation", "relu", "--step-exponent", 0.3)


def test_the_command_is_the_function() -> None:
    shown = run_json(*OPTIONS, "--ridges", "0.01,0.1,1", "--seed", 3)
    expected = leave_one_out([PROBLEM.replace(ridge=ridge) for ridge in (0.01, 0.1, 1.0)], seed=3)
    assert [row["test_error"] for row in shown["ridges"]] == [one.test_error for one in expected]
    assert [row["gcv_error"] for row in shown["ridges"]] == [one.gcv_error for one in expected]
    assert shown["best"] == min(expected, key=lambda one: one.test_error).problem.ridge
    assert "samples='same'" in shown["problem"]
    alone = run_json(*OPTIONS, "--ridge", 0.05, "--exact")
    assert alone["ridges"][0]["test_error"] == leave_one_out(PROBLEM.replace(ridge=0.05), exact=True).test_error


def test_a_table_has_a_line_for_every_ridge() -> None:
    done = run(*OPTIONS, "--ridges", "0.01,0.1")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["ridge", "test_error", "test_error_se", "plain_error", "gcv_error", "train_error"]
    assert [line.split()[0] for line in lines[2:]] == ["0.01", "0.1"]
    assert done.stdout.count("<- the least") == 1


def test_rows_of_a_file_take_the_place_of_drawn_ones(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((90, 5))
    rows[:, 4] = 3 + 2 * rows[:, 0] + 0.3 * rows[:, 4]
    path = tmp_path / "mine.csv"
    np.savetxt(path, rows, delimiter=",", header="a,b,c,d,price", comments="")
    shown = run_json("loo", "--activation", "tanh", "--width", 50, "--data", path, "--target", "price")
    data = read_csv(path, "price")
    problem = Problem("tanh", n_samples=90, input_dim=4, width=50, step_exponent=0.2, samples="same")
    target = (data.target - data.target.mean()) / data.target.std()
    expected = leave_one_out(problem, inputs=whiten(data.inputs), target=target)
    assert shown["ridges"][0]["test_error"] == pytest.approx(expected.test_error, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ridges", "0.1;1"), "error: --ridges = '0.1;1': give numbers with commas between"),
        (("--ridge", 1, "--ridges", "1,2"), "error: --ridge, --ridges = (1.0, '1,2'): both given"),
        (("--samples", "fresh"), "error: --samples = 'fresh': both stages have the same samples here"),
        (("--ridges", "0"), "error: ridge = 0.0: give a number > 0"),
        (("--target", "price"), "error: --target = 'price': give --data FILE.csv and --target COLUMN together"),
        (("--data", "mine.csv"), "error: --data = 'mine.csv': give --data FILE.csv and --target COLUMN together"),
    ],
)
def test_what_is_refused(arguments: tuple[object, ...], message: str) -> None:
    code, text = refusal(*OPTIONS, *arguments)
    assert code == 2
    assert text.startswith(message)


@pytest.mark.parametrize(
    ("option", "value", "shown"),
    [
        ("--n-samples", 50, "50"),
        ("--n-gradient", 50, "50"),
        ("--input-dim", 7, "7"),
        ("--inputs", "power:0.5", "'power:0.5'"),
        ("--teacher", "h1", "'h1'"),
        ("--noise", 0.2, "0.2"),
        ("--samples", "fresh", "'fresh'"),
    ],
)
def test_what_has_no_effect_with_a_table_is_refused_before_it_is_read(option: str, value: object, shown: str) -> None:
    code, text = refusal("loo", "--data", "nowhere.csv", "--target", "y", option, value)
    assert code == 2
    assert text.startswith(f"error: {option} = {shown}: ")
    assert text.lower().endswith(("leave it out, or leave out --data", "leave it out"))
