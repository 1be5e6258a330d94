"""What strong eigendirections make of the lengths of samples (docs/theory-inputs.md, section 8)."""

from dataclasses import replace
from typing import Any

import numpy as np

from polyspike.theory.covariance.model import CovarianceModel

__all__ = ["growth_along", "with_lengths"]


def with_lengths(model: CovarianceModel) -> CovarianceModel:
    """The leading order with the linear features along every eigendirection as strong as :func:`growth_along` says.

    It is on what neurons have of their own weights; the gradient's noise is seen as it was.
    """
    gains = model.gains * growth_along(model)
    more = model.spectrum.values[:, None] * (gains**2 - model.gains**2)
    bulk = replace(model.bulk, weight_variance=model.bulk.weight_variance + more)
    return replace(model, gains=gains, bulk=bulk)


def growth_along(model: CovarianceModel) -> Any:
    """``1 + (s_u(lambda)/tau^2 - 1) l_u/d`` (eq-lengths-along), shape (L, A): one for isotropic inputs.

    ``l = E[f f']/E[f^2]`` with the slope ``f = A1/tau`` and its derivative by ``log |x|``.
    """
    slope, by_length = model.averages.slope, model.averages.slope_by_log_norm
    square = model.grid.kappa_weights @ slope**2
    with_length = model.grid.kappa_weights @ (slope * by_length)
    relative = np.divide(with_length, square, out=np.zeros_like(square), where=square > 0)
    return 1 + relative * (model.relative - 1) / model.problem.input_dim
