"""Predicted and simulated numbers of outliers: ``python benchmarks/agreement/counts.py``.

From the committed eigenvalues (``counts.json``, made by ``counts_simulate.py``) and fresh predictions. In every draw
the eigenvalues of ``F F'/N`` beyond 1.3 times the predicted edge are counted, and so are the predicted means beyond it:
a spike that is missing counts as much as one that is not there. Beside the spikes, which every draw has, there are
localised outliers, of which every draw has another number: their law is predicted (`Spectrum.localised`). A draw agrees
where its number lies in the central 98 % of the predicted spikes and localised outliers together. A spike is ambiguous,
and may be on either side, where its predicted mean is within two of its own predicted standard deviations of 1.3 times
the edge.

Wide intervals are no agreement. So the share of draws is printed for which the interval is a single number, how wide
the others are, and how many draws agree without localised outliers; then every problem with a draw that disagrees.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from counts_design import SETS
from counts_simulate import load

from polyspike import NumericalError, Problem, predict
from polyspike.arraytypes import Array
from polyspike.theory.finite_size.spectrum.outlier_spreads import outlier_spreads

BEYOND, SPREADS, SHARE = 1.3, 2.0, 0.98
POLYNOMIALS = ("h2", "h3", "linear_and_quadratic", "linear_and_cubic")


@dataclass(frozen=True)
class Counted:
    """One draw: the numbers of outliers, and what is predicted of them.

    Attributes
    ----------
    simulated : int
    at_least : bool
        Whether all eigenvalues that were kept lie beyond, so that there may be more.
    spikes : int
        The predicted means beyond; -1 without a prediction.
    fewest, most : int
        The same with ambiguous ones on either side.
    expected : float
        The expected number of localised outliers.
    low, high : int
        The central interval of their number.
    """

    problem: Problem
    index: int
    simulated: int
    at_least: bool
    spikes: int
    fewest: int
    most: int
    expected: float
    low: int
    high: int

    @property
    def interval(self) -> tuple[int, int]:
        """The predicted interval of the number of all outliers."""
        return self.fewest + self.low, self.most + self.high

    @property
    def agrees(self) -> bool:
        """Whether the number lies in its predicted interval."""
        low, high = self.interval
        return low <= self.simulated and (self.simulated <= high or self.at_least) and self.spikes >= 0

    @property
    def agrees_without_localised(self) -> bool:
        """Whether the number is that of the spikes alone, but for ambiguous ones."""
        return self.fewest <= self.simulated <= self.most and self.spikes >= 0

    @property
    def single(self) -> bool:
        """Whether the interval is a single number."""
        low, high = self.interval
        return low == high


def compared(index: int, problem: Problem, draws: list[list[float]]) -> Iterator[Counted]:
    """All draws of a problem; one without a prediction agrees with none."""
    try:
        spectrum = predict(problem).spectrum
        limit = BEYOND * spectrum.edges[-1][1]
        localised = spectrum.localised(limit)
        means, spreads = np.array(spectrum.means), np.array(outlier_spreads(problem, spectrum.spikes))
    except NumericalError:
        yield from (Counted(problem, index, len(values), False, -1, 0, 0, 0.0, 0, 0) for values in draws)
        return
    spikes, fewest, most = spikes_beyond(means, spreads, limit)
    for values in draws:
        simulated = int(np.sum(np.array(values) > limit))
        at_least = simulated == len(values)
        predicted = (spikes, fewest, most, localised.expected, *localised.interval(SHARE))
        yield Counted(problem, index, simulated, at_least, *predicted)


def spikes_beyond(means: Array, spreads: Array, limit: float) -> tuple[int, int, int]:
    """The number of means beyond a limit, and the least and the largest number with ambiguous ones on either side."""
    spikes = int(np.sum(means > limit))
    near = np.abs(means - limit) <= SPREADS * spreads
    fewest, most = spikes, spikes
    while fewest > 0 and near[fewest - 1]:
        fewest -= 1
    while most < len(near) and near[most]:
        most += 1
    return spikes, fewest, most


def count(name: str, least: int = 1) -> list[Counted]:
    """All draws of a set; ``least``: every so many-th problem only."""
    draws = load()[name]
    return [row for i, p in enumerate(SETS[name]()) if i % least == 0 for row in compared(i, p, draws[str(i)])]


def rate(rows: list[Counted], what: str) -> str:
    """One line: how many draws agree, and how sharp that is."""
    agreeing, without = sum(row.agrees for row in rows), sum(row.agrees_without_localised for row in rows)
    single = 100 * sum(row.single for row in rows) / len(rows)
    widths = [row.interval[1] - row.interval[0] + 1 for row in rows if not row.single]
    median = float(np.median(widths)) if widths else 1.0
    return (
        f"{what}: {agreeing} of {len(rows)} draws agree ({100 * agreeing / len(rows):.1f} %), {without} "
        f"({100 * without / len(rows):.1f} %) without localised outliers; a single number for {single:.0f} % of the "
        f"draws, else {median:.0f} numbers in the median"
    )


def main() -> None:
    """Print the rates, and the problems that are off."""
    for name in SETS:
        rows = count(name)
        print(rate(rows, name))
        if name in ("wide", "fresh", "third", "held out"):
            heavy = [row for row in rows if row.problem.activation.name in POLYNOMIALS]
            print(rate(heavy, "  polynomial activations"))
            print(rate([row for row in rows if row not in heavy], "  the others"))
        for index in dict.fromkeys(row.index for row in rows if not row.agrees):
            found = [row for row in rows if row.index == index]
            p, first = found[0].problem, found[0]
            numbers = ", ".join(str(row.simulated) for row in found)
            print(
                f"  {index}: {p.activation.name}, {p.teacher.expression}, n = {p.n_samples}, d = {p.input_dim}, "
                f"N = {p.width}, n_0 = {p.gradient_samples}, alpha = {p.step_exponent:.2f}, {p.gradient}, {p.readout}: "
                f"predicted {first.spikes} + {first.expected:.2f} localised, {first.interval[0]} to "
                f"{first.interval[1]}, simulated {numbers}"
            )


if __name__ == "__main__":
    main()
