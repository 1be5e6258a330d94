"""From a problem to the spectrum of its quadratic features (docs/theory-inputs.md, section 8)."""

from polyspike.spectra import Spectrum
from polyspike.theory.covariance.pair_spectrum.model import (
    PairModel,
    QuadraticFeatures,
    is_outside,
    most_separated,
    pair_model,
)
from polyspike.theory.covariance.pair_spectrum.outliers import PairParts
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.spectrum.outliers import upper_edge
from polyspike.theory.finite_size.spectrum.predict_spectrum import solve_parts

__all__ = ["predict_pair_spectrum", "separated"]


def predict_pair_spectrum(features: QuadraticFeatures, like: FiniteSizeModel) -> Spectrum:
    """Density, edges, atom and outliers, with M and the covariance of the gradient's noise at their means.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` as for isotropic inputs.
    """
    return solve_parts(PairParts(separated(features, like)))


def separated(features: QuadraticFeatures, like: FiniteSizeModel) -> PairModel:
    """Without the strongest pairs, each of which lies outside the bulk of all that are weaker; by bisection, as that
    is so of every pair that is stronger than another one outside.
    """
    low, high = 0, most_separated(features)
    while low < high:
        middle = 1 if low == 0 else (low + high + 1) // 2
        model = pair_model(features, like, middle)
        edge, _ = upper_edge(PairParts(model))
        low, high = (middle, high) if is_outside(model, edge.state) else (low, middle - 1)
    return pair_model(features, like, low)
