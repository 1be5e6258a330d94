"""A user's own functions: what is accepted, what is refused and why, and that they hash and pickle."""

import math
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from polyspike import ArgumentError, Problem, as_activation, as_teacher
from polyspike.problem.callables import as_kinks


def cubic(x: Any) -> Any:
    return x + 0.1 * x**3


def steep(x: Any, slope: float = 1.0) -> Any:
    return np.tanh(slope * x)


def shifted_relu(x: Any) -> Any:
    return np.maximum(x - 0.3, 0)


def shifted_step(x: Any) -> Any:
    return 1.0 * (x > 0.3)


def in_place_relu(x: Any) -> Any:
    x[x < 0] = 0
    return x


def two_index(t: Any) -> Any:
    return t[:, 0] * t[:, 1]


def test_complex_step_is_exact_for_an_analytic_function() -> None:
    mine, named = as_activation(np.tanh), as_activation("tanh")
    x = np.linspace(-3, 3, 31)
    np.testing.assert_allclose(mine.derivative(x), named.derivative(x), rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(mine(x), named(x))
    assert mine != named
    assert not mine.is_named


def test_coefficients_of_a_callable_relative_to_its_size() -> None:
    mine, named = as_activation(np.tanh).coefficients(20), as_activation("tanh").coefficients(20)
    scale = np.sqrt([float(math.factorial(k)) for k in range(21)])
    assert np.max(np.abs(mine - named) * scale) < 1e-14
    np.testing.assert_allclose(mine[:8], named[:8], rtol=1e-12)
    assert as_activation(cubic).coefficients(4) == pytest.approx([0, 1.3, 0, 0.1, 0], rel=1e-13)


def test_a_given_derivative_and_kinks_are_used() -> None:
    mine = as_activation(lambda x: np.abs(x), derivative=np.sign, kinks=(0.0,))
    relu = as_activation("relu")
    # |x| = 2 relu(x) - x
    np.testing.assert_allclose(mine.coefficients(10)[2:], 2 * relu.coefficients(10)[2:], rtol=1e-12)
    assert mine.linear_strength == 0.0
    assert mine.mean == pytest.approx(2 * relu.mean, rel=1e-14)
    assert mine.kinks == (0.0,)
    np.testing.assert_array_equal(mine.derivative(np.array([-2.0, 3.0])), [-1, 1])


def test_an_uncentred_callable_keeps_its_mean() -> None:
    bare = as_activation(lambda x: x + 2.0, centred=False)
    assert bare.coefficients(1).tolist() == pytest.approx([2.0, 1.0])
    assert as_activation(lambda x: x + 2.0).mean == pytest.approx(2.0)


def test_centring_works_at_any_scale() -> None:
    small = as_activation(lambda x: 1e-14 * shifted_relu(x), derivative=lambda x: 1e-14 * shifted_step(x), kinks=(0.3,))
    plain = as_activation(shifted_relu, derivative=shifted_step, kinks=(0.3,))
    assert small.mean == pytest.approx(1e-14 * plain.mean, rel=1e-12)


def test_a_list_or_integers_come_back_as_an_array() -> None:
    listing = as_activation(lambda x: list(np.tanh(x)), derivative=lambda x: 1 - np.tanh(x) ** 2)
    assert isinstance(listing(np.zeros(3)), np.ndarray)
    sign = as_teacher(lambda x: np.sign(x).astype(int), kinks=(0.0,))
    assert sign(np.array([-2.0, 2.0])).tolist() == [-1.0, 1.0]


def test_a_callable_keeps_dtype_on_every_namespace(xp: Any) -> None:
    x = xp.asarray([-1.0, 0.5], dtype=xp.float32)
    activation = as_activation(lambda t: np.float64(1.0) * np.tanh(t))
    for value in (activation.apply(x, xp), activation.apply_derivative(x, xp)):
        assert value.dtype == x.dtype
    np.testing.assert_allclose(np.asarray(activation.apply(x, xp)), np.tanh([-1.0, 0.5]), rtol=1e-6)
    teacher = as_teacher(np.tanh).apply(x, xp)
    np.testing.assert_allclose(np.asarray(teacher), np.tanh([-1.0, 0.5]), rtol=1e-6)


BAD: list[tuple[str, Callable[[Any], Any], str]] = [
    ("sum", lambda x: np.sum(x), r"returned shape \(\) for an array of shape"),
    ("outer", lambda x: x[:, None] * x, "returned shape"),
    ("scalar function", math.tanh, "vectorise"),
    ("branch", lambda x: x if x > 0 else 0 * x, "vectorise"),
    ("nan", lambda x: np.where(x > 3, np.nan, x), "finite real numbers"),
    ("infinite", lambda x: np.where(x > 3, np.inf, x), "finite real numbers"),
    ("complex", lambda x: 1j * x, "finite real numbers"),
    ("text", lambda x: np.full(np.shape(x), "a"), "finite real numbers"),
    ("nothing", lambda x: None, "returned shape"),
    ("in place", in_place_relu, "in place"),
    ("undeclared kink", shifted_relu, "kinks="),
    ("undeclared jump", shifted_step, "kinks="),
    ("undeclared second derivative", lambda x: (x - 0.3) * np.abs(x - 0.3), "kinks="),
    ("bends at whole numbers", lambda x: np.clip(x, -1, 1), r"near 1, -1; give kinks="),
    ("bends at zero", np.abs, "near 0; give kinks="),
    ("bends at a panel's middle", lambda x: np.maximum(x, 0.5), "near 0.5; give kinks="),
    ("leaks from one on", lambda x: np.where(x > 1, x, 1 + 0.1 * (x - 1)), "near 1; give kinks="),
    ("piecewise linear", lambda x: np.interp(x, [-20, -2, 3, 20], [-1, 0, 4, 5]), "near -2, 3; give kinks="),
    ("jumps at halves", np.round, r"near 0\.5, -0\.5, 1\.5, -1\.5, \.\.\.; give kinks="),
    ("bends far out", lambda x: np.minimum(x, 7.5), r"near 7\.5; give kinks="),
    ("bends ever so slightly", lambda x: np.tanh(x) + 1e-4 * np.abs(x - 1), "near 1; give kinks="),
    ("far too steep", lambda x: np.tanh(1e5 * (x - 0.25)), r"near 0\.25; give kinks="),
    ("far too fast", lambda x: np.sin(3000 * x), "varies too fast"),
    ("single precision", lambda x: np.tanh(x).astype(np.float32), "float32; keep the float64"),
    ("overflowing square", lambda x: 1e200 * x, r"over 1e\+60; scale it down"),
    ("underflowing square", lambda x: 1e-200 * x, "under 1e-60; scale it up"),
    ("infinite variance", lambda x: np.exp(x * x / 3), "grows too fast"),
    ("variance out of range", lambda x: np.exp(6 * x), "grows too fast"),
]


@pytest.mark.parametrize(("label", "function", "match"), BAD, ids=[label for label, _, _ in BAD])
@pytest.mark.parametrize("make", [as_activation, as_teacher], ids=["activation", "teacher"])
def test_a_bad_callable_is_refused_with_the_remedy(
    make: Callable[[Any], Any], label: str, function: Callable[[Any], Any], match: str
) -> None:
    with pytest.raises(ArgumentError, match=match) as caught:
        make(function)
    assert caught.value.argument == make.__name__.removeprefix("as_")
    assert caught.value.value is function


@pytest.mark.parametrize(
    ("function", "kinks"),
    [(np.sign, (0.0,)), (lambda x: np.where(x > 2, x, 0.5 * x), (2.0,)), (lambda x: x + (x > 5), (5.0,))],
)
def test_an_activation_that_jumps_is_refused(function: Callable[[Any], Any], kinks: tuple[float, ...]) -> None:
    """Its gradient does not see the jump, which is in ``c_1 = E z sigma(z)`` all the same."""
    with pytest.raises(ArgumentError, match=rf"it jumps at {kinks[0]:g}, which no gradient sees"):
        as_activation(function, derivative=lambda x: np.where(np.abs(x) > 0, function(x + 0.0) * 0, 0.0), kinks=kinks)
    assert as_teacher(function, kinks=kinks).kinks == kinks


def test_declared_kinks_make_the_refused_ones_good() -> None:
    teacher = as_teacher(shifted_relu, kinks=(0.3,))
    density = math.exp(-0.045) / math.sqrt(2 * math.pi)
    tail = math.erfc(0.3 / math.sqrt(2)) / 2
    assert teacher.coefficients(1) == pytest.approx([density - 0.3 * tail, tail], rel=1e-13)


def test_a_function_without_complex_step_asks_for_its_derivative() -> None:
    with pytest.raises(ArgumentError, match="give derivative="):
        as_activation(np.abs, kinks=(0.0,))
    with pytest.raises(ArgumentError, match="give derivative="):
        as_activation(lambda x: np.arctan2(x, 1.0))


@pytest.mark.parametrize(
    ("derivative", "match"),
    [
        (np.sin, "not the derivative"),
        (lambda x: 1.0, r"returned shape \(\)"),
        (math.cos, "it fails"),
        (lambda x: np.cos(x) * (1 + 1e-3), "not the derivative"),
    ],
)
def test_a_wrong_derivative_is_refused(derivative: Callable[[Any], Any], match: str) -> None:
    with pytest.raises(ArgumentError, match=match) as caught:
        as_activation(np.sin, derivative=derivative)
    assert caught.value.argument == "derivative"
    assert as_activation(np.sin, derivative=np.cos).linear_strength == pytest.approx(math.exp(-1), rel=1e-12)


def test_the_derivative_of_a_small_function_is_checked_too() -> None:
    with pytest.raises(ArgumentError, match="not the derivative"):
        as_activation(lambda x: 1e-8 * np.sin(x), derivative=lambda x: 0 * x)


@pytest.mark.parametrize("kinks", [0.0, "ab", (float("nan"),), (float("inf"),), (None,)])
def test_bad_kinks(kinks: Any) -> None:
    with pytest.raises(ArgumentError, match=r"kinks = .*such as \(0\.0,\)"):
        as_activation(np.tanh, kinks=kinks)


def test_kinks_are_sorted_floats() -> None:
    assert as_kinks([2, -1]) == (-1.0, 2.0)
    assert as_kinks(np.array([0.5])) == (0.5,)


def test_the_same_function_is_the_same_activation() -> None:
    assert as_activation(cubic) == as_activation(cubic)
    assert hash(as_activation(cubic)) == hash(as_activation(cubic))
    assert as_activation(cubic) != as_activation(lambda x: x + 0.1 * x**3)
    assert as_activation(cubic) != as_activation(cubic, kinks=(1.0,))
    assert as_teacher(cubic) == as_teacher(cubic)


def test_an_object_without_a_hash_is_accepted() -> None:
    """NumPy's polynomials are callable and unhashable."""
    polynomial = np.polynomial.Polynomial([0.0, 1.0, 0.0, 0.1])
    problem = Problem(
        activation=polynomial, teacher=polynomial, step_size=1.0, n_samples=2000, input_dim=1000, width=2000, ridge=0.01
    )
    assert problem == Problem(
        activation=polynomial, teacher=polynomial, step_size=1.0, n_samples=2000, input_dim=1000, width=2000, ridge=0.01
    )
    assert len({problem, problem.replace(ridge=1.0)}) == 2
    assert problem.activation.name == "Polynomial"
    assert problem.activation.coefficients(3) == pytest.approx([0, 1.3, 0, 0.1], rel=1e-13)


@pytest.mark.parametrize(
    "activation",
    [
        as_activation(cubic),
        as_activation(np.tanh, centred=False),
        as_activation(partial(steep, slope=0.5)),
        as_activation(shifted_relu, derivative=shifted_step, kinks=(0.3,)),
        as_activation(np.polynomial.Polynomial([0.0, 1.0, 0.2])),
    ],
    ids=lambda a: a.name,
)
def test_callables_pickle_as_their_function_does(activation: Any) -> None:
    again = pickle.loads(pickle.dumps(activation))
    x = np.linspace(-2, 2, 5)
    np.testing.assert_array_equal(again(x), activation(x))
    np.testing.assert_array_equal(again.derivative(x), activation.derivative(x))
    assert (again.kinks, again.centred, again.mean) == (activation.kinks, activation.centred, activation.mean)


def test_equality_survives_pickling_of_a_module_function() -> None:
    problem = Problem(
        activation=np.tanh, teacher=np.sin, step_size=1.0, n_samples=2000, input_dim=1000, width=2000, ridge=0.01
    )
    assert pickle.loads(pickle.dumps(problem)) == problem


def test_a_teacher_of_several_indices_is_an_expression_not_a_callable() -> None:
    with pytest.raises(ArgumentError, match=r"one index.*'h1\[0\]\*h1\[1\]'"):
        as_teacher(two_index)
