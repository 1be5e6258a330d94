"""A sweep along the field that it varies, one colour a curve."""

import numpy as np
import pytest

import polyspike as ps
from plot.cases import BASE, at, bars, dots, labels


def test_every_curve_has_its_means_bars_and_theory() -> None:
    problems = [step.replace(noise=noise) for noise in (0.1, 1.0) for step in at(BASE, 0.0, 0.3)]
    found = ps.sweep(problems, replicates=2, workers=1, n_test=50)
    ax = ps.plot.sweep(found, hue="noise", theory=ps.predict(problems))
    assert labels(ax) == ["noise = 0.1", "noise = 1", "lines: theory"]
    means = [run.test_error for run in found.replications() if run is not None]
    np.testing.assert_allclose(dots(ax)["noise = 0.1"][:, 1], [e.mean for e in means[:2]])
    np.testing.assert_allclose(bars(ax)[1], [e.standard_error for e in means[2:]])


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ([{"step_size": 1.0}, {"step_size": 2.0}], r"step size $\eta$"),
        ([{"ridge": 0.1}, {"ridge": 1.0}], r"ridge $\lambda$"),
        ([{"step_size": 0.0}, {"step_exponent": 0.1}], r"step exponent $\alpha$   ($\eta = n^{\alpha}$)"),
    ],
)
def test_the_axis_is_the_field_that_varies(changes: list[dict[str, float]], label: str) -> None:
    runs = [ps.simulate(BASE.replace(**change), n_test=50) for change in changes]
    assert ps.plot.sweep(runs).get_xlabel() == label


def test_rows_that_failed_are_left_out_and_nothing_is_refused() -> None:
    rows = [{"step_exponent": 0.1, "test_error": None}, {"step_exponent": 0.2, "test_error": 1.0}]
    ax = ps.plot.sweep(rows, x="step_exponent")
    assert dots(ax)["simulated"].tolist() == [[0.2, 1.0]]
    with pytest.raises(ps.ArgumentError, match="no row has a test_error"):
        ps.plot.sweep(rows[:1])
    with pytest.raises(ps.ArgumentError, match="no field of the problems varies"):
        ps.plot.sweep(ps.simulate(BASE, n_test=50))


def test_more_curves_than_colours_have_shades_of_one_scale() -> None:
    rows = [{"step_exponent": a, "test_error": k, "curve": f"c{k}"} for k in range(9) for a in (0.0, 0.1)]
    ax = ps.plot.sweep(rows)
    assert len({tuple(np.round(c[0].get_color(), 6)) for c in ax.containers}) == 9
