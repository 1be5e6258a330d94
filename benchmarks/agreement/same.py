"""Theory against simulation with one sample for both stages: ``python benchmarks/agreement/same.py``.

Makes ``same.md`` from the committed ``same.json``. With ``--simulate FILE`` it first simulates what FILE does not hold
yet (an hour; it may be interrupted and goes on where it was), and writes the summary anew.
"""

import argparse
import sys
from pathlib import Path

from same_gather import gather
from same_table import QUANTITIES, summarise, verdicts, write_table

HERE = Path(__file__).parent


def main() -> int:
    """Exit code 1 when a comparison is off."""
    parser = argparse.ArgumentParser(prog="python benchmarks/agreement/same.py", description=__doc__)
    parser.add_argument("--simulate", type=Path, metavar="FILE", help="where the replicates are kept")
    parser.add_argument("--summarise", type=Path, metavar="FILE", help="replicates that are there already")
    arguments = parser.parse_args()
    if arguments.simulate is not None:
        gather(arguments.simulate)
    kept = arguments.simulate or arguments.summarise
    if kept is not None:
        summarise(kept, HERE / "same.json")
    rows = write_table(HERE / "same.json", HERE / "same.md")
    print((HERE / "same.md").read_text().split("| | activation")[0])
    return 1 if any(verdicts(rows, place, limit)[2] for place, (_, limit) in enumerate(QUANTITIES)) else 0


if __name__ == "__main__":
    sys.exit(main())
