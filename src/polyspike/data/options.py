"""What the reader of a user's table may do, and what it leaves to the user."""

from dataclasses import dataclass

from polyspike.data.numbers import DECIMALS, THOUSANDS
from polyspike.errors import ArgumentError

__all__ = ["Reading", "TextFormat"]

NAMED_DELIMITERS = {"tab": "\t", "\\t": "\t"}
CHOICES = {"missing": ("refuse", "drop"), "categories": ("refuse", "encode"), "dates": ("refuse", "days")}


@dataclass(frozen=True)
class TextFormat:
    """How a text file is written; None for what is to be recognised.

    Attributes
    ----------
    delimiter, decimal, thousands, encoding : str or None
        See :func:`polyspike.data.read_csv`.

    Raises
    ------
    ArgumentError
        For a mark that cannot be one.
    """

    delimiter: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        mark = self.delimiter and NAMED_DELIMITERS.get(self.delimiter, self.delimiter)
        if mark is not None and (len(mark) != 1 or mark in '"\r\n'):
            raise ArgumentError("delimiter", self.delimiter, "give one character, such as ',', ';' or 'tab'")
        object.__setattr__(self, "delimiter", mark)
        for name, allowed in (("decimal", DECIMALS), ("thousands", THOUSANDS)):
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise ArgumentError(name, value, f"give one of {', '.join(map(repr, allowed))}")
        if self.decimal is not None and self.decimal == self.thousands:
            raise ArgumentError("thousands", self.thousands, "it is the decimal mark; give another")


@dataclass(frozen=True)
class Reading:
    """What may be done with cells that are no numbers; nothing unless asked for.

    Attributes
    ----------
    missing, categories, dates : str
    ignore : tuple of str
        See :func:`polyspike.data.read_csv`.
    min_rows : int
        Rows that must remain, 2 or more.

    Raises
    ------
    ArgumentError
        For a choice that there is not.
    """

    missing: str = "refuse"
    categories: str = "refuse"
    dates: str = "refuse"
    ignore: tuple[str, ...] = ()
    min_rows: int = 2

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ArgumentError(name, getattr(self, name), f"give one of {', '.join(allowed)}")
        if self.min_rows < 2:
            raise ArgumentError("min_rows", self.min_rows, "give an integer >= 2")
