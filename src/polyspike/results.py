"""Frozen results. They only hold data; nothing here computes. ``Measurement`` (simulation) and ``Prediction`` (theory)
share the names of what both know, so that comparing them is a subtraction.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from polyspike.answers import PredictionFields
from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.estimate import Estimate
from polyspike.pictures import bars_picture, histogram_picture
from polyspike.record import Result
from polyspike.spectra import Spectrum, Spike
from polyspike.status import Status

__all__ = [
    "Alignment",
    "Derivatives",
    "EdgePrediction",
    "Equivalence",
    "EquivalencePoint",
    "FailedPrediction",
    "Measurement",
    "Optimum",
    "Prediction",
    "Slopes",
    "Spectrum",
    "Spike",
]


@dataclass(frozen=True, eq=False, repr=False)
class Alignment(Result):
    """What the top left singular vectors of the features have learned, degree by degree.

    Attributes
    ----------
    n_vectors : int
        Number of top left singular vectors looked at.
    monomial : ndarray of shape (degree,)
        Squared norm of the projection of the normalised ``(X beta)^k`` on their span, k = 1 .. degree.
    hermite : ndarray of shape (degree,)
        The same for the Hermite functions ``H_k(X beta / |beta|)``.
    overlaps : ndarray of shape (n_vectors, degree)
        Squared cosine of every single vector with every Hermite function.
    """

    n_vectors: int
    monomial: Array
    hermite: Array
    overlaps: Array


@dataclass(frozen=True, eq=False, repr=False)
class Measurement(Result):
    """What a simulated network did. Errors are per sample, on the scale of ``E y^2``.

    Attributes
    ----------
    problem : Problem
    seed : tuple of int
        The run can be made again from the problem and this alone.
    train_loss : float
        ``|y - F a|^2/n + ridge |a|^2`` at its minimum: with the penalty.
    train_error : float
        ``|y - F a|^2/n``.
    test_error : float
        Mean squared error on ``n_test`` fresh noisy samples.
    test_error_se : float
        Its standard error over the test samples (the run's own draw held fixed).
    cosine : float or None
        Between ``beta = X' eps / n0``, the learned direction, and beta*; 0.0 at a vanishing
        gradient, None on real data. Of the vectors themselves, whatever the covariance of the inputs.
    spike_cosine : float or None
        Between the spike direction ``b`` and beta*: ``b = eta c_1 beta`` for the target-only gradient, and with the
        initial output's ``W0' a`` added for the full one (docs/theory-finite-size.md); 0.0 where b vanishes.
    rank_one_fraction : float
        Share of the squared Frobenius norm of the gradient that its rank-one part ``c_1 a beta'`` explains.
    eigenvalues : ndarray or None
        Of ``F F' / N``, descending: all non-zero ones, or the top k.
    alignment : Alignment or None
    n_test : int
    seconds : float
        Wall time; of the whole shared draw when several problems share it.
    dtype, device : str
    biased_cosine : float or None
        Between ``beta`` and ``Sigma beta*``, to which it leans; None where the covariance Sigma of the inputs is the
        identity, so that it is the cosine, and on real data.
    """

    problem: Any
    seed: tuple[int, ...]
    train_loss: float
    train_error: float
    test_error: float
    test_error_se: float
    cosine: float | None
    spike_cosine: float | None
    rank_one_fraction: float
    n_test: int
    eigenvalues: Array | None = None
    alignment: Alignment | None = None
    seconds: float = 0.0
    dtype: str = "float64"
    device: str = "cpu"
    biased_cosine: float | None = None

    def _picture(self) -> str:
        return "" if self.eigenvalues is None else histogram_picture(self.eigenvalues)


@dataclass(frozen=True, eq=False, repr=False)
class EquivalencePoint(Result):
    """How far the features F are from F_l, the initial features plus l explicit spikes, at one size.

    Attributes
    ----------
    n_samples : int
    distance : Estimate
        ``|F - F_l|_op / sqrt(n)``.
    train_gap, test_gap : Estimate
        ``|train error on F - train error on F_l|``, and the same for the test error.
    offset : Estimate
        ``u' (F - F_l) v / sqrt(n)``, u the unit vector along (1, ..., 1), v that along ``a^2`` less its mean: what F_l
        misses in the constant part of the even spikes. Signed; in modulus at most the distance.
    """

    n_samples: int
    distance: Estimate
    train_gap: Estimate
    test_gap: Estimate
    offset: Estimate


@dataclass(frozen=True, eq=False, repr=False)
class Equivalence(Result):
    """F against F_l at growing size.

    Attributes
    ----------
    problem : Problem
        Its ratios and step exponent hold at every size.
    window : int
        l, the number of explicit spikes.
    corrected : bool
        Whether the spikes carry ``P_k`` (default) or the bare monomials as published.
    points : tuple of EquivalencePoint
    rates : dict of str to Estimate
        Slope of log distance, log train_gap and log test_gap against log n, with its standard error; negative: falling.
    """

    problem: Any
    window: int
    corrected: bool
    points: tuple[EquivalencePoint, ...]
    rates: dict[str, Estimate]


@dataclass(frozen=True, eq=False, repr=False)
class Prediction(Result):
    """What the theory says of a problem. Errors are per sample, on the scale of ``E y^2``.

    Attributes
    ----------
    problem : Problem
    method : str
        "window", "window (published)", "finite-size", ...
    train_loss, train_error, test_error : float
        As in :class:`Measurement`.
    cosine, spike_cosine : float
        As in :class:`Measurement`; like the errors and the strength means over all that is random, with few samples
        of the gradient its sample included (docs/theory-finite-size.md, section 1). The spectrum is that of its means.
    spike_strength : float
        ``r = |b| / sqrt(N)``, the scale of the learned part of a pre-activation; 0.0 without a spike.
    regime : str
        Where the result holds, in words.
    window : int or None
        For the limit theory: that of the step size, in which there are as many spikes.
    null_error : float
        ``E y^2``, the error of predicting nothing.
    linear_error : float
        Error of the best linear model, ``E y^2 - |c*_1|^2``.
    error_estimate : float or None
        Estimated relative deviation of a network of this finite size from the prediction.
    trusted : bool
        False where finite-size errors are known to be large; :attr:`trust_reason` says why.
    notes : tuple of str
        Answers that need a word: no spike because c_1 = 0, no signal because c*_1 = 0, ...
    status : Status
    extras : dict
        Further numbers by name (T1, T2, Q, derivatives, ...).
    biased_cosine : float or None
        As in :class:`Measurement`: between ``beta`` and ``Sigma beta*``; None where the covariance is the identity.
    """

    problem: Any
    method: str
    train_loss: float
    train_error: float
    test_error: float
    cosine: float
    spike_cosine: float
    spike_strength: float
    regime: str
    null_error: float
    linear_error: float
    window: int | None = None
    error_estimate: float | None = None
    trusted: bool = True
    trust_reason: str = ""
    notes: tuple[str, ...] = ()
    status: Status = Status.OK
    extras: dict[str, float] = field(default_factory=dict)
    biased_cosine: float | None = None
    spectrum_source: Callable[[], Spectrum] | None = field(default=None, repr=False)
    limit_source: Callable[[int | None], Any] | None = field(default=None, repr=False)
    fresh_spectrum_source: Callable[[], Spectrum] | None = field(default=None, repr=False)

    def _picture(self) -> str:
        names = ("null_error", "linear_error", "test_error", "train_error")
        return bars_picture({name.replace("_", " "): getattr(self, name) for name in names})

    def limit(self, l: int | None = None) -> "Prediction | EdgePrediction":  # noqa: E741
        """The limit of infinite size of the same problem, ``predict(problem, method="window", l=l)``, computed when
        asked for; of a prediction that is a limit itself, an error.

        Parameters
        ----------
        l : int, optional
            Number of spikes; that of the step's window when absent.

        Raises
        ------
        NumericalError
            Of a prediction that knows no limit.
        ArgumentError
            At a step of order sqrt(n), where no window applies; for a problem that the limit theory refuses.
        """
        if self.limit_source is None:
            raise NumericalError(Status.OUT_OF_RANGE, f"a prediction of method {self.method!r} knows no limit")
        found: Prediction | EdgePrediction = self.limit_source(l)
        return found

    @cached_property
    def spectrum(self) -> Spectrum:
        """The predicted spectrum, computed when asked for (finite-size theory only)."""
        if self.spectrum_source is None:
            raise NumericalError(Status.OUT_OF_RANGE, f"method {self.method!r} predicts no spectrum; use 'finite-size'")
        return self.spectrum_source()

    @cached_property
    def fresh_spectrum(self) -> Spectrum:
        """The same of the features that n inputs have which the trained weights do not know: ``samples="fresh"``."""
        return self.spectrum if self.fresh_spectrum_source is None else self.fresh_spectrum_source()


@dataclass(frozen=True, eq=False, repr=False)
class EdgePrediction(PredictionFields[float | None]):
    """On an edge alpha = (l-1)/(2l) between two windows the limit theory jumps: what is below, above, and on it.

    It has the fields of a :class:`Prediction`: those of ``crossing``, the limit exactly on the edge.

    Attributes
    ----------
    below, above : Prediction
        With l - 1 and with l spikes.
    crossing : Prediction or None
        Exactly on the edge, where the l-th spike has finite strength (docs/critical-exponents.md); None for the
        published limit, which does not say: then the numbers are None, and :attr:`trust_reason` says so.
    """

    problem: Any
    below: Prediction
    above: Prediction
    crossing: Prediction | None = None

    @property
    def _own(self) -> Prediction | None:
        return self.crossing

    @property
    def _why_none(self) -> str:
        return "the published limit jumps at this step and says nothing of the edge itself: see below and above"

    @property
    def method(self) -> str:
        """The method of the neighbours; the value on the edge itself is of the method "crossing"."""
        return self.below.method

    @property
    def status(self) -> Status:
        """OUT_OF_RANGE where there is no value on the edge."""
        return Status.OUT_OF_RANGE if self.crossing is None else self.crossing.status


@dataclass(frozen=True, eq=False, repr=False)
class FailedPrediction(PredictionFields[None]):
    """A row of a vectorised prediction that has no numbers, and why. None stands where they would be, never NaN.

    Attributes
    ----------
    problem : Problem
    method : str
    status : Status
        Never ``Status.OK``; ``status.advice`` says what to do.
    message : str
        The particulars, as :class:`polyspike.NumericalError` or :class:`polyspike.ArgumentError` gives them; also as
        ``trust_reason``.
    """

    problem: Any
    method: str
    status: Status
    message: str

    @property
    def _why_none(self) -> str:
        return self.message


@dataclass(frozen=True, repr=False)
class Slopes(Result):
    """Derivatives of the three errors by one argument of the problem."""

    train_loss: float
    train_error: float
    test_error: float


@dataclass(frozen=True, eq=False, repr=False)
class Derivatives(Result):
    """A prediction and how it answers to small changes.

    Attributes
    ----------
    prediction : Prediction
    by_ridge, by_step : Slopes
        Derivatives by ``problem.ridge`` and by the step size ``problem.step`` (not its exponent), everything else
        fixed.
    """

    prediction: Prediction
    by_ridge: Slopes
    by_step: Slopes


@dataclass(frozen=True, eq=False, repr=False)
class Optimum(PredictionFields[float]):
    """Where the predicted test error is least, with the fields of the prediction there.

    Attributes
    ----------
    problem : Problem
        With the best step size, the best ridge, or both.
    derivatives : Derivatives
        The prediction there, and the derivatives, of which those searched vanish inside the search.
    step_end, ridge_end : {"lower", "upper", None}
        The end of the search at which the optimum lies, if it lies at one; None also for what was not searched.
    """

    problem: Any
    derivatives: Derivatives
    step_end: str | None = None
    ridge_end: str | None = None

    def _shown(self) -> dict[str, Any]:
        numbers = {name: getattr(self, name) for name in ("train_loss", "train_error", "test_error")}
        return {"problem": self.problem, **numbers, "step_end": self.step_end, "ridge_end": self.ridge_end}

    @property
    def prediction(self) -> Prediction:
        """The prediction for :attr:`problem`."""
        return self.derivatives.prediction

    @property
    def _own(self) -> Prediction:
        return self.prediction

    @property
    def method(self) -> str:
        """The method of the prediction."""
        return self.prediction.method

    @property
    def status(self) -> Status:
        """The status of the prediction."""
        return self.prediction.status

    @property
    def spectrum(self) -> Spectrum:
        """The spectrum of the prediction, computed when it is first asked for."""
        return self.prediction.spectrum

    @property
    def at_an_end(self) -> bool:
        """Whether the optimum lies at an end of the search, where the error might go on falling."""
        return self.step_end is not None or self.ridge_end is not None
