"""What predictions for inputs of a general covariance cost: ``python benchmarks/inputs.py``.

Processor seconds of one thread, each problem in turn, so that a slow moment hits all; beside them the ratio to the same
problem with isotropic inputs, by which different machines and loads compare. The gradient's matrix M acts where
``c_2 != 0`` and its samples are not many; everything commutes with Sigma otherwise.
"""

import argparse
import sys
from statistics import median

from report_tables import HEADER, judged, ratio, sampled, table
from threadpoolctl import threadpool_limits

from polyspike import Problem, predict

BASE = Problem("tanh", "h1 + 0.5*h2", 900, 300, 600, step_exponent=0.3)
CURVED = BASE.replace(activation="relu")
MANY = 100_000
"""Samples of the gradient, so many that M is as good as its mean."""

SPECTRA = ("two-level:0.3,1.7,0.5", "spiked:10,1", "power:0.5", "power:0.7")
READOUTS = {"one size of readouts": "rademacher", "Gaussian readouts": "gaussian"}
COMMUTING, OTHERS = "<= 10", "<= 100"
"""Milliseconds asked of a prediction."""


def cases() -> dict[str, tuple[Problem, str]]:
    """Problems and the bounds of their times."""
    found = {}
    for law, readout in READOUTS.items():
        for spectrum in SPECTRA:
            problem = BASE.replace(inputs=spectrum, readout=readout)
            found[f"tanh, {law}, {spectrum}"] = (problem, COMMUTING)
        for spectrum in ("two-level:0.3,1.7,0.5", "power:0.5"):
            problem = CURVED.replace(inputs=spectrum, readout=readout)
            found[f"relu, {law}, {spectrum}, many samples of the gradient"] = (
                problem.replace(n_gradient=MANY),
                COMMUTING,
            )
            found[f"relu, {law}, {spectrum}"] = (problem, OTHERS)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    repeats, rows = parser.parse_args().repeats, []
    with threadpool_limits(1):
        for name, (problem, bound) in cases().items():
            isotropic = problem.replace(inputs="isotropic")
            works = {name: lambda p=problem: predict(p), "isotropic": lambda p=isotropic: predict(p)}
            for work in works.values():
                work()
            times = sampled(works, repeats, "cpu")
            rows.append(judged(name, 1e3 * median(times[name]), bound, "ms"))
            rows.append(judged(f"{name} / isotropic", ratio(times, name, "isotropic")))
    sizes = f"n, d, N = {BASE.n_samples}, {BASE.input_dim}, {BASE.width}"
    print(f"Processor seconds of one thread; {sizes}, step n^0.3, full gradient; medians of {repeats} runs.\n")
    print(table(HEADER, rows))


if __name__ == "__main__":
    sys.exit(main())
