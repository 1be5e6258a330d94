"""The look of the figures: two style sheets, and the colours of the marks on a light or on a dark ground."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

from polyspike.errors import ArgumentError

__all__ = ["MARKERS", "Palette", "palette", "style", "styled"]

THEMES = ("light", "dark")

MARKERS = ("o", "s", "^", "D", "v", "P")
"""Of the k-th degree, spike or curve; its colour says the same."""

_P = ParamSpec("_P")
_T = TypeVar("_T")


@dataclass(frozen=True)
class Palette:
    """Colours on one ground.

    Attributes
    ----------
    theory : str
        Predicted curves and marks.
    quiet : str
        What is there for orientation.
    bulk : str
        Histograms.
    series : tuple of str
        The k-th degree, spike or curve.
    """

    theory: str
    quiet: str
    bulk: str
    series: tuple[str, ...]

    def colour(self, k: int) -> str:
        """The colour of the k-th degree, counted from 1; degree 0 and what lies beyond the last have the quiet one."""
        return self.series[k - 1] if 1 <= k <= len(self.series) else self.quiet


_LIGHT = Palette("#1A1A1A", "#7A7A7A", "#B8C2CC", ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"))
_DARK = Palette("#F0F0F0", "#9AA0A6", "#4A5560", ("#5AA9E6", "#FF8C42", "#3DCCA0", "#E39AC4", "#F2C14E", "#A5D8FF"))


def palette(ax: Axes) -> Palette:
    """The colours that stand out on the ground of these axes."""
    red, green, blue, alpha = to_rgba(ax.get_facecolor())
    if alpha == 0 and ax.figure is not None:
        red, green, blue, _ = to_rgba(ax.figure.get_facecolor())
    return _DARK if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else _LIGHT


@contextmanager
def style(theme: str = "light") -> Iterator[None]:
    """Draw in the look of this project's figures inside a ``with`` block, your own figures too.

    For a whole session, ``matplotlib.pyplot.style.use("polyspike.plot.light")``, or ``.dark``.

    Parameters
    ----------
    theme : {"light", "dark"}

    Raises
    ------
    ArgumentError
        Another theme.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> with style("dark"):
    ...     figure, axes = plt.subplots()
    >>> plt.close(figure)
    """
    if theme not in THEMES:
        raise ArgumentError("theme", theme, f"give {' or '.join(map(repr, THEMES))}")
    with matplotlib.style.context(Path(__file__).with_name(f"{theme}.mplstyle")):
        yield


def styled(function: Callable[_P, _T]) -> Callable[_P, _T]:
    """The same function, in the light style whatever the user's own is: for the figures of the command line."""

    @wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        with style("light"):
            return function(*args, **kwargs)

    return wrapper
