"""A spectrum beside its prediction: the two are normalised alike, whatever the sizes are."""

from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

import polyspike as ps
from plot.cases import SPIKED, labels, lines, predicted

SIZES = {"N < n": (300, 150), "N = n": (200, 200), "N > n": (150, 300)}


def case(n: int, width: int) -> ps.Problem:
    return ps.Problem("relu", "2*h1", n_samples=n, input_dim=60, width=width, step_exponent=0.2, n_gradient=400)


def histogram_area(ax: Axes) -> float:
    """Of the bars in the variable ``ln mu`` of the axis."""
    bars = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    return float(sum(p.get_height() * np.log((p.get_x() + p.get_width()) / p.get_x()) for p in bars))


def density_area(ax: Axes) -> float:
    """Of the predicted density over the visible part of the axis, by the trapezium rule."""
    low, high = ax.get_xlim()
    x, y = lines(ax)["theory"].T
    shown = (x >= low) & (x <= high)
    return float(np.trapezoid(y[shown], np.log(x[shown])))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_histogram_and_density_have_the_same_area(size: tuple[int, int]) -> None:
    """One spike of some 150 eigenvalues is missing from the bars, and up to a fiftieth below the axis from both."""
    problem = case(*size)
    run = ps.simulate(problem, seed=3, n_test=2, eigenvalues="all")
    ax = ps.plot.spectrum(run, theory=predicted(problem))
    assert histogram_area(ax) == pytest.approx(density_area(ax), abs=0.02)
    assert 0.95 < histogram_area(ax) < 1.0


def test_a_density_over_all_eigenvalues_would_not_pass() -> None:
    """The mistake that was made: half of the eigenvalues are zero, and the density stood at half the height."""
    problem = case(300, 150)
    found = predicted(problem).spectrum
    wrong = ps.Spectrum(found.density, found.edges, 0.0, found.spikes)
    ax = ps.plot.spectrum(ps.simulate(problem, seed=3, n_test=2, eigenvalues="all"), theory=wrong)
    assert density_area(ax) == pytest.approx(histogram_area(ax) / 2, abs=0.02)


def test_zeros_are_left_out_and_said() -> None:
    run = ps.simulate(case(300, 150), n_test=2, eigenvalues="all")
    assert "bulk (50% zeros left out)" in labels(ps.plot.spectrum(run))
    assert "bulk" in labels(ps.plot.spectrum(ps.simulate(case(150, 300), n_test=2, eigenvalues="all")))


def test_several_runs_share_one_area_and_every_spike_has_its_stem() -> None:
    runs = ps.replicate(case(300, 150), replicates=3, n_test=2, eigenvalues="all")
    ax = ps.plot.spectrum(runs)
    assert 0.95 < histogram_area(ax) < 1.0
    stems = [c for c in ax.collections if len(c.get_paths()) == 3]
    tops = sorted(float(np.asarray(path.vertices)[0, 0]) for path in stems[0].get_paths())
    assert tops == sorted(float(m.eigenvalues[0]) for m in runs.measurements if m.eigenvalues is not None)


def test_the_largest_eigenvalues_alone_are_shares_of_all() -> None:
    problem = case(300, 150)
    ax = ps.plot.spectrum(ps.simulate(problem, seed=3, n_test=2, eigenvalues=75))
    assert histogram_area(ax) == pytest.approx(0.5, abs=0.02)


def test_an_array_of_eigenvalues_is_drawn_like_its_run() -> None:
    run = ps.simulate(case(300, 150), seed=3, n_test=2, eigenvalues="all")
    ax = ps.plot.spectrum(run.eigenvalues)
    assert histogram_area(ax) == pytest.approx(histogram_area(ps.plot.spectrum(run)))


def test_spikes_are_named_by_the_degree_of_which_they_hold_most() -> None:
    one = SPIKED.replace(step_exponent=0.2)
    run = ps.simulate(one, n_test=2, eigenvalues="all", alignment_degree=3)
    assert ps.plot.spectrum(run).texts[0].get_text() == "$H_1$"
    without = ps.simulate(one, n_test=2, eigenvalues="all")
    assert ps.plot.spectrum(without).texts[0].get_text() == "1"


def test_a_prediction_alone_shows_its_spikes_with_their_degrees() -> None:
    found = predicted(SPIKED)
    ax = found.spectrum.plot()
    rings = lines(ax)["predicted spikes"]
    assert rings[:, 0].tolist() == [spike.location for spike in found.spectrum.spikes]
    assert ax.texts[0].get_text() == "$H_1$"
    assert density_area(ax) == pytest.approx(1.0, abs=0.01)


def test_plot_of_a_spectrum_takes_axes_and_a_run() -> None:
    run = ps.simulate(SPIKED, n_test=2, eigenvalues="all")
    ax = predicted(SPIKED).spectrum.plot(run=run, legend=False)
    assert histogram_area(ax) > 0.9
    assert predicted(SPIKED).spectrum.plot(ax) is ax


def test_keywords_reach_the_histogram_and_the_density() -> None:
    run = ps.simulate(SPIKED, n_test=2, eigenvalues="all")
    ax = ps.plot.spectrum(run, ps.predict(SPIKED), hist_kwargs={"bins": 10, "color": "red"}, line_kwargs={"lw": 3})
    assert len(ax.patches) == 10
    assert ax.patches[0].get_facecolor()[:3] == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "run, theory"),
        ((ps.simulate(SPIKED, n_test=2),), "simulate with eigenvalues='all'"),
        (("text",), "give a Measurement"),
        (([],), "give a Measurement"),
        ((None, SPIKED), "give a Prediction or its spectrum"),
    ],
)
def test_what_has_no_spectrum_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ps.ArgumentError, match=message):
        ps.plot.spectrum(*arguments)


def test_a_limit_has_no_spectrum() -> None:
    with pytest.raises(ps.NumericalError, match="predicts no spectrum"):
        ps.plot.spectrum(theory=predicted(SPIKED, method="window"))
