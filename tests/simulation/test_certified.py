"""A prediction is certain whatever its start and the inverse that it is given, or it is an error."""

from collections.abc import Callable

import numpy as np
import pytest

from polyspike import NumericalError
from polyspike.arraytypes import Array
from polyspike.simulation import certified
from polyspike.simulation.certified import RidgeSystem, certain_prediction

RNG = np.random.default_rng(0)
SHAPES = [(40, 25), (25, 40)]


def system(shape: tuple[int, int], shift: float, spread: float = 1.0) -> tuple[RidgeSystem, float]:
    """Features of singular values from 1 to ``10**-spread``, and the prediction that these give by hand."""
    k = min(shape)
    left, right = (np.linalg.qr(RNG.standard_normal((size, k)))[0] for size in shape)
    values = np.logspace(0, -spread, k)
    labels, row = RNG.standard_normal(shape[0]), RNG.standard_normal(shape[1])
    found = RidgeSystem(left * values @ right.T, labels, shift, row)
    return found, float(row @ right @ (values / (values**2 + shift) * (left.T @ labels)))


def inverse_of(some: RidgeSystem) -> Array:
    width = some.features.shape[1]
    return np.asarray(np.linalg.inv(some.product(np.eye(width))), dtype=np.float64)


SPOILT: dict[str, Callable[[Array], Array]] = {
    "right": lambda inverse: inverse,
    "three times": lambda inverse: 3 * inverse,
    "of other features": lambda inverse: inverse + 0.3 * np.diag(np.diag(inverse)),
    "negative": lambda inverse: -inverse,
    "negative in one direction": lambda inverse: inverse - 100 * np.outer(inverse[0], inverse[0]),
    "blind": lambda inverse: np.zeros_like(inverse),
    "tiny": lambda inverse: 1e-12 * np.eye(len(inverse)),
    "not finite": lambda inverse: np.full_like(inverse, np.nan),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
@pytest.mark.parametrize("start", [0.0, 1e6])
def test_no_inverse_and_no_start_makes_it_wrong(
    shape: tuple[int, int], spoil: Callable[[Array], Array], start: float
) -> None:
    some, expected = system(shape, 0.02)
    inverse = spoil(inverse_of(some))
    found = certain_prediction(some, lambda rows: rows @ inverse, np.full(shape[1], start), 1e-6)
    assert found == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spread", [2, 5, 7, 9])
def test_small_ridges_are_solved_by_what_keeps_their_digits(shape: tuple[int, int], spread: float) -> None:
    """Squared features are up to 1e18 times the shift."""
    some, expected = system(shape, 10.0 ** (-2 * spread), spread)
    accuracy = 1e-3 * abs(expected)
    found = certain_prediction(some, lambda rows: -rows, np.zeros(shape[1]), accuracy)
    assert found == pytest.approx(expected, abs=accuracy)


def test_a_good_inverse_takes_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certified, "_factored", lambda _: pytest.fail("the inverse is right"))
    some, expected = system(SHAPES[0], 0.02)
    inverse, calls = inverse_of(some), []

    def counted(rows: Array) -> Array:
        calls.append(len(rows))
        return rows @ inverse

    assert certain_prediction(some, counted, np.zeros(25), 1e-9) == pytest.approx(expected, abs=1e-9)
    assert calls == [2]


def test_what_rounding_moves_further_is_an_error() -> None:
    some, _ = system(SHAPES[0], 1e-30, 15)
    with pytest.raises(NumericalError, match=r"1\.0e-03: .* times n ridge; take a larger ridge"):
        certain_prediction(some, lambda rows: rows, np.zeros(25), 1e-3)
