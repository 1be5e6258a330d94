"""Profiles of vectors, measured and predicted, and their shares along the step."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer

import polyspike as ps
from plot.cases import SPIKED, at, bars, dots, labels, lines, predicted


def drawn(ax: Axes) -> list[BarContainer]:
    """The groups of bars."""
    return [group for group in ax.containers if isinstance(group, BarContainer)]


def test_every_bar_is_a_squared_cosine() -> None:
    run = ps.simulate(SPIKED, n_test=2, alignment_degree=3)
    assert run.alignment is not None
    ax = ps.plot.alignment(run)
    assert labels(ax) == ["$H_1$", "$H_2$", "$H_3$"]
    heights = np.array(
        [[bar.get_height() for bar in group.patches] for group in ax.containers if hasattr(group, "patches")]
    )
    np.testing.assert_array_equal(heights.T, run.alignment.overlaps)


def test_replicates_are_means_with_bars_and_the_prediction_has_ticks() -> None:
    runs = ps.replicate(SPIKED, replicates=3, n_test=2, alignment_degree=2)
    stack = np.array([m.alignment.overlaps for m in runs.measurements if m.alignment is not None])
    theory = predicted(SPIKED)
    ax = ps.plot.alignment(runs, theory)
    group = next(g for g in drawn(ax) if g.get_label() == "$H_1$")
    assert group.patches[0].get_height() == pytest.approx(stack[:, 0, 0].mean())
    assert group.errorbar is not None
    ticks = next(c for c in ax.collections if c.get_label() == "theory")
    assert np.asarray(ticks.get_paths()[0].vertices)[0, 1] == theory.spectrum.spikes[0].overlaps[1]


def test_rows_of_a_table_are_a_profile() -> None:
    rows = [{"vector": v, "degree": k, "overlap": v / 10 + k / 100} for v in (1, 2) for k in (0, 1)]
    ax = ps.plot.alignment(rows, rows)
    assert labels(ax) == ["theory", "$H_0$", "$H_1$"]


def test_what_was_learned_adds_up_along_each_bar() -> None:
    theory = predicted(SPIKED)
    ax = ps.plot.learned(theory)
    ends = {}
    for group in drawn(ax):
        for rank, bar in enumerate(group.patches):
            ends[rank] = bar.get_x() + bar.get_width()
    for rank, spike in enumerate(theory.spectrum.spikes):
        assert ends[rank] == pytest.approx(float(np.sum(spike.overlaps)), abs=0.02)
    assert ax.get_yticklabels()[0].get_text().startswith("1:")


def test_no_spike_is_said() -> None:
    ax = ps.plot.learned(predicted(SPIKED.replace(step_size=0.0)))
    assert ax.texts[0].get_text() == "no spike has left the bulk"


def test_shares_are_those_of_the_alignment_with_bars_over_replicates() -> None:
    steps = at(SPIKED, 0.1, 0.3)
    runs = [ps.replicate(step, replicates=3, n_test=2, alignment_degree=2) for step in steps]
    ax = ps.plot.shares(runs, ps.predict(steps))
    values = np.array([[m.alignment.hermite[0] for m in run.measurements if m.alignment is not None] for run in runs])
    np.testing.assert_allclose(dots(ax)["$H_1$"], np.column_stack([(0.1, 0.3), values.mean(axis=1)]))
    np.testing.assert_allclose(bars(ax)[0], values.std(axis=1, ddof=1) / np.sqrt(3))
    assert labels(ax) == ["$H_1$", "$H_2$"]


def test_a_predicted_share_sums_over_as_many_spikes_as_the_window_has() -> None:
    one, two = (predicted(step) for step in at(SPIKED, 0.2, 0.3))
    runs = [ps.simulate(step, n_test=2, alignment_degree=2) for step in at(SPIKED, 0.2, 0.3)]
    ax = ps.plot.shares(runs, [one, two])
    curve = np.asarray(next(line for line in ax.lines if line.get_linewidth() == 1.1).get_ydata(), dtype=float)
    assert curve[0] == pytest.approx(one.spectrum.spikes[0].overlaps[1])
    assert curve[1] == pytest.approx(sum(spike.overlaps[1] for spike in two.spectrum.spikes[:2]))
    assert "theory" not in lines(ax)


def test_a_run_without_an_alignment_is_refused() -> None:
    run = ps.simulate(SPIKED, n_test=2)
    for function in (ps.plot.alignment, ps.plot.shares):
        with pytest.raises(ps.ArgumentError, match="alignment_degree=3"):
            function(run)
    with pytest.raises(ps.ArgumentError, match="give a Measurement"):
        ps.plot.alignment(3)
    with pytest.raises(ps.ArgumentError, match="give a Prediction"):
        ps.plot.learned([1.0])


def test_pieces_that_add_up_to_more_than_one_are_drawn_whole() -> None:
    """Functions of the samples' own coordinate are not orthogonal on the samples of the gradient."""
    spike = ps.TrainingSpike(location=20.0, overlaps=np.array([0.0, 0.9, 0.2, 0.1]), label=0.7, residual=0.7)
    ax = ps.plot.learned(ps.Spectrum(np.zeros_like, ((0.1, 2.0),), 0.0, (spike,)))
    assert ax.get_xlim() == pytest.approx((0, 1.2))
    assert sum(bar.get_width() for group in drawn(ax) for bar in group.patches) == pytest.approx(1.2)
