"""The problems on which the uniform theory is held against simulation.

A seeded balanced design, so that no problem was chosen for its agreement: every level of every factor appears equally
often (up to one), in an order shuffled by a fixed seed, over eight size groups. Every problem comes with its twin at
step 0, so that the paired difference from initialisation can be formed on the same draws.
"""

import numpy as np

from polyspike import Problem

N_PROBLEMS = 64

# (n_samples, input_dim, width): n/N and d/n from 1/4 to 4, n from 1,000 to 4,000.
SIZES = (
    (1000, 500, 1000),
    (2000, 500, 1000),
    (1000, 1000, 2000),
    (1000, 250, 4000),
    (2000, 1000, 500),
    (1000, 4000, 1000),
    (1500, 1500, 750),
    (4000, 1000, 2000),
)

FACTORS = {
    "activation": ("relu", "tanh", "erf", "gelu", "softplus", "silu"),
    "teacher": ("h1", "h1 + 0.7*h2", "h1 + 0.5*h2 + 0.3*h3", "relu", "tanh"),
    "step_exponent": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    "ridge": (1e-3, 1e-2, 1e-1, 1.0),
    "noise": (0.0, 0.3, 0.5, 1.0),
    "gradient": ("full", "target"),
}


def problems() -> list[Problem]:
    """The design, in the order of the size groups."""
    rng = np.random.default_rng(20240711)
    columns = {name: rng.permutation(np.resize(np.arange(len(levels)), N_PROBLEMS)) for name, levels in FACTORS.items()}
    design = []
    for row in range(N_PROBLEMS):
        n_samples, input_dim, width = SIZES[row * len(SIZES) // N_PROBLEMS]
        values = {name: FACTORS[name][columns[name][row]] for name in FACTORS}
        design.append(Problem(n_samples=n_samples, input_dim=input_dim, width=width, **values))
    return design


def untrained(problem: Problem) -> Problem:
    """The same problem at step 0."""
    return problem.replace(step_size=0.0)
