"""Long predictions say so before they begin, by the ``logging`` of the standard library.

The logger is ``polyspike.theory.announce``. What takes over half a second is told at the level INFO, over ten seconds
at WARNING, which Python shows on stderr unless told otherwise. Most predictions take hundredths of a second.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields

from polyspike.errors import PolyspikeError
from polyspike.problem import Problem
from polyspike.theory.finite_size.cost import prediction_seconds
from polyspike.theory.finite_size.double_precision import check_magnitudes, within_double_precision
from polyspike.theory.long_work import LONG, VERY_LONG, log, tell
from polyspike.theory.same_samples.cost import prediction_seconds_same, spectrum_seconds_same
from polyspike.theory.scope import theory_of

__all__ = ["LONG", "VERY_LONG", "announce", "announce_spectrum", "log"]

_MOST_COUNTED = 16
# Seconds of a prediction by the theory whose operations are not counted; of a spectrum, with readouts of one size and
# with normal ones.
_TYPICAL = {"covariance": 0.2}
_OF_A_SPECTRUM, _WITH_NORMAL_READOUTS = 0.6, 2.0
_ALL_BUT_RIDGE = tuple(field.name for field in fields(Problem) if field.name != "ridge")


def announce(problems: Sequence[Problem]) -> None:
    """Log how long finite-size predictions of these problems take together, if that is long.

    Problems that differ in the ridge alone count once, and of many problems a sample is counted.
    """
    distinct = list({tuple(getattr(p, name) for name in _ALL_BUT_RIDGE): p for p in problems}.values())
    counted = distinct[:: -(-len(distinct) // _MOST_COUNTED) or 1]
    seconds = sum(map(_seconds, counted)) * len(distinct) / max(len(counted), 1)
    tell(seconds, "about %s for " + ("a prediction" if len(problems) == 1 else f"{len(problems)} predictions"))


def announce_spectrum(problem: Problem) -> None:
    """Log how long the spectrum of reused samples, or of inputs with a covariance, takes, if that is long."""
    if theory_of(problem) == "covariance":
        seconds = _WITH_NORMAL_READOUTS if problem.readout == "gaussian" else _OF_A_SPECTRUM
    else:
        seconds = spectrum_seconds_same(problem)
    tell(seconds, "about %s for a spectrum")


def _seconds(problem: Problem) -> float:
    """The time of one prediction; none where it is refused at once."""
    theory = theory_of(problem)
    if theory in _TYPICAL:
        return _TYPICAL[theory]
    with suppress(PolyspikeError), within_double_precision():
        check_magnitudes(problem)
        return prediction_seconds_same(problem) if theory == "same" else prediction_seconds(problem)
    return 0.0
