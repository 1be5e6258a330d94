"""The table of theory against simulation: ``table.csv``, a comparison a line; ``table.md``, with the worst named."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from comparison import FALSE_ALARM, Row, comparisons, error_rows, load_summary, outlier_rows
from design import problems

from polyspike import Problem

HEADER = ("problem", "n", "d", "N", "activation", "teacher", "alpha", "ridge", "noise", "gradient")
TEACHER = HEADER.index("teacher")
RESULTS = (
    "quantity",
    "measured",
    "standard error",
    "predicted",
    "deviation",
    "relative standard error",
    "z",
    "verdict",
)


def describe(problem: Problem) -> list[object]:
    """The columns that say which problem it is."""
    sizes = (problem.n_samples, problem.input_dim, problem.width)
    names = (problem.activation.name, problem.teacher.expression)
    return [*sizes, *names, problem.step_exponent, problem.ridge, problem.noise, problem.gradient]


def write_csv(rows: Sequence[Row], comparisons: int, path: Path) -> None:
    """All comparisons."""
    design = problems()
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*HEADER, *RESULTS])
        for row in rows:
            numbers = (row.measured, row.standard_error, row.predicted, row.deviation, row.relative_error)
            results = [f"{x:.6g}" for x in numbers]
            z, verdict = f"{row.z:.2f}", row.verdict(comparisons)
            writer.writerow([row.problem, *describe(design[row.problem]), row.quantity, *results, z, verdict])


def summary_lines(rows: Sequence[Row], comparisons: int, title: str) -> list[str]:
    """What the requirement asks of a set of comparisons, computed."""
    deviation = np.array([row.deviation for row in rows])
    spread = np.array([row.relative_error for row in rows])
    verdicts = [row.verdict(comparisons) for row in rows]
    off = [row for row in rows if row.verdict(comparisons) == "off"]
    worst, largest = max(rows, key=lambda r: abs(r.z)), max(rows, key=lambda r: abs(r.deviation))
    least = min(row.threshold(comparisons) for row in rows)
    most = max(row.threshold(comparisons) for row in rows)
    counts = (
        f"**{title}.** {len(rows)} comparisons: {verdicts.count('within')} within {100 * rows[0].tolerance:.0f} %, "
        f"{verdicts.count('z')} more within z standard errors, {len(off)} off. z is {least:.2f} to {most:.2f}, for a "
        f"probability of {FALSE_ALARM} of a false alarm anywhere in the table."
    )
    sizes = (
        f"Mean deviation {100 * deviation.mean():+.3f} %, mean absolute deviation "
        f"{100 * np.abs(deviation).mean():.3f} % (error bars alone would make it "
        f"{100 * np.sqrt(2 / np.pi) * spread.mean():.3f} %). Largest standard error {100 * spread.max():.2f} %, "
        f"{np.sum(spread > 0.005)} of {len(rows)} above 0.5 %."
    )
    return [
        counts,
        sizes,
        "",
        f"- Most standard errors off: {_named(worst)}.",
        f"- Largest deviation: {_named(largest)}.",
        *(f"- Off: {_named(row)}." for row in off),
        "",
    ]


def _named(row: Row) -> str:
    p = problems()[row.problem]
    return (
        f"{row.quantity} of problem {row.problem} ({p.activation.name}, teacher `{p.teacher.expression}`, "
        f"n = {p.n_samples}, d = {p.input_dim}, N = {p.width}, alpha = {p.step_exponent}, ridge {p.ridge:g}, "
        f"noise {p.noise:g}, {p.gradient} gradient): {100 * row.deviation:+.2f} % ± {100 * row.relative_error:.2f} %, "
        f"z = {row.z:+.1f}"
    )


def problem_lines(rows: Sequence[Row]) -> list[str]:
    """One line a problem: prediction less measurement in percent of the error, with the standard error."""
    names = list(dict.fromkeys(row.quantity for row in rows))
    cells: dict[int, dict[str, str]] = {}
    for row in rows:
        text = f"{100 * row.deviation:+.2f} ± {100 * row.relative_error:.2f}"
        cells.setdefault(row.problem, {})[row.quantity] = text
    design = problems()
    header = [*HEADER, *names]
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for index, found in cells.items():
        columns = [index, *describe(design[index]), *(found.get(name, "") for name in names)]
        columns[TEACHER] = f"`{columns[TEACHER]}`"  # an asterisk outside code would be markup
        lines.append("| " + " | ".join(str(c) for c in columns) + " |")
    return lines


def write_tables(summary_file: Path, folder: Path) -> int:
    """Both files; returns how many comparisons are off."""
    summary = load_summary(summary_file)
    errors, outliers = error_rows(summary), outlier_rows(summary)
    rows, count = [*errors, *outliers], comparisons(summary)
    write_csv(rows, count, folder / "table.csv")
    replicates = [found["replicates"] for found in summary.values()]
    made = (
        f"Made by `python benchmarks/agreement`: {len(summary)} problems, {min(replicates)} to {max(replicates)} draws "
        "of each. Deviations are prediction less measurement, relative to the error after the step; of a paired "
        "difference, to the larger of its two errors; of an outlier, whose predicted mean at this size is compared, to "
        "itself."
    )
    lines = [
        "# Theory against simulation",
        "",
        "<!-- table -->",
        "",
        "## The table",
        "",
        made,
        "",
        *summary_lines([r for r in errors if "paired" not in r.quantity], count, "Train loss and test error"),
        *summary_lines([r for r in errors if "paired" in r.quantity], count, "Paired difference from step 0"),
        *(summary_lines(outliers, count, "Outliers") if outliers else ()),
        "Deviations ± standard errors in percent.",
        "",
        *problem_lines(errors),
        "",
        *(problem_lines(outliers) if outliers else ()),
        "",
    ]
    (folder / "table.md").write_text("\n".join(lines))
    return sum(row.verdict(count) == "off" for row in rows)
