"""From replicates to means with standard errors: the file ``summary.json`` that the table is made of.

Every quantity is corrected by the control variates of replicate.py, whose expectations are known and subtracted:
``value - b . controls``. The coefficients b of a replicate come from all the others (ridge regression with the penalty
of PENALTY observations), so that they are independent of it and the corrected value has exactly the expectation of the
value, whatever b is. Mean and standard error are those of the corrected values; the plain ones are kept beside them.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from replicate import N_TEACHERS, OTHERS, RIDGE

from polyspike.arraytypes import Array

PENALTY = 3.0

QUANTITIES = ("train_loss", "train_error", "test_error")


def load(path: Path) -> dict[int, list[dict[str, Any]]]:
    """Rows of each problem, replicate after replicate."""
    lines = sorted((json.loads(s) for s in path.read_text().splitlines()), key=lambda line: line["replicate"])
    found: dict[int, list[dict[str, Any]]] = {}
    for line in lines:
        for row in line["rows"]:
            found.setdefault(row["problem"], []).append(row)
    return found


def estimate(values: Array, controls: Array) -> dict[str, Any]:
    """Mean and standard error with the controls, and without."""
    count = len(values)
    corrected = values - _left_out_fits(values, controls)
    return {
        "mean": float(corrected.mean()),
        "standard_error": float(corrected.std(ddof=1) / np.sqrt(count)),
        "plain_mean": float(values.mean()),
        "plain_standard_error": float(values.std(ddof=1) / np.sqrt(count)),
    }


def _left_out_fits(values: Array, controls: Array) -> Array:
    """``b . controls`` of every replicate, b from the other replicates, with an intercept that is not used."""
    scale = np.sqrt((controls**2).mean(axis=0))
    scaled = controls / np.where(scale > 0, scale, 1.0)
    fits = np.empty(len(values))
    for k in range(len(values)):
        others = np.arange(len(values)) != k
        x, y = scaled[others] - scaled[others].mean(axis=0), values[others] - values[others].mean()
        b = np.linalg.solve(x.T @ x + PENALTY * np.eye(x.shape[1]), x.T @ y)
        fits[k] = scaled[k] @ b
    return fits


def summarise_problem(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Estimates of a problem's errors, its twin's, their paired differences, and the top eigenvalues."""
    after, before = np.array([r["after"] for r in rows]), np.array([r["before"] for r in rows])
    controls = np.array([r["controls"] for r in rows])
    # An untrained network's errors are averaged over the teacher directions, and so are its controls.
    all_directions = (controls[:, RIDGE][:, :3] + N_TEACHERS * controls[:, OTHERS]) / (N_TEACHERS + 1)
    found: dict[str, Any] = {"replicates": len(rows)}
    for k, name in enumerate(QUANTITIES):
        found[name] = estimate(after[:, k], controls)
        found[f"untrained {name}"] = estimate(before[:, k], all_directions)
        found[f"paired difference of {name}"] = estimate(after[:, k] - before[:, k], controls)
    values = np.array([r["eigenvalues"] for r in rows])
    found["eigenvalues"] = [
        {**estimate(values[:, k, 0], controls), "residual": float(values[:, k, 1].max())}
        for k in range(values.shape[1])
    ]
    return found


def summarise(path: Path) -> dict[str, Any]:
    """The whole summary, by problem."""
    return {str(index): summarise_problem(rows) for index, rows in sorted(load(path).items())}


def write_summary(measurements: Path, out: Path) -> None:
    """The summary as a JSON file, one problem a line, six significant digits."""
    lines = [f'"{index}": {json.dumps(_rounded(found))}' for index, found in summarise(measurements).items()]
    out.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value
