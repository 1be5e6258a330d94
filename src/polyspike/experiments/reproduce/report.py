"""The report: every claim with its measured and its predicted number. Nothing in it is typed in."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from polyspike._version import __version__
from polyspike.experiments.reproduce.claims import COMPARISONS, DOES_NOT_HOLD, FALSE_ALARM, HOLDS, UNDECIDED, Claim

__all__ = ["Section", "render", "summary"]

HEAD = """# The paper, reproduced

Moniri, Lee, Hassani and Dobriban, *A Theory of Non-Linear Feature Learning with One Gradient Step in Two-Layer Neural
Networks* (arXiv 2310.07891). Made with polyspike {version}.

**{summary}**

An equality holds when measured and predicted differ by at most z standard errors (plus a finite-size margin, where one
is stated), and is undecided when that is too wide to tell. An inequality holds when it is met by more than z standard
errors, and is undecided within them. z comes from Student's law with the replicates at hand, so that a report of
{comparisons} true claims calls one of them wrong with a chance of {false_alarm:.0%}. Where a limit does not hold at
these sizes, the verdict says just that; the part on convergence shows how the limit is approached.
"""

ROW_HEAD = "| | claim | measured | | predicted | margin |\n|---|---|---|---|---|---|\n"

MARK = {HOLDS: "**holds**", DOES_NOT_HOLD: "**does not hold**", UNDECIDED: "undecided"}


class Section(NamedTuple):
    """One part of the report."""

    part: str
    title: str
    command: str
    """What made it, and makes it again."""
    claims: Sequence[Claim]


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
    return f"\n## {section.title}\n\n{figure}\n\n{ROW_HEAD}{''.join(map(_row, section.claims))}"


def _row(claim: Claim) -> str:
    error = f" ± {claim.standard_error:.2g}" if claim.standard_error > 0 else ""
    margin = f"{claim.margin:.2g}" if claim.margin else ""
    statement = claim.statement.replace("|", r"\|")  # a bare bar would end the cell
    cells = (MARK[claim.verdict], statement, f"{claim.measured:.4g}{error}", claim.relation)
    return f"| {' | '.join(cells)} | {claim.predicted:.4g} | {margin} |\n"
