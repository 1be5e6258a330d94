"""The law of the inputs as a value: its texts, its numbers, and what does not fit a problem."""

import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyspike import ArgumentError, Inputs, Problem
from polyspike.experiments.sweep.spec import SweepSpec
from polyspike.experiments.sweep.store import run_key

D = 6

numbers = st.one_of(st.just(0.0), st.floats(1e-12, 1e12))
some_positive = st.lists(numbers, min_size=D, max_size=D).filter(any)
spectra = st.one_of(
    st.just("isotropic"),
    st.floats(0, 5).map(lambda a: f"power:{a!r}"),
    st.tuples(st.floats(0.1, 10), numbers).map(lambda p: f"two-level:{p[0]!r},{p[1]!r},0.5"),
    st.tuples(st.floats(0.01, 100), st.integers(1, D - 1)).map(lambda p: f"spiked:{p[0]!r},{p[1]}"),
    some_positive,
)
teachers = st.one_of(st.sampled_from(["random", "top"]), some_positive)
laws = st.one_of(
    st.sampled_from(["gaussian", "rademacher", "uniform", "sphere"]),
    st.floats(2.001, 1e6).map(lambda f: f"student:{f!r}"),
)
anything = st.builds(Inputs, spectra, teachers, laws)


def problem(inputs: Any = "isotropic", **changes: Any) -> Problem:
    return Problem(**{"input_dim": D, "step_size": 1.0, **changes}, inputs=inputs)


@given(anything)
def test_texts_say_all(inputs: Inputs) -> None:
    assert Inputs.from_text(str(inputs)) == inputs
    assert eval(repr(inputs), {"Inputs": Inputs}) == inputs
    assert pickle.loads(pickle.dumps(inputs)) == inputs
    assert hash(Inputs.from_text(str(inputs))) == hash(inputs)


@given(anything)
def test_moments_and_energies_are_those_of_the_axes(inputs: Inputs) -> None:
    axes, energies = inputs.axes(D), inputs.axis_energies(D)
    assert np.mean(axes) == pytest.approx(1, rel=1e-12)
    assert np.sum(energies) == pytest.approx(1, rel=1e-12)
    assert np.sum(inputs.teacher_energies(D)) == pytest.approx(1, rel=1e-12)
    assert inputs.moment(2, D) == pytest.approx(np.mean(axes**2), rel=1e-12)
    assert inputs.effective_dimension(D) == pytest.approx(np.sum(axes) ** 2 / np.sum(axes**2), rel=1e-12)
    for k in (1, 2):
        assert inputs.teacher_moment(k, D) == pytest.approx(energies @ axes**k, rel=1e-12)


@given(anything.filter(lambda inputs: bool(np.all(inputs.axes(D)[inputs.axis_energies(D) > 0] > 0))))
def test_a_problem_keeps_them(tmp_path_factory: pytest.TempPathFactory, inputs: Inputs) -> None:
    one = problem(inputs)
    path = tmp_path_factory.getbasetemp() / "inputs.toml"
    one.to_toml(path)
    plain = one.to_dict()
    forms = [
        Problem.from_dict(plain),
        Problem.from_dict(json.loads(json.dumps(plain))),
        Problem.from_toml(path),
        eval(repr(one), {"Problem": Problem}),
        pickle.loads(pickle.dumps(one)),
        one.replace(ridge=1.0).replace(ridge=one.ridge),
    ]
    assert all(form == one and hash(form) == hash(one) for form in forms)
    assert ("inputs" in plain) == (inputs != Inputs())


def test_isotropic_inputs_leave_no_trace() -> None:
    """What was written before there were others is read, known and shown as it was."""
    bare = Problem(input_dim=D, step_size=1.0)
    assert problem("isotropic") == problem(Inputs()) == problem("isotropic; teacher=random; law=gaussian") == bare
    assert "inputs" not in bare.to_dict()
    assert "inputs" not in repr(bare)
    assert "inputs" not in bare._repr_html_()
    assert run_key(problem(Inputs()), (0, 1), {}) == run_key(bare, (0, 1), {})
    assert run_key(problem("power:1"), (0, 1), {}) != run_key(bare, (0, 1), {})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("power:0.5", Inputs("power:0.5")),
        ("  Power : 0.50 ;Teacher = TOP;law= Student:5.0 ", Inputs("power:0.5", "top", "student:5")),
        ("law=uniform", Inputs(law="uniform")),
        ("spectrum=spiked:10,1; teacher=weights:1,2", Inputs("spiked:10,1", [1, 2])),
        ("eigenvalues:1,0.5,1e-3", Inputs([1, 0.5, 0.001])),
    ],
)
def test_texts_are_read_as_people_write_them(text: str, expected: Inputs) -> None:
    assert Inputs.from_text(text) == expected


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("power:0.5, law=uniform", "power:0.5; law=uniform"),
        ("power:0.5 law=uniform", "power:0.5; law=uniform"),
        ("power:0.5, teacher=top,law=uniform", "power:0.5; teacher=top; law=uniform"),
        ("power:0.5; teacher=top, Law = uniform", "power:0.5; teacher=top; Law = uniform"),
    ],
)
def test_a_comma_between_the_parts_is_no_semicolon(text: str, meant: str) -> None:
    with pytest.raises(ArgumentError, match=f"separated by semicolons; write '{meant}'"):
        Inputs.from_text(text)
    assert Inputs.from_text(meant).law == "uniform"


def test_the_text_is_short_where_the_rest_is_usual() -> None:
    assert str(Inputs("power:0.50")) == "power:0.5"
    assert str(Inputs([2, 1.5], law="student:5")) == "eigenvalues:2,1.5; law=student:5"


def test_problems_show_them() -> None:
    one = problem("spiked:10,1; teacher=top")
    assert repr(one).endswith("inputs='spiked:10,1; teacher=top')")
    assert "spiked:10,1; teacher=top" in one._repr_html_()


def test_energies_of_the_teacher() -> None:
    two = Inputs("two-level:0.3,1.7,0.5")
    np.testing.assert_allclose(two.teacher_energies(10), [0.85, 0.15])
    top = Inputs("spiked:10,2", teacher="top")
    assert [top.teacher_energies(10, index).tolist() for index in range(3)] == [[1, 0], [1, 0], [0, 1]]
    listed = Inputs([1, 2, 2, 5], teacher=[1, 0, 1, 2])
    np.testing.assert_allclose(listed.teacher_energies(4), [0.5, 0.25, 0.25])
    np.testing.assert_allclose(listed.axis_energies(4), [0.25, 0, 0.25, 0.5])
    assert Inputs([1, 5, 2], "top").axis_energies(3, 1).tolist() == [0, 0, 1]


def test_a_sweep_has_an_axis_of_them() -> None:
    texts = ["isotropic", "power:0.5", "two-level:0.3,1.7,0.5; law=uniform"]
    spec = SweepSpec.from_dict({"base": {"step_exponent": 0.2, "input_dim": D}, "axes": {"inputs": texts}})
    assert [p.inputs for p in spec.problems] == list(map(Inputs.from_text, texts))


rng = np.random.default_rng(4)
BASIS = np.linalg.qr(rng.standard_normal((4, 4)))[0]
VALUES = np.array([4.0, 3.0, 2.0, 1.0])
MATRIX = (BASIS * VALUES) @ BASIS.T


def test_a_matrix_is_its_spectrum_whatever_its_scale() -> None:
    for scale in (1.0, 1e-9, 1e12):
        inputs = Inputs.from_matrix(scale * MATRIX)
        np.testing.assert_allclose(inputs.axes(4), VALUES / 2.5, rtol=1e-12)
        assert (inputs.teacher, inputs.law) == ("random", "gaussian")
    assert Inputs.from_matrix(MATRIX, "top", "uniform").teacher == "top"
    assert Inputs.from_matrix(MATRIX, "weights:1,2,3,4").teacher == "weights:1,2,3,4"


def test_a_direction_of_a_matrix_is_its_energies() -> None:
    direction = np.array([1.0, -2.0, 0.5, 3.0])
    expected = VALUES * (BASIS.T @ direction) ** 2
    for scale in (1.0, -1e-30, 1e100):
        inputs = Inputs.from_matrix(MATRIX, scale * direction)
        np.testing.assert_allclose(inputs.axis_energies(4), expected / np.sum(expected), rtol=1e-10)


def test_rounding_of_a_matrix_is_forgiven_and_no_more() -> None:
    flat = np.outer([1.0, 2, 3], [1.0, 2, 3])
    assert Inputs.from_matrix(flat).axes(3)[0] == pytest.approx(3)
    with pytest.raises(ArgumentError, match="has the eigenvalue"):
        Inputs.from_matrix(flat - 1e-6 * np.eye(3))
    bent = MATRIX.copy()
    bent[0, 1] += 1e-6
    with pytest.raises(ArgumentError, match="not symmetric"):
        Inputs.from_matrix(bent)


@pytest.mark.parametrize(
    ("matrix", "direction", "argument", "remedy"),
    [
        (np.ones((2, 3)), None, "matrix", "give an array of shape (d, d)"),
        (np.ones(4), None, "matrix", "give an array of shape (d, d)"),
        (np.ones((1, 1)), None, "matrix", "d at least 2"),
        ("abc", None, "matrix", "give an array of real numbers"),
        (MATRIX + 0j, None, "matrix", "give an array of real numbers"),
        ([[1, 1j], [-1j, 1]], None, "matrix", "give an array of real numbers"),
        (np.zeros((3, 3)), None, "matrix", "it is zero"),
        (np.full((3, 3), np.nan), None, "matrix", "an entry is not finite"),
        (-np.eye(3), None, "matrix", "a covariance has none < 0"),
        (np.eye(3), [1.0, 2.0], "direction", "give a vector of 3"),
        (np.eye(3), np.zeros(3), "direction", "not all zero"),
        (np.eye(3), [1.0, np.nan, 0], "direction", "finite"),
        (np.eye(3), [1.0, "x", 0], "direction", "give a vector of 3 real numbers, or a word"),
        (np.eye(3), [1.0, 1j, 0], "direction", "give a vector of 3 real numbers, or a word"),
        (np.eye(3), "", "teacher", "known: random"),
        (np.diag([1.0, 1, 0]), [0, 0, 1], "direction", "the inputs do not vary along it"),
        (np.eye(3), "tpo", "teacher", "did you mean 'top'"),
    ],
)
def test_bad_matrices(matrix: Any, direction: Any, argument: str, remedy: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Inputs.from_matrix(matrix, direction)
    assert caught.value.argument == argument
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("argument", "value", "remedy"),
    [
        ("teacher", "tpo", "did you mean 'top'"),
        ("teacher", "top:1", "write top"),
        ("teacher", "weights", "write weights:1,1,0.5"),
        ("teacher", [0.0, 0.0], "not all zero"),
        ("teacher", [1.0, -1.0], "none negative"),
        ("teacher", [1.0, float("nan")], "give finite numbers"),
        ("teacher", 3, "give finite numbers"),
        ("teacher", b"11", "give finite numbers"),
        ("teacher", np.array(3.0), "give finite numbers"),
        ("law", "gausian", "did you mean 'gaussian'"),
        ("law", "student", "degrees of freedom > 2"),
        ("law", "student:2", "degrees of freedom > 2"),
        ("law", "uniform:1", "write uniform"),
        ("law", 5, "known: gaussian"),
    ],
)
def test_bad_teachers_and_laws(argument: str, value: Any, remedy: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Inputs(**{argument: value})
    assert (caught.value.argument, caught.value.value) == (argument, value)
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "changes", "remedy"),
    [
        (3, {}, "give a text such as 'power:0.5', or a polyspike.Inputs"),
        (np.eye(6), {}, "give a text"),
        ("powr:1", {}, "did you mean 'power'"),
        ("power:1; lwa=uniform", {}, "did you mean 'law'"),
        ("power:1; power:2", {}, "spectrum comes twice"),
        ("power:1;", {}, "a part of it is empty; write power:0.5; teacher=top"),
        (";;", {}, "a part of it is empty"),
        ("", {}, "a part of it is empty"),
        ("law=student:1", {}, "degrees of freedom > 2"),
        ("eigenvalues:1,2,3", {}, "3 eigenvalues were given; give input_dim = 6 of them"),
        ("teacher=weights:1,2,3", {}, "3 weights of the teacher were given; give input_dim = 6"),
        ("spiked:10,6", {}, "give fewer large eigenvalues than input_dim = 6"),
        ("two-level:1,2,0.01", {}, "one of the two levels has no direction at input_dim = 6"),
        ("eigenvalues:1,0,0,0,0,0", {"teacher": "h1[0] + h1[1]"}, "the teacher has 2 directions and sees 1"),
        ("eigenvalues:1,0,0,0,0,0; teacher=top", {"teacher": "h1[0] + h1[1]"}, "sees 1 of the inputs"),
        ("teacher=weights:1,0,0,0,0,0; law=uniform", {"teacher": "h1[0] + h1[1]"}, "sees 1 of the inputs"),
        ("eigenvalues:1,1,0,0,0,0; teacher=weights:0,0,1,0,0,0", {}, "no label would depend on the inputs; give some"),
        (
            "eigenvalues:1,1,0,0,0,0; teacher=weights:1,0,1,2,0,0",
            {},
            "no input varies along eigenvalues 0; give",
        ),
    ],
)
def test_what_does_not_fit_a_problem(inputs: Any, changes: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        problem(inputs, **changes)
    assert caught.value.argument == "inputs"
    assert remedy in str(caught.value)
    assert str(caught.value).startswith("inputs = ")


def test_few_effective_dimensions_are_a_problem() -> None:
    one = problem("power:3", input_dim=50)
    assert one.inputs.effective_dimension(50) < 2
