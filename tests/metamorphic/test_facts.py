"""Facts that every prediction meets whatever the problem: other ways of saying the same, limits, inequalities."""

from typing import Any

import numpy as np
import pytest

from metamorphic.comparisons import answer, assert_same, of_prediction
from metamorphic.problems import depths, for_all, two_kinks
from metamorphic.transformations import SYMMETRIES, Scales, changed_activation, changed_teacher
from polyspike import NumericalError, Prediction, Problem, as_teacher, derivatives, predict
from polyspike.arraytypes import Array
from polyspike.results import FailedPrediction

# The errors are computed to 1e-8 (tests/theory/finite_size/test_refinement.py); two quadratures of one function
# agree so.
ACCURACY = 1e-8


def errors(problem: Problem, window: int | None = None) -> Array:
    """By the finite-size theory; by the limit inside a window where one is given."""
    found = predict(problem) if window is None else predict(problem, method="window", window=window)
    return np.array([found.train_loss, found.train_error, found.test_error])


def gap(found: Array, expected: Array) -> float:
    """Relative, a train error under 1e-4 of the loss being the loss's rounding."""
    scale = np.maximum(expected, 1e-4 * expected[0])
    return float(np.abs((found - expected) / scale).max())


def resized(problem: Problem, factor: int) -> Problem:
    """The same ratios at other sizes."""
    sizes = {name: factor * getattr(problem, name) for name in ("n_samples", "input_dim", "width")}
    return problem.replace(**sizes, n_gradient=factor * problem.gradient_samples)


def polynomial(t: Any) -> Any:
    return 0.5 * (t * t - 1) - t


def centred_relu(t: Any) -> Any:
    return np.maximum(t, 0.0) - (2 * np.pi) ** -0.5


WAYS = [
    ([0.0, -1.0, 0.5], "0.5*h2 - h1"),
    ("0.5*h2 - h1", as_teacher(polynomial)),
    ("tanh", as_teacher(np.tanh)),
    ("-tanh", as_teacher(lambda t: -np.tanh(t))),
    ("relu", as_teacher(centred_relu, kinks=(0.0,))),
    ("-relu", changed_teacher(as_teacher(centred_relu, kinks=(0.0,)), outside=-1.0)),
    ("relu - h1", changed_teacher(as_teacher(centred_relu, kinks=(0.0,)), inside=-1.0)),
]


@pytest.mark.parametrize("gradient", ["full", "target"])
@pytest.mark.parametrize(("one", "other"), WAYS)
def test_the_same_teacher_in_two_ways(one: Any, other: Any, gradient: str) -> None:
    """By coefficients, expression, name and as a function, whose quadrature is another."""
    problem = Problem("gelu", one, 600, 200, 400, step_size=4.0, gradient=gradient, n_gradient=500, ridge=0.01)
    found, expected = (of_prediction(problem.replace(teacher=teacher)) for teacher in (other, one))
    assert_same(found, expected, ACCURACY)


TURNED = [
    ("h1[0]*h1[1]", "0.5*h2[0] - 0.5*h2[1]"),
    ("h1[0] + h1[1]", "1.4142135623730951*h1"),
    ("h1[0] + h1[1] + h1[0]*h1[1]", "1.4142135623730951*h1[0] + 0.5*h2[0] - 0.5*h2[1]"),
    ("0.6*h1[0] - 0.8*h1[1] + 0.5*h2[0] + 0.5*h2[1]", "h1[0] + 0.5*h2[0] + 0.5*h2[1]"),
]


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize(("one", "other"), TURNED)
def test_the_same_teacher_in_turned_coordinates(one: str, other: str, activation: str) -> None:
    """``d = 60`` and ``n = 400``: the quadratic part of the label is learned in every direction."""
    problem = Problem(activation, one, 400, 60, 800, step_size=3.0, ridge=0.1, noise=0.3)
    assert_same(of_prediction(problem.replace(teacher=other)), of_prediction(problem), ACCURACY)


@depths(quick=5, deep=150)
def test_the_same_activation_by_name_and_as_a_function(examples: int) -> None:
    def check(problem: Problem) -> None:
        other = problem.replace(activation=changed_activation(problem.activation))
        assert not other.activation.is_named
        assert_same(answer(of_prediction, other), answer(of_prediction, problem), ACCURACY)

    for_all(check, "activation by name", examples)


def test_what_is_no_symmetry_is_told_apart() -> None:
    """A constant readout cannot flip, an even part is not mirrored into itself, a scale changes the full gradient."""
    problem = Problem("relu", "h1 + 0.5*h2", 600, 200, 400, step_size=4.0, noise=0.5, ridge=0.01)
    wrong = {
        "flip the labels": problem.replace(readout="constant", gradient="target"),
        "flip the activation": problem.replace(readout="constant", gradient="target"),
        "mirror the teacher and flip the labels of an odd activation": problem.replace(readout="constant"),
        "scale the labels up": problem,
        "scale the activation": problem,
    }
    for name, example in wrong.items():
        symmetry = SYMMETRIES[name]
        with pytest.raises(AssertionError):
            assert_same(of_prediction(symmetry.change(example), symmetry.scales), of_prediction(example), 1e-4)


@depths(quick=3, deep=60)
def test_a_batch_may_be_split_and_permuted(examples: int) -> None:
    """Starts are warm in another order: the fixed point is the same to what it is solved to."""

    def numbers(row: Any) -> Array | None:
        return None if row.test_error is None else np.array([row.train_loss, row.train_error, row.test_error])

    def check(problem: Problem) -> None:
        changes: list[dict[str, Any]] = [
            {},
            {"ridge": 3 * problem.ridge},
            {"step_size": problem.step / 2},
            {"gradient": "target"},
            {"noise": problem.noise + 0.2},
            {"ridge": problem.ridge / 50},
        ]
        rows = [problem.replace(**change) for change in changes]
        whole, backwards = predict(rows), predict(rows[::-1])[::-1]
        split = [*predict(rows[:2]), *predict(rows[2:])]
        alone = [predict([row])[0] for row in rows]
        for others in (backwards, split, alone):
            for one, two in zip(map(numbers, whole), map(numbers, others), strict=True):
                assert (one is None) == (two is None)
                assert one is None or two is None or gap(one, two) < 1e-9

    for_all(check, "batch", examples)


def test_a_problem_that_fails_fails_in_a_batch_too() -> None:
    problem = Problem("tanh", "h1", 400, 100, 400, step_size=1.0, ridge=0.0)
    with pytest.raises(NumericalError):
        predict(problem)
    rows = predict([problem, problem.replace(ridge=0.1)])
    assert isinstance(rows[0], FailedPrediction)
    assert isinstance(rows[1], Prediction)


@depths(quick=6, deep=150)
def test_the_same_step_and_the_same_sample_in_two_ways(examples: int) -> None:
    def check(problem: Problem) -> None:
        other = problem.replace(step_size=problem.n_samples**0.3)
        by_exponent = problem.replace(step_exponent=0.3)
        assert_same(answer(of_prediction, by_exponent), answer(of_prediction, other), 1e-12)
        named = problem.replace(n_gradient=problem.n_samples)
        assert_same(answer(of_prediction, named), answer(of_prediction, problem), 1e-12)

    for_all(check, "two ways", examples, n_gradient=None)


@depths(quick=4, deep=60)
def test_at_step_zero_nothing_is_learned_from_any_gradient(examples: int) -> None:
    """Exact in truth. The theory puts the label into one direction of a bulk that knows none, which is of the order of
    what it neglects: each prediction lies within its own estimate, and the gap closes as ``1/d^2``, with
    readouts of one size as ``1/N`` and with quadratic features and labels with a mean as ``1/d``
    (docs/theory-numerics.md, section 15).
    """

    def of_second_order(problem: Problem) -> bool:
        mean, quadratic = problem.teacher.coefficients(0)[0], problem.activation.coefficients(2)[2]
        return problem.readout == "gaussian" and abs(mean * quadratic) < ACCURACY

    def check(problem: Problem) -> None:
        found, large = (resized(problem, factor) for factor in (1, 6))
        for changes in ({"gradient": "target"}, {"readout": "gaussian"}):
            near, far = (gap(errors(p.replace(**changes)), errors(p)) for p in (found, large))
            estimate = predict(found).error_estimate
            assert estimate is not None
            assert near < 2 * estimate + 1e-8
            assert far < near / (12 if of_second_order(problem) else 3) + 2e-6

    for_all(check, "step zero", examples, gradients=("full",), step_size=0.0, n_samples=(400, 1600))


@depths(quick=4, deep=100)
def test_unlimited_samples_for_the_gradient_are_a_limit(examples: int) -> None:
    """Of first order in d/n_0, down to the accuracy of the rules and beyond what M's deviation resolves."""

    def check(problem: Problem) -> None:
        try:
            limit = errors(problem.replace(n_gradient=10**25))
        except NumericalError:
            return
        near, far, farther = (gap(errors(problem.replace(n_gradient=10**k)), limit) for k in (8, 11, 17))
        assert far < 2e-3 * near + ACCURACY
        assert farther < ACCURACY

    domain = {"teacher_families": ("polynomial", "even", "two indices")}
    for_all(check, "unlimited", examples, **domain)


@pytest.mark.parametrize("exponent", [10, 12, 14])
def test_without_a_step_many_samples_change_nothing(exponent: int) -> None:
    """The part of beta* orthogonal to b is as small as the error of the rule for the labels; 2.3 % were lost to it."""
    problem = Problem("tanh", "-0.7*sin[1] + tanh[0]", 200, 50, 50, step_size=0.0, ridge=1.0, noise=0.0)
    for gradient in ("full", "target"):
        one = problem.replace(gradient=gradient)
        assert gap(*(errors(one.replace(n_gradient=10**k)) for k in (exponent, 25))) < 1e-8


@depths(quick=6, deep=150)
def test_noise_may_stand_inside_the_teacher(examples: int) -> None:
    """A fifth Hermite polynomial of an index of its own cannot be learned by any limit, and by the finite-size
    theory at finite size neither, but for its moments: the gap closes as 1/d.
    """

    def check(problem: Problem) -> None:
        size = 0.5
        hidden = f"{problem.teacher.expression} + {size / 120**0.5!r}*h5[1]"
        inside = problem.replace(teacher=hidden)
        outside = problem.replace(noise=(problem.noise**2 + size**2) ** 0.5)
        for window in (0, 1, 2):
            one, two = (errors(p, window) for p in (inside, outside))
            assert gap(one, two) < 1e-9
        still = [p.replace(step_size=0.0) for p in (inside, outside)]
        near, far = (gap(*(errors(resized(p, factor)) for p in still)) for factor in (1, 8))
        assert far < near / 4 + 1e-7

    domain = {"teacher_families": ("polynomial", "even"), "n_samples": (400, 1600), "readouts": ("gaussian",)}
    for_all(check, "noise inside", examples, **domain)


@depths(quick=8, deep=200)
def test_facts_of_every_ridge_fit(examples: int) -> None:
    """``0 <= train error <= train loss <= E y^2`` and ``noise^2 <= test error``. The loss is a minimum over readouts of
    straight lines in the ridge: concave, and ``train loss - train error = ridge * d train loss/d ridge``. More ridge,
    more of both.
    """

    def check(problem: Problem) -> None:
        try:
            found = derivatives(problem)
        except NumericalError:
            return
        row, slopes = found.prediction, found.by_ridge
        loss, tiny = row.train_loss, 1e-9 * row.train_loss
        assert -tiny <= row.train_error <= loss + tiny
        assert loss <= row.null_error * (1 + 1e-9)
        assert row.test_error >= problem.noise**2 * (1 - 1e-7)
        assert problem.ridge * slopes.train_loss == pytest.approx(loss - row.train_error, abs=tiny)
        assert slopes.train_error >= -tiny / problem.ridge
        heights = [errors(problem.replace(ridge=factor * problem.ridge))[0] for factor in (1.0, 2.0, 3.0)]
        assert heights[1] >= (heights[0] + heights[2]) / 2 - tiny

    for_all(check, "facts", examples)


def test_an_infinite_ridge_predicts_nothing() -> None:
    def check(problem: Problem) -> None:
        found = errors(problem.replace(ridge=1e12))
        np.testing.assert_allclose(found, problem.label_second_moment, rtol=1e-5)

    for_all(check, "infinite ridge", 6)


def test_scales_of_a_symmetry_are_those_of_its_own_numbers() -> None:
    """The unit of everything compared: a problem is its own image."""
    problem = Problem("relu", as_teacher(two_kinks, kinks=(0.7, 1.3)), 300, 100, 200, step_size=1.0, ridge=0.01)
    assert_same(of_prediction(problem, Scales()), of_prediction(problem), 0.0)
