"""A user's own table on the command line: the options of its reader, declared once, and what was read, in words."""

import inspect
import re
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from polyspike.cli.values import complete_from
from polyspike.errors import ArgumentError

__all__ = ["facts_of", "file_and_target", "in_words", "read_own", "with_reading"]

PANEL = "How your file is read"

MAX_LISTED = 12
"""Names that a line shows; the JSON has all."""


def _option(help_: str, *values: str) -> Any:
    return typer.Option(help=help_, rich_help_panel=PANEL, autocompletion=complete_from(*values) if values else None)


READING_OPTIONS: dict[str, Any] = {
    "ignore": Annotated[list[str] | None, _option("A column not to read. Can be repeated.")],
    "missing": Annotated[str | None, _option("Rows with missing values: refuse (default) or drop.", "refuse", "drop")],
    "categories": Annotated[str | None, _option("Columns of words: refuse (default) or encode.", "refuse", "encode")],
    "dates": Annotated[str | None, _option("Columns of ISO dates: refuse (default) or days.", "refuse", "days")],
    "delimiter": Annotated[str | None, _option("Between cells: one character, or tab.")],
    "decimal": Annotated[str | None, _option("Decimal mark: . or ,")],
    "thousands": Annotated[str | None, _option("Between thousands: , or . or ' or a blank.")],
    "encoding": Annotated[str | None, _option("Of the text, such as cp1252; UTF-8 by default.")],
}
"""Type and help of every option, by the argument of :func:`polyspike.data.read_table` that it sets."""


def with_reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command of ``reading`` turned into one of all options of the reader; it gets those that were given.

    typer reads the options from the signature, so it is the signature that is extended.
    """
    own = {n: p for n, p in inspect.signature(command, eval_str=True).parameters.items() if n != "reading"}
    added = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in READING_OPTIONS.items()
    }

    @wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        given = {name: kwargs.pop(name) for name in READING_OPTIONS}
        return command(*args, reading={n: v for n, v in given.items() if v is not None and v != []}, **kwargs)

    keywords = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own.values() if p.name != "problem"]
    first = [p for p in own.values() if p.name == "problem"]
    wrapper.__signature__ = inspect.Signature([*first, *keywords, *added.values()])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {n: p.annotation for n, p in own.items()} | READING_OPTIONS
    return wrapper


def file_and_target(data: Path | None, target: str | None, reading: Mapping[str, Any]) -> tuple[Path, str] | None:
    """The table that ``--data`` and ``--target`` name; None where neither is given.

    Raises
    ------
    ArgumentError
        For one without the other, and for options of the reader without a table.
    """
    if data is not None and target is not None:
        return data, target
    if data is not None or target is not None:
        given, value = ("--data", str(data)) if target is None else ("--target", target)
        raise ArgumentError(given, value, "give --data FILE.csv and --target COLUMN together")
    for name, value in reading.items():
        raise ArgumentError(f"--{name}", value, "it is about your own data; give --data FILE.csv and --target COLUMN")
    return None


def read_own(file: Path, target: str, reading: Mapping[str, Any], min_rows: int = 2) -> Any:
    """The data set of a file, as :func:`polyspike.data.read_table` reads it."""
    from polyspike.data import read_table

    return read_table(file, target, min_rows=min_rows, **reading)


def facts_of(data: Any, directions: int | None = None) -> dict[str, Any]:
    """What was used of a data set and what was not, by the names that the report of ``reproduce`` has.

    Parameters
    ----------
    data : polyspike.data.Dataset
    directions : int, optional
        The most that its whitening keeps; all when None.
    """
    from polyspike.data import fit_whitening
    from polyspike.data.whiten import redundant

    whitening = fit_whitening(data.inputs, common_unit=data.common_unit)
    kept = whitening if directions is None else whitening.leading(directions)
    return {
        "data": data.name,
        "target": data.target_name,
        "rows_used": len(data.target),
        "rows_read": data.rows_read,
        "columns_used": list(data.columns),
        "columns_dropped": dict(data.dropped),
        "columns_that_add_no_direction": [data.columns[j] for j in redundant(data.inputs)],
        "directions_used": kept.dim,
        "directions_of_the_data": whitening.dim,
        "variance_in_the_directions_used": kept.explained,
        "notes": list(data.notes),
    }


def in_words(facts: Mapping[str, Any]) -> list[str]:
    """A line for everything of :func:`facts_of` that was left out, or that a reader had to decide."""
    dropped = [f"{name} ({why})" for name, why in facts["columns_dropped"].items()]
    lines = [f"left out: {_few(dropped)}"] if dropped else []
    if facts["columns_that_add_no_direction"]:
        names = _few(facts["columns_that_add_no_direction"])
        lines.append(f"no direction of their own, as combinations of other columns: {names}")
    used, there = facts["directions_used"], facts["directions_of_the_data"]
    if used < there:
        share = facts["variance_in_the_directions_used"]
        lines.append(f"whitened along the leading {used} of {there} directions, with {share:.1%} of the variance")
    option = re.compile(rf"(?<![\w'])({'|'.join(READING_OPTIONS)})=(?= |$)")
    return lines + ["note: " + option.sub(r"--\1", text) for text in facts["notes"]]


def _few(names: list[str]) -> str:
    more = f", and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return ", ".join(" ".join(name.split()) for name in names[:MAX_LISTED]) + more
