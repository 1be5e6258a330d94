"""Frozen results about eigenvalues. They only hold data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.pictures import curve_picture
from polyspike.record import Result

__all__ = ["GradientSpectrum", "GradientSpike", "Spectrum", "Spike"]

_LOWEST = 1e-5
"""Start of a curve that would start at zero, as a share of its end."""

_THUMBNAIL_POINTS = 60


@dataclass(frozen=True, eq=False, repr=False)
class Spike(Result):
    """An outlier of ``F F' / N``.

    Attributes
    ----------
    location : float
        The eigenvalue, in the limit; :attr:`Spectrum.means` has its expectation at a finite size.
    overlaps : ndarray of shape (degree + 1,)
        Squared cosine of its left singular vector with the Hermite function of degree 0 .. degree of the
        learned direction.
    """

    location: float
    overlaps: Array


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(Result):
    """The predicted spectrum of ``F F' / N`` (n x n).

    Attributes
    ----------
    density : callable
        Density of the bulk at an array of x > 0 (total mass one minus :attr:`atom`).
    edges : tuple of (float, float)
        Intervals on which the bulk lives.
    atom : float
        Mass of the eigenvalue zero.
    spikes : tuple of Spike
        Outliers, largest first.
    inside : tuple of int
        Degrees whose spike has not left the bulk.
    means_source : callable, optional
        Computes :attr:`means`.
    """

    density: Callable[[Array], Array] = field(repr=False)
    edges: tuple[tuple[float, float], ...]
    atom: float
    spikes: tuple[Spike, ...]
    inside: tuple[int, ...] = ()
    means_source: Callable[[], tuple[float, ...]] | None = field(default=None, repr=False)

    def curve(self, points: int = 200) -> tuple[Array, Array]:
        """Points of every interval of the bulk in turn, dense near its edges, and the density there.

        Parameters
        ----------
        points : int
            In each interval. One that reaches down to zero starts at a hundred-thousandth of its end.

        Returns
        -------
        x, density : ndarray of shape (intervals * points,)
        """
        turn = (1 - np.cos(np.linspace(0, np.pi, points))) / 2
        starts = [max(low, high * _LOWEST) for low, high in self.edges]
        x = np.concatenate([low * (high / low) ** turn for low, (_, high) in zip(starts, self.edges)])
        return x, self.density(x)

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """Draw density and spikes: :func:`polyspike.plot.spectrum` with ``theory=self``.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            A new figure when absent.
        **options
            Those of the function, ``run`` included.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        MissingPackageError
            Where matplotlib is not installed.
        """
        from polyspike.plot import spectrum

        return spectrum(theory=self, ax=ax, **options)

    def _picture(self) -> str:
        x, density = self.curve(_THUMBNAIL_POINTS)
        return curve_picture(x, x * density, [spike.location for spike in self.spikes])

    @cached_property
    def means(self) -> tuple[float, ...]:
        """Expectation of every spike's eigenvalue over draws at this size, to order 1/n, in the order of the spikes;
        computed when asked for.

        Spikes repel each other by what they fluctuate, and grow faster than in proportion to the step's strength, which
        fluctuates too. Of spikes below the bulk, or in a gap of it, the location.

        Raises
        ------
        NumericalError
            ``NOT_CONVERGED`` when a spectrum at a slightly other strength is not found.
        """
        locations = tuple(spike.location for spike in self.spikes)
        return locations if self.means_source is None else self.means_source()


@dataclass(frozen=True, eq=False, repr=False)
class GradientSpike(Result):
    """An outlier of the gradient matrix M.

    Attributes
    ----------
    location : float
        The eigenvalue.
    teacher : ndarray of shape (p,)
        Squared cosine of its eigenvector with the teacher's directions, beta* first.
    output : float
        Squared cosine with ``omega = W0' a``, the direction of the initial output.
    beta : float
        Squared cosine with ``beta = X' eps / n_0``.
    """

    location: float
    teacher: Array
    output: float
    beta: float


@dataclass(frozen=True, eq=False, repr=False)
class GradientSpectrum(Result):
    """The predicted spectrum of the gradient matrix ``M = X' diag(eps) X / n_0`` (d x d).

    Attributes
    ----------
    density : callable
        Density of the bulk at an array of z (total mass one minus :attr:`atom`); zero outside :attr:`edges`.
    edges : tuple of (float, float)
        Intervals on which the bulk lives; where the residual is unbounded, one interval beyond either end of which
        less than half an eigenvalue is expected.
    atom : float
        Mass of the eigenvalue zero.
    spikes : tuple of GradientSpike
        Outliers, largest first.
    bounded : bool
        Whether the residual is bounded, so that the support has edges and outliers are eigenvalues of the limit.
    """

    density: Callable[[Array], Array] = field(repr=False)
    edges: tuple[tuple[float, float], ...]
    atom: float
    spikes: tuple[GradientSpike, ...]
    bounded: bool
