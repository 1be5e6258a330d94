"""A problem as a file: read, written, and what cannot be."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, PolyspikeError, Problem, UnreadableError


def build(**changes: Any) -> Problem:
    step = {} if {"step_size", "step_exponent"} & set(changes) else {"step_size": 1.0}
    return Problem(**{**step, **changes})


def test_a_toml_file_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('activation = "ReLU"\nteacher = [0, 1, 0.7]\nridge = 1\nstep_exponent = 0.25 # alpha\n')
    assert Problem.from_toml(path) == Problem("relu", "h1 + 0.7*h2", ridge=1.0, step_exponent=0.25)


@pytest.mark.parametrize(
    ("content", "kind", "match"),
    [
        ("ridge = ", UnreadableError, "not a TOML file"),
        (b"\xff\xfe", UnreadableError, "not a TOML file"),
        ("step_size = nan", ArgumentError, "step_size = nan: give a finite number"),
        ("step_size = 1.0\nridge = -1", ArgumentError, "ridge = -1: give a number >= 0"),
        ("step_size = 1.0\nwidht = 10", ArgumentError, "did you mean 'width'"),
        ("ridge = 1.0", ArgumentError, "neither given"),
    ],
)
def test_bad_files(tmp_path: Path, content: str | bytes, kind: type[PolyspikeError], match: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(kind, match=match):
        Problem.from_toml(path)


@pytest.mark.parametrize("act", [Problem.from_toml, lambda path: build().to_toml(path)])
def test_places_that_are_not_there(tmp_path: Path, act: Callable[[Path], Any]) -> None:
    for place in (tmp_path / "missing" / "problem.toml", tmp_path):
        with pytest.raises(UnreadableError, match="cannot be"):
            act(place)


@pytest.mark.parametrize(("argument", "value"), [("activation", np.tanh), ("teacher", np.tanh)])
def test_a_callable_has_no_text_form(argument: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"{argument} = .*no text form; put it in a module"):
        build(**{argument: value}).to_dict()
