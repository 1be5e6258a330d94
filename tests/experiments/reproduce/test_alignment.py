"""The part of the alignments, at a small size."""

import numpy as np

from experiments.reproduce.parts import finish
from polyspike.experiments.reproduce import alignment
from polyspike.experiments.reproduce.claims import HOLDS, UNDECIDED
from polyspike.experiments.reproduce.columns import select
from polyspike.experiments.reproduce.common import SHIFTED_SINE, UNTRAINED
from polyspike.problem import Problem

SMALL = Problem(SHIFTED_SINE, "3*h1", 400, 100, 200, step_exponent=0.0, ridge=0.01)


def test_alignment_part() -> None:
    exponents = (UNTRAINED, *alignment.WINDOW_EXPONENTS.values())
    rows = [alignment.run_theory(SMALL), *(alignment.run(SMALL, k, exponents) for k in range(2))]
    tables, claims = finish(alignment.ALIGNMENT, rows)
    assert any("squared cosine of vector 1 with H_1" in claim.statement for claim in claims)
    shares = tables["alignment"]
    assert shares["new1"][0] < 0.5 < shares["new1"][-1]
    assert np.all(np.diff(shares["new2"]) > -0.2)
    profiles = select(tables["alignment_profiles"], exponent=alignment.WINDOW_EXPONENTS[3], vector=1)
    assert int(profiles["degree"][np.argmax(profiles["overlap"])]) == 1
    assert {c.verdict for c in claims} <= {HOLDS, UNDECIDED}


def test_smoothed_powers_are_means_over_the_noise() -> None:
    kappa, q = np.array([-1.3, 0.0, 0.7]), 0.4
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    weights = weights / weights.sum()
    for k, power in enumerate(alignment.smoothed_powers(kappa, q)):
        expected = ((kappa[:, None] + np.sqrt(q) * nodes) ** k) @ weights
        np.testing.assert_allclose(power, expected, rtol=1e-12, atol=1e-12)
