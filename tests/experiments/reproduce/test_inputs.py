"""The part of the inputs, at a small size."""

import numpy as np

from experiments.reproduce.parts import finish
from polyspike.cli.figures import FIGURES
from polyspike.experiments.reproduce import Options, inputs
from polyspike.experiments.reproduce.claims import HOLDS

PROBLEM = inputs.problem_of(Options()).replace(n_samples=400, input_dim=100, width=80)


def test_inputs_part() -> None:
    theory = [inputs.run_theory(PROBLEM, name, inputs.JUDGED_EXPONENTS) for name in inputs.SPECTRA]
    rows = [
        *theory,
        inputs.run_cosine_theory(PROBLEM),
        *(inputs.run(PROBLEM, k, inputs.JUDGED_EXPONENTS) for k in range(2)),
    ]
    tables, claims = finish(inputs.INPUTS, rows)
    assert len(claims) == 14
    assert len(set(tables["inputs_theory"]["test_error"])) == len(inputs.SPECTRA) * len(inputs.JUDGED_EXPONENTS)
    cosines = tables["inputs_cosine_theory"]
    assert cosines["n_gradient"].tolist() == [100, 200, 400, 800, 1600]
    assert np.all(np.diff(cosines["cosine"]) > 0)
    assert np.all(cosines["lean"] > cosines["cosine"])
    assert len(FIGURES["inputs"](tables).axes) == 2


def test_the_comparisons_of_cosines_are_paired_by_seed() -> None:
    draws = {"ratio": np.full(4, inputs.CLEAREST), "seed": np.arange(4.0), "cosine": np.array([0.1, 0.5, 0.2, 0.7])}
    draws |= {"lean": draws["cosine"] + 0.1, "preconditioned": draws["cosine"] - 0.1}
    lean, gain = inputs._comparisons(draws)
    assert np.allclose([lean.measured, gain.measured], [0.1, -0.1])
    assert lean.standard_error < 1e-12
    assert lean.verdict == HOLDS != gain.verdict
