"""Figures of results: results in, ``Axes`` out. Nothing here runs a theory or a simulation.

Every function takes results (or rows of a table), draws into ``ax`` or a new figure, and returns the axes. They draw in
the look that matplotlib has at the moment; :func:`style` is the look of the figures of this project, light or dark.
"""

from polyspike.errors import MissingPackageError

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise MissingPackageError("import", "polyspike.plot", "matplotlib") from error

from polyspike.plot.alignment import alignment, learned, shares
from polyspike.plot.errors import errors
from polyspike.plot.files import save, svg
from polyspike.plot.phase import phase
from polyspike.plot.reuse import reuse
from polyspike.plot.spectrum import spectrum
from polyspike.plot.style import style
from polyspike.plot.sweep import sweep
from polyspike.plot.windows import mark_windows

__all__ = [
    "alignment",
    "errors",
    "learned",
    "mark_windows",
    "phase",
    "reuse",
    "save",
    "shares",
    "spectrum",
    "style",
    "svg",
    "sweep",
]
