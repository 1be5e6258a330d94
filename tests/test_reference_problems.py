"""The tags of the reference problems say what the problems are."""

import pytest

from polyspike import Activation, Problem, Teacher
from reference_problems import REFERENCE, ReferenceProblem, select


def activation_tags(activation: Activation) -> set[str]:
    c = activation.coefficients(8)
    tags = {"kinked" if activation.kinks else "smooth", "c2" if c[2] else "no c2"}
    tags |= {"no c1"} if c[1] == 0 else set()
    tags |= {"odd"} if not c[::2].any() else set()
    return tags | (set() if activation.centred else {"uncentred"})


def teacher_tags(teacher: Teacher) -> set[str]:
    tags = {"several indices"} if teacher.n_indices > 1 else set()
    tags |= set() if teacher.linear_coefficients.any() else {"no signal"}
    if not teacher.is_polynomial:
        return tags | {"not polynomial"}
    degree = max(sum(f.degree or 0 for f in term.factors) for term in teacher.terms)
    return tags | {{1: "linear", 2: "quadratic", 3: "cubic"}[degree]}


def step_tags(problem: Problem) -> set[str]:
    tags = {"edge"} if problem.window_edges else set()
    if problem.step == 0:
        return tags | {"no step"}
    return tags | {"small step" if problem.exponent < 0.25 else "large step"}


def size_tags(problem: Problem) -> set[str]:
    n, width = problem.n_samples, problem.width
    tags = {"wide" if width > n else "tall" if width < n else "square"}
    return tags | ({"high dimension"} if problem.input_dim > n else set())


@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: row.id)
def test_the_tags_are_true(row: ReferenceProblem) -> None:
    problem = row.problem()
    tags = activation_tags(problem.activation) | teacher_tags(problem.teacher)
    tags |= step_tags(problem) | size_tags(problem) | {problem.gradient}
    tags |= {"ridgeless"} if problem.ridge == 0 else set()
    assert row.tags == tags


def test_ids_are_unique() -> None:
    assert len({row.id for row in REFERENCE}) == len(REFERENCE)


def test_selection() -> None:
    assert {row.id for row in select("kinked", "no signal")} == {"no-signal"}
    assert all("wide" not in row.tags for row in select(without=("wide",)))
    assert REFERENCE[0].problem(ridge=0.5).ridge == 0.5
    with pytest.raises(KeyError, match="no reference problem is tagged"):
        select("purple")
