"""The largest eigenvalues of ``F F'/N`` of a few draws of each problem of counts_design.py.

``python benchmarks/agreement/counts_simulate.py`` goes on where ``counts.json`` ends; every problem and draw has its
own seed, so that order and interruption change nothing.
"""

import argparse
import json
from pathlib import Path
from time import monotonic

import numpy as np
from counts_design import BASE_SEED, DRAWS, SETS

from polyspike import Problem
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.features import step_features
from polyspike.simulation.gradient import gradient_of
from polyspike.simulation.spectrum import eigenvalues

SUMMARY = Path(__file__).parent / "counts.json"
KEPT = 40
"""Eigenvalues of a draw that are kept, more than nearly all of the problems have outliers; of the first three sets 16,
but for the one problem of which all 16 lie beyond the level (number 51 of the wide set).
"""

Found = dict[str, dict[str, list[list[float]]]]


def load(path: Path = SUMMARY) -> Found:
    """By set and problem, a list of the largest eigenvalues for each draw."""
    found: Found = json.loads(path.read_text()) if path.exists() else {}
    return {name: found.get(name, {}) for name in SETS}


def top_eigenvalues(problem: Problem, seed: tuple[int, ...]) -> list[float]:
    """The largest eigenvalues of one draw, descending."""
    draw = GaussianDraw.of(problem, seed, 2)
    step = gradient_of(problem, draw)
    inputs = draw.ridge_sample.inputs
    features = step_features(inputs @ draw.weights.T, inputs @ step.matrix.T, problem.step, problem.activation)
    return [float(f"{value:.6g}") for value in eigenvalues(features, "all")[:KEPT]]


def write(found: Found, path: Path = SUMMARY) -> None:
    """One problem a line."""
    parts = []
    for name, values in found.items():
        lines = [f'"{i}": {json.dumps(values[i])}' for i in sorted(values, key=int)]
        parts.append(f'"{name}": {{\n' + ",\n".join(lines) + "\n}")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=np.inf, help="stop after the first problem beyond so many")
    parser.add_argument("--only", choices=SETS, help="one of the sets")
    parser.add_argument("--out", type=Path, default=SUMMARY)
    arguments = parser.parse_args()
    found, start = load(arguments.out), monotonic()
    for which, (name, design) in enumerate(SETS.items()):
        for index, problem in enumerate(design()):
            if str(index) in found[name] or arguments.only not in (None, name):
                continue
            if monotonic() - start > arguments.seconds:
                return
            seeds = [(BASE_SEED, which, index, draw) for draw in range(DRAWS[name])]
            found[name][str(index)] = [top_eigenvalues(problem, seed) for seed in seeds]
            write(found, arguments.out)
            print(f"{name} {index}: {monotonic() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
