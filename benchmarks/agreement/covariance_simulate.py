"""Simulates the design for covariances: ``python benchmarks/agreement/covariance_simulate.py FILE SEEDS [indices]``.

Every problem gets the seeds 0 .. SEEDS - 1, one seed of all problems after the other; what FILE holds already is kept,
and it may be interrupted at any time. Besides the errors a row has control variates of known expectation: averages over
the ridge and the test sample, which regression takes out (covariance.py). With ``indices`` the problems are those with
teachers of several indices.
"""

import json
import sys
from pathlib import Path

import covariance_design
import covariance_indices_design
import numpy as np
from covariance_design import BASE_SEED

from polyspike import Problem, simulate
from polyspike.simulation.draw import GaussianDraw

N_TEST = 8000


def row(problem: Problem, seed: int) -> dict[str, list[float]]:
    """Errors and controls of one run."""
    measured = simulate(problem, seed=(BASE_SEED, seed), n_test=N_TEST)
    draw = GaussianDraw.of(problem, (BASE_SEED, seed), N_TEST)
    sample, test = draw.ridge_sample, [block.labels(problem) for block in draw.test_blocks()]
    y, noise = sample.labels(problem), problem.noise * sample.noise
    gradient = draw.gradient_sample.labels(problem)
    squares = [np.mean(v**2) - problem.label_second_moment for v in (y, np.concatenate(test), gradient)]
    return {
        "errors": [measured.train_loss, measured.train_error, measured.test_error],
        "controls": [float(x) for x in (*squares, np.mean(noise**2) - problem.noise**2, np.mean(noise * (y - noise)))],
        "cosines": [measured.cosine or 0.0, measured.biased_cosine or 0.0, measured.spike_cosine or 0.0],
    }


def main(path: Path, seeds: int, design: list[Problem]) -> None:
    """One line a run."""
    known = set()
    if path.exists():
        known = {(r["problem"], r["seed"]) for r in map(json.loads, path.read_text().splitlines())}
    with path.open("a") as out:
        for seed in range(seeds):
            for index, problem in enumerate(design):
                if (index, seed) not in known:
                    print(json.dumps({"problem": index, "seed": seed, **row(problem, seed)}), file=out, flush=True)


if __name__ == "__main__":
    several = sys.argv[3:] == ["indices"]
    main(Path(sys.argv[1]), int(sys.argv[2]), (covariance_indices_design if several else covariance_design).problems())
