"""The closed forms of docs/theory-finite-size.md against simulated networks, each beside a formula that is rejected.

Tolerances: Z standard errors of the mean over the draws, plus a finite-size allowance of ``BIAS / d`` of the quantity's
natural size. With 24 draws (23 degrees of freedom) Z = 6 is a false alarm of 4e-6 a comparison, under 1e-3 for the two
hundred comparisons of this file together.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from polyspike import Problem, as_activation
from polyspike.arraytypes import Array
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_step
from polyspike.theory.finite_size.bulk.assemble import FiniteSizeModel
from polyspike.theory.finite_size.bulk.fixed_point import BulkState
from polyspike.theory.finite_size.conditioning import activation_numbers, condition
from polyspike.theory.finite_size.given_kappa.activation_averages import activation_averages
from polyspike.theory.finite_size.given_kappa.deviation import deviation
from polyspike.theory.finite_size.given_kappa.norm_fluctuations import norms
from polyspike.theory.finite_size.gradient_matrix.cumulants import matrix_cumulants
from polyspike.theory.finite_size.gradient_matrix.gauss_rule import resolvent
from polyspike.theory.finite_size.gradient_matrix.residual_law import gradient_law, residual_law
from polyspike.theory.finite_size.solve import shift_of, solve_problem
from polyspike.theory.finite_size.spikes.learned_functions import inverse_neuron_form
from polyspike.theory.finite_size.spikes.linear_directions import Directions

Z = 6.0
BIAS = 3.0
DRAWS = 24
BULK_DRAWS = 40


def agrees(found: Any, predicted: Any, size: Any, d: int) -> NDArray[np.bool_]:
    """Whether the mean over the draws (first axis) is the predicted one, entry by entry."""
    found = np.asarray(found)
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    return np.asarray(np.abs(found.mean(axis=0) - predicted) <= Z * error + BIAS / d * np.abs(size))


class Network(NamedTuple):
    """One draw, and what the gradient at initialisation sees and does."""

    x0: Array
    eps: Array
    x: Array
    w0: Array
    u: Array
    gradient: Array
    beta: Array
    omega: Array
    c1: float
    full: bool

    def direction(self, step: float) -> Array:
        """``b = omega + eta c_1 beta``, without omega for the target-only gradient."""
        return self.full * self.omega + step * self.c1 * self.beta


def network(problem: Problem, seed: int) -> Network:
    draw = GaussianDraw.of(problem, (31, seed), 2)
    sample, a = draw.gradient_sample, draw.readout(problem.readout)
    y = sample.labels(problem)
    found = gradient_step(sample.inputs, y, draw.weights, a, problem.activation, problem.gradient)
    full = problem.gradient == "full"
    initial = np.asarray(problem.activation(sample.inputs @ draw.weights.T)) @ a
    return Network(
        sample.inputs,
        y - initial if full else y,
        draw.ridge_sample.inputs,
        draw.weights,
        a * problem.width**0.5,
        found.matrix,
        found.beta,
        draw.weights.T @ a,
        found.linear_coefficient,
        full,
    )


# The scalars of section 1 --------------------------------------------------------------------------------------------

STEP = Problem(
    "gelu", [0, 1, 0.3], n_samples=2, n_gradient=1000, input_dim=300, width=400, step_size=20.0, noise=0.3, ridge=0.01
)


def measured_scalars(problem: Problem, net: Network) -> list[float]:
    """``r, rho, E eps^2, delta, q, tr M - d mean eps`` and the mean of ``|w|^2 - tau(u)^2`` over the neurons.

    In the trace stands ``E[y (|x|^2 - d)] = 2 c*_2`` as well, a term of order 1/d beside those that are kept.
    """
    step, scalars, d = problem.step, condition(problem), problem.input_dim
    b = net.direction(step)
    a = net.u / problem.width**0.5
    move = step * (net.gradient - net.c1 * np.outer(a, net.beta))
    trace = float(net.eps @ (net.x0**2).sum(axis=1)) / net.x0.size
    own = (move * net.w0).sum(axis=1) - scalars.quadratic_step * net.u * trace
    square = ((net.w0 + step * net.gradient - np.outer(a, b)) ** 2).sum(axis=1)
    return [
        float(np.linalg.norm(b)) / problem.width**0.5,
        float(b[0] / np.linalg.norm(b)),
        float(np.mean(net.eps**2)),
        float(-(net.u**2 @ own) / np.sum(net.u**4)),
        float((move**2).sum() / np.sum(net.u**2)) - (scalars.quadratic_step * net.eps.mean()) ** 2,
        (trace - float(net.eps.mean())) * d - 2 * float(problem.teacher.coefficients(2)[2]),
        float(np.mean(square - deviation(problem, scalars, net.u) ** 2)),
    ]


def predicted_scalars(problem: Problem) -> Array:
    found = condition(problem)
    drift = found.trace_shift
    return np.array(
        [
            found.spike_strength,
            found.spike_cosine,
            found.residual_moment,
            found.self_term,
            found.move_variance + (found.quadratic_step * drift) ** 2,
            drift * problem.input_dim,
            0.0,
        ]
    )


@lru_cache(maxsize=8)
def drawn_scalars(problem: Problem) -> Array:
    return np.array([measured_scalars(problem, network(problem, k)) for k in range(DRAWS)])


@pytest.mark.parametrize("readout", ["gaussian", "rademacher", "constant"])
@pytest.mark.parametrize("gradient", ["full", "target"])
def test_the_scalars_of_the_conditioning(gradient: str, readout: str) -> None:
    """The other form of the gradient is rejected by E eps^2, by the direction and by the self-term."""
    problem = STEP.replace(gradient=gradient, readout=readout)
    found, expected = drawn_scalars(problem), predicted_scalars(problem)
    size = np.append(expected[:-1], 1.0)
    assert agrees(found, expected, size, problem.input_dim).tolist() == [True] * 7
    other = predicted_scalars(problem.replace(gradient="target" if gradient == "full" else "full"))
    rejected = ~agrees(found, other, size, problem.input_dim)
    assert rejected[[1, 2]].all()
    # The two parts of the shrinking nearly cancel for a constant readout here.
    assert rejected[3] or readout == "constant"


def test_the_coherent_output_of_a_constant_readout() -> None:
    """``E eps^2`` and ``tr M`` of the full gradient: leaving the fluctuation of |x|^2 out is rejected."""
    problem = STEP.replace(readout="constant", width=1200)
    found, expected = drawn_scalars(problem), predicted_scalars(problem)
    assert agrees(found, expected, np.append(expected[:-1], 1.0), problem.input_dim).all()
    without = problem.label_second_moment + problem.activation.second_moment
    assert not agrees(found[:, 2], without, without, problem.input_dim)
    assert not agrees(found[:, 5], 0.0, expected[5], problem.input_dim)
    self_term = problem.step / problem.width * activation_numbers(problem.activation).self_overlap
    assert not agrees(found[:, 3], self_term, self_term, problem.input_dim)


def test_the_self_term_is_no_part_of_the_spike() -> None:
    """With ``c_1^2`` counted twice, ``delta = (eta/N) E[z sigma sigma']``, the comparison fails."""
    problem = STEP.replace(gradient="full", readout="rademacher")
    twice = condition(problem).self_term + problem.step / problem.width * problem.activation.linear_strength
    assert not agrees(drawn_scalars(problem)[:, 3], twice, twice, problem.input_dim)


# Diagonals and quadratic forms of the bulk, sections 3, 4, 8, 10 --------------------------------------------------

# Quadratic: the gradient's remainder beyond M vanishes, so that nothing of section 12 stands in the way.
QUADRATIC = as_activation(lambda x: x + 0.5 * (x * x - 1), derivative=lambda x: 1 + x)
WEAKER = as_activation(lambda x: x + 0.3 * (x * x - 1), derivative=lambda x: 1 + 0.6 * x)
BULK = Problem(
    QUADRATIC,
    [0, 0.6, 1],
    n_samples=600,
    input_dim=240,
    width=400,
    step_size=16.0,
    ridge=0.3,
    noise=0.5,
    gradient="target",
)
FULL = BULK.replace(activation=WEAKER, teacher=[0, 1, 0.3], step_size=20.0, gradient="full")


class Bulk(NamedTuple):
    """Weighted means of R and zeta; forms of (1, kappa, kappa^2 - 1, kappa_perp); U on (1, u, u^2 - 1)."""

    r: Array
    zeta: Array
    forms: Array
    neurons: Array


def sample_functions(kappa: Array) -> Array:
    return np.stack([np.ones_like(kappa), kappa, kappa**2 - 1], axis=1)


def measured_bulk(problem: Problem, seed: int) -> Bulk:
    """From the features of a network less their mean ``m(kappa, u)`` at the draw's own r and b."""
    net, gamma = network(problem, seed), shift_of(problem)
    b = net.direction(problem.step)
    strength, direction = float(np.linalg.norm(b)), b / np.linalg.norm(b)
    across = np.eye(len(b))[0] - direction[0] * direction
    kappa, perp = net.x @ direction, net.x @ across / np.linalg.norm(across)
    features = np.asarray(problem.activation(net.x @ (net.w0 + problem.step * net.gradient).T))
    tau = deviation(problem, condition(problem), net.u)
    x = strength / problem.width**0.5 * kappa[:, None] * net.u
    mean = activation_averages(problem.activation, x, np.broadcast_to(tau, x.shape)).mean
    rest = features - mean
    inverse = np.linalg.inv(rest @ rest.T / problem.width + gamma * np.eye(len(rest)))
    dual = np.linalg.inv(rest.T @ rest / problem.width / gamma + np.eye(problem.width))
    functions = np.column_stack([sample_functions(kappa), perp])
    on_neurons = sample_functions(net.u)
    return Bulk(
        weighted(np.diag(inverse), kappa),
        weighted(np.diag(dual), net.u),
        functions.T @ inverse @ functions / problem.n_samples,
        on_neurons.T @ dual @ on_neurons / problem.width,
    )


def weighted(values: Array, x: Array) -> Array:
    """Means weighted by ``1, x^2, x^4``."""
    powers = x ** np.array([[0], [2], [4]])
    return np.asarray(powers @ values / powers.sum(axis=1))


@lru_cache(maxsize=4)
def drawn_bulk(problem: Problem) -> Bulk:
    draws = [measured_bulk(problem, k) for k in range(BULK_DRAWS)]
    return Bulk(*(np.array(parts) for parts in zip(*draws, strict=True)))


@lru_cache(maxsize=4)
def solved(problem: Problem) -> tuple[FiniteSizeModel, BulkState]:
    return solve_problem(problem)


def predicted_bulk(model: FiniteSizeModel, state: BulkState) -> Bulk:
    grid = model.grid
    kappa2, u2 = grid.kappa ** np.array([[0], [2], [4]]), grid.u ** np.array([[0], [2], [4]])
    on_neurons = sample_functions(grid.u) * np.sqrt(grid.u_weights)[:, None]
    cost = inverse_neuron_form(model, state)
    return Bulk(
        (kappa2 * grid.kappa_weights) @ state.r / (kappa2 @ grid.kappa_weights),
        (u2 * grid.u_weights) @ state.zeta / (u2 @ grid.u_weights),
        predicted_forms(model, state),
        on_neurons.T @ np.linalg.solve(cost, on_neurons),
    )


def predicted_forms(model: FiniteSizeModel, state: BulkState) -> Array:
    """Of the functions of kappa, and of kappa_perp."""
    blocks, kappa = Directions(model, state), model.grid.kappa
    functions = np.zeros((len(blocks.stack.degrees), len(kappa), 4))
    functions[0, :, :3], functions[1, :, 3] = sample_functions(kappa), 1.0
    return np.asarray(blocks.forms(functions, np.zeros((len(kappa), 4)))[0])


def scale(matrix: Array) -> Array:
    root = np.sqrt(np.diag(matrix))
    return np.outer(root, root)


@pytest.mark.slow
@pytest.mark.parametrize("problem", [BULK, FULL], ids=["target", "full"])
def test_r_and_zeta_are_the_diagonals_of_the_resolvents(problem: Problem) -> None:
    """Constants in the place of the functions R(kappa) and zeta(u) are rejected."""
    found, expected = drawn_bulk(problem), predicted_bulk(*solved(problem))
    for values, theory in ((found.r, expected.r), (found.zeta, expected.zeta)):
        assert agrees(values, theory, theory, problem.input_dim).all()
        assert not agrees(values, theory[0], theory[0], problem.input_dim)[1:].any()


@pytest.mark.parametrize("problem", [BULK, FULL], ids=["target", "full"])
def test_the_quadratic_forms_of_the_samples(problem: Problem) -> None:
    found, expected = drawn_bulk(problem).forms, predicted_bulk(*solved(problem)).forms
    assert agrees(found, expected, scale(expected), problem.input_dim).all()


@pytest.mark.parametrize("problem", [BULK, FULL], ids=["target", "full"])
def test_the_quadratic_form_of_the_neurons(problem: Problem) -> None:
    found, expected = drawn_bulk(problem).neurons, predicted_bulk(*solved(problem)).neurons
    assert agrees(found, expected, scale(expected), problem.input_dim).all()


def without_norms(model: FiniteSizeModel) -> FiniteSizeModel:
    """Every sample and every neuron at the average deviation."""
    covariance = model.along.covariance.copy()
    covariance[:, 0, :] = covariance[:, :, 0] = 0.0
    along = replace(model.along, covariance=covariance)
    return replace(model, along=along, norms=replace(model.norms, sample_covariance=0 * model.norms.sample_covariance))


def without_cross(model: FiniteSizeModel) -> FiniteSizeModel:
    """No measure of M between different directions, as if b and kappa_perp did not see the same M."""
    return replace(model, direction_measures=model.direction_measures * np.eye(model.direction_measures.shape[1]))


def in_all_directions(model: FiniteSizeModel) -> FiniteSizeModel:
    """The linear part of the neurons whole, also along the readout."""
    return replace(model, conditioning=replace(model.conditioning, excluded=0.0))


def gain_without_omega(model: FiniteSizeModel) -> FiniteSizeModel:
    """The gain not applied to the part ``a omega'`` of the own weights."""
    return replace(model, omega_measure=0 * model.omega_measure)


# What is left out, of which problem, and the entry of which field of Bulk must then be rejected.
WRONG: list[tuple[Callable[[FiniteSizeModel], FiniteSizeModel], Problem, str, tuple[int, int]]] = [
    (without_norms, BULK, "forms", (0, 0)),
    (without_norms, BULK, "neurons", (0, 0)),
    (without_norms, FULL, "neurons", (0, 0)),
    (without_cross, BULK, "forms", (1, 3)),
    (in_all_directions, FULL.replace(step_size=2.0), "neurons", (1, 1)),
    (gain_without_omega, FULL, "neurons", (1, 1)),
]


@pytest.mark.parametrize(("change", "problem", "field", "entry"), WRONG)
def test_a_form_that_lacks_a_term_is_rejected(
    change: Callable[[FiniteSizeModel], FiniteSizeModel], problem: Problem, field: str, entry: tuple[int, int]
) -> None:
    model, state = solved(problem)
    right, wrong = (getattr(predicted_bulk(m, state), field) for m in (model, change(model)))
    found = getattr(drawn_bulk(problem), field)
    assert agrees(found, right, scale(right), problem.input_dim)[entry]
    assert not agrees(found, wrong, scale(wrong), problem.input_dim)[entry]


# The initial output and the mean of the labels, section 4 ------------------------------------------------------------

MEAN = Problem(
    "relu", "h1 + 3", n_samples=2, n_gradient=600, input_dim=200, width=300, step_size=20.0, noise=0.5, ridge=0.01
)


def moved_output(problem: Problem, net: Network) -> tuple[float, float, float]:
    """What ``M omega`` adds to ``|b|/sqrt N`` and to its cosine with the teacher, and ``e b . M omega/|b|^2``."""
    moved = condition(problem).quadratic_step * net.x0.T @ (net.eps * (net.x0 @ net.omega)) / len(net.x0)
    b = net.direction(problem.step)
    (length, cosine), (whole, turned) = ((np.linalg.norm(v), v[0] / np.linalg.norm(v)) for v in (b, b + moved))
    return float(whole - length) / problem.width**0.5, float(turned - cosine), float(b @ moved / (b @ b))


@pytest.mark.parametrize("teacher", ["h1 + 3", "h1 - 3"])
def test_a_constant_readout_has_the_moved_output_in_its_spike(teacher: str) -> None:
    problem = MEAN.replace(teacher=teacher, readout="constant")
    found = np.array([moved_output(problem, network(problem, k))[:2] for k in range(DRAWS)])
    with_it, without = condition(problem), condition(problem.replace(readout="rademacher"))
    added = [getattr(with_it, name) - getattr(without, name) for name in ("spike_strength", "spike_cosine")]
    size = 10 * np.abs(added)
    assert agrees(found, added, size, problem.input_dim).all()
    assert not agrees(found, [0, 0], size, problem.input_dim).any()


@pytest.mark.parametrize("n_gradient", [600, 5000])
def test_another_readout_has_it_where_the_strength_grows(n_gradient: int) -> None:
    problem = MEAN.replace(n_gradient=n_gradient)
    found = np.array([moved_output(problem, network(problem, k))[2] for k in range(DRAWS)])
    tilt = condition(problem).spike_tilt
    assert agrees(found, tilt, tilt, problem.input_dim).all()
    assert not agrees(found, 0, tilt, problem.input_dim).any()


@pytest.mark.parametrize("teacher", ["h1 + 3", "h1 - 3"])
def test_long_samples_have_other_residuals_where_all_neurons_add_up(teacher: str) -> None:
    """(eq-lengths): ``E[eps^2 |x|^2/d]`` and ``E[(eps |x|^2/d)^2]`` beside ``E eps^2``."""
    problem = MEAN.replace(teacher=teacher, input_dim=100, width=600, n_gradient=4000, readout="constant")
    found = []
    for k in range(DRAWS // 2):
        net = network(problem, k)
        longer = (net.x0**2).mean(axis=1)
        squares = net.eps**2
        found.append([np.mean(squares * longer) / squares.mean(), np.mean(squares * longer**2) / squares.mean()])
    scalars = condition(problem)
    by_matrix = scalars.matrix_moment / scalars.residual_moment
    any_sample = 1 + 2 / problem.input_dim  # E[(|x|^2/d)^2], whatever its residual
    expected, without = [(1 + by_matrix) / 2, any_sample * by_matrix], [1, any_sample]
    assert agrees(np.array(found), expected, 1, problem.input_dim).all()
    assert not agrees(np.array(found), without, 1, problem.input_dim).any()
    for other in (problem.replace(readout="rademacher"), problem.replace(gradient="target")):
        assert condition(other).matrix_moment == condition(other).residual_moment


def test_weights_are_longer_by_the_residuals_of_long_samples() -> None:
    """``tau^2 + r^2`` is the mean square of the weights after the step; without lengths it is 5 % too small."""
    problem = Problem(
        "cos", "tanh + 0.64", 150, 100, 300, step_size=11.4, ridge=0.02, noise=0.2, n_gradient=100, readout="constant"
    )
    found = []
    for k in range(200):
        net = network(problem, k)
        slopes = problem.activation.derivative(net.x0 @ net.w0.T)
        moved = net.w0 + condition(problem).scaled_step * (slopes.T * net.eps) @ net.x0 / len(net.x0)
        found.append((moved**2).sum(axis=1).mean())
    scalars = condition(problem)
    plain = replace(scalars, matrix_moment=scalars.residual_moment)
    expected, without = (
        float(deviation(problem, one, np.ones(1))[0] ** 2 + one.spike_strength**2) for one in (scalars, plain)
    )
    assert agrees(np.array(found), expected, expected / 2, problem.input_dim)
    assert not agrees(np.array(found), without, expected / 2, problem.input_dim)


def test_labels_of_mean_zero_leave_other_readouts_as_they_are() -> None:
    assert condition(MEAN.replace(teacher="h1")).spike_tilt == 0


def lengths_across(problem: Problem, net: Network) -> float:
    """The variance over neurons of ``log |w|`` across b, of many neurons that the same gradient moves."""
    rng = np.random.default_rng(len(net.x0))
    weights = rng.standard_normal((4000, problem.input_dim))
    weights /= np.linalg.norm(weights, axis=1)[:, None]
    slopes = problem.activation.derivative(net.x0 @ weights.T)
    moved = weights + condition(problem).scaled_step * (slopes.T * net.eps) @ net.x0 / len(net.x0)
    across = moved - np.outer(moved @ net.beta, net.beta) / (net.beta @ net.beta)
    return float(np.var(np.log(across**2 @ np.ones(problem.input_dim)) / 2))


@pytest.mark.parametrize("teacher", ["h1 + 3", "h1 - 3"])
@pytest.mark.parametrize("activation", ["relu", "softplus"])
def test_lengths_of_neurons_vary_with_the_whole_move(activation: str, teacher: str) -> None:
    """Of the pairs of samples, ``q^2`` and not the part that goes through M, ``(e^2 k_2)^2``."""
    problem = MEAN.replace(activation=activation, teacher=teacher, gradient="target", readout="constant")
    found = np.array([lengths_across(problem, network(problem, k)) for k in range(DRAWS // 2)])
    scalars, one = condition(problem), np.ones(1)
    tau = deviation(problem, scalars, one)
    variance = norms(problem, scalars, one, tau, np.ones((1, 1))).neuron_variance
    # What is left out is of relative order 1/d, with a factor of about twenty.
    assert agrees(found, variance, 7 * variance, problem.input_dim).all()
    if activation == "relu" and teacher == "h1 - 3":
        through = scalars.quadratic_step**2 * problem.phi_gradient * scalars.residual_moment
        missing = (scalars.move_variance**2 - through**2) / (2 * problem.input_dim * tau**4)
        assert not agrees(found, variance - missing, 7 * variance, problem.input_dim).any()


# The matrix M, section 8 ----------------------------------------------------------------------------------------------

MATRIX = STEP.replace(n_gradient=800, input_dim=400, width=400, teacher=[0.3, 1, 0.5])


def drawn_resolvents(problem: Problem, z: complex) -> tuple[Array, Array]:
    """``(1/d) tr (M - z)^-1`` and the blocks between (beta*, omega, beta), with the powers' traces beside."""
    traces, blocks = [], []
    for k in range(DRAWS):
        net = network(problem, k)
        matrix = (net.x0.T * net.eps) @ net.x0 / len(net.x0)
        frame = np.column_stack([np.eye(problem.input_dim)[0], net.omega, net.beta])
        values, vectors = np.linalg.eigh(matrix)
        turned = vectors.T @ frame
        blocks.append(turned.T @ (turned / (values - z)[:, None]))
        traces.append([np.mean(1 / (values - z)), values.mean(), (values**2).mean(), (values**3).mean()])
    return np.array(traces), np.array(blocks)


def parts(values: Any) -> Array:
    """Real and imaginary parts on a new last axis."""
    return np.stack([np.real(values), np.imag(values)], axis=-1)


@pytest.mark.parametrize("gradient", ["target", "full"])
def test_the_resolvent_of_the_gradient_matrix_in_its_frame(gradient: str) -> None:
    """``g`` times the Gram matrix of the frame, as if M knew none of these directions, is rejected."""
    problem = MATRIX.replace(gradient=gradient)
    law = residual_law(problem, condition(problem))
    deviation = (law.phi_gradient * law.second_moment) ** 0.5
    z, g, _, block = (part[0] for part in resolvent(law, np.array([(0.5 + 1.2j) * deviation])))
    traces, blocks = drawn_resolvents(problem, complex(z))
    d, size = problem.input_dim, 1 / abs(z.imag)
    assert agrees(parts(traces[:, 0]), parts(g), size, d).all()
    assert agrees(parts(blocks), parts(block), size * max(1.0, abs(block[-1, -1] * z.imag)), d).all()
    if gradient == "full":
        plain = g * np.array([[1, 0, 0.97], [0, 1, -0.5], [0.97, -0.5, 2]])
        assert not agrees(parts(blocks), parts(plain), size, d)[:2, :2].all()
    assert not agrees(parts(blocks[:, 0, 0]), parts(g), size, d).all()


def test_the_moments_of_the_gradient_matrix() -> None:
    """Free cumulants ``phi_0^(k-1) E eps^k``; classical cumulants in their place are rejected by the third moment."""
    k1, k2, k3, _ = matrix_cumulants(gradient_law(MATRIX, condition(MATRIX)))
    traces, _ = drawn_resolvents(MATRIX, 1j)
    expected = np.array([k1, k2 + k1**2, k3 + 3 * k1 * k2 + k1**3])
    size = k2 ** (np.arange(1, 4) / 2)
    assert agrees(np.real(traces[:, 1:]), expected, size, MATRIX.input_dim).all()
    assert not agrees(np.real(traces[:, 3]), k3 + k1**3, size[2], MATRIX.input_dim)
