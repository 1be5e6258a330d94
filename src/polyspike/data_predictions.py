"""What the theory says of a user's own rows: one step and ridge, or a grid of them. They only hold data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.pictures import bars_picture
from polyspike.record import Result
from polyspike.spectra import Spectrum
from polyspike.status import Status

__all__ = ["DataGrid", "DataPrediction"]


@dataclass(frozen=True, eq=False, repr=False)
class DataPrediction(Result):
    """The errors at the actual rows, averaged over the network alone; the names are those of :class:`Measurement`.

    Attributes
    ----------
    problem : Problem
        Sizes, activation, step, ridge, gradient and readout; its teacher and its noise are not used.
    seed : tuple of int
        Of the split, as in :func:`polyspike.simulate_data`.
    train_loss, train_error, test_error : float
        Means over initial networks, as in :class:`Measurement`.
    test_error_se : float
        Standard error of ``test_error`` over the test rows, the other rows held fixed.
    n_test : int
    null_error : float
        ``mean y^2`` of the test rows, the error of predicting nothing.
    kernel_error : float
        Bound of the relative Frobenius norm of what the cut of the kernels leaves out.
    error_estimate : float
        How far from ``test_error`` the mean over networks may be, relative: what the theory leaves out,
        ``1/d + 2/N`` and a term of the step (docs/theory-data.md, section 7), how far it is from some neurons that
        are drawn, what the choice of initial outputs may change, and its numerics. One network and a finite test set
        scatter besides.
    notes : tuple of str
        Why a network may be further from the prediction than the docstring of ``predict_data`` says.
    """

    problem: Any
    seed: tuple[int, ...]
    train_loss: float
    train_error: float
    test_error: float
    test_error_se: float
    n_test: int
    null_error: float
    kernel_error: float
    error_estimate: float
    notes: tuple[str, ...] = ()
    spectrum_source: Callable[[], Spectrum] | None = field(default=None, repr=False)

    @cached_property
    def spectrum(self) -> Spectrum:
        """The spectrum of ``F F'/N`` on the rows of the fit, computed when asked for.

        Outliers have their overlaps with Hermite functions of the learned direction's coordinate on these rows. It
        takes a hundred times what the errors take, and says so by ``logging`` before it begins.

        Raises
        ------
        NumericalError
            A fixed point that is not found.
        """
        if self.spectrum_source is None:
            raise NumericalError(Status.OUT_OF_RANGE, "this prediction was made without the rows it is of")
        return self.spectrum_source()

    def _picture(self) -> str:
        names = ("null_error", "test_error", "train_error")
        return bars_picture({name.replace("_", " "): getattr(self, name) for name in names})


@dataclass(frozen=True, eq=False, repr=False)
class DataGrid(Result):
    """Predictions over steps and ridges on the same rows.

    Attributes
    ----------
    step_sizes : tuple of float
    ridges : tuple of float
    points : tuple of tuples of DataPrediction
        ``points[s][r]`` is that of ``step_sizes[s]`` and ``ridges[r]``.
    seconds : float
        Wall time of all.
    """

    step_sizes: tuple[float, ...]
    ridges: tuple[float, ...]
    points: tuple[tuple[DataPrediction, ...], ...]
    seconds: float = 0.0

    def _shown(self) -> dict[str, Any]:
        best = self.best
        numbers = {"best_step": self.best_step, "best_ridge": self.best_ridge, "test_error": best.test_error}
        return {"step_sizes": self.step_sizes, "ridges": self.ridges, **numbers, "seconds": self.seconds}

    def table(self, name: str = "test_error") -> Array:
        """A field of all points, shape (steps, ridges)."""
        return np.array([[getattr(point, name) for point in row] for row in self.points])

    @property
    def best(self) -> DataPrediction:
        """The point of the lowest test error; of equal ones the first."""
        step, ridge = np.unravel_index(int(np.argmin(self.table())), self.table().shape)
        return self.points[int(step)][int(ridge)]

    @property
    def best_step(self) -> float:
        """The step size of the best point."""
        return float(self.best.problem.step)

    @property
    def best_ridge(self) -> float:
        """The ridge of the best point."""
        return float(self.best.problem.ridge)
