"""A streamed run is the run that holds everything: the same numbers up to rounding, in bounded memory."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from polyspike import Measurement, NumericalError, Problem, simulate
from polyspike.experiments.statistics import SCALAR_FIELDS
from polyspike.simulation import over_neurons, over_samples
from polyspike.simulation.host import HOST
from polyspike.simulation.memory import estimate_bytes, estimate_streamed
from polyspike.simulation.over_samples import NormalEquations

# Three blocks of 2048 rows or neurons and a rest of a few.
TALL = Problem(
    "relu", "h1 + 0.5*h2", n_samples=6150, n_gradient=4100, input_dim=30, width=70, step_exponent=0.3, ridge=0.05
)
WIDE = TALL.replace(n_samples=80, n_gradient=120, width=6150)


def assert_same(streamed: Measurement, held: Measurement, rel: float = 1e-12) -> None:
    """To ``rel``; the train error to that of the train loss, as the residuals of a good fit are small differences."""
    for name in SCALAR_FIELDS:
        small = rel * held.train_loss if name == "train_error" else 0.0
        assert getattr(streamed, name) == pytest.approx(getattr(held, name), rel=rel, abs=small), name


@pytest.mark.parametrize("base", [TALL, WIDE], ids=["samples", "neurons"])
def test_streamed_and_held_runs_agree(base: Problem) -> None:
    problems = [
        base,
        base.replace(ridge=2.0),
        base.replace(step_size=0.0),
        base.replace(gradient="target", readout="rademacher"),
        base.replace(activation="tanh", teacher="h1[0] + h1[0]*h1[1]", noise=0.1),
    ]
    streamed, held = (
        simulate(problems, seed=(2, 7), n_test=2100, eigenvalues="all", alignment_degree=3, streaming=flag)
        for flag in (True, False)
    )
    for mine, other in zip(streamed, held, strict=True):
        assert_same(mine, other)
        assert mine.eigenvalues is not None
        assert other.eigenvalues is not None
        np.testing.assert_allclose(mine.eigenvalues, other.eigenvalues, atol=1e-13 * other.eigenvalues[0])
        assert mine.alignment is not None
        assert other.alignment is not None
        for name in ("monomial", "hermite", "overlaps"):
            np.testing.assert_allclose(getattr(mine.alignment, name), getattr(other.alignment, name), atol=1e-12)


@pytest.mark.parametrize("threads", [2, 3, 5])
def test_blocks_on_several_threads_are_the_same_blocks(threads: int) -> None:
    """Three blocks for the ridge sample, two for the gradient: fewer and more threads than blocks."""
    held = simulate(TALL, seed=3, n_test=2100, alignment_degree=3, streaming=False)
    with threadpool_limits(threads, user_api="blas"):
        assert HOST.at_once(TALL.width) == threads
        assert HOST.at_once(10_000) == 1
        streamed, again = (simulate(TALL, seed=3, n_test=2100, alignment_degree=3, streaming=True) for _ in range(2))
        assert HOST.at_once(TALL.width) == threads
    assert_same(streamed, held)
    assert all(getattr(streamed, name) == getattr(again, name) for name in SCALAR_FIELDS)


@pytest.mark.parametrize("base", [TALL, WIDE], ids=["samples", "neurons"])
def test_streamed_eigenvalues_are_those_asked_for(base: Problem) -> None:
    every = simulate(base, n_test=10, eigenvalues="all", streaming=False).eigenvalues
    assert every is not None
    edge = float(every[2] + every[3]) / 2
    choices: list[dict[str, Any]] = [{"eigenvalues": 3}, {"eigenvalues": "outliers", "bulk_edge": edge}]
    for which in choices:
        for flag in (True, False):
            values = simulate(base, n_test=10, streaming=flag, **which).eigenvalues
            assert values is not None
            np.testing.assert_allclose(values, every[:3], rtol=1e-8)


@pytest.mark.parametrize("base", [TALL, WIDE], ids=["samples", "neurons"])
def test_many_ridges_by_eigendecomposition_agree(base: Problem) -> None:
    problems = [base.replace(ridge=float(ridge)) for ridge in np.geomspace(1e-3, 10, 20)]
    streamed, held = (simulate(problems, n_test=100, streaming=flag) for flag in (True, False))
    for mine, other in zip(streamed, held, strict=True):
        assert_same(mine, other, rel=1e-11)


@pytest.mark.parametrize(("module", "base"), [(over_samples, TALL), (over_neurons, WIDE)], ids=["samples", "neurons"])
def test_room_for_fewer_steps_changes_no_bit(module: Any, base: Problem, monkeypatch: Any) -> None:
    problems = [base.replace(step_size=s, gradient=g) for g in ("full", "target") for s in (0.5, 1.0, 2.0)]
    together = simulate(problems, n_test=100, alignment_degree=1, streaming=True)
    monkeypatch.setattr(module, "steps_at_once", lambda *_: 2)
    in_groups = simulate(problems, n_test=100, alignment_degree=1, streaming=True)
    for mine, other in zip(in_groups, together, strict=True):
        assert [getattr(mine, name) for name in SCALAR_FIELDS] == [getattr(other, name) for name in SCALAR_FIELDS]


def test_a_good_fit_is_looked_at_twice() -> None:
    """Nearly interpolating, the sums cancel: they alone are wrong in the digits that the second pass gets right."""
    problem = TALL.replace(n_samples=2100, width=2000, ridge=1e-7, noise=0.0, teacher="h1")
    streamed, held = (simulate(problem, n_test=50, streaming=flag) for flag in (True, False))
    assert streamed.train_error == pytest.approx(held.train_error, rel=1e-9)

    rng = np.random.default_rng(1)
    for rows, noise, expected in ((210, 1e-4, True), (1000, 1.0, False)):
        features = rng.standard_normal((rows, 200))
        labels = features @ np.ones(200) / 14 + noise * rng.standard_normal(rows)
        equations = NormalEquations(HOST)
        equations.add(features[:90], labels[:90])
        equations.add(features[90:], labels[90:])
        readouts = equations.readouts([1e-9])
        errors, doubtful = equations.train_errors(readouts)
        exact = float(np.mean((labels - features @ readouts[:, 0]) ** 2))
        assert doubtful is expected
        assert (abs(errors[0] / exact - 1) < 1e-12) is not expected


@pytest.mark.parametrize("base", [TALL, WIDE], ids=["samples", "neurons"])
def test_ridge_zero_is_the_min_norm_fit(base: Problem) -> None:
    problem = base.replace(ridge=0.0, activation="erf")
    streamed, held = (simulate(problem, n_test=500, streaming=flag) for flag in (True, False))
    assert streamed.test_error == pytest.approx(held.test_error, rel=1e-9)
    assert streamed.train_error == pytest.approx(held.train_error, rel=1e-9, abs=1e-20)


def test_dependent_features_at_ridge_zero_are_refused() -> None:
    """A linear network wider than its inputs."""
    problem = TALL.replace(activation="identity", ridge=0.0)
    with pytest.raises(NumericalError, match="at ridge 0 the streamed Gram matrix"):
        simulate(problem, n_test=100, streaming=True)


def peak_bytes(problem: Problem, streaming: bool, n_test: int = 100, **options: Any) -> int:
    tracemalloc.start()
    simulate(problem, n_test=n_test, streaming=streaming, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(
    ("base", "name"), [(TALL.replace(width=200), "n_samples"), (WIDE.replace(input_dim=60), "width")], ids=["n", "N"]
)
def test_memory_does_not_depend_on_what_is_streamed(base: Problem, name: str) -> None:
    small, large = (base.replace(**{name: 2048 * blocks}) for blocks in (3, 12))
    assert peak_bytes(large, True) < 1.1 * peak_bytes(small, True)
    assert peak_bytes(large, False) > 2 * peak_bytes(small, False)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("base", [TALL.replace(width=300), WIDE.replace(n_samples=300)], ids=["tall", "wide"])
def test_memory_stays_within_the_estimate(base: Problem, dtype: str) -> None:
    """Above what is used, and not by so much that what fits is refused."""
    options: dict[str, Any] = {"n_test": 2048, "dtype": dtype, "eigenvalues": "all", "alignment_degree": 1}
    for streaming, estimate in ((False, estimate_bytes), (True, estimate_streamed)):
        assert 0.3 < peak_bytes(base, streaming, **options) / estimate(base, dtype) < 1
