"""What a step does along the strong axes of the inputs, beyond its linear part (eq-data-axes).

Where the gradient's rows have few strong principal axes, a neuron's move is a nonlinear function of its weight along
them, and no Gaussian variable. At given coordinates z of the weight along four of them it nearly is: the kernel is the
mean over z of those at given z. Over few points this mean is coarse, and so is that of the kernels of a move that is
linear in z, at the same points; their difference corrects the kernel in which all is Gaussian.
"""

from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.on_data.drawn import GradientRows
from polyspike.theory.on_data.gradient_rows import Along, GradientMoments

__all__ = ["Kinds", "axes_rule", "given_points", "is_dominated", "linear_along", "strong_axes"]

AXES = 4
"""As many as there is a rule of few points for."""

_FEW = 40
"""Effective dimension of the inputs from which on no axis counts."""

_MOST_SHARE = 0.6
"""Of the variance: up to it the correction halves the distance to the kernel of sampled neurons; at 0.75 it is idle."""


class Kinds(NamedTuple):
    """Neurons of different lengths or coordinates whose kernels are added with weights; the first is plain.

    With the gradient they come from, for neurons that are drawn, and the share of all networks that have it.
    """

    moments: list[GradientMoments]
    weights: Array
    gradient: GradientRows | None = None
    share: float = 1.0


def strong_axes(inputs: Array) -> Array:
    """The four leading principal axes of rows, of unit length, shape (d, 4).

    None where the effective dimension ``(tr S)^2 / tr S^2`` is large, and where the four have so much of the variance
    that too little is left to smooth the features at given coordinates.
    """
    _, singular, axes = np.linalg.svd(inputs, full_matrices=False)
    shares = singular**2 / np.sum(singular**2)
    chosen = 1 / np.sum(shares**2) < _FEW and np.sum(shares[:AXES]) < _MOST_SHARE
    return axes[:AXES].T if chosen else np.empty((inputs.shape[1], 0))


def is_dominated(inputs: Array) -> bool:
    """Whether four axes have so much of the variance that they are not corrected for."""
    squares = np.linalg.svd(inputs, compute_uv=False) ** 2
    return bool(np.sum(squares[:AXES]) >= _MOST_SHARE * np.sum(squares))


def axes_rule() -> tuple[Array, Array]:
    """Points, shape (25, 4), and weights of a mean over four normal coordinates, exact to degree 5.

    The origin and the vertices of the regular 24-cell, a spherical 5-design, at the radius ``sqrt 6``, so that
    ``E r^2 = 4`` and ``E r^4 = 24``.
    """
    vertices = np.vstack([np.array(list(product((-0.5, 0.5), repeat=4))), np.eye(4), -np.eye(4)])
    return np.vstack([np.zeros(4), np.sqrt(6) * vertices]), np.append(1 / 3, np.full(24, 2 / 3 / 24))


def given_points(axes: Array) -> tuple[list[Along], Array]:
    """Coordinates along four axes, and their weights."""
    points, weights = axes_rule()
    return [Along(axes, z) for z in points], weights


def linear_along(moments: GradientMoments, along: Along) -> GradientMoments:
    """The same law at given coordinates: what was linear in them is a drift."""
    axes = along.axes
    shift = axes @ along.values / np.sqrt(len(axes))
    return replace(
        moments,
        drift=moments.drift + moments.matrix @ shift,
        matrix=moments.matrix - (moments.matrix @ axes) @ axes.T,
        own_drift=moments.own_drift + moments.own_matrix @ shift,
        own_matrix=moments.own_matrix - (moments.own_matrix @ axes) @ axes.T,
        along=along,
    )
