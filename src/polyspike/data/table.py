"""From the columns of a file to a data set, or to one message that lists everything that is wrong with it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.data.column import Column
from polyspike.data.dataset import Dataset
from polyspike.data.options import Reading
from polyspike.data.scale import LARGEST, SMALLEST, is_constant, is_out_of_range
from polyspike.errors import ArgumentError

__all__ = ["MAX_LEVELS", "Table", "dataset_of", "few", "short"]

MAX_LEVELS = 30
"""A column of words with more different ones than this holds names or free text, not categories."""

MAX_COLUMNS = 12
"""Columns that a complaint names; with more of them the file has another problem."""

MAX_LINES = 5
MAX_CELL = 30


@dataclass
class Table:
    """What was read of a file.

    Attributes
    ----------
    name : str
        Of the file.
    columns : list of Column
    lines : ndarray of int, shape (n,)
        Where each row stands in the file.
    unit : str
        What a line is called: "line" of a text, "row" of a table.
    unnamed : set of str
        Columns without a name in the file, by the name that they were given instead.
    problems, notes : list of str
    dropped : dict of str to str
        Columns that are left out, each with the reason.
    """

    name: str
    columns: list[Column]
    lines: NDArray[np.int64]
    unit: str = "line"
    unnamed: frozenset[str] = frozenset()
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    dropped: dict[str, str] = field(default_factory=dict)

    def drop(self, names: Iterable[str], why: str) -> None:
        """Leave columns out, and keep the reason."""
        gone = set(names)
        self.dropped |= {c.name: why for c in self.columns if c.name in gone}
        self.columns = [c for c in self.columns if c.name not in gone]

    def where(self, rows: Sequence[int] | NDArray[np.int64]) -> str:
        """The first few of these rows, as a reader of the file finds them."""
        lines = [str(self.lines[i]) for i in rows[:MAX_LINES]]
        more = f", ... {len(rows)} in all" if len(rows) > MAX_LINES else ""
        return f"{self.unit}{'s' if len(rows) > 1 else ''} {', '.join(lines)}{more}"


def few(parts: Sequence[str], limit: int = MAX_COLUMNS) -> str:
    """The first of many, and how many there are beside."""
    more = f", and {len(parts) - limit} more" if len(parts) > limit else ""
    return ", ".join(parts[:limit]) + more


def short(cell: str) -> str:
    """A cell or a name, quoted, and cut where it is long."""
    return repr(cell if len(cell) <= MAX_CELL else cell[: MAX_CELL - 3] + "...")


def dataset_of(table: Table, target: str, reading: Reading) -> Dataset:
    """The data set of a table.

    Raises
    ------
    ArgumentError
        One, which lists all that is wrong: names, cells that are no numbers, missing values, infinite ones, the target.
    """
    n_read = len(table.lines)
    _check_names(table, target, reading)
    if n_read < 2:  # too little to say anything about columns
        _check_rows(table, np.arange(n_read), n_read, reading)
        _refuse(table)
    _drop_without_content(table, target, reading)
    _check_kinds(table, target, reading)
    used = _complete_rows(table, reading)
    _check_rows(table, used, n_read, reading)
    columns = [encoded for c in table.columns for encoded in _as_numbers(table, c, used, c.name == target)]
    _check_numbers(table, columns, used, target)
    _refuse(table)
    inputs = [(name, values) for name, values in columns if name != target]
    goal = next(values for name, values in columns if name == target)
    _remark(table, inputs, goal, target, used)
    return Dataset(
        table.name,
        np.column_stack([values for _, values in inputs]),
        goal,
        tuple(name for name, _ in inputs),
        target,
        dropped=table.dropped,
        rows_read=n_read,
        notes=tuple(table.notes),
    )


def _refuse(table: Table) -> None:
    if not table.problems:
        return
    if len(table.problems) == 1:
        raise ArgumentError("data", table.name, table.problems[0])
    listed = "; ".join(f"({k}) {text}" for k, text in enumerate(table.problems, 1))
    raise ArgumentError("data", table.name, f"{len(table.problems)} things are wrong: {listed}")


def _check_names(table: Table, target: str, reading: Reading) -> None:
    names = [c.name for c in table.columns]
    table.problems += [_nearest("ignore", name, names) for name in reading.ignore if name not in names]
    table.drop(set(reading.ignore) - {target}, "ignored, as asked")
    if target in reading.ignore:
        table.problems.append(f"the target {short(target)} is to be ignored: give another")
    twice = [f"{short(name)} ({n} times)" for name, n in Counter(c.name for c in table.columns).items() if n > 1]
    if twice:
        table.problems.append(f"columns of the same name: {few(twice)}: rename or remove all but one")
    if target not in names:
        table.problems.append(_nearest("target", target, names))


def _nearest(what: str, name: str, known: Sequence[str]) -> str:
    folded: dict[str, str] = {}
    for column in known:
        folded.setdefault(column.casefold(), column)
    close = [folded[found] for found in get_close_matches(name.casefold(), folded, n=1, cutoff=0.0)]
    guess = f"; did you mean {short(close[0])}?" if close else "."
    return f"{what} {short(name)}: no such column{guess} Columns: {few([short(c) for c in known])}"


def _drop_without_content(table: Table, target: str, reading: Reading) -> None:
    """Leave out columns that say nothing: no value, one value, or a row index without a name.

    One value beside missing ones may be a mark, so the missing ones are complained about unless their rows are dropped.
    """
    inputs = [c for c in table.columns if c.name != target]
    table.drop([c.name for c in inputs if c.kind == "empty"], "it has no value")
    counting = [c.name for c in inputs if c.name in table.unnamed and _counts_rows(c)]
    table.drop(counting, "it has no name and counts the rows")
    for c in inputs:
        if c.missing.any() and reading.missing == "refuse":
            continue
        if c.kind == "words" and len(set(c.words) - {""}) == 1:
            table.drop([c.name], "every value is the same word")
        elif c.kind == "numbers" and not c.strays and _is_settled(c.values[~c.missing]):
            table.drop([c.name], f"constant: every value is {c.values[~c.missing][0]:g}")
    bare = [c.name for c in table.columns if c.name in table.unnamed]
    if bare:
        table.problems.append(
            f"no name in the header: {few([short(name) for name in bare])}: give names, or leave them out with ignore="
        )


def _is_settled(values: Array) -> bool:
    return bool(np.all(np.isfinite(values))) and is_constant(values)


def _counts_rows(column: Column) -> bool:
    count = column.values - np.arange(len(column.values))
    return column.kind == "numbers" and not column.missing.any() and count[0] in (0, 1) and bool(np.ptp(count) == 0)


def _check_kinds(table: Table, target: str, reading: Reading) -> None:
    """Complaints about columns, or single cells, that are no numbers."""
    inputs = [c for c in table.columns if c.name != target]
    words = [c for c in inputs if c.kind == "words"]
    if reading.categories == "refuse" and words:
        remedy = f"categories=encode makes indicators of up to {MAX_LEVELS} different words, ignore= leaves columns out"
        table.problems.append(f"no numbers: {few([_described(c) for c in words])}: {remedy}")
    long = [c for c in words if len(set(c.words)) > MAX_LEVELS] if reading.categories == "encode" else []
    if long:
        remedy = f"more than {MAX_LEVELS} are names or free text; leave such columns out with ignore="
        table.problems.append(f"too many different words: {few([_described(c) for c in long])}: {remedy}")
    _check_dates(table, reading)
    signed = [c for c in table.columns if c.kind == "signed"]
    if signed:
        table.problems.append(f"numbers with a sign beside: {few([_first_word(c) for c in signed])}: remove the sign")
    strays = [_strays(table, c) for c in table.columns if c.strays]
    if strays:
        table.problems.append(f"cells that are no numbers among numbers: {few(strays)}: correct them, or empty them")
    _check_target_kind(table, target, reading)


def _described(column: Column) -> str:
    levels = list(dict.fromkeys(word for word in column.words if word))
    return f"{short(column.name)} ({len(levels)} different, such as {', '.join(map(short, levels[:2]))})"


def _strays(table: Table, column: Column) -> str:
    rows = [i for i, _ in column.strays]
    cells = dict.fromkeys(short(cell) for _, cell in column.strays)
    return f"{short(column.name)}: {', '.join(list(cells)[:2])} ({table.where(rows)})"


def _check_dates(table: Table, reading: Reading) -> None:
    local = [c for c in table.columns if c.kind == "local dates"]
    dates = [c for c in table.columns if c.kind == "dates"] if reading.dates == "refuse" else []
    if dates:
        remedy = "dates=days makes days since 1970 of them, ignore= leaves them out"
        table.problems.append(f"dates: {few([_first_word(c) for c in dates])}: {remedy}")
    if local:
        remedy = "write them as 2026-03-02 and give dates=days, or leave them out with ignore="
        table.problems.append(f"dates of unclear order: {few([_first_word(c) for c in local])}: {remedy}")


def _first_word(column: Column) -> str:
    return f"{short(column.name)} ({short(column.words[int(np.argmin(column.missing))])}, ...)"


def _check_target_kind(table: Table, target: str, reading: Reading) -> None:
    goal = next((c for c in table.columns if c.name == target), None)
    if goal is None or goal.kind not in ("words", "empty"):
        return
    levels = len(set(goal.words) - {""})
    if goal.kind == "empty":
        table.problems.append(f"the target {short(target)} has no value: choose another column")
    elif levels != 2:
        table.problems.append(f"the target {_described(goal)} is no number: choose another, or one of two categories")
    elif reading.categories == "refuse":
        table.problems.append(f"the target {_described(goal)} is no number: categories=encode makes -1 and 1 of it")


def _complete_rows(table: Table, reading: Reading) -> NDArray[np.int64]:
    """Rows in which no column misses a value; all rows where that is refused."""
    if not table.columns:
        return np.arange(len(table.lines))
    absent = np.array([c.missing for c in table.columns])
    some: NDArray[np.bool_] = np.logical_or.reduce(absent, axis=0)
    if not some.any():
        return np.arange(len(table.lines))
    by_column = [
        f"{short(c.name)} {gone.sum()} ({table.where(np.flatnonzero(gone))})"
        for c, gone in zip(table.columns, absent)
        if gone.any()
    ]
    if reading.missing == "refuse":
        remedy = f"fill them, or missing=drop leaves out their {some.sum()} of {len(some)} rows"
        table.problems.append(f"missing values: {few(by_column)}: {remedy}")
        return np.arange(len(table.lines))
    table.notes.append(f"{some.sum()} of {len(some)} rows left out, with missing values in {few(by_column)}")
    return np.flatnonzero(~some)


def _check_rows(table: Table, used: NDArray[np.int64], n_read: int, reading: Reading) -> None:
    if len(used) < reading.min_rows:
        of = f", {len(used)} of them complete" if len(used) < n_read else ""
        table.problems.append(f"it has {n_read} rows{of}: give at least {reading.min_rows}")


def _as_numbers(table: Table, column: Column, used: NDArray[np.int64], is_target: bool) -> list[tuple[str, Array]]:
    """The column on the used rows; of words an indicator for each but the first, or -1 and 1 for a target."""
    if column.note:
        table.notes.append(f"column {short(column.name)}: {column.note}")
    if column.kind != "words":
        return [(column.name, column.values[used])]
    words = np.array(column.words, dtype=object)[used]
    levels = sorted(set(words.tolist()))
    if is_target and len(levels) == 2:
        table.notes.append(f"target {short(column.name)}: {short(levels[0])} is -1, {short(levels[1])} is 1")
        return [(column.name, np.where(words == levels[0], -1.0, 1.0))]
    if is_target and len(levels) == 1:  # a constant, which is complained about with the numbers
        return [(column.name, np.ones(len(words)))]
    if is_target or not 1 < len(levels) <= MAX_LEVELS:  # complained about before, or constant in these rows
        return []
    made = f"{len(levels)} categories, an indicator for each but {short(levels[0])}"
    table.notes.append(f"column {short(column.name)}: {made}")
    return [(f"{column.name}={level}", np.where(words == level, 1.0, 0.0)) for level in levels[1:]]


def _check_numbers(table: Table, columns: list[tuple[str, Array]], used: NDArray[np.int64], target: str) -> None:
    """Complaints about values that are infinite, out of range, or all the same; drops inputs that are constant now."""
    infinite = [
        f"{short(name)} ({table.where(used[np.isinf(values)])})" for name, values in columns if np.isinf(values).any()
    ]
    if infinite:
        table.problems.append(f"infinite or too large for a number: {few(infinite)}: correct them, or empty them")
    finite = [(name, values) for name, values in columns if values.size > 1 and np.all(np.isfinite(values))]
    settled = {name for name, values in finite if is_constant(values)}
    beyond = [short(name) for name, values in finite if name not in settled and is_out_of_range(values)]
    if beyond:
        limits = f"beyond {LARGEST:g}, or closer together than {SMALLEST:g}"
        table.problems.append(f"out of range, {limits}: {few(beyond)}: change their unit")
    if target in settled:
        table.problems.append(f"the target {short(target)} is constant: choose another column")
    twice = [short(name) for name, n in Counter(name for name, _ in columns).items() if n > 1]
    if twice and not table.problems:  # an indicator is called as another column
        table.problems.append(f"columns of the same name after encoding: {few(twice)}: rename one")
    table.dropped |= dict.fromkeys(settled - {target}, "constant in the rows that are used")
    columns[:] = [(name, values) for name, values in columns if name == target or name not in settled]
    if not table.problems and not any(name != target for name, _ in columns):
        table.problems.append("no input column is left: give one that varies, beside the target")


def _remark(table: Table, inputs: list[tuple[str, Array]], goal: Array, target: str, used: NDArray[np.int64]) -> None:
    """Notes on what is no error, and yet seldom meant."""
    index = [
        name for name, values in inputs if np.array_equal(values - values[0], used - used[0]) and values[0] in (0, 1)
    ]
    if index:
        table.notes.append(
            f"column {few([short(name) for name in index])} counts the rows; leave it out with ignore= if it is a label"
        )
    squares = ((goal - goal.mean()) / np.max(np.abs(goal))) ** 2
    if squares.max() > squares.sum() / 2 and len(goal) > 2:
        place = table.where(used[[int(np.argmax(squares))]])
        table.notes.append(f"one value of the target, in {place}, has more than half of its variance: is it right?")
