"""How the norm of a sample fluctuates, and the lengths of the neurons (docs/theory-inputs.md, section 7)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.covariance.eigenvalues import Eigenvalues
from polyspike.theory.covariance.known_block import KnownBlock
from polyspike.theory.covariance.step import Step

__all__ = ["NormMoments", "norm_moments", "norm_of_sample"]


@dataclass(frozen=True, eq=False)
class NormMoments:
    """How the norm of a sample fluctuates; all zero at leading order (eq-inputs-norm).

    The known directions b^ and e^_k have no part in it: what they do to a norm is a function of kappa and kappa_e.

    Attributes
    ----------
    variance : float
        ``v``, of ``log |x|`` over samples of the same kappa and kappa_e; ``m_2/(2 d)`` but for those directions.
    covariance : ndarray of shape (A, A)
        Of log tau at u and u' over such samples.
    of_e : ndarray of shape (p, p)
        ``<e^_i|Sigma|e^_j>/d``: the share of known coordinates in the square of the norm.
    of_b : float
        ``<b^|Sigma|b^>/d``.
    along : ndarray of shape (A, 1 + p, 1 + p)
        ``s_ij(u)/(tau^2 d)``, the share of the known directions in the variance of a pre-activation.
    neurons : ndarray of shape (A,)
        Variance of log tau over neurons.
    """

    variance: float
    covariance: Any
    of_e: Any
    of_b: float
    along: Any
    neurons: Any


def norm_moments(
    spectrum: Eigenvalues, step: Step, relative: Any, known: KnownBlock, dimension: int | None
) -> NormMoments:
    """The fluctuations of the norms (eq-inputs-norm), from the relative variances ``s_u(lambda)/tau^2`` (L, A) and the
    known directions; all zero without a ``dimension``, the leading order.
    """
    if dimension is None:
        moments, none = 0 * known.moments, np.zeros((len(known.moments), len(known.moments)))
        return NormMoments(0.0, none, moments[0, 1:, 1:], 0.0, moments, none[0])
    d, beside = dimension, _beside(spectrum.weights, step.direction_measures, dimension)
    sigma = step.direction_measures @ spectrum.values
    return NormMoments(
        variance=float(spectrum.values @ beside @ spectrum.values) / (2 * d),
        covariance=relative.T @ beside @ relative / (2 * d),
        of_e=sigma[1:, 1:] / d,
        of_b=float(sigma[0, 0]) / d,
        along=known.moments / d,
        neurons=known.length_variance(spectrum.weights, relative, d),
    )


def _beside(weights: Array, measures: Any, dimension: int) -> Any:
    """The covariance of ``sum_k g_k^2/d`` between the nodes of Sigma beside the known directions of these measures, but
    for a factor, shape (L, L). These cannot have more of it than there is, as they seem to where two of them lie along
    a single eigendirection.
    """
    found = np.diag(weights) - np.einsum("ijl,ijm->lm", measures, measures) / dimension
    values, vectors = np.linalg.eigh(found)
    return found if values[0] >= 0 else (vectors * np.maximum(values, 0.0)) @ vectors.T


def norm_of_sample(share: Array, kappa: Array) -> Any:
    """``|x|/sqrt d`` in the mean at a given kappa, relative to that at all of them, where kappa has these shares of the
    square; shape (K, A).

    It is ``sqrt(1 + share (kappa^2 - 1))`` to first order, and positive as it stands.
    """
    return np.sqrt((1 + share * kappa[:, None] ** 2) / (1 + share))
