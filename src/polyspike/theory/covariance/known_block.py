"""The weights between the known directions, beyond what their eigenvalues make of them (docs/theory-inputs.md,
section 7).

Along the directions on which the residual depends M has a mean of its own, so that a weight is longer or shorter there
than along others of the same eigenvalue. As a matrix its second moment is that of the eigenvalues plus one on the span
of the known directions.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = ["KnownBlock"]


@dataclass(frozen=True, eq=False)
class KnownBlock:
    """Second moments S of the weights between b^ and the e^_k, over ``tau^2``; shape (A, 1 + p, 1 + p) all.

    Attributes
    ----------
    moments : ndarray
        ``s_ij(u)/tau^2``.
    by_eigenvalue : ndarray
        The same where the weights of an eigenvalue are alike in all directions.
    """

    moments: Any
    by_eigenvalue: Any

    @cached_property
    def beyond(self) -> Any:
        """What the first have beyond the second."""
        return self.moments - self.by_eigenvalue

    @cached_property
    def square_beyond(self) -> Any:
        """What ``S^2`` has there beyond that of the eigenvalues."""
        crossed = self.by_eigenvalue @ self.beyond
        return crossed + np.swapaxes(crossed, 1, 2) + self.beyond @ self.beyond

    @property
    def share_beyond(self) -> Any:
        """``d`` times the share of ``tau^2`` that is beyond the eigenvalues, shape (A,)."""
        return np.einsum("aii->a", self.beyond)

    def mean(self, weights: Any, relative: Any, dimension: int) -> Any:
        """``tr S/d``, from the S of the eigenvalues of these weights (L,), (L, A); shape (A,)."""
        return weights @ relative + self.share_beyond / dimension

    def mean_square(self, weights: Any, relative: Any, dimension: int) -> Any:
        """``tr S^2/d``, shape (A,)."""
        return weights @ relative**2 + np.einsum("aii->a", self.square_beyond) / dimension

    def length_variance(self, weights: Any, relative: Any, dimension: int) -> Any:
        """Of ``log tau`` over neurons whose initial weights are of length one, ``(tr S^2/d - (tr S/d)^2)/(2 d)``; shape
        (A,).
        """
        mean = self.mean(weights, relative, dimension)
        return np.maximum(self.mean_square(weights, relative, dimension) - mean**2, 0.0) / (2 * dimension)
