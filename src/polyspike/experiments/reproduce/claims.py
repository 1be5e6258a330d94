"""Claims of the paper and beyond it, each with a measured number beside the predicted one; verdicts are computed here.

A verdict is a summary: the size of an effect is the measured number, with its interval.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from math import inf
from typing import Any

from polyspike.experiments.statistics import z_threshold
from polyspike.results import Estimate

__all__ = ["DOES_NOT_HOLD", "HOLDS", "UNDECIDED", "Claim", "above", "agrees", "below", "equal", "every", "threshold"]

HOLDS, DOES_NOT_HOLD, UNDECIDED = "holds", "does not hold", "undecided"

COMPARISONS = 150
"""Statistical claims in one report, at most: the false-alarm budget is shared among them."""

FALSE_ALARM = 0.05
"""Chance that a report in which everything holds calls any one claim wrong."""

AGREEMENT_RESOLUTION = 0.1
"""Share of a predicted number that the error bar of an agreement with it may have, if it is to decide."""

CONFIDENCE = 0.95
"""Of the interval of a measured number, for that number alone."""


@dataclass(frozen=True)
class Claim:
    """One claim, judged.

    Attributes
    ----------
    part : str
        Of which part of the report.
    statement : str
    relation : {"=", ">", "<"}
        Between measured and predicted.
    predicted, measured : float
    standard_error : float
        Of the measured number; 0 for a count that is the same in every draw.
    threshold : float
        Standard errors that chance alone may explain, at the report's false-alarm budget.
    margin : float
        Finite-size term granted beside the standard errors, in the measured number's own unit; the statement says
        where it comes from.
    resolution : float
        For an equality: an error bar (threshold standard errors and the margin) wider than this decides nothing
        (0 in the table: any width decides).
    replicates : int
        Of which the measured number is the mean; 0 for a count without an error bar.
    """

    part: str
    statement: str
    relation: str
    predicted: float
    measured: float
    standard_error: float
    threshold: float
    margin: float = 0.0
    resolution: float | None = None
    replicates: int = 0

    @property
    def interval(self) -> tuple[float, float]:
        """Where the measured number lies with 95 % confidence, by Student's law."""
        if self.standard_error == 0:
            return self.measured, self.measured
        half = (
            z_threshold(1, false_alarm=1 - CONFIDENCE, degrees_of_freedom=max(self.replicates - 1, 1))
            * self.standard_error
        )
        return self.measured - half, self.measured + half

    @property
    def z(self) -> float:
        """Distance between measured and predicted beyond the margin, in standard errors."""
        distance = self.measured - self.predicted
        excess = max(abs(distance) - self.margin, 0.0) * (1 if distance >= 0 else -1)
        if excess == 0:
            return 0.0
        return excess / self.standard_error if self.standard_error > 0 else inf * excess

    @property
    def verdict(self) -> str:
        """What the numbers say: holds, does not hold, or undecided within their error bars."""
        if self.relation == "=":
            wide = self.resolution is not None and self.threshold * self.standard_error + self.margin > self.resolution
            return DOES_NOT_HOLD if abs(self.z) > self.threshold else UNDECIDED if wide else HOLDS
        signed = self.z if self.relation == ">" else -self.z
        if abs(signed) <= self.threshold:
            return UNDECIDED
        return HOLDS if signed > 0 else DOES_NOT_HOLD

    def to_row(self) -> dict[str, Any]:
        """All of it, for the table."""
        low, high = self.interval
        return asdict(self) | {
            "resolution": self.resolution or 0.0,
            "interval_low": low,
            "interval_high": high,
            "verdict": self.verdict,
        }


def _claim(part: str, statement: str, relation: str, found: Estimate, predicted: float, **terms: float) -> Claim:
    size = (float(predicted), found.mean, found.standard_error, threshold(found.replicates))
    return Claim(part, statement, relation, *size, **terms, replicates=found.replicates)


@cache
def threshold(replicates: int) -> float:
    """Standard errors of a mean of so many replicates that chance alone may explain."""
    return z_threshold(COMPARISONS, false_alarm=FALSE_ALARM, degrees_of_freedom=replicates - 1)


def equal(
    part: str, statement: str, found: Estimate, predicted: float, resolution: float, margin: float = 0.0
) -> Claim:
    """Measured = predicted, up to the error bar and a stated finite-size margin; see :class:`Claim`."""
    return _claim(part, statement, "=", found, predicted, resolution=float(resolution), margin=float(margin))


def agrees(part: str, statement: str, found: Estimate, predicted: float, error_estimate: float) -> Claim:
    """Measured = predicted, up to the error bar and the prediction's own (relative) estimate of how far off it is."""
    words = f"{statement} = theory at this size, within its error estimate"
    terms = {"resolution": AGREEMENT_RESOLUTION * predicted, "margin": error_estimate * predicted}
    return equal(part, words, found, predicted, **terms)


def above(part: str, statement: str, found: Estimate, bound: float) -> Claim:
    """Measured > bound by more than the error bar."""
    return _claim(part, statement, ">", found, bound)


def below(part: str, statement: str, found: Estimate, bound: float) -> Claim:
    """Measured < bound by more than the error bar."""
    return _claim(part, statement, "<", found, bound)


def every(part: str, statement: str, values: Iterable[float], predicted: float) -> Claim:
    """A count that must be as predicted in every draw: no error bar excuses a single other one.

    The measured number is the one farthest from the prediction.
    """
    worst = max((float(v) for v in values), key=lambda v: abs(v - predicted))
    return Claim(part, statement, "=", float(predicted), worst, 0.0, 0.0)
