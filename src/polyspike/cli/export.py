"""``polyspike export``: the rows of a results store as a table for other programs."""

from pathlib import Path
from typing import Annotated

import typer

from polyspike.cli.options import Json
from polyspike.cli.output import print_json
from polyspike.errors import ArgumentError

__all__ = ["EXAMPLES", "command"]

EXAMPLES = "Examples: polyspike export staircase/results.db rows.parquet; polyspike export results.db rows.csv"


def command(
    store: Annotated[Path, typer.Argument(metavar="STORE", help="The results.db of a sweep; it is only read.")],
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="File to write: .csv, or .parquet (extra 'tables').")],
    json: Json = False,
) -> None:
    """Write every row of a store to one table: the problem, the seed, the status and everything that was measured.

    Works while a sweep is writing: the table has the rows that were finished when it was asked for. Spectra are not
    in it; they are read with polyspike.Store.
    """
    from polyspike.experiments.sweep.store import Store
    from polyspike.experiments.sweep.tables import write_csv, write_parquet

    if table.suffix not in (".csv", ".parquet"):
        raise ArgumentError("TABLE", str(table), "give a name that ends in .csv or .parquet")
    with Store(store, read_only=True) as opened:
        rows = opened.records()
    (write_csv if table.suffix == ".csv" else write_parquet)(rows, table)
    failed = sum(row["status"] != "ok" for row in rows)
    if json:
        print_json({"rows": len(rows), "failed": failed, "table": str(table)})
    else:
        print(f"{len(rows)} rows, {failed} of them failed, written to {table}")
