"""The report: every claim with its measured and its predicted number. Nothing in it is typed in."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from polyspike._version import __version__
from polyspike.experiments.reproduce.claims import COMPARISONS, DOES_NOT_HOLD, FALSE_ALARM, HOLDS, UNDECIDED, Claim
from polyspike.experiments.reproduce.jobs import Facts

__all__ = ["Section", "claim_line", "fact_lines", "render", "summary"]

HEAD = """# The paper, reproduced

Moniri, Lee, Hassani and Dobriban, *A Theory of Non-Linear Feature Learning with One Gradient Step in Two-Layer Neural
Networks* (arXiv 2310.07891). Made with polyspike {version}. The parts on one sample for both stages and on inputs of
other spectra go beyond the paper; what they call theory is this package's own.

**{summary}**

An equality holds when measured and predicted differ by at most z standard errors (plus a finite-size margin, where one
is stated), and is undecided when that is too wide to tell. An inequality holds when it is met by more than z standard
errors, and is undecided within them. z comes from Student's law with the replicates at hand, so that a report of
{comparisons} true claims calls one of them wrong with a chance of {false_alarm:.0%}. The interval is that of the
measured number by itself: it says how large an effect is, and of an undecided one how large it can be. Where a limit
does not hold at these sizes, the verdict says just that; the part on convergence shows how the limit is approached.
"""

ROW_HEAD = "| | claim | measured | 95 % interval | | predicted | margin |\n|---|---|---|---|---|---|---|\n"

MAX_LISTED = 20
"""Names of a list that the report shows; the machine-readable output has all."""

MARK = {HOLDS: "**holds**", DOES_NOT_HOLD: "**does not hold**", UNDECIDED: "undecided"}


class Section(NamedTuple):
    """One part of the report."""

    part: str
    title: str
    command: str
    """What made it, and makes it again."""
    claims: Sequence[Claim]
    facts: Facts | None = None
    """What else there is to say."""


def render(sections: Sequence[Section]) -> str:
    """The report as Markdown."""
    head = HEAD.format(
        version=__version__,
        summary=summary([c for section in sections for c in section.claims]),
        comparisons=COMPARISONS,
        false_alarm=FALSE_ALARM,
    )
    return head + "".join(map(_section, sections))


def summary(claims: Sequence[Claim]) -> str:
    """How many claims hold, do not, or are undecided."""
    count = Counter(c.verdict for c in claims)
    return f"{len(claims)} claims: {count[HOLDS]} hold, {count[DOES_NOT_HOLD]} do not, {count[UNDECIDED]} are undecided"


def _section(section: Section) -> str:
    figure = f"![{section.title}]({section.part}.png)\n\n`{section.command}`"
    facts = "".join(f"- {line}\n" for line in fact_lines(section.facts or {}))
    facts = f"{facts}\n" if facts else ""
    return f"\n## {section.title}\n\n{figure}\n\n{facts}{ROW_HEAD}{''.join(map(_row, section.claims))}"


def fact_lines(facts: Facts) -> list[str]:
    """One line a fact, with long lists cut."""
    return [f"{name.replace('_', ' ')}: {_listed(value)}" for name, value in facts.items()]


def claim_line(claim: Claim) -> str:
    """A claim with its size and interval, in one line."""
    low, high = claim.interval
    size = f"{claim.measured:.4g}, 95 %: {low:.3g} to {high:.3g}"
    return f"{claim.verdict}: {claim.statement}: {size} ({claim.relation} {claim.predicted:.4g})"


def _listed(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return _listed([f"{name} ({why})" for name, why in value.items()])
    if not isinstance(value, list):
        return str(value)
    more = f", and {len(value) - MAX_LISTED} more" if len(value) > MAX_LISTED else ""
    return (", ".join(" ".join(str(v).split()) for v in value[:MAX_LISTED]) or "none") + more


def _row(claim: Claim) -> str:
    error = f" ± {claim.standard_error:.2g}" if claim.standard_error > 0 else ""
    low, high = claim.interval
    interval = f"{low:.3g} to {high:.3g}" if claim.standard_error > 0 else ""
    margin = f"{claim.margin:.2g}" if claim.margin else ""
    statement = claim.statement.replace("|", r"\|")  # a bare bar would end the cell
    cells = (MARK[claim.verdict], statement, f"{claim.measured:.4g}{error}", interval, claim.relation)
    return f"| {' | '.join(cells)} | {claim.predicted:.4g} | {margin} |\n"
