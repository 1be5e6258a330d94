"""polyspike: what one gradient step teaches a two-layer network.

Theory and simulation are two independent roads from one :class:`Problem`: ``predict(problem)`` and
``simulate(problem, seed)``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from polyspike._version import __version__
from polyspike.data_predictions import DataGrid, DataPrediction
from polyspike.errors import (
    ArgumentError,
    DoesNotFitError,
    MissingPackageError,
    NumericalError,
    PolyspikeError,
    UnreadableError,
)
from polyspike.problem import ACTIVATIONS, Activation, Inputs, Problem, Teacher, as_activation, as_teacher
from polyspike.problem.report import ActivationReport, activation_report
from polyspike.results import (
    Alignment,
    Derivatives,
    EdgePrediction,
    Equivalence,
    EquivalencePoint,
    Estimate,
    FailedPrediction,
    Measurement,
    Optimum,
    Prediction,
    Slopes,
)
from polyspike.spectra import GradientSpectrum, GradientSpike, LocalisedOutliers, Spectrum, Spike, TrainingSpike
from polyspike.status import Status

if TYPE_CHECKING:
    from polyspike.experiments.compare import Comparison as Comparison
    from polyspike.experiments.compare import compare as compare
    from polyspike.experiments.compare import compare_differences as compare_differences
    from polyspike.experiments.compare import disagreements as disagreements
    from polyspike.experiments.phase import PhaseMap as PhaseMap
    from polyspike.experiments.phase import phase_map as phase_map
    from polyspike.experiments.replicate import PairedDifference as PairedDifference
    from polyspike.experiments.replicate import Replication as Replication
    from polyspike.experiments.replicate import paired_difference as paired_difference
    from polyspike.experiments.replicate import paired_differences as paired_differences
    from polyspike.experiments.replicate import replicate as replicate
    from polyspike.experiments.sample_reuse import Protocol as Protocol
    from polyspike.experiments.sample_reuse import SampleReuse as SampleReuse
    from polyspike.experiments.sample_reuse import sample_reuse as sample_reuse
    from polyspike.experiments.statistics import z_threshold as z_threshold
    from polyspike.experiments.sweep.run import SweepInterrupted as SweepInterrupted
    from polyspike.experiments.sweep.run import SweepResult as SweepResult
    from polyspike.experiments.sweep.run import sweep as sweep
    from polyspike.experiments.sweep.store import Store as Store
    from polyspike.experiments.table import table as table
    from polyspike.simulation.data_draw import simulate_data as simulate_data
    from polyspike.simulation.equivalence import equivalence as equivalence
    from polyspike.simulation.leave_one_out import LeaveOneOut as LeaveOneOut
    from polyspike.simulation.leave_one_out import leave_one_out as leave_one_out
    from polyspike.simulation.simulate import simulate as simulate
    from polyspike.theory.derivatives import derivatives as derivatives
    from polyspike.theory.finite_size.gradient_matrix.spectrum import (
        gradient_matrix_spectrum as gradient_matrix_spectrum,
    )
    from polyspike.theory.on_data.predict import predict_data as predict_data
    from polyspike.theory.on_data.predict import predict_data_grid as predict_data_grid
    from polyspike.theory.optimum import best_ridge as best_ridge
    from polyspike.theory.optimum import best_step as best_step
    from polyspike.theory.optimum import best_step_and_ridge as best_step_and_ridge
    from polyspike.theory.predict import predict as predict

# Names that are loaded when first used, so that `import polyspike` stays quick.
_LAZY: dict[str, str] = {
    "Comparison": "polyspike.experiments.compare",
    "compare": "polyspike.experiments.compare",
    "compare_differences": "polyspike.experiments.compare",
    "disagreements": "polyspike.experiments.compare",
    "PhaseMap": "polyspike.experiments.phase",
    "phase_map": "polyspike.experiments.phase",
    "PairedDifference": "polyspike.experiments.replicate",
    "Replication": "polyspike.experiments.replicate",
    "paired_difference": "polyspike.experiments.replicate",
    "paired_differences": "polyspike.experiments.replicate",
    "replicate": "polyspike.experiments.replicate",
    "Protocol": "polyspike.experiments.sample_reuse",
    "SampleReuse": "polyspike.experiments.sample_reuse",
    "sample_reuse": "polyspike.experiments.sample_reuse",
    "z_threshold": "polyspike.experiments.statistics",
    "Store": "polyspike.experiments.sweep.store",
    "SweepInterrupted": "polyspike.experiments.sweep.run",
    "SweepResult": "polyspike.experiments.sweep.run",
    "sweep": "polyspike.experiments.sweep.run",
    "table": "polyspike.experiments.table",
    "equivalence": "polyspike.simulation.equivalence",
    "LeaveOneOut": "polyspike.simulation.leave_one_out",
    "leave_one_out": "polyspike.simulation",
    "simulate": "polyspike.simulation",
    "simulate_data": "polyspike.simulation",
    "predict": "polyspike.theory",
    "predict_data": "polyspike.theory",
    "predict_data_grid": "polyspike.theory",
    "derivatives": "polyspike.theory",
    "gradient_matrix_spectrum": "polyspike.theory",
    "best_ridge": "polyspike.theory",
    "best_step": "polyspike.theory",
    "best_step_and_ridge": "polyspike.theory",
}

_ROOMS = ("data", "experiments", "plot", "problem", "simulation", "theory")
"""Packages whose names are reached as ``polyspike.data.load``, loaded when first used."""

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "ActivationReport",
    "Alignment",
    "ArgumentError",
    "Comparison",
    "DataGrid",
    "DataPrediction",
    "Derivatives",
    "DoesNotFitError",
    "EdgePrediction",
    "Equivalence",
    "EquivalencePoint",
    "Estimate",
    "FailedPrediction",
    "GradientSpectrum",
    "GradientSpike",
    "Inputs",
    "LeaveOneOut",
    "LocalisedOutliers",
    "Measurement",
    "MissingPackageError",
    "NumericalError",
    "Optimum",
    "PairedDifference",
    "PhaseMap",
    "PolyspikeError",
    "Prediction",
    "Problem",
    "Protocol",
    "Replication",
    "SampleReuse",
    "Slopes",
    "Spectrum",
    "Spike",
    "Status",
    "Store",
    "SweepInterrupted",
    "SweepResult",
    "Teacher",
    "TrainingSpike",
    "UnreadableError",
    "__version__",
    "activation_report",
    "as_activation",
    "as_teacher",
    "best_ridge",
    "best_step",
    "best_step_and_ridge",
    "compare",
    "compare_differences",
    "derivatives",
    "disagreements",
    "equivalence",
    "gradient_matrix_spectrum",
    "leave_one_out",
    "paired_difference",
    "paired_differences",
    "phase_map",
    "predict",
    "predict_data",
    "predict_data_grid",
    "replicate",
    "sample_reuse",
    "simulate",
    "simulate_data",
    "sweep",
    "table",
    "z_threshold",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(_LAZY[name]), name)
    elif name in _ROOMS:
        value = import_module(f"polyspike.{name}")
    else:
        raise AttributeError(f"module 'polyspike' has no attribute {name!r}")
    globals()[name] = value  # the next look finds it without this function
    return value


def __dir__() -> list[str]:
    """Every public name, loaded or not: what an interpreter completes."""
    return sorted({*__all__, *_ROOMS, *(name for name in globals() if name.startswith("__"))})
