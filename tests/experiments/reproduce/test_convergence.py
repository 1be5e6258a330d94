"""The part of the convergence, at a small size."""

import numpy as np
import pytest

from experiments.reproduce.parts import finish
from polyspike.cli.figures import FIGURES
from polyspike.experiments.reproduce import convergence


def test_convergence_part() -> None:
    rows = [convergence.run(n, k) for n, draws in ((100, 3), (200, 2)) for k in range(draws)]
    tables, claims = finish(convergence.CONVERGENCE, rows)
    assert len(tables["convergence_rates"]["rate"]) == 14
    assert len(claims) == 17
    assert set(tables["convergence"]["n"]) == {100, 200}
    assert set(tables["convergence_rates"]["freedom"]) == {3}
    assert FIGURES["convergence"](tables).axes


def test_a_known_rate_is_found_with_its_error() -> None:
    n = np.array([100.0, 200.0, 400.0])
    table = {"name": np.array(["d"] * 3), "n": n, "distance": 7 * n**-0.5, "distance_se": 0.7 * n**-0.5}
    rate, prefactor = convergence.fit_rate(table, "d", 12)
    assert rate.mean == pytest.approx(-0.5)
    assert prefactor == pytest.approx(7)
    # Relative errors of 0.1 at log n = -L, 0, L about the mean give 0.1 sqrt(2) L / (2 L^2).
    assert rate.standard_error == pytest.approx(0.1 / (np.sqrt(2) * np.log(2)))
    assert rate.replicates == 10
