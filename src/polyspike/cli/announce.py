"""Long work says so before it starts: how long, how much memory, and how far it is."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from polyspike.display import duration
from polyspike.problem import Problem

__all__ = ["announced", "check_run", "predictions_announced"]

WORTH_A_WORD = 1.0
"""Seconds of work that need no announcement."""


@contextmanager
def announced(problem: Problem, options: dict[str, Any], runs: int = 1) -> Iterator[Callable[[float], object]]:
    """Say on stderr what ``simulate(problem, **options)`` will take, and show a bar on a terminal.

    Yields what is to be told the finished share, from 0 to 1. Several runs are those of ``replicate``: one after the
    other, on one BLAS thread.

    Raises
    ------
    DoesNotFitError
        As the simulation does.
    """
    from polyspike.blas import one_blas_thread
    from polyspike.simulation.cost import estimate_cost
    from polyspike.simulation.devices import arrays_on

    options = dict(options)
    arrays = arrays_on(options.pop("device", "cpu"), options.pop("dtype", "float64"))
    with one_blas_thread() if runs > 1 else nullcontext():
        cost = estimate_cost(problem, arrays=arrays, **options)
    seconds = runs * cost.seconds
    if seconds < WORTH_A_WORD:
        yield lambda share: None
        return
    how = {"held": "", "samples": "; streams blocks of samples", "neurons": "; streams blocks of neurons"}[cost.storage]
    memory = f"{cost.bytes / 1e9:.2g} GB" if cost.bytes > 1e8 else f"{cost.bytes / 1e6:.0f} MB"
    print(f"about {duration(seconds)} and {memory} of memory{how}; Ctrl-C stops it", file=sys.stderr, flush=True)
    with _bar(seconds) as report:
        yield report


@contextmanager
def predictions_announced() -> Iterator[None]:
    """Show on stderr what :mod:`polyspike.theory.announce` logs inside of this block."""
    from polyspike.theory.announce import log

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s; Ctrl-C stops it"))
    level, propagate = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = propagate


def check_run(seed: int, options: dict[str, Any]) -> None:
    """Refuse options of a simulation that are out of range, before anything is measured or said."""
    from polyspike.scalars import as_seed
    from polyspike.simulation.simulate import check_options

    as_seed(seed)
    check_options(options["n_test"], options.get("eigenvalues"), options.get("alignment_degree", 0))


@contextmanager
def _bar(seconds: float) -> Iterator[Callable[[float], object]]:
    """A bar that is gone when the work is done, where stderr is a terminal."""
    console = Console(stderr=True)
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(f"of about {duration(seconds)}", total=1.0)

        def report(share: float) -> None:
            bar.update(task, completed=share)

        yield report
