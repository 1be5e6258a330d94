"""The law of the step's scalars over samples of the gradient, and predictions averaged over it."""

import numpy as np
import pytest

from polyspike import NumericalError, Problem, as_teacher, z_threshold
from polyspike.simulation import simulate
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_step
from polyspike.theory.finite_size import gradient_sample
from polyspike.theory.finite_size.conditioning import StepScalars, condition
from polyspike.theory.finite_size.ensemble import Ensemble
from polyspike.theory.finite_size.gradient_sample import (
    WINDOW,
    concentration,
    energy_law,
    participation,
    weighted_samples,
)
from polyspike.theory.finite_size.predict import predict_finite_size
from polyspike.theory.finite_size.solve import solve_errors, solve_problem

BASE = Problem(
    "tanh",
    "h1",
    n_samples=400,
    input_dim=120,
    width=200,
    n_gradient=8,
    gradient="target",
    step_exponent=0.35,
    ridge=0.01,
)
NAMES = ("train_loss", "train_error", "test_error")
# Two-sided false alarms of 1e-4 a comparison.
Z = 3.9


def errors_at(problem: Problem, sample: StepScalars | None) -> np.ndarray:
    found = solve_errors(*solve_problem(problem, sample=sample))
    return np.array([getattr(found, name) for name in NAMES], dtype=float)


def averaged(problem: Problem) -> np.ndarray:
    prediction = predict_finite_size(problem)
    return np.array([getattr(prediction, name) for name in NAMES])


def measured(problem: Problem, seed: tuple[int, int]) -> StepScalars:
    """The scalars of a simulated gradient."""
    draw = GaussianDraw.of(problem, seed, 2)
    sample, readout = draw.gradient_sample, draw.readout(problem.readout)
    labels = sample.labels(problem)
    activation = problem.activation
    beta = gradient_step(sample.inputs, labels, draw.weights, readout, activation, problem.gradient).beta
    eps, omega = labels, np.zeros(problem.input_dim)
    if problem.gradient == "full":
        eps = labels - activation(sample.inputs @ draw.weights.T) @ readout
        omega = draw.weights.T @ readout
    signal, output = float(beta[0]), float(beta @ omega)
    energy = float(np.mean(eps**2))
    across = float(beta @ beta) - signal**2 - output**2
    expected = condition(problem).residual_moment
    return StepScalars(energy / expected, signal, output, across / (problem.phi_gradient * energy))


@pytest.mark.parametrize("count", [2, 5, 100])
@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_a_linear_teacher_has_gamma_energies_and_gaussian_overlaps(count: int, noise: float) -> None:
    """``E y^j = (1 + j/(2 n_0))^(-n_0/2)``, y = exp(-V/4EV), to degree 5 and not beyond; ``E[S y^j]`` is c*_1 times the
    same with one sample more; and what S has beside that varies as ``V (1 - c*_1^2/E eps^2)/n_0``.
    """
    law = energy_law(BASE.teacher, noise**2, 0.0, count)
    exact = lambda j, power: (1 + j / (2 * count)) ** -power  # noqa: E731
    found = [law.weights @ np.exp(-j * law.energies / 4) for j in range(7)]
    assert found[:6] == pytest.approx([exact(j, count / 2) for j in range(6)], rel=1e-9)
    assert found[6] != pytest.approx(exact(6, count / 2), rel=1e-9)
    sides = [law.weights @ (law.overlaps[:, 0] * np.exp(-j * law.energies / 4)) for j in range(3)]
    assert sides == pytest.approx([exact(j, count / 2 + 1) for j in range(3)], rel=1e-8)
    spread = noise**2 / count
    assert law.root[0, 0] ** 2 == pytest.approx(spread, rel=0.02, abs=0.02 / count)


@pytest.mark.parametrize("teacher", ["h1 + 0.5*h2", "h1 + 0.3*h3", "relu"])
def test_the_law_is_that_of_simulated_residuals(teacher: str) -> None:
    """Averages with y, of S, T and of what they have beside a quadratic polynomial in y, against 300,000 sets of five
    residuals. The part of the initial output along omega shows: without it the mean of T would vanish.
    """
    problem = BASE.replace(teacher=teacher, n_gradient=5, gradient="full", activation="relu")
    v, c1 = condition(problem).gaussian_variance, 0.5
    law = energy_law(problem.teacher, v, c1, 5)
    rng = np.random.default_rng(3)
    kappa, along, others = rng.standard_normal((3, 300_000, 5))
    eps = problem.teacher(kappa) - c1 * along + np.sqrt(v - c1**2) * others
    energy = (eps**2).mean(axis=1) / condition(problem).residual_moment
    overlaps = np.stack([(eps * kappa).mean(axis=1), (eps * along).mean(axis=1)])
    y = np.exp(-energy / 4)
    node = np.exp(-law.energies / 4)
    given = [np.polyval(np.polyfit(node, along_nodes, 2), y) for along_nodes in law.overlaps.T]
    second = law.root @ law.root.T * (law.weights @ (node * law.energies))
    comparisons = [(y**j, law.weights @ node**j) for j in range(1, 6)]
    comparisons += [
        (overlaps[i] * y**j, law.weights @ (law.overlaps[:, i] * node**j)) for i in (0, 1) for j in (0, 1, 2)
    ]
    rest = overlaps - given
    comparisons += [(rest[i] * rest[j] * y, second[i, j]) for i, j in ((0, 0), (0, 1), (1, 1))]
    for values, expected in comparisons:
        assert abs(values.mean() - expected) < Z * values.std() / np.sqrt(len(values))
    assert abs(overlaps[1].mean()) > Z * overlaps[1].std() / np.sqrt(len(y))


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [{"noise": 0.3}, {"gradient": "full", "activation": "softplus", "teacher": "h1 + 0.3*h3", "readout": "rademacher"}],
)
def test_predictions_are_averages_over_simulated_gradients(changes: dict) -> None:
    """Conditional predictions at the scalars of 120 simulated gradients, regressed on those scalars, whose means are
    known; the three nodes are good for 0.3 %. The prediction at the mean scalars is rejected.
    """
    problem = BASE.replace(**changes)
    samples = np.array([measured(problem, (5, k)) for k in range(120)])
    values = np.array([errors_at(problem, StepScalars(*map(float, row))) for row in samples])
    c1 = float(problem.activation.coefficients(1)[1])
    full = problem.gradient == "full"
    # The chance overlap of omega with beta* and the length of omega are not part of the law.
    means = np.array([1.0, 1.0, -c1])[: 2 + full]
    design = np.column_stack([np.ones(len(samples)), samples[:, : 2 + full] - means])
    fit, *_ = np.linalg.lstsq(design, values, rcond=None)
    bar = (values - design @ fit).std(axis=0, ddof=design.shape[1]) / np.sqrt(len(values))
    deviation = np.abs(averaged(problem) - fit[0])
    assert np.all(deviation < Z * bar + 0.003 * fit[0])
    assert errors_at(problem, None)[2] - fit[0][2] > Z * bar[2] + 0.003 * fit[0][2]


@pytest.mark.slow
def test_simulated_networks_learn_more_than_from_mean_scalars() -> None:
    """Test errors of 60 networks whose gradient has seen five samples, with the conditional predictions for their
    gradients as control variate: the prediction at the mean scalars is 10 % too high, and at least half of that goes
    with the average. (The rest is the concentration of the step's noise in five directions.)
    """
    problem = BASE.replace(n_samples=1000, input_dim=200, width=500, n_gradient=5, step_exponent=0.4, noise=0.5)
    count = 60
    runs = [simulate(problem, seed=(6, k), n_test=4000) for k in range(count)]
    simulated = np.array([run.test_error for run in runs])
    control = np.array([errors_at(problem, measured(problem, (6, k)))[2] for k in range(count)])
    after, before = averaged(problem)[2], errors_at(problem, None)[2]
    assert np.corrcoef(simulated, control)[0, 1] > 0.7
    difference = simulated - control
    bar = difference.std(ddof=1) / np.sqrt(count)
    # The control's own expectation is the average, up to the rule's 0.3 %.
    mean = after + difference.mean()
    assert before - mean > Z * bar
    assert abs(after - mean) < Z * bar + (before - mean) / 2
    cosines = np.array([run.cosine for run in runs])
    assert abs(predict_finite_size(problem).cosine - cosines.mean()) < Z * cosines.std(ddof=1) / np.sqrt(count)


def test_with_many_samples_the_average_is_the_second_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """``n_0`` times the average less the value at the mean scalars is half the sum of second derivatives times
    covariances, plus the mean of the chi-square; without the covariance of V and S it is another number.
    """
    monkeypatch.setattr(gradient_sample, "WINDOW", (10**9, 10**10))
    problem = BASE.replace(n_gradient=4000, input_dim=2000, n_samples=4000, width=2000, step_exponent=0.4, noise=0.5)
    moment, d, n0 = problem.label_second_moment, problem.input_dim, problem.gradient_samples
    covariance = np.diag([2.0, 1 + moment, 2 * n0 / d]) / n0
    covariance[0, 1] = covariance[1, 0] = 2 / n0
    mean = np.array([1.0, 1.0, 1.0])
    value = lambda x: errors_at(problem, StepScalars(x[0], x[1], 0.0, x[2]))  # noqa: E731
    h = 0.02
    axes = np.eye(3) * h
    start = value(mean)
    second = np.zeros((3, 3, 3))
    for i in range(3):
        for j in range(3):
            corners = [value(mean + a * axes[i] + b * axes[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            second[i, j] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * h * h)
    slope = (value(mean + axes[2]) - value(mean - axes[2])) / (2 * h)
    expected = np.einsum("ij,ijk->k", covariance, second) / 2 - slope / d
    found = averaged(problem) - start
    assert found == pytest.approx(expected, rel=0.03)
    wrong = np.einsum("ij,ijk->k", np.diag(np.diag(covariance)), second) / 2 - slope / d
    assert found[2] != pytest.approx(wrong[2], rel=0.1)


def test_the_blend_has_no_jump() -> None:
    """At the upper end of the window the expectations alone; on both sides of both ends, neighbours differ as in the
    middle; and all weights are positive.
    """
    few, many = WINDOW
    assert weighted_samples(BASE.replace(n_gradient=many)) == ((1.0, None),)
    values = {n: averaged(BASE.replace(n_gradient=n))[2] for e in (few, 300, many) for n in (e - 1, e, e + 1)}
    for end in (few, many):
        left, right = values[end] - values[end - 1], values[end + 1] - values[end]
        assert left == pytest.approx(right, rel=0.05)
    for n in (few // 10, few + 50):
        weights = [node.weight for node in weighted_samples(BASE.replace(n_gradient=n))]
        assert min(weights) > 0
        assert sum(weights) == pytest.approx(1, rel=1e-12)


def test_labels_with_few_values_have_few_nodes() -> None:
    """Labels of one size without noise have an energy without variance; those that may all vanish an atom at zero, next
    to which the prediction is continuous.
    """
    sign = BASE.replace(teacher=as_teacher(lambda x: 2.0 * (x > 0) - 1, kinks=(0.0,)), noise=0.0)
    assert [node.scalars.energy for node in weighted_samples(sign) if node.scalars] == pytest.approx([1.0] * 4)
    half = BASE.replace(teacher=as_teacher(lambda x: 1.0 * (x > 0), kinks=(0.0,)), noise=0.0, n_gradient=2)
    assert averaged(half) == pytest.approx(averaged(half.replace(noise=1e-5)), rel=1e-6)
    nothing = BASE.replace(teacher=lambda x: 0 * x, noise=0.0)
    assert weighted_samples(nothing) == ((1.0, None),)
    assert concentration(nothing) == 0


def test_concentration_is_the_share_over_the_number_of_directions() -> None:
    """Of Gaussian residuals ``eps^2/sum eps^2`` has a beta law, and p is ``3/(n_0 + 2)``; 0 without a step."""
    assert concentration(BASE.replace(step_size=0.0, step_exponent=None)) == 0
    q = condition(BASE).move_variance
    learned = 400 / (400 + 8 * 9 / 2)
    assert concentration(BASE) == pytest.approx(3 / 10 * (learned * q / (1 + q)) ** 2, rel=1e-9)
    heavy = BASE.replace(teacher="-h1 - 0.5*h3")
    assert participation(heavy) > 1.3 * participation(BASE)


@pytest.mark.parametrize(
    ("teacher", "noise", "count"),
    [("h1", 0.5, 10), ("-h1 - 0.5*h3", 0.5, 10), ("h2", 0.0, 40), ("relu", 1.0, 5), ("h1", 0.0, 2)],
)
def test_the_participation_is_that_of_drawn_samples(teacher: str, noise: float, count: int) -> None:
    problem = Problem(
        teacher=teacher, noise=noise, n_samples=500, input_dim=100, width=100, step_size=1.0, n_gradient=count
    ).replace(gradient="target")
    rng = np.random.default_rng(8)
    x = rng.standard_normal((20_000, count))
    eps = problem.teacher(x) + noise * rng.standard_normal(x.shape)
    drawn = (eps**4).sum(axis=1) / (eps**2).sum(axis=1) ** 2
    error = drawn.std(ddof=1) / np.sqrt(len(drawn))
    assert abs(participation(problem) - drawn.mean()) < z_threshold(1) * error
    # As heavy as labels are, one sample cannot have more than all.
    assert 1 / count <= participation(problem) <= 1


def test_a_node_without_a_grid_is_refused_before_any_is_solved(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other nodes of this problem would take two seconds first."""
    problem = Problem("identity", "h2", 144, 54, 2, step_size=14.2, ridge=5e-5, noise=2.2, gradient="full")
    for module in ("predict", "ensemble"):
        name = f"polyspike.theory.finite_size.{module}.model_of"
        monkeypatch.setattr(name, lambda *_, **__: pytest.fail("a node was solved"))
    with pytest.raises(NumericalError, match="the average over kappa would need"):
        predict_finite_size(problem)
    with pytest.raises(NumericalError, match="the average over kappa would need"):
        Ensemble(problem).solve(problem)


@pytest.mark.parametrize("teacher", ["h3", "-h3"])
def test_labels_without_a_linear_part_turn_the_gradient_to_a_side(teacher: str) -> None:
    """Large labels of ``h3`` lie where it falls on the other side of its mean slope. Rounding once chose the side."""
    problem = Problem("tanh", teacher, 200, 50, 50, step_size=1.0, ridge=1.0, n_gradient=60)
    cosines = np.array([simulate(problem, seed=k, n_test=2).cosine for k in range(600)])
    error = cosines.std() / np.sqrt(len(cosines))
    found = predict_finite_size(problem).cosine
    assert found is not None
    assert abs(found - cosines.mean()) < 4 * error
    assert abs(cosines.mean()) > 4 * error
