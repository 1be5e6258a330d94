"""How far the outliers of networks are from a spectrum for a covariance, and where it is to be trusted.

Not theory but a calibration, as that of isotropic inputs (finite_size/spectrum/trust.py), with the effective dimension
for d; what Sigma has of single eigenvalues counts more (in brackets):

    x = (SIZE [+ FELT s/(1 + s)]) (1/n + 1/d_eff + 1/N) + STRENGTH (V + V_b) s/(1 + s) + MATRIX X + GROWTH g/d_eff
        + GAINED E_u|tr(S - S_eig)_e|/d,

``s = d r^2`` the strength of the spike beside a weight's, ``X = e^2 phi_0 E eps^2 m_2^2``, V the relative variance of
``|Sigma^(1/2) b|^2`` over draws that the components of b along the eigendirections give it (:func:`strength_variance`),
V_b that of isotropic inputs, and the last term the share of a pre-activation that neurons gain along the label's
directions beyond that of the eigenvalues there (:func:`_gained`): squares of these are learned, and are not in the
spectrum. Features without a linear part, whose outliers are those of pairs of eigendirections, have no spike, and X
counts twice, with what the mean of M moves along the eigendirections (:func:`_moved_by_mean`): M is at its mean there.
``PAIRS lambda_1/d`` is added, for what pairs of strong eigendirections lack.
"""

import numpy as np

from polyspike.problem import Problem
from polyspike.theory.covariance.eigenvalues import SINGLE, Eigenvalues
from polyspike.theory.covariance.layer_spectrum.draws_of_spike import components
from polyspike.theory.covariance.model import assemble
from polyspike.theory.covariance.step import Step, condition
from polyspike.theory.covariance.trust import TRUSTED_DIMENSION
from polyspike.theory.finite_size.spectrum.outlier_means import strength_variance as isotropic_variance
from polyspike.theory.finite_size.spectrum.spectral_model import COARSENESS
from polyspike.theory.finite_size.spectrum.trust import (
    GROWTH,
    MATRIX,
    MATRIX_REASON,
    SIZE,
    SIZE_REASON,
    STRENGTH_REASON,
    is_quadratic,
    judged,
    size_of,
)
from polyspike.theory.finite_size.trust import GROWTH_REASON, Trust, norm_growth

__all__ = ["strength_variance", "trust_covariance_spectrum"]

FELT, STRENGTH, MATRIX_OF_PAIRS, PAIRS, GAINED = 1.0, 0.1, 0.5, 2.0, 3.0
"""Calibrated constants of the estimate."""

GAINED_REASON = "neurons become long in the label's direction: its square is learned, and makes outliers"
PAIRS_REASON = "pairs of strong eigendirections are outliers: samples and neurons that are long along both weigh more"


def trust_covariance_spectrum(problem: Problem, spectrum: Eigenvalues) -> Trust:
    """The error estimate of a spectrum (eq-spectrum-trust); whether it is small enough; and why not."""
    quadratic = is_quadratic(problem.activation)
    step, effective = condition(problem, spectrum), problem.inputs.effective_dimension(problem.input_dim)
    strength = 0.0 if quadratic else problem.input_dim * float(step.scalars.spike_strength) ** 2
    felt = strength / (1 + strength)
    single = bool((problem.input_dim * spectrum.weights < SINGLE).any())
    size = SIZE if quadratic or not single else SIZE + FELT * felt
    moved = float(step.scalars.quadratic_step**2 * step.matrix_noise) * spectrum.moment(2) ** 2
    moved += _moved_by_mean(spectrum, step) if quadratic else 0.0
    varies = strength_variance(problem, spectrum, step) + isotropic_variance(problem) if felt > 0 else 0.0
    few = (
        f"the inputs have the effective dimension {effective:.3g}: below {TRUSTED_DIMENSION:g} features of higher "
        "degree make outliers along single directions"
    )
    return judged(
        {
            SIZE_REASON: size * size_of(problem, effective),
            STRENGTH_REASON: STRENGTH * varies * felt,
            MATRIX_REASON: (MATRIX_OF_PAIRS if quadratic else MATRIX) * moved,
            GROWTH_REASON: GROWTH * norm_growth(problem.activation) / effective,
            PAIRS_REASON: PAIRS * float(spectrum.values[-1]) / problem.input_dim if quadratic else 0.0,
            GAINED_REASON: 0.0 if quadratic else GAINED * _gained(problem, spectrum),
        },
        few if effective < TRUSTED_DIMENSION else "",
    )


def _gained(problem: Problem, spectrum: Eigenvalues) -> float:
    """The share in ``tau^2`` that neurons gain or lose along the label's directions, beyond the variance of the
    eigenvalues there.
    """
    model = assemble(problem, spectrum, finite_dimension=False, refine=COARSENESS)
    beyond = np.einsum("aii->a", model.known.beyond[:, 1:, 1:])
    return float(np.abs(beyond) @ model.grid.u_weights) / problem.input_dim


def _moved_by_mean(spectrum: Eigenvalues, step: Step) -> float:
    """``avg lambda^2 (gain - 1)^2/m_2`` (eq-gain) at a readout of one deviation: neurons that all see the curvature of
    their common output turn round along a strong eigendirection.
    """
    tilt = step.scalars.quadratic_step * (step.coherent * spectrum.values + step.explained)
    change = (tilt - step.scalars.self_term) * step.reach
    return float(spectrum.weights @ (spectrum.values * change) ** 2) / spectrum.moment(2)


def strength_variance(problem: Problem, spectrum: Eigenvalues, step: Step) -> float:
    """The relative variance of ``|Sigma^(1/2) b|^2`` over draws that its components along the eigendirections give."""
    return float(components(problem, spectrum, step).variances.sum())
