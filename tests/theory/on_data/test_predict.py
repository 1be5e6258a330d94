"""``predict_data`` and ``predict_data_grid``: what they take, refuse before any work, and return."""

from typing import Any

import numpy as np
import pytest

import polyspike as ps
from polyspike.theory.on_data import predict
from polyspike.theory.on_data.cost import data_cost

RNG = np.random.default_rng(6)
X = RNG.standard_normal((200, 8))
Y = X[:, 0] + 0.3 * X[:, 1] * X[:, 2]
NETWORK: dict[str, Any] = {"activation": "tanh", "width": 50, "n_samples": 60, "n_gradient": 70, "gradient": "target"}


def test_one_point_is_that_of_the_grid() -> None:
    grid = ps.predict_data_grid(X, Y, step_exponents=[-np.inf, 0.3], ridges=[0.1, 0.02], **NETWORK)
    one = ps.predict_data(X, Y, step_exponent=0.3, ridge=0.02, **NETWORK)
    point = grid.points[1][1]
    assert one.problem == point.problem
    assert (one.train_loss, one.test_error) == pytest.approx((point.train_loss, point.test_error), rel=1e-7)
    np.testing.assert_allclose(grid.step_sizes, (0.0, 60**0.3))
    assert (grid.best_step, grid.best_ridge) == (grid.best.problem.step, grid.best.problem.ridge)
    assert grid.best.test_error == grid.table().min()
    assert "best_step" in repr(grid)
    assert one.to_dict()["n_test"] == 70


def test_progress_ends_at_one() -> None:
    told: list[float] = []
    ps.predict_data_grid(X, Y, step_sizes=[0.0, 1.0], progress=told.append, **NETWORK)
    assert told == [0.5, 1.0]


def test_the_standard_error_is_that_over_the_test_rows() -> None:
    """Twice the test rows by the same split of doubled rows would be no more information; more rows are."""
    few = ps.predict_data(X, Y, step_size=0.0, **NETWORK)
    more = np.vstack([X, RNG.standard_normal((600, 8))])
    target = more[:, 0] + 0.3 * more[:, 1] * more[:, 2]
    many = ps.predict_data(more, target, step_size=0.0, **NETWORK)
    assert 0 < many.test_error_se < 0.6 * few.test_error_se


def test_the_problem_of_a_prediction_simulates_a_network_on_the_same_rows() -> None:
    found = ps.predict_data(X, Y, step_exponent=0.2, seed=4, **NETWORK)
    run = ps.simulate_data(found.problem, X, Y, seed=4)
    assert (run.problem, run.n_test) == (found.problem, found.n_test)
    other = ps.simulate_data(found.problem, X, Y, seed=5, split_seed=4)
    assert other.test_error != run.test_error
    assert ps.simulate_data(found.problem, X, Y, seed=4, split_seed=4).test_error == run.test_error


def test_sizes_by_default() -> None:
    found = ps.predict_data(X, Y, width=20, step_size=0.0)
    assert (found.problem.n_samples, found.problem.gradient_samples, found.n_test) == (80, 80, 40)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"target": np.ones(200)}, "target = 1.0: it is constant"),
        ({"target": np.where(np.arange(200) == 7, np.nan, Y)}, "values are not finite"),
        ({"inputs": np.where(np.arange(200)[:, None] == 7, np.inf, X)}, "values are not finite"),
        ({"target": np.eye(200)}, r"give arrays of shape \(rows, d\) and \(rows,\)"),
        ({"target": ["yes"] * 200}, "target = 'list': give numbers"),
        ({"inputs": X[:5], "target": Y[:5]}, "give at least 10 rows and 2 columns"),
        ({"inputs": X[:, :1]}, "give at least 10 rows and 2 columns"),
        ({"inputs": 0 * X}, "all are zero"),
        ({"n_samples": 150}, "n_samples = 150: the data have 200 rows"),
        ({"ridge": 0.0}, "needs a ridge > 0"),
        ({"ridge": -1.0}, "ridge = -1.0"),
        ({"width": 1}, "width = 1"),
        ({"step_exponent": None}, "step_exponent"),
        ({"step_size": 2.0}, "step_exponent"),
        ({"readout": "cauchy"}, "readout"),
        ({"activation": "rellu"}, "activation"),
        ({"accuracy": predict.CurveAccuracy(nodes=0)}, "accuracy.nodes = 0"),
        ({"accuracy": predict.CurveAccuracy(exact=1)}, "accuracy.exact = 1: give True or False"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_is_refused_before_any_work(
    change: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: Any) -> None:
        raise AssertionError("it began")

    monkeypatch.setattr(predict, "step_curve", work)
    options: dict[str, Any] = {"inputs": X, "target": Y, "step_exponent": 0.3} | NETWORK | change
    with pytest.raises(ps.ArgumentError, match=said):
        ps.predict_data(**options)


def test_what_does_not_fit_says_what_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: 1000 if name == "SC_PAGE_SIZE" else 400)
    with pytest.raises(ps.DoesNotFitError, match="rows of the fit would do"):
        ps.predict_data(X, Y, step_exponent=0.3, **NETWORK)


def test_a_grid_needs_steps_and_ridges() -> None:
    wrong: list[dict[str, Any]] = [{}, {"step_sizes": [1.0], "step_exponents": [0.1]}, {"step_sizes": []}]
    for options in wrong:
        with pytest.raises(ps.ArgumentError, match="step_exponents, step_sizes"):
            ps.predict_data_grid(X, Y, **options, **NETWORK)
    with pytest.raises(ps.ArgumentError, match="ridges"):
        ps.predict_data_grid(X, Y, step_sizes=[1.0], ridges=[], **NETWORK)
    for one in (
        {"step_sizes": 1.0},
        {"step_exponents": 0.3},
        {"step_sizes": [1.0], "ridges": 0.1},
        {"step_sizes": "1"},
    ):
        with pytest.raises(ps.ArgumentError, match="give a list"):
            ps.predict_data_grid(X, Y, **one, **NETWORK)
    with pytest.raises(ps.ArgumentError, match="give real numbers"):
        ps.predict_data(X + 1j, Y, step_size=1.0, **NETWORK)


def test_large_steps_of_a_readout_of_one_size_are_noted() -> None:
    options = NETWORK | {"readout": "constant"}
    assert ps.predict_data(X, Y, step_size=6.0, **options).notes
    assert not ps.predict_data(X, Y, step_size=1.0, **options).notes


def test_the_cost_grows_with_what_there_is_to_do() -> None:
    small, large = (ps.Problem("relu", "h1", n, 120, n, step_size=1.0) for n in (500, 5000))
    assert data_cost(large, 500).seconds > 50 * data_cost(small, 500).seconds
    assert data_cost(large, 500).bytes > 30 * data_cost(small, 500).bytes  # some of it grows as n only
    assert data_cost(large, 500, steps=10).seconds > 4 * data_cost(large, 500).seconds


def test_no_answer_depends_on_how_many_test_rows_are_taken_at_a_time() -> None:
    whole = ps.predict_data(X, Y, step_exponent=0.3, **NETWORK)
    pieces = ps.predict_data(X, Y, step_exponent=0.3, accuracy=predict.CurveAccuracy(rows_at_once=9), **NETWORK)
    assert pieces.test_error == pytest.approx(whole.test_error, rel=1e-12)


def test_where_lengths_cannot_be_accounted_for_weights_are_normal_and_a_note_says_so() -> None:
    """sin(2z) on 37 whitened columns: 75.6 where networks have 0.773 +- 0.016 (8 of another hand)."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((571, 37))
    rows = rows - rows.mean(axis=0)
    values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
    rows = rows @ vectors / np.sqrt(values)
    target = rows[:, 0] + 0.4 * rng.standard_normal(571)
    sine = ps.as_activation(lambda z: np.sin(2 * z))
    sizes: dict[str, Any] = {"width": 506, "n_samples": 155, "n_gradient": 215, "ridge": 0.011, "gradient": "target"}
    target = (target - target.mean()) / target.std()
    large, small = (
        ps.predict_data(rows, target, activation=sine, readout="rademacher", step_exponent=alpha, **sizes)
        for alpha in (0.43, 0.05)
    )
    normal_weights = 2 / 37 * 0.773  # what taking weights for normal ones does is of the order 2/d
    assert abs(large.test_error - 0.773) < 3 * 0.016 + normal_weights
    assert [any("taken for normal" in note for note in found.notes) for found in (large, small)] == [True, False]
