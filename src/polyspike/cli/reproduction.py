"""Runs the parts with a progress bar, and writes what they find."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from polyspike.cli.figures import FIGURES
from polyspike.experiments.files import write_whole
from polyspike.experiments.reproduce import (
    PARTS,
    Claim,
    Columns,
    Facts,
    Folder,
    Job,
    Options,
    Part,
    Section,
    claim_line,
    fact_lines,
    merge,
    render,
    run_jobs,
    summary,
    to_csv,
)
from polyspike.experiments.reproduce.columns import to_columns
from polyspike.plot import save

__all__ = ["Reproduction"]

SPEED_WINDOW = 120.0
"""Seconds over which the bar averages its speed: longer than the longest job."""


class Reproduction:
    """One run of the command.

    Parameters
    ----------
    out : Path
    names : sequence of str
        The parts to run.
    options : Options
    fresh : bool
        Forget what earlier runs have kept.
    command : str
        How the user called it, for the report.
    """

    def __init__(self, out: Path, names: Sequence[str], options: Options, fresh: bool, command: str) -> None:
        self.folder = Folder(out)
        if fresh:
            self.folder.forget()
        self.options = options
        self.plans: dict[str, Sequence[Job]] = {name: PARTS[name].plan(options) for name in names}
        self.claims: dict[str, list[Claim]] = {}
        self.facts: dict[str, Facts] = {}
        self.command = command

    def run(self, show: bool = True) -> None:
        """All parts; every finished one is written before the next begins."""
        console = Console(stderr=True, quiet=not show)
        start = monotonic()
        with _bar(console) as progress:
            total = sum(job.cost for plan in self.plans.values() for job in plan)
            bar = progress.add_task("", total=total)
            for name in self.plans:
                progress.update(bar, description=PARTS[name].title)
                self._part(PARTS[name], _Bar(progress, bar))
                console.print(f"[green]done[/green]  {self.folder.path / name}.png   {summary(self.claims[name])}")
                self._tell(console, name)
        console.print(f"{self.folder.path / 'report.md'}   {summary(self._all())}   {monotonic() - start:.0f} s")

    def kept_message(self) -> str:
        """What an interrupted run leaves, in one line."""
        parts = ", ".join(self.claims) or "no whole part yet"
        return f"stopped. Finished and written: {parts}. The same command goes on from here, in {self.folder.path}"

    def result(self) -> dict[str, Any]:
        """Claims and files, for machines."""
        claims = [claim.to_row() | {"z": _finite(claim.z)} for claim in self._all()]
        facts = {name: found for name, found in self.facts.items() if found}
        return {"out": str(self.folder.path), "summary": summary(self._all()), "claims": claims, "facts": facts}

    def _part(self, part: Part, bar: "_Bar") -> None:
        jobs = self.plans[part.name]
        rows = run_jobs(jobs, self.folder, bar.advance)
        later = part.more(self.options, jobs, rows)
        if later:
            bar.extend(sum(job.cost for job in later))
            rows = merge([rows, run_jobs(later, self.folder, bar.advance)])
        tables = part.tables(rows)
        self.claims[part.name] = part.claims(tables)
        self.facts[part.name] = part.facts([*jobs, *later])
        self.folder.keep_facts(part.name, self.facts[part.name])
        self._write(part.name, tables)
        self.folder.keep_claims(part.name, self.command, self.claims[part.name])
        self._report()

    def _tell(self, console: Console, name: str) -> None:
        """Of a part with facts, as the user's own data are, tell what was used, and every effect with its interval."""
        if self.facts[name]:
            for line in (*fact_lines(self.facts[name]), *map(claim_line, self.claims[name])):
                console.print(f"      {line}", markup=False, highlight=False, soft_wrap=True)

    def _write(self, name: str, tables: Mapping[str, Columns]) -> None:
        for table, columns in tables.items():
            self.folder.write_text(f"{table}.csv", to_csv(columns))
        figure = FIGURES[name](tables)
        for suffix in (".png", ".svg"):
            write_whole(self.folder.path / f"{name}{suffix}", lambda path: save(figure, path))

    def _report(self) -> None:
        """The report of every finished part, those of earlier runs into this folder included."""
        kept = {name: self.folder.read_claims(name) for name in PARTS}
        sections = [
            Section(name, PARTS[name].title, *found, self.folder.read_facts(name))
            for name, found in kept.items()
            if found is not None
        ]
        self.folder.write_text("report.md", render(sections))
        rows = [claim.to_row() for section in sections for claim in section.claims]
        self.folder.write_text("claims.csv", to_csv(to_columns(rows)))

    def _all(self) -> list[Claim]:
        return [claim for part in self.claims.values() for claim in part]


class _Bar:
    """One task of the progress bar, whose length may become known only on the way."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self.progress, self.task = progress, task

    def advance(self, cost: float) -> None:
        """Count work as done."""
        self.progress.advance(self.task, cost)

    def extend(self, cost: float) -> None:
        """Add work that is to be done."""
        found = next(task for task in self.progress.tasks if task.id == self.task)
        self.progress.update(self.task, total=(found.total or 0.0) + cost)


def _finite(z: float) -> float | None:
    return z if abs(z) < float("inf") else None


def _bar(console: Console) -> Progress:
    columns = (
        TextColumn("{task.description:<34}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, speed_estimate_period=SPEED_WINDOW)
