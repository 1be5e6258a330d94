"""Predictions with one sample for both stages, and how accurate they are: ``python benchmarks/same_samples.py``.

Times are processor seconds of one thread, each problem in turn, so that a slow moment hits all; the first row is a
prediction for fresh samples, by which the times of different machines and loads compare. Differences are the largest,
relative, of the three errors from those with every rule refined at once (more nodes of the residual, of kappa, of the
law of both and of the readout, factors to a quarter of the cut); and of those refined twice from three times.
"""

import argparse
import sys
from itertools import product
from statistics import median
from time import process_time

import numpy as np
from report_tables import HEADER, judged, sampled, table
from threadpoolctl import threadpool_limits

from polyspike import Problem, predict
from polyspike.theory.same_samples.predict import Family
from polyspike.theory.same_samples.steps import STANDARD, Accuracy, readouts_of, rules_of

BASE = Problem("tanh", "h1", 900, 300, 720, step_exponent=0.4, ridge=0.1, noise=0.5, samples="same")
QUADRATIC = {"activation": "softplus", "teacher": "h1 + 0.5*h2"}
PROBLEMS = {
    "tanh, one size of readouts": BASE.replace(readout="rademacher"),
    "tanh, one size of readouts, step n^0.5": BASE.replace(readout="rademacher", step_exponent=0.5),
    "softplus, one size of readouts": BASE.replace(**QUADRATIC, readout="rademacher"),
    "relu, one size of readouts, step n^0.5": BASE.replace(
        activation="relu", teacher="h1 + 0.5*h2", readout="rademacher", step_exponent=0.5
    ),
    "tanh, Gaussian readouts": BASE,
    "tanh, Gaussian readouts, step n^0.5": BASE.replace(step_exponent=0.5),
    "softplus, Gaussian readouts": BASE.replace(**QUADRATIC),
    "gelu, Gaussian readouts, step n^0.5": BASE.replace(activation="gelu", step_exponent=0.5),
    "tanh, h1 - h3, one size of readouts": BASE.replace(teacher="h1 - h3", readout="rademacher"),
    "tanh, h1 - h3, Gaussian readouts, step n^0.5": BASE.replace(teacher="h1 - h3", step_exponent=0.5),
}
FRESH = "tanh, fresh samples"
SHARE_OF_CUT = 0.25


def milliseconds(repeats: int) -> dict[str, float]:
    """Of one prediction of each problem on its own, and of fresh samples."""
    problems = {FRESH: BASE.replace(samples="fresh"), **PROBLEMS}
    for problem in problems.values():
        predict(problem)
    times = sampled({name: lambda p=p: predict(p) for name, p in problems.items()}, repeats, "cpu")  # type: ignore[misc]
    return {name: 1e3 * median(values) for name, values in times.items()}


def grid(base: Problem) -> list[Problem]:
    """10 steps by 20 ridges."""
    axes = product(np.linspace(0, 0.5, 10), np.geomspace(1e-3, 10, 20))
    return [base.replace(step_exponent=float(alpha), ridge=float(ridge)) for alpha, ridge in axes]


def rate(base: Problem) -> float:
    """Problems a second in one call."""
    problems = grid(base)
    start = process_time()
    predict(problems)
    return len(problems) / (process_time() - start)


def refined(problem: Problem, times: int) -> Accuracy:
    """Every rule finer than the standard, the more the oftener."""
    rules, neurons = rules_of(problem), Family(problem).model.fit.neurons
    finer = rules._replace(
        residual=rules.residual + 8 * times,
        kappa=rules.kappa + 8 * times,
        teacher=rules.teacher + 20 * times,
        noise=rules.noise + 5 * times,
        negligible=1e-13,
    )
    cut = (1.6e-3 if np.any(neurons.cross) else 5e-4) * SHARE_OF_CUT**times
    return Accuracy(rules=finer, readouts=readouts_of(problem) + 3 * times, cut=cut)


def difference(problem: Problem, one: Accuracy, other: Accuracy) -> float:
    """The largest of the three errors."""
    found, expected = (Family(problem, how).solve(problem)[:3] for how in (one, other))
    return float(np.abs(np.array(found) / np.array(expected) - 1).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    arguments = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    with threadpool_limits(1):
        for name, value in milliseconds(arguments.repeats).items():
            rows.append(judged(f"{name}: one at a time", value, "" if name == FRESH else "<= 15", "ms"))
        for name, problem in PROBLEMS.items():
            once, twice, thrice = (refined(problem, times) for times in (1, 2, 3))
            rows.append(judged(f"{name}: from refined rules", difference(problem, STANDARD, once), "", ""))
            rows.append(judged(f"{name}: refined twice", difference(problem, twice, thrice), "<= 1e-7", ""))
        for name in ("tanh, one size of readouts", "softplus, one size of readouts", "tanh, Gaussian readouts"):
            rows.append(judged(f"{name}: 10 steps x 20 ridges in one call", rate(PROBLEMS[name]), ">= 120", "/s"))
    print("Processor seconds of one thread; n, d, N = 900, 300, 720, ridge 0.1, step n^0.4 where none is named.\n")
    print(table(HEADER, rows))


if __name__ == "__main__":
    sys.exit(main())
