"""Problems over the law of their gradient's sample: batches, derivatives and optima of the averages."""

import pytest

from polyspike import Problem
from polyspike.theory.derivatives import derivatives
from polyspike.theory.finite_size.batch import predict_many
from polyspike.theory.finite_size.ensemble import Ensemble
from polyspike.theory.finite_size.predict import predict_finite_size
from polyspike.theory.optimum import best_step

FEW = Problem(
    "relu", "h1 + 0.5*h2", n_samples=400, input_dim=120, width=200, n_gradient=6, step_exponent=0.3, ridge=0.01
)
# In the window between averages and expectations, where all thirteen nodes count.
BETWEEN = FEW.replace(n_gradient=280)
NAMES = ("train_loss", "train_error", "test_error", "cosine", "spike_cosine", "spike_strength")


def test_a_batch_of_averages_is_what_single_calls_give() -> None:
    """Ridges share their models, and problems follow one another, with no trace in the values."""
    rows = [problem.replace(ridge=ridge) for problem in (FEW, BETWEEN) for ridge in (1.0, 0.01, 0.1)]
    for row, found in zip(rows, predict_many(rows), strict=True):
        alone = predict_finite_size(row)
        assert [getattr(found, name) for name in NAMES] == pytest.approx(
            [getattr(alone, name) for name in NAMES], rel=1e-9
        )


@pytest.mark.parametrize("problem", [FEW, BETWEEN])
def test_slopes_are_those_of_the_averages(problem: Problem) -> None:
    """Against central differences of predictions."""
    found, h = derivatives(problem), 1e-4
    for slopes, place, at in (
        (found.by_ridge, problem.ridge, lambda x: problem.replace(ridge=x)),
        (found.by_step, problem.step, lambda x: problem.replace(step_exponent=None, step_size=x)),
    ):
        above, below = predict_finite_size(at(place * (1 + h))), predict_finite_size(at(place * (1 - h)))
        for name in NAMES[:3]:
            difference = (getattr(above, name) - getattr(below, name)) / (2 * h * place)
            assert getattr(slopes, name) == pytest.approx(difference, rel=1e-4)


@pytest.mark.slow
def test_the_best_step_is_that_of_the_average() -> None:
    """The slope of the average vanishes there, and its neighbours are higher."""
    problem = FEW.replace(activation="tanh", n_gradient=60)
    best = best_step(problem)
    assert not best.at_an_end
    assert abs(best.derivatives.by_step.test_error) < 1e-6
    near = [predict_finite_size(best.problem.replace(step_size=best.problem.step * x)).test_error for x in (0.97, 1.03)]
    assert min(near) > best.prediction.test_error


def test_the_first_node_comes_with_the_first_solution() -> None:
    """Which the next problem of a batch starts from; before there is none."""
    ensemble = Ensemble(FEW)
    before, average, after = ensemble.first, ensemble.solve(FEW), ensemble.first
    assert before is None
    assert after is not None
    assert len(average.members) == 12
    assert sum(member.weight for member in average.members) == pytest.approx(1)
