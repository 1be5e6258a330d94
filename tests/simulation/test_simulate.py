"""``simulate``: the same network step by step, shared work, and options."""

from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, Problem, simulate
from polyspike.experiments.statistics import SCALAR_FIELDS
from polyspike.simulation.draw import GaussianDraw

PROBLEM = Problem(
    "relu", "h1 + 0.5*h2", n_samples=300, input_dim=60, width=90, step_exponent=0.3, ridge=0.05, noise=0.3
)


def by_hand(problem: Any, seed: Any, n_test: Any) -> Any:
    """The paper's recipe, written out with the arrays of the draw."""
    draw = GaussianDraw.of(problem, seed, n_test)
    first, second, w0 = draw.gradient_sample, draw.ridge_sample, draw.weights
    a, sigma = draw.readout(problem.readout), problem.activation
    x, y = first.inputs, first.labels(problem)
    residual = y - sigma(x @ w0.T) @ a if problem.gradient == "full" else y
    gradient = (np.outer(a, residual) * sigma.derivative(w0 @ x.T)) @ x / len(x)
    w = w0 + problem.step * gradient
    features, labels, n = sigma(second.inputs @ w.T), second.labels(problem), problem.n_samples
    fitted = np.linalg.solve(features.T @ features / n + problem.ridge * np.eye(problem.width), features.T @ labels / n)
    train = np.mean((labels - features @ fitted) ** 2)
    tests = [(s.labels(problem) - sigma(s.inputs @ w.T) @ fitted) ** 2 for s in draw.test_blocks()]
    return train, train + problem.ridge * fitted @ fitted, np.concatenate(tests), features


@pytest.mark.parametrize("gradient", ["full", "target"])
@pytest.mark.parametrize("width", [90, 400])
def test_simulation_is_the_recipe_of_the_paper(gradient: Any, width: Any) -> None:
    problem = PROBLEM.replace(gradient=gradient, width=width)
    measured = simulate(problem, seed=4, n_test=3000, eigenvalues="all")
    train, loss, squares, features = by_hand(problem, (4,), 3000)
    assert measured.train_error == pytest.approx(train, rel=1e-9)
    assert measured.train_loss == pytest.approx(loss, rel=1e-9)
    assert measured.test_error == pytest.approx(squares.mean(), rel=1e-9)
    assert measured.test_error_se == pytest.approx(squares.std() / np.sqrt(3000), rel=1e-6)
    values = np.linalg.svd(features, compute_uv=False) ** 2 / width
    assert measured.eigenvalues is not None
    np.testing.assert_allclose(measured.eigenvalues, values, rtol=1e-9, atol=1e-12)


def test_shared_work_changes_nothing() -> None:
    problems = [
        PROBLEM,
        PROBLEM.replace(step_size=0.0),
        PROBLEM.replace(ridge=0.5),
        PROBLEM.replace(activation="tanh"),
        PROBLEM.replace(teacher="h1", noise=0.0),
        PROBLEM.replace(gradient="target", readout="rademacher"),
        PROBLEM.replace(n_samples=200),
    ]
    together = simulate(problems, seed=(2, 7), n_test=500)
    for problem, shared in zip(problems, together, strict=True):
        alone = simulate(problem, seed=(2, 7), n_test=500)
        assert shared.problem == problem
        for name in SCALAR_FIELDS:
            assert getattr(shared, name) == pytest.approx(getattr(alone, name), rel=1e-10)


def test_a_seed_fixes_the_run() -> None:
    first, again, listed, other = (simulate(PROBLEM, seed=s, n_test=500) for s in (3, (3,), [3], 4))
    for same in (again, listed):
        assert [getattr(first, n) for n in SCALAR_FIELDS] == [getattr(same, n) for n in SCALAR_FIELDS]
    assert first.test_error != other.test_error


def test_repeated_problems_are_allowed() -> None:
    one, two = simulate([PROBLEM, PROBLEM], n_test=500)
    assert one.test_error == two.test_error


def test_step_zero_has_no_target_only_spike() -> None:
    measured = simulate(PROBLEM.replace(step_size=0.0, gradient="target"), n_test=100, alignment_degree=2)
    assert measured.spike_cosine == 0.0
    assert measured.alignment is not None
    assert np.all(np.isfinite(measured.alignment.hermite))


def test_alignment_grows_with_the_step() -> None:
    small, large = (
        simulate(PROBLEM.replace(step_size=s), n_test=100, alignment_degree=2).alignment for s in (0.1, 20.0)
    )
    assert small is not None
    assert large is not None
    assert large.hermite[0] > 0.8 > small.hermite[0]


def test_ridge_zero_interpolates_where_it_can() -> None:
    measured = simulate(PROBLEM.replace(ridge=0.0, width=600), n_test=500)
    assert measured.train_error < 1e-20
    assert measured.train_loss == measured.train_error


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("n_test", 1),
        ("n_test", 10.5),
        ("eigenvalues", "some"),
        ("eigenvalues", 0),
        ("eigenvalues", True),
        ("alignment_degree", -1),
        ("bulk_edge", 2.0),
        ("streaming", "yes"),
    ],
)
def test_bad_options_are_named(option: Any, value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"^{option} = "):
        simulate(PROBLEM, **{option: value})


@pytest.mark.parametrize("edge", [None, -1.0, 0.0, float("inf"), float("nan"), "2"])
def test_outliers_need_an_edge(edge: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^bulk_edge = "):
        simulate(PROBLEM, n_test=100, eigenvalues="outliers", bulk_edge=edge)


def test_outliers_are_the_eigenvalues_above_the_edge() -> None:
    problem = PROBLEM.replace(step_size=5.0)
    every = simulate(problem, n_test=100, eigenvalues="all").eigenvalues
    assert every is not None
    edge = float(every[1] + every[2]) / 2
    above = simulate(problem, n_test=100, eigenvalues="outliers", bulk_edge=edge).eigenvalues
    assert above is not None
    np.testing.assert_allclose(above, every[:2], rtol=1e-8)
