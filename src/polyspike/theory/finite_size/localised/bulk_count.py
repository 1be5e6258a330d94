"""How many eigenvalues of a bulk lie above a level inside it (eq-bulk-count)."""

import numpy as np

from polyspike.arraytypes import Complex
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel
from polyspike.theory.finite_size.bulk.newton import positive_states
from polyspike.theory.finite_size.localised.long_bulk import LongBulk
from polyspike.theory.finite_size.spectrum.density import follow

__all__ = ["number_above", "share_above"]

# Nodes in the logarithm of the imaginary part over the level, and their range; a start far below everything.
_NODES, _RANGE, _FAR = 17, (-7.5, 5.5), 30.0

# Of a number of eigenvalues, and of what is left out at the ends of the integral, as a share of all.
_LEAST_NUMBER, _ROUNDING = 0.5, 1e-5


def number_above(long: LongBulk, level: float) -> float:
    """The number of eigenvalues of the bulk above a level, which may lie inside it; its lightest parts, of half a
    neuron and half a sample, are left out.
    """
    bulk, _, _ = long.without(_LEAST_NUMBER)
    share = share_above(bulk, level, long.strongest(bulk))
    return max(share - _ROUNDING, 0.0) * long.model.problem.n_samples


def share_above(bulk: BulkModel, level: float, largest: float) -> float:
    """The share of the eigenvalues above the level: ``1/2 + (1/pi) int_0^inf Re m(L + iy) dy``, m the average of R.

    An eigenvalue at lambda contributes ``(lambda - L)/((lambda - L)^2 + y^2)`` to ``Re m``, whose integral is pi/2 with
    the sign of ``lambda - L``.

    Parameters
    ----------
    bulk : BulkModel
    level, largest : float
        L, and a bound on the eigenvalues.

    Raises
    ------
    NumericalError
        ``NOT_CONVERGED`` where the bulk is not solved on that line.
    """
    log_y = np.linspace(*_RANGE, _NODES)
    goal = np.log(level * (1 + 1j * np.exp(log_y)))
    far = _FAR * max(largest, level)
    start = np.full(_NODES, np.log(far) + 1j * np.pi)

    def path(s: float) -> Complex:
        return np.asarray((1 - s / 2) * start + s / 2 * goal, dtype=complex)

    state = positive_states(bulk, np.array([far]))
    r, zeta = (np.repeat(v.astype(complex), _NODES, axis=0) for v in (state.r, state.zeta))
    found = follow(bulk, path, np.concatenate([np.log(r), np.log(zeta)], axis=1))
    integrand = (found.r @ bulk.sample_weights).real * level * np.exp(log_y)
    # The trapezoid rule goes on below the range, where the integrand grows in proportion to y, and above it, where it
    # falls as 1/y.
    step = log_y[1] - log_y[0]
    total = step * (integrand.sum() + (integrand[0] + integrand[-1]) / np.expm1(step))
    return float(bulk.sample_weights.sum() / 2 + total / np.pi)
