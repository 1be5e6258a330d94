"""Figures as files and as text."""

import io
import re
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from polyspike.plot.style import styled

__all__ = ["save", "svg"]

_UNDATED: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}

_OWN_NAME = re.compile(r'\bid="([^"]+)"')
_USED_NAME = re.compile(r'(url\(#|xlink:href="#)')


@styled
def save(figure: Figure, path: str | Path) -> None:
    """Write a figure to a PNG, SVG or PDF file, by the ending of its name; the same figure gives the same bytes."""
    figure.savefig(path, facecolor="auto", metadata=_UNDATED.get(Path(path).suffix.lower()))


@styled
def svg(figure: Figure, prefix: str = "") -> str:
    """A figure as an ``<svg>`` element, to stand inside an HTML page.

    Parameters
    ----------
    figure : Figure
    prefix : str
        Put before every name inside, so that the figures of one page do not share names.
    """
    text = io.StringIO()
    figure.savefig(
        text, format="svg", facecolor="auto", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    element = text.getvalue()[text.getvalue().index("<svg") :]
    return _USED_NAME.sub(rf"\g<1>{prefix}", _OWN_NAME.sub(rf'id="{prefix}\g<1>"', element))
