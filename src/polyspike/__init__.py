"""polyspike: what one gradient step teaches a two-layer network.

Theory and simulation are two independent roads from one :class:`Problem`: ``predict(problem)`` and
``simulate(problem, seed)``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from polyspike._version import __version__
from polyspike.errors import ArgumentError, DoesNotFitError, NumericalError, PolyspikeError, UnreadableError
from polyspike.problem import ACTIVATIONS, Activation, Problem, Teacher, as_activation, as_teacher
from polyspike.results import Alignment, EdgePrediction, Estimate, Measurement, Prediction, Spectrum, Spike
from polyspike.status import Status

if TYPE_CHECKING:
    from polyspike.simulation import simulate as simulate
    from polyspike.simulation import simulate_many as simulate_many

# Names that are loaded when first used, so that `import polyspike` stays quick.
_LAZY: dict[str, str] = {
    "simulate": "polyspike.simulation",
    "simulate_many": "polyspike.simulation",
}

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Alignment",
    "ArgumentError",
    "DoesNotFitError",
    "EdgePrediction",
    "Estimate",
    "Measurement",
    "NumericalError",
    "PolyspikeError",
    "Prediction",
    "Problem",
    "Spectrum",
    "Spike",
    "Status",
    "Teacher",
    "UnreadableError",
    "__version__",
    "as_activation",
    "as_teacher",
    "simulate",
    "simulate_many",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'polyspike' has no attribute {name!r}")
