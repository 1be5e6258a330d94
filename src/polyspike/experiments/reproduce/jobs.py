"""What a part of the reproduction is made of: jobs that are planned first, run in any order, and kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polyspike.data import Dataset
from polyspike.experiments.reproduce.claims import Claim
from polyspike.experiments.reproduce.columns import Columns, Row

__all__ = ["Facts", "Job", "Options", "Part", "Rows"]

Rows = dict[str, list[Row]]
"""Rows by the name of their table."""

Facts = dict[str, Any]
"""What a report says about a part beside its claims: names to numbers, texts, lists or mappings of them."""


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes
    ----------
    quick : bool
        Small sizes and few seeds: about a minute, with wider error bars.
    seeds : int or None
        Replicates of every measurement; None for each part's own number.
    data : Dataset or None
        The user's own data for the part on real data; None for MNIST, or the digits of scikit-learn without it.
    """

    quick: bool = False
    seeds: int | None = None
    data: Dataset | None = None

    def replicates(self, full: int, quick: int) -> int:
        """The number of seeds: the user's, or the part's own for this length of run."""
        return self.seeds or (quick if self.quick else full)


@dataclass(frozen=True)
class Job:
    """A piece of work of a few seconds.

    Attributes
    ----------
    key : str
        Says everything that its numbers depend on; a finished job of the same key is not run again.
    cost : float
        Rough work in units of 1e9 multiply-adds, for the progress bar.
    run : callable
        Makes the rows.
    """

    key: str
    cost: float
    run: Callable[[], Rows]


def _no_more(options: Options, jobs: Sequence[Job], rows: Mapping[str, Sequence[Row]]) -> Sequence[Job]:
    del options, jobs, rows
    return []


def _no_facts(jobs: Sequence[Job]) -> Facts:
    del jobs
    return {}


@dataclass(frozen=True)
class Part:
    """One figure of the reproduction with its table and its claims.

    Attributes
    ----------
    name, title : str
    plan : callable
        Options to jobs; cheap.
    tables : callable
        Rows of the finished jobs to the tables by name; the one called as the part holds what is drawn.
    claims : callable
        Tables to judged claims.
    more : callable
        Options, jobs and their rows to the jobs that come after them: replicates whose number a pilot decides.
    facts : callable
        All jobs to what the report says beside the claims.
    """

    name: str
    title: str
    plan: Callable[[Options], Sequence[Job]]
    tables: Callable[[Mapping[str, Sequence[Row]]], dict[str, Columns]]
    claims: Callable[[Mapping[str, Columns]], list[Claim]]
    more: Callable[[Options, Sequence[Job], Mapping[str, Sequence[Row]]], Sequence[Job]] = _no_more
    facts: Callable[[Sequence[Job]], Facts] = _no_facts
