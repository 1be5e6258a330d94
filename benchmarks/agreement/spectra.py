"""Outliers of spectra, theory against simulation: ``python benchmarks/agreement/spectra.py``.

    python benchmarks/agreement/spectra.py                # the tables, from the committed spectra.json
    python benchmarks/agreement/spectra.py --simulate     # the networks: about fifteen minutes

The problems of spectra_design.py. An outlier that theory or networks have beyond the edge by more than ``4 n^(-2/3)``
of it is compared, the k-th with the k-th; one of networks that no prediction belongs to is missed.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from spectra_design import SEEDS, design

from polyspike import NumericalError, Problem, predict, simulate
from polyspike.spectra import Spectrum

HERE = Path(__file__).parent
DRAWS, EIGENVALUES, CLOSE = 20, 16, 0.03


class Row(NamedTuple):
    """A problem: the largest deviation beyond two standard errors, whether it is within the estimate, and so on."""

    problem: Problem
    spectrum: Spectrum | None
    deviations: list[float]
    beyond: float
    missed: float


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python benchmarks/agreement/spectra.py", description=__doc__)
    parser.add_argument("--simulate", action="store_true", help="measure anew")
    if parser.parse_args().simulate:
        measured = {name: [_measured(p, seed, k) for k, p in enumerate(design(seed))] for name, seed in SEEDS.items()}
        (HERE / "spectra.json").write_text(json.dumps(measured) + "\n")
    measured = json.loads((HERE / "spectra.json").read_text())
    for name, seed in SEEDS.items():
        rows = [compared(p, *values) for p, values in zip(design(seed), measured[name], strict=True)]
        print(f"{name}\n{summary(rows)}\n")
    return 0


def _measured(problem: Problem, seed: int, index: int) -> list[list[float]]:
    """Means of the largest eigenvalues over draws, and their standard errors. These know no ridge, and some features of
    h4 need a large one.
    """
    solved = problem.replace(ridge=1e15) if problem.activation.name == "h4" else problem
    runs = [
        simulate(solved, seed=(seed, index, k), n_test=2, eigenvalues=EIGENVALUES).eigenvalues for k in range(DRAWS)
    ]
    return means_of([list(run) for run in runs if run is not None])


def means_of(runs: list[list[float]]) -> list[list[float]]:
    """Means and standard errors, to six digits."""
    values = np.array(runs)
    both = values.mean(axis=0), values.std(axis=0, ddof=1) / len(values) ** 0.5
    return [[float(f"{value:.6g}") for value in row] for row in both]


def compared(problem: Problem, mean: Any, error: Any) -> Row:
    """The deviations of the outliers beyond the edge, and how far beyond it the first is that is not predicted."""
    try:
        found = predict(problem).spectrum
    except NumericalError:
        return Row(problem, None, [], 0.0, 0.0)
    edge = found.edges[-1][1]
    margin = 4 * min(problem.n_samples, problem.width) ** (-2 / 3)
    places = [at for at, spike in zip(found.means, found.spikes, strict=True) if spike.location > edge][:EIGENVALUES]
    kept = [k for k, at in enumerate(places) if max(at, mean[k]) > edge * (1 + margin)]
    deviations = [places[k] / mean[k] - 1 for k in kept]
    beyond = [abs(d) - 2 * error[k] / mean[k] for d, k in zip(deviations, kept, strict=True)]
    missed = mean[len(places)] / edge - 1 - margin if len(places) < EIGENVALUES else 0.0
    return Row(problem, found, deviations, max([0.0, *beyond]), max(missed, 0.0))


def summary(rows: list[Row]) -> str:
    """Shares by kind of problem, and the problems that are trusted and off."""
    kinds = {
        "isotropic, linear part": lambda p: p.inputs.is_isotropic and not _even(p),
        "isotropic, none": lambda p: p.inputs.is_isotropic and _even(p),
        "covariance, linear part": lambda p: not p.inputs.is_isotropic and not _even(p),
        "covariance, none": lambda p: not p.inputs.is_isotropic and _even(p),
    }
    lines = [_line(name, [row for row in rows if of(row.problem)]) for name, of in kinds.items()]
    return "\n".join([*lines, *(_detail(row) for row in rows if not _is_right(row))])


def _even(problem: Problem) -> bool:
    return abs(float(problem.activation.coefficients(1)[1])) < 1e-9


def _is_right(row: Row) -> bool:
    """Within the estimate and two standard errors where it is trusted, with as many outliers as predicted."""
    found = row.spectrum
    return found is None or not found.trusted or (row.beyond <= (found.error_estimate or 0.0) and row.missed <= 0)


def _line(name: str, rows: list[Row]) -> str:
    solved = [row for row in rows if row.spectrum is not None]
    trusted = [row for row in solved if row.spectrum is not None and row.spectrum.trusted]
    close = sum(row.beyond <= CLOSE for row in trusted)
    covered = sum(row.spectrum is not None and row.beyond <= (row.spectrum.error_estimate or 0) for row in solved)
    right = sum(_is_right(row) for row in trusted)
    return (
        f"{name}: {len(rows)} problems, {len(solved)} solved, {len(trusted)} trusted; of these outliers within 3 % and "
        f"two standard errors in {close}, within the estimate and none missed in {right}; of all {covered} within the "
        "estimate"
    )


def _detail(row: Row) -> str:
    assert row.spectrum is not None
    return (
        f"  off: {row.problem} by {row.beyond:.1%} beyond two standard errors, missed {row.missed:.1%}, estimate "
        f"{row.spectrum.error_estimate:.1%}"
    )


if __name__ == "__main__":
    sys.exit(main())
