"""What a prediction on data is asked: rows, network, and how finely averages are taken."""

from dataclasses import dataclass

from polyspike.arraytypes import Array
from polyspike.problem import Activation

__all__ = ["DEFAULT_ACCURACY", "CurveAccuracy", "Network", "Sample"]


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of one part: inputs of shape (rows, d), target of shape (rows,)."""

    inputs: Array
    target: Array


@dataclass(frozen=True)
class Network:
    """The network, its step and ridge aside."""

    activation: Activation
    width: int
    gradient: str
    readout: str


@dataclass(frozen=True)
class CurveAccuracy:
    """How finely averages are taken.

    Attributes
    ----------
    nodes : int
        Of a normal readout and a small step; a large step has up to twice as many.
    degree : int or None
        Up to which the series of the kernel are written out; the energy beyond is lumped into the next two. None: as
        far as ``cut`` asks.
    cut : float
        Bound of the relative Frobenius norm of what the cut leaves out of the kernel without a step.
    outputs : int
        Pairs of initial outputs of the full gradient.
    rows_at_once : int
        Test rows that are worked on at a time.
    exact : bool
        Whether every kernel is worked out in double precision and iterations end at 1e-9, as with fewer than 400 rows
        of the fit; of more rows errors are known to 1e-3 otherwise, in a third of the time or less, and
        an eighth at a thousand rows.
    """

    nodes: int = 12
    degree: int | None = None
    cut: float = 1e-4
    outputs: int = 1
    rows_at_once: int = 512
    exact: bool = False


DEFAULT_ACCURACY = CurveAccuracy()
