"""How to spend labels on the two stages: every way at its best step and ridge, predicted, and simulated there.

    python benchmarks/label_budget.py [--networks 24]

Prints the table of docs/same-data.md. Step and ridge are those of the least predicted test error on a grid.
"""

import argparse

import numpy as np

import polyspike as ps

LABELS, DIM, WIDTH = 600, 200, 400
TEACHERS = {"tanh": "h1", "relu": "h1 + 0.5*h2"}
WAYS = ((600, 600, 1.0), (300, 600, 1.0), (600, 300, 1.0), (400, 400, 0.5), (300, 300, 0.0))
"""Samples of the step, of the fit, and the overlap."""

STEPS = (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.4, 2.0)
RIDGES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)


def best(activation: str, step_samples: int, fit_samples: int, overlap: float) -> ps.Prediction:
    """The prediction of the least test error; steps are in units of the root of all labels."""
    problem = ps.Problem(
        activation,
        TEACHERS[activation],
        fit_samples,
        DIM,
        WIDTH,
        step_size=1.0,
        gradient="target",
        readout="rademacher",
        n_gradient=step_samples,
        samples="same",
        overlap=overlap,
    )
    assert fit_samples + step_samples - problem.shared_samples == LABELS
    grid = [problem.replace(step_size=step * LABELS**0.5, ridge=ridge) for step in STEPS for ridge in RIDGES]
    found = [row for row in ps.predict(grid) if isinstance(row, ps.Prediction)]
    return min(found, key=lambda row: row.test_error)


def simulated(problem: ps.Problem, networks: int) -> str:
    """Mean and standard error of the test error over networks."""
    runs = [ps.simulate(problem, seed=(17, seed), n_test=10_000).test_error for seed in range(networks)]
    return f"{np.mean(runs):.4f} ± {np.std(runs, ddof=1) / networks**0.5:.4f}"


def main() -> None:
    """Print one row for every activation and way."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--networks", type=int, default=24)
    networks = parser.parse_args().networks
    print("| activation | step | fit | in both | eta/sqrt(600) | ridge | predicted | simulated |")
    print("|---|---|---|---|---|---|---|---|")
    for activation in TEACHERS:
        for way in WAYS:
            found = best(activation, *way)
            problem = found.problem
            sizes = f"{problem.gradient_samples} | {problem.n_samples} | {problem.shared_samples}"
            place = f"{problem.step / LABELS**0.5:.1f} | {problem.ridge:g}"
            row = f"{sizes} | {place} | {found.test_error:.4f} | {simulated(problem, networks)}"
            print(f"| {activation} | {row} |", flush=True)


if __name__ == "__main__":
    main()
