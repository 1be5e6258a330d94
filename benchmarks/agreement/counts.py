"""Predicted and simulated numbers of outliers: ``python benchmarks/agreement/counts.py``.

From the committed eigenvalues (``counts.json``, made by ``counts_simulate.py``) and fresh predictions. In every draw
the eigenvalues of ``F F'/N`` beyond 1.3 times the predicted edge are counted, and so are the predicted means beyond it:
a spike that is missing counts as much as one that is not there. An outlier is ambiguous, and may be on either side,
where its predicted mean is within two of its own predicted standard deviations of 1.3 times the edge; nothing that is
not predicted is. Both rates are printed, and every problem with a draw that disagrees.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from counts_design import SETS
from counts_simulate import load

from polyspike import NumericalError, Problem, predict
from polyspike.theory.finite_size.spectrum.outlier_means import outlier_spreads

BEYOND, SPREADS = 1.3, 2.0
POLYNOMIALS = ("h2", "h3", "linear_and_quadratic", "linear_and_cubic")


@dataclass(frozen=True)
class Counted:
    """One draw: the numbers of outliers, and whether they agree but for ambiguous ones."""

    problem: Problem
    index: int
    predicted: int
    simulated: int
    agrees: bool

    @property
    def equal(self) -> bool:
        """Whether the numbers are the same."""
        return self.predicted == self.simulated


def compared(index: int, problem: Problem, draws: list[list[float]]) -> Iterator[Counted]:
    """All draws of a problem; one without a prediction agrees with none."""
    try:
        spectrum = predict(problem).spectrum
        means = np.array(spectrum.means)
        spreads = np.array(outlier_spreads(problem, spectrum.spikes))
    except NumericalError:
        yield from (Counted(problem, index, -1, 0, False) for _ in draws)
        return
    limit = BEYOND * spectrum.edges[-1][1]
    predicted = int(np.sum(means > limit))
    near = np.abs(means - limit) <= SPREADS * spreads
    for values in draws:
        simulated = int(np.sum(np.array(values) > limit))
        between = range(min(predicted, simulated), max(predicted, simulated))
        yield Counted(problem, index, predicted, simulated, all(j < len(near) and bool(near[j]) for j in between))


def count(name: str, least: int = 1) -> list[Counted]:
    """All draws of a set; ``least``: every so many-th problem only."""
    draws = load()[name]
    return [row for i, p in enumerate(SETS[name]()) if i % least == 0 for row in compared(i, p, draws[str(i)])]


def rate(rows: list[Counted], what: str) -> str:
    """One line: how many draws agree."""
    equal, agreeing = sum(row.equal for row in rows), sum(row.agrees or row.equal for row in rows)
    share = 100 * agreeing / len(rows)
    return f"{what}: {equal} of {len(rows)} draws equal, {agreeing} ({share:.1f} %) but for ambiguous ones"


def main() -> None:
    """Print the rates, and the problems that are off."""
    for name in SETS:
        rows = count(name)
        print(rate(rows, name))
        if name == "wide":
            heavy = [row for row in rows if row.problem.activation.name in POLYNOMIALS]
            print(rate(heavy, "  polynomial activations"))
            print(rate([row for row in rows if row not in heavy], "  the others"))
        for index in dict.fromkeys(row.index for row in rows if not (row.agrees or row.equal)):
            found = [row for row in rows if row.index == index]
            p = found[0].problem
            numbers = ", ".join(str(row.simulated) for row in found)
            print(
                f"  {index}: {p.activation.name}, {p.teacher.expression}, n = {p.n_samples}, d = {p.input_dim}, "
                f"N = {p.width}, n_0 = {p.gradient_samples}, alpha = {p.step_exponent:.2f}, {p.gradient}, {p.readout}: "
                f"predicted {found[0].predicted}, simulated {numbers}"
            )


if __name__ == "__main__":
    main()
