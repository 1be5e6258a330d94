"""Small pieces of HTML, escaped; they look as their surroundings do, light or dark."""

from collections.abc import Mapping
from html import escape

__all__ = ["table"]

_CELL = "padding:1px 10px 1px 0;text-align:left;vertical-align:top;border:none;background:none"
_TABLE = "border-collapse:collapse;border:none;margin:0;max-width:46em;color:inherit;font-size:inherit"
_NAME, _VALUE = f"{_CELL};font-weight:400;opacity:0.65;white-space:nowrap", f"{_CELL};overflow-wrap:anywhere"


def table(title: str, rows: Mapping[str, str], picture: str = "") -> str:
    """A table of names and texts under a title, with a picture beside it.

    Parameters
    ----------
    title : str
    rows : mapping of str to str
        Names and texts; all of it is escaped.
    picture : str
        An ``<svg>`` element of :mod:`polyspike.pictures`, as it stands.

    Examples
    --------
    >>> "&lt;script&gt;" in table("Problem", {"teacher": "<script>"})
    True
    """
    body = "".join(_row(name, text) for name, text in rows.items())
    left = f'<table style="{_TABLE}"><tbody>{body}</tbody></table>'
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:1.5em;align-items:flex-start">'
        f'<div><div style="font-weight:600;margin-bottom:2px">{escape(title)}</div>{left}</div>{picture}</div>'
    )


def _row(name: str, text: str) -> str:
    head = f'<th style="{_NAME}">{escape(name)}</th>'
    return f'<tr>{head}<td style="{_VALUE}">{escape(text)}</td></tr>'
