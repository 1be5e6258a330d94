"""What a prediction on data is expected to take grows as its work does, and what does not fit is refused."""

import pytest
from threadpoolctl import threadpool_limits

from polyspike import DoesNotFitError, Problem
from polyspike.theory.on_data.cost import check_memory, data_cost
from polyspike.theory.on_data.sizes import DEFAULT_ACCURACY

PROBLEM = Problem("relu", "h1", 200, 50, 100, step_exponent=0.1, gradient="target", readout="constant")


def test_it_grows_with_rows_steps_and_readouts() -> None:
    cost = data_cost(PROBLEM, 100)
    assert data_cost(PROBLEM, 100, steps=5).seconds > 2.5 * cost.seconds  # the gradient is worked out once
    assert data_cost(PROBLEM, 100, steps=5).bytes == cost.bytes
    assert data_cost(PROBLEM.replace(gradient="full"), 100).seconds > 2 * cost.seconds
    assert data_cost(PROBLEM.replace(readout="gaussian"), 100).seconds > 2 * cost.seconds
    assert data_cost(PROBLEM.replace(n_samples=2000, n_gradient=200), 100).bytes > 20 * cost.bytes


def test_what_no_machine_holds_is_refused_before_it_begins() -> None:
    check_memory(PROBLEM, 100, DEFAULT_ACCURACY)
    with pytest.raises(DoesNotFitError, match="rows of the fit would do"):
        check_memory(PROBLEM.replace(n_samples=10**8), 100, DEFAULT_ACCURACY)


def test_steps_share_kernels_where_there_are_many_rows() -> None:
    """So that twelve steps take far less than twelve times what one does, but for the ridges."""
    many = PROBLEM.replace(n_samples=1000, n_gradient=400, readout="gaussian")
    assert data_cost(many, 500, steps=12).seconds < 8 * data_cost(many, 500).seconds
    few = PROBLEM.replace(readout="gaussian")
    assert data_cost(few, 500, steps=12).seconds > 8 * data_cost(few, 500).seconds


def test_a_large_step_of_a_readout_of_one_size_takes_more_kernels() -> None:
    assert data_cost(PROBLEM.replace(step_exponent=0.4), 100).seconds > 5 * data_cost(PROBLEM, 100).seconds


def test_two_threads_take_less_time_and_with_two_outputs_more_memory() -> None:
    full = PROBLEM.replace(n_samples=1000, n_gradient=400, gradient="full")
    for problem in (full, full.replace(gradient="target")):
        with threadpool_limits(limits=1):
            one = data_cost(problem, 500, steps=12)
        with threadpool_limits(limits=2):
            two = data_cost(problem, 500, steps=12)
        assert one.seconds / 2 <= two.seconds < one.seconds
        assert (two.bytes > 1.5 * one.bytes) == (problem.gradient == "full")


def test_a_single_step_of_the_target_has_nothing_to_do_at_the_same_time() -> None:
    problem = PROBLEM.replace(n_samples=1000, n_gradient=400)
    with threadpool_limits(limits=2):
        two = data_cost(problem, 500)
    with threadpool_limits(limits=1):
        assert two == data_cost(problem, 500)
