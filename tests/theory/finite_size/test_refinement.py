"""Random problems whose every numerical ingredient is refined alone: what the numbers owe to the computation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from benchmark_scripts import script
from polyspike import NumericalError, Problem
from polyspike.theory.finite_size import gradient_sample
from polyspike.theory.finite_size.bulk import factors
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.given_kappa import activation_averages as averages
from polyspike.theory.finite_size.given_kappa import grids
from polyspike.theory.finite_size.given_kappa import label_parts as teacher_given_kappa
from polyspike.theory.finite_size.gradient_matrix import cumulants, residual_law, rules
from polyspike.theory.finite_size.gradient_matrix import gauss_rule as gradient_matrix
from polyspike.theory.finite_size.labels import label_law as teacher_sample
from polyspike.theory.finite_size.solve import model_of, shift_of, solve_problem
from polyspike.theory.finite_size.spikes.errors import errors

ACTIVATIONS = ("tanh", "relu", "erf", "gelu", "softplus", "silu", "sin", "leaky_relu")
TEACHERS = ("h1", "h1+0.7*h2", "h1+0.5*h2+0.3*h3", "relu", "tanh")


def random_problem(rng: np.random.Generator) -> Problem:
    return Problem(
        activation=str(rng.choice(ACTIVATIONS)),
        teacher=str(rng.choice(TEACHERS)),
        n_samples=int(rng.choice([500, 1000, 4000])),
        input_dim=int(rng.choice([50, 250, 1000])),
        width=int(rng.choice([250, 1000, 4000])),
        step_exponent=float(rng.choice([0, 0.1, 0.2, 0.3, 0.4, 0.5])),
        ridge=float(rng.choice([1e-3, 1e-2, 0.1, 1])),
        noise=float(rng.choice([0.0, 0.1, 0.5, 1.0])),
        gradient=str(rng.choice(["full", "target"])),
        readout=str(rng.choice(["gaussian", "gaussian", "rademacher", "constant"])),
    )


def problem_with_matrix(rng: np.random.Generator) -> Problem:
    """With c_2 != 0 three times out of four, d/n_0 from 1/8 to 8 and teachers to cubic."""
    activations = ("relu", "gelu", "softplus", "silu", "leaky_relu", "relu", "tanh", "erf")
    problem = random_problem(rng).replace(
        activation=str(rng.choice(activations)),
        teacher=str(rng.choice((*TEACHERS, "h1+h3"))),
        input_dim=int(rng.choice([200, 400, 1000])),
    )
    ratio = float(rng.choice([1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8]))
    return problem.replace(n_gradient=int(problem.input_dim / ratio))


def problem_that_turns_neurons(rng: np.random.Generator) -> Problem:
    """With a mean in the label and up to 10^4 n samples of the gradient: at some readout a neuron loses its length."""
    n = int(rng.choice([200, 400, 1000]))
    teacher = f"{rng.choice(['h1', '-h1', 'h1 + 0.5*h2', 'tanh'])} + {rng.choice([-1, 1]) * rng.uniform(0.3, 4):.2f}"
    return random_problem(rng).replace(
        activation=str(rng.choice(["relu", "gelu", "softplus", "silu", "leaky_relu", "cos"])),
        teacher=teacher,
        n_samples=n,
        input_dim=int(rng.choice([60, 120])),
        width=int(rng.choice([60, 100, 400])),
        step_exponent=float(rng.uniform(0, 0.5)),
        readout=str(rng.choice(["gaussian", "gaussian", "rademacher"])),
        n_gradient=int(n * 10 ** rng.uniform(0, 4)),
    )


PROBLEMS = [random_problem(np.random.default_rng((7, k))) for k in range(24)]
MATRIX_PROBLEMS = [problem_with_matrix(np.random.default_rng((9, k))) for k in range(64)]
TURNING_PROBLEMS = [problem_that_turns_neurons(np.random.default_rng((11, k))) for k in range(40)]


def numbers(problem: Problem, refine: float = 1.0) -> list[float]:
    """The three errors; the train error as a share of the loss at least, under which it is the loss's rounding."""
    found = errors(*solve_problem(problem, refine))
    return [float(found.train_loss), float(found.train_error), float(found.test_error)]


def change(problem: Problem, other: list[float]) -> float:
    """The largest relative difference from the default computation."""
    own = numbers(problem)
    scales = [own[0], max(own[1], 1e-4 * own[0]), own[2]]
    return max(abs(a - b) / scale for a, b, scale in zip(own, other, scales, strict=True))


@contextmanager
def changed(module: object, **values: object) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in values.items():
            patch.setattr(module, name, value)
        forget()
        yield
    forget()


def forget() -> None:
    """Everything that is kept between problems and depends on a numerical parameter."""
    for kept in (
        rules._matrix_measures,
        rules._noise_measures,
        rules._contour,
        rules._noise_contour,
        rules._largest_noise,
        rules._outermost,
        rules.noise_between,
        cumulants.matrix_cumulants,
        gradient_sample.energy_law,
        teacher_sample.teacher_sample,
        teacher_sample.teacher_law,
        teacher_given_kappa._profile,
    ):
        kept.cache_clear()


def finer(module: object, **values: object) -> Callable[[Problem], list[float]]:
    def compute(problem: Problem) -> list[float]:
        with changed(module, **values):
            return numbers(problem)

    return compute


def residual_nodes(panels: int, noise: tuple[int, int]) -> Callable[[Problem], list[float]]:
    """Nodes of the average over the residual: of its label, and of its noise where poles are far."""

    def compute(problem: Problem) -> list[float]:
        with changed(teacher_sample, _PANEL_NODES=panels), changed(residual_law, _NOISE_NODES=noise):
            return numbers(problem)

    return compute


def solved_to(tolerance: float) -> Callable[[Problem], list[float]]:
    def compute(problem: Problem) -> list[float]:
        own = model_of(problem)
        state, _ = solve_bulk(own.bulk, shift_of(problem, own), tolerance=tolerance)
        found = errors(own, state)
        return [float(found.train_loss), float(found.train_error), float(found.test_error)]

    return compute


def more_nodes(problem: Problem) -> list[float]:
    nodes = tuple((limit, *(count + count // 4 + 4 for count in counts)) for limit, *counts in rules.MU_NODES)
    noise = tuple((limit, count + count // 4 + 4, length) for limit, count, length in rules.NOISE_NODES)
    with changed(rules, MU_NODES=nodes, NOISE_NODES=noise):
        return numbers(problem)


def few_nodes(problem: Problem) -> list[float]:
    with changed(rules, MU_NODES=((np.inf, 6, 6),), NOISE_NODES=((np.inf, 4, 1.0),)):
        return numbers(problem)


REFINEMENTS = {
    "grids of kappa and u": lambda problem: numbers(problem, 1.5),
    "fixed point": solved_to(1e-15),
    "rank of A1": finer(factors, RANK_TOLERANCE=1e-7),
    "average over z": finer(averages, _DIGITS=50.0, _STEP_ENTIRE=0.26, _STEP_UNKNOWN=0.15),
    "average over the teacher's input": finer(teacher_given_kappa, _PANEL_NODES=20),
}
COARSENINGS = {
    "grids of kappa and u": lambda problem: numbers(problem, 0.6),
    "fixed point": solved_to(1e-5),
    "rank of A1": finer(factors, RANK_TOLERANCE=1e-3),
    "average over z": finer(averages, _DIGITS=8.0, _STEP_ENTIRE=0.8),
    "average over the teacher's input": finer(teacher_given_kappa, _PANEL_NODES=4),
}
MATRIX_REFINEMENTS = {
    "average over M": more_nodes,
    "contour around M": finer(gradient_matrix, _STEP=0.06, _PER_NODE=6),
    "average over the residual": residual_nodes(20, (16, 6)),
}
MATRIX_COARSENINGS = {
    "average over M": few_nodes,
    "contour around M": finer(gradient_matrix, _STEP=0.5, _PER_NODE=1),
    "average over the residual": residual_nodes(5, (4, 2)),
}


@pytest.mark.parametrize("name", REFINEMENTS)
def test_refining_moves_nothing_by_1e_8(name: str) -> None:
    for problem in PROBLEMS:
        assert change(problem, REFINEMENTS[name](problem)) < 1e-8, problem


@pytest.mark.parametrize("name", REFINEMENTS)
def test_refining_moves_no_problem_with_turned_neurons_by_1e_7(name: str) -> None:
    for problem in TURNING_PROBLEMS:
        assert change(problem, REFINEMENTS[name](problem)) < 1e-7, problem


def test_they_are_caught_where_readouts_of_no_length_are_not_resolved() -> None:
    plain = finer(grids, _LOST=-np.inf)
    changes = [change(problem, plain(problem)) for problem in TURNING_PROBLEMS]
    assert sum(one > 1e-6 for one in changes) >= 6
    assert max(changes) > 1e-3


def test_a_bend_of_turned_neurons_is_resolved() -> None:
    """Where the readout -1 turns a neuron round, its kink is smoothed over a tenth of kappa."""
    problem = Problem("relu", "h1 - 3", 400, 60, 100, step_size=8.5, ridge=0.1, noise=0.5, n_gradient=10**6)
    problem = problem.replace(gradient="target", readout="rademacher")
    assert change(problem, numbers(problem, 1.5)) < 1e-7
    assert change(problem, finer(grids, _SHORT=0.0)(problem)) > 1e-5


@pytest.fixture(scope="module")
def agreement_problems() -> list[Problem]:
    """Those of the table in docs/agreement.md, whose design lies outside the package."""
    found: list[Problem] = script("design").problems()
    return found


@pytest.mark.parametrize("name", [*REFINEMENTS, *MATRIX_REFINEMENTS])
def test_refining_moves_no_problem_of_the_agreement_table_by_1e_8(name: str, agreement_problems: list[Problem]) -> None:
    refined = {**REFINEMENTS, **MATRIX_REFINEMENTS}[name]
    for problem in agreement_problems:
        assert change(problem, refined(problem)) < 1e-8, problem


@pytest.mark.parametrize("name", COARSENINGS)
def test_the_same_test_catches_a_coarser_computation(name: str) -> None:
    assert any(caught(COARSENINGS[name], problem) for problem in PROBLEMS)


@pytest.mark.parametrize("name", MATRIX_REFINEMENTS)
def test_refining_the_average_over_the_gradient_matrix_moves_nothing_by_1e_8(name: str) -> None:
    for problem in MATRIX_PROBLEMS:
        assert change(problem, MATRIX_REFINEMENTS[name](problem)) < 1e-8, problem


@pytest.mark.parametrize("name", MATRIX_COARSENINGS)
def test_a_coarser_average_over_the_gradient_matrix_is_caught(name: str) -> None:
    assert any(caught(MATRIX_COARSENINGS[name], problem) for problem in MATRIX_PROBLEMS[:16])


def caught(compute: Callable[[Problem], list[float]], problem: Problem) -> bool:
    try:
        return change(problem, compute(problem)) > 1e-8
    except NumericalError:
        return True


def test_where_all_gains_vanish_inside_the_spectrum_the_average_is_less_accurate() -> None:
    """A readout of one value, a step that takes -1/e into the spectrum, few dimensions and a small ridge: functions of
    M with a pole that close to the axis. Of eight such problems the worst is known to 1e-5.
    """
    problem = Problem("softplus", "tanh", 4000, 400, 1000, noise=0.1, ridge=0.01, step_exponent=0.5, n_gradient=100)
    problem = problem.replace(gradient="target", readout="constant")
    moved = change(problem, more_nodes(problem))
    assert 1e-8 < moved < 1e-5
