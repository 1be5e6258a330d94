"""Inputs of any law: covariances, labels and directions of the draws, and networks trained on them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from polyspike import ArgumentError, Inputs, Measurement, Problem, replicate, simulate, simulate_data
from polyspike.experiments.statistics import SCALAR_FIELDS
from polyspike.experiments.sweep.store import Row, Store
from polyspike.simulation.coloured import entries_of, spread, target_direction, teacher_directions
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.equivalence import coloured_noise_ratio, equivalence, noise_ratio
from polyspike.simulation.gradient import gradient_of

Z = 4.5
"""Standard errors; a normal variate exceeds them with probability 7e-6."""

D = 8
SPECTRA: list[Any] = ["isotropic", "power:0.5", "two-level:0.3,1.7,0.5", "spiked:10,1", [0, 1, 5, 2, 0, 1, 1, 3]]
LAWS = ["gaussian", "rademacher", "uniform", "student:9", "sphere"]
PROBLEM = Problem("relu", "h1 + 0.5*h2", n_samples=300, input_dim=30, width=60, step_exponent=0.3, ridge=0.05)


def draw_of(inputs: Inputs, n_samples: int = 40_000, **changes: Any) -> tuple[Problem, GaussianDraw]:
    problem = Problem(
        **{"step_size": 1.0, "n_samples": n_samples, "input_dim": D, "width": 10, **changes}, inputs=inputs
    )
    return problem, GaussianDraw.of(problem, (5, 1), 100)


def numbers(found: Measurement) -> list[float]:
    return [getattr(found, name) for name in SCALAR_FIELDS]


def assert_mean(values: Any, expected: float) -> None:
    error = np.std(values) / np.sqrt(len(values))
    assert abs(np.mean(values) - expected) <= Z * error + 1e-12


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("spectrum", SPECTRA, ids=str)
def test_draws_have_their_covariance(spectrum: Any, law: str) -> None:
    inputs = Inputs(spectrum, law=law)
    x = draw_of(inputs)[1].ridge_sample.inputs
    axes = inputs.axes(D)
    for j in range(D):
        assert_mean(x[:, j], 0.0)
        for k in range(j + 1):
            assert_mean(x[:, j] * x[:, k], axes[j] if j == k else 0.0)


@pytest.mark.parametrize("law", [law for law in LAWS if law != "sphere"])
def test_coordinates_have_their_law(law: str) -> None:
    x = draw_of(Inputs("spiked:4,1", law=law), 20_000)[1].ridge_sample.inputs
    g = x[:, 1] / np.std(x[:, 1])
    laws: dict[str, Any] = {
        "gaussian": stats.norm(),
        "uniform": stats.uniform(-np.sqrt(3), 2 * np.sqrt(3)),
        "student:9": stats.t(9, scale=np.sqrt(7 / 9)),
    }
    if law == "rademacher":
        assert len(np.unique(np.abs(x[:, 1]))) == 1
    else:
        assert stats.kstest(g, laws[law].cdf).pvalue > 1e-5


def test_the_sphere_is_one() -> None:
    x = draw_of(Inputs("power:1", law="sphere"))[1].ridge_sample.inputs
    np.testing.assert_allclose(np.sum(x**2 / Inputs("power:1").axes(D), axis=1), D, rtol=1e-12)


def test_laws_and_spectra_of_a_seed_are_paired() -> None:
    plain = draw_of(Inputs())[1].ridge_sample.inputs
    for spectrum in SPECTRA[1:4]:
        inputs = Inputs(spectrum)
        found = draw_of(inputs)[1].ridge_sample.inputs
        np.testing.assert_allclose(found, plain * np.sqrt(inputs.axes(D)), rtol=1e-15)
    for law in LAWS[1:]:
        other = draw_of(Inputs(law=law))[1].ridge_sample.inputs
        assert np.all(np.sign(other) == np.sign(plain))
    assert np.all(draw_of(Inputs())[1].weights == draw_of(Inputs("power:1"))[1].weights)


@pytest.mark.parametrize("teacher", ["h1 + 0.7*h2", "h1[0]*h1[1] + h2[2]"])
@pytest.mark.parametrize("where", ["random", "top", [1, 2, 3, 4, 0, 1, 1, 0.5]], ids=str)
@pytest.mark.parametrize("spectrum", SPECTRA[:4], ids=str)
def test_labels_of_gaussian_inputs_have_the_moments_of_the_problem(spectrum: Any, where: Any, teacher: str) -> None:
    problem, draw = draw_of(Inputs(spectrum, where), teacher=teacher)
    labels = draw.ridge_sample.labels(problem)
    assert_mean(labels, 0.0)
    assert_mean(labels**2, problem.label_second_moment)


@pytest.mark.parametrize("where", ["random", "top", [1, 2, 3, 0, 1, 4, 1, 0.5]], ids=str)
@pytest.mark.parametrize("spectrum", SPECTRA, ids=str)
def test_directions_are_orthonormal_in_the_metric_of_sigma(spectrum: Any, where: Any) -> None:
    inputs = Inputs(
        spectrum, [0, 1, 2, 3, 0, 1, 4, 1] if isinstance(spectrum, list) and isinstance(where, list) else where
    )
    found = teacher_directions((3,), inputs, D, 3)
    np.testing.assert_allclose((found * inputs.axes(D)) @ found.T, np.eye(3), atol=1e-14)
    np.testing.assert_array_equal(teacher_directions((3,), inputs, D, 2), found[:2])
    np.testing.assert_allclose(inputs.axes(D) * found[0] ** 2, inputs.axis_energies(D), atol=1e-14)


def test_as_many_directions_as_dimensions() -> None:
    for d in (2, 3, 4):
        found = teacher_directions((1,), Inputs("power:0.3"), d, d)
        np.testing.assert_allclose((found * Inputs("power:0.3").axes(d)) @ found.T, np.eye(d), atol=1e-12)


def test_random_signs_change_with_the_seed_and_top_leads() -> None:
    inputs = Inputs("power:0.3")
    first, again, other = (teacher_directions((seed,), inputs, 50, 1)[0] for seed in (0, 0, 1))
    assert np.all(first == again)
    assert 5 < np.sum(np.sign(first) == np.sign(other)) < 45
    np.testing.assert_allclose(np.abs(first), 50**-0.5)
    problem = PROBLEM.replace(inputs="eigenvalues:1,7,3; teacher=top", input_dim=3, teacher="h1[0] + 2*h1[1]")
    np.testing.assert_allclose(np.abs(target_direction(problem, (0,)))[0], 0.0)


@pytest.mark.parametrize("base", [PROBLEM, PROBLEM.replace(n_samples=40, width=300)], ids=["samples", "neurons"])
@pytest.mark.parametrize("text", ["power:0.7", "spiked:9,2; teacher=top; law=student:6", "law=sphere"])
def test_streamed_and_held_runs_agree(base: Problem, text: str) -> None:
    one = base.replace(inputs=text, n_gradient=2100)
    problems = [one, one.replace(teacher="h1[0] + h1[0]*h1[1]", gradient="target"), one.replace(step_size=0.0)]
    streamed, held = (
        simulate(problems, seed=(2, 7), n_test=2100, eigenvalues="all", alignment_degree=3, streaming=flag)
        for flag in (True, False)
    )
    for mine, other in zip(streamed, held, strict=True):
        np.testing.assert_allclose(numbers(mine), numbers(other), rtol=1e-10)
        assert (mine.biased_cosine is None) == (text == "law=sphere")
        if mine.biased_cosine is not None:
            assert mine.biased_cosine == pytest.approx(other.biased_cosine, rel=1e-10)
        assert mine.alignment is not None
        assert other.alignment is not None
        np.testing.assert_allclose(mine.alignment.hermite, other.alignment.hermite, atol=1e-10)
        np.testing.assert_allclose(mine.eigenvalues, other.eigenvalues, atol=1e-12 * max(other.eigenvalues))  # type: ignore[arg-type]


def test_a_measurement_does_not_depend_on_its_company() -> None:
    """Problems of other inputs have a draw of their own, and no bit changes."""
    problems = [
        PROBLEM.replace(inputs=text) for text in ("isotropic", "power:0.5", "law=uniform", "power:0.5; teacher=top")
    ]
    together = simulate(problems, seed=4, n_test=300)
    for problem, found in zip(problems, together, strict=True):
        assert numbers(simulate(problem, seed=4, n_test=300)) == numbers(found)
    assert len({found.test_error for found in together}) == 4


def test_eigenvalues_that_are_all_one_are_exactly_the_isotropic_run() -> None:
    ones = simulate(PROBLEM.replace(inputs=Inputs([1.0] * 30)), seed=3, n_test=300)
    assert numbers(ones) == numbers(simulate(PROBLEM, seed=3, n_test=300))
    assert ones.biased_cosine is None


def errors_of(problem: Problem, seed: int, replicates: int = 24) -> list[Any]:
    found = replicate(problem, replicates=replicates, seed=seed, n_test=1000)
    return [found.train_error, found.test_error, found.cosine]


def assert_agree(one: list[Any], other: list[Any]) -> None:
    for a, b in zip(one, other, strict=True):
        assert abs(a.mean - b.mean) < Z * np.hypot(a.standard_error, b.standard_error)


def test_nearly_equal_eigenvalues_agree_with_isotropic_inputs_in_distribution() -> None:
    """A dense beta* through the code of a covariance; independent seeds. A spectrum that differs is told apart."""
    plain = errors_of(PROBLEM, 1)
    assert_agree(errors_of(PROBLEM.replace(inputs="two-level:1,1.000001,0.5"), 2), plain)
    with pytest.raises(AssertionError):
        assert_agree(errors_of(PROBLEM.replace(inputs="power:0.7"), 2), plain)


def test_a_matrix_agrees_with_its_spectrum_in_distribution() -> None:
    """Signs and basis of a direction are nothing to a network that starts isotropic."""
    rng = np.random.default_rng(8)
    axes = Inputs("power:0.7").axes(30)
    basis = np.linalg.qr(rng.standard_normal((30, 30)))[0]
    matrix = (basis * axes) @ basis.T
    direction = basis @ np.where(rng.random(30) < 0.5, -1.0, 1.0)
    found = errors_of(PROBLEM.replace(inputs=Inputs.from_matrix(matrix, direction)), 1)
    assert_agree(found, errors_of(PROBLEM.replace(inputs="power:0.7"), 2))


def test_the_order_of_eigenvalues_and_weights_is_nothing_to_a_network() -> None:
    values, weights = np.linspace(0.1, 2, 30), np.linspace(3, 0, 30)
    ahead = errors_of(PROBLEM.replace(inputs=Inputs(values, weights)), 1)
    assert_agree(errors_of(PROBLEM.replace(inputs=Inputs(values[::-1], weights[::-1])), 2), ahead)
    with pytest.raises(AssertionError):
        assert_agree(errors_of(PROBLEM.replace(inputs=Inputs(values, weights[::-1])), 2), ahead)


def test_beta_leans_to_sigma_beta() -> None:
    """With many samples of the gradient ``beta -> c*_1 Sigma beta*``, whose cosine with beta* is then that of beta."""
    problem = PROBLEM.replace(inputs="power:1", n_gradient=60_000, gradient="target")
    found = simulate(problem, seed=1, n_test=100)
    values = Inputs("power:1").axes(30)
    assert found.biased_cosine is not None
    assert found.biased_cosine > 0.99
    assert found.cosine == pytest.approx(np.mean(values) / np.sqrt(np.mean(values**2)), abs=0.03)


def test_the_biased_cosine_is_stored_and_shown_where_there_is_one(tmp_path: Any) -> None:
    coloured, plain = simulate([PROBLEM.replace(inputs="power:1"), PROBLEM], seed=1, n_test=100)
    assert "biased_cosine" in repr(coloured)
    assert coloured.to_dict()["biased_cosine"] == coloured.biased_cosine
    assert "biased_cosine" not in repr(plain)
    assert plain.to_dict()["biased_cosine"] is None
    rows = [Row(m.problem, m.seed, {}, m) for m in (coloured, plain)]
    with Store(tmp_path / "store.sqlite") as store:
        store.add(rows)
        back = store.get([row.key for row in rows])
    kept = [row.measurement for row in back if row.measurement is not None]
    assert [m.biased_cosine for m in kept] == [coloured.biased_cosine, None]


def test_few_effective_dimensions_run() -> None:
    found = simulate(PROBLEM.replace(inputs="power:3"), n_test=100, alignment_degree=2)
    assert all(np.isfinite(numbers(found)))


def test_the_coordinate_of_an_alignment_has_unit_variance() -> None:
    inputs = Inputs("power:1")
    x = draw_of(inputs)[1].ridge_sample.inputs
    b = np.arange(1.0, D + 1)
    assert_mean((x @ b / spread(b, inputs)) ** 2, 1.0)


def test_noise_of_the_gradient_in_the_metric_of_sigma() -> None:
    """Of nearly isotropic inputs the ratio is the isotropic one."""
    problem = PROBLEM.replace(inputs="two-level:1,1.0000001,0.5")
    draw = GaussianDraw.of(problem, (1,), 10)
    gradient, readout = gradient_of(problem, draw), draw.readout(problem.readout)
    assert coloured_noise_ratio(gradient, readout, problem.inputs) == pytest.approx(noise_ratio(gradient), rel=1e-5)
    assert coloured_noise_ratio(gradient, readout, Inputs()) == noise_ratio(gradient)


def test_equivalence_takes_any_inputs() -> None:
    """The gap falls with the size, for a law and a covariance of its own."""
    problem = PROBLEM.replace(inputs="two-level:0.3,1.7,0.5; law=uniform", step_exponent=0.1)
    found = equivalence(problem, sizes=(200, 800), replicates=4, n_test=500)
    assert found.rates["distance"].mean < 0


def test_equivalence_of_a_list_of_eigenvalues_cannot_grow() -> None:
    with pytest.raises(ArgumentError, match=r"30 eigenvalues were given; give input_dim ="):
        equivalence(PROBLEM.replace(inputs=Inputs(np.arange(1.0, 31))), window=1, sizes=(200, 400))


def test_real_data_have_their_own_law() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ArgumentError, match=r"inputs = .*leave it out"):
        simulate_data(PROBLEM.replace(inputs="power:1"), rng.standard_normal((900, 30)), rng.standard_normal(900))


def test_entries_of_standard_inputs_are_plain_normals() -> None:
    rng = (np.random.default_rng(1) for _ in range(2))
    np.testing.assert_array_equal(entries_of(Inputs(), 4)(next(rng), (3, 4)), next(rng).standard_normal((3, 4)))
    draw = draw_of(Inputs())[1]
    assert draw.ridge_sample.directions is None
    assert replace(draw, inputs=Inputs(law="uniform")).ridge_sample.directions is not None
