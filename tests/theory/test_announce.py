"""Long predictions are announced by the logging of the standard library; short ones are silent."""

import logging
import subprocess
import sys
from importlib import import_module

import pytest

import polyspike as ps
from polyspike.status import Status
from polyspike.theory import announce as module
from polyspike.theory import long_work
from polyspike.theory.announce import LONG, VERY_LONG, announce, seconds_of

BASE = ps.Problem("tanh", "h1 + 0.7*h2", 400, 100, 200, step_exponent=0.2)


def told(caplog: pytest.LogCaptureFixture, seconds: float, problems: list[ps.Problem]) -> list[tuple[int, str]]:
    """What is logged where one prediction takes so many seconds."""
    caplog.clear()
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.INFO, logger="polyspike"):
        patch.setattr(module, "prediction_seconds", lambda _: seconds)
        announce(problems)
    return [(record.levelno, record.getMessage()) for record in caplog.records]


def test_the_level_says_how_long(caplog: pytest.LogCaptureFixture) -> None:
    assert told(caplog, 0.99 * LONG, [BASE]) == []
    assert told(caplog, 3.0, [BASE]) == [(logging.INFO, "about 3 s for a prediction")]
    assert told(caplog, VERY_LONG, [BASE]) == [(logging.WARNING, "about 10 s for a prediction")]


def test_many_are_told_together_and_a_further_ridge_counts_half(caplog: pytest.LogCaptureFixture) -> None:
    ridges = [BASE.replace(ridge=ridge) for ridge in (0.1, 0.2, 0.4)]
    assert told(caplog, 0.2, ridges) == []
    assert told(caplog, 0.2, 3 * [BASE]) == []
    noises = [problem.replace(noise=noise) for problem in ridges for noise in (0.1, 0.3)]
    assert told(caplog, 0.2, noises) == [(logging.INFO, "about 0.8 s for 6 predictions")]
    assert told(caplog, 1.5, []) == []


def test_of_very_many_a_sample_is_counted(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    counted: list[ps.Problem] = []

    def count(problem: ps.Problem) -> float:
        counted.append(problem)
        return 0.05

    monkeypatch.setattr(module, "prediction_seconds", count)
    with caplog.at_level(logging.INFO, logger="polyspike"):
        announce([BASE.replace(noise=0.001 * k) for k in range(500)])
    assert len(counted) == 16
    assert caplog.messages == ["about 25 s for 500 predictions"]


def test_predict_announces_by_the_true_count(caplog: pytest.LogCaptureFixture) -> None:
    """Seventy averages over a small gradient's sample are long, twice the same problem is not."""
    few = [BASE.replace(n_gradient=100, noise=0.01 * k) for k in range(70)]
    with caplog.at_level(logging.INFO, logger="polyspike"), pytest.MonkeyPatch.context() as patch:
        theories = import_module("polyspike.theory.predict")._THEORIES
        unsolved = ps.FailedPrediction(BASE, "finite-size", Status.NOT_CONVERGED, "not tried")
        patch.setitem(theories, "isotropic", (None, lambda problems: [unsolved] * len(problems)))
        ps.predict([few[0], few[0]])
        assert caplog.messages == []
        ps.predict(few)
    [message] = caplog.messages
    assert message.endswith(" s for 70 predictions")


def test_what_is_refused_has_no_time(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="polyspike"):
        announce([BASE.replace(activation="uncentred relu"), BASE.replace(noise=1e200)])
    assert caplog.messages == []


def test_a_limit_is_not_announced(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "prediction_seconds", lambda _: 50.0)
    ps.predict(BASE, method="window")
    assert caplog.messages == []
    ps.predict(BASE)
    assert caplog.messages == ["about 50 s for a prediction"]


def test_python_shows_a_very_long_one_and_nothing_else() -> None:
    code = """
import polyspike as ps
from polyspike.theory import announce
problem = ps.Problem("tanh", "h1", 400, 100, 200, step_exponent=0.2)
for seconds in (1.0, 5.0, 30.0):
    announce.prediction_seconds = lambda _: seconds
    ps.predict(problem)
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "about 30 s for a prediction\n"


@pytest.mark.parametrize(
    ("readout", "said"), [("gaussian", ["about 2 s for a spectrum"]), ("constant", ["about 0.6 s for a spectrum"])]
)
def test_a_spectrum_of_reused_samples_is_announced(
    readout: str, said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="polyspike"):
        module.announce_spectrum(BASE.replace(samples="same", readout=readout))
    assert [record.getMessage() for record in caplog.records] == said


def late(caplog: pytest.LogCaptureFixture, problem: ps.Problem, seconds: float) -> list[str]:
    """What is logged of a prediction whose every look at the clock finds so many seconds gone by."""
    ticks = iter(range(10**9))
    caplog.clear()
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.INFO, logger="polyspike"):
        patch.setattr(long_work, "thread_time", lambda: seconds * next(ticks))
        ps.predict(problem)
    return caplog.messages


@pytest.mark.parametrize(
    "problem",
    [
        BASE,
        BASE.replace(activation="relu"),
        BASE.replace(samples="same", n_samples=100, input_dim=30, width=60),
        BASE.replace(inputs="power:0.5"),
    ],
    ids=["fresh", "kinked", "same", "covariance"],
)
def test_a_late_prediction_says_so_once(caplog: pytest.LogCaptureFixture, problem: ps.Problem) -> None:
    """An estimate may be short; whatever theory it is, nobody waits without a word."""
    assert late(caplog, problem, 0.0) == []
    assert late(caplog, problem, 1.1 * long_work.LATE) == ["longer than was estimated: 1.1 s so far"]


def test_what_was_announced_is_not_late(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "prediction_seconds", lambda _: 5.0)
    assert late(caplog, BASE, 3.0) == ["about 5 s for a prediction"]


def test_the_clock_is_of_one_call(caplog: pytest.LogCaptureFixture) -> None:
    """Outside of a call nothing is late, and a call that was late does not silence the next."""
    problem = BASE.replace(activation="relu")
    assert len(late(caplog, problem, 2.0)) == len(late(caplog, problem, 2.0)) == 1
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="polyspike"):
        long_work.check_clock()
    assert caplog.messages == []


@pytest.mark.parametrize("inputs", ["isotropic", "power:0.5"])
def test_few_samples_of_the_gradient_are_averaged_over_and_take_longer(inputs: str) -> None:
    problem = BASE.replace(inputs=inputs, n_samples=800)
    few = seconds_of([problem.replace(n_gradient=100)])
    assert few > 5 * seconds_of([problem.replace(n_gradient=5000)])
    ridges = [problem.replace(n_gradient=100, ridge=ridge) for ridge in (0.1, 0.2, 0.4, 0.8, 1.6)]
    assert seconds_of(ridges) == pytest.approx(3 * few)
