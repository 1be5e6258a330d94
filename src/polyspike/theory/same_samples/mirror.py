"""Problems that are their own mirror image (docs/theory-same-data.md, section 10).

Where the label is odd, a sample at ``(-kappa, -eps)`` is as likely as its mirror image, and its feature of a neuron of
readout -u is the image's of one of u. The solution has the symmetry, so that half of the samples, of positive residual,
have all averages once these are restricted to what is symmetric: Gamma does not couple latents of opposite signs,
``zeta(-u) = zeta(u)``, and what is fitted is odd.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.bulk.factorised import FactorisedJacobian
from polyspike.theory.same_samples.symmetric_pairs import pair_indices

__all__ = ["Mirror", "MirroredJacobian", "even_and_odd", "folded"]


@dataclass(frozen=True, eq=False)
class Mirror:
    """The signs that latents take between a sample and its mirror image, shape (m,)."""

    signs: Array

    @cached_property
    def coupled(self) -> Array:
        """One for latents of one sign, zero for others, (m, m)."""
        return (1 + np.outer(self.signs, self.signs)) / 2

    @cached_property
    def kept(self) -> Any:
        """Places of their pairs among all."""
        return np.flatnonzero(self.coupled[pair_indices(len(self.signs))])

    def restricted(self, gradient: Any) -> Any:
        """A gradient by all unknowns, by those that are free."""
        count = len(pair_indices(len(self.signs))[0])
        return np.concatenate([gradient[:count][self.kept], folded(gradient[count:])])

    def all_of(self, free: Any) -> Any:
        """All unknowns of those that are free."""
        pairs = np.zeros((len(pair_indices(len(self.signs))[0]), *free.shape[1:]), dtype=free.dtype)
        pairs[self.kept] = free[: len(self.kept)]
        readouts = free[len(self.kept) :]
        return np.concatenate([pairs, readouts[::-1], readouts])


class MirroredJacobian(FactorisedJacobian):
    """That of the unknowns that are free, for sides and solutions of all."""

    def __init__(self, matrix: Any, state: Any, mirror: Mirror) -> None:
        super().__init__(matrix, state)
        self._mirror = mirror

    def solve(self, right: Any) -> Any:
        """``J^-1 right``."""
        return self._mirror.all_of(super().solve(self._mirror.restricted(right)))


def folded(values: Any) -> Any:
    """The sums over readouts u and -u, which are the first axis, ascending."""
    half = len(values) // 2
    return values[half:] + values[:half][::-1]


def even_and_odd(count: int) -> tuple[Array, Array]:
    """Orthonormal bases (count, count / 2) of the even and of the odd functions of symmetric readouts."""
    unit = np.eye(count // 2) / np.sqrt(2)
    return np.concatenate([unit[::-1], unit]), np.concatenate([-unit[::-1], unit])
