"""An HTML page that needs nothing beside itself: text, tables and figures, all of it escaped."""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

__all__ = ["figure", "note", "page", "paragraph", "pre", "section", "table"]

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; color: #1a1a1a; background: #fff;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0.2rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: 0.6rem 0; }
th, td { text-align: left; padding: 0.15rem 1.1rem 0.15rem 0; vertical-align: top; overflow-wrap: anywhere; }
td { font-variant-numeric: tabular-nums; } thead th { border-bottom: 1px solid #999; }
tbody th { font-weight: 400; color: #555; }
figure { margin: 0.8rem 0; } figure svg { max-width: 100%; height: auto; } figcaption { color: #555; }
pre { background: #f4f5f6; padding: 0.7rem 1rem; overflow-x: auto; }
.note { border-left: 3px solid #d55e00; padding: 0.1rem 0 0.1rem 0.8rem; }
"""


def page(title: str, sections: Iterable[str]) -> str:
    """The whole document; the sections are HTML of the functions below."""
    body = "\n".join(sections)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>{_STYLE}</style>\n</head>\n'
        f"<body>\n<h1>{escape(title)}</h1>\n{body}\n</body>\n</html>\n"
    )


def section(title: str, *content: str) -> str:
    """A heading, and HTML under it."""
    return f"<section>\n<h2>{escape(title)}</h2>\n{chr(10).join(content)}\n</section>"


def paragraph(text: str) -> str:
    """A paragraph."""
    return f"<p>{escape(text)}</p>"


def note(text: str) -> str:
    """A paragraph that must not be missed."""
    return f'<p class="note">{escape(text)}</p>'


def pre(text: str) -> str:
    """Text as it stands."""
    return f"<pre>{escape(text)}</pre>"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table whose first column names the rows; without a head where it is empty."""
    top = f"<thead><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr></thead>" if head else ""
    return f"<table>{top}<tbody>{''.join(map(_row, rows))}</tbody></table>"


def _row(cells: Sequence[Any]) -> str:
    first, *others = (escape(str(cell)) for cell in cells)
    return f"<tr><th>{first}</th>{''.join(f'<td>{cell}</td>' for cell in others)}</tr>"


def figure(svg: str, caption: str) -> str:
    """An ``<svg>`` element, as it stands, with its caption."""
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"
