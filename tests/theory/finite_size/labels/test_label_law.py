"""Teachers of many indices: averages over the other inputs, the law of the label, and what is refused at once."""

from math import sqrt
from time import process_time

import numpy as np
import pytest

from polyspike import NumericalError, Problem, as_teacher
from polyspike.status import Status
from polyspike.theory.finite_size import predict_finite_size
from polyspike.theory.finite_size.labels.label_law import (
    TeacherLaw,
    sampling_error,
    teacher_law,
    teacher_sample,
)


def test_few_nodes_carry_the_law_of_many() -> None:
    """Averages against 1/(P - label), the nearest pole half a deviation from the real line."""
    teacher = as_teacher("h1[0] + h1[1]*h2[2] + 0.5*h2[0]")
    labels, weights, inputs = teacher_sample(teacher)
    law = teacher_law(teacher)
    assert isinstance(law, TeacherLaw)
    assert len(labels) == 8000
    assert len(law.values) < 1500
    for pole in (1 + 1j, 2j, -3 + 1j):
        for mine, reference in (
            (law.weights @ (1 / (pole - law.values)), weights @ (1 / (pole - labels))),
            ((law.weights / (pole - law.values)) @ law.inputs, (weights / (pole - labels)) @ inputs),
            (
                np.tensordot(law.weights / (pole - law.values), law.pairs, 1),
                np.einsum("t,ti,tj->ij", weights / (pole - labels), inputs, inputs),
            ),
        ):
            np.testing.assert_allclose(mine, reference, atol=3e-5)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("p", [6, 10])
def test_a_sum_of_many_linear_indices_is_one_index(activation: str, p: int) -> None:
    many = Problem(activation, " + ".join(f"h1[{j}]" for j in range(p)), 2000, 1000, 2000, step_size=2.0, ridge=0.01)
    one = predict_finite_size(many.replace(teacher=[0, sqrt(p)]))
    start = process_time()
    found = predict_finite_size(many)
    assert process_time() - start < 5  # 1 s by itself
    assert 0 < sampling_error(many.teacher) < 0.01
    assert one.error_estimate is not None
    assert found.error_estimate == pytest.approx(one.error_estimate + sampling_error(many.teacher), rel=1e-3)
    for name in ("train_loss", "train_error", "test_error"):
        # The direction b is where the sampled law counts, and that has exact moments: far better than the bound.
        assert getattr(found, name) == pytest.approx(getattr(one, name), rel=2e-6)


def test_an_index_that_nothing_looks_at_changes_nothing() -> None:
    problem = Problem("relu", "h1[0] + h1[1]*h1[2]", 2000, 1000, 2000, step_size=2.0, ridge=0.01)
    near, far = predict_finite_size(problem), predict_finite_size(problem.replace(teacher="h1[0] + h1[4]*h1[9]"))
    assert far.test_error == pytest.approx(near.test_error, rel=1e-8)


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        (" + ".join(f"tanh[{j}]" for j in range(5)), "at most 4 indices of smooth functions are predicted, and not 5"),
        ("relu[0] + relu[1] + relu[2]", "at most 2 indices of kinked functions are predicted, and not 3"),
        ("*".join(f"h1[{j}]" for j in range(10)), "averages over its indices would be off by up to"),
        (" + ".join(f"{c + 1}*h{c % 5 + 1}[{c % 2}]*h{c % 7 + 1}[{c % 3 + 2}]" for c in range(210)), "at most 100"),
    ],
)
def test_what_cannot_be_averaged_is_refused_at_once(teacher: str, message: str) -> None:
    start = process_time()
    with pytest.raises(NumericalError, match=message) as caught:
        predict_finite_size(
            Problem(
                teacher=teacher,
                step_size=1.0,
                activation="tanh",
                n_samples=2000,
                input_dim=1000,
                width=2000,
                ridge=0.01,
            )
        )
    assert process_time() - start < 5
    assert caught.value.status is Status.OUT_OF_RANGE
