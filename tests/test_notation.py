"""docs/notation.md speaks of names that exist."""

import re
from dataclasses import fields
from pathlib import Path

from polyspike import Measurement, Prediction, Problem

NOTATION = Path(__file__).parents[1] / "docs" / "notation.md"


def documented_names() -> list[str]:
    """What stands in the column "name in code", arguments and subscripts removed."""
    rows = [line.split("|") for line in NOTATION.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    codes = [code for row in rows for code in re.findall(r"`([^`]+)`", row[2])]
    return [re.sub(r"[(\[].*", "", code) for code in codes]


def exists(name: str) -> bool:
    """Whether a dotted name is an attribute of a problem, or a field of a result."""
    value: object = Problem(step_exponent=0.2)
    for part in name.split("."):
        if not hasattr(value, part):
            return name in {f.name for result in (Measurement, Prediction) for f in fields(result)} | {"spectrum"}
        value = getattr(value, part)
    return True


def test_every_documented_name_exists() -> None:
    names = documented_names()
    assert len(names) > 25
    assert [name for name in names if not exists(name)] == []


def test_a_wrong_name_is_found() -> None:
    assert not exists("learning_rate")
    assert not exists("activation.learning_rate")
