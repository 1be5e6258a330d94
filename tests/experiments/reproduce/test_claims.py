"""Claims: their verdicts, intervals, and how far off they are."""

from math import inf

import pytest

from polyspike.experiments.reproduce import claim_line
from polyspike.experiments.reproduce.claims import DOES_NOT_HOLD, HOLDS, UNDECIDED, Claim, above, below, equal, every
from polyspike.results import Estimate

FOUND = Estimate(1.0, 0.01, 10)


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (equal("p", "s", FOUND, 1.01, resolution=0.2), HOLDS),
        (equal("p", "s", FOUND, 1.2, resolution=0.2), DOES_NOT_HOLD),
        (equal("p", "s", FOUND, 1.2, resolution=0.5, margin=0.2), HOLDS),
        (equal("p", "s", FOUND, 1.01, resolution=0.01), UNDECIDED),
        (equal("p", "s", FOUND, 1.2, resolution=0.01), DOES_NOT_HOLD),
        (above("p", "s", FOUND, 0.5), HOLDS),
        (above("p", "s", FOUND, 0.99), UNDECIDED),
        (above("p", "s", FOUND, 1.5), DOES_NOT_HOLD),
        (below("p", "s", FOUND, 1.5), HOLDS),
        (below("p", "s", FOUND, 1.01), UNDECIDED),
        (below("p", "s", FOUND, 0.5), DOES_NOT_HOLD),
        (above("p", "s", Estimate(1.0, 0.0, 4), 0.0), HOLDS),
        (equal("p", "s", Estimate(1.0, 0.0, 4), 1.0, resolution=0.1), HOLDS),
        (equal("p", "s", Estimate(1.0, 0.0, 4), 1.1, resolution=0.1), DOES_NOT_HOLD),
        (every("p", "s", [2, 2, 2], 2), HOLDS),
        (every("p", "s", [2, 3, 2], 2), DOES_NOT_HOLD),
    ],
)
def test_verdicts_are_computed(claim: Claim, verdict: str) -> None:
    assert claim.verdict == verdict


def test_a_claim_says_how_far_off_it_is() -> None:
    assert equal("p", "s", FOUND, 0.9, resolution=1, margin=0.05).z == pytest.approx(5)
    assert every("p", "s", [2, 3, 2], 2).z == inf
    assert every("p", "s", [2, 3, 2], 2).measured == 3


def test_a_claim_says_its_interval() -> None:
    low, high = above("p", "s", FOUND, 0.5).interval
    assert (low + high) / 2 == pytest.approx(1.0)
    assert high - 1 == pytest.approx(2.262 * 0.01, rel=1e-3)  # Student's law with 9 degrees of freedom
    assert every("p", "s", [2, 2], 2).interval == (2, 2)
    row = above("p", "s", FOUND, 0.5).to_row()
    assert (row["interval_low"], row["interval_high"]) == (low, high)
    assert claim_line(above("p", "it rises", FOUND, 0.999)) == "undecided: it rises: 1, 95 %: 0.977 to 1.02 (> 0.999)"


def test_few_replicates_decide_less() -> None:
    many, few = (above("p", "s", Estimate(1.0, 0.01, n), 0.9) for n in (40, 3))
    assert (many.verdict, few.verdict) == (HOLDS, UNDECIDED)
