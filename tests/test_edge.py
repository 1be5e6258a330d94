"""The end of a measured bulk, on matrices whose edge is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from polyspike.edge import fit_edge, split_spikes
from polyspike.errors import ArgumentError

N, P = 600, 300
EDGE = (1 + np.sqrt(P / N)) ** 2
THRESHOLD = np.sqrt(P / N)
"""A spike of strength s beyond this leaves the bulk, for (1 + s)(1 + P/(N s)) (Baik, Ben Arous, Peche)."""


def wishart(seed: int, *strengths: float) -> NDArray[np.float64]:
    """Descending eigenvalues of a sample covariance with population spikes ``1 + strength``."""
    scale = np.ones(P)
    scale[: len(strengths)] = np.sqrt(1 + np.array(strengths))
    x = np.random.default_rng(seed).standard_normal((N, P)) * scale
    return np.linalg.eigvalsh(x.T @ x / N)[::-1].astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_the_edge_is_that_of_marchenko_and_pastur(seed: int) -> None:
    edge = fit_edge(wishart(seed))
    # The edge of a finite matrix moves by about one scale n^(-2/3); the line adds half a one.
    assert abs(edge.position - EDGE) < 4 * edge.scale
    assert edge.scale < 0.05 * EDGE


@pytest.mark.parametrize("seed", range(20))
def test_a_bulk_alone_has_no_spike(seed: int) -> None:
    assert fit_edge(wishart(seed)).n_spikes == 0


@pytest.mark.parametrize(
    ("strengths", "expected"),
    [((5.0,), 1), ((9.0, 3.0), 2), ((20.0, 9.0, 3.0), 3), ((0.3 * THRESHOLD,), 0), ((5.0, 0.3 * THRESHOLD), 1)],
)
def test_spikes_are_counted(strengths: tuple[float, ...], expected: int) -> None:
    counts = [fit_edge(wishart(100 + seed, *strengths)).n_spikes for seed in range(5)]
    assert counts == [expected] * 5


def test_spikes_are_what_lies_beyond_the_edge() -> None:
    values = wishart(3, 9.0, 3.0)
    np.testing.assert_array_equal(split_spikes(values), values[:2])


def test_too_few_eigenvalues_are_refused() -> None:
    with pytest.raises(ArgumentError, match="at least 48"):
        fit_edge(np.arange(47.0)[::-1])
