"""How numbers are written in a text file: which cells prove a decimal comma, which are ambiguous, which are none.

A file has one convention. It is given, or proved by cells that can be read in one way only: ``1,5`` and ``1.234,5``
prove a decimal comma, ``1.5`` and ``1,234.5`` a decimal point, ``1,234,567`` a thousands comma.
``1,234`` proves nothing, and is never guessed at.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Convention", "Evidence", "Place", "decide", "form", "reader_of"]

DECIMALS = (".", ",")
THOUSANDS = (",", ".", " ", "'")
EXPONENT = r"(?:[eE][+-]?\d+)?"

FORMS = {
    # Each proves: decimal mark, thousands separator; None where it proves nothing.
    "whole": (rf"\d+{EXPONENT}", None, None),
    "weak point": (r"[1-9]\d{0,2}\.\d{3}", None, None),
    "weak comma": (r"[1-9]\d{0,2},\d{3}", None, None),
    "point": (rf"(?:\d+\.\d*|\.\d+){EXPONENT}", ".", None),
    "thousands comma": (r"\d{1,3}(?:,\d{3}){2,}", ".", ","),
    "comma and point": (rf"\d{{1,3}}(?:,\d{{3}})+\.\d*{EXPONENT}", ".", ","),
    "thousands point": (r"\d{1,3}(?:\.\d{3}){2,}", ",", "."),
    "point and comma": (rf"\d{{1,3}}(?:\.\d{{3}})+,\d*{EXPONENT}", ",", "."),
    "comma": (rf"(?:\d+,\d*|,\d+){EXPONENT}", ",", None),
    "spaced": (rf"\d{{1,3}}(?: \d{{3}})+{EXPONENT}", None, " "),
    "spaced point": (rf"\d{{1,3}}(?: \d{{3}})+\.\d*{EXPONENT}", ".", " "),
    "spaced comma": (rf"\d{{1,3}}(?: \d{{3}})+,\d*{EXPONENT}", ",", " "),
    "ticked": (rf"\d{{1,3}}(?:'\d{{3}})+(?:\.\d*)?{EXPONENT}", ".", "'"),
}
"""Ways to write a number, without its sign; the first that fits counts. Only ASCII digits, and no ``1_1``."""

PATTERNS = {name: re.compile(rf"[+-]?(?:{text})", re.ASCII) for name, (text, _, _) in FORMS.items()}
ANY = re.compile("|".join(rf"(?P<f{i}>{pattern.pattern})" for i, pattern in enumerate(PATTERNS.values())), re.ASCII)
NAMES = tuple(FORMS)


class Place(NamedTuple):
    """One cell: its column, the number of its line, and what stands there."""

    column: str
    line: int
    cell: str

    def __str__(self) -> str:
        return f"{self.cell[:40]!r} (column {self.column[:40]!r}, line {self.line})"


@dataclass(frozen=True)
class Convention:
    """How the numbers of a file are written: decimal mark, and separator of thousands or None."""

    decimal: str = "."
    thousands: str | None = None


@dataclass
class Evidence:
    """The first cell of every form, over the numeric columns of a file."""

    first: dict[str, Place] = field(default_factory=dict)

    def add(self, column: str, cells: Iterable[tuple[int, str]]) -> None:
        """Count the cells of a column, each with its line."""
        for line, cell in cells:
            name = form(cell)
            if name is not None:
                self.first.setdefault(name, Place(column, line, cell))

    def add_plain(self, column: str, cells: Iterable[tuple[int, str]]) -> None:
        """Count a column of which every cell is a number with at most a point: it is told by one that proves it."""
        for line, cell in cells:
            name = form(cell)
            if name is not None:
                self.first.setdefault(name, Place(column, line, cell))
            if name == "point":
                return

    def proof(self, mark: int, sign: str) -> Place | None:
        """A cell that proves the decimal mark (1) or the separator of thousands (2)."""
        return next((place for name, place in self.first.items() if FORMS[name][mark] == sign), None)


def form(cell: str) -> str | None:
    """Name of the way in which a number is written; None for what is no number in any convention.

    Examples
    --------
    >>> [form(cell) for cell in ("12", "1.5", "1,5", "1.234,5", "1,234", "1_1", "12 m")]
    ['whole', 'point', 'comma', 'point and comma', 'weak comma', None, None]
    """
    found = ANY.fullmatch(cell)
    return None if found is None or found.lastgroup is None else NAMES[int(found.lastgroup[1:])]


def decide(evidence: Evidence, given: tuple[str | None, str | None], delimiter: str) -> tuple[Convention, list[str]]:
    """The convention of a file, and what is wrong with it.

    Parameters
    ----------
    evidence : Evidence
    given : tuple
        Decimal mark and thousands separator that the user gave, None for those to be recognised.
    delimiter : str
        Between the cells. With a semicolon ``1.234`` alone does not prove a decimal point: programs that write
        decimal commas write semicolons too.
    """
    decimal, problems = _recognised(evidence, 1, DECIMALS, given[0], "decimal")
    thousands, more = _recognised(evidence, 2, THOUSANDS, given[1], "thousands")
    problems += more
    if not problems:
        problems += _ambiguous(evidence, decimal, thousands, delimiter)
    known = decimal or ("." if thousands != "." else ",")
    return Convention(known, thousands if thousands != known else None), problems


def _recognised(
    evidence: Evidence, mark: int, signs: tuple[str, ...], given: str | None, option: str
) -> tuple[str | None, list[str]]:
    if given is not None:
        return given, []
    proofs = {sign: place for sign in signs if (place := evidence.proof(mark, sign)) is not None}
    if len(proofs) > 1:
        cells = " and ".join(map(str, proofs.values()))
        return None, [f"{cells} are not written alike: repair one, or say which is right by {option}="]
    return next(iter(proofs), None), []


def _ambiguous(evidence: Evidence, decimal: str | None, thousands: str | None, delimiter: str) -> list[str]:
    """The cell that can be read in two ways, with the two remedies."""
    comma, point = evidence.first.get("weak comma"), evidence.first.get("weak point")
    if comma is not None and decimal != "," and thousands != ",":
        return [_either(comma, ",")]
    doubted = decimal == "," or (decimal is None and thousands != "," and delimiter == ";")
    if point is not None and doubted and thousands != ".":
        return [_either(point, ".")]
    return []


def _either(place: Place, sign: str) -> str:
    whole, fraction = place.cell.split(sign)
    return (
        f"{place} is {whole}{fraction} with thousands={sign!r} and {whole}.{fraction} with decimal={sign!r}: "
        "give the one that is meant"
    )


@dataclass(frozen=True)
class Reader:
    """Reads the numbers of one convention."""

    pattern: re.Pattern[str]
    convention: Convention

    def __call__(self, cell: str) -> float | None:
        """The number, infinite when it overflows; None for what is not a number."""
        if self.pattern.fullmatch(cell) is None:
            return None
        decimal, thousands = self.convention.decimal, self.convention.thousands
        plain = cell if thousands is None else cell.replace(thousands, "")
        return float(plain if decimal == "." else plain.replace(decimal, "."))


def reader_of(convention: Convention) -> Reader:
    """The reader of a convention.

    Examples
    --------
    >>> read = reader_of(Convention(",", "."))
    >>> [read(cell) for cell in ("1.234,5", "-7", "1.23", "1_1")]
    [1234.5, -7.0, None, None]
    """
    mark = re.escape(convention.decimal)
    group = "" if convention.thousands is None else rf"|\d{{1,3}}(?:{re.escape(convention.thousands)}\d{{3}})+"
    text = rf"[+-]?(?:(?:\d+{group})(?:{mark}\d*)?|{mark}\d+){EXPONENT}"
    return Reader(re.compile(text, re.ASCII), convention)
