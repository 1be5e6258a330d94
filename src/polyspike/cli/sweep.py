"""``polyspike sweep``: a grid of problems from a file, resumable, on all cores or a cluster."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from polyspike.cli.options import Json, integer
from polyspike.cli.output import make_folder, print_json, save_whole
from polyspike.errors import ArgumentError

__all__ = ["EXAMPLES", "ROWS_FAILED", "command"]

EXAMPLES = (
    "Examples: polyspike sweep examples/staircase.toml; polyspike sweep mine.toml --out mine --workers 2 --redo; "
    "polyspike sweep mine.toml --scheduler tcp://10.0.0.1:8786"
)

ROWS_FAILED = 5
"""Exit code when every row is there but some are marked as failed."""

LONG = 100_000
"""Problems or pieces of work whose preparation takes seconds or more, and is told in a line of its own."""

_STORE = "results.db"


def command(
    spec: Annotated[
        Path,
        typer.Argument(metavar="SPEC", help="A TOML file: [base], [axes], [[together]], replicates, seed, [options]."),
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder of store, tables and figure; the spec's name if absent.")
    ] = None,
    workers: Annotated[int | None, integer("Processes; all cores when absent.")] = None,
    threads: Annotated[int, integer("BLAS threads of each; rows depend on them in the last digits.")] = 1,
    redo: Annotated[bool, typer.Option("--redo", help="Make again what is stored.")] = False,
    redo_failed: Annotated[bool, typer.Option("--redo-failed", help="Make again the rows that failed.")] = False,
    scheduler: Annotated[str | None, typer.Option(help="Address of a Dask scheduler to use instead.")] = None,
    dtype: Annotated[str | None, typer.Option(help="float64 or float32; as [options] says when absent.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, ...; as [options] says when absent.")] = None,
    streaming: Annotated[
        bool | None, typer.Option(help="Blocks of data instead of whole samples; as [options] says when absent.")
    ] = None,
    figure: Annotated[bool, typer.Option(help="Draw error against step, the theory over it.")] = True,
    json: Json = False,
) -> None:
    """Simulate a grid of problems, many seeds each; stop at any time, and go on with the same command.

    Every finished run is a row of OUT/results.db, which no crash can corrupt; what is there is not made again. At the
    end, OUT/results.csv has all rows, OUT/summary.csv means and standard errors, and OUT/errors.png and .svg the errors
    against the step. A row that fails is marked and the sweep goes on; the exit code is then 5.
    """
    from polyspike.experiments.sweep.run import SweepInterrupted, sweep
    from polyspike.experiments.sweep.spec import SweepSpec

    if redo and redo_failed:
        raise ArgumentError("--redo, --redo-failed", (redo, redo_failed), "give one of the two")
    given = {"dtype": dtype, "device": device, "streaming": streaming}
    try:
        with _bar(quiet=json) as (report, announce):
            plan = SweepSpec.from_toml(spec, announce)
            options = plan.options | {name: value for name, value in given.items() if value is not None}
            folder = make_folder(Path(plan.name) if out is None else out)
            result = sweep(
                plan.problems,
                replicates=plan.replicates,
                store=folder / _STORE,
                workers=workers,
                seed=plan.seed,
                redo="failed" if redo_failed else redo,
                scheduler=scheduler,
                threads=threads,
                progress=report,
                announce=announce,
                **options,
            )
    except SweepInterrupted as interrupt:
        print(f"{interrupt}; the same command goes on from there", file=sys.stderr)
        raise typer.Exit(130) from interrupt
    written = _write(result, folder, figure)
    _tell(result, folder, written, json)
    if result.progress.failed:
        raise typer.Exit(ROWS_FAILED)


@contextmanager
def _bar(quiet: bool) -> Iterator[tuple[Any, Any]]:
    """A progress bar on stderr: what is being prepared, then rows, rate and time left."""
    columns = (BarColumn(), TextColumn("{task.percentage:>3.0f} %  {task.description}"))
    console = Console(stderr=True, quiet=quiet)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        row = bar.add_task("", total=None)

        def report(moment: Any) -> None:
            bar.update(row, completed=moment.done, total=moment.total, description=_speed(moment))
            bar.refresh()

        def announce(what: str, done: int, total: int) -> None:
            if done == 0 and total >= LONG:  # also where no bar is seen
                bar.console.print(f"preparing {total} {what} ...")
            bar.update(row, completed=done, total=total, description=f"preparing {done}/{total} {what}")
            bar.refresh()

        yield report, announce


def _speed(moment: Any) -> str:
    rows = f"{moment.done}/{moment.total} rows"
    failed = f"  {moment.failed} failed" if moment.failed else ""
    left = moment.seconds_left
    if left is None:
        return f"{rows}{failed}"
    minutes, seconds = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{rows}  {moment.rate:.3g} rows/s  {hours}:{minutes:02}:{seconds:02} left{failed}"


def _write(result: Any, folder: Path, figure: bool) -> list[Path]:
    """Tables of all rows and of the means, and the figure where the sweep has one."""
    from polyspike.experiments.curves import step_field, summary, theory_curves
    from polyspike.experiments.sweep.tables import write_csv

    means = summary(result)
    tables = {"results.csv": result.records(), "summary.csv": means}
    field = step_field(result.problems)
    drawn = figure and field is not None and _drawable(means)
    if drawn:
        tables["theory.csv"] = theory_curves(result.problems)
    for name, records in tables.items():
        write_csv(records, folder / name)
    return [*(folder / name for name in tables), *(_draw(means, tables["theory.csv"], field, folder) if drawn else [])]


def _drawable(means: Any) -> bool:
    """Whether there is something to draw, and not too much of it."""
    from polyspike.plot.sweep import MOST_CURVES

    curves = len({row["curve"] for row in means})
    if curves > MOST_CURVES:
        print(f"no figure: {curves} curves, and one figure shows {MOST_CURVES}; see summary.csv", file=sys.stderr)
    return curves <= MOST_CURVES and any(row["test_error"] is not None for row in means)


def _draw(means: Any, theory: Any, field: Any, folder: Path) -> list[Path]:
    from polyspike.cli.figures import sweep_figure

    paths = [folder / "errors.png", folder / "errors.svg"]
    for path in paths:
        save_whole(sweep_figure(means, theory, field), path)
    return paths


def _tell(result: Any, folder: Path, written: list[Path], json: bool) -> None:
    progress, failures = result.progress, result.failures()
    if json:
        counts = {name: getattr(progress, name) for name in ("total", "done", "made", "skipped", "failed", "seconds")}
        failed = [{"problem": repr(r.problem), "seed": r.seed, "message": r.message} for r in failures]
        print_json({**counts, "store": str(folder / _STORE), "files": [str(p) for p in written], "failures": failed})
        return
    print(progress)
    print(f"written: {folder / _STORE}, {', '.join(map(str, written))}")
    for row in failures[:5]:
        print(f"failed: {row.problem}, seed {row.seed}: {row.message}", file=sys.stderr)
    if len(failures) > 5:
        print(f"failed: {len(failures) - 5} more; see the columns status and message of results.csv", file=sys.stderr)
