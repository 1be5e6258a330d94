"""Problems as plain dicts and TOML files."""

import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from polyspike.errors import ArgumentError, UnreadableError
from polyspike.problem.inputs import Inputs

__all__ = ["ADDED", "given", "read_toml", "to_plain", "toml_text", "write_toml"]

ADDED = {"samples": "fresh", "inputs": Inputs()}
"""Fields that came later: left out at these values, so that older files, keys and tables stay what they are."""


def given(problem: Any) -> dict[str, Any]:
    """The fields of a problem that say something: neither None nor the value of before there was such a field."""
    values = {f.name: getattr(problem, f.name) for f in fields(problem)}
    return {n: value for n, value in values.items() if value is not None and (n not in ADDED or value != ADDED[n])}


def to_plain(problem: Any) -> dict[str, Any]:
    """The fields of :func:`given` as strings and numbers."""
    plain = given(problem)
    activation, teacher = plain["activation"], plain["teacher"]
    for argument, value, has_text in (
        ("activation", activation, activation.is_named),
        ("teacher", teacher, teacher.is_named),
    ):
        if not has_text:
            raise ArgumentError(
                argument,
                value,
                "a callable has no text form; put it in a module and give its dotted name, 'mymodule.myfunction'",
            )
    plain["activation"], plain["teacher"] = activation.label, teacher.expression
    return {name: str(value) if isinstance(value, Inputs) else value for name, value in plain.items()}


def toml_text(values: dict[str, Any]) -> str:
    """Strings and numbers, one a line (JSON and TOML agree on both)."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def write_toml(values: dict[str, Any], path: Path) -> None:
    """Write :func:`toml_text` to a file."""
    try:
        path.write_text(toml_text(values), encoding="utf-8")
    except OSError as error:
        raise UnreadableError(
            f"path = {str(path)!r}: cannot be written ({error.strerror}); choose another place"
        ) from error


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file into a dict."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a byte-order mark
    except OSError as error:
        raise UnreadableError(f"path = {str(path)!r}: cannot be read ({error.strerror}); check the name") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnreadableError(f"path = {str(path)!r}: not a TOML file ({error})") from error
