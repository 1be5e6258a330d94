"""Simulate every problem of the design and keep each replicate: ``python benchmarks/agreement/gather.py --out FILE``.

Writes one JSON line per problem and replicate, as soon as it is known; a rerun skips what is there. The problems of
one size group share their draws, and each shares them with its twin at step 0.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from design import problems, untrained

from polyspike import Measurement, Problem, simulate_many

N_TEST = 8192
N_EIGENVALUES = 4
FIELDS = ("train_loss", "train_error", "test_error", "test_error_se", "cosine")


def groups() -> dict[tuple[int, int, int], list[int]]:
    """Indices of the problems of each size."""
    found: dict[tuple[int, int, int], list[int]] = defaultdict(list)
    for index, problem in enumerate(problems()):
        found[problem.n_samples, problem.input_dim, problem.width].append(index)
    return found


def record(index: int, twin: bool, replicate: int, measurement: Measurement) -> dict[str, object]:
    """One line of the file."""
    values = {name: float(getattr(measurement, name)) for name in FIELDS}
    eigenvalues = np.zeros(0) if measurement.eigenvalues is None else measurement.eigenvalues
    return {
        "problem": index,
        "untrained": twin,
        "replicate": replicate,
        **values,
        "eigenvalues": eigenvalues.tolist(),
    }


def run(indices: list[int], replicate: int) -> Iterator[dict[str, object]]:
    """The problems of a size group and their twins, on one draw."""
    design = problems()
    chosen: list[Problem] = [design[i] for i in indices]
    pairs = [p for problem in chosen for p in (problem, untrained(problem))]
    measured = simulate_many(pairs, seed=(7, replicate), n_test=N_TEST, eigenvalues=N_EIGENVALUES)
    moved, still = measured[::2], measured[1::2]
    for index, after, before in zip(indices, moved, still, strict=True):
        yield record(index, False, replicate, after)
        yield record(index, True, replicate, before)


def finished(path: Path) -> set[tuple[int, int]]:
    """Pairs of problem and replicate that the file already holds in full."""
    if not path.exists():
        return set()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {(r["problem"], r["replicate"]) for r in rows if r["untrained"]}


def main() -> None:
    """Replicate by replicate, all sizes in turn, so that an early stop leaves a balanced file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "measurements.jsonl")
    parser.add_argument("--replicates", type=int, default=60)
    arguments = parser.parse_args()
    done = finished(arguments.out)
    for replicate in range(arguments.replicates):
        for size, indices in groups().items():
            if all((i, replicate) in done for i in indices):
                continue
            lines = "".join(json.dumps(row) + "\n" for row in run(indices, replicate))
            with arguments.out.open("a") as file:
                file.write(lines)
            print(f"replicate {replicate}, n, d, N = {size}", flush=True)


if __name__ == "__main__":
    main()
