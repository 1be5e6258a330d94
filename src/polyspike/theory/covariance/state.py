"""The unknown of the bulk with a covariance and the equations that it solves (docs/theory-inputs.md, section 4).

Unknown: ``R(kappa)``, ``zeta(u)`` and the matrix T.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from polyspike.theory.covariance.averages import total, triangle
from polyspike.theory.covariance.layer import Blocks, LayerCoefficients, Samples
from polyspike.theory.covariance.model import CovarianceModel
from polyspike.theory.covariance.pairs import PairsState

__all__ = ["CovarianceState"]

_LEAST_T = 1e-4


@dataclass(frozen=True, eq=False)
class CovarianceState:
    """A triple (R, zeta, T) with the matrices that belong to it; everything may be complex (tangents).

    Attributes
    ----------
    shift : float or ndarray of shape (K,)
        D.
    r, zeta : ndarray of shape (K,), (A,)
    t : ndarray of shape (f p, f p)
        Of several tangents all three have one axis more, the first. The defect is that of one state.
    """

    model: CovarianceModel
    shift: Any
    r: Any
    zeta: Any
    t: Any

    @cached_property
    def weighted_r(self) -> Any:
        """R times the quadrature weights."""
        return self.model.bulk.sample_weights * self.r

    @cached_property
    def weighted_zeta(self) -> Any:
        """The zeta times the quadrature weights."""
        return self.model.bulk.neuron_weights * self.zeta

    def gram(self, f: Any, g: Any) -> Any:
        """``E[R f g']`` of functions of kappa in columns."""
        return np.swapaxes(f, -1, -2) @ (self.weighted_r[..., None] * g)

    @cached_property
    def coefficients(self) -> LayerCoefficients:
        """The averages over the neurons."""
        return self.model.coefficients(self.weighted_zeta)

    @cached_property
    def v(self) -> Any:
        """``V = E[R phi phi']``, shape (p, p)."""
        return self.gram(self.model.bulk.phi, self.model.bulk.phi)

    @cached_property
    def blocks(self) -> Blocks:
        """The form of the weights."""
        return Blocks(self.coefficients, self.t, self.model.bulk.samples_per_dim * self.v)

    @cached_property
    def samples(self) -> Samples:
        """The samples of the gradient."""
        mean = total(self.model.spectrum.weights, self.blocks.fields)
        return Samples(self.coefficients, self.model.law, self.model.step.phi_gradient, mean)

    @cached_property
    def pairs(self) -> PairsState | None:
        """The quadratic features."""
        arrays = self.model.pairs
        if arrays is None:
            return None
        return PairsState(arrays, self.weighted_r, self.weighted_zeta, self.r, self.model.norms.variance)

    @cached_property
    def inverse_r(self) -> Any:
        """X, the right-hand side of the equation for 1/R (eq-covariance-fixed)."""
        bulk = self.model.bulk
        gam = total(self.model.spectrum.weights, self.blocks.gam)
        found = self.shift + bulk.noise_variance @ self.weighted_zeta + bulk.phi_pairs @ gam.ravel()
        return found if self.pairs is None else found + self.pairs.over_r

    @cached_property
    def inverse_zeta(self) -> Any:
        """Y, the right-hand side of the equation for 1/zeta (eq-covariance-fixed)."""
        bulk = self.model.bulk
        found = self.weighted_r @ bulk.noise_variance + self.linear_in_over_zeta / bulk.samples_per_dim
        found = found if self.pairs is None else found + self.pairs.over_zeta
        return 1 + bulk.samples_per_neuron * found

    @property
    def linear_in_over_zeta(self) -> Any:
        """``Theta_uu + (n/d) q u^2 chi' W chi`` (eq-theta), shape (A,)."""
        model, neurons = self.model, self.model.known_neurons
        own = model.spectrum.weights @ ((neurons @ self.blocks.x) * neurons).sum(axis=2)
        return own + model.noise_of_neurons * (model.bulk.chi_pairs @ self.samples.noise_form.ravel())

    @cached_property
    def defect(self) -> Any:
        """``(log R X, log zeta Y)`` and T less that of the layer, zero at the fixed point (eq-full-system)."""
        of_t = (self.t - self.samples.t)[triangle(len(self.t))]
        return np.concatenate([np.log(self.r * self.inverse_r), np.log(self.zeta * self.inverse_zeta), of_t])

    @property
    def scale_of_t(self) -> float:
        """Beside which a change of T is large or small: its largest element or, of one that is no more than rounding
        beside the form of the weights, a share of that.
        """
        form = float(np.abs(self.coefficients.own).max(initial=0.0))
        return max(float(np.abs(self.t).max(initial=0.0)), _LEAST_T * form)

    @cached_property
    def size_of_defect(self) -> float:
        """The largest relative defect; infinite where the iterate left the domain."""
        count, scale = len(self.r) + len(self.zeta), self.scale_of_t
        size = float(np.abs(self.defect[:count]).max())
        of_t = float(np.abs(self.defect[count:]).max(initial=0.0))
        size = max(size, of_t / scale if scale > 0 else of_t)
        return size if np.isfinite(size) else np.inf

    def with_layer(self) -> "CovarianceState":
        """The same R and zeta with the T that the samples of the gradient give."""
        return replace(self, t=self.samples.t)

    def moved(self, step: Any) -> "CovarianceState":
        """The state after adding ``step`` to (log R, log zeta, T), of T the elements on and above its diagonal; several
        states for steps in rows.
        """
        k, a, size = len(self.r), len(self.zeta), len(self.t)
        t = np.zeros((*step.shape[:-1], size, size), dtype=step.dtype)
        rows, columns = triangle(size)
        t[..., rows, columns] = t[..., columns, rows] = step[..., k + a :]
        r, zeta = self.r * np.exp(step[..., :k]), self.zeta * np.exp(step[..., k : k + a])
        return replace(self, r=r, zeta=zeta, t=self.t + t)
