"""Tests mirror the source file by file; exceptions are listed with their reasons."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE, TESTS = ROOT / "src" / "polyspike", ROOT / "tests"
ROOMS = ("data", "experiments", "plot", "problem", "simulation", "theory")
"""Rooms with a mirror. Leaves are tested by what they say of results, commands and pages by what a user sees."""

ELSEWHERE = {
    # A text file is read in one go, so that its faults are told together: by the one call that users have.
    "data/column.py": "data/test_tables.py",
    "data/options.py": "data/test_tables.py",
    "data/table.py": "data/test_tables.py",
    "data/text.py": "data/test_tables.py",
    # Parts of a sweep, which is killed, crowded and starved as a whole.
    "experiments/sweep/database.py": "experiments/sweep/test_store.py",
    "experiments/sweep/dispatch.py": "experiments/test_cluster.py",
    "experiments/sweep/progress.py": "experiments/sweep/test_run.py",
    "experiments/sweep/tables.py": "experiments/sweep/test_store.py",
    "experiments/sweep/tasks.py": "experiments/sweep/test_run.py",
    "experiments/reproduce/runner.py": "experiments/reproduce/test_jobs.py",
    # The formulas of the one call that users have, each held to the refit without a sample.
    "simulation/left_out.py": "simulation/test_leave_one_out.py",
    # Tables that are tested by their columns, whatever made them.
    "experiments/curves.py": "experiments/test_table.py",
    "plot/profiles.py": "plot/test_alignment.py",
    # Two storages of one run: every number is that of the run that holds everything.
    "simulation/over_neurons.py": "simulation/test_streaming.py",
    "simulation/over_samples.py": "simulation/test_streaming.py",
    "simulation/arrays.py": "simulation/test_devices.py",
    # The same search and the same slopes for every theory.
    "theory/solvers.py": "theory/test_optimum.py",
    # What is said of long work, by whoever says it.
    "theory/long_work.py": "theory/test_announce.py",
    # Averages over one sample's features, smooth and kinked, held to drawn pre-activations through one call.
    "theory/same_samples/convolved.py": "theory/same_samples/test_features.py",
    "theory/same_samples/kinked.py": "theory/same_samples/test_features.py",
    "theory/same_samples/step_numbers.py": "theory/same_samples/test_features.py",
    "theory/same_samples/hessian.py": "theory/same_samples/test_pencil.py",
    "theory/same_samples/potential.py": "theory/same_samples/test_pencil.py",
    "theory/same_samples/sample_state.py": "theory/same_samples/test_pencil.py",
    "theory/finite_size/derivatives.py": "theory/test_derivatives.py",
    # Stages of one derivation: each is held to a limit, a simulation or its own derivative, through the next one.
    "theory/finite_size/bulk/assemble.py": "theory/finite_size/test_derivations.py",
    "theory/finite_size/bulk/known_directions.py": "theory/finite_size/test_derivations.py",
    "theory/finite_size/given_kappa/norm_fluctuations.py": "theory/finite_size/test_derivations.py",
    "theory/finite_size/gradient_matrix/rules.py": "theory/finite_size/test_refinement.py",
    "theory/finite_size/localised/at_level.py": "theory/finite_size/localised/test_neurons.py",
    "theory/finite_size/spectrum/branches.py": "theory/finite_size/spectrum/test_predict_spectrum.py",
    "theory/finite_size/spectrum/density.py": "theory/finite_size/spectrum/test_predict_spectrum.py",
    "theory/finite_size/spectrum/spectral_model.py": "theory/finite_size/spectrum/test_outliers.py",
    "theory/same_samples/spectrum/branch.py": "theory/same_samples/spectrum/test_outliers.py",
    # The walk along the real axis of every bulk with more unknowns than R and zeta, held by the spectra it makes.
    "theory/bulk_support/density.py": "theory/same_samples/spectrum/test_predict_spectrum.py",
    "theory/bulk_support/point.py": "theory/same_samples/spectrum/test_outliers.py",
    "theory/bulk_support/roots.py": "theory/same_samples/spectrum/test_outliers.py",
    "theory/bulk_support/support.py": "theory/same_samples/spectrum/test_predict_spectrum.py",
    "theory/finite_size/spikes/errors.py": "theory/finite_size/bulk/test_finite_dimension.py",
    "theory/finite_size/spikes/learned_functions.py": "theory/finite_size/test_derivations.py",
    "theory/finite_size/spikes/linear_directions.py": "theory/finite_size/spikes/test_quadratic_directions.py",
}
"""Modules whose tests stand in another file, and that file."""

STAGES = {
    "theory/covariance": (
        "test_predict.py",
        "derivatives ensemble errors features model norm_response solution state",
    ),
    "theory/on_data": (
        "test_kernels.py",
        (
            "curve errors excluded family features gradient_rows hermite_moments initial_output points "
            "predict_spectrum readouts resolvent response series sizes step"
        ),
    ),
    "theory/same_samples": ("test_predict.py", "ensemble fit form_terms fresh_law"),
}
"""Of each of these derivations the stages that have no test file of their own, and the one through which they are held.

Their equations are long and have no meaning by themselves: a wrong term shows in the errors, which stand against
simulated networks, limits and symmetries. A new stage has its own file or is added here.
"""

ELSEWHERE |= {f"{room}/{name}.py": f"{room}/{file}" for room, (file, names) in STAGES.items() for name in names.split()}

OF_NO_FILE = {
    "experiments/test_cluster.py": "the same sweep on a Dask cluster",
    "experiments/test_faults.py": "what a sweep survives",
    "simulation/test_precondition.py": "the preconditioned step on every path of a simulation",
    "simulation/test_overlap.py": "samples that are the same in part on every path of a simulation",
    "simulation/test_same_samples.py": "one sample for both stages on every path of a simulation",
    "simulation/test_streaming.py": "streamed runs are the runs that hold everything",
    "theory/covariance/test_covariance_symmetries.py": "what leaves the law of a problem unchanged",
    "theory/covariance/test_isotropic_limit.py": "the theory for a covariance where that is the identity",
    "theory/finite_size/test_derivations.py": "steps of the derivation against simulated networks",
    "theory/finite_size/test_hard_problems.py": "problems on which the theory once failed",
    "theory/finite_size/test_refinement.py": "every numerical ingredient refined alone",
    "theory/finite_size/test_special_cases.py": "cases that are known in closed form",
    "theory/on_data/test_agreement.py": "the mean over networks at fixed rows",
    "theory/on_data/test_kernels.py": "stages of the theory on data against closed forms and sampled neurons",
    "theory/on_data/test_symmetries.py": "what must not change a prediction on data",
}
"""Test files of no single module, and what they are of."""


def paths(root: Path, pattern: str) -> list[str]:
    """The files of the rooms, relative to the root; those that begin with an underscore aside."""
    found = (path for room in ROOMS for path in (root / room).rglob(pattern))
    return sorted(path.relative_to(root).as_posix() for path in found if path.name[0] != "_")


MODULES, FILES = paths(SOURCE, "*.py"), paths(TESTS, "test_*.py")


def mirror(module: str) -> str:
    """The test file that belongs to a module."""
    folder, _, name = module.rpartition("/")
    return f"{folder}/test_{name}"


def test_the_files_were_found() -> None:
    assert len(MODULES) > 100
    assert len(FILES) > 80


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_tests(module: str) -> None:
    expected = ELSEWHERE.get(module, mirror(module))
    assert (TESTS / expected).is_file(), f"write tests/{expected}"
    assert module not in ELSEWHERE or not (TESTS / mirror(module)).exists(), "it has its own tests now"


@pytest.mark.parametrize("file", FILES)
def test_a_test_file_has_its_module(file: str) -> None:
    known = {mirror(module) for module in MODULES}
    assert (file in known) != (file in OF_NO_FILE), f"tests/{file} mirrors no module"


def test_the_exceptions_exist() -> None:
    assert set(ELSEWHERE) <= set(MODULES)
    assert set(OF_NO_FILE) <= set(FILES)


def test_a_missing_test_file_would_be_found() -> None:
    assert mirror("theory/finite_size/solve.py") == "theory/finite_size/test_solve.py"
    assert mirror("theory/finite_size/nothing.py") not in FILES
