"""Outliers of the training features and the branch they lie on: traces, limits, inertia, overlaps."""

import numpy as np
import pytest

from polyspike import Problem
from polyspike.theory.bulk_support.point import descend
from polyspike.theory.same_samples.features import training_features
from polyspike.theory.same_samples.form_terms import form_terms, side_of
from polyspike.theory.same_samples.model import build
from polyspike.theory.same_samples.sample_law import sample_law
from polyspike.theory.same_samples.spectrum.branch import above
from polyspike.theory.same_samples.spectrum.outliers import matrix_at
from polyspike.theory.same_samples.spectrum.predict_spectrum import training_outliers
from polyspike.theory.same_samples.steps import rules_of, step_of

BASE = Problem(
    "tanh",
    "h1 + 0.5*h2",
    900,
    300,
    720,
    step_exponent=0.4,
    noise=0.5,
    gradient="target",
    readout="rademacher",
    samples="same",
)


@pytest.mark.parametrize(
    "changes", [{}, {"activation": "softplus"}, {"activation": "softplus", "readout": "gaussian"}, {"gradient": "full"}]
)
def test_far_above_the_bulk_the_solution_has_the_trace_of_the_features(changes: dict[str, str]) -> None:
    """``E R = -1/z - E[sigma^2 - m^2]/z^2``, and ``zeta = 1 + O(1/z)``, where the features' averages are known."""
    problem = BASE.replace(**changes)
    step = step_of(problem)
    law = sample_law(problem, step.frame, rules_of(problem))
    found = training_features(problem.activation, step.of_sample, law.kappa, law.residual, step.u)
    energy = float(law.mean(found.second_moment - found.mean**2) @ step.u_weights)
    means = []
    for z in (2e4, 4e4):
        point = above(build(problem).fit, z)
        # Nodes of no weight are left out of the law, whose total is one less 1e-10.
        means.append(-(z**2) * (float(point.mean_r) + float(law.weights.sum()) / z))
        assert point.state.zeta == pytest.approx(np.ones(len(step.u)), abs=20 / z)
    # The rules are good to 6e-7 of an error; with normal readouts factors are left out.
    assert 2 * means[1] - means[0] == pytest.approx(energy, rel=5e-5 if "readout" in changes else 1e-6)


def test_without_a_step_nothing_leaves_the_bulk_but_what_did_before() -> None:
    assert training_outliers(BASE.replace(step_size=0.0))[1] == ()


def test_of_a_strong_spike_the_first_window_is_the_limit() -> None:
    """``p_1 = c_1 g kappa + phi E[sigma'^2] eps`` alone is left, and the label is an ingredient (eq-same-spikes)."""
    problem = BASE.replace(teacher="h1", n_samples=9 * 10**9, input_dim=3 * 10**9, width=72 * 10**8, step_exponent=0.2)
    _, [spike] = training_outliers(problem)
    c1, phi = float(problem.activation.coefficients(1)[1]), 1 / 3
    label, length = 1.25, np.sqrt(1 + phi * 1.25)
    slopes = problem.activation.derivative_variance + c1**2
    own = phi * slopes
    energy = c1**4 * length**2 + 2 * c1**2 * own + own**2 * label
    with_label = c1**2 + own * label
    strength = problem.step**2 * problem.n_samples / problem.width * energy
    assert spike.location == pytest.approx(strength, rel=5e-3)
    assert spike.label == pytest.approx(with_label**2 / (energy * label), rel=5e-3)
    assert spike.residual == pytest.approx(spike.label, rel=1e-9)


def test_a_pole_of_the_form_is_where_its_matrix_is_singular() -> None:
    """Q at the shift -z has the residue that the overlap with the label gives."""
    _, [spike] = training_outliers(BASE)
    fit = build(BASE, beyond=0.5).fit
    at = descend(above(fit, 50 * spike.location))[-1]
    values = []
    for offset in (-1e-3, 1e-3):
        point = above(fit, 50 * spike.location)
        for log_z in np.linspace(point.log_z, np.log(spike.location) + offset, 12)[1:]:
            point = point.to(log_z)
        terms = form_terms(fit, point.state, point.parts)
        q = terms.constant - terms.side @ np.linalg.solve(terms.matrix, terms.side)
        values.append(q * (point.z - spike.location))
        assert terms.side == pytest.approx(side_of(fit, 0, point.parts[0], np.ones_like(point.parts[0].r), labels=True))
        assert np.sum(np.linalg.eigvalsh(matrix_at(point)) < 0) == _negative(fit, spike.location, offset < 0)
    assert at.z < spike.location
    assert -np.mean(values) == pytest.approx(spike.label * BASE.label_second_moment, rel=1e-2)


def _negative(fit: object, location: float, below: bool) -> int:
    beyond = np.sum(np.linalg.eigvalsh(matrix_at(above(fit, 50 * location))) < 0)  # type: ignore[arg-type]
    return int(beyond) + below
