"""Figures as files and as text."""

import io
import re
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from polyspike.plot.style import styled

__all__ = ["save", "svg"]

_UNDATED: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}

Drawn = Axes | FigureBase
"""What can be written: a figure, or axes for the figure that they are in."""

_OWN_NAME = re.compile(r'\bid="([^"]+)"')
_USED_NAME = re.compile(r'(url\(#|xlink:href="#)')


@styled
def save(figure: Drawn, path: str | Path) -> None:
    """Write a figure to a PNG, SVG or PDF file, by the ending of its name; the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure or Axes
        Of axes, the figure that they are in.
    path : str or Path
    """
    _whole(figure).savefig(path, facecolor="auto", metadata=_UNDATED.get(Path(path).suffix.lower()))


@styled
def svg(figure: Drawn, prefix: str = "") -> str:
    """A figure as an ``<svg>`` element, to stand inside an HTML page.

    Parameters
    ----------
    figure : Figure or Axes
    prefix : str
        Put before every name inside, so that the figures of one page do not share names.
    """
    text = io.StringIO()
    _whole(figure).savefig(
        text, format="svg", facecolor="auto", metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    element = text.getvalue()[text.getvalue().index("<svg") :]
    return _USED_NAME.sub(rf"\g<1>{prefix}", _OWN_NAME.sub(rf'id="{prefix}\g<1>"', element))


def _whole(drawn: Drawn) -> Figure:
    found = drawn if isinstance(drawn, Figure) else drawn.get_figure(root=True)
    assert isinstance(found, Figure)
    return found
