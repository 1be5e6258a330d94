"""Theory against simulation with a covariance: ``python benchmarks/agreement/covariance.py FILE [indices]``.

FILE is what covariance_simulate.py wrote, or "again" for today's predictions beside the means in the table. Of every
problem the means of the three errors, with the control variates taken out by regression, are compared with today's
prediction; the table goes to ``covariance.csv``, with ``indices`` to ``covariance_indices.csv``, a summary to the
screen.
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any

import covariance_design
import covariance_indices_design
import numpy as np
from numpy.typing import NDArray

from polyspike import Prediction, Problem, predict

HERE = Path(__file__).parent
NAMES = ("train_loss", "train_error", "test_error")
TRUSTED_DIMENSION = 60
_LEAST_SEEDS = 12


def steadied(values: NDArray[np.float64], controls: NDArray[np.float64]) -> tuple[float, float]:
    """The mean of values (n,) at controls of zero, and its standard error, by regression on the controls (n, c)."""
    kept = controls[:, controls.std(axis=0) > 0]
    design = np.column_stack([np.ones(len(values)), kept])
    if len(values) < _LEAST_SEEDS + kept.shape[1]:
        return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5)
    solution = np.linalg.lstsq(design, values, rcond=None)[0]
    left = values - design @ solution
    variance = left @ left / (len(values) - design.shape[1]) * np.linalg.inv(design.T @ design)[0, 0]
    return float(solution[0]), float(variance**0.5)


def compared(problem: Problem, index: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A row of the table: deviations of the theory in percent, and in standard errors."""
    spectrum, place = str(problem.inputs).split(";")[0], str(problem.inputs).partition("teacher=")[2] or "random"
    out: dict[str, Any] = {
        "problem": index,
        "spectrum": spectrum,
        "teacher_at": place.split(":")[0],
        "effective_dimension": round(problem.inputs.effective_dimension(problem.input_dim), 1),
        "activation": problem.activation.name,
        "teacher": problem.teacher.expression,
        "gradient": problem.gradient,
        "n": problem.n_samples,
        "d": problem.input_dim,
        "width": problem.width,
        "ridge": problem.ridge,
        "noise": problem.noise,
        "alpha": problem.step_exponent,
        "seeds": len(rows),
        "trusted": None,
    }
    controls = np.array([row["controls"] for row in rows])
    for k, name in enumerate(NAMES):
        mean, error = steadied(np.array([row["errors"][k] for row in rows]), controls)
        out |= {name: f"{mean:.5g}", f"{name}_se_percent": f"{100 * error / mean:.2f}"}
        out |= {f"{name}_percent": None, f"{name}_z": None}
    return predicted(problem, {**out, "error_estimate_percent": None})


def predicted(problem: Problem, row: dict[str, Any]) -> dict[str, Any]:
    """A row with today's prediction beside its means."""
    found = predict([problem])[0]
    row = row | {"trusted": found.trusted, "error_estimate_percent": f"{100 * (found.error_estimate or np.nan):.2f}"}
    for name in NAMES:
        theory = getattr(found, name) if isinstance(found, Prediction) else np.nan
        percent = 100 * (theory / float(row[name]) - 1)
        row |= {f"{name}_percent": f"{percent:.2f}", f"{name}_z": f"{percent / float(row[f'{name}_se_percent']):.2f}"}
    return row


def summary(table: list[dict[str, Any]]) -> str:
    """Mean and root mean square of the deviations, where the effective dimension is at least 60 and below."""
    lines = []
    for label, keep in (("d_eff >= 60", True), ("d_eff < 60", False)):
        part = [row for row in table if (float(row["effective_dimension"]) >= TRUSTED_DIMENSION) == keep]
        if not part:
            continue
        for name in NAMES:
            percent, z, se = (
                np.array([float(row[f"{name}_{kind}"]) for row in part]) for kind in ("percent", "z", "se_percent")
            )
            sure = np.isfinite(percent)
            weights = 1 / (se[sure] ** 2 + 0.3**2)
            mean = weights @ percent[sure] / weights.sum()
            lines.append(
                f"{label:12} {name:12} {sure.sum():3d} problems: mean {mean:+.2f} +- {weights.sum() ** -0.5:.2f} %, "
                f"rms {np.sqrt((percent[sure] ** 2).mean()):.2f} % (se {np.sqrt((se[sure] ** 2).mean()):.2f}), "
                f"rms z {np.sqrt((z[sure] ** 2).mean()):.2f}, largest z {np.abs(z[sure]).max():.1f}"
            )
    return "\n".join(lines)


def main(source: str, several: bool) -> None:
    """The table of what the file holds, or of what it had."""
    problems = (covariance_indices_design if several else covariance_design).problems()
    path = HERE / f"covariance{'_indices' * several}.csv"
    if source == "again":
        with path.open(newline="", encoding="utf-8") as old:
            table = [predicted(problems[int(row["problem"])], row) for row in csv.DictReader(old)]
    else:
        rows: dict[int, list[dict[str, Any]]] = {}
        for row in map(json.loads, Path(source).read_text(encoding="utf-8").splitlines()):
            rows.setdefault(row["problem"], []).append(row)
        table = [compared(problem, k, rows[k]) for k, problem in enumerate(problems) if len(rows.get(k, [])) > 1]
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(table[0]))
        writer.writeheader()
        writer.writerows(table)
    print(summary(table))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] == ["indices"])
