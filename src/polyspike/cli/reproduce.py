"""``polyspike reproduce``: the paper in five figures, two beyond it, and a report."""

import shlex
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from polyspike.cli.options import Json, integer
from polyspike.cli.output import print_json
from polyspike.cli.own_table import file_and_target, read_own, with_reading
from polyspike.cli.values import complete_from
from polyspike.errors import ArgumentError

__all__ = ["EXAMPLES", "command"]

Own = partial(typer.Option, rich_help_panel="Your own data")
"""An option about the user's table."""

EXAMPLES = (
    "Examples: polyspike reproduce --quick; polyspike reproduce --only spectrum --out mine; "
    "polyspike reproduce --only realdata --data houses.csv --target price"
)

PART_NAMES = ("spectrum", "alignment", "errors", "convergence", "realdata", "reuse", "inputs")


@with_reading
def command(
    reading: dict[str, Any],
    out: Annotated[Path, typer.Option(help="Folder of the figures, tables and report.md.")] = Path("figures"),
    only: Annotated[
        list[str] | None,
        typer.Option(
            help=f"One part: {', '.join(PART_NAMES)}. Can be repeated.", autocompletion=complete_from(*PART_NAMES)
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Small sizes, few seeds: about a minute.")] = False,
    seeds: Annotated[int | None, integer("Replicates of every measurement, 2 or more.")] = None,
    data: Annotated[
        Path | None, Own(help="Your own CSV or Parquet file, instead of MNIST (without the extra 'data': digits).")
    ] = None,
    target: Annotated[str | None, Own(help="Its target column.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run again what an earlier run has finished.")] = False,
    json: Json = False,
) -> None:
    """See the paper happen: spikes leave the spectrum one by one, and the errors fall.

    Writes each figure as PNG and SVG, the numbers behind it as CSV, and report.md: for every claim of the paper the
    measured number beside the predicted one, its interval, and a computed verdict. Interrupt it at any time: what is
    finished is kept, and the next run goes on from there.
    """
    from polyspike.cli.reproduction import Reproduction

    names = _chosen(only)
    options = _options(names, quick, seeds, file_and_target(data, target, reading), reading)
    reproduction = Reproduction(out, names, options, fresh, shlex.join(["polyspike", *sys.argv[1:]]))
    try:
        reproduction.run(show=not json)
    except KeyboardInterrupt:
        print(reproduction.kept_message(), file=sys.stderr)
        raise
    if json:
        print_json(reproduction.result())


def _chosen(only: list[str] | None) -> list[str]:
    for name in only or ():
        if name not in PART_NAMES:
            close = get_close_matches(name, PART_NAMES, n=1, cutoff=0.0)[0]
            raise ArgumentError("--only", name, f"did you mean {close!r}? Parts: {', '.join(PART_NAMES)}")
    return [name for name in PART_NAMES if not only or name in only]


def _options(
    names: list[str],
    quick: bool,
    seeds: int | None,
    table: tuple[Path, str] | None,
    reading: Mapping[str, Any],
) -> Any:
    from polyspike.experiments.reproduce import Options
    from polyspike.experiments.reproduce.realdata import MIN_ROWS

    if seeds is not None and seeds < 2:
        raise ArgumentError("--seeds", seeds, "give an integer >= 2, else there is no error bar")
    if table is not None and "realdata" not in names:
        remedy = "only the part realdata takes a table; give --only realdata as well, or leave out --data and --target"
        raise ArgumentError("--data", str(table[0]), remedy)
    own = None if table is None else read_own(*table, reading, MIN_ROWS)
    return Options(quick=quick, seeds=seeds, data=own or (_images() if "realdata" in names else None))


def _images() -> Any:
    """MNIST, or what takes its place, with a word about it."""
    from polyspike.data import load_images

    found = load_images()
    if found.name != "mnist":
        how = "in a clone pip install '.[data]', elsewhere pip install 'polyspike[data]'"
        print(f"realdata: MNIST is not installed, so {found.name} take its place; {how}", file=sys.stderr)
    return found
