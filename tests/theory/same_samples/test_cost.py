"""The estimate of the time of a prediction grows with what is computed."""

import time

from polyspike import Problem, predict
from polyspike.theory.same_samples.cost import prediction_seconds_same

BASE = Problem("tanh", "h1", 900, 300, 720, step_exponent=0.3, readout="rademacher", samples="same")


def test_it_grows_with_the_readouts_and_the_step() -> None:
    normal = BASE.replace(readout="gaussian")
    assert prediction_seconds_same(BASE) < prediction_seconds_same(normal)
    assert prediction_seconds_same(normal) < prediction_seconds_same(normal.replace(step_exponent=0.5))


def test_it_is_about_right() -> None:
    """Within a factor of ten, of processor time, which other work on the machine does not prolong."""
    start = time.process_time()
    predict(BASE)
    assert 0.1 < (time.process_time() - start) / prediction_seconds_same(BASE) < 10
