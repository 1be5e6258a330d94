"""Inputs of other laws against Gaussian ones of the same covariance, seed by seed: networks do not tell them apart.

The labels see a direction that is spread over all coordinates. What is left at finite size is of order one over d times
the excess kurtosis of a coordinate, by which the norm of a sample scatters more or less than that of a Gaussian one.
"""

import numpy as np
import pytest

from polyspike import PairedDifference, Problem, simulate

EXCESS = {"rademacher": -2.0, "uniform": -1.2, "student:5": 6.0, "sphere": -2.0}
"""``E g^4 - 3``; of the sphere that which leaves no scatter of the norm."""

SPECTRA = ["two-level:0.9,1.1,0.5", "power:0.5"]
"""Not isotropic ones, where the Gaussian teacher is the first coordinate and nothing would be paired."""
FIELDS = ("train_error", "test_error")
REPLICATES, Z = 24, 4.0
BASE = Problem("relu", "h1 + 0.5*h2", n_samples=800, input_dim=200, width=400, step_exponent=0.3)


def differences(base: Problem, laws: list[str]) -> dict[str, PairedDifference]:
    """Every law less the Gaussian one, on the same seeds."""
    problems = [
        base.replace(inputs=f"{base.inputs.spectrum}; teacher={base.inputs.teacher}; law={law}") for law in laws
    ]
    runs = [simulate([base, *problems], seed=(7, k), n_test=8000) for k in range(REPLICATES)]
    plain, *others = zip(*runs, strict=True)
    return {law: PairedDifference.of(other, plain) for law, other in zip(laws, others, strict=True)}


def excess(base: Problem, law: str, found: PairedDifference, name: str) -> float:
    """The difference less its finite-size term, ``|E g^4 - 3| / d_eff`` of ``E y^2``, in standard errors."""
    estimate = getattr(found, name)
    term = abs(EXCESS[law]) / base.inputs.effective_dimension(base.input_dim) * base.label_second_moment
    print(f"{base.inputs} {law:10s} {name:11s} {estimate.mean:+.4f} +- {estimate.standard_error:.4f}  term {term:.4f}")
    return float(max(abs(estimate.mean) - term, 0.0) / estimate.standard_error)


@pytest.mark.slow
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_a_spread_direction_sees_no_law(spectrum: str) -> None:
    base = BASE.replace(inputs=spectrum)
    found = differences(base, list(EXCESS))
    far = {(law, name): excess(base, law, d, name) for law, d in found.items() for name in FIELDS}
    assert all(z < Z for z in far.values()), far


@pytest.mark.slow
def test_a_single_coordinate_does() -> None:
    """With beta* along one axis random signs leave a quadratic teacher nothing to learn: the test must see it."""
    base = BASE.replace(inputs="power:0.5; teacher=top", teacher="h1 + h2")
    found = differences(base, ["rademacher"])["rademacher"]
    assert excess(base, "rademacher", found, "test_error") > Z
    assert np.sign(found.test_error.mean) < 0
