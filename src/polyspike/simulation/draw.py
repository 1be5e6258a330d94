"""The draw of a run: data, initial network, and a test set that is never held whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Protocol

import numpy as np

from polyspike.arraytypes import Array
from polyspike.blas import blas_threads
from polyspike.problem import Inputs, Problem, Teacher
from polyspike.simulation.coloured import entries_of, teacher_directions
from polyspike.simulation.streams import Entries, Stream, normal_blocks, normals

__all__ = ["Draw", "GaussianDraw", "Labelled", "Sample", "initial_weights", "readout_of"]


@dataclass(frozen=True, eq=False)
class Sample:
    """Inputs and what their labels are made of.

    Attributes
    ----------
    inputs : ndarray of shape (rows, d)
    noise : ndarray of shape (rows,)
        Standard normals; a problem scales them by its noise level.
    directions : callable, optional
        The directions of a teacher of so many indices, shape (p, d); the first coordinates when None.
    """

    inputs: Array
    noise: Array
    directions: Callable[[int], Array] | None = None

    def first(self, rows: int) -> "Sample":
        """So many of its rows."""
        return replace(self, inputs=self.inputs[:rows], noise=self.noise[:rows])

    def beside(self, other: "Sample") -> "Sample":
        """These rows and those of another sample of the same draw."""
        inputs = np.concatenate([self.inputs, other.inputs])
        return replace(self, inputs=inputs, noise=np.concatenate([self.noise, other.noise]))

    def labels(self, problem: Problem) -> Array:
        """``y = sigma*(x . beta*) + noise``.

        Where inputs and initial weights are isotropic, the teacher's directions can be the first coordinates: a teacher
        of p indices reads ``x[:, :p]``.
        """
        return latent(self.inputs, problem.teacher, self.directions) + problem.noise * self.noise


def latent(inputs: Array, teacher: Teacher, directions: Callable[[int], Array] | None = None) -> Array:
    """``sigma*`` of the inputs along the teacher's directions, by default their first coordinates."""
    p = teacher.n_indices
    seen = inputs[:, :p] if directions is None else inputs @ directions(p).T
    return np.asarray(teacher(seen[:, 0] if p == 1 else seen))


class Labelled(Protocol):
    """Rows of inputs with their labels."""

    @property
    def inputs(self) -> Array:
        """The inputs, shape (rows, d)."""

    def labels(self, problem: Problem) -> Array:
        """The labels, shape (rows,)."""


class Draw(Protocol):
    """What a simulation needs of its data, Gaussian or real."""

    @property
    def weights(self) -> Array:
        """Initial first layer, shape (width, d), rows of norm 1."""

    def seen_by_gradient(self, shared: int) -> Labelled:
        """The sample of the gradient step, of which so many are the first of the fit's and the others its own."""

    @property
    def ridge_sample(self) -> Labelled:
        """The sample of the ridge fit."""

    def readout(self, law: str) -> Array:
        """Initial readout, shape (width,), entries of variance 1/width."""

    def test_blocks(self) -> Iterator[Labelled]:
        """The test set, block by block."""


@dataclass(frozen=True)
class GaussianDraw:
    """The draw of a seed: inputs of the problem's law, rows of ``W0`` uniform on the sphere.

    Parameters
    ----------
    seed : tuple of int
    n_gradient, n_samples, input_dim, width, n_test : int
    inputs : Inputs
        In coordinates of the eigenbasis of their covariance, where ``W0`` has the same law as in any other.
    """

    seed: tuple[int, ...]
    n_gradient: int
    n_samples: int
    input_dim: int
    width: int
    n_test: int
    inputs: Inputs = Inputs()  # noqa: RUF009

    @classmethod
    def of(cls, problem: Problem, seed: tuple[int, ...], n_test: int) -> "GaussianDraw":
        """The draw that ``problem`` uses; equal for all problems of the same sizes and inputs."""
        sizes = (problem.gradient_samples, problem.n_samples, problem.input_dim, problem.width, n_test)
        return cls(seed, *sizes, problem.inputs)

    @cached_property
    def weights(self) -> Array:
        """Initial first layer."""
        return initial_weights(self.seed, self.width, self.input_dim)

    @cached_property
    def gradient_sample(self) -> Sample:
        """A sample of the gradient step that shares none with the fit."""
        return self._sample(Stream.GRADIENT_INPUTS, Stream.GRADIENT_NOISE, self.n_gradient)

    def seen_by_gradient(self, shared: int) -> Sample:
        """The sample of the gradient step: so many of the fit's first, and the first of its own."""
        if shared == 0:
            return self.gradient_sample
        if shared == self.n_gradient == self.n_samples:
            return self.ridge_sample
        own = self._sample(Stream.GRADIENT_INPUTS, Stream.GRADIENT_NOISE, self.n_gradient - shared)
        return self.ridge_sample.first(shared).beside(own)

    @cached_property
    def ridge_sample(self) -> Sample:
        """The sample of the ridge fit."""
        return self._sample(Stream.INPUTS, Stream.NOISE, self.n_samples)

    def readout(self, law: str) -> Array:
        """Initial readout; the three laws share one draw of normals."""
        return readout_of(normals(self.seed, Stream.READOUT, self.width), law)

    def gradient_blocks(self, shared: int = 0) -> Iterator[Sample]:
        """The sample of the gradient step, block by block; never held. The first so many are those of the fit."""
        yield from self._blocks(Stream.INPUTS, Stream.NOISE, shared)
        yield from self._blocks(Stream.GRADIENT_INPUTS, Stream.GRADIENT_NOISE, self.n_gradient - shared)

    def ridge_blocks(self) -> Iterator[Sample]:
        """The sample of the ridge fit, block by block; never held."""
        return self._blocks(Stream.INPUTS, Stream.NOISE, self.n_samples)

    def test_blocks(self) -> Iterator[Sample]:
        """The test set, block by block."""
        return self._blocks(Stream.TEST_INPUTS, Stream.TEST_NOISE, self.n_test)

    def weight_blocks(self) -> Iterator[Array]:
        """The initial first layer in blocks of neurons; never held."""
        blocks = normal_blocks(self.seed, Stream.WEIGHTS, self.width, self.input_dim, blas_threads())
        return map(_on_sphere, blocks)

    def _blocks(self, inputs: Stream, noise: Stream, rows: int) -> Iterator[Sample]:
        blocks = normal_blocks(self.seed, inputs, rows, self.input_dim, blas_threads(), self._entries)
        for x, e in zip(blocks, normal_blocks(self.seed, noise, rows, 1), strict=True):
            yield Sample(x, e[:, 0], self._directions)

    def _sample(self, inputs: Stream, noise: Stream, rows: int) -> Sample:
        x = normals(self.seed, inputs, rows, self.input_dim, blas_threads(), self._entries)
        return Sample(x, normals(self.seed, noise, rows), self._directions)

    @cached_property
    def _entries(self) -> Entries:
        return entries_of(self.inputs, self.input_dim)

    @property
    def _directions(self) -> Callable[[int], Array] | None:
        if self.inputs.is_standard:
            return None
        return partial(teacher_directions, self.seed, self.inputs, self.input_dim)


def initial_weights(seed: tuple[int, ...], width: int, input_dim: int) -> Array:
    """Rows uniform on the unit sphere, shape (width, input_dim)."""
    return _on_sphere(normals(seed, Stream.WEIGHTS, width, input_dim, blas_threads()))


def _on_sphere(rows: Array) -> Array:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def readout_of(z: Array, law: str) -> Array:
    """A readout of the given law, entries of variance 1/width, from standard normals ``z`` of shape (width,)."""
    laws = {
        "gaussian": lambda: z,
        "rademacher": lambda: np.where(z < 0, -1.0, 1.0),
        "constant": lambda: np.ones_like(z),
    }
    return laws[law]() / np.sqrt(len(z))
