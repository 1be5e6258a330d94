"""Nodes of the teacher's inputs, of which the law of a label and of its residual is made."""

import numpy as np

from polyspike.arraytypes import Array
from polyspike.hermite import gauss_hermite, split_gauss_legendre, tensor_rule
from polyspike.problem import Teacher
from polyspike.theory.finite_size.labels.label_law import kinks_along, rotation

__all__ = ["is_wild", "teacher_nodes"]

_REACH, _PANEL_NODES = 7.0, 5
# Labels up to this degree have residuals that few polynomials resolve; how far the rule of the others' inputs goes.
_TAME, _WIDE = 2, 8.6


def is_wild(teacher: Teacher) -> bool:
    """Whether its residuals have no law that few polynomials resolve, as those of labels of degree three and more."""
    return teacher.is_polynomial and teacher.total_degree > _TAME


def _trapezoid(count: int) -> tuple[Array, Array]:
    """The trapezoid rule against the normal density: where residuals vanish, functions of them have poles that are the
    nearer to the real line the faster the label changes there.
    """
    x = np.linspace(-_WIDE, _WIDE, count)
    weights = np.exp(-(x**2) / 2)
    return x, weights / weights.sum()


def teacher_nodes(teacher: Teacher, count: int) -> tuple[Array, Array, Array]:
    """``sigma*``, weights and inputs, the first along beta*."""
    p = teacher.n_indices
    if is_wild(teacher):
        rules = [_trapezoid(count)] * p
    elif teacher.is_polynomial:
        rules = [gauss_hermite(count)] * p
    else:
        rules = [split_gauss_legendre(kinks_along(teacher) if p == 1 else teacher.kinks, _PANEL_NODES, _REACH)] * p
    inputs, weights = tensor_rule(rules)
    frame = rotation(teacher)
    if p == 1:
        # Nodes along beta*, which is the index or its mirror image.
        along = inputs[:, 0]
        return np.asarray(teacher(along * frame[0, 0]), dtype=float), weights, inputs
    return np.asarray(teacher(inputs), dtype=float), weights, inputs @ frame.T
