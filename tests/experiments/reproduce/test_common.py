"""What the parts share: averages and pairs by seed, the activation."""

import numpy as np
import pytest

from polyspike.experiments.reproduce.columns import select, to_columns
from polyspike.experiments.reproduce.common import SHIFTED_SINE, average, paired
from polyspike.results import Estimate


def test_averages_and_pairs_are_by_seed() -> None:
    # The seeds of the two places come in another order; only pairing by seed gives the exact difference 1.
    places = [("a", 0, 5.0), ("a", 1, 9.0), ("b", 1, 8.0), ("b", 0, 4.0)]
    draws = to_columns([{"place": p, "seed": s, "x": x} for p, s, x in places])
    means = average(draws, ("place",), ("x",))
    assert means["x"].tolist() == [7.0, 6.0]
    assert means["x_se"].tolist() == pytest.approx([2.0, 2.0])
    assert paired(draws, "x", {"place": "a"}, {"place": "b"}) == Estimate(1.0, 0.0, 2)
    assert select(draws, place="b", seed=0.0)["x"].tolist() == [4.0]


def test_the_activation_has_no_vanishing_coefficient() -> None:
    c = SHIFTED_SINE.coefficients(3)
    assert c[0] == 0
    assert np.all(np.abs(c[1:]) > 0.05)
