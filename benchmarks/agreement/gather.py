"""Simulate every problem of a design and keep each replicate: ``python benchmarks/agreement/gather.py --out FILE``.

One JSON line per size group and replicate, as soon as it is known; a rerun skips what is there. The problems of one
size group share inputs, initial network and noise, and each shares them with its twin at step 0.
"""

import argparse
import json
from pathlib import Path
from time import monotonic

from design import DESIGNS, MAIN, SIZES, Design
from replicate import replicate_group


def finished(path: Path) -> set[tuple[int, int]]:
    """Pairs of problem and replicate that the file already holds."""
    if not path.exists():
        return set()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {(row["problem"], line["replicate"]) for line in lines for row in line["rows"]}


def schedule(design: Design) -> list[tuple[int, int]]:
    """Pairs of size group and replicate in an order in which an early stop leaves a balanced file."""
    counts = [max(design.replicates[i] for i in members) for members in design.groups()]
    pairs = [(replicate / count, group, replicate) for group, count in enumerate(counts) for replicate in range(count)]
    return [(group, replicate) for _, group, replicate in sorted(pairs)]


def gather(design: Design, out: Path, groups: tuple[int, ...]) -> None:
    """Everything that the file does not hold yet."""
    done, problems, members = finished(out), design.problems(), design.groups()
    for group, replicate in schedule(design):
        missing = [i for i in members[group] if design.replicates[i] > replicate and (i, replicate) not in done]
        if group not in groups or not missing:
            continue
        start = monotonic()
        rows = replicate_group({i: problems[i] for i in missing}, (design.base_seed, replicate))
        line = {"group": group, "replicate": replicate, "seconds": monotonic() - start, "rows": rows}
        with out.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"sizes {SIZES[group]} / {design.divisor}, replicate {replicate}: {line['seconds']:.1f} s", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "measurements.jsonl")
    parser.add_argument("--design", choices=DESIGNS, default=MAIN)
    parser.add_argument("--groups", type=int, nargs="+", default=range(len(SIZES)), help="size groups, all by default")
    arguments = parser.parse_args()
    gather(DESIGNS[arguments.design], arguments.out, tuple(arguments.groups))


if __name__ == "__main__":
    main()
