"""Advice on a name that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["closest_names"]


def closest_names(name: str, known: Iterable[str]) -> str:
    """A remedy: the nearest known name when there is one, and all of them."""
    names = list(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f"did you mean {near[0]!r}? " if near else ""
    return f"{guess}known: {', '.join(names)}"
