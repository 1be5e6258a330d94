"""Theory against simulation, field by field, with the noise of the simulation as the yardstick."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from polyspike.errors import ArgumentError
from polyspike.experiments.replicate import PairedDifference, Replication
from polyspike.experiments.statistics import z_threshold
from polyspike.record import Result
from polyspike.results import Estimate, Prediction

__all__ = ["COMPARED_FIELDS", "Comparison", "compare", "compare_differences", "disagreements"]

COMPARED_FIELDS = ("train_loss", "train_error", "test_error", "cosine", "spike_cosine")
"""What both roads know."""


@dataclass(frozen=True, repr=False)
class Comparison(Result):
    """One field: what was predicted and what was measured.

    Attributes
    ----------
    field : str
    predicted : float
    measured : Estimate
    scale : float
        What relative differences are relative to: the size of the predicted value (for a paired difference,
        that of the baseline's predicted value).
    """

    field: str
    predicted: float
    measured: Estimate
    scale: float

    @property
    def difference(self) -> float:
        """Measured - predicted."""
        return self.measured.mean - self.predicted

    @property
    def standard_error(self) -> float:
        """Standard error of the measured mean; the theory has none."""
        return self.measured.standard_error

    @property
    def z(self) -> float:
        """``difference / standard_error``; 0 for no difference at all, infinite if only the error is 0."""
        return _ratio(self.difference, self.standard_error)

    @property
    def relative(self) -> float:
        """``difference / scale``; 0 for a difference of exactly 0, infinite if only the scale is 0."""
        return _ratio(self.difference, self.scale)

    @property
    def relative_error(self) -> float:
        """``standard_error / scale``, the noise that :attr:`relative` has."""
        return _ratio(self.standard_error, self.scale)

    def agrees(self, threshold: float, finite_size: float = 0.0) -> bool:
        """``|difference| <= threshold * standard_error + finite_size * scale``.

        Parameters
        ----------
        threshold : float
            From :func:`z_threshold`, with the number of comparisons made.
        finite_size : float
            Relative deviation that a network of this size may have from the theory, stated beforehand.
        """
        return abs(self.difference) <= threshold * self.standard_error + finite_size * self.scale


def compare(prediction: Prediction, replication: Replication) -> dict[str, Comparison]:
    """Measured against predicted, for every field that both have.

    Parameters
    ----------
    prediction : Prediction
        Of one method; of an ``EdgePrediction`` give ``below`` or ``above``.
    replication : Replication

    Returns
    -------
    dict of str to Comparison

    Raises
    ------
    ArgumentError
        If the two are not of the same problem.
    """
    if prediction.problem != replication.problem:
        raise ArgumentError("prediction", prediction.problem, f"give a prediction of {replication.problem}")
    return {name: _of_field(name, prediction, replication) for name in COMPARED_FIELDS}


def _of_field(name: str, prediction: Prediction, replication: Replication) -> Comparison:
    predicted = float(getattr(prediction, name))
    return Comparison(name, predicted, getattr(replication, name), abs(predicted))


def compare_differences(
    prediction: Prediction, baseline: Prediction, difference: PairedDifference
) -> dict[str, Comparison]:
    """A measured paired difference against that of two predictions, relative to the baseline's size.

    Raises
    ------
    ArgumentError
        If the problems of the predictions are not those of the difference.
    """
    for name, given, wanted in (
        ("prediction", prediction.problem, difference.problem),
        ("baseline", baseline.problem, difference.baseline),
    ):
        if given != wanted:
            raise ArgumentError(name, given, f"give a prediction of {wanted}")
    pairs = {n: (float(getattr(prediction, n)), float(getattr(baseline, n))) for n in COMPARED_FIELDS}
    return {n: Comparison(n, a - b, getattr(difference, n), abs(b)) for n, (a, b) in pairs.items()}


def disagreements(
    comparisons: Iterable[Comparison],
    *,
    false_alarm: float = 0.01,
    finite_size: float = 0.0,
) -> list[Comparison]:
    """The comparisons of a family that noise does not explain, worst first.

    The threshold is Šidák's for the number of comparisons given and Student's t with the smallest number of
    replicates among them: if every prediction were right, the list would be empty but for a chance
    ``false_alarm``.

    Parameters
    ----------
    comparisons : iterable of Comparison
    false_alarm : float
    finite_size : float
        As in :meth:`Comparison.agrees`.
    """
    family: Sequence[Comparison] = list(comparisons)
    if not family:
        return []
    freedom = min(c.measured.replicates for c in family) - 1
    threshold = z_threshold(len(family), false_alarm=false_alarm, degrees_of_freedom=freedom)
    wrong = [c for c in family if not c.agrees(threshold, finite_size)]
    return sorted(wrong, key=lambda c: -abs(c.z))


def _ratio(numerator: float, denominator: float) -> float:
    if numerator == 0:
        return 0.0
    return numerator / denominator if denominator != 0 else (inf if numerator > 0 else -inf)
