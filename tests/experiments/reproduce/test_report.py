"""The report: every claim, counted, and the facts."""

from polyspike.experiments.reproduce import Section, render
from polyspike.experiments.reproduce.claims import above, equal
from polyspike.experiments.reproduce.report import summary
from polyspike.results import Estimate

FOUND = Estimate(1.0, 0.01, 10)


def test_facts_are_lines_of_the_report_and_long_lists_are_cut() -> None:
    facts = {
        "rows_used": 3,
        "ridge": 0.1,
        "columns": [f"c{j}" for j in range(30)],
        "dropped": {"a": "constant"},
        "no": [],
    }
    text = render([Section("p", "t", "c", [above("p", "s", FOUND, 0.5)], facts)])
    for line in (
        "- rows used: 3\n",
        "- ridge: 0.1\n",
        "c19, and 10 more\n",
        "- dropped: a (constant)\n",
        "- no: none\n",
    ):
        assert line in text


def test_the_report_counts_and_shows_every_claim() -> None:
    claims = [above("p", "it rises", FOUND, 0.5), equal("p", "it is 2", FOUND, 2.0, resolution=0.1)]
    claims.append(above("p", "|G| rises", FOUND, 0.5))
    text = render([Section("p", "A title", "polyspike reproduce", claims)])
    assert "3 claims: 2 hold, 1 do not, 0 are undecided" in text
    assert "| **holds** | it rises | 1 ± 0.01 | 0.977 to 1.02 | > | 0.5 |  |" in text
    assert r"| **holds** | \|G\| rises |" in text
    assert "| **does not hold** | it is 2 | 1 ± 0.01 | 0.977 to 1.02 | = | 2 |  |" in text
    assert "![A title](p.png)" in text
    assert summary([]) == "0 claims: 0 hold, 0 do not, 0 are undecided"
