"""Samples that are the same in part: the network written out by hand, both ends, and every storage."""

from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, Problem, leave_one_out, simulate
from polyspike.experiments.statistics import SCALAR_FIELDS
from polyspike.simulation.draw import GaussianDraw

HALF = Problem(
    "relu", "h1 + 0.5*h2", 300, 60, 90, step_exponent=0.3, ridge=0.05, noise=0.3, samples="same", overlap=0.5
)  # fmt: skip
TALL = HALF.replace(n_samples=6150, input_dim=30, width=70)
WIDE = HALF.replace(n_samples=80, input_dim=30, width=6150)


@pytest.mark.parametrize("n_gradient", [None, 120, 500])
@pytest.mark.parametrize("gradient", ["full", "target"])
def test_the_gradient_has_the_first_of_the_fit_and_others(gradient: str, n_gradient: int | None) -> None:
    problem = HALF.replace(gradient=gradient, n_gradient=n_gradient)
    n0, shared = problem.gradient_samples, problem.shared_samples
    draw = GaussianDraw.of(problem, (4,), 2)
    x, y = draw.ridge_sample.inputs, draw.ridge_sample.labels(problem)
    own, own_labels = draw.gradient_sample.inputs, draw.gradient_sample.labels(problem)
    x0, y0 = np.concatenate([x[:shared], own[: n0 - shared]]), np.concatenate([y[:shared], own_labels[: n0 - shared]])
    w0, a, sigma = draw.weights, draw.readout(problem.readout), problem.activation
    residual = y0 - sigma(x0 @ w0.T) @ a if gradient == "full" else y0
    features = sigma(x @ (w0 + problem.step / n0 * (np.outer(a, residual) * sigma.derivative(w0 @ x0.T)) @ x0).T)
    fitted = np.linalg.solve(features.T @ features / 300 + problem.ridge * np.eye(90), features.T @ y / 300)
    found = simulate(problem, seed=4, n_test=50)
    assert found.train_error == pytest.approx(float(np.mean((y - features @ fitted) ** 2)), rel=1e-9)


@pytest.mark.parametrize("base", [HALF, TALL, WIDE], ids=["held", "samples", "neurons"])
def test_no_overlap_is_a_fresh_run(base: Problem) -> None:
    problems = [base.replace(overlap=0.0), base.replace(samples="fresh"), base, base.replace(overlap=1.0)]
    none, fresh, half, same = simulate(problems, seed=1, n_test=300, streaming=base is not HALF)
    for name in SCALAR_FIELDS:
        assert getattr(none, name) == getattr(fresh, name)
    assert len({run.train_loss for run in (fresh, half, same)}) == 3


@pytest.mark.parametrize("ratio", [0.7, 1, 1.2])
@pytest.mark.parametrize("base", [TALL, WIDE], ids=["samples", "neurons"])
def test_streamed_and_held_runs_agree(base: Problem, ratio: float) -> None:
    problem = base.replace(n_gradient=round(ratio * base.n_samples))
    options: dict[str, Any] = {"seed": (2, 7), "n_test": 300}
    streamed, held = (simulate(problem, streaming=flag, **options) for flag in (True, False))
    for name in SCALAR_FIELDS:
        assert getattr(streamed, name) == pytest.approx(getattr(held, name), rel=1e-11), name


def test_progress_reaches_its_end_and_changes_no_number() -> None:
    told: list[float] = []
    found = simulate(HALF, seed=1, n_test=300, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert found.test_error == simulate(HALF, seed=1, n_test=300).test_error


def test_leave_one_out_is_of_one_sample() -> None:
    with pytest.raises(ArgumentError, match=r"overlap = 0\.5: leave_one_out is of one sample for both stages"):
        leave_one_out(HALF)
    with pytest.raises(ArgumentError, match="n_gradient = 100: leave_one_out is of one sample"):
        leave_one_out(HALF.replace(overlap=None, n_gradient=100))
