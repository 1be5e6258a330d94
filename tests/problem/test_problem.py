"""The frozen value: what it refuses and how it says so, its derived numbers, and its forms as text."""

import json
import pickle
import subprocess
import sys
from dataclasses import FrozenInstanceError
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyspike import ACTIVATIONS, ArgumentError, Problem, as_activation, as_teacher
from polyspike.experiments.sweep.store import run_key

NAN, INF = float("nan"), float("inf")


def build(**changes: Any) -> Problem:
    step = {} if {"step_size", "step_exponent"} & set(changes) else {"step_size": 1.0}
    return Problem(**{**step, **changes})


BAD: list[tuple[dict[str, Any], str, str]] = [
    *(
        ({name: value}, name, "give an integer >= 2")
        for name in ("n_samples", "input_dim", "width", "n_gradient")
        for value in (1, 0, -5, 1.0, 2.5, True, "100", NAN, INF, np.float64(2.5), np.array([100]), [100], 1j)
    ),
    *(({name: None}, name, "give an integer >= 2") for name in ("n_samples", "input_dim", "width")),
    ({"width": 10**400}, "width", "give an integer <= 1e+30"),
    *(
        ({name: value}, name, "give a finite number")
        for name in ("ridge", "noise", "step_size", "step_exponent")
        for value in (NAN, INF, -INF, True, np.True_, "1", 1j, Decimal("0.1"), [0.1], np.array([0.1]), 10**400)
    ),
    *(({name: -1e-300}, name, "give a number >= 0") for name in ("ridge", "noise", "step_size")),
    ({"ridge": None}, "ridge", "give a finite number"),
    ({"step_exponent": -0.01}, "step_exponent", "[0, 1/2]; for other step sizes give step_size"),
    ({"step_exponent": 0.51}, "step_exponent", "[0, 1/2]; for other step sizes give step_size"),
    ({"step_exponent": 0.2, "step_size": 1.0}, "step_exponent, step_size", "both given; give exactly one"),
    ({"step_exponent": None, "step_size": None}, "step_exponent, step_size", "neither given; give exactly one"),
    ({"gradient": "ful"}, "gradient", "did you mean 'full'? known: full, target"),
    ({"gradient": None}, "gradient", "known: full, target"),
    ({"readout": "gausian"}, "readout", "did you mean 'gaussian'? known: gaussian, rademacher, constant"),
    ({"readout": np.array(["gaussian", "constant"])}, "readout", "known: gaussian"),
    ({"samples": "sane"}, "samples", "did you mean 'same'? known: fresh, same"),
    ({"samples": "same", "overlap": 1.01}, "overlap", "give a number in [0, 1], of the smaller of the two samples"),
    ({"samples": "same", "overlap": NAN}, "overlap", "give a finite number"),
    ({"samples": "same", "overlap": "half"}, "overlap", "give a finite number"),
    ({"overlap": 0.5}, "overlap", "samples='fresh' has none; give samples='same' with it"),
    ({"activation": "rleu"}, "activation", "did you mean 'relu'? known: identity, relu"),
    ({"activation": 3}, "activation", "give a name such as 'tanh', or a function"),
    ({"activation": lambda x: np.sum(x)}, "activation", "it returned shape () for an array of shape"),
    ({"teacher": "h1 + rleu"}, "teacher", "did you mean 'relu'?"),
    ({"teacher": "h1 +"}, "teacher", "cannot be parsed; write a sum such as 'h1 + 0.7*h2'"),
    ({"teacher": [0, NAN]}, "teacher", "give finite Hermite coefficients"),
    ({"teacher": lambda t: 1.0}, "teacher", "it returned shape () for an array of shape"),
    ({"teacher": "h1[2]", "input_dim": 2}, "input_dim", "the teacher has 3 directions"),
]


@pytest.mark.parametrize(("changes", "argument", "remedy"), BAD, ids=lambda v: repr(v)[:40].partition(" at 0x")[0])
def test_bad_input_names_argument_value_and_remedy(changes: dict[str, Any], argument: str, remedy: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        build(**changes)
    assert caught.value.argument == argument
    assert remedy in str(caught.value)
    assert str(caught.value).startswith(f"{argument} = ")
    value = caught.value.value
    assert value is changes.get(argument, value)


@pytest.mark.parametrize("value", [1e6, np.float32(1e6), np.array(1e6), np.array(10**6), np.int64(10**6)], ids=repr)
def test_an_integer_valued_number_is_an_integer(value: Any) -> None:
    problem = build(n_samples=value, n_gradient=value, ridge=np.array(0.5), noise=np.float32(0.5))
    assert problem == build(n_samples=10**6, n_gradient=10**6, ridge=0.5, noise=0.5)
    assert '"n_samples": 1000000' in json.dumps(problem.to_dict())


@pytest.mark.parametrize("name", ["ridge", "noise", "step_size", "step_exponent"])
def test_minus_zero_and_zero_are_one_problem_and_one_row(name: str) -> None:
    minus, plain = build(**{name: -0.0}), build(**{name: 0.0})
    assert minus == plain
    assert hash(minus) == hash(plain)
    assert run_key(minus, (0,), {}) == run_key(plain, (0,), {})


@pytest.mark.parametrize(
    "changes", [{"n_samples": 1}, {"ridge": -1.0}, {"step_exponent": 0.7}, {"activation": "rleu"}, {"ridg": 1.0}]
)
def test_replace_and_from_dict_refuse_the_same(changes: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(changes))):
        build().replace(**changes)
    with pytest.raises(ArgumentError, match=next(iter(changes))):
        Problem.from_dict({"step_size": 1.0, **changes})


def test_an_unknown_field_names_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="did you mean 'n_samples'"):
        build().replace(n_sample=3)
    with pytest.raises(ArgumentError, match="did you mean 'step_size'"):
        Problem.from_dict({"stepsize": 1.0})


@pytest.mark.parametrize("integer", [2, np.int64(2), np.int8(2), np.uint16(2), np.int32(2)])
def test_any_integer_is_a_size_and_becomes_an_int(integer: Any) -> None:
    problem = build(n_samples=integer, input_dim=integer, width=integer, n_gradient=integer)
    assert all(type(v) is int for v in (problem.n_samples, problem.input_dim, problem.width, problem.n_gradient))
    assert hash(problem) == hash(build(n_samples=2, input_dim=2, width=2, n_gradient=2))


@pytest.mark.parametrize("number", [0, 1, 0.5, np.float32(0.5), np.float64(0.5), np.int8(1), Fraction(1, 2)])
def test_any_real_number_becomes_a_float(number: Any) -> None:
    problem = build(ridge=number, noise=number, step_size=number)
    assert all(type(v) is float for v in (problem.ridge, problem.noise, problem.step_size))
    assert problem == build(ridge=float(number), noise=float(number), step_size=float(number))


def test_the_defaults() -> None:
    problem = Problem(step_exponent=0.3)
    assert (problem.n_samples, problem.input_dim, problem.width) == (4000, 400, 1000)
    assert (problem.activation.label, problem.teacher.expression) == ("gelu", "h1 + 0.7*h2")
    assert (problem.ridge, problem.noise) == (0.1, 0.5)
    assert (problem.gradient, problem.readout, problem.n_gradient) == ("full", "gaussian", None)
    assert problem.activation.centred


def test_ratios_and_moments() -> None:
    problem = build(n_samples=100, input_dim=50, width=200, n_gradient=25, noise=0.5, teacher="h1 + h2")
    assert (problem.phi, problem.psi, problem.phi_gradient, problem.gradient_samples) == (0.5, 0.25, 2.0, 25)
    assert build(n_samples=100).gradient_samples == 100
    assert problem.label_second_moment == pytest.approx(3.25)


def test_the_step() -> None:
    assert build(n_samples=10_000, step_exponent=0.25).step == pytest.approx(10.0)
    assert build(step_size=3.5).step == 3.5
    assert build(step_size=0).exponent == -INF
    assert build(n_samples=100, step_size=10).exponent == pytest.approx(0.5)


def exact_window(alpha: Fraction) -> tuple[int | None, tuple[int, int] | None]:
    """Window and edges of ``(l-1)/(2l) < alpha < l/(2l+2)``, which says ``l < 1/(1 - 2 alpha) < l + 1``."""
    if alpha == Fraction(1, 2):
        return None, None
    window = 1 / (1 - 2 * alpha)
    return (None, (int(window) - 1, int(window))) if window.denominator == 1 else (int(window), None)


RATIONAL = sorted({Fraction(p, q) for q in range(1, 41) for p in range(q // 2 + 1)})


def test_the_rule_itself() -> None:
    for window in range(1, 20):
        lower, upper = Fraction(window - 1, 2 * window), Fraction(window, 2 * window + 2)
        assert exact_window(lower) == (None, (window - 1, window))
        assert exact_window((lower + upper) / 2) == (window, None)


@pytest.mark.parametrize("n_samples", [2, 1000, 10**6])
def test_windows_and_edges_at_all_rational_exponents(n_samples: int) -> None:
    assert len(RATIONAL) > 200
    for alpha in RATIONAL:
        expected = exact_window(alpha)
        given_exponent = build(n_samples=n_samples, step_exponent=float(alpha))
        given_size = build(n_samples=n_samples, step_size=float(n_samples) ** float(alpha))
        for problem in (given_exponent, given_size):
            assert (problem.window, problem.window_edges) == expected, (alpha, problem)


@pytest.mark.parametrize(("step", "window"), [(0.0, 0), (0.5, 0), (1.0, None), (1000.0, None), (1e6, None)])
def test_windows_of_steps_out_of_range(step: float, window: int | None) -> None:
    problem = build(n_samples=1000, step_size=step)
    assert problem.window == window
    assert problem.window_edges == ((0, 1) if step == 1 else None)


def test_it_is_frozen_hashable_and_equal_by_value() -> None:
    problem = build()
    with pytest.raises(FrozenInstanceError):
        problem.ridge = 1.0  # type: ignore[misc]
    assert problem == build()
    assert hash(problem) == hash(build())
    different = [
        build(activation="relu"),
        build(activation="uncentred relu"),
        build(teacher="h2"),
        build(n_samples=3),
        build(ridge=0.2),
        build(step_size=2.0),
        build(step_exponent=0.0),
        build(n_gradient=2000),
        build(readout="constant"),
        build(gradient="target"),
    ]
    assert len({problem, *different}) == 1 + len(different)
    assert problem != "problem"  # type: ignore[comparison-overlap]


def test_the_same_teacher_written_differently_is_the_same_problem() -> None:
    assert build(teacher="h1+0.7*h2") == build(teacher=[0, 1, 0.7]) == build(teacher=as_teacher("0.7*H2 + h1"))


def test_replace() -> None:
    problem = build(step_exponent=0.2, teacher="h2")
    assert problem.replace() == problem
    assert problem.replace(ridge=1.0).teacher == problem.teacher
    assert problem.replace(step_size=3.0).step_exponent is None
    assert problem.replace(step_size=3.0).replace(step_exponent=0.2) == problem
    assert problem.replace(step_exponent=0.4).step_exponent == 0.4
    assert problem.replace(n_gradient=7).replace(n_gradient=None) == problem
    for both in ({"step_size": 1.0, "step_exponent": 0.1}, {"step_exponent": None}):
        with pytest.raises(ArgumentError, match="give exactly one of the two"):
            problem.replace(**both)


activations = st.sampled_from([*ACTIVATIONS, *(f"uncentred {name}" for name in ACTIVATIONS)])
teachers = st.one_of(
    st.sampled_from(ACTIVATIONS),
    st.lists(st.floats(-5, 5), min_size=1, max_size=5),
    st.sampled_from(["h1[0]*h1[1] - 3e-7*h2[1]", "tanh - relu/3", "0"]),
)
sizes = st.integers(2, 10**6)
positive = st.floats(0, 1e300)
steps = st.one_of(st.floats(0, 0.5).map(lambda a: {"step_exponent": a}), positive.map(lambda eta: {"step_size": eta}))
problems = st.builds(
    lambda step, **rest: Problem(**step, **rest),
    steps,
    activation=activations,
    teacher=teachers,
    n_samples=sizes,
    input_dim=sizes,
    width=sizes,
    ridge=positive,
    noise=positive,
    gradient=st.sampled_from(["full", "target"]),
    readout=st.sampled_from(["gaussian", "rademacher", "constant"]),
    n_gradient=st.none() | sizes,
)


@given(problems)
def test_round_trips(tmp_path_factory: pytest.TempPathFactory, problem: Problem) -> None:
    path = tmp_path_factory.getbasetemp() / "problem.toml"
    problem.to_toml(path)
    plain = problem.to_dict()
    forms = [
        Problem.from_dict(plain),
        Problem.from_dict(json.loads(json.dumps(plain))),
        Problem.from_toml(path),
        eval(repr(problem), {"Problem": Problem}),
        pickle.loads(pickle.dumps(problem)),
    ]
    for form in forms:
        assert form == problem
        assert hash(form) == hash(problem)
    assert all(type(value) in (str, int, float) for value in plain.values())


def test_it_prints_itself_well() -> None:
    text = repr(Problem("relu", "h1+.7*h2", 200, 100, 300, step_exponent=0.3))
    assert text == (
        "Problem(activation='relu', teacher='h1 + 0.7*h2', n_samples=200, input_dim=100, width=300, "
        "step_exponent=0.3, ridge=0.1, noise=0.5, gradient='full', readout='gaussian')"
    )
    mine = repr(build(activation=np.tanh, teacher=np.sin))
    assert "activation=tanh, teacher=sin," in mine


def test_an_activation_object_is_taken_as_it_is() -> None:
    activation = as_activation(np.abs, derivative=np.sign, kinks=(0.0,))
    assert build(activation=activation).activation is activation


def test_it_means_the_same_in_another_process() -> None:
    problem = build(activation="uncentred gelu", teacher="h1[0]*tanh[1]", n_samples=np.int64(77))
    script = "import pickle, sys; sys.stdout.write(repr(pickle.load(sys.stdin.buffer)))"
    done = subprocess.run([sys.executable, "-c", script], input=pickle.dumps(problem), capture_output=True, check=True)
    assert done.stdout.decode() == repr(problem)


def test_fresh_samples_are_not_written_down() -> None:
    """What was written, keyed and printed before there was a choice stays as it was."""
    fresh, same = build(), build(samples="same")
    assert build(samples="fresh") == fresh != same
    for text in (repr(fresh), json.dumps(fresh.to_dict()), fresh._repr_html_()):
        assert "fresh" not in text
    assert "samples='same'" in repr(same)
    assert ">samples</td>" in same._repr_html_().replace("</th>", "</td>")
    assert Problem.from_dict(same.to_dict()) == same
    assert run_key(fresh, (0,), {}) != run_key(same, (0,), {})
    assert same.gradient_samples == same.n_samples
    assert build(samples="same", n_samples=300, n_gradient=300).gradient_samples == 300


def test_the_overlap_is_a_share_of_the_smaller_sample() -> None:
    same = build(samples="same", n_samples=300)
    half, few, many = (same.replace(overlap=0.5, n_gradient=n0) for n0 in (None, 100, 900))
    assert [one.shared_samples for one in (half, few, many)] == [150, 50, 150]
    assert [one.replace(overlap=None).shared_samples for one in (half, few, many)] == [300, 100, 300]
    assert same.one_sample
    assert not any(one.one_sample for one in (half, few, many, few.replace(overlap=None), build()))
    assert build().shared_samples == same.replace(overlap=0).shared_samples == 0


def test_a_whole_overlap_is_one_sample_and_a_fresh_sample_has_none() -> None:
    same, half = build(samples="same"), build(samples="same", overlap=0.5)
    assert same.replace(overlap=1) == same == half.replace(overlap=1.0)
    assert half.replace(samples="fresh") == build()
    assert "overlap=0.5" in repr(half)
    assert "overlap" not in repr(same) + json.dumps(same.to_dict()) + json.dumps(build().to_dict())
    assert Problem.from_dict(half.to_dict()) == half
    assert run_key(half, (0,), {}) != run_key(same, (0,), {})
