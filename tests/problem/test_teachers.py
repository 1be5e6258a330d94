"""Teachers against independent evaluations: of the expression, of its Hermite tensors, of its exponent."""

from dataclasses import dataclass
from itertools import product
from math import factorial, pi, sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial import hermite_e
from scipy import special

from polyspike import ACTIVATIONS, ArgumentError, Teacher, as_activation, as_teacher
from polyspike.arraytypes import Array
from polyspike.problem.expressions import Factor

# Centred by hand, from other libraries' functions.
INDEPENDENT: dict[str, Any] = {
    "relu": lambda t: np.where(t > 0, t, 0.0) - 1 / sqrt(2 * pi),
    "tanh": np.tanh,
    "sigmoid": lambda t: special.expit(t) - 0.5,
    "erf": special.erf,
    "gelu": lambda t: t * special.ndtr(t) - 1 / sqrt(4 * pi),
    "sin": np.sin,
}


@dataclass
class Node:
    """A random expression with its own evaluator: its text, its value at t and a bound of its rounding."""

    text: str
    value: Array
    size: Array


POINTS = np.random.default_rng(7).standard_normal((6, 3)) * 1.5


def leaf(name: str, axis: int) -> Node:
    t = POINTS[:, axis]
    value = hermite_e.hermeval(t, np.eye(7)[int(name[1:])]) if name[1:].isdigit() else INDEPENDENT[name](t)
    return Node(f"{name}[{axis}]", value, 1 + np.abs(t) ** 6)


def number(c: float) -> Node:
    return Node(repr(c), np.full(6, c), np.full(6, abs(c)))


def joined(a: Node, b: Node, op: str) -> Node:
    text = f"({a.text} {op} {b.text})"
    if op == "*":
        return Node(text, a.value * b.value, a.size * b.size)
    return Node(text, a.value + b.value if op == "+" else a.value - b.value, a.size + b.size)


leaves = st.builds(
    leaf, st.one_of(st.sampled_from(sorted(INDEPENDENT)), st.integers(0, 6).map("h{}".format)), st.integers(0, 2)
) | st.builds(number, st.floats(-3, 3))
trees = st.recursive(leaves, lambda inner: st.builds(joined, inner, inner, st.sampled_from("+-*")), max_leaves=6)


@given(trees)
def test_any_expression_against_an_independent_evaluator(tree: Node) -> None:
    teacher = as_teacher(tree.text)
    value = teacher(POINTS[:, 0] if teacher.n_indices == 1 else POINTS[:, : teacher.n_indices])
    # A dozen operations, each good to a few hundred units in the last place of the bound.
    assert np.all(np.abs(value - tree.value) <= 1e-12 * tree.size)


@given(trees)
def test_the_expression_makes_the_same_teacher_again(tree: Node) -> None:
    teacher = as_teacher(tree.text)
    assert as_teacher(teacher.expression) == teacher
    assert hash(as_teacher(teacher.expression)) == hash(teacher)


def test_shapes() -> None:
    one, two = as_teacher("h2"), as_teacher("h1[0]*h1[1]")
    assert one(2.0) == pytest.approx(3.0)
    assert one(np.zeros((4, 5))).shape == (4, 5)
    assert two(np.zeros((4, 5, 2))).shape == (4, 5)
    assert as_teacher("2")(np.zeros(3)).tolist() == [2, 2, 2]
    assert as_teacher([0])(np.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_name_is_the_centred_activation(name: str) -> None:
    teacher, activation = as_teacher(name), as_activation(name)
    x = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(teacher(x), activation(x), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(teacher.coefficients(6), activation.coefficients(6), rtol=1e-12)
    assert teacher.coefficients(0)[0] == 0
    assert teacher.second_moment == pytest.approx(activation.second_moment, rel=1e-12)
    assert teacher.kinks == activation.kinks
    assert as_teacher(activation) == teacher


def test_high_coefficients_of_a_named_teacher_are_as_good_as_the_activations() -> None:
    np.testing.assert_allclose(
        as_teacher("2*tanh + h1").coefficients(29)[2:], 2 * as_activation("tanh").coefficients(29)[2:], rtol=1e-12
    )


def test_an_uncentred_activation_is_a_callable_with_its_kinks() -> None:
    teacher = as_teacher(as_activation("uncentred relu"))
    assert teacher.coefficients(1) == pytest.approx([1 / sqrt(2 * pi), 0.5], rel=1e-13)
    assert teacher.kinks == (0.0,)
    assert teacher.expression == "uncentred relu"


def test_coefficients_are_hermite_coefficients() -> None:
    teacher = as_teacher([0, 1, 0.7])
    assert teacher == as_teacher("h1 + 0.7*h2") == as_teacher("h1+.7*H2") == as_teacher(np.array([0, 1, 0.7, 0]))
    assert teacher.coefficients(3).tolist() == [0, 1, 0.7, 0]
    assert teacher.second_moment == pytest.approx(1 + 0.49 * 2, rel=1e-14)
    np.testing.assert_allclose(teacher(np.array([2.0])), [2 + 0.7 * 3])
    assert teacher.is_polynomial
    assert not as_teacher("h1 + tanh").is_polynomial


@given(st.lists(st.floats(-5, 5).filter(lambda c: c == 0 or abs(c) > 1e-60), min_size=1, max_size=12))
def test_parseval(coefficients: list[float]) -> None:
    teacher = as_teacher(coefficients)
    moment = sum(c * c * factorial(k) for k, c in enumerate(coefficients))
    assert teacher.second_moment == pytest.approx(moment, rel=1e-12)
    as_written = [teacher.tensor_coefficient((k,)) for k in range(len(coefficients))]
    np.testing.assert_array_equal(as_written, coefficients)
    sign = teacher.direction[0] ** np.arange(len(coefficients))
    np.testing.assert_array_equal(teacher.coefficients(len(coefficients) - 1), sign * coefficients)


@pytest.mark.parametrize(
    ("text", "exponent"),
    [
        ("h1", 1),
        ("h2", 2),
        ("h13", 13),
        ("1e-9*h3 + h4", 3),
        ("cos", 2),
        ("relu", 1),
        ("relu - 0.5*h1", 2),
        ("tanh - tanh", None),
        ("5", None),
        ("h1[0]*h1[1]", 2),
        ("h1[0]*h1[1]*h1[2]", 3),
        ("h2[0]*h2[1]", 4),
        ("h1*h1 - 1 - h2", None),
        ("h1*h1*h1 - 3*h1 - h3 + h5", 5),
        ("0.3*h1*h1 - 0.3 + h4", 2),
        ("h10*h10", 2),
        ("sin*cos", 1),
        ("h2*h1", 1),
        ("h2[1]", 2),
    ],
)
def test_information_exponent(text: str, exponent: int | None) -> None:
    assert as_teacher(text).information_exponent == exponent


def test_information_exponent_of_callables_is_blind_to_rounding() -> None:
    assert as_teacher(lambda t: t**3 - 3 * t).information_exponent == 3
    assert as_teacher(lambda t: 0 * t).information_exponent is None
    assert as_teacher(lambda t: np.cos(3 * t)).information_exponent == 2
    almost = as_teacher(lambda t: t**3 - 3 * t + 1e-9 * t)
    assert almost.information_exponent == 1
    assert almost.coefficients(1)[1] == pytest.approx(1e-9, rel=1e-5)


def test_what_cancels_is_exactly_zero() -> None:
    nothing = as_teacher("h1*h1 - 1 - h2")
    assert nothing.second_moment == 0.0
    assert nothing.coefficients(6).tolist() == [0] * 7


SEVERAL = [
    "h1[0] + h1[0]*h1[1]",
    "0.6*h1[0] - 0.8*h1[1] + 0.5*h2[1] + h1[0]*h2[1]",
    "tanh[0] + 0.5*tanh[0]*h1[1] + 0.2*h3[1]",
    "sin[0]*cos[1] + h1[1]*h1[1]",
]


def tensor_grid() -> tuple[Array, Array]:
    """Gauss-Hermite points of two indices, by NumPy."""
    x, w = hermite_e.hermegauss(80)
    w = w / sqrt(2 * pi)
    return np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1), np.multiply.outer(w, w)


@pytest.mark.parametrize("text", SEVERAL)
def test_tensor_coefficients_against_a_tensor_quadrature(text: str) -> None:
    teacher = as_teacher(text)
    t, weights = tensor_grid()
    values = weights * teacher(t)
    for a, b in product(range(5), repeat=2):
        basis = hermite_e.hermeval(t[..., 0], np.eye(5)[a]) * hermite_e.hermeval(t[..., 1], np.eye(5)[b])
        expected = float(np.sum(values * basis)) / (factorial(a) * factorial(b))
        # tanh limits the reference: Gauss-Hermite converges like exp(-c sqrt(80)).
        assert teacher.tensor_coefficient((a, b)) == pytest.approx(expected, abs=1e-8)
    assert teacher.second_moment == pytest.approx(float(np.sum(weights * teacher(t) ** 2)), rel=1e-8)


@pytest.mark.parametrize("text", SEVERAL)
def test_coefficients_are_those_along_the_direction(text: str) -> None:
    teacher = as_teacher(text)
    v = teacher.direction
    assert np.linalg.norm(v) == pytest.approx(1.0, rel=1e-14)
    t, weights = tensor_grid()
    linear = [float(np.sum(weights * teacher(t) * t[..., j])) for j in range(2)]
    np.testing.assert_allclose(teacher.linear_coefficients, linear, atol=1e-8)
    np.testing.assert_allclose(v * np.linalg.norm(linear), linear, atol=1e-8)
    for k in range(5):
        basis = hermite_e.hermeval(t @ v, np.eye(5)[k])
        expected = float(np.sum(weights * teacher(t) * basis)) / factorial(k)
        assert teacher.coefficients(4)[k] == pytest.approx(expected, abs=1e-8)


def test_kinked_teachers_of_several_indices_by_simulation() -> None:
    teacher = as_teacher("relu[0] + relu[0]*h1[1]")
    t = np.random.default_rng(3).standard_normal((400_000, 2))
    for degrees in ((1, 0), (0, 1), (1, 1), (2, 1)):
        basis = np.prod([hermite_e.hermeval(t[:, j], np.eye(3)[m]) for j, m in enumerate(degrees)], axis=0)
        sample = teacher(t) * basis / (factorial(degrees[0]) * factorial(degrees[1]))
        error = sample.std() / sqrt(len(t))
        # Four comparisons at 4.5 standard errors: one false alarm in forty thousand seeds.
        assert abs(sample.mean() - teacher.tensor_coefficient(degrees)) < 4.5 * error
    assert teacher.tensor_coefficient((1, 1)) == pytest.approx(0.5, rel=1e-13)


def negative(t: Any) -> Any:
    return -t + 0.5 * (t * t - 1) + 0.2 * (t**3 - 3 * t)


@pytest.mark.parametrize("teacher", [as_teacher("-h1 + 0.5*h2 + 0.2*h3"), as_teacher(negative)])
def test_the_direction_is_oriented_along_the_linear_part(teacher: Teacher) -> None:
    assert teacher.direction.tolist() == [-1]
    assert teacher.linear_coefficients == pytest.approx([-1])
    assert teacher.coefficients(3) == pytest.approx([0, 1, 0.5, -0.2], rel=1e-13)
    assert [teacher.tensor_coefficient((k,)) for k in (1, 2, 3)] == pytest.approx([-1, 0.5, 0.2], rel=1e-13)


def test_without_a_linear_part_the_direction_is_the_first_index() -> None:
    teacher = as_teacher("h1[0]*h1[1] + h2[1]")
    assert teacher.linear_coefficients.tolist() == [0, 0]
    assert teacher.direction.tolist() == [1, 0]


def test_the_linear_coefficients_are_computed_once_and_cannot_be_written() -> None:
    kept = as_teacher("h1[0] - 2*h1[1]").linear_coefficients
    assert as_teacher("h1[0] - 2*h1[1]").linear_coefficients is kept
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 3.0


def test_a_direction_that_is_not_used_counts() -> None:
    teacher = as_teacher("h1[2]")
    assert teacher.n_indices == 3
    assert teacher.direction.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "value",
    [
        None,
        3,
        True,
        [],
        "",
        [0, float("nan")],
        [0, float("inf")],
        ["1"],
        [True],
        [[0, 1]],
        np.eye(2),
        {},
        [1j],
        [0] * 32,
    ],
)
def test_bad_teachers(value: Any) -> None:
    with pytest.raises(ArgumentError, match="teacher = "):
        as_teacher(value)


@pytest.mark.parametrize("teacher", ["h1", [0, 1], as_teacher("h1"), as_activation("relu")])
def test_kinks_are_for_callables_only(teacher: Any) -> None:
    with pytest.raises(ArgumentError, match=r"kinks = \(0\.5,\): only for a callable"):
        as_teacher(teacher, kinks=(0.5,))


def test_a_teacher_is_returned_as_it_is() -> None:
    teacher = as_teacher("h2")
    assert as_teacher(teacher) is teacher
    assert teacher == Teacher("h2", teacher.terms)
    assert teacher.terms[0].factors == (Factor("h2"),)


def test_on_every_array_namespace(xp: Any) -> None:
    t = np.linspace(-2, 2, 8).reshape(4, 2)
    for text in ("h1 + 0.7*h2 + relu", "tanh[0]*h2[1] - 3"):
        teacher = as_teacher(text)
        points = t if teacher.n_indices == 2 else t[:, 0]
        value = teacher.apply(xp.asarray(points, dtype=xp.float32), xp)
        assert value.dtype == xp.float32
        np.testing.assert_allclose(np.asarray(value), teacher(points), rtol=1e-5, atol=1e-5)


def test_without_a_linear_part_an_index_that_is_not_looked_at_is_no_direction() -> None:
    assert as_teacher("h2[1] + 0.3*h3[2]").direction.tolist() == [0, 1, 0]
