"""docs/notation.md speaks of names that exist, where its rows say, and of equations that exist."""

import inspect
import re
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from polyspike import Measurement, Prediction, Problem

NOTATION = Path(__file__).parents[1] / "docs" / "notation.md"
FINITE_SIZE = "## The finite-size theory"
COVARIANCE = "## Inputs with a covariance"
PACKAGE = "polyspike.theory.finite_size."
COVARIANCE_PACKAGE = "polyspike.theory.covariance."


def rows(text: str) -> list[list[str]]:
    """The cells of the tables of a text, without their heads and rules."""
    cells = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if line.startswith("|")]
    return [row for row in cells if row[1] != "symbol" and not set(row[1]) <= {"-"}]


def names(table: list[list[str]]) -> list[str]:
    """What stands in the column "name in code", arguments and subscripts removed."""
    codes = [code for row in table for code in re.findall(r"`([^`]+)`", row[2])]
    return [re.sub(r"[(\[].*", "", code) for code in codes]


def of_a_problem_or_a_result(name: str) -> bool:
    """Whether a dotted name is an attribute of a problem, or a field of a result."""
    value: object = Problem(step_exponent=0.2)
    for part in name.split("."):
        if not hasattr(value, part):
            return name in {f.name for result in (Measurement, Prediction) for f in fields(result)} | {"spectrum"}
        value = getattr(value, part)
    return True


def at_a_path(path: str) -> bool:
    """Whether a path leads to a module, or through one to what it defines: also to what a class declares or sets."""
    parts = path.split(".")
    depth = next((k for k in range(len(parts), 0, -1) if is_module(".".join(parts[:k]))), 0)
    value: object = import_module(".".join(parts[:depth]))
    for part in parts[depth:]:
        if not (hasattr(value, part) or is_set(value, part)):
            return False
        value = getattr(value, part, None)
    return depth > 1


def is_module(path: str) -> bool:
    try:
        return find_spec(path) is not None
    except ModuleNotFoundError:
        return False


def is_set(owner: object, name: str) -> bool:
    """Whether a class annotates an attribute, or sets it on its instances."""
    if not inspect.isclass(owner):
        return False
    source = inspect.getsource(owner)
    return bool(re.search(rf"^    {name}: |\bself\.{name}\b.* = ", source, flags=re.MULTILINE))


def exists(name: str) -> bool:
    """Whether a name of the tables before the finite-size theory exists."""
    return (
        at_a_path(f"polyspike.{name}")
        if name.startswith(("simulation.", "theory."))
        else of_a_problem_or_a_result(name)
    )


def parts() -> tuple[str, str]:
    """The page up to the finite-size theory, and from there on."""
    before, _, after = NOTATION.read_text(encoding="utf-8").partition(FINITE_SIZE)
    return before, after.partition(COVARIANCE)[0]


def covariance() -> list[list[str]]:
    """The rows of inputs with a covariance."""
    return rows(NOTATION.read_text(encoding="utf-8").partition(COVARIANCE)[2])


def test_every_documented_name_exists() -> None:
    found = names(rows(parts()[0]))
    assert len(found) > 25
    assert [name for name in found if not exists(name)] == []


def test_every_name_of_the_finite_size_theory_exists_where_its_row_says() -> None:
    found = names(rows(parts()[1]))
    assert len(found) > 70
    assert [name for name in found if not at_a_path(PACKAGE + name)] == []


def test_every_row_of_the_finite_size_theory_has_a_name_and_an_equation() -> None:
    table = rows(parts()[1])
    assert [row[1] for row in table if not names([row])] == []
    assert [row[1] for row in table if not re.fullmatch(r"\{eq\}`eq(-[a-z]+)+`", row[3])] == []


def test_every_row_of_a_covariance_has_a_name_that_exists_and_an_equation() -> None:
    table = covariance()
    assert len(table) > 20
    assert [name for name in names(table) if not at_a_path(COVARIANCE_PACKAGE + name)] == []
    assert [row[1] for row in table if not re.fullmatch(r"\{eq\}`eq(-[a-z]+)+`", row[3])] == []


def test_a_wrong_name_is_found() -> None:
    assert not exists("learning_rate")
    assert not exists("activation.learning_rate")
    assert not exists("simulation.draw.GaussianDraw.learning_rate")
    assert not at_a_path(PACKAGE + "bulk.fixed_point.BulkModel.learning_rate")
    assert not at_a_path(PACKAGE + "bulk.learning_rate.BulkModel.phi")
    assert not at_a_path(PACKAGE + "spikes.quadratic_directions.FeatureStack.learning_rate")
    assert names(rows("| symbol | name in code |\n|---|---|\n| $x$ | |")) == []
