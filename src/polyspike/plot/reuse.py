"""Fresh samples, the same samples, or a split: the test errors beside each other."""

from typing import Any

from matplotlib.axes import Axes

from polyspike.errors import ArgumentError
from polyspike.plot.errors import errors
from polyspike.plot.rows import as_rows
from polyspike.plot.series import Options

__all__ = ["reuse"]

_WORDS = {"fresh": "n and n fresh ones", "same": "the same n for both", "split": "n/2 and n/2"}


def reuse(
    found: Any,
    *,
    x: str = "n_samples",
    ax: Axes | None = None,
    line_kwargs: Options = None,
    dot_kwargs: Options = None,
    legend: bool = True,
) -> Axes:
    """Draw the test error of every protocol at its best step and ridge against the number of samples.

    Parameters
    ----------
    found : SampleReuse, or sequence of them
        Of :func:`polyspike.sample_reuse`, at one or several ``n_samples``. Dots with bars of one standard error are
        simulated; lines are predicted, where there is a prediction.
    x : str
        ``"n_samples"``, n; ``"n_labels"``, the labelled samples that a protocol takes.
    ax : Axes, optional
        A new figure when absent.
    line_kwargs, dot_kwargs : mapping, optional
        For ``Axes.plot`` and ``Axes.errorbar``.
    legend : bool

    Returns
    -------
    Axes

    Raises
    ------
    ArgumentError
        Nothing to draw, or something that is no such result.

    Examples
    --------
    >>> import polyspike as ps
    >>> problem = ps.Problem("tanh", "h1", 60, 20, 40, step_exponent=0.0)
    >>> grid = {"exponents": [0.3], "ridges": [0.1], "pilot": 2, "replicates": 2}
    >>> ax = reuse(ps.sample_reuse(problem, **grid, n_test=100, theory=None))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['n and n fresh ones', 'the same n for both', 'n/2 and n/2']
    """
    rows = [dict(row.fields) for row in as_rows(found, "found")]
    if not rows or any("protocol" not in row for row in rows):
        raise ArgumentError("found", found, "give what sample_reuse returns, or several of them")
    named = [{**row, "protocol": _WORDS.get(row["protocol"], row["protocol"])} for row in rows]
    predicted = [{**row, "test_error": row["predicted_test_error"]} for row in named]
    lines = [row for row in predicted if row["test_error"] is not None]
    options: dict[str, Any] = {"line_kwargs": line_kwargs, "dot_kwargs": dot_kwargs, "legend": legend}
    return errors(lines or None, named, x, hue="protocol", ax=ax, **options)
