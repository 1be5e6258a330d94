"""Inputs of any law: coordinates in the eigenbasis of their covariance, and the teacher's directions there.

The laws are made of the same normals, so that runs of the same seed are paired across laws and spectra, too.
"""

from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from polyspike.arraytypes import Array
from polyspike.problem import Inputs, Problem
from polyspike.simulation.streams import Entries, Stream, generator, standard_normal

__all__ = ["entries_of", "spread", "target_direction", "teacher_directions"]

_DEPENDENT = 1e-7
"""A direction whose part orthogonal to those before it is shorter is drawn again."""


def entries_of(inputs: Inputs, input_dim: int) -> Entries:
    """What draws rows ``x = Sigma^(1/2) g`` in Sigma's eigenbasis."""
    if inputs.is_standard:
        return standard_normal
    law, deviations = _law(inputs), np.sqrt(inputs.axes(input_dim))

    def draw(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        g = law(rng, shape)
        g *= deviations
        return g

    return draw


def _law(inputs: Inputs) -> Entries:
    freedom = inputs.degrees_of_freedom
    if freedom is not None:
        return lambda rng, shape: _student(rng, shape, freedom)
    return {"gaussian": standard_normal, "rademacher": _rademacher, "uniform": _uniform, "sphere": _sphere}[inputs.law]


def _rademacher(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return np.where(rng.standard_normal(shape) < 0, -1.0, 1.0)


def _uniform(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """On ``[-sqrt 3, sqrt 3]``, by the distribution function of the normals."""
    return np.sqrt(3) * (2 * ndtr(rng.standard_normal(shape)) - 1)


def _student(rng: np.random.Generator, shape: tuple[int, int], freedom: float) -> Array:
    """Normals over an independent ``sqrt(chi^2/freedom)``, of variance ``freedom/(freedom - 2)``, scaled to one."""
    z = rng.standard_normal(shape)
    return z * np.sqrt((freedom - 2) / rng.chisquare(freedom, shape))


def _sphere(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    z = rng.standard_normal(shape)
    return z * (np.sqrt(shape[1]) / np.linalg.norm(z, axis=1, keepdims=True))


@lru_cache(maxsize=16)
def teacher_directions(seed: tuple[int, ...], inputs: Inputs, input_dim: int, n_indices: int) -> Array:
    """The directions of a teacher of p indices, shape (p, d), orthonormal in the metric of Sigma; read-only.

    Direction j has a stream of its own, so that teachers of fewer indices see the first ones of it.
    """
    unit: list[Array] = []
    for j in range(n_indices):
        amplitudes = np.sqrt(inputs.axis_energies(input_dim, j))
        unit.append(_independent(generator(seed, Stream.TEACHER, j), amplitudes, unit))
    deviations = np.sqrt(inputs.axes(input_dim))
    found = np.divide(unit, deviations, out=np.zeros((n_indices, input_dim)), where=deviations > 0)
    found.setflags(write=False)
    return found


def _independent(rng: np.random.Generator, amplitudes: Array, others: list[Array]) -> Array:
    """Amplitudes with random signs, made orthogonal to unit vectors and of length one."""
    while True:
        vector = amplitudes * np.where(rng.random(len(amplitudes)) < 0.5, -1.0, 1.0)
        for one in (*others, *others):  # twice, which leaves rounding only
            vector = vector - (vector @ one) * one
        norm = float(np.linalg.norm(vector))
        if norm > _DEPENDENT:
            return vector / norm


def target_direction(problem: Problem, seed: tuple[int, ...]) -> Array:
    """The unit vector along beta*, shape (d,); for ``x ~ N(0, I)`` its first coordinates, the others being zero."""
    direction = problem.teacher.direction
    if problem.inputs.is_standard:
        return direction
    found = direction @ teacher_directions(seed, problem.inputs, problem.input_dim, len(direction))
    return np.asarray(found / np.linalg.norm(found))


def spread(direction: Array, inputs: Inputs) -> float:
    """Standard deviation of ``x . direction``; the norm of the direction for isotropic inputs."""
    if inputs.is_isotropic:
        return float(np.linalg.norm(direction))
    return float(np.linalg.norm(np.sqrt(inputs.axes(len(direction))) * direction))
