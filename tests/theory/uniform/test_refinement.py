"""Random problems whose every numerical ingredient is refined alone: what the numbers owe to the computation."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from polyspike import NumericalError, Problem
from polyspike.theory.uniform import bulk, gradient_matrix, kernels, model, teacher_given_kappa
from polyspike.theory.uniform.forms import errors
from polyspike.theory.uniform.predict_uniform import model_of, shift_of, solve_problem

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


PROBLEMS = [random_problem(np.random.default_rng((7, k))) for k in range(24)]


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
        model._matrix_measures.cache_clear()
        teacher_given_kappa._profile.cache_clear()
        yield
    model._matrix_measures.cache_clear()
    teacher_given_kappa._profile.cache_clear()


def finer(module: object, **values: object) -> Callable[[Problem], list[float]]:
    def compute(problem: Problem) -> list[float]:
        with changed(module, **values):
            return numbers(problem)

    return compute


def solved_to(tolerance: float) -> Callable[[Problem], list[float]]:
    def compute(problem: Problem) -> list[float]:
        own = model_of(problem)
        state, _ = bulk.solve_bulk(own.bulk, shift_of(problem, own), tolerance=tolerance)
        found = errors(own, state)
        return [float(found.train_loss), float(found.train_error), float(found.test_error)]

    return compute


REFINEMENTS = {
    "grids of kappa and u": lambda problem: numbers(problem, 1.5),
    "fixed point": solved_to(1e-15),
    "rank of A1": finer(model, RANK_TOLERANCE=1e-12),
    "average over z": finer(kernels, _STEP=0.2),
    "average over the teacher's input": finer(teacher_given_kappa, _PANEL_NODES=20),
}


@pytest.mark.parametrize("name", REFINEMENTS)
def test_refining_moves_nothing_by_1e_8(name: str) -> None:
    for problem in PROBLEMS:
        assert change(problem, REFINEMENTS[name](problem)) < 1e-8, problem


COARSENINGS = {
    "grids of kappa and u": lambda problem: numbers(problem, 0.6),
    "fixed point": solved_to(1e-5),
    "rank of A1": finer(model, RANK_TOLERANCE=1e-3),
    "average over z": finer(kernels, _STEP=0.8),
    "average over the teacher's input": finer(teacher_given_kappa, _PANEL_NODES=4),
}


@pytest.mark.parametrize("name", COARSENINGS)
def test_the_same_test_catches_a_coarser_computation(name: str) -> None:
    def caught(problem: Problem) -> bool:
        try:
            return change(problem, COARSENINGS[name](problem)) > 1e-8
        except NumericalError:
            return True

    assert any(caught(problem) for problem in PROBLEMS)


def test_the_average_over_the_gradient_matrix_is_the_least_accurate() -> None:
    """Gauss rules of M with more nodes, and a finer contour.

    Of 60 problems with c_2 != 0 drawn like these, three quarters were within 4e-9 of 32 nodes on a contour of 480 equal
    strides, 95 % within 3e-7, and the worst, a cubic teacher at d = 2 n_0, within 3e-6.
    """
    drawn = [random_problem(np.random.default_rng((9, k))) for k in range(50)]
    problems = [problem for problem in drawn if abs(problem.activation.coefficients(2)[2]) > 1e-9]
    more = tuple((reach, count + 4) for reach, count in model.MU_NODES)
    refined = (finer(model, MU_NODES=more), finer(gradient_matrix, _STEP=0.07, _HALF=171))
    moved = [max(change(problem, compute(problem)) for compute in refined) for problem in problems]
    assert np.median(moved) < 1e-8
    assert max(moved) < 1e-5
    fewer = [change(problem, finer(model, MU_NODES=((np.inf, 2),))(problem)) for problem in problems]
    assert max(fewer) > 1e-3
