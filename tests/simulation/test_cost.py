"""Time and memory of a simulation, estimated before it starts."""

from collections.abc import Callable
from time import perf_counter

import numpy as np
import pytest

from polyspike import DoesNotFitError, Problem, simulate
from polyspike.simulation import cost, memory
from polyspike.simulation.arrays import Arrays
from polyspike.simulation.cost import NOMINAL, Rates, estimate_cost, measure_rates, phases_of
from polyspike.simulation.memory import Storage, needed_bytes

PROBLEM = Problem("tanh", "h1", 2000, 200, 400, step_exponent=0.2, ridge=0.01)

FLOPS = Rates(product=1.0)
DRAWS = Rates(normal=1.0)


def count(problem: Problem, storage: Storage, unit: Rates, n_test: int = 1000, **measured: object) -> tuple[float, ...]:
    return phases_of(problem, storage, n_test, **measured).seconds(unit)  # type: ignore[arg-type]


def test_the_leading_terms_are_those_of_the_products() -> None:
    """``X W'`` and ``slopes' X`` of the gradient; ``X W0'``, ``X G'``, the half of the Gram matrix and its factor."""
    n, d, width = 2000, 200, 400
    gradient, fit, test = count(PROBLEM, Storage.HELD, FLOPS)
    assert gradient == 2 * n * d * width
    assert fit == 2 * n * d * width + n * width**2 / 2 + width**3 / 6
    assert test == 2 * 1000 * d * width


@pytest.mark.parametrize("storage", list(Storage))
def test_twice_the_samples_cost_twice_as_much_where_they_are_many(storage: Storage) -> None:
    big = PROBLEM.replace(n_samples=10**6, n_gradient=10**6)
    twice = big.replace(n_samples=2 * 10**6, n_gradient=2 * 10**6)
    if storage is not Storage.NEURONS:
        assert sum(count(twice, storage, FLOPS)) == pytest.approx(2 * sum(count(big, storage, FLOPS)), rel=0.01)
    assert sum(count(twice, storage, DRAWS)) > 1.9 * sum(count(big, storage, DRAWS))


def test_streamed_neurons_are_drawn_three_times_and_the_samples_once() -> None:
    wide = Problem("tanh", "h1", 300, 50, 10**6, step_exponent=0.2, ridge=0.01)
    draws = sum(count(wide, Storage.NEURONS, DRAWS, n_test=2))
    assert draws == pytest.approx(3 * 50 * 10**6, rel=0.01)


def test_a_spectrum_costs_a_decomposition() -> None:
    unit = Rates(decomposition=1.0)
    assert sum(count(PROBLEM, Storage.HELD, unit)) == 0
    assert sum(count(PROBLEM, Storage.HELD, unit, eigenvalues="all")) == pytest.approx(2 * 400**3 / 3)
    both = count(PROBLEM, Storage.SAMPLES, unit, eigenvalues="all", alignment_degree=2)
    assert sum(both) == pytest.approx(2 * 2 * 400**3 / 3)


def test_small_work_is_not_measured_and_large_work_is() -> None:
    asked = []

    def rates(problem: Problem, arrays: Arrays) -> Rates:
        asked.append(problem)
        return NOMINAL

    assert estimate_cost(PROBLEM.replace(n_samples=100, width=100), n_test=100, rates=rates).seconds < 0.2
    assert asked == []
    cost = estimate_cost(PROBLEM.replace(n_samples=10**9), rates=rates)
    assert len(asked) == 1
    assert cost.storage is Storage.SAMPLES
    assert 1e4 < cost.seconds < 1e8
    assert cost.bytes == needed_bytes(PROBLEM.replace(n_samples=10**9))


def test_what_does_not_fit_is_refused_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda *_: 10**6)
    with pytest.raises(DoesNotFitError, match="are available"):
        estimate_cost(PROBLEM)


def test_the_rates_of_this_machine_are_seconds_of_one_operation() -> None:
    """No order of the rates is asserted: on a busy machine any of them may be the slowest."""
    rates = measure_rates(PROBLEM)
    for rate in (rates.product, rates.decomposition, rates.normal, rates.entry):
        assert 1e-14 < rate < 1e-4


def test_a_rate_is_the_time_of_its_piece_of_work_over_its_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    def one_second(work: Callable[[], np.ndarray]) -> float:
        done.append(work())
        return 1.0

    monkeypatch.setattr(cost, "_seconds", one_second)
    rates = measure_rates(PROBLEM)
    draws, row, outputs, eigenvalues = done
    side = len(eigenvalues)
    rows = len(outputs)
    assert row.shape == (side,)
    assert 1 / rates.normal == pytest.approx(draws.size)
    assert 1 / rates.product == pytest.approx(rows * side**2)
    assert 1 / rates.entry == pytest.approx(rows * side)
    assert 1 / rates.decomposition == pytest.approx(2 * side**3 / 3)


@pytest.mark.slow
def test_the_estimate_is_of_the_right_size() -> None:
    """Between a quarter and four times: other processes may take the cores from the one or from the other."""
    ratios = []
    for streaming in (False, True):
        start = perf_counter()
        simulate(PROBLEM.replace(n_samples=20_000), streaming=streaming)
        seconds = perf_counter() - start
        ratios.append(estimate_cost(PROBLEM.replace(n_samples=20_000), streaming=streaming).seconds / seconds)
    assert 0.25 < min(ratios) <= max(ratios) < 4
