"""The theory refuses a covariance that it does not know, and says on what it stands for other laws."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import polyspike as ps
from polyspike import ArgumentError, FailedPrediction, Prediction, Problem, Status

PLAIN = Problem("tanh", "h1 + 0.5*h2", 400, 100, 200, step_exponent=0.3)
COLOURED = PLAIN.replace(inputs="power:0.5")
UNIFORM = PLAIN.replace(inputs="law=uniform")

ISOTROPIC: list[Callable[[Problem], Any]] = [
    lambda p: ps.predict(p, method="window-published", window=2),
    ps.gradient_matrix_spectrum,
]
FUNCTIONS = [*ISOTROPIC, lambda p: ps.predict(p, method="window", window=2)]


@pytest.mark.parametrize("function", ISOTROPIC)
def test_another_covariance_is_refused_by_the_isotropic_theories(function: Callable[[Problem], Any]) -> None:
    with pytest.raises(ArgumentError, match=r"inputs = .*simulate\(\) take any"):
        function(COLOURED)


@pytest.mark.parametrize("function", ISOTROPIC)
def test_so_is_a_preconditioned_step(function: Callable[[Problem], Any]) -> None:
    with pytest.raises(ArgumentError, match=r"precondition = 0.5: .*simulate\(\) take any"):
        function(PLAIN.replace(precondition=0.5))


@pytest.mark.parametrize("function", [ps.predict, FUNCTIONS[-1], ps.derivatives])
def test_a_preconditioned_step_and_reused_samples_are_refused_together(function: Callable[[Problem], Any]) -> None:
    with pytest.raises(ArgumentError, match=r"precondition = 0.5: .*simulate\(\) takes this one"):
        function(PLAIN.replace(precondition=0.5, samples="same"))


@pytest.mark.parametrize("method", ["window-published"])
def test_among_many_it_is_a_row_out_of_range(method: str) -> None:
    first, second, third = ps.predict([PLAIN, COLOURED, PLAIN.replace(ridge=1.0)], method=method)
    assert isinstance(second, FailedPrediction)
    assert second.status is Status.OUT_OF_RANGE
    assert "inputs = " in second.trust_reason
    for row, problem in ((first, PLAIN), (third, PLAIN.replace(ridge=1.0))):
        assert isinstance(row, Prediction)
        assert row.problem == problem


@pytest.mark.parametrize("method", ["finite-size", "window"])
def test_another_law_has_the_gaussian_numbers_and_a_note(method: str) -> None:
    other, plain = ps.predict(UNIFORM, method=method), ps.predict(PLAIN, method=method)
    many = ps.predict([UNIFORM], method=method)[0]
    for row in (other, many):
        assert row.test_error == plain.test_error
        assert [note for note in row.notes if note not in plain.notes] == [row.notes[-1]]
        assert row.notes[-1].startswith("law=uniform: the numbers are those of Gaussian inputs")


def test_on_an_edge_all_three_have_the_note() -> None:
    found = ps.predict(UNIFORM.replace(step_exponent=0.25), method="window")
    assert isinstance(found, ps.EdgePrediction)
    assert found.crossing is not None
    assert all(p.notes[-1].startswith("law=uniform") for p in (found.below, found.above, found.crossing))


@pytest.mark.parametrize("call", [ps.derivatives, ps.best_step, ps.best_ridge, ps.best_step_and_ridge])
@pytest.mark.parametrize("given", [None, [PLAIN, PLAIN], "relu"])
def test_what_is_no_problem_is_refused_by_name(call: Callable[[Any], Any], given: Any) -> None:
    with pytest.raises(ArgumentError, match=r"problem = .*: give one Problem"):
        call(given)


FLAT = PLAIN.replace(activation=lambda z: 0 * z + 2)


@pytest.mark.parametrize(
    "function",
    [
        lambda p: ps.predict(p.replace(samples="same")),
        lambda p: ps.predict(p).spectrum,
        lambda p: ps.predict(p.replace(inputs="power:0.5")).spectrum,
        *(partial(ps.predict, method=method, window=1) for method in ("window", "window-published", "crossing")),
    ],
)
def test_constant_features_are_refused_by_name(function: Callable[[Problem], Any]) -> None:
    with pytest.raises(ArgumentError, match=r"^activation = '<lambda>': it is constant and has no features"):
        function(FLAT)


def test_constant_features_predict_nothing_of_fresh_samples() -> None:
    row, other = ps.predict([FLAT, FLAT.replace(samples="same")])
    assert row.test_error == pytest.approx(FLAT.label_second_moment, rel=1e-12)
    assert isinstance(other, FailedPrediction)
    assert "it is constant" in other.message
