"""Spectra by name: their eigenvalues in d dimensions, their mean one, and what they refuse."""

from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, Inputs

D = 10

EXPECTED: list[tuple[Any, list[float]]] = [
    ("isotropic", [1.0] * D),
    ("power:0", [1.0] * D),
    ("power:0.5", [k**-0.5 for k in range(1, D + 1)]),
    ("two-level:0.3,1.7,0.5", [1.7] * 5 + [0.3] * 5),
    ("two-level:0.3,1.7,0.2", [1.7] * 8 + [0.3] * 2),
    ("two-level:4,0,0.3", [4.0] * 3 + [0.0] * 7),
    ("spiked:10,1", [10.0] + [1.0] * 9),
    ("spiked:10,3", [10.0] * 3 + [1.0] * 7),
    ("spiked:0.5,3", [1.0] * 7 + [0.5] * 3),
    (list(range(D)), [float(k) for k in range(D)]),
    ("eigenvalues:3,1,3,1,0,0,0,0,0,2", [3.0, 1, 3, 1, 0, 0, 0, 0, 0, 2]),
]


@pytest.mark.parametrize(("spectrum", "bare"), EXPECTED, ids=lambda v: str(v)[:30])
def test_eigenvalues_are_those_named_with_mean_one(spectrum: Any, bare: list[float]) -> None:
    inputs = Inputs(spectrum)
    expected = np.array(bare) / np.mean(bare)
    np.testing.assert_allclose(inputs.axes(D), expected, rtol=1e-14)
    found = inputs.eigenvalues(D)
    assert found.counts @ found.values == pytest.approx(D, rel=1e-14)
    assert np.all(np.diff(found.values) < 0)
    np.testing.assert_allclose(np.repeat(found.values, found.counts.astype(int)), np.sort(expected)[::-1], rtol=1e-14)
    for k in (1, 2, 3):
        assert inputs.moment(k, D) == pytest.approx(np.mean(expected**k), rel=1e-13)


@pytest.mark.parametrize("spectrum", ["isotropic", "power:0", "two-level:3,3,0.5", "spiked:1,2", [0.1] * D])
def test_equal_eigenvalues_are_isotropic_and_exactly_one(spectrum: Any) -> None:
    inputs = Inputs(spectrum)
    assert inputs.is_isotropic
    assert inputs.axes(D).tolist() == [1.0] * D


@pytest.mark.parametrize("spectrum", ["power:0.1", "two-level:1,1.001,0.5", "spiked:2,1", [1.0] * (D - 1) + [1.1]])
def test_unequal_ones_are_not(spectrum: Any) -> None:
    assert not Inputs(spectrum).is_isotropic


def test_a_spectrum_of_few_values_needs_no_list() -> None:
    """In 10^30 dimensions."""
    d = 10**30
    assert Inputs("two-level:1,3,0.5").effective_dimension(d) == pytest.approx(0.8 * d)
    with pytest.raises(ArgumentError, match=r"input_dim = .*listed up to"):
        Inputs("power:1").eigenvalues(d)


BAD: list[tuple[Any, str]] = [
    ("powr:1", "did you mean 'power'"),
    ("power", "write power:0.5"),
    ("power:-1", "an exponent >= 0"),
    ("power:1,2", "write power:0.5"),
    ("power:x", "give finite numbers: power:0.5"),
    ("power:nan", "give finite numbers"),
    ("power:", "give finite numbers"),
    ("isotropic:1", "write isotropic"),
    ("two-level:1,2", "write two-level:0.3,1.7,0.5"),
    ("two-level:0,0,0.5", "two eigenvalues, each 0 or"),
    ("two-level:-1,2,0.5", "two eigenvalues, each 0 or"),
    ("two-level:1,2,1", "the share in (0, 1) of the first"),
    ("spiked:10,0", "how many of them"),
    ("spiked:10,1.5", "how many of them"),
    ("spiked:-10,1", "write spiked:10,1"),
    ("spiked:0,1", "write spiked:10,1"),
    ("eigenvalues:1,-1", "each 0 or from 1e-30"),
    ("eigenvalues:0,0", "not all zero"),
    ("eigenvalues", "write eigenvalues:2,1,0.5"),
    ([1.0, float("nan")], "give finite numbers"),
    ([1.0, float("inf")], "give finite numbers"),
    ([1.0, 1e200], "write eigenvalues"),
    ([], "give finite numbers"),
    ([1.0, None], "give finite numbers"),
    (np.eye(3), "give finite numbers"),
    (3.0, "give finite numbers"),
    (None, "give finite numbers"),
]


@pytest.mark.parametrize(("spectrum", "remedy"), BAD, ids=lambda v: str(v)[:30])
def test_bad_spectra_are_refused_with_a_remedy(spectrum: Any, remedy: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Inputs(spectrum)
    assert caught.value.argument == "spectrum"
    assert remedy in str(caught.value)
