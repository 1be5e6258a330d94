"""A simulation that tells how far it is: from 0 to 1, never back, in small steps where blocks are many."""

from typing import Any

import numpy as np
import pytest

from polyspike import Problem, simulate

TALL = Problem("tanh", "h1", 9000, 20, 50, step_exponent=0.2, ridge=0.01)
WIDE = Problem("tanh", "h1", 60, 20, 9000, step_exponent=0.2, ridge=0.01)


@pytest.mark.parametrize(
    ("problem", "options", "largest_step"),
    [
        (TALL, {}, 0.6),
        (TALL, {"streaming": True}, 0.25),
        (TALL, {"streaming": True, "alignment_degree": 2, "eigenvalues": "all"}, 0.25),
        (TALL.replace(gradient="target"), {"streaming": True}, 0.25),
        (TALL.replace(samples="same"), {}, 0.6),
        (TALL.replace(samples="same"), {"streaming": True}, 0.25),
        (WIDE.replace(samples="same"), {"streaming": True}, 0.4),
        (WIDE, {"streaming": True}, 0.4),
        (WIDE.replace(gradient="target"), {"streaming": True}, 0.4),
    ],
)
def test_the_share_grows_from_nothing_to_all(problem: Problem, options: dict[str, Any], largest_step: float) -> None:
    told: list[float] = []
    watched = simulate(problem, n_test=9000, progress=told.append, **options)
    assert told[0] == 0.0
    assert told[-1] == pytest.approx(1.0)
    assert len(told) >= 6
    steps = np.diff(told)
    assert np.all(steps > 0)
    assert steps.max() < largest_step
    alone = simulate(problem, n_test=9000, **options)
    assert watched.test_error == alone.test_error
    assert watched.train_error == alone.train_error


def test_what_the_report_raises_ends_the_simulation() -> None:
    """A caller may stop the work, as Ctrl-C does."""

    def stop(share: float) -> None:
        if share > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(TALL, n_test=100, streaming=True, progress=stop)
