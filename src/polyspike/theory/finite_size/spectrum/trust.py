"""How far the outliers of networks are from a predicted spectrum, and where it is to be trusted.

Not theory but a calibration, as that of the errors (finite_size/trust.py). The estimate is of the relative deviation of
the mean over draws of an outlier's eigenvalue from ``spectrum.means``, for the outlier that is farthest off:

    error_estimate = x/(1 + x),
    x = SIZE (1/n + 1/d + 1/N) + STRENGTH V_b^2 + MATRIX X + GROWTH g/d + PRODUCTS n/(d(d + 1)/2),

V_b the relative variance of the spike's strength over draws (eq-strength-variance), of which ``means`` has the first
order; ``X = e^2 phi_0 E eps^2`` the part of the variance of a pre-activation that the matrix M of the gradient's
samples gives it, with which single neurons and samples make outliers of their own and the bulk of a draw ends in single
eigenvalues; and g the growth of the activation, :func:`~polyspike.theory.finite_size.trust.norm_growth`, by which norms
of samples count. The last is of activations without a linear part alone: their bulk lives on the products of two
coordinates, and reaches further than that of noise. Set on problems of benchmarks/agreement/spectra_design.py, and
looked at on others (docs/theory-inputs.md, section 8).
"""

from polyspike.problem import Activation, Problem
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.spectrum.outlier_means import strength_variance
from polyspike.theory.finite_size.trust import GROWTH_REASON, LARGEST, Trust, norm_growth

__all__ = [
    "GROWTH",
    "MATRIX",
    "MATRIX_REASON",
    "SIZE",
    "SIZE_REASON",
    "STRENGTH",
    "STRENGTH_REASON",
    "is_quadratic",
    "judged",
    "size_of",
    "trust_spectrum",
]

SIZE, STRENGTH, MATRIX, GROWTH, PRODUCTS = 2.0, 1.0, 0.25, 4.0, 1.0
"""Calibrated constants of the estimate."""

# A linear part of a smaller share of the quadratic one is rounding.
_NO_COEFFICIENT = 1e-6

MATRIX_REASON = "the matrix of the gradient's samples moves the weights: single neurons and samples make outliers"
SIZE_REASON = "the sizes are small: outliers have corrections of order 1/n, 1/d and 1/N"
PRODUCTS_REASON = "the features are quadratic, and products of two coordinates are few: the bulk reaches further"
STRENGTH_REASON = "the strength of the spike varies from draw to draw, and outliers with it"


def trust_spectrum(problem: Problem) -> Trust:
    """The error estimate of a spectrum for isotropic inputs, whether it is small enough, and why not
    (eq-spectrum-trust).
    """
    scalars, products = condition(problem), problem.input_dim * (problem.input_dim + 1) / 2
    moved = scalars.quadratic_step**2 * problem.phi_gradient * scalars.matrix_moment
    few = PRODUCTS * problem.n_samples / products if is_quadratic(problem.activation) else 0.0
    return judged(
        {
            SIZE_REASON: SIZE * size_of(problem, problem.input_dim),
            STRENGTH_REASON: STRENGTH * strength_variance(problem) ** 2,
            MATRIX_REASON: MATRIX * float(moved),
            GROWTH_REASON: GROWTH * norm_growth(problem.activation) / problem.input_dim,
            PRODUCTS_REASON: few,
        }
    )


def is_quadratic(activation: Activation) -> bool:
    """Whether the features have a quadratic part and no linear one."""
    _, c1, c2 = (abs(float(c)) for c in activation.coefficients(2))
    return c1 < _NO_COEFFICIENT * c2


def size_of(problem: Problem, dimension: float) -> float:
    """``1/n + 1/d + 1/N``, with this d."""
    return 1 / problem.n_samples + 1 / dimension + 1 / problem.width


def judged(terms: dict[str, float], refused: str = "") -> Trust:
    """From the terms of x by their reasons, of which the largest is named, or the reason why there is no trust."""
    total = sum(terms.values())
    estimate = total / (1 + total)
    reason = refused or ("" if estimate <= LARGEST else max(terms, key=terms.__getitem__))
    return Trust(estimate, not reason, reason)
