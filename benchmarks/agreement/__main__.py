"""Theory against simulation: ``python benchmarks/agreement``.

Makes ``table.csv`` and ``table.md`` from the committed ``summary.json``. With ``--simulate FILE`` it first simulates
what FILE does not hold yet (hours; it may be interrupted and goes on where it was), and writes the summary anew.
"""

import argparse
import sys
from pathlib import Path

from design import DESIGNS, MAIN, SIZES
from gather import gather
from summary import write_summary
from table import write_tables

HERE = Path(__file__).parent


def main() -> int:
    """Exit code 1 when a comparison is off."""
    parser = argparse.ArgumentParser(prog="python benchmarks/agreement", description=__doc__)
    parser.add_argument("--simulate", type=Path, metavar="FILE", help="where the replicates are kept")
    arguments = parser.parse_args()
    if arguments.simulate is not None:
        gather(DESIGNS[MAIN], arguments.simulate, tuple(range(len(SIZES))))
        write_summary(arguments.simulate, HERE / "summary.json")
    off = write_tables(HERE / "summary.json", HERE)
    print((HERE / "table.md").read_text().split("Deviations ±")[0])
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
