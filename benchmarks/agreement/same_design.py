"""The problems on which the theory of one sample for both stages is held against simulation.

A seeded balanced design like that of design.py, fixed before any of its problems was predicted: six problems for each
of eight sizes, n/N and d/n from 1/4 to 4. Every problem comes with its twin whose ridge regression has a fresh sample,
on the same draws, so that the paired difference can be formed. A constant readout comes with the target-only gradient.
"""

import numpy as np

from polyspike import Problem

BASE_SEED = 31
N_PROBLEMS = 48

# (n_samples, input_dim, width) and the draws of each problem of that size.
SIZES = (
    (600, 300, 600),
    (1200, 300, 600),
    (600, 600, 1200),
    (600, 150, 2400),
    (1200, 600, 300),
    (400, 1600, 400),
    (800, 800, 400),
    (1600, 400, 800),
)
REPLICATES = (40, 24, 24, 24, 32, 40, 40, 20)

FACTORS = {
    "activation": ("relu", "tanh", "erf", "gelu", "softplus", "sin"),
    "teacher": ("h1", "h1 + 0.5*h2", "-0.8*h1 + 0.5*h3", "h1 + 0.5*h2 + 0.3*h3", "-1*h1 + 0.4*h2", "tanh"),
    "step_exponent": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    "ridge": (1e-3, 1e-2, 1e-1, 1.0),
    "noise": (0.0, 0.3, 0.5, 1.0),
    "gradient": ("full", "target"),
    "readout": ("gaussian", "rademacher", "constant"),
}
_SHUFFLE = 20261128


def problems() -> list[Problem]:
    """All problems, six of each size in its turn."""
    rng = np.random.default_rng(_SHUFFLE)
    columns = {name: rng.permutation(np.resize(np.arange(len(levels)), N_PROBLEMS)) for name, levels in FACTORS.items()}
    found = []
    for row in range(N_PROBLEMS):
        n_samples, input_dim, width = SIZES[group_of(row)]
        values = {name: levels[columns[name][row]] for name, levels in FACTORS.items()}
        if values["readout"] == "constant":
            values["gradient"] = "target"
        sizes = {"n_samples": n_samples, "input_dim": input_dim, "width": width}
        found.append(Problem(**sizes, **values, samples="same"))
    return found


def group_of(row: int) -> int:
    """The place of a problem's sizes."""
    return row * len(SIZES) // N_PROBLEMS


def fresh(problem: Problem) -> Problem:
    """Its twin with a sample of its own for the ridge regression."""
    return problem.replace(samples="fresh")
