"""From a problem to the arrays of its fixed point and of its quadratic forms."""

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyspike.errors import NumericalError
from polyspike.problem import Problem, Teacher
from polyspike.status import Status
from polyspike.theory.finite_size.bulk.finite_dimension import NextOrder
from polyspike.theory.finite_size.bulk.fixed_point import BulkModel
from polyspike.theory.finite_size.conditioning import Conditioning, StepScalars, condition
from polyspike.theory.finite_size.given_kappa.activation_averages import Kernels, kernels
from polyspike.theory.finite_size.given_kappa.grids import Grid
from polyspike.theory.finite_size.given_kappa.label_parts import LabelParts, label_parts
from polyspike.theory.finite_size.given_kappa.norm_fluctuations import Norms, matrix_cumulants, norms
from polyspike.theory.finite_size.given_kappa.weights_along import Known, WeightsAlong, known_moments, weights_along
from polyspike.theory.finite_size.gradient_matrix.gauss_rule import Contour, contour, measure_nodes, outermost
from polyspike.theory.finite_size.gradient_matrix.measures import UNLIMITED, MeasureNodes, frame_gram
from polyspike.theory.finite_size.gradient_matrix.noise_law import NoiseLaw, noise_given_matrix, noise_in_frame
from polyspike.theory.finite_size.gradient_matrix.residual_law import ResidualLaw, law_of, residual_law

__all__ = ["FiniteSizeModel", "assemble", "build_model"]

Array = NDArray[np.float64]

# What is cut off is orthogonal to what is kept, so that the errors move by its square: 3e-10 over 170 random problems
# at 1e-6, 1e-8 at 1e-5. The factors of t count for some percent at most: 3e-11 at 3e-5.
RANK_TOLERANCE = 1e-6
NEXT_RANK_TOLERANCE = 3e-5
# Nodes of the measure of M by the largest |e mu| of its eigenvalues: for a Gaussian readout, and for one of a single
# size |u|, where the gains of all neurons vanish at the same mu and the functions of M are sharp there (its models are
# small enough for many nodes). Chosen on 182 and, for the Gaussian ones, 956 random problems with d/n_0 from 1/8 to 8
# and labels to cubic, for 6e-9 in the three errors against sums along the contour itself or many more nodes.
MU_NODES = (
    (0.05, 8, 8),
    (0.3, 8, 16),
    (0.45, 8, 32),
    (0.7, 12, 32),
    (1.0, 16, 48),
    (1.5, 16, 80),
    (2.2, 20, 80),
    (3.0, 24, 80),
    (12.0, 36, 80),
    (25.0, 44, 80),
    (60.0, 56, 80),
    (150.0, 72, 80),
    (np.inf, 84, 80),
)
_USUAL_NODES = 36
# A tail that reaches further, in standard deviations, is so heavy that it counts twice.
_HEAVY = 60.0
# Length of their map, in standard deviations of M, by the largest |e| times that.
MU_LENGTHS = ((0.1, 8.0), (0.25, 4.0), (1.0, 2.0), (np.inf, 1.0))
# Nodes and length for the covariance of the noise by the largest variance that it adds at u = 1. On 80 such problems
# the rows are within 4e-9 of 72 nodes, but for the last: 1e-9 up to 1e5, 8e-9 up to 1e6, 3e-7 for one beyond.
NOISE_NODES = ((0.3, 8, 1.0), (1.5, 12, 1.0), (40.0, 16, 1.0), (1e3, 24, 1.0), (1e4, 28, 1.0), (np.inf, 48, 1.5))


@dataclass(frozen=True)
class FiniteSizeModel:
    """All arrays of one problem that depend neither on the ridge nor on the noise-side shift.

    Attributes
    ----------
    mean : ndarray of shape (K, A)
        ``m(kappa, u)``.
    directions : ndarray of shape (n_mu, P, P)
        Weights of the spectral measures of M between the directions (b, kappa_perp ...), P = p + 1.
    mu : ndarray of shape (n_mu,)
        Nodes of M.
    gains : ndarray of shape (n_mu, A)
        ``1 - delta u^2 + e u mu``, what the gradient makes of a neuron's own weight along an eigendirection of M.
    omega : ndarray of shape (n_mu,)
        Weights of the spectral measure of M at ``omega = W0' a``.
    norms : Norms
        How far the deviations of single samples and neurons are from tau.
    phi, phi_turn : ndarray of shape (K, p)
        The factor of ``A1/tau = phi q'`` at the norm that a sample of this kappa has in the mean, and its derivative by
        ``log |x|``. The bulk's own phi holds the growth of the input with that norm, too.
    along : WeightsAlong
        Moments of the weights along the few known directions.
    quadratic : tuple of ndarray, of shape (K, p2), (K, p2) and (A, p2)
        ``a2 = t/sqrt 2 = phi chi'``, ``da2/d log tau = turned chi'``: phi, turned and chi.
    """

    problem: Problem
    conditioning: Conditioning
    grid: Grid
    bulk: BulkModel
    labels: LabelParts
    mean: Any
    directions: Any
    mu: Any
    gains: Any
    omega: Any
    norms: Norms
    phi: Any
    phi_turn: Any
    along: WeightsAlong
    quadratic: tuple[Any, Any, Any]

    @property
    def stretch(self) -> float:
        """How much of a prediction is due to weights that the step has made longer along the known directions."""
        n, d = self.problem.n_samples, self.problem.input_dim
        return self.along.stretch(self.grid.u_weights, 2 * n / (d * (d + 1)))


def build_model(problem: Problem, grid: Grid, step: Any = None, sample: StepScalars | None = None) -> FiniteSizeModel:
    """The arrays of a problem on a grid, at its own step or at ``step`` (complex for derivatives), for the expectations
    of the gradient's averages or for those of a sample.
    """
    return assemble(problem, grid, condition(problem, step, sample))


def assemble(
    problem: Problem,
    grid: Grid,
    scalars: Conditioning,
    mu_nodes: int | None = None,
    rank_tolerance: float | None = None,
    finite_dimension: bool = True,
    ends: float = 0.0,
) -> FiniteSizeModel:
    """The arrays that belong to a conditioning, be it the problem's own or one with a term taken away.

    ``mu_nodes`` and ``rank_tolerance`` override the number of nodes of M and the cut of the factors of ``A1/tau``.
    Without ``finite_dimension`` the terms of section 11, of order 1/d, are left out. ``ends`` is the share of the
    spectrum of M that is drawn in at each of its ends.
    """
    measures = _measures(problem, scalars, mu_nodes)
    measures = measures.within(ends) if ends > 0 and len(measures.bulk) > 1 else measures
    mu = measures.nodes + scalars.trace_shift
    u, n = grid.u, problem.n_samples
    gains = 1 - scalars.shrink * u**2 + scalars.tilt * u * mu[:, None]
    moves = gains**2 + scalars.remainder * u**2 * measures.noise[:, None]
    tau = _deviation(problem, scalars, u)
    directions, moments = _on_known_directions(problem, scalars, measures, gains, u)
    norm = _norm_of_sample(problem, grid.kappa) if finite_dimension else np.ones((len(grid.kappa), 1))
    parts = _kernels(problem, scalars.strength, grid, tau * norm)
    spread = norms(problem, scalars, u, tau, parts.turn)
    if not finite_dimension:
        spread = replace(spread, variance=0.0)
    (phi, phi_turn), q = factorise([parts.slope, parts.slope_turn], [1.0, spread.variance], grid, rank_tolerance)
    noise, growth = parts.residual, norm
    if finite_dimension:
        noise, more = _independent(parts, tau * norm, spread, grid)
        growth = norm * more
    (quadratic, quadratic_turn), chi = factorise(
        [parts.turn / 2**0.5, parts.turn_turn / 2**0.5], [1.0, spread.variance], grid, NEXT_RANK_TOLERANCE
    )
    bulk = BulkModel(
        grid.kappa_weights,
        grid.u_weights,
        phi * growth,
        q,
        noise,
        moves,
        measures.bulk,
        n / problem.input_dim,
        n / problem.width,
        _next_order(problem, parts, spread, quadratic, quadratic_turn, chi) if finite_dimension else None,
    )
    return FiniteSizeModel(
        problem,
        scalars,
        grid,
        bulk,
        label_parts(problem.teacher, grid.kappa, scalars.cosine, problem.noise),
        parts.mean,
        directions,
        mu,
        gains,
        measures.frame[:, -2, -2],
        spread,
        phi,
        phi_turn,
        weights_along(problem, scalars, grid, moments, gains, measures, directions, parts, spread),
        (quadratic, quadratic_turn, chi),
    )


def _next_order(problem: Problem, parts: Kernels, spread: Norms, phi: Any, turned: Any, chi: Any) -> NextOrder:
    """The terms of section 11, of what :func:`_independent` leaves of the quadratic part: a share ``1/(1 + 2v)``."""
    kept = 1 / (1 + 2 * np.diagonal(spread.samples))
    own = parts.spread - (1 - kept) * parts.turn * parts.turn_turn / 2
    return NextOrder(phi, turned, kept[:, None] ** 0.5 * chi, own, problem.input_dim, problem.n_samples)


def _norm_of_sample(problem: Problem, kappa: Array) -> Any:
    """``|x|/sqrt d`` in the mean at a given kappa, relative to that at all of them, shape (K, 1).

    It is ``sqrt(1 + (kappa^2 - 1)/d)`` to first order in 1/d, and positive at every d as it stands.
    """
    d = problem.input_dim
    return np.sqrt((d + kappa[:, None] ** 2) / (d + 1))


def _independent(parts: Kernels, tau: Any, spread: Norms, grid: Grid) -> tuple[Any, Any]:
    """The part of ``A2^2`` that is independent from sample to sample and neuron to neuron, shape (K, A), and the factor
    by which the linear part grows.

    With Delta the relative deviation of a sample's norm, of variance v, the quadratic part of the activation contains
    ``t Delta``, a function of kappa for each neuron, and the cubic part ``Delta w.x d(A1/tau)/d log tau``, in the
    directions of the linear features. Shares ``v/(1/2 + v)`` and ``v/(1/6 + v)`` of the two parts, exact to first order
    in v and never more than the whole. Where the linear features vanish, those of the cubic part stay noise.
    """
    v = np.diagonal(spread.samples)
    quadratic = parts.turn**2 * v / (1 + 2 * v)
    cubic = (tau * parts.slope_turn) ** 2 * v / (1 + 6 * v)
    gained = grid.kappa_weights @ cubic @ grid.u_weights
    if gained == 0:
        return parts.residual - quadratic, 1.0
    linear = grid.kappa_weights @ (tau * parts.slope) ** 2 @ grid.u_weights
    joined = linear / (linear + gained)
    return parts.residual - quadratic - joined * cubic, (2 - joined) ** 0.5


def _kernels(problem: Problem, strength: Any, grid: Grid, tau: Any) -> Kernels:
    """The averages on the grid; half of them by ``m(kappa, -u) = m(-kappa, u)`` where tau is even in u."""
    half = len(grid.u) // 2
    mirrored = np.array_equal(grid.u, -grid.u[::-1]) and np.array_equal(tau, tau[:, ::-1])
    if not mirrored:
        return kernels(problem.activation, strength * grid.kappa[:, None] * grid.u, tau)
    parts = kernels(problem.activation, strength * grid.kappa[:, None] * grid.u[half:], tau[:, half:])
    right = np.stack(parts)
    return Kernels(*np.concatenate([right[:, ::-1, ::-1][:, :, :half], right], axis=2))


def _deviation(problem: Problem, scalars: Conditioning, u: Array) -> Any:
    """``tau(u)``: the average of the moves over M from its exact first two moments.

    ``tau^2 = (1 - delta u^2)^2 + 2 (1 - delta u^2) e u E mu + e^2 u^2 E mu^2 + dl u^2 - [u^2/(N + u^2)]`` with
    ``E mu = E eps``, ``E mu^2 = phi_0 E eps^2 + (E eps)^2``. The bracket (full gradient) is the squared cosine of a
    neuron's own weight with ``omega = W0' a``, whose square is ``1 + u^2/N`` given that neuron's readout.

    Raises
    ------
    NumericalError
        ``OUT_OF_RANGE`` where so few neurons take a step so large that the expansion in 1/N gives no variance.
    """
    first = float(problem.teacher.coefficients(0)[0])
    second = problem.phi_gradient * scalars.residual_moment + first**2
    shift = scalars.trace_shift
    second, first = second + 2 * shift * first + shift**2, first + shift
    own, push = 1 - scalars.shrink * u**2, scalars.tilt * u
    own_share = scalars.excluded * u**2 / (1 + scalars.excluded * u**2)
    square = own**2 + 2 * own * push * first + push**2 * second + scalars.remainder * u**2 - own_share
    if np.real(square).min() <= 0:
        message = f"width {problem.width}: a pre-activation is left without variance beside the neuron's own output"
        raise NumericalError(Status.OUT_OF_RANGE, message)
    return square**0.5


def _measures(problem: Problem, scalars: Conditioning, count: int | None = None) -> MeasureNodes:
    """The measures of M, or of the noise's covariance where M does not act (c_2 = 0); one node where neither does.

    They depend neither on the step nor on the ridge.
    """
    law = residual_law(problem, scalars)
    if scalars.remainder == 0 and scalars.tilt == 0:
        return MeasureNodes(np.zeros(1), np.ones(1), frame_gram(law)[None], np.ones(1))
    if scalars.tilt == 0:
        size = abs(np.real(scalars.remainder)) * _largest_noise(problem.teacher, law.noise_variance, law.phi)
        usual, length = _choice(NOISE_NODES, size)
        return _noise_measures(problem.teacher, law.noise_variance, law.omega, law.phi, count or usual, length)
    reach = abs(np.real(scalars.tilt)) * law.deviation
    furthest = _outermost(problem.teacher, law.noise_variance, law.omega, law.phi)
    push = reach * furthest * (2.0 if furthest > _HEAVY else 1.0)
    usual = _choice(MU_NODES, push)[problem.readout != "gaussian"]
    (length,) = _choice(MU_LENGTHS, reach)
    return _matrix_measures(problem.teacher, law.noise_variance, law.omega, law.phi, count or usual, length)


@lru_cache(maxsize=512)
def _matrix_measures(
    teacher: Teacher, variance: float, omega: float, phi: float, count: int, length: float
) -> MeasureNodes:
    law = law_of(ResidualLaw, teacher, variance, omega, phi)
    found = measure_nodes(law, count, length, partial(_along, (ResidualLaw, teacher, variance, omega, phi)))
    if phi < UNLIMITED:
        return found
    return replace(found, noise=noise_given_matrix(found.nodes, matrix_cumulants(teacher, variance, phi)))


@lru_cache(maxsize=512)
def _noise_measures(
    teacher: Teacher, variance: float, omega: float, phi: float, count: int, length: float
) -> MeasureNodes:
    law = law_of(NoiseLaw, teacher, variance, omega, phi)
    found = measure_nodes(law, count, length, partial(_along, (NoiseLaw, teacher, variance, omega, phi)))
    # Heavy labels put a share of the mean out of the rule's reach; tau holds all of it.
    return replace(found, nodes=np.zeros_like(found.nodes), noise=found.nodes / (found.bulk @ found.nodes))


def _along(key: tuple[Any, ...], law: ResidualLaw, count: int, height: float) -> Contour:
    """One contour for all rules of a law but the longest: it costs more than they do."""
    return _contour(*key, max(count, _USUAL_NODES), height)


@lru_cache(maxsize=16)
def _contour(
    kind: type[ResidualLaw], teacher: Teacher, variance: float, omega: float, phi: float, count: int, height: float
) -> Contour:
    return contour(law_of(kind, teacher, variance, omega, phi), count, height)


@lru_cache(maxsize=512)
def _outermost(teacher: Teacher, variance: float, omega: float, phi: float) -> float:
    return outermost(law_of(ResidualLaw, teacher, variance, omega, phi))


@lru_cache(maxsize=512)
def _largest_noise(teacher: Teacher, variance: float, phi: float) -> float:
    """The largest eigenvalue of the noise's covariance, whose mean is one."""
    law = law_of(NoiseLaw, teacher, variance, 0.0, phi)
    return 1 + outermost(law) * law.deviation / law.second_moment if law.second_moment > 0 else 1.0


def _choice(table: tuple[tuple[Any, ...], ...], size: float) -> Any:
    """What the first row holds whose limit is not below a size."""
    return next(row[1:] for row in table if size <= row[0])


def _noise_in_frame(problem: Problem, scalars: Conditioning) -> Array:
    law = residual_law(problem, scalars)
    return _noise_of(problem.teacher, law.noise_variance, law.omega, law.phi)


@lru_cache(maxsize=512)
def _noise_of(teacher: Teacher, variance: float, omega: float, phi: float) -> Array:
    return noise_in_frame(law_of(ResidualLaw, teacher, variance, omega, phi))


def _on_known_directions(
    problem: Problem, scalars: Conditioning, measures: MeasureNodes, gains: Any, u: Array
) -> tuple[Any, Known]:
    """Weights of the measures of M between b^, e^_1, ..., and what the gradient makes of the neurons' weights there."""
    known = _known_directions(problem, scalars)
    directions = known @ measures.frame @ known.T
    noise = known @ _noise_in_frame(problem, scalars) @ known.T
    return directions, known_moments(directions, noise, gains, scalars.remainder * u**2, measures.bulk)


def _known_directions(problem: Problem, scalars: Conditioning) -> Any:
    """b^, e^_1 = (beta* - rho b^)/sqrt(1 - rho^2) and e^_j = further teacher directions in the frame (teacher
    directions ..., omega, beta), shape (P, p + 2).
    """
    p = problem.teacher.n_indices
    b = np.array(scalars.b_coordinates)
    frame = np.zeros((p + 1, p + 2), dtype=b.dtype)
    frame[0] = b
    frame[1:, :p] = np.eye(p)
    rest = (1 - scalars.cosine**2) ** 0.5
    # At rho = 1 to rounding there is no such direction, and nothing of the label lies along it.
    frame[1] = (frame[1] - scalars.cosine * b) / rest if rest != 0 else 0.0
    return frame


def factorise(
    functions: list[Any], weights: list[float], grid: Grid, tolerance: float | None = None
) -> tuple[list[Any], Any]:
    """Functions of (kappa, u), each as ``phi q'`` with the same q: a singular value decomposition in the two Gaussian
    measures of all of them times their weights, cut at a relative tolerance (not under 1e-7: by the Gram matrix).

    The factors at nodes whose weight underflows come by projection, never by dividing by a weight. Of a value with an
    infinitesimal imaginary part (complex step), q is real and spans both parts.
    """
    rows, columns = np.sqrt(grid.kappa_weights)[:, None], np.sqrt(grid.u_weights)
    scaled = zip(weights, functions, strict=True)
    weighted = np.concatenate([w * rows * part for w, f in scaled if w != 0 for part in _parts(f, rows, columns)])
    matrix = weighted * columns
    squares, right = np.linalg.eigh(matrix.T @ matrix)
    keep = squares > (tolerance or RANK_TOLERANCE) ** 2 * squares[-1]
    kept = right[:, keep]
    v = kept * columns[:, None]
    return [function @ v for function in functions], weighted.T @ (matrix @ kept) / squares[keep]


def _parts(slope: Any, rows: Array, columns: Array) -> list[Array]:
    """The real part, and the imaginary one at the same norm."""
    if not np.iscomplexobj(slope):
        return [slope]
    sizes = [float(np.linalg.norm(rows * part * columns)) for part in (slope.real, slope.imag)]
    return [slope.real, slope.imag * (sizes[0] / sizes[1])] if sizes[1] > 0 else [slope.real]
