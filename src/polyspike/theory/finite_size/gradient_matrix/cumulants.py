"""Free cumulants of the gradient's matrix M (docs/theory-corrections.md, section 8)."""

from functools import lru_cache

from polyspike.theory.finite_size.gradient_matrix.residual_law import GradientLaw
from polyspike.theory.finite_size.labels.label_law import teacher_sample

__all__ = ["matrix_cumulants"]


@lru_cache(maxsize=256)
def matrix_cumulants(law: GradientLaw) -> tuple[float, float, float, float]:
    """Free cumulants ``phi_0^(k-1) E eps^k`` of M for k = 1 .. 4, where ``eps = sigma* + nu``, nu Gaussian."""
    labels, weights, _ = teacher_sample(law.teacher)
    t1, t2, t3, t4 = (float(weights @ labels**k) for k in range(1, 5))
    v, phi = law.gaussian_variance, law.phi_gradient
    return t1, phi * (t2 + v), phi**2 * (t3 + 3 * t1 * v), phi**3 * (t4 + 6 * t2 * v + 3 * v**2)
