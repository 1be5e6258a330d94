"""The problems with a covariance and a teacher of several indices on which the theory is held against simulation.

A seeded balanced design like that of covariance_design.py, over four spectra with an effective dimension of at least
60; fixed before any of its problems was simulated.
"""

from covariance_design import PLACES, balanced

from polyspike import Problem

N_PROBLEMS = 24
SHUFFLE = 20261129

SIZES = ((600, 200, 400), (800, 300, 1000), (1000, 250, 500), (1500, 300, 750))

FACTORS = {
    "activation": ("relu", "tanh", "erf", "gelu"),
    "teacher": (
        "h1[0] + 0.5*h2[1]",
        "h1[0] + 0.7*h1[0]*h1[1]",
        "h1[0] + h1[1] + 0.5*h2[1]",
        "h1[0] + 0.5*h2[1] + 0.5*h1[1]*h1[2]",
        "tanh[0] + tanh[1] + 0.5*h1[0]*h1[1]",
        "relu[0] + h2[1]",
    ),
    "step_exponent": (0.0, 0.2, 0.3, 0.4, 0.45),
    "ridge": (1e-2, 1e-1, 1.0),
    "noise": (0.0, 0.3, 1.0),
    "gradient": ("full", "target"),
}
SPECTRA = ("two-level:0.3,1.7,0.5", "power:0.5", "spiked:4,30", "power:0.3")


def problems() -> list[Problem]:
    """All problems, in the order of the sizes."""
    return balanced(SHUFFLE, N_PROBLEMS, SIZES, {**FACTORS, "spectrum": SPECTRA, "place": PLACES})
