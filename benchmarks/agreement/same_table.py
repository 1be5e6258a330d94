"""From replicates to the table of reused samples: prediction less measurement, with standard errors."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from same_design import N_PROBLEMS, fresh, problems
from scipy.stats import t as student

import polyspike

TEST_LIMIT, LOSS_LIMIT, PAIR_LIMIT = 0.015, 0.02, 0.01
"""Deviations that count as agreement whatever their standard error."""
FALSE_ALARM = 0.05
QUANTITIES = (("test error", TEST_LIMIT), ("train loss", LOSS_LIMIT), ("same less fresh", PAIR_LIMIT))


def summarise(measurements: Path, summary: Path) -> None:
    """Means and standard errors of every problem: ``summary.json``."""
    found: dict[int, list[Any]] = {}
    for line in map(json.loads, measurements.read_text().splitlines()):
        found.setdefault(line["problem"], []).append(line["errors"])
    rows = [_summary(index, np.array(values)) for index, values in sorted(found.items())]
    summary.write_text(json.dumps(rows, indent=1) + "\n")


def _summary(index: int, values: Any) -> dict[str, Any]:
    """Of one problem; values are (replicates, same or fresh, errors)."""
    count = len(values)
    difference = values[:, 0] - values[:, 1]
    spread = lambda x: (x.std(axis=0, ddof=1) / count**0.5).tolist()  # noqa: E731
    return {
        "problem": index,
        "draws": count,
        "same": values[:, 0].mean(axis=0).tolist(),
        "fresh": values[:, 1].mean(axis=0).tolist(),
        "difference": difference.mean(axis=0).tolist(),
        "same_se": spread(values[:, 0]),
        "difference_se": spread(difference),
    }


def write_table(summary: Path, table: Path) -> list[dict[str, Any]]:
    """The rows of the comparison, also as Markdown."""
    measured = {row["problem"]: row for row in json.loads(summary.read_text())}
    design = problems()
    rows = []
    for index, problem in enumerate(design):
        if index in measured:
            rows.append(_row(index, problem, measured[index]))
    table.write_text(_markdown(rows))
    return rows


def _row(index: int, problem: Any, measured: dict[str, Any]) -> dict[str, Any]:
    """Relative deviations (test error, train loss, paired difference of test errors) with standard errors."""
    same, other = polyspike.predict(problem), polyspike.predict(fresh(problem))
    loss, _, test = measured["same"]
    pair = same.test_error - other.test_error - measured["difference"][2]
    return {
        "problem": problem,
        "index": index,
        "draws": measured["draws"],
        "deviations": [same.test_error / test - 1, same.train_loss / loss - 1, pair / test],
        "errors": [measured["same_se"][2] / test, measured["same_se"][0] / loss, measured["difference_se"][2] / test],
        "estimate": same.error_estimate,
        "effect": same.test_error / other.test_error - 1,
    }


def z_limit(draws: int) -> float:
    """So many standard errors, themselves estimated, that a false alarm anywhere in the table has its probability."""
    return float(student.isf(FALSE_ALARM / (2 * 3 * N_PROBLEMS), draws - 1))


def verdicts(rows: list[dict[str, Any]], place: int, limit: float) -> tuple[int, int, int]:
    """How many deviations are within the limit, within z standard errors only, and off."""
    near = [abs(row["deviations"][place]) <= limit for row in rows]
    within = [abs(row["deviations"][place]) <= z_limit(row["draws"]) * row["errors"][place] for row in rows]
    either = [n or w for n, w in zip(near, within, strict=True)]
    return sum(near), sum(either) - sum(near), len(rows) - sum(either)


def _markdown(rows: list[dict[str, Any]]) -> str:
    draws = [row["draws"] for row in rows]
    made = (
        f"Made by `python benchmarks/agreement/same.py`: {len(rows)} problems, {min(draws)} to {max(draws)} draws of "
        "each. Deviations are prediction less measurement over the measurement, in percent; z is Student's, "
        f"{z_limit(max(draws)):.1f} to {z_limit(min(draws)):.1f}, for a probability of {FALSE_ALARM} of a false alarm. "
        "Problems of one size share their draws. The effect is that of reuse on the predicted test error."
    )
    head = "| quantity | limit | within | within z s.e. only | off | mean | median size | rms z |"
    lines = [
        "# One sample for both stages: theory against simulation",
        "",
        "<!-- table -->",
        "",
        made,
        "",
        head,
        "|---" * 8 + "|",
    ]
    for place, (name, limit) in enumerate(QUANTITIES):
        deviations = np.array([row["deviations"][place] for row in rows])
        scores = deviations / np.array([row["errors"][place] for row in rows])
        near, only, off = verdicts(rows, place, limit)
        lines.append(
            f"| {name} | {limit:.1%} | {near} | {only} | {off} | {deviations.mean():+.2%} | "
            f"{np.median(abs(deviations)):.2%} | {np.sqrt((scores**2).mean()):.2f} |"
        )
    test, train = (
        np.mean([abs(r["deviations"][k]) <= r["estimate"] + 1.64 * r["errors"][k] for r in rows]) for k in (0, 1)
    )
    estimate = (
        f"The error estimate, with 1.64 standard errors, covers {test:.0%} of the deviations of the test error, for "
        f"which it is made, and {train:.0%} of those of the train loss."
    )
    columns = (
        "| | activation | teacher | n, d, N | alpha | ridge | noise | gradient | readout | draws "
        "| test error | train loss | same less fresh | effect | estimate |"
    )
    lines += ["", estimate, "", columns, "|---" * 15 + "|"]
    return "\n".join([*lines, *(_line(row) for row in rows)]) + "\n"


def _line(row: dict[str, Any]) -> str:
    p = row["problem"]
    cells = [
        row["index"],
        p.activation.name,
        f"`{p.teacher.expression}`",
        f"{p.n_samples}, {p.input_dim}, {p.width}",
        f"{p.step_exponent:g}",
        f"{p.ridge:g}",
        f"{p.noise:g}",
        p.gradient,
        p.readout,
        row["draws"],
        *(f"{100 * d:+.1f} ± {100 * e:.1f}" for d, e in zip(row["deviations"], row["errors"], strict=True)),
        f"{100 * row['effect']:+.1f}",
        f"{100 * row['estimate']:.1f}",
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
