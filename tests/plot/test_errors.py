"""Lines, dots and levels: what is drawn is what the results hold."""

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import polyspike as ps
from plot.cases import ALPHAS, BASE, at, bars, dots, labels, lines, predictions, runs


def test_a_line_a_row_of_dots_and_their_bars_are_the_results() -> None:
    ax = ps.plot.errors(predictions(), measured=runs())
    assert lines(ax)["theory"].tolist() == [[a, p.test_error] for a, p in zip(ALPHAS, predictions())]
    measured = [run.test_error for run in runs()]
    np.testing.assert_array_equal(dots(ax)["simulated"], [[0.0, measured[0].mean], [0.3, measured[1].mean]])
    np.testing.assert_allclose(bars(ax)[0], [e.standard_error for e in measured])
    assert (ax.get_xlabel(), ax.get_ylabel()) == (r"step exponent $\alpha$   ($\eta = n^{\alpha}$)", "test error")
    assert labels(ax) == ["simulated", "theory"]


def test_runs_at_several_seeds_are_their_replication() -> None:
    replication = runs()[1]
    ax = ps.plot.errors(measured=list(replication.measurements), y="train_error")
    np.testing.assert_allclose(dots(ax)["simulated"], [[0.3, replication.train_error.mean]])
    np.testing.assert_allclose(bars(ax)[0], [replication.train_error.standard_error])


def test_a_single_run_has_no_bar() -> None:
    ax = ps.plot.errors(measured=runs()[0].measurements[0])
    assert bars(ax)[0].size == 0


def test_it_draws_into_the_axes_that_it_is_given_and_keeps_their_labels() -> None:
    ax = Figure().subplots()
    ax.set_ylabel("mine")
    assert ps.plot.errors(predictions(), ax=ax) is ax
    assert ax.get_ylabel() == "mine"


def test_keywords_reach_the_lines_and_the_dots() -> None:
    ax = ps.plot.errors(predictions(), runs(), line_kwargs={"color": "red", "label": "mine"}, dot_kwargs={"fmt": "x"})
    assert "mine" in lines(ax)
    assert ax.lines[0].get_color() == "red"
    assert ax.containers[0][0].get_marker() == "x"


def test_the_network_without_a_step_is_a_level() -> None:
    still = ps.replicate(BASE.replace(step_size=0.0), replicates=2, n_test=100)
    ax = ps.plot.errors(measured=[*runs(), still])
    assert set(lines(ax)["untrained network"][:, 1]) == {still.test_error.mean}
    assert len(dots(ax)["simulated"]) == 2


def test_problems_that_differ_in_more_than_the_step_make_curves_of_the_same_colour_for_both_roads() -> None:
    noisy = BASE.replace(noise=1.0)
    theory = ps.predict([*at(BASE, 0.0, 0.3), *at(noisy, 0.0, 0.3)])
    measured = [*runs(), *(ps.replicate(step, replicates=2, n_test=100) for step in at(noisy, 0.0, 0.3))]
    ax = ps.plot.errors(theory, measured)
    assert labels(ax) == ["noise = 0.5", "noise = 1", "lines: theory"]
    colours = [line.get_color() for line in ax.lines if line.get_linestyle() == "-"]
    assert [c[0].get_color() for c in ax.containers] == colours[:2]


def test_sizes_that_grow_together_are_told_apart_by_one_of_them() -> None:
    sizes = [{"n_samples": n, "input_dim": n // 4, "width": n // 2} for n in (400, 800)]
    ax = ps.plot.errors(ps.predict([step.replace(**size) for size in sizes for step in at(BASE, 0.0, 0.3)]))
    assert labels(ax) == ["n = 400", "n = 800"]


def test_against_the_size_the_other_sizes_tell_no_curves_apart() -> None:
    sizes = [{"n_samples": n, "input_dim": n // 4, "width": n // 2} for n in (400, 800, 4000)]
    ax = ps.plot.errors(ps.predict([BASE.replace(**size) for size in sizes]), x="n_samples")
    assert labels(ax) == ["theory"]
    assert ax.get_xscale() == "log"


@pytest.mark.parametrize(("largest", "scale"), [(2.0, "linear"), (1000.0, "log")])
def test_an_axis_is_logarithmic_where_its_values_spread(largest: float, scale: str) -> None:
    ax = ps.plot.errors([{"ridge": r, "test_error": r} for r in (1.0, largest)], x="ridge")
    assert (ax.get_xscale(), ax.get_yscale()) == (scale, scale)


def test_a_prediction_without_a_number_is_a_gap() -> None:
    rows = [{"step_exponent": a, "test_error": e} for a, e in ((0.0, 1.0), (0.1, None), (0.2, 2.0))]
    shown = lines(ps.plot.errors(rows))["theory"]
    np.testing.assert_array_equal(shown, [[0.0, 1.0], [0.1, np.nan], [0.2, 2.0]])


def test_two_methods_are_two_curves_beside_the_networks() -> None:
    both = [*predictions(), *ps.predict(at(BASE, 0.1, 0.4), method="crossing", window=2)]
    ax = ps.plot.errors(both, runs())
    assert labels(ax) == ["simulated", both[0].method, "crossing", "lines: theory"]


def test_a_second_call_keeps_what_the_first_has_shown() -> None:
    ax = ps.plot.errors(predictions())
    before, windows = ax.get_xlim(), len(ax.child_axes)
    ps.plot.errors(measured=runs()[:1], ax=ax)
    assert ax.get_xlim() == before
    assert len(ax.child_axes) == windows == 1


def test_the_best_linear_model_is_a_level() -> None:
    ax = ps.plot.errors(predictions(), linear=True)
    assert set(lines(ax)["best linear model"][:, 1]) == {predictions()[0].linear_error}


def test_the_points_of_an_equivalence_are_results() -> None:
    point = ps.EquivalencePoint(100, *(ps.Estimate(v, 0.1, 3) for v in (1.0, 2.0, 3.0, 4.0)))
    ax = ps.plot.errors(measured=[point], x="n_samples", y="distance")
    assert dots(ax)["simulated"].tolist() == [[100.0, 1.0]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "predictions, measured"),
        ({"predictions": 3}, "predictions = 3: give results"),
        ({"predictions": [{"step_exponent": 0.1}]}, "y = 'test_error': none of predictions has it"),
        ({"predictions": [{"test_error": 0.1}]}, "x = 'step_exponent': none of predictions has it"),
        (
            {"measured": [{"step_exponent": 0.1, "test_error": 1.0}] * 2},
            "several of measured stand at one step_exponent",
        ),
        ({"measured": [{"step_exponent": 0.1, "test_error": 1.0}], "hue": "size"}, "hue = 'size'"),
        (
            {"predictions": [{"step_exponent": 0.1, "test_error": 1.0}], "limit": True},
            "these predictions know no limit",
        ),
        ({"measured": [{"step_exponent": 0.1, "test_error": 1.0}], "linear": True}, "linear = True"),
        ({"measured": [{"step_exponent": 0.1, "test_error": 1.0}], "ax": [1, 2]}, "give one matplotlib Axes"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ps.ArgumentError, match=message):
        ps.plot.errors(**arguments)


def test_a_hue_that_leaves_two_problems_in_one_place_says_which_fields_differ() -> None:
    both = ps.predict([BASE.replace(noise=s, ridge=r) for s in (0.1, 1.0) for r in (0.1, 1.0)])
    with pytest.raises(ps.ArgumentError, match=r"tell them apart by hue=\('noise', 'ridge'\)"):
        ps.plot.errors(both, hue="noise")


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("inputs", ("isotropic", "power:0.3"), ["inputs = isotropic", "inputs = power:0.3"]),
        ("samples", ("fresh", "same"), ["fresh samples", "same samples"]),
    ],
)
def test_inputs_and_samples_are_curves_with_their_networks(
    name: str, values: tuple[str, ...], expected: list[str]
) -> None:
    changed = [BASE.replace(**{name: value}) for value in values]
    problems = [step for problem in changed for step in at(problem, 0.1, 0.3)]
    measured = ps.simulate(problems, seed=1, n_test=50)
    ax = ps.plot.errors(ps.predict(problems), measured=measured)
    assert labels(ax)[:2] == expected
    for label, first in zip(expected, (0, 2)):
        np.testing.assert_allclose(dots(ax)[label][:, 1], [run.test_error for run in measured[first : first + 2]])
