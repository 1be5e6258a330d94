"""The problems on which the finite-size theory is held against simulation.

Seeded balanced designs, so that no problem was chosen for its agreement: every level of every factor appears equally
often (up to one), in an order shuffled by a fixed seed, over eight size groups. Every problem comes with its twin at
step 0, so that the paired difference from initialisation can be formed on the same draws.
"""

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Design:
    """A balanced design: the sizes are those of SIZES over ``divisor``.

    Attributes
    ----------
    shuffle : int
        Seed of the order of the levels.
    base_seed : int
        Seed of the draws.
    replicates : tuple of int
        Of each problem: from the spread seen in a pilot of 20, for standard errors
        under 0.5 % where a fixed budget of time allowed.
    """

    shuffle: int
    base_seed: int
    divisor: int
    replicates: tuple[int, ...]
    ridges: tuple[float, ...]

    def problems(self) -> list[Problem]:
        """All problems, in the order of the size groups."""
        rng = np.random.default_rng(self.shuffle)
        factors = {**FACTORS, "ridge": self.ridges}
        columns = {k: rng.permutation(np.resize(np.arange(len(levels)), N_PROBLEMS)) for k, levels in factors.items()}
        design = []
        for group, rows in enumerate(self.groups()):
            n_samples, input_dim, width = (size // self.divisor for size in SIZES[group])
            for row in rows:
                values = {name: levels[columns[name][row]] for name, levels in factors.items()}
                design.append(Problem(n_samples=n_samples, input_dim=input_dim, width=width, **values))
        return design

    def groups(self) -> list[list[int]]:
        """Indices of the problems of each size group."""
        return [[row for row in range(N_PROBLEMS) if row * len(SIZES) // N_PROBLEMS == g] for g in range(len(SIZES))]


MAIN = "main"
# One line a size group.
_REPLICATES = (
    *(180, 40, 440, 70, 90, 40, 40, 240),
    *(40, 40, 40, 40, 40, 50, 90, 150),
    *(200, 40, 80, 100, 40, 40, 60, 60),
    *(70, 60, 100, 100, 40, 70, 40, 40),
    *(80, 40, 110, 80, 40, 50, 60, 50),
    *(250, 150, 70, 40, 80, 340, 360, 80),
    *(80, 80, 160, 40, 80, 70, 120, 130),
    *(50, 36, 40, 36, 36, 36, 80, 40),
)
DESIGNS = {
    MAIN: Design(20240711, 7, 1, _REPLICATES, FACTORS["ridge"]),
    # Small and down to vanishing ridges: what the error estimates of the theory are calibrated on, and checked on.
    "calibration": Design(1, 8, 4, (250,) * N_PROBLEMS, (1e-6, 1e-5, 1e-4, *FACTORS["ridge"])),
    "validation": Design(2, 9, 4, (250,) * N_PROBLEMS, (1e-6, 1e-5, 1e-4, *FACTORS["ridge"])),
}


def problems() -> list[Problem]:
    """The main design."""
    return DESIGNS[MAIN].problems()


def untrained(problem: Problem) -> Problem:
    """The same problem at step 0."""
    return problem.replace(step_size=0.0)
