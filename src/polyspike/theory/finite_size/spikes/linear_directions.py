"""The forms of the label and of the learned functions at a solved bulk (docs/theory-finite-size.md, sections 3, 8, 11).

The label depends on few directions of the input: b, with the coordinate kappa, and the teacher's directions orthogonal
to it. The label and the learned functions are sums over the Hermite polynomials of the orthogonal coordinates ("of
every degree" below), with coefficients that are functions of kappa; every coefficient has a derivative by the sample's
norm. The features in these directions, and what they fit of a label, are in quadratic_directions.py.
"""

from typing import Any, NamedTuple

import numpy as np

from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState
from polyspike.theory.finite_size.spikes.norm_response import NormResponse
from polyspike.theory.finite_size.spikes.quadratic_directions import FeatureStack

__all__ = ["Directions", "LabelForm"]


class LabelForm(NamedTuple):
    """The form of a label with itself, its explicit derivatives, and how fast its residual grows with the norm.

    Attributes
    ----------
    value : float
    by_log_r, by_log_zeta : ndarray of shape (K,), (A,)
    residual_by_log_norm : ndarray of shape (K,)
        ``d E[residual^2 | kappa]/dlog |x|``, the residual being that of a sample left out.
    """

    value: Any
    by_log_r: Any
    by_log_zeta: Any
    residual_by_log_norm: Any


class Directions:
    """The forms of one solved bulk.

    Attributes
    ----------
    stack : FeatureStack
    weighted_r : ndarray of shape (K,)
        R times the quadrature weights.
    """

    def __init__(self, model: FiniteSizeModel, state: BulkState) -> None:
        self.model, self.state, self.response = model, state, NormResponse(model, state)
        self.weighted_r = model.bulk.sample_weights * state.r
        labels, response = model.labels, self.response
        self._variance = response.log_norm_variance
        # Along b the slope is less by its part in H_3(kappa): E[w_b sigma] d = kappa (E sigma' - E[z sigma'']/d).
        phi = response.at_mean_norm(model.phi, model.phi_by_log_norm)
        self.stack = FeatureStack(model, state, response, phi, phi - 2 * self._variance * model.phi_by_log_norm)
        self._g0 = response.at_mean_norm(labels.g0, labels.g0_by_log_norm)
        self._g1 = response.at_mean_norm_of_rows(labels.g1, labels.g1_by_log_norm)
        self._factors = np.array([degree.factor for degree in self.stack.degrees])

    def forms(self, functions: Any, by_log_norm: Any) -> tuple[Any, Any]:
        """``<f_i, f_j>`` (m, m) and ``<f_i, y>`` (m,) of functions of every degree (eq-joint, eq-mean-norm).

        ``functions`` (S, K, m) have the derivatives ``by_log_norm`` (K, m) at degree 0. The term ``E[R v f_t g_t]`` of
        two functions is not included: it is part of :func:`~.learned_functions.inverse_neuron_form`.
        """
        label, label_by_log_norm = self._label_by_degree(self._g0, self.model.labels.g0_by_log_norm)
        first = self.response.at_mean_norm(functions[0], self._in_mean(by_log_norm))
        at_mean_norm = np.concatenate([first[None], functions[1:]])
        weighted = self._factors[:, :, None] * self.weighted_r[:, None] * at_mean_norm
        # E[R f~ g~] - v_f' T v_g, and the terms of order v.
        v = self.stack.vectors(at_mean_norm, by_log_norm)
        v_label = self.stack.vector(label, label_by_log_norm)
        t_v = self.stack.t @ np.concatenate([v, v_label[:, None]], axis=1)
        gram = np.einsum("ski,skj->ij", weighted, at_mean_norm) - v.T @ t_v[:, :-1]
        square = self._with_isotropic_squares(functions, by_log_norm)
        of_norm = self._variance * (by_log_norm.T @ (self.weighted_r * label_by_log_norm[0]))
        side = np.einsum("ski,sk->i", weighted, label) + of_norm
        return gram + square + square.T, side - v.T @ t_v[:, -1]

    def _in_mean(self, by_log_norm: Any) -> Any:
        """What the mean norm under the weight R multiplies of the learned functions."""
        return by_log_norm if self.model.means_by_norm else 0 * by_log_norm

    def _with_isotropic_squares(self, functions: Any, by_log_norm: Any) -> Any:
        """``E[R f_i f_j]`` of the functions along the squares of the orthogonal coordinates with ``f_t Delta``, whose
        part along each of those squares is ``sqrt 2 v f_t``.
        """
        along = functions[self.stack.squares].sum(axis=0)
        return 2**0.5 * self._variance * self.state.gram(along, by_log_norm)

    def of_label(self, fitted: Any, by_log_norm: Any) -> LabelForm:
        """``<y - f, y - f>`` for a learned function f (S, K) with the derivative ``by_log_norm`` (K,) by ``log |x|``.

        The term ``E[R v f_t^2]`` is not included, as in :meth:`forms`. The derivatives by R and zeta are those at
        fixed f; the derivative by ``Delta_R`` is ``E[R dE[residual^2]/dlog |x|]``, for residuals of samples left out.
        """
        labels, response = self.model.labels, self.response
        rest_by_log_norm = labels.g0_by_log_norm - by_log_norm
        rest = response.at_mean_norm(labels.g0 - fitted[0], labels.g0_by_log_norm - self._in_mean(by_log_norm))
        parts, parts_by_log_norm = self._label_by_degree(rest, rest_by_log_norm)
        parts[1:] -= fitted[1:]
        energy = self._energy(parts, fitted, by_log_norm)
        v = self.stack.vector(parts, parts_by_log_norm)
        coefficients = self.stack.t @ v
        value = self.weighted_r @ energy - v @ coefficients
        features, features_by_log_norm = self.stack.fitted(coefficients)
        residual, residual_slope = parts - features, parts_by_log_norm - features_by_log_norm
        # Through v and E[R f f'] the form changes with R by the squares of the residuals less those of the label; what
        # is left, through the prior and the plain averages, comes from the stack.
        through_prior, by_zeta = self.stack.derivatives(v, coefficients)
        by_r = (
            through_prior + energy + self._squares(residual, residual_slope) - self._squares(parts, parts_by_log_norm)
        )
        residual_slope[0] += by_log_norm - self._in_mean(by_log_norm)
        residual_by_log_norm = self._squares_by_log_norm(residual, residual_slope) + labels.g2_by_log_norm
        counted_in_g2 = 4 * response.square_factor**2 * (labels.squares**2).sum(axis=0)
        residual_by_log_norm = residual_by_log_norm - counted_in_g2
        through_mean = response.derivatives(self.weighted_r * residual_by_log_norm)
        return LabelForm(
            value, by_r * self.weighted_r + through_mean[0], by_zeta + through_mean[1], residual_by_log_norm
        )

    def _energy(self, parts: Any, fitted: Any, by_log_norm: Any) -> Any:
        """``E[(y - f)^2 | kappa]`` under the weight R, before the features fit any of it (eq-value, eq-mean-norm).

        The squares of all parts; g2 at the mean norm, without the quadratic parts, which g2 contains; and the products
        of f_t Delta with the label's own derivative and with f along the squares of the orthogonal coordinates.
        """
        labels, response, variance = self.model.labels, self.response, self._variance
        squares = (self._factors * parts**2).sum(axis=0)
        energy = squares + labels.g2 - (response.square_factor**2 * labels.squares**2).sum(axis=0)
        at_mean_norm = energy + response.mean_log_norm * labels.g2_by_log_norm
        with_label = 2 * variance * labels.g0_by_log_norm * by_log_norm
        with_squares = 2**1.5 * variance * fitted[self.stack.squares].sum(axis=0) * by_log_norm
        return at_mean_norm - with_label + with_squares

    def _label_by_degree(self, rest: Any, by_log_norm: Any) -> tuple[Any, Any]:
        """The label whose part along kappa is ``rest``, and its derivative by ``log |x|``, shape (S, K) each."""
        labels = self.model.labels
        none = np.zeros_like(labels.squares)
        return np.stack([rest, *self._g1, *labels.squares]), np.stack([by_log_norm, *labels.g1_by_log_norm, *none])

    def _squares(self, parts: Any, by_log_norm: Any) -> Any:
        """``E[f^2 | kappa]`` of a function with parts of every degree: ``f~^2 + v f_t^2``, summed over the degrees."""
        return (self._factors * parts**2 + self._variance * by_log_norm**2).sum(axis=0)

    def _squares_by_log_norm(self, parts: Any, by_log_norm: Any) -> Any:
        """The derivative of :meth:`_squares` by ``Delta_R``: the coordinates of a part grow with the norm, too."""
        linear = len(self.model.labels.g1)
        degrees = np.array([0, *[1] * linear, *[2] * (len(parts) - 1 - linear)])[:, None]
        return (2 * self._factors * parts * (by_log_norm + degrees * parts)).sum(axis=0)
