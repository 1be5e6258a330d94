"""Samples that are the same in part: both ends, symmetries, and simulated networks."""

import numpy as np
import pytest

from polyspike import ArgumentError, NumericalError, Prediction, Problem, best_ridge, derivatives, predict
from polyspike.spectra import TrainingSpike
from polyspike.theory.same_samples.model import build
from polyspike.theory.same_samples.predict import predict_same_samples
from polyspike.theory.same_samples.spectrum.predict_spectrum import training_outliers

HALF = Problem(
    "softplus", "h1 + 0.5*h2", 900, 300, 720, step_exponent=0.4, ridge=0.05, readout="rademacher", samples="same",
    overlap=0.5,
)  # fmt: skip
ERRORS = ("train_loss", "train_error", "test_error")

# Simulated networks with half of the smaller sample in common: train loss and test error, and what both are more than
# those of fresh samples on the same draws, with standard errors; 60 draws of the first and 48 of the others, seeds
# (91, k), 20,000 and 8,000 test samples.
SIMULATED: list[tuple[Problem, list[float], list[float]]] = [
    (
        Problem("tanh", "h1", 600, 200, 480, step_exponent=0.5, ridge=0.05, gradient="target", readout="rademacher"),
        [0.18631, 0.42630, -0.00756, 0.00666],
        [0.00156, 0.00208, 0.00113, 0.00159],
    ),
    (
        Problem("relu", "h1 + 0.5*h2", 600, 200, 480, step_exponent=0.45, ridge=0.01),
        [0.20249, 1.56252, -0.03007, -0.10076],
        [0.00251, 0.01372, 0.00230, 0.01499],
    ),
    (
        Problem("erf", "0.3*h3 - h1", 600, 200, 480, step_exponent=0.45, ridge=0.05, n_gradient=300),
        [0.44927, 1.15988, -0.00794, 0.01238],
        [0.01321, 0.01431, 0.00397, 0.00667],
    ),
    (
        Problem(
            "softplus", "0.5*h2 - h1", 400, 150, 500, step_exponent=0.45, ridge=0.05, gradient="target",
            readout="constant", n_gradient=800,
        ),
        [0.31720, 0.88808, -0.01556, 0.01165],
        [0.00575, 0.00708, 0.00115, 0.00197],
    ),
]  # fmt: skip


def errors(problem: Problem) -> list[float]:
    found = predict(problem)
    return [getattr(found, name) for name in ERRORS]


@pytest.mark.parametrize(
    ("overlap", "n_gradient", "shares"),
    [
        (None, None, [1.0]),
        (0.0, None, [1.0, 1.0]),
        (0.5, None, [0.5, 0.5, 0.5]),
        (None, 300, [1 / 3, 2 / 3]),
        (None, 1800, [1.0, 1.0]),
        (0.5, 300, [1 / 6, 5 / 6, 1 / 6]),
    ],
)
def test_shares_of_the_kinds(overlap: float | None, n_gradient: int | None, shares: list[float]) -> None:
    """Of the fit's samples; those that the fit has are all of them, and the gradient's are n_0."""
    fit = build(HALF.replace(overlap=overlap, n_gradient=n_gradient)).fit
    found = [population.weights.sum() for population in fit.populations]
    assert found == pytest.approx(shares, abs=1e-9)
    assert sum(p.weights.sum() for p in fit.populations if p.fitted) == pytest.approx(1, abs=1e-9)
    seen = sum(p.weights.sum() for p, c in zip(fit.populations, fit.columns, strict=True) if c.constrained)
    assert seen == pytest.approx(fit.neurons.gradient_share, abs=1e-9)


@pytest.mark.parametrize("activation", ["tanh", "softplus"])
@pytest.mark.parametrize("gradient", ["target", "full"])
def test_errors_join_both_ends(activation: str, gradient: str) -> None:
    """One sample less in common changes as much as the next one."""
    base = HALF.replace(activation=activation, gradient=gradient)
    first, second, third, *last = (
        [getattr(predict_same_samples(base.replace(overlap=k / 900)), name) for name in ERRORS]
        for k in (0, 1, 2, 898, 899, 900)
    )
    for one, two, three in (*zip(first, second, third, strict=True), *zip(*last, strict=True)):
        assert three - two == pytest.approx(two - one, rel=0.02, abs=2e-7)
        assert abs(three - two) < 2e-3 * two


@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_no_overlap_is_nearly_the_theory_of_fresh_samples(activation: str) -> None:
    """Its leading order is the same for c_2 = 0; for others the fourth digit differs (test_model)."""
    base = HALF.replace(activation=activation, overlap=0.0)
    found = predict_same_samples(base)
    assert [getattr(found, name) for name in ERRORS] == pytest.approx(errors(base), rel=4e-3)


def test_no_overlap_is_predicted_as_fresh_samples() -> None:
    """Nothing is common, so that it is the problem of fresh samples, whatever that takes."""
    none = HALF.replace(overlap=0.0)
    for problem in (none, HALF.replace(overlap=1e-4), none.replace(inputs="power:0.5"), none.replace(precondition=0.5)):
        found, fresh = predict(problem), predict(problem.replace(samples="fresh"))
        names = (*ERRORS, "error_estimate", "trusted", "method")
        assert [getattr(found, name) for name in names] == [getattr(fresh, name) for name in names]
        assert found.problem == problem
    assert predict(none, method="window", window=1).test_error == pytest.approx(
        predict(none.replace(samples="fresh"), method="window", window=1).test_error, rel=1e-12
    )


@pytest.mark.parametrize("n_gradient", [None, 400, 1500])
def test_symmetries(n_gradient: int | None) -> None:
    base = HALF.replace(n_gradient=n_gradient, gradient="target")
    expected = errors(base)
    assert errors(base.replace(teacher="0.5*h2 - h1")) == pytest.approx(expected, rel=1e-9)
    assert errors(base.replace(teacher="-h1 - 0.5*h2")) == pytest.approx(expected, rel=1e-9)
    twice = base.replace(teacher="2*h1 + h2", noise=1.0, step_size=base.step / 2)
    # Newton's last step is under 1e-7, and its square what is left.
    assert errors(twice) == pytest.approx([4 * value for value in expected], rel=1e-8)
    still = base.replace(step_size=0.0)
    assert errors(still) == pytest.approx(errors(still.replace(samples="fresh")), rel=1e-6)


def test_the_regime_says_how_many_samples_are_common() -> None:
    assert "450 samples that both stages have" in predict(HALF).regime
    assert "one sample for both stages" in predict(HALF.replace(overlap=None)).regime


def test_a_row_of_a_batch_is_the_prediction_alone() -> None:
    problems = [HALF.replace(overlap=share, ridge=ridge) for share in (0.0, 0.3, 1.0) for ridge in (0.01, 1.0)]
    for row in predict(problems):
        assert isinstance(row, Prediction)
        assert [getattr(row, name) for name in ERRORS] == pytest.approx(errors(row.problem), rel=1e-7)


def test_derivatives_are_slopes() -> None:
    found, change = derivatives(HALF), 1e-2
    high, low = (predict(HALF.replace(step_size=HALF.step * (1 + sign * change))) for sign in (1, -1))
    slope = (high.test_error - low.test_error) / (2 * change * HALF.step)
    assert found.by_step.test_error == pytest.approx(slope, rel=2e-3)


@pytest.mark.slow
def test_at_its_best_ridge_every_common_sample_costs() -> None:
    best = [best_ridge(HALF.replace(overlap=share)) for share in (0.0, 0.5, 1.0)]
    none, half, same = (one.prediction.test_error for one in best)
    assert none < half < same
    assert [one.problem.overlap for one in best] == [0.0, 0.5, None]


@pytest.mark.parametrize(
    ("changes", "name"), [({}, r"overlap = 0\.5"), ({"overlap": None, "n_gradient": 800}, "n_gradient = 800")]
)
def test_the_limit_is_of_one_sample(changes: dict[str, float | None], name: str) -> None:
    with pytest.raises(ArgumentError, match=name + ": the limit is of one sample for both stages"):
        predict(HALF.replace(**changes), method="window", window=1)
    with pytest.raises(NumericalError, match="simulate it"):
        predict(HALF.replace(teacher="h1[0] + h1[1] + h2[2]", **changes))


@pytest.mark.parametrize(("problem", "simulated", "se"), SIMULATED, ids=lambda v: getattr(v, "activation", v))
def test_simulated_networks_agree(problem: Problem, simulated: list[float], se: list[float]) -> None:
    half, fresh = predict(problem.replace(samples="same", overlap=0.5)), predict(problem)
    assert half.trusted
    found = [half.train_loss, half.test_error, half.train_loss - fresh.train_loss, half.test_error - fresh.test_error]
    deviations = np.abs(np.array(found) - simulated)
    assert (deviations < 3 * np.array(se)).all()


def strongest(problem: Problem) -> TrainingSpike:
    return training_outliers(problem)[1][0]


def test_the_strongest_outlier_knows_of_the_seen_labels_alone() -> None:
    """Simulated: 16 draws of seeds (8, k)."""
    base = SIMULATED[0][0].replace(samples="same")
    none, half, same = (strongest(base.replace(overlap=share)) for share in (0.0, 0.5, 1.0))
    for spike, mean, error in ((none, 103.2, 1.9), (half, 118.9, 2.7), (same, 138.7, 4.0)):
        assert abs(spike.location - mean) < 3 * error
    assert none.residual == 0
    # To the accuracy of the spectrum's rules.
    assert same.residual == pytest.approx(same.label, rel=1e-6)
    assert 0 < half.residual < half.label
    assert none.label < half.label < same.label
    fresh = predict(base.replace(samples="fresh")).spectrum.spikes[0]
    # The pencil has the terms of order 1/n of pairs and 1/d of norms in its locations.
    assert none.location == pytest.approx(fresh.location, rel=1 / base.input_dim)


def test_a_sample_that_moves_itself_too_far_is_refused() -> None:
    few = Problem("h1", "h3", 2000, 10**5, 2, step_size=3.0, readout="rademacher", n_gradient=3, samples="same")
    with pytest.raises(NumericalError, match="grid points; give a smaller step"):
        predict(few)


def test_what_fits_in_no_memory_is_refused_and_what_takes_long_is_announced(caplog: pytest.LogCaptureFixture) -> None:
    """Directions so many that a sample's own share of the move is longer than any grid; slopes that grow like z^5."""
    far = Problem("tanh", "h12", 1417, 10**15, 545, step_size=15.7, readout="rademacher", samples="same", overlap=0.1)
    with pytest.raises(NumericalError, match="grid points; give a smaller step"):
        predict(far)
    long = Problem("h6", "h1", 8, 120, 160, step_size=0.15, readout="constant", gradient="target", samples="same")
    with caplog.at_level("INFO", logger="polyspike.theory.announce"):
        predict(long)
    assert "for the features of the gradient's samples" in caplog.text
