"""Refusals name the option as it was typed, and the file where the value is the file's."""

import re
from pathlib import Path
from typing import Any

import pytest

from cli.command import refusal, run

TOML = 'activation = "relu"\nn_samples = 400\ninput_dim = 40\nwidth = 80\nstep_exponent = 0.3\n'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("predict", "--n-samples", 1), "error: --n-samples = 1: "),
        (("predict", "--n-samples", "1e0"), "error: --n-samples = 1: "),
        (("predict", "--window", 3), "error: --window = 3: .*give --window with --method window$"),
        (("predict", "--method", "crossing"), "error: --window = None: give a window >= 1"),
        (("spectrum", "--degree", -1), "error: --degree = -1: "),
        (("simulate", "--n-test", 1), "error: --n-test = 1: "),
        (("simulate", "--n-samples", "1e9", "--no-streaming"), "--streaming fits, and .*--n-samples = "),
        (("predict", "--inputs", "power:3"), "error: --inputs = 'power:3': .*give another spectrum .*or simulate"),
        (("simulate", "--dtype", "int8"), "error: --dtype = 'int8': "),
        (("predict", "--step-exponent", 0.6), "for other step sizes give --step-size"),
        (("activation", "rleu"), "error: NAME = 'rleu': did you mean 'relu'"),
        (("sweep", "nowhere.toml"), "error: SPEC = 'nowhere.toml': cannot be read"),
        (("export", "nowhere.db", "x.csv"), "error: STORE = 'nowhere.db': "),
        (("predict", "--problem", "nowhere.toml"), "error: --problem = 'nowhere.toml': cannot be read"),
        (("phase", "--low", 2, "--high", 1), "error: --low, --high = "),
    ],
)
def test_the_option_is_named_as_typed(arguments: tuple[Any, ...], message: str) -> None:
    _, said = refusal(*arguments)
    assert re.search(message, said), said


def test_a_value_of_a_file_is_said_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TOML.replace("relu", "rleu"), encoding="utf-8")
    code, said = refusal("predict", "--problem", path, "--ridge", 2)
    assert code == 2
    assert said.startswith(f"error: {path}: activation = 'rleu': did you mean 'relu'?")


def test_an_option_over_a_file_is_an_option(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    assert refusal("predict", "--problem", path, "--ridge", -2) == (2, "error: --ridge = -2.0: give a number >= 0")


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8-sig")
    done = run("predict", "--problem", path)
    assert done.exit_code == 0, done.output
    assert "activation='relu'" in done.stdout


def test_a_typo_of_an_option_says_what_there_is() -> None:
    done = run("predict", "--n-sampels", 3)
    assert done.exit_code == 2
    assert "--n-samples" in done.output
