"""Integers as people write them, for every option that takes one."""

import inspect
from typing import Any, get_args, get_origin

import pytest
import typer

from cli.command import run
from polyspike.cli.app import COMMANDS, app
from polyspike.cli.values import as_integer, complete_from


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1000000", 10**6),
        ("1e6", 10**6),
        ("1E+3", 1000),
        ("2.5e3", 2500),
        ("1_000", 1000),
        ("-3", -3),
        (7, 7),
        ("0", 0),
    ],
)
def test_integers_are_read_as_they_are_written(text: Any, value: int) -> None:
    assert as_integer(text) == value


@pytest.mark.parametrize("text", ["1.5", "x", "", "nan", "inf", "1e-3", "1e18", "1e999999999", "9" * 5000])
def test_what_is_no_integer_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="no integer below 10"):
        as_integer(text)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_integer_option_reads_them(name: str) -> None:
    """No option of type int is left to typer's own reader, which knows no 1e6."""
    command = next(c.callback for c in app.registered_commands if c.name == name)
    assert command is not None
    for parameter in inspect.signature(command).parameters.values():
        if get_origin(parameter.annotation) is None or int not in _kinds(parameter.annotation):
            continue
        option = parameter.annotation.__metadata__[0]
        assert option.parser is as_integer, parameter.name


def _kinds(annotation: Any) -> tuple[Any, ...]:
    kind = get_args(annotation)[0]
    return get_args(kind) or (kind,)


def test_the_command_line_takes_1e3() -> None:
    done = run("predict", "--n-samples", "1e3", "--input-dim", "5e2", "--width", "2E2")
    assert done.exit_code == 0, done.output
    assert "n_samples=1000, input_dim=500, width=200" in done.stdout


def test_the_option_is_named_in_the_refusal() -> None:
    done = run("predict", "--n-samples", "1.5")
    assert done.exit_code == 2
    assert "'--n-samples': '1.5' is no integer" in " ".join(done.output.split())


def test_completion_offers_what_begins_so() -> None:
    assert complete_from("relu", "tanh", "rademacher")("r") == ["relu", "rademacher"]
