"""The linear features along b, less the part of the weights there that is known.

See docs/theory-corrections.md, "Weights that move along themselves". Where neurons are told apart by their overlap g
with the gradient, their weight along b has the mean ``w_b(u, g)``, which belongs to the learned functions. The prior
``P_0`` of the linear features along b, that of every direction, loses the part of the neurons' own weights,
``Delta = (n/d) E[zeta chi chi' gain^2] cos^2(b, beta)``, which leaves the noise. With
``S = (1 + plain P_0)^-1 = int E dnu`` and ``P = P_0 S``, what the samples make of the prior (eq-known-overlaps),

``P' = P - S_b' Delta (1 - S_bb V Delta)^-1 S_b``,  S_b the rows of b of S.
"""

from functools import cached_property
from typing import Any

import numpy as np

from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState

__all__ = ["KnownAlongB"]


class KnownAlongB:
    """What the known weights along b take from the prior of the linear features, at a solved bulk.

    Parameters
    ----------
    model : FiniteSizeModel
        With tied overlaps.
    state : BulkState
    """

    def __init__(self, model: FiniteSizeModel, state: BulkState) -> None:
        assert model.overlaps is not None
        self.model, self.state = model, state
        self._known_squares = model.problem.n_samples * model.overlaps.square * model.bulk.neuron_weights * state.zeta

    @cached_property
    def _linear(self) -> Any:
        """P without what is known, shape (P, p, P, p)."""
        measures, c = self.model.direction_measures, self.model.bulk.samples_per_dim
        return c * np.einsum("kij,kab->iajb", measures, self.state.gam)

    @cached_property
    def _rows(self) -> Any:
        """``S_b``, the rows of b of ``int E dnu``, shape (p, P, p)."""
        return np.einsum("kj,kab->ajb", self.model.direction_measures[:, 0], self.state.e)

    @cached_property
    def _taken(self) -> Any:
        """``Delta (1 - S_bb V Delta)^-1``, shape (p, p)."""
        chi = self.model.bulk.chi
        delta = chi.T @ (self._known_squares[:, None] * chi)
        return delta @ np.linalg.inv(np.eye(len(delta)) - self._rows[:, 0] @ self.state.v @ delta)

    @cached_property
    def prior(self) -> Any:
        """``P'``, shape (P, p, P, p)."""
        return self._linear - np.einsum("aic,ab,bjd->icjd", self._rows, self._taken, self._rows)

    def derivatives(self, a: Any) -> tuple[Any, Any, Any]:
        """The x (P, p) with which ``a' dP' a`` is ``x' dP x`` and, beside that, its other parts by V and by zeta.

        ``x = a + V Delta K S_b a`` along b, ``y = S x``; and ``a' dP' a = x' dP x + (P x)' dV (P x) - (P' a)' dV (P' a)
        - y_b' dDelta y_b``. The second is a function of kappa, ``-phi' dV phi`` of it all, and the third one of u.
        """
        bulk, v = self.model.bulk, self.state.v
        x = np.array(a)
        x[0] = x[0] + v @ (self._taken @ np.einsum("ajb,jb->a", self._rows, a))
        before = np.einsum("iajb,jb->ia", self._linear, x) @ bulk.phi.T
        after = np.einsum("iajb,jb->ia", self.prior, a) @ bulk.phi.T
        y = np.einsum("ajb,jb->a", self._rows, x)
        return x, (after**2 - before**2).sum(axis=0), self._known_squares * (bulk.chi @ y) ** 2
