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
from polyspike.theory.finite_size.gradient_sample import weighted_samples
from polyspike.theory.long_work import LONG, VERY_LONG, log, tell
from polyspike.theory.same_samples.cost import prediction_seconds_same, spectrum_seconds_same
from polyspike.theory.scope import theory_of

__all__ = ["LONG", "VERY_LONG", "announce", "announce_spectrum", "log", "seconds_of", "spectrum_seconds"]

_MOST_COUNTED = 16
# Seconds of a node of the average over the gradient's sample with a covariance, whose operations are not counted; of a
# spectrum, with readouts of one size and with normal ones.
_NODE_OF_COVARIANCE = 0.016
_OF_A_SPECTRUM, _WITH_NORMAL_READOUTS, _SPECTRUM_OF_ISOTROPIC = 0.6, 2.0, 0.2
# Of a prediction, that with one more ridge.
_OF_A_RIDGE = 0.5
_ALL_BUT_RIDGE = tuple(field.name for field in fields(Problem) if field.name != "ridge")


def announce(problems: Sequence[Problem]) -> None:
    """Log how long finite-size predictions of these problems take together, if that is long."""
    tell(
        seconds_of(problems),
        "about %s for " + ("a prediction" if len(problems) == 1 else f"{len(problems)} predictions"),
    )


def seconds_of(problems: Sequence[Problem]) -> float:
    """An estimate of the time of all predictions together, within a factor of four.

    Of problems that differ in the ridge alone one counts in full, and of many problems a sample is counted.
    """
    families: dict[tuple[object, ...], list[Problem]] = {}
    for problem in problems:
        families.setdefault(tuple(getattr(problem, name) for name in _ALL_BUT_RIDGE), []).append(problem)
    whole = list(families.values())
    counted = whole[:: -(-len(whole) // _MOST_COUNTED) or 1]
    seconds = sum(_seconds(family[0]) * (1 + _OF_A_RIDGE * (len(set(family)) - 1)) for family in counted)
    return seconds * len(whole) / max(len(counted), 1)


def announce_spectrum(problem: Problem) -> None:
    """Log how long the spectrum of reused samples, or of inputs with a covariance, takes, if that is long."""
    tell(spectrum_seconds(problem), "about %s for a spectrum")


def spectrum_seconds(problem: Problem) -> float:
    """An estimate of the time of a spectrum, within a factor of four."""
    theory = theory_of(problem)
    if theory == "same":
        return spectrum_seconds_same(problem)
    return _SPECTRUM_OF_ISOTROPIC if theory == "isotropic" else _of_covariance(problem)


def _of_covariance(problem: Problem) -> float:
    return _WITH_NORMAL_READOUTS if problem.readout == "gaussian" else _OF_A_SPECTRUM


def _seconds(problem: Problem) -> float:
    """The time of one prediction; none where it is refused at once."""
    theory = theory_of(problem)
    with suppress(PolyspikeError), within_double_precision():
        check_magnitudes(problem)
        if theory == "covariance":
            plain = problem.step > 0 and problem.precondition is None
            return _NODE_OF_COVARIANCE * (len(weighted_samples(problem)) if plain else 1)
        return prediction_seconds_same(problem) if theory == "same" else prediction_seconds(problem)
    return 0.0
