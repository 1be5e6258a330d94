"""What a numerical result is worth, and what to do when it is worth little."""

from enum import Enum

__all__ = ["Status"]


class Status(Enum):
    """Outcome of a numerical computation.

    ``Status.OK`` is the only one with which a result is returned by default; the others are
    raised as :class:`polyspike.errors.NumericalError` or, in sweeps and batches, stored in the row.
    """

    OK = "ok"
    NOT_CONVERGED = "not_converged"
    OUT_OF_RANGE = "out_of_range"
    SINGULAR = "singular"
    WORKER_FAILED = "worker_failed"

    @property
    def advice(self) -> str:
        """What the user can do about it."""
        return _ADVICE[self]

    @property
    def ok(self) -> bool:
        """Whether the result can be used."""
        return self is Status.OK


_ADVICE = {
    Status.OK: "",
    Status.NOT_CONVERGED: (
        "Increase the ridge, or move away from the interpolation peak n = width; for a spectrum, which knows no ridge, "
        "shorten the step."
    ),
    Status.OUT_OF_RANGE: "The problem lies outside the regime of the formula, which its docstring states.",
    Status.SINGULAR: "The system is singular: give a ridge > 0.",
    Status.WORKER_FAILED: "A worker failed on this row; run the row alone with its seed to see the error.",
}
