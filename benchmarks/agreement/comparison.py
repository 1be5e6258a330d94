"""Every measured mean beside its prediction, with a computed verdict."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from design import problems, untrained
from scipy import stats

from polyspike import Prediction, Problem, predict

QUANTITIES = ("train_loss", "test_error")
FALSE_ALARM = 0.05
"""Probability that a correct theory fails any comparison of the whole table by its error bars alone."""
WITHIN, WITHIN_OUTLIER = 0.01, 0.02
# An eigenvalue counts as measured when Lanczos has it to this relative accuracy on every draw.
_CONVERGED = 1e-6


@dataclass(frozen=True)
class Row:
    """One comparison. ``size`` is what deviations are relative to: the error after the step, for a paired difference
    the larger of the two errors, or the outlier itself.
    """

    problem: int
    quantity: str
    measured: float
    standard_error: float
    predicted: float
    size: float
    replicates: int
    tolerance: float

    @property
    def deviation(self) -> float:
        """Prediction less measurement, relative."""
        return (self.predicted - self.measured) / self.size

    @property
    def relative_error(self) -> float:
        """Relative standard error."""
        return self.standard_error / self.size

    @property
    def z(self) -> float:
        """Deviation in standard errors."""
        return self.deviation / self.relative_error

    def threshold(self, comparisons: int) -> float:
        """Standard errors allowed: Student's quantile at the level corrected for all comparisons, two-sided."""
        return float(stats.t.isf(FALSE_ALARM / comparisons / 2, self.replicates - 1))

    def verdict(self, comparisons: int) -> str:
        """``within`` the tolerance; by ``z`` standard errors; or ``off``."""
        if abs(self.deviation) <= self.tolerance:
            return "within"
        return "z" if abs(self.z) <= self.threshold(comparisons) else "off"


_PER_PROBLEM = 8


def comparisons(summary: dict[int, dict[str, Any]]) -> int:
    """How many comparisons z is corrected for: four errors and at most four outliers a problem."""
    return _PER_PROBLEM * len(summary)


def load_summary(path: Path) -> dict[int, dict[str, Any]]:
    """Estimates by problem."""
    return {int(index): values for index, values in json.loads(path.read_text()).items()}


def error_rows(summary: dict[int, dict[str, Any]]) -> list[Row]:
    """Errors and paired differences of all problems of the summary."""
    design = problems()
    return [row for index, found in summary.items() for row in _errors_of(index, design[index], found)]


def _errors_of(index: int, problem: Problem, found: dict[str, Any]) -> Iterator[Row]:
    after, before = _finite_size(problem), _finite_size(untrained(problem))
    for name in QUANTITIES:
        end, start = getattr(after, name), getattr(before, name)
        size = found[name]["mean"]
        larger = max(size, found[f"untrained {name}"]["mean"])
        for label, value, scale in ((name, end, size), (f"paired difference of {name}", end - start, larger)):
            e = found[label]
            yield Row(index, label, e["mean"], e["standard_error"], value, scale, found["replicates"], WITHIN)


def outlier_rows(summary: dict[int, dict[str, Any]]) -> list[Row]:
    """The eigenvalues that the theory predicts above the bulk, largest first, as far as they were measured: their
    predicted means at this size, not the limits.
    """
    design = problems()
    rows = []
    for index, found in summary.items():
        prediction = _finite_size(design[index])
        spectrum = prediction.spectrum
        above = [s.location > spectrum.edges[-1][1] for s in spectrum.spikes]
        # Of those in a gap of the bulk nobody has measured which eigenvalue they are.
        means = [mean for mean, outside in zip(spectrum.means, above, strict=True) if outside]
        for k, (value, e) in enumerate(zip(means, found["eigenvalues"], strict=False)):
            if e["residual"] < _CONVERGED:
                name, size = f"outlier {k + 1}", abs(e["mean"])
                bar = e["standard_error"]
                rows.append(Row(index, name, e["mean"], bar, value, size, found["replicates"], WITHIN_OUTLIER))
    return rows


def _finite_size(problem: Problem) -> Prediction:
    prediction = predict(problem)
    if not isinstance(prediction, Prediction):
        raise TypeError(f"the finite-size theory gives one answer, not {prediction!r}")
    return prediction
