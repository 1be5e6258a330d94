"""What Lanczos may be short of: a bound that holds, and not by much."""

import numpy as np
import pytest

from polyspike.arraytypes import Array
from polyspike.simulation import krylov
from polyspike.simulation.krylov import MISSED, Krylov


def direct(features: Array) -> Array:
    """All eigenvalues of the n x n matrix, by another LAPACK routine (the SVD)."""
    return np.linalg.svd(features, compute_uv=False) ** 2 / features.shape[1]


def test_the_shortfall_bounds_what_the_ritz_value_misses() -> None:
    """On a bare bulk, the slowest case, at every size of the space; and it is a bound, not a platitude."""
    features = np.random.default_rng(3).standard_normal((900, 900))
    largest = direct(features)[0]
    search = Krylov(features)
    missing, bound = [], []
    while search.fits(1 / 3):
        missing.append(1 - search.grow().values[0] / largest)
        bound.append(search.shortfall())
    assert np.all(np.array(missing) <= np.array(bound))
    assert bound[-1] < 0.05
    assert missing[1] > bound[-1]  # the bound of a larger space would be wrong for a small one


@pytest.mark.parametrize(("chance", "least", "most"), [(MISSED, 0, 0), (0.5, 0, 20), (0.9, 8, 29), (1 - 1e-9, 28, 30)])
def test_the_shortfall_is_broken_at_most_as_often_as_it_says(
    chance: float, least: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty starts against the worst case, a top eigenvalue alone above a bulk that is dense at its ends.

    A binomial of chance 1/2 stays at or below 20 of 30 with probability 0.98, one of 0.9 below 30 with 0.96; the bound
    is conservative, so that the true frequencies are lower. The last rows are the negative control: a quantile
    taken on the wrong side is broken nearly always.
    """
    n = 300
    angles = (np.arange(n - 1) + 0.5) / (n - 1) * np.pi / 2
    values = np.append(np.sin(angles) ** 2, 1.25)
    monkeypatch.setattr(krylov, "BLOCK", 1)
    monkeypatch.setattr(krylov, "MISSED", chance)
    broken = 0
    for seed in range(30):
        monkeypatch.setattr(krylov, "_SEED", seed)
        search = Krylov(np.diag(np.sqrt(n * values)))
        for _ in range(4):
            ritz = search.grow()
        broken += int(ritz.values[0] < (1 - search.shortfall()) * values[-1])
    assert least <= broken <= most
