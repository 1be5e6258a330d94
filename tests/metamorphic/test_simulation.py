"""The same symmetries on real networks, draw by draw: with the problem the draw is changed as the proof says.

Arrays are computed in another order at most, so that everything agrees to rounding times the condition of the fit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pytest

from metamorphic.problems import depths, for_all
from metamorphic.transformations import SYMMETRIES, Scales, changed_activation
from polyspike import Measurement, Problem, as_teacher, simulate
from polyspike.arraytypes import Array
from polyspike.simulation.draw import GaussianDraw, Sample
from polyspike.simulation.fitting import Measured
from polyspike.simulation.simulate import Options, measure

SEED, N_TEST, ACCURACY = (17, 4), 64, 1e-8
SMALL: dict[str, Any] = {"n_samples": (30, 70), "n_gradient": 90}


@dataclass(frozen=True)
class ChangedDraw:
    """A draw with signs on its inputs, weights, readout and noise, and its coordinates in another order."""

    draw: GaussianDraw
    mirrored: int = 0
    inputs: float = 1.0
    weights_sign: float = 1.0
    readout_sign: float = 1.0
    noise: float = 1.0
    swapped: bool = False

    def _turned(self, rows: Array) -> Array:
        """Rows with the first coordinates mirrored, and the first two exchanged."""
        turned = rows.copy()
        turned[:, : self.mirrored] *= -1
        if self.swapped:
            turned[:, [0, 1]] = turned[:, [1, 0]]
        return turned

    def _changed(self, sample: Sample) -> Sample:
        return Sample(self.inputs * self._turned(sample.inputs), self.noise * sample.noise)

    @cached_property
    def weights(self) -> Array:
        return self.weights_sign * self._turned(self.draw.weights)

    @cached_property
    def gradient_sample(self) -> Sample:
        return self._changed(self.draw.gradient_sample)

    def seen_by_gradient(self, shared: int) -> Sample:
        return self._changed(self.draw.seen_by_gradient(shared))

    @cached_property
    def ridge_sample(self) -> Sample:
        return self._changed(self.draw.ridge_sample)

    def readout(self, law: str) -> Array:
        return self.readout_sign * self.draw.readout(law)

    def test_blocks(self) -> Iterator[Sample]:
        return map(self._changed, self.draw.test_blocks())


# What becomes of the draw; where nothing is said, nothing.
CHANGES: dict[str, dict[str, Any]] = {
    "mirror the teacher": {"mirrored": 2},
    "flip the labels": {"readout_sign": -1.0, "noise": -1.0},
    "mirror the activation": {"weights_sign": -1.0},
    "flip the activation": {"readout_sign": -1.0},
    "flip activation and labels": {"noise": -1.0},
    "mirror the teacher and flip the labels of an odd activation": {"inputs": -1.0, "noise": -1.0},
    "swap the indices": {"swapped": True},
    "leave the first index empty": {"swapped": True},
}


def run(problem: Problem, **changes: Any) -> Measurement:
    draw = ChangedDraw(GaussianDraw.of(problem, SEED, N_TEST), **changes)
    return measure(draw, [problem], Options(SEED, Measured("all", 0, None)))[0]


def numbers(found: Measurement, scales: Scales) -> dict[str, Array]:
    """By name, in the original's units; without a signal beta* is the first axis whatever the problem."""
    assert found.eigenvalues is not None
    assert found.cosine is not None
    assert found.spike_cosine is not None
    errors = np.array([found.train_loss, found.train_error, found.test_error, found.test_error_se])
    cosines = np.array([found.cosine, scales.spike * found.spike_cosine, found.rank_one_fraction])
    signal = bool(np.any(found.problem.teacher.linear_coefficients))
    return {
        "errors": errors / scales.errors,
        "cosines": cosines if signal else cosines[2:],
        "eigenvalues": found.eigenvalues / scales.eigenvalues,
    }


def assert_same(found: dict[str, Array], expected: dict[str, Array]) -> None:
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=ACCURACY * np.abs(value).max(), err_msg=name)


@depths(quick=6, deep=150)
@pytest.mark.parametrize("name", SYMMETRIES)
def test_draw_by_draw(name: str, examples: int) -> None:
    symmetry = SYMMETRIES[name]

    def check(problem: Problem) -> None:
        own, other = run(problem), run(symmetry.change(problem), **CHANGES.get(name, {}))
        assert_same(numbers(other, symmetry.scales), numbers(own, Scales()))

    for_all(check, f"{name} simulated", examples, **{**SMALL, **symmetry.domain})


def test_without_the_change_of_the_draw_the_same_comparison_fails() -> None:
    problem = Problem("relu", "h1 + 0.5*h2", 60, 30, 50, step_size=2.0, ridge=0.01)
    for name in CHANGES:
        symmetry = SYMMETRIES[name]
        if name.startswith(("swap", "mirror the teacher and")):
            continue
        with pytest.raises(AssertionError):
            assert_same(numbers(run(symmetry.change(problem)), symmetry.scales), numbers(run(problem), Scales()))


def errors(found: Measurement) -> Array:
    return np.array([found.train_loss, found.train_error, found.test_error])


@depths(quick=4, deep=60)
def test_a_batch_may_be_split_and_permuted(examples: int) -> None:
    def check(problem: Problem) -> None:
        rows = [
            problem,
            problem.replace(ridge=3 * problem.ridge),
            problem.replace(step_size=problem.step / 2),
            problem.replace(gradient="target"),
            problem.replace(noise=problem.noise + 0.2),
        ]
        whole = simulate(rows, seed=SEED, n_test=N_TEST)
        backwards = simulate(rows[::-1], seed=SEED, n_test=N_TEST)[::-1]
        alone = [simulate(row, seed=SEED, n_test=N_TEST) for row in rows]
        for other in (backwards, alone):
            for one, two in zip(whole, other, strict=True):
                np.testing.assert_allclose(errors(one), errors(two), rtol=1e-9, atol=1e-12)

    for_all(check, "batch simulated", examples, **SMALL, gradients=("target",))


@depths(quick=6, deep=100)
def test_at_step_zero_nothing_is_learned_from_any_gradient(examples: int) -> None:
    """Neither its form, nor its readout, nor the number of its samples counts."""

    def check(problem: Problem) -> None:
        own = errors(simulate(problem, seed=SEED, n_test=N_TEST))
        for changes in ({"gradient": "target"}, {"readout": "constant"}, {"n_gradient": 20}):
            other = simulate(problem.replace(**changes), seed=SEED, n_test=N_TEST)
            np.testing.assert_allclose(errors(other), own, rtol=1e-10)

    for_all(check, "step zero simulated", examples, **SMALL, gradients=("full",), step_size=0.0)


WAYS = [
    ("tanh", as_teacher(np.tanh)),
    ([0.0, -1.0, 0.5], "0.5*h2 - h1"),
    ("0.5*h2 - h1", as_teacher(lambda t: 0.5 * (t * t - 1) - t)),
    ("-0.3*h3 + h1[0]", as_teacher(lambda t: t - 0.3 * (t**3 - 3 * t))),
]


@pytest.mark.parametrize(("one", "other"), WAYS)
def test_the_same_teacher_in_two_ways(one: Any, other: Any) -> None:
    problem = Problem("gelu", one, 60, 30, 50, step_size=2.0, ridge=0.01)
    first, second = (simulate(problem.replace(teacher=teacher), seed=SEED, n_test=N_TEST) for teacher in (one, other))
    np.testing.assert_allclose(errors(first), errors(second), rtol=1e-10)
    assert first.cosine == pytest.approx(second.cosine, rel=1e-10)


def test_the_same_activation_by_name_and_as_a_function() -> None:
    for name in ("tanh", "relu", "gelu"):
        problem = Problem(name, "h1 - h2", 60, 30, 50, step_size=2.0, ridge=0.01)
        other = problem.replace(activation=changed_activation(problem.activation))
        assert not other.activation.is_named
        found, expected = (errors(simulate(p, seed=SEED, n_test=N_TEST)) for p in (other, problem))
        np.testing.assert_allclose(found, expected, rtol=1e-10)


@depths(quick=6, deep=100)
def test_facts_of_every_ridge_fit(examples: int) -> None:
    """``0 <= train error <= train loss <= |y|^2/n``, whose mean is E y^2; more ridge, more of both; the loss is concave
    in the ridge, being a minimum of straight lines.
    """

    def check(problem: Problem) -> None:
        ridges = [problem.ridge * factor for factor in (1.0, 2.0, 3.0)]
        rows = simulate([problem.replace(ridge=ridge) for ridge in ridges], seed=SEED, n_test=N_TEST)
        loss, error = (np.array([getattr(row, name) for row in rows]) for name in ("train_loss", "train_error"))
        labels = GaussianDraw.of(problem, SEED, N_TEST).ridge_sample.labels(problem)
        slack = 1 + 1e-9
        assert np.all(error >= 0)
        assert np.all(error <= loss * slack)
        assert np.all(loss <= np.mean(labels**2) * slack)
        assert np.all(np.diff(loss) >= -1e-9 * loss[:-1])
        assert np.all(np.diff(error) >= -1e-9 * loss[:-1])
        assert loss[1] >= (loss[0] + loss[2]) / 2 / slack

    for_all(check, "facts simulated", examples, **SMALL)
