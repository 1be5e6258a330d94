"""Simulate the design of same_design.py and keep each replicate; a rerun skips what is there.

One JSON line per problem and replicate: train loss, train error and test error with the same sample and with a fresh
one, of one draw.
"""

import json
from pathlib import Path

from same_design import BASE_SEED, REPLICATES, fresh, group_of, problems

import polyspike

N_TEST = 10_000


def finished(path: Path) -> set[tuple[int, int]]:
    """Pairs of problem and replicate that the file already holds."""
    if not path.exists():
        return set()
    return {(line["problem"], line["replicate"]) for line in map(json.loads, path.read_text().splitlines())}


def gather(out: Path) -> None:
    """Everything that the file does not hold yet, in an order in which an early stop leaves a balanced file."""
    done, design = finished(out), problems()
    pairs = sorted(
        (k / REPLICATES[group_of(i)], i, k) for i in range(len(design)) for k in range(REPLICATES[group_of(i)])
    )
    for _, index, replicate in pairs:
        if (index, replicate) in done:
            continue
        twins = [design[index], fresh(design[index])]
        found = [polyspike.simulate(problem, seed=(BASE_SEED, replicate), n_test=N_TEST) for problem in twins]
        rows = [[one.train_loss, one.train_error, one.test_error] for one in found]
        with out.open("a") as file:
            file.write(json.dumps({"problem": index, "replicate": replicate, "errors": rows}) + "\n")
