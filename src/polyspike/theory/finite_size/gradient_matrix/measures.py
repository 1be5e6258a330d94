"""Nodes of the spectral measures of M, the Gram matrix of the directions, and the limit of unlimited samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.gradient_matrix.residual_law import ResidualLaw

__all__ = ["OUTLIER_SHARE", "UNLIMITED", "MeasureNodes", "frame_gram", "unlimited_samples"]

UNLIMITED = 1e-14
"""Below this d/n_0 the spectrum of M is a point: the distance of its outliers overflows in units of its deviation."""

OUTLIER_SHARE = 0.1
"""Nodes beyond the spectrum with this share of a direction of the frame are an outlier, and no tail."""


@dataclass(frozen=True)
class MeasureNodes:
    """One set of nodes for all spectral measures of M.

    Attributes
    ----------
    nodes : ndarray of shape (K,)
    bulk : ndarray of shape (K,)
        Weights of the spectral distribution of M.
    frame : ndarray of shape (K, p+2, p+2)
        Weights of the (signed) spectral measures between the directions (teacher ..., omega, beta); their sum is the
        Gram matrix of these directions.
    noise_covariance : ndarray of shape (K,)
        The covariance of the gradient's noise there, of mean one.
    """

    nodes: Array
    bulk: Array
    frame: Array
    noise_covariance: Array

    def within(self, share: float) -> "MeasureNodes":
        """These nodes with a share of the mass at each end of the spectrum put at its mean: a matrix of finite size has
        one eigenvalue there and no tail. Outliers, in which a direction of the frame has its part, stay where they are.

        Weights of an interpolatory rule may be negative in the tails. So the mass up to a node is the largest of the
        cumulated weights up to there, and each node counts for what it adds to that.
        """
        values = self.noise_covariance if np.ptp(self.nodes) == 0 else self.nodes
        drawn, order = values, np.argsort(values)
        for direction in (order, order[::-1]):
            mass = np.maximum.accumulate(np.append(0.0, np.cumsum(self.bulk[direction])))
            added, before = np.diff(mass), mass[:-1]
            part, inside = np.empty(len(values)), np.empty(len(values))
            part[direction] = np.clip(share - before, 0, added)
            inside[direction] = np.where(added > 0, part[direction] / np.where(added > 0, added, 1.0), before < share)
            if self._has_outlier(inside == 1):
                continue
            drawn = drawn + inside * (part @ values / part.sum() - drawn)
        noise = np.interp(drawn, values[order], self.noise_covariance[order])
        return MeasureNodes(self.nodes if values is self.noise_covariance else drawn, self.bulk, self.frame, noise)

    def _has_outlier(self, end: NDArray[np.bool_]) -> bool:
        """Whether these nodes have an outlier's share of a direction of the frame other than beta, of which every end
        of the spectrum has some.
        """
        shares = np.diagonal(self.frame, axis1=1, axis2=2)[:, :-1]
        return bool((shares[end].sum(axis=0) > OUTLIER_SHARE * shares.sum(axis=0)).any())


def frame_gram(law: ResidualLaw) -> Array:
    """Inner products of (teacher directions ..., omega, beta)."""
    p = law.inputs.shape[1]
    gram = np.eye(p + 2)
    linear = np.append((law.weights * law.labels) @ law.inputs, law.output_covariance)
    gram[:-1, -1] = gram[-1, :-1] = linear
    gram[-1, -1] = linear @ linear + law.phi_gradient * law.second_moment
    return gram


def unlimited_samples(law: ResidualLaw, gram: Array) -> MeasureNodes:
    """The limit of unlimited samples, exact up to order phi_0: on the frame M is ``E w k k'``, elsewhere its mean."""
    eps, weights, _, pairs = law.joint_sample(6)
    values, vectors = np.linalg.eigh(np.tensordot(weights * law.weight(eps), pairs, 1))
    components = np.vstack([vectors, gram[-1, :-1] @ vectors])
    frame = np.einsum("ik,jk->kij", components, components)
    nodes = np.append(law.centre, values)
    bulk = np.append(1.0, np.zeros(len(values)))
    return MeasureNodes(nodes, bulk, np.concatenate([[gram - frame.sum(axis=0)], frame]), np.ones(len(nodes)))
