"""predict() for inputs of a covariance: what it says, refuses and trusts."""

from dataclasses import fields

import numpy as np
import pytest

import polyspike as ps
from polyspike import FailedPrediction, NumericalError, Prediction, Problem, Status, predict
from polyspike.theory.covariance.predict import predict_covariance
from polyspike.theory.covariance.solution import _model

PROBLEM = Problem("tanh", "h1 + 0.5*h2", 900, 300, 600, step_exponent=0.3, inputs="power:0.5")


def test_a_spectrum_whose_eigenvalues_are_equal_is_isotropic() -> None:
    plain, equal = predict(PROBLEM.replace(inputs="isotropic")), predict(PROBLEM.replace(inputs="two-level:2,2,0.5"))
    assert plain.biased_cosine is None
    assert [getattr(plain, f.name) for f in fields(plain) if f.repr and f.name not in ("problem", "extras")] == [
        getattr(equal, f.name) for f in fields(equal) if f.repr and f.name not in ("problem", "extras")
    ]


def test_cosines_and_strength_are_those_of_networks() -> None:
    for gradient in ("full", "target"):
        problem = PROBLEM.replace(gradient=gradient, teacher="h1")
        found = predict(problem)
        runs = [ps.simulate(problem, seed=(5, k), n_test=100) for k in range(8)]
        for name in ("cosine", "biased_cosine", "spike_cosine"):
            values = np.array([getattr(run, name) for run in runs])
            allowed = 4 * values.std(ddof=1) / 8**0.5 + 1 / problem.input_dim
            assert abs(values.mean() - getattr(found, name)) < allowed
    assert found.biased_cosine is not None
    assert found.cosine < found.biased_cosine - 0.1


def test_the_label_sees_the_spike_by_its_own_cosine() -> None:
    found = predict(PROBLEM)
    assert found.extras["effective_dimension"] == pytest.approx(PROBLEM.inputs.effective_dimension(300))
    assert 0 < found.extras["label_cosine"] < 1
    assert found.to_dict()["biased_cosine"] == found.biased_cosine


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": "spiked:1000,1"}, "effective dimension"),
        ({"teacher": "relu[0] + relu[1] + relu[2]", "n_samples": 901}, "mixes several indices"),
    ],
)
def test_what_is_refused(changes: dict[str, str], words: str) -> None:
    with pytest.raises(NumericalError, match=words) as error:
        predict(PROBLEM.replace(**changes))
    assert error.value.status is Status.OUT_OF_RANGE
    row = predict([PROBLEM.replace(**changes)])[0]
    assert isinstance(row, FailedPrediction)
    assert words in row.trust_reason


def test_few_effective_directions_are_not_trusted() -> None:
    found = predict(PROBLEM.replace(inputs="power:1"))
    assert not found.trusted
    assert "effective dimension" in found.trust_reason
    assert predict(PROBLEM).trusted


def test_rows_keep_their_order_beside_isotropic_ones() -> None:
    problems = [PROBLEM, PROBLEM.replace(inputs="isotropic"), PROBLEM.replace(ridge=1.0)]
    rows = predict(problems)
    assert [row.problem for row in rows] == problems
    for row in rows:
        assert isinstance(row, Prediction)
        assert row.test_error == predict(row.problem).test_error


def test_derivatives_are_those_of_differences() -> None:
    found = ps.derivatives(PROBLEM)
    wide = [predict(PROBLEM.replace(ridge=0.1 * f)).test_error for f in (0.98, 1.02)]
    assert found.by_ridge.test_error == pytest.approx((wide[1] - wide[0]) / 0.004, rel=2e-3)
    still = ps.derivatives(PROBLEM.replace(step_size=0.0, step_exponent=None))
    assert np.isfinite(still.by_step.test_error)


@pytest.mark.slow
def test_the_best_ridge_has_no_slope() -> None:
    best = ps.best_ridge(PROBLEM)
    assert abs(best.derivatives.by_ridge.test_error) < 1e-4
    assert best.prediction.test_error < predict(PROBLEM).test_error


def test_inputs_of_which_many_do_not_vary() -> None:
    values = [*(k**-0.3 for k in range(1, 121)), *[0.0] * 30]
    problem = Problem("tanh", "h1", 400, 150, 200, step_exponent=0.3, inputs=ps.Inputs(values))
    found, runs = predict(problem), [ps.simulate(problem, seed=(5, k), n_test=100) for k in range(6)]
    cosines = np.array([run.cosine for run in runs])
    assert abs(cosines.mean() - found.cosine) < 4 * cosines.std(ddof=1) / 6**0.5 + 1 / 120


def test_ridges_that_share_a_model_are_predicted_as_each_alone() -> None:
    problem = Problem("tanh", "h1 + 0.5*h2", 500, 120, 200, step_exponent=0.3, inputs="power:0.5")
    ridges = [problem.replace(ridge=ridge) for ridge in (0.01, 0.1, 1.0)]
    together = [predict_covariance(p).test_error for p in ridges]
    alone = []
    for p in reversed(ridges):
        _model.cache_clear()
        alone.append(predict_covariance(p).test_error)
    assert together == alone[::-1]
    assert _model.cache_info().hits == 0
    predict_covariance(problem.replace(ridge=0.5))
    assert _model.cache_info().hits == 1
    predict_covariance(problem.replace(ridge=0.5, noise=0.1))
    assert _model.cache_info().hits == 1
