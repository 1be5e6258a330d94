"""``polyspike phase``: a map of the predicted test error over step and ridge, or step and sample ratio."""

from pathlib import Path
from typing import Annotated, Any

import typer

from polyspike.cli.options import Json, integer, with_problem
from polyspike.cli.output import make_folder, print_json, print_lines, save_whole
from polyspike.cli.values import complete_from
from polyspike.errors import ArgumentError
from polyspike.problem import Problem

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "Examples: polyspike phase --activation relu --teacher 'h1 + 0.7*h2'; "
    "polyspike phase --against sample-ratio --low 0.3 --high 10 --out map"
)

RANGES = {"ridge": (1e-4, 10.0), "sample_ratio": (0.25, 8.0)}
"""Ends of the rows by default."""

_FEWEST, _MOST = 2, 400


@with_problem
def command(
    problem: Problem,
    against: Annotated[
        str,
        typer.Option(
            help="What the rows are: ridge, or sample-ratio (n/d).",
            autocompletion=complete_from("ridge", "sample-ratio"),
        ),
    ] = "ridge",
    low: Annotated[float | None, typer.Option(help="Lowest row.  (0.0001, or 0.25)", show_default=False)] = None,
    high: Annotated[float | None, typer.Option(help="Highest row.  (10, or 8)", show_default=False)] = None,
    rows: Annotated[int, integer("Number of rows.")] = 25,
    columns: Annotated[int, integer("Number of step exponents from 0 to 1/2.")] = 51,
    spikes: Annotated[bool, typer.Option(help="Outline the regions by number of visible spikes.")] = True,
    out: Annotated[Path, typer.Option(help="Folder of phase.png, phase.svg, phase.csv and best.csv.")] = Path("phase"),
    json: Json = False,
) -> None:
    """Where a step helps: predicted test error over step exponent and ridge (or n/d), the best step of each row marked.

    Nothing is simulated. The best step of a row is exact, between 0 and sqrt(n), not a point of the grid. Lines
    separate regions with different numbers of spikes outside the bulk of F F'/N. The problem's own step is ignored,
    and so is its ridge (or its sample size), which the rows replace.
    """
    from polyspike.experiments.phase import phase_map

    name = against.replace("-", "_")
    exponents, values = _axes(name, against, low, high, rows, columns)
    folder = make_folder(out)
    found = phase_map(problem, exponents, values, against=name, count_spikes=spikes)
    written = _write(found, folder)
    _tell(found, written, json)


def _axes(name: str, given: str, low: Any, high: Any, rows: int, columns: int) -> tuple[list[float], list[float]]:
    if name not in RANGES:
        raise ArgumentError("--against", given, "give ridge or sample-ratio")
    for option, count in (("--rows", rows), ("--columns", columns)):
        if not _FEWEST <= count <= _MOST:
            raise ArgumentError(option, count, f"give an integer from {_FEWEST} to {_MOST}")
    bottom = RANGES[name][0] if low is None else low
    top = RANGES[name][1] if high is None else high
    if not 0 < bottom < top < float("inf"):
        raise ArgumentError("--low, --high", (bottom, top), "give two increasing numbers > 0")
    ratio = (top / bottom) ** (1 / (rows - 1))
    values = [bottom * ratio**k for k in range(rows - 1)]
    return [0.5 * k / (columns - 1) for k in range(columns)], [*values, top]


def _write(found: Any, folder: Path) -> list[Path]:
    from polyspike.cli.figures import phase_figure
    from polyspike.experiments.sweep.tables import write_csv

    write_csv(found.cells, folder / "phase.csv")
    write_csv(found.best, folder / "best.csv")
    for name in ("phase.png", "phase.svg"):
        save_whole(phase_figure(found), folder / name)
    return [folder / name for name in ("phase.csv", "best.csv", "phase.png", "phase.svg")]


def _tell(found: Any, written: list[Path], json: bool) -> None:
    failed = [cell for cell in found.cells if cell["test_error"] is None]
    overall: dict[str, Any] = next((row for row in found.best if row["overall"]), {})
    if json:
        files = [str(path) for path in written]
        print_json({"against": found.against, "best": found.best, "failed": len(failed), "files": files})
        return
    shown = ("ridge", "sample_ratio", "step_size", "step_exponent", "test_error", "step_end")
    print_lines({name: overall[name] for name in shown if overall.get(name) not in (None, "")})
    print(f"{len(found.cells)} cells, {len(failed)} without an answer")
    print(f"written: {', '.join(map(str, written))}")
