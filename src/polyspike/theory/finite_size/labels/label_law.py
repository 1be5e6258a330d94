"""Nodes of the teacher's Gaussian inputs, and the joint law of label and inputs that they make.

A tensor grid up to some 260,000 nodes: that is five indices of a polynomial. Beyond, a lattice of points under eight
independent shifts, whose scatter bounds the error. Laws of many nodes are compressed: only averages of smooth functions
of the label are needed, so that nodes of nearly the same label become two, with the inputs' moments given them.
"""

from functools import lru_cache
from itertools import pairwise
from math import prod, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from polyspike.arraytypes import Array
from polyspike.errors import NumericalError
from polyspike.hermite import RANGE, gauss_hermite, split_gauss_legendre, tensor_rule
from polyspike.problem import Teacher
from polyspike.status import Status
from polyspike.theory.finite_size.labels.separable import is_separable

__all__ = ["TeacherLaw", "kinks_along", "rotation", "sampling_error", "teacher_law", "teacher_sample"]

# Gauss-Hermite nodes per index for a smooth teacher of several indices.
_SMOOTH_NODES = (48, 32, 20, 12)
_PANEL_NODES = 12
_MOST_NODES = 2**18
_SHIFTS, _POINTS = 8, 2**14
# A generating vector that F. Y. Kuo built component by component, of the order-2 weighted kind, up to 2^20 points.
_GENERATOR = (1, 182667, 469891, 498753, 110745, 446247, 250185, 118627, 245333, 283199)
# Largest error of a sampled law that a prediction is made with, relative.
_LARGEST_ERROR = 0.05
_STANDARD_ERRORS = 3.0
# More nodes than this are compressed, in bins of this width, in standard deviations, and of this share of the label.
_FEW = 1500
_BIN, _BIN_SHARE = 0.05, 0.02
# Terms of a teacher of several indices: what is averaged is their square.
_MOST_TERMS = 100
# Teachers that mix other than polynomial functions of the input along beta*: so many indices, with kinks and without.
_MOST_MIXED = {True: 2, False: 4}
_PROBES = (0.5, 1.0, 2.0)


class TeacherLaw(NamedTuple):
    """Nodes of the label with weights, the mean of the inputs given them (first axis beta*), and of their products.

    Attributes
    ----------
    values, weights : ndarray of shape (T,)
    inputs : ndarray of shape (T, p)
    pairs : ndarray of shape (T, p, p)
    """

    values: Array
    weights: Array
    inputs: Array
    pairs: Array


@lru_cache(maxsize=8)
def teacher_sample(teacher: Teacher) -> tuple[Array, Array, Array]:
    """``sigma*``, weights and inputs (first axis beta*) at nodes of the teacher's Gaussian inputs.

    An index on which the teacher does not depend is zero at all of them.
    """
    p = teacher.n_indices
    if _is_sampled(teacher):
        inputs = _normal_points(p).reshape(-1, p)
        weights = np.full(len(inputs), 1 / len(inputs))
    else:
        inputs, weights = tensor_rule(_rules(teacher))
    labels = np.asarray(teacher(inputs[:, 0] if p == 1 else inputs), dtype=float)
    return labels, weights, inputs @ rotation(teacher).T


@lru_cache(maxsize=2)
def _normal_points(p: int) -> Array:
    """Standard normal points, shape (shifts, points, p): of mean zero and covariance one, the same in every process."""
    lattice = np.arange(_POINTS)[:, None] * np.array(_GENERATOR[:p]) % _POINTS / _POINTS
    shifts = np.random.default_rng(0).random((_SHIFTS, 1, p))
    points = ndtri(np.clip((lattice + shifts) % 1.0, 2.0**-53, 1 - 2.0**-53))
    points -= points.mean(axis=1, keepdims=True)
    root = np.linalg.cholesky(points.transpose(0, 2, 1) @ points / _POINTS)
    return np.asarray(np.linalg.solve(root, points.transpose(0, 2, 1)).transpose(0, 2, 1), dtype=float)


@lru_cache(maxsize=64)
def sampling_error(teacher: Teacher) -> float:
    """Relative error of the law's averages, three standard errors over the shifts; 0.0 for a tensor grid.

    The averages are ``E sigma*^2`` and, at probes of the size of the label, those of the theory: ``E A`` and
    ``E A k k'`` along beta* with ``A = sigma* P/(P - sigma*)``.
    """
    if not _is_sampled(teacher):
        return 0.0
    labels, _, inputs = teacher_sample(teacher)
    eps = labels / (sqrt(float((labels**2).mean())) or 1.0)
    levels = [eps**2]
    for probe in _PROBES:
        level = eps / (1 + (eps / probe) ** 2)
        levels += [level, level * eps / probe, level * inputs[:, 0], level * inputs[:, 0] ** 2]
    values = np.stack(levels).reshape(-1, _SHIFTS, _POINTS).mean(axis=2)
    return float(_STANDARD_ERRORS * (values.std(axis=1, ddof=1) / sqrt(_SHIFTS)).max())


@lru_cache(maxsize=64)
def teacher_law(teacher: Teacher) -> TeacherLaw:
    """The law of label and inputs at few enough nodes.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` for a teacher of so many indices that it is not known well enough.
    """
    check_indices(teacher)
    labels, weights, inputs = teacher_sample(teacher)
    error = sampling_error(teacher)
    if error > _LARGEST_ERROR:
        message = f"teacher {teacher.expression!r}: averages over its indices would be off by up to {error:.1%}"
        raise NumericalError(Status.OUT_OF_RANGE, message)
    if len(labels) > _FEW:
        law = _compressed(labels, weights, inputs)
    else:
        law = TeacherLaw(labels, weights, inputs, inputs[:, :, None] * inputs[:, None, :])
    unseen = np.diag([float(len(x) == 1) for x, _ in _rules(teacher)])
    axes = rotation(teacher)
    return law._replace(pairs=law.pairs + axes @ unseen @ axes.T) if unseen.any() else law


def check_indices(teacher: Teacher) -> None:
    """Refuse, before any work, a teacher whose averages over the other inputs would cost too much.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` where beta* mixes indices of which the teacher has functions that are no polynomials, for more
        than four indices, or two where they have kinks.
    """
    if teacher.n_indices > 1 and len(teacher.terms) > _MOST_TERMS:
        what = f"a teacher of {teacher.n_indices} indices with {len(teacher.terms)} terms"
        raise NumericalError(Status.OUT_OF_RANGE, f"{what}: at most {_MOST_TERMS} are predicted")
    kinked = bool(teacher.kinks)
    if is_separable(teacher) or teacher.n_indices <= _MOST_MIXED[kinked]:
        return
    limit = f"at most {_MOST_MIXED[kinked]} indices of {'kinked' if kinked else 'smooth'} functions"
    why = "its linear part mixes several indices, and not all functions of these are polynomials"
    message = f"teacher {teacher.expression!r}: {why}; {limit} are predicted, and not {teacher.n_indices}"
    raise NumericalError(Status.OUT_OF_RANGE, message)


def _compressed(labels: Array, weights: Array, inputs: Array) -> TeacherLaw:
    """Two nodes a bin with the bin's first four moments of the label, and its inputs' moments linear in the label.

    Exact for cubic functions of the label within a bin, times one, and for linear ones times the inputs.
    """
    place = _bins(labels, weights)
    order = np.argsort(place, kind="stable")
    bounds = np.flatnonzero(np.diff(place[order], prepend=-1, append=place.max() + 1))
    # With a one before the inputs, a bin's products hold its mass and its means, too.
    extended = np.column_stack([np.ones_like(labels), inputs])[order]
    labels, weights = labels[order], weights[order]
    parts = [_one_bin(labels[a:b], weights[a:b], extended[a:b]) for a, b in pairwise(bounds)]
    nodes, shares, moments = (np.concatenate(column) for column in zip(*parts, strict=True))
    return TeacherLaw(nodes, shares, moments[:, 0, 1:], moments[:, 1:, 1:])


def _one_bin(labels: Array, weights: Array, inputs: Array) -> tuple[Array, Array, Array]:
    """Nodes and weights of a bin, and the products of the inputs (n, q) there, shape (2, q, q)."""
    mass = weights.sum()
    centre = weights @ labels / mass
    x, share = labels - centre, weights / mass
    second, third = share @ x**2, share @ x**3
    nodes, parts = _two_nodes(float(second), float(third))
    mean, by_label = (inputs.T @ (factor[:, None] * inputs) for factor in (share, share * x))
    slope = by_label / second if second > 0 else 0.0 * by_label
    return centre + nodes, mass * parts, mean + slope * nodes[:, None, None]


def _bins(labels: Array, weights: Array) -> NDArray[np.int_]:
    """The bin of every label: of one width near the mean, growing with the distance from it."""
    mean = float(weights @ labels)
    deviation = sqrt(float(weights @ (labels - mean) ** 2)) or 1.0
    scaled = np.arcsinh(_BIN_SHARE / _BIN * (labels - mean) / deviation) / _BIN_SHARE
    place = np.unique(np.floor(scaled).astype(int), return_inverse=True)[1]
    return np.asarray(place)


def _two_nodes(second: float, third: float) -> tuple[Array, Array]:
    """Nodes and weights with mean 0 and these moments: the roots of ``x^2 - (m_3/m_2) x - m_2``."""
    if second <= 0:
        return np.zeros(2), np.full(2, 0.5)
    half = third / (2 * second)
    root = sqrt(half**2 + second)
    low = (half + root) / (2 * root)
    return np.array([half - root, half + root]), np.array([low, 1 - low])


@lru_cache(maxsize=64)
def rotation(teacher: Teacher) -> Array:
    """Orthogonal matrix whose first row is the teacher's first Hermite direction: of one index, its sign.

    It is read-only, because it is cached.
    """
    p = teacher.n_indices
    basis, _ = np.linalg.qr(np.column_stack([teacher.direction, np.eye(p)]))
    basis[:, 0] = teacher.direction
    rows = basis[:, :p].T
    rows.setflags(write=False)
    return rows


def kinks_along(teacher: Teacher) -> tuple[float, ...]:
    """Where quadrature splits sigma* as a function of the input along beta*: for one index at its kinks and around its
    steep places, mirrored where it falls.

    Several indices have kinks at zero only, which the mirror leaves where they are.
    """
    if teacher.n_indices > 1:
        return teacher.kinks
    return tuple(sorted(float(teacher.direction[0]) * k for k in teacher.smoothness.corners))


def _rules(teacher: Teacher) -> list[tuple[Array, Array]]:
    """Nodes and weights of every index; one node for an index on which the teacher does not depend."""
    p = teacher.n_indices
    used = {f.axis for term in teacher.terms for f in term.factors} if p > 1 else {0}
    if p > 1 and not teacher.kinks:
        rule = gauss_hermite(_SMOOTH_NODES[min(len(used), len(_SMOOTH_NODES)) - 1])
    else:
        n_nodes = _PANEL_NODES if p == 1 else _PANEL_NODES // 2
        rule = split_gauss_legendre(teacher.smoothness.corners, n_nodes, RANGE)
    return [rule if axis in used else gauss_hermite(1) for axis in range(p)]


def _is_sampled(teacher: Teacher) -> bool:
    return prod(len(x) for x, _ in _rules(teacher)) > _MOST_NODES
