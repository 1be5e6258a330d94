"""The covariance of the gradient's noise (docs/theory-corrections.md, section 8).

Beyond its rank-one part and M the gradient moves neuron i by ``u_i`` times a sum over the gradient's samples of
``eps_j h(w_i . x_j) x_j``, h of mean zero. Over neurons that has the covariance ``q_perp u^2 C/d``,
``C = X' diag(eps^2) X / (n_0 E eps^2)``: noise in the span of the samples, which with fewer samples than dimensions is
far from isotropic.

- Without M (c_2 = 0) its own spectral measures are used, exactly.
- Beside M, with which it does not commute, it counts by its projection on the quadratic polynomials of M in the free
  product: exact in mean and in the covariances with 1, M and M^2, and exact altogether for d/n_0 to 0 (C is one) and to
  infinity (M and C are diagonal on the samples, ``C = M^2/(phi_0 E eps^2)``).
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from polyspike.arraytypes import Array
from polyspike.theory.finite_size.gradient_matrix.residual_law import (
    Averages,
    Complex,
    ResidualLaw,
    mean_inverse,
    mean_ratio,
)

__all__ = ["NoiseLaw", "noise_given_matrix", "noise_in_frame"]

# Enough for moments of the noise up to the fourth.
_NOISE_NODES = 6


@dataclass(frozen=True)
class NoiseLaw(ResidualLaw):
    """The law of the residual for the matrix ``X' diag(eps^2) X / n_0`` (eq-noise-matrix), whose samples have the
    weight ``eps^2``.
    """

    @property
    def deviation(self) -> float:
        """``sqrt(phi_0 E eps^4)``."""
        v = self.gaussian_variance
        fourth = float(self.weights @ (self.labels**4 + 6 * v * self.labels**2)) + 3 * v**2
        return sqrt(self.phi_gradient * fourth)

    @property
    def centre(self) -> float:
        """The mean ``E eps^2``, to which the spectrum shrinks with unlimited samples."""
        return self.second_moment

    @property
    def lowest(self) -> float:
        """Lower end of the spectrum: no eigenvalue is negative."""
        return 0.0

    def weight(self, eps: Array) -> Array:
        """``eps^2``."""
        return eps**2

    def averages(self, pole: Complex) -> Averages:
        """The averages at poles P, with ``A = eps^2 P/(P - eps^2)``; see :class:`Averages`.

        ``1/(P - eps^2)`` splits into the poles ``+-sqrt(P)`` of eps, so that the closed forms of M serve.
        """
        return self._merged(pole, np.sqrt(np.abs(pole) / self.second_moment))

    def _near(self, pole: Complex) -> Averages:
        root: Complex = np.sqrt(pole)[:, None]
        ahead, behind = self._sides(root - self.labels), self._sides(root + self.labels)
        squares = ahead[3] + behind[3]
        ahead, behind = ahead[:3], (behind[0], -behind[1], behind[2])
        even = [(one + other) / (2 * root) @ self.weights for one, other in zip(ahead, behind, strict=True)]
        slope = self.output_covariance / self.gaussian_variance if self.gaussian_variance > 0 else 0.0
        p = self.inputs.shape[1]
        vector = np.empty((len(pole), p + 1), dtype=complex)
        vector[:, :p] = (ahead[0] - behind[0]) / 2 * self.weights @ self.inputs
        vector[:, p] = slope * (ahead[1] - behind[1]) / 2 @ self.weights
        matrix = np.empty((len(pole), p + 1, p + 1), dtype=complex)
        level = (ahead[0] + behind[0]) / (2 * root) * self.weights
        matrix[:, :p, :p] = (level @ self.pairs.reshape(-1, p * p)).reshape(-1, p, p)
        cross = (ahead[1] + behind[1]) / (2 * root) * self.weights
        matrix[:, :p, p] = matrix[:, p, :p] = slope * (cross @ self.inputs)
        matrix[:, p, p] = (1 - slope * self.output_covariance) * even[0] + slope**2 * even[2]
        wide = pole[:, None, None]
        return Averages(
            scalar=pole * (pole * even[0] - 1),
            vector=pole[:, None] * vector,
            matrix=wide * (wide * matrix - np.eye(p + 1)),
            beta_beta=1 - pole * even[0],
            slope=1 - 2 * pole * even[0] + pole**2 * self._square(root[:, 0], even[0], squares),
        )

    def _sides(self, distance: Complex) -> tuple[Complex, ...]:
        """``E nu^k/(p - nu)`` for k = 0, 1, 2 at the distances p, and ``E 1/(p - nu)^2``."""
        zero = mean_inverse(distance, self.gaussian_variance)
        square = mean_ratio(distance, self.gaussian_variance, zero)
        one = self.gaussian_variance * square
        return zero, one, distance * one, square

    def _square(self, root: Complex, level: Complex, squares: Complex) -> Complex:
        """``E 1/(P - eps^2)^2 = -d/dP E 1/(P - eps^2)``, ``P = root^2``, of the ``squares`` on both sides."""
        return level / (2 * root**2) + (squares @ self.weights) / (4 * root**2)


def noise_given_matrix(nodes: Array, cumulants: tuple[float, float, float, float]) -> Array:
    """C as a quadratic polynomial of M at the nodes, by least squares in the spectral distribution of M
    (eq-noise-on-matrix).

    With ``x = M - k_1`` and the free cumulants k of M: ``E x^2 = k_2``, ``E x^3 = k_3``, ``E x^4 = k_4 + 2 k_2^2``,
    ``E C = 1``, ``E C x = k_3/k_2``, ``E C x^2 = k_2 + k_4/k_2`` (joint cumulants ``phi_0^(k-1) E`` of the product).
    Where M is a number (``k_2 = 0``, no residual at all) C is its mean.
    """
    k1, k2, k3, k4 = cumulants
    if k2 == 0:
        return np.ones_like(nodes)
    gram = np.array([[1, 0, k2], [0, k2, k3], [k2, k3, k4 + 2 * k2**2]])
    joint = np.array([1, k3 / k2, k2 + k4 / k2])
    x = nodes - k1
    return np.stack([np.ones_like(x), x, x**2], axis=-1) @ np.linalg.solve(gram, joint)


def noise_in_frame(law: ResidualLaw) -> Array:
    """C between (teacher directions ..., omega, beta), shape (p+2, p+2) (eq-along, eq-noise-along).

    It is exact, which the polynomial of M is not at an outlier of M. These are the first moments of the measures of
    :class:`NoiseLaw`, all over ``E eps^2``: ``E[eps^2 k k']`` between the first directions; with ``m = E[eps k]`` and
    ``t = phi_0 E[eps^3 k]``, ``E[eps^2 k k'] m + t`` between those and beta; and
    ``phi_0 (E eps^2)^2 + phi_0^2 E eps^4 + m' E[eps^2 k k'] m + 2 m . t`` for beta with itself.
    """
    eps, weights, k, pairs = law.joint_sample(_NOISE_NODES)
    second, size = law.second_moment, k.shape[1]
    if second == 0:
        return np.eye(size + 1)
    inner = np.einsum("s,sij->ij", weights * eps**2, pairs)
    m, t = (weights * eps) @ k, law.phi_gradient * ((weights * eps**3) @ k)
    out = np.empty((size + 1, size + 1))
    out[:-1, :-1] = inner
    out[:-1, -1] = out[-1, :-1] = inner @ m + t
    same_sample = law.phi_gradient * second**2 + law.phi_gradient**2 * float(weights @ eps**4)
    out[-1, -1] = same_sample + m @ inner @ m + 2 * m @ t
    return out / second
