"""Frozen results about eigenvalues. They only hold data."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import gammaln

from polyspike.arraytypes import Array
from polyspike.errors import ArgumentError, NumericalError
from polyspike.pictures import curve_picture
from polyspike.record import Result
from polyspike.scalars import as_integer, as_real
from polyspike.status import Status

__all__ = ["GradientSpectrum", "GradientSpike", "LocalisedOutliers", "Spectrum", "Spike", "TrainingSpike"]

_LOWEST = 1e-5
"""Start of a curve that would start at zero, as a share of its end."""

_THUMBNAIL_POINTS = 60

_NOT_LOCALISED = "localised outliers are predicted for fresh samples of isotropic inputs only"


@dataclass(frozen=True, eq=False, repr=False)
class Spike(Result):
    """An outlier of ``F F' / N``.

    Attributes
    ----------
    location : float
        The eigenvalue, in the limit; :attr:`Spectrum.means` has its expectation at a finite size, for fresh samples.
    overlaps : ndarray of shape (degree + 1,)
        Squared cosine of its left singular vector with the Hermite function of degree 0 .. degree of the
        learned direction.
    """

    location: float
    overlaps: Array


@dataclass(frozen=True, eq=False, repr=False)
class TrainingSpike(Spike):
    """An outlier of ``F F' / N`` on the gradient's own samples.

    The learned direction's coordinate ``b . x / |b|`` is that of the sample as it is: b has a share of every sample of
    the gradient, so that the coordinate's law is not normal.

    Attributes
    ----------
    label : float
        Squared cosine of its left singular vector with the labels.
    residual : float
        With what the gradient has seen of the labels: the same for the target's gradient.
    """

    label: float
    residual: float


@dataclass(frozen=True, eq=False, repr=False)
class LocalisedOutliers(Result):
    """How many localised outliers of ``F F' / N`` lie above a level, over draws.

    An outlier is localised where it belongs to one neuron, whose weight the step has made long, to one sample of the
    gradient, whose residual is large, or to one sample of the fit, whose pre-activations are large. In every draw their
    number is another one. Given the sample of the gradient it is a Poisson number, but for the outliers of the largest
    residual, which are there or not. Nodes stand for the law of that sample. Outliers of learned functions, which every
    draw has, are not counted: they are the spikes of a :class:`Spectrum`.

    Attributes
    ----------
    level : float
    neurons : ndarray of shape (M,)
        The expected number of outliers of single neurons, at every node.
    samples : ndarray of shape (M,)
        The expected number of outliers of single samples of the gradient, but for the one with the largest residual.
    of_largest : ndarray of shape (M,)
        The number of outliers of that one.
    fitted : ndarray of shape (M,)
        The expected number of outliers of single samples of the fit.
    bulk : ndarray of shape (M,)
        The expected number of further eigenvalues above the level, of a bulk that reaches up to there where the
        residuals of the gradient's sample are large.
    weights : ndarray of shape (M,)
        Of the nodes.
    """

    level: float
    neurons: Array
    samples: Array
    of_largest: Array
    fitted: Array
    bulk: Array
    weights: Array

    @property
    def _poisson(self) -> Array:
        """The mean of the Poisson number at every node."""
        return self.neurons + self.samples + self.fitted + self.bulk

    @property
    def expected(self) -> float:
        """The expected number of localised outliers above the level."""
        return float(self.weights @ (self._poisson + self.of_largest))

    def probabilities(self, most: int) -> Array:
        """The probabilities of 0, 1, ..., ``most`` localised outliers above the level.

        Parameters
        ----------
        most : int

        Returns
        -------
        ndarray of shape (most + 1,)

        Raises
        ------
        ArgumentError
            When ``most`` is no integer >= 0.
        """
        most = as_integer("most", most, 0)
        count = np.arange(most + 1) - self.of_largest[:, None]
        mean = np.maximum(self._poisson, np.finfo(float).tiny)[:, None]
        possible = np.maximum(count, 0)
        poisson = np.where(count >= 0, np.exp(possible * np.log(mean) - mean - gammaln(possible + 1)), 0.0)
        found: Array = self.weights @ poisson
        return found

    def interval(self, share: float = 0.98) -> tuple[int, int]:
        """The central interval of the number of localised outliers above the level.

        Parameters
        ----------
        share : float
            The least probability of the interval; no more than half of the rest lies on either side of it.

        Returns
        -------
        low, high : int

        Raises
        ------
        ArgumentError
            For a share that is not between 0 and 1.
        """
        if not 0 < share < 1:
            raise ArgumentError("share", share, "give a probability between 0 and 1")
        mean, certain = float(self._poisson.max()), float(self.of_largest.max())
        reached = np.cumsum(self.probabilities(int(certain + mean + 12 * mean**0.5 + 30)))
        rest = (1 - share) / 2
        return int(np.argmax(reached > rest)), int(np.argmax(reached >= 1 - rest))


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum(Result):
    """The predicted spectrum of ``F F' / N`` (n x n).

    Attributes
    ----------
    density : callable
        Density of the bulk at an array of x > 0 (total mass one minus :attr:`atom`).
    edges : tuple of (float, float)
        Intervals on which the bulk lives, in the laws of its samples, neurons and gradient without the tails in which
        half a one is expected. Where these are long (few samples of the gradient, heavy labels, polynomial activations)
        the bulk of a draw ends in single eigenvalues, the largest one at half of the last edge to somewhat beyond it.
    atom : float
        Mass of the eigenvalue zero.
    spikes : tuple of Spike
        Outliers, largest first.
    inside : tuple of int
        Degrees whose spike has not left the bulk.
    means_source : callable, optional
        Computes :attr:`means`; None where no expectations are known.
    localised_source : callable, optional
        Computes :meth:`localised`.
    error_estimate : float or None
        Estimated relative deviation of a spike's eigenvalue, on average over draws, from its place in :attr:`means`,
        of the spike that is farthest off; None for reused samples and real data, for which none is known.
    trusted : bool
        False where the spikes of networks are known to be far from these, or others to lie beside them;
        :attr:`trust_reason` says why.
    """

    density: Callable[[Array], Array] = field(repr=False)
    edges: tuple[tuple[float, float], ...]
    atom: float
    spikes: tuple[Spike, ...]
    inside: tuple[int, ...] = ()
    means_source: Callable[[], tuple[float, ...]] | None = field(default=None, repr=False)
    localised_source: Callable[[float], LocalisedOutliers] | None = field(default=None, repr=False)
    error_estimate: float | None = None
    trusted: bool = True
    trust_reason: str = ""

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

    def localised(self, level: float) -> LocalisedOutliers:
        """The number of localised outliers above a level: single neurons and single samples of the gradient.

        They come beside the :attr:`spikes`, where the step has made single weights long or labels are heavy: often with
        polynomial activations and labels with a cubic part, hardly ever with bounded slopes and many samples.
        docs/theory-corrections.md, localised outliers, derives the numbers and says how far they hold.

        Parameters
        ----------
        level : float
            Above the bulk; the laws of lengths and residuals are evaluated there anew, which takes seconds.

        Returns
        -------
        LocalisedOutliers

        Raises
        ------
        ArgumentError
            For a level that is no finite number above the upper edge of the bulk.
        NumericalError
            ``OUT_OF_RANGE`` for inputs of a covariance and for reused samples, for which there is no such theory;
            ``NOT_CONVERGED`` when the bulk is not solved at the level.
        """
        edge, level = self.edges[-1][1], as_real("level", level)
        if not level > edge:
            raise ArgumentError("level", level, f"give a level above the bulk, which ends at {edge:.6g}")
        if self.localised_source is None:
            raise NumericalError(Status.OUT_OF_RANGE, _NOT_LOCALISED)
        return self.localised_source(level)

    def _picture(self) -> str:
        x, density = self.curve(_THUMBNAIL_POINTS)
        return curve_picture(x, x * density, [spike.location for spike in self.spikes])

    @property
    def has_expectations(self) -> bool:
        """Whether :attr:`means` are expectations at a finite size: of fresh samples, for inputs with a covariance and
        preconditioned steps where the activation has a linear part. For reused samples and real data they are the
        locations.
        """
        return self.means_source is not None

    @cached_property
    def means(self) -> tuple[float, ...]:
        """Where every spike's eigenvalue is on average over draws, in the order of the spikes; computed when asked for.

        With :attr:`has_expectations` the expectation at this size, to order 1/n; else the spike's location, which is
        that of the limit, without corrections of order 1/n.

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
