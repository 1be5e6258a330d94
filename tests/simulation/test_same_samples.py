"""Both stages on one sample: the network written out by hand, what a fresh run shares with it, and what it costs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from polyspike import Measurement, Problem, simulate
from polyspike.arraytypes import Array
from polyspike.experiments.replicate import replicate
from polyspike.experiments.statistics import SCALAR_FIELDS
from polyspike.simulation.draw import GaussianDraw, Sample
from polyspike.simulation.fitting import Measured
from polyspike.simulation.simulate import Options, measure

SAME = Problem(
    "relu", "h1 + 0.5*h2", 300, 60, 90, step_exponent=0.3, ridge=0.05, noise=0.3, samples="same"
)  # fmt: skip
FRESH = SAME.replace(samples="fresh")
TALL = SAME.replace(n_samples=6150, input_dim=30, width=70)
WIDE = SAME.replace(n_samples=80, input_dim=30, width=6150)


def by_hand(problem: Problem, seed: tuple[int, ...]) -> tuple[float, float]:
    """Train error and train loss of the recipe, in NumPy, on the inputs and labels of the fit's streams."""
    draw = GaussianDraw.of(problem, seed, 2)
    x, y = draw.ridge_sample.inputs, draw.ridge_sample.labels(problem)
    w0, a, sigma = draw.weights, draw.readout(problem.readout), problem.activation
    residual = y - sigma(x @ w0.T) @ a if problem.gradient == "full" else y
    w = w0 + problem.step / len(x) * (np.outer(a, residual) * sigma.derivative(w0 @ x.T)) @ x
    features = sigma(x @ w.T)
    gram = features.T @ features / len(x) + problem.ridge * np.eye(problem.width)
    fitted = np.linalg.solve(gram, features.T @ y / len(x))
    error = float(np.mean((y - features @ fitted) ** 2))
    return error, error + problem.ridge * float(fitted @ fitted)


@pytest.mark.parametrize("gradient", ["full", "target"])
@pytest.mark.parametrize("width", [90, 400])
def test_the_fit_is_on_the_inputs_and_noise_of_the_gradient(gradient: str, width: int) -> None:
    problem = SAME.replace(gradient=gradient, width=width)
    same, fresh = simulate([problem, problem.replace(samples="fresh")], seed=4, n_test=50)
    error, loss = by_hand(problem, (4,))
    assert same.train_error == pytest.approx(error, rel=1e-9)
    assert same.train_loss == pytest.approx(loss, rel=1e-9)
    assert abs(fresh.train_error / error - 1) > 0.01


@pytest.mark.parametrize("base", [SAME, TALL, WIDE], ids=["held", "samples", "neurons"])
def test_at_step_zero_the_two_are_one_run(base: Problem) -> None:
    """The gradient's sample is not used then, and the fit's is shared."""
    still = base.replace(step_size=0.0)
    same, fresh = (
        simulate(problem, seed=2, n_test=200, streaming=base is not SAME)
        for problem in (still, still.replace(samples="fresh"))
    )
    assert same.train_loss == fresh.train_loss
    assert same.test_error == fresh.test_error
    assert same.cosine != fresh.cosine


@pytest.mark.parametrize("base", [TALL, WIDE], ids=["samples", "neurons"])
def test_streamed_and_held_runs_agree(base: Problem) -> None:
    problems = [base, base.replace(samples="fresh"), base.replace(gradient="target"), base.replace(ridge=1.0)]
    options: dict[str, Any] = {"seed": (2, 7), "n_test": 2100, "eigenvalues": 3, "alignment_degree": 2}
    streamed, held = (simulate(problems, streaming=flag, **options) for flag in (True, False))
    for mine, other in zip(streamed, held, strict=True):
        for name in SCALAR_FIELDS:
            small = 1e-12 * other.train_loss if name == "train_error" else 0.0
            assert getattr(mine, name) == pytest.approx(getattr(other, name), rel=1e-12, abs=small), name
        assert mine.eigenvalues is not None
        assert other.eigenvalues is not None
        np.testing.assert_allclose(mine.eigenvalues, other.eigenvalues, rtol=1e-8)
        assert mine.alignment is not None
        assert other.alignment is not None
        np.testing.assert_allclose(mine.alignment.hermite, other.alignment.hermite, atol=1e-12)


@pytest.mark.parametrize("base", [SAME, TALL, WIDE], ids=["held", "samples", "neurons"])
def test_problems_on_one_draw_share_work_and_no_number(base: Problem) -> None:
    problems = [
        base,
        base.replace(samples="fresh"),
        base.replace(activation="tanh"),
        base.replace(gradient="target", samples="fresh"),
    ]
    options: dict[str, Any] = {"seed": 5, "n_test": 300, "streaming": base is not SAME}
    together = simulate(problems, **options)
    for problem, shared in zip(problems, together, strict=True):
        alone = simulate(problem, **options)
        assert [getattr(shared, name) for name in SCALAR_FIELDS] == pytest.approx(
            [getattr(alone, name) for name in SCALAR_FIELDS], rel=1e-10
        )


@dataclass(frozen=True)
class Shuffled:
    """A draw whose fit has its rows in another order; its gradient has a sample that must not be read."""

    draw: GaussianDraw
    order: NDArray[np.int64]

    @property
    def weights(self) -> Array:
        return self.draw.weights

    def seen_by_gradient(self, shared: int) -> Sample:
        assert shared == len(self.order)
        return self.ridge_sample

    @property
    def ridge_sample(self) -> Sample:
        whole = self.draw.ridge_sample
        return Sample(whole.inputs[self.order], whole.noise[self.order])

    def readout(self, law: str) -> Array:
        return self.draw.readout(law)

    def test_blocks(self) -> Iterator[Sample]:
        return self.draw.test_blocks()


def test_the_order_of_the_samples_does_not_count() -> None:
    options = Options((3,), Measured("all"))
    draw = GaussianDraw.of(SAME, (3,), 500)
    order = np.random.default_rng(1).permutation(SAME.n_samples)
    (shuffled,) = measure(Shuffled(draw, order), [SAME], options)
    (plain,) = measure(draw, [SAME], options)
    for name in SCALAR_FIELDS:
        assert getattr(shuffled, name) == pytest.approx(getattr(plain, name), rel=1e-9), name
    assert shuffled.eigenvalues is not None
    assert plain.eigenvalues is not None
    np.testing.assert_allclose(shuffled.eigenvalues, plain.eigenvalues, rtol=1e-8)


def test_labels_of_one_half_and_inputs_of_another_would_be_another_run() -> None:
    """The negative control: with the noise in another order the same comparison fails."""
    draw, order = GaussianDraw.of(SAME, (3,), 500), np.random.default_rng(1).permutation(SAME.n_samples)

    class Wrong(Shuffled):
        @property
        def ridge_sample(self) -> Sample:
            return Sample(self.draw.ridge_sample.inputs, self.draw.ridge_sample.noise[self.order])

    (wrong,), (plain,) = (measure(d, [SAME], Options((3,), Measured())) for d in (Wrong(draw, order), draw))
    assert abs(wrong.train_loss / plain.train_loss - 1) > 1e-3


@pytest.mark.parametrize("options", [{"device": "array_api_strict"}, {"dtype": "float32"}], ids=str)
def test_other_devices_and_float32_agree(options: dict[str, Any]) -> None:
    there, here = (simulate([SAME, FRESH], seed=1, n_test=300, **some) for some in (options, {}))
    for one, other in zip(there, here, strict=True):
        rel = 1e-4 if "dtype" in options else 1e-10
        assert one.test_error == pytest.approx(other.test_error, rel=rel)
        assert one.train_loss == pytest.approx(other.train_loss, rel=rel)


def ratio(problem: Problem, replicates: int) -> tuple[float, float]:
    """Test error of the same samples over that of fresh ones, with its standard error: paired runs, equal seeds."""
    same, fresh = (
        np.array([run.test_error for run in replicate(p, replicates=replicates, seed=6, n_test=4000).measurements])
        for p in (problem, problem.replace(samples="fresh"))
    )
    mean = float(np.mean(same) / np.mean(fresh))
    spread = float(np.std(same - mean * fresh, ddof=1) / np.mean(fresh))
    return mean - 1, spread / replicates**0.5


def sine(x: Array) -> Array:
    return np.sin(2 * x)


FACTS: list[tuple[Any, dict[str, Any], float, float]] = [
    (sine, {"n_samples": 900, "input_dim": 300, "width": 720, "step_exponent": 0.3, "ridge": 0.01}, -0.567, 0.007),
    ("tanh", {"n_samples": 900, "input_dim": 300, "width": 720, "step_exponent": 0.3, "ridge": 0.1}, 0.050, 0.007),
    (
        "relu",
        {
            "n_samples": 1200,
            "input_dim": 400,
            "width": 960,
            "step_exponent": 0.45,
            "ridge": 0.01,
            "teacher": "h1 + 0.5*h2",
        },
        -0.166,
        0.016,
    ),
]
"""Activation, problem, and the relative difference of the test error with its standard error that another simulation
of the same networks has found."""


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "values", "known", "error"), FACTS, ids=["sin(2z)", "tanh", "relu"])
def test_reuse_acts_as_it_did_in_another_simulation(
    activation: str | Callable[[Array], Array], values: dict[str, Any], known: float, error: float
) -> None:
    problem = Problem(**{"teacher": "h1", **values}, activation=activation, gradient="target", samples="same")
    found, own_error = ratio(problem, 8)
    assert abs(found - known) < 4 * np.hypot(own_error, error)
    assert abs(found) > 4 * own_error


def test_the_effect_is_of_leading_order() -> None:
    """Not a step's: with a step so small that it moves nothing, it is gone."""

    def difference(problem: Problem) -> float:
        same, fresh = simulate([problem, problem.replace(samples="fresh")], seed=1, n_test=4000)
        return abs(same.train_loss / fresh.train_loss - 1)

    assert difference(SAME) > 0.05
    assert difference(SAME.replace(step_size=1e-6)) < 1e-5


def test_a_measurement_knows_its_samples() -> None:
    found: Measurement = simulate(SAME, n_test=10)
    assert found.problem == SAME
    assert found.to_dict()["problem"]["samples"] == "same"
    assert "samples" not in simulate(FRESH, n_test=10).to_dict()["problem"]
