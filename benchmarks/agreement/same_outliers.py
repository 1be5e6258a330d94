"""Outliers of the training features, theory against simulation: ``python benchmarks/agreement/same_outliers.py``.

The 48 problems of same_design.py. Makes ``same_outliers.md`` from the committed ``same_outliers.json``; with
``--simulate`` it first measures the largest eigenvalues of eight networks each (ten minutes) and writes their summary
anew.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from same_design import BASE_SEED, problems

import polyspike
from polyspike.theory.same_samples.spectrum.predict_spectrum import training_outliers

HERE = Path(__file__).parent
DRAWS, EIGENVALUES = 8, 6
LIMIT, Z = 0.03, 4.0
BEYOND, NEXT_TO = 1.3, 1.05
"""Eigenvalues are counted beyond so many edges; an outlier within 5 % of that may count or not."""


def main() -> int:
    """Exit code 1 when an outlier or a count is off."""
    parser = argparse.ArgumentParser(prog="python benchmarks/agreement/same_outliers.py", description=__doc__)
    parser.add_argument("--simulate", action="store_true", help="measure anew")
    if parser.parse_args().simulate:
        found = [_measured(index) for index in range(len(problems()))]
        (HERE / "same_outliers.json").write_text(json.dumps(found, indent=1) + "\n")
    measured = json.loads((HERE / "same_outliers.json").read_text())
    rows = [row_of(problem, np.array(values)) for problem, values in zip(problems(), measured, strict=True)]
    (HERE / "same_outliers.md").write_text(_markdown(rows))
    print((HERE / "same_outliers.md").read_text().split("| | activation")[0])
    return int(any(not row["near"] or not is_counted(row) for row in rows))


def _measured(index: int) -> list[list[float]]:
    """The largest eigenvalues of every draw, to six digits."""
    problem = problems()[index]
    runs = [
        polyspike.simulate(problem, seed=(BASE_SEED, k), n_test=2, eigenvalues=EIGENVALUES).eigenvalues
        for k in range(DRAWS)
    ]
    return [[float(f"{value:.6g}") for value in values] for values in runs if values is not None]


def row_of(problem: Any, values: Any) -> dict[str, Any]:
    """Outliers beyond 1.3 edges: predictions, deviations with standard errors in percent, counts."""
    edge, spikes = training_outliers(problem)
    far = [spike for spike in spikes if spike.location > BEYOND * edge]
    counts = (values > BEYOND * edge).sum(axis=1)
    mean, error = values.mean(axis=0), values.std(axis=0, ddof=1) / len(values) ** 0.5
    deviations = [(spike.location / mean[k] - 1, error[k] / mean[k]) for k, spike in enumerate(far)]
    return {
        "problem": problem,
        "edge": edge,
        "spikes": far,
        "deviations": deviations,
        "counts": counts,
        "expected": [sum(spike.location > BEYOND * edge * f for spike in spikes) for f in (NEXT_TO, 1 / NEXT_TO)],
        "near": all(abs(deviation) <= max(LIMIT, Z * e) for deviation, e in deviations),
    }


def is_counted(row: dict[str, Any]) -> bool:
    """Whether the draws have as many on average as predicted."""
    low, high = row["expected"]
    return bool(low - 0.5 <= row["counts"].mean() <= high + 0.5)


def _markdown(rows: list[dict[str, Any]]) -> str:
    pairs = [pair for row in rows for pair in row["deviations"]]
    near = sum(abs(deviation) <= LIMIT for deviation, _ in pairs)
    off = sum(abs(deviation) > max(LIMIT, Z * error) for deviation, error in pairs)
    mean = np.mean([deviation for deviation, _ in pairs])
    score = np.sqrt(np.mean([(deviation / error) ** 2 for deviation, error in pairs]))
    agreed = np.mean([_agreed(row) for row in rows])
    made = (
        "Made by `python benchmarks/agreement/same_outliers.py`: the outliers of the training features beyond "
        f"{BEYOND} edges, {DRAWS} draws of each problem. Of {len(pairs)} outliers {near} are within {LIMIT:.0%} of the "
        f"mean over draws, {len(pairs) - near - off} more within {Z:g} standard errors, {off} off; the deviations are "
        f"{mean:+.1%} on average, and {score:.2f} standard errors (rms). In {agreed:.1%} of the draws the number of "
        f"eigenvalues beyond {BEYOND} edges is the predicted one."
    )
    columns = (
        "| | activation | teacher | n, d, N | alpha | gradient | readout | edge | outliers | prediction less mean, % "
        "| counts | label |"
    )
    head = ["# Outliers of the training features: theory against simulation", "", "<!-- table -->", "", made, ""]
    lines = [*head, columns, "|---" * 12 + "|", *(_line(index, row) for index, row in enumerate(rows))]
    return "\n".join(lines) + "\n"


def _agreed(row: dict[str, Any]) -> float:
    """The share of the draws that have as many as predicted."""
    low, high = row["expected"]
    return float(np.mean((row["counts"] >= low) & (row["counts"] <= high)))


def _line(index: int, row: dict[str, Any]) -> str:
    p, counts = row["problem"], row["counts"]
    cells = [
        index,
        p.activation.name,
        f"`{p.teacher.expression}`",
        f"{p.n_samples}, {p.input_dim}, {p.width}",
        f"{p.step_exponent:g}",
        p.gradient,
        p.readout,
        f"{row['edge']:.3g}",
        ", ".join(f"{spike.location:.4g}" for spike in row["spikes"]) or "none",
        ", ".join(f"{100 * d:+.1f} ± {100 * e:.1f}" for d, e in row["deviations"]),
        ", ".join(f"{count}: {np.sum(counts == count)}" for count in np.unique(counts)),
        ", ".join(f"{spike.label:.2f}" for spike in row["spikes"]),
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
