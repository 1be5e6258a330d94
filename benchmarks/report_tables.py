"""What the benchmarks print: Markdown tables whose verdicts are computed from their numbers."""

import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from time import perf_counter, process_time

__all__ = ["HEADER", "cells", "judged", "ratio", "row", "sampled", "table", "verdict"]

HEADER = ("what", "measured", "bound", "verdict")
"""Columns of a table with bounds; a test computes the verdicts again from the two columns before them."""


def verdict(measured: float, bound: str) -> str:
    """Whether ``measured`` keeps a bound such as ``">= 25"`` or ``"<= 1.25"``; empty where there is none."""
    if not bound:
        return ""
    relation, limit = bound.split(maxsplit=1)
    if relation not in (">=", "<="):
        raise ValueError(f"bound = {bound!r}: begin with >= or <=")
    number = float(limit.split()[0].replace(",", ""))
    kept = measured >= number if relation == ">=" else measured <= number
    return "reached" if kept else "not reached"


def judged(what: str, measured: float, bound: str = "", unit: str = "", digits: int = 3) -> tuple[str, str, str, str]:
    """A row of :data:`HEADER`. The verdict is of the number as it is printed, so that a reader comes to the same."""
    shown = f"{measured:.{digits}g}"
    if "e" in shown and 1e-3 <= abs(measured) < 1e6:
        shown = f"{measured:.0f}"
    return (what, f"{shown} {unit}".strip(), bound, verdict(float(shown), bound))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [row(header), row(["---"] * len(header)), *(row(r) for r in rows)]
    return "\n".join(lines)


def row(values: Sequence[str]) -> str:
    """One line of it."""
    return "| " + " | ".join(str(value).replace("|", "\\|") for value in values) + " |"


def cells(line: str) -> list[str]:
    """The values of one line; the inverse of :func:`row`."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]


def sampled(works: dict[str, Callable[[], object]], repeats: int, clock: str = "wall") -> dict[str, list[float]]:
    """Seconds of each piece of work, all of them in turn, ``repeats`` times over, so that a slow moment hits all.

    Parameters
    ----------
    works : dict of callables
    repeats : int
    clock : {"wall", "cpu"}
        Processor seconds of this process count no time in which another program had the core.
    """
    now = {"wall": perf_counter, "cpu": process_time}[clock]
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            start = now()
            work()
            times[name].append(now() - start)
    return times


def ratio(times: dict[str, list[float]], over: str, under: str) -> float:
    """Median over the repeats of the ratio of two times of the same repeat."""
    return statistics.median(a / b for a, b in zip(times[over], times[under], strict=True))
