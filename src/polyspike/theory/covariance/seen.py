"""A teacher of several indices in the frame in which one of its inputs is seen by the spike (docs/theory-inputs.md).

The directions ``Sigma^(1/2) beta*_k`` are orthonormal. Along each of them the spike ``Sigma^(1/2) b`` lies in
proportion to ``<lambda>_k c*_k``: where the energies of the indices differ, this is not the direction of the linear
part. The first row of the frame is along it, so that b is orthogonal to all others.
"""

from dataclasses import dataclass

import numpy as np

from polyspike.arraytypes import Array
from polyspike.problem import Problem, Teacher
from polyspike.theory.finite_size.labels.label_law import rotation

__all__ = ["TurnedTeacher", "index_measures", "linear_direction", "seen_teacher"]


@dataclass(frozen=True)
class TurnedTeacher(Teacher):
    """A teacher whose :attr:`direction` is another one than that of its linear part."""

    along: tuple[float, ...] = ()

    @property
    def direction(self) -> Array:
        """The unit vector ``along``, shape (n_indices,)."""
        return np.array(self.along)


def seen_teacher(problem: Problem) -> Teacher:
    """The teacher, with the direction along which its inputs are seen by the spike (eq-seen)."""
    teacher = problem.teacher
    if teacher.n_indices == 1 or not np.any(teacher.linear_coefficients):
        return teacher
    energies = [problem.inputs.teacher_moment(1, problem.input_dim, k) for k in range(teacher.n_indices)]
    along = np.array(energies) * teacher.linear_coefficients
    along = along / np.linalg.norm(along)
    if np.allclose(along, teacher.direction, rtol=0, atol=1e-12):
        return teacher
    parts = (teacher.expression, teacher.terms, teacher.function, teacher.function_kinks)
    return TurnedTeacher(*parts, tuple(along.tolist()))


def linear_direction(problem: Problem) -> Array:
    """The direction of the linear part in the frame of :func:`seen_teacher`, shape (p,)."""
    return np.asarray(rotation(seen_teacher(problem)) @ problem.teacher.direction)


def index_measures(problem: Problem) -> Array:
    """The energies of the distinct eigenvalues between the directions of that frame, shape (p, p, distinct).

    The directions of a teacher have signs of their own, so that two indices have no energy in common on average.
    """
    d, frame = problem.input_dim, rotation(seen_teacher(problem))
    energies = np.array([problem.inputs.teacher_energies(d, k) for k in range(problem.teacher.n_indices)])
    return np.asarray(np.einsum("ik,kl,jk->ijl", frame, energies, frame))
