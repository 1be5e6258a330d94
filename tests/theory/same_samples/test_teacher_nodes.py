"""Nodes of the teacher's inputs: moments of labels, and the frame of the inputs."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.same_samples.teacher_nodes import is_wild, teacher_nodes


@pytest.mark.parametrize(
    ("teacher", "wild"),
    [
        ("h1 + 0.5*h2", False),
        ("-0.8*h1 + 0.3*h3", True),
        ("relu - 0.3*h1", False),
        ("h1[0] - 0.5*h2[1]", False),
        ("0.6*h1[0] + 0.8*h1[1] + 0.2*h3[1]", True),
    ],
)
def test_moments_of_labels(teacher: str, wild: bool) -> None:
    found = Problem(teacher=teacher, step_size=1.0).teacher
    assert is_wild(found) == wild
    labels, weights, inputs = teacher_nodes(found, 100 if wild and found.n_indices == 1 else 48)
    assert inputs.shape == (len(labels), found.n_indices)
    # Panels end at 7, beyond which there are 3e-12.
    assert weights.sum() == pytest.approx(1, abs=1e-11)
    assert weights @ labels**2 == pytest.approx(found.second_moment, rel=1e-7)
    # Along beta* there is all of the linear part, and nothing of it across.
    linear = (weights * labels) @ inputs
    assert linear[0] == pytest.approx(float(np.linalg.norm(found.linear_coefficients)), rel=1e-7)
    assert linear[1:] == pytest.approx(np.zeros(found.n_indices - 1), abs=1e-9)
