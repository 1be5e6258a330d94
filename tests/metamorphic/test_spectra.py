"""Symmetries of the spectra: of the features', and of the gradient matrix's.

The rule for M is coarser there than for the errors. Where a symmetry maps it on itself, everything agrees to 1e-5, the
accuracy that the density has: the recurrence behind the nodes of M loses digits (for relu, h2 and 50 neurons the nodes
of flipped labels lie 1e-6 elsewhere, and so does the edge). Where it does not, edges agree to 1e-3 as long as M matters
little; an edge in M's tail, where less than an eigenvalue is left, is as good as the few nodes there.
"""

from typing import Any

import numpy as np
import pytest

from metamorphic.comparisons import Numbers, answer, assert_same, of_spectrum
from metamorphic.problems import depths, for_all
from metamorphic.transformations import SYMMETRIES, Scales
from polyspike import GradientSpectrum, Problem, gradient_matrix_spectrum, predict

# An empty index adds its measure to those that M's rule is made for: with few nodes, another rule.
SPECTRAL = [name for name in SYMMETRIES if name != "leave the first index empty"]


def spectrum(problem: Problem, scales: Scales) -> Numbers:
    return of_spectrum(predict(problem).spectrum, scales)


@depths(quick=3, deep=40)
@pytest.mark.parametrize("name", SPECTRAL)
def test_spectra_of_the_features(name: str, examples: int) -> None:
    symmetry = SYMMETRIES[name]
    allowed = 1e-5 if symmetry.same_rules else 1e-3

    def check(problem: Problem) -> None:
        own = answer(lambda p: spectrum(p, Scales()), problem)
        other = answer(lambda p: spectrum(p, symmetry.scales), symmetry.change(problem))
        assert_same(other, own, allowed)

    for_all(check, f"{name} spectrum", examples, **symmetry.domain)


def test_nodes_of_negative_weight_were_drawn_to_the_wrong_end() -> None:
    """Flipped labels had their second outlier at 1.578 instead of 1.594."""
    problem = Problem("uncentred relu", "-0.2*h1 - 0.2*h2 - 0.2*h3", 512, 358, 2048, step_size=9.69, ridge=1.0)
    problem = problem.replace(gradient="target", n_gradient=821)
    flipped = SYMMETRIES["flip the labels"].change(problem)
    assert_same(spectrum(flipped, Scales()), spectrum(problem, Scales()), 1e-6)


def test_rounding_does_not_decide_how_many_nodes_there_are() -> None:
    """A recurrence of 36 nodes was rounding at its end; mirrored it had 35, the rule 27, and the edge lay 8e-5 off."""
    problem = Problem("tanh", "h1[0]*h1[1] - 0.5*h1[0]", 200, 140, 50, step_size=200**0.5, ridge=1.0)
    mirrored = SYMMETRIES["mirror the teacher"].change(problem)
    assert_same(spectrum(mirrored, Scales()), spectrum(problem, Scales()), 1e-6)


# What a symmetry does to M: the sign of its eigenvalues, where the residual's changes; and its scale.
MATRIX: dict[str, tuple[float, float]] = {
    "mirror the teacher": (1.0, 1.0),
    "flip the labels": (-1.0, 1.0),
    "mirror the activation": (1.0, 1.0),
    "flip activation and labels": (-1.0, 1.0),
    "scale the labels up": (1.0, 2.5),
    "swap the indices": (1.0, 1.0),
}


def of_matrix(found: GradientSpectrum, sign: float, scale: float) -> Numbers:
    edges = np.sort(sign * np.ravel(found.edges)) / scale
    points = np.linspace(edges[0], edges[-1], 12)[1:-1]
    order = np.argsort([sign * spike.location for spike in found.spikes])
    rows = [(s.location * sign / scale, *s.teacher, s.output, s.beta) for s in found.spikes]
    return {
        "edges": edges,
        "atom": np.array([found.atom, float(found.bounded)]),
        "density": scale * found.density(sign * scale * points),
        "outliers": np.array([rows[i] for i in order]),
    }


def test_flipped_labels_mirror_the_spectrum_of_the_gradient_matrix() -> None:
    problem = Problem("relu", "h1 - 0.7*h2", 300, 100, 200, step_size=1.0, noise=0.5, gradient="target", ridge=0.01)
    own = of_matrix(gradient_matrix_spectrum(problem), 1.0, 1.0)
    flipped = SYMMETRIES["flip the labels"].change(problem)
    assert_same(of_matrix(gradient_matrix_spectrum(flipped), -1.0, 1.0), own, 1e-6)
    with pytest.raises(AssertionError):
        assert_same(of_matrix(gradient_matrix_spectrum(flipped), 1.0, 1.0), own, 1e-2)


@pytest.mark.slow
@pytest.mark.parametrize("name", MATRIX)
def test_spectra_of_the_gradient_matrix(name: str) -> None:
    symmetry = SYMMETRIES[name]

    def check(problem: Problem) -> None:
        own = answer(lambda p: of_matrix(gradient_matrix_spectrum(p), 1.0, 1.0), problem)
        changed = answer(lambda p: of_matrix(gradient_matrix_spectrum(p), *MATRIX[name]), symmetry.change(problem))
        assert_same(changed, own, 1e-6)

    domain: dict[str, Any] = {"noise": 0.5, "teacher_families": ("polynomial", "two indices"), **symmetry.domain}
    if name == "swap the indices":
        domain["teacher_families"] = ("two indices",)
    for_all(check, f"{name} matrix", 12, **domain)
