"""The problems with a covariance on which the theory is held against simulation.

A seeded balanced design like that of design.py: every level of every factor appears equally often (up to one), in an
order shuffled by a fixed seed. It was fixed before any of its problems was simulated or predicted.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from polyspike import Problem

N_PROBLEMS = 60
SHUFFLE, BASE_SEED = 20261128, 31

# (n_samples, input_dim, width): n/N from 1/2 to 4, d/n from 1/8 to 1/2, n from 600 to 4,000.
SIZES = (
    (600, 200, 400),
    (800, 300, 1200),
    (1000, 250, 500),
    (1200, 400, 600),
    (1500, 500, 1000),
    (2000, 400, 1000),
    (600, 300, 900),
    (2400, 300, 600),
    (900, 300, 600),
    (4000, 500, 1000),
)

FACTORS = {
    "activation": ("relu", "tanh", "erf", "gelu", "softplus", "silu"),
    "teacher": ("h1", "h1 + 0.7*h2", "h1 + 0.5*h2 + 0.3*h3", "relu", "tanh"),
    "step_exponent": (0.0, 0.1, 0.2, 0.3, 0.4, 0.5),
    "ridge": (1e-2, 1e-1, 1.0),
    "noise": (0.0, 0.3, 0.5, 1.0),
    "gradient": ("full", "target"),
}
SPECTRA = ("two-level:0.98,1.02,0.5", "two-level:0.3,1.7,0.5", "power:0.5", "spiked:10,1", "power:1")
PLACES = ("random", "top", "low")


def problems() -> list[Problem]:
    """All problems, in the order of the sizes."""
    return balanced(SHUFFLE, N_PROBLEMS, SIZES, {**FACTORS, "spectrum": SPECTRA, "place": PLACES})


def balanced(
    seed: int, count: int, sizes: Sequence[tuple[int, int, int]], levels: Mapping[str, Sequence[object]]
) -> list[Problem]:
    """So many problems in the order of the sizes, every level of every factor equally often, up to one."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.permutation(np.resize(np.arange(len(v)), count)) for name, v in levels.items()}
    return [
        _problem(sizes[row * len(sizes) // count], {name: v[columns[name][row]] for name, v in levels.items()})
        for row in range(count)
    ]


def _problem(sizes: tuple[int, int, int], values: dict[str, object]) -> Problem:
    n_samples, input_dim, width = sizes
    inputs = f"{values.pop('spectrum')}; teacher={_teacher(str(values.pop('place')), input_dim)}"
    return Problem(n_samples=n_samples, input_dim=input_dim, width=width, inputs=inputs, **values)  # type: ignore[arg-type]


def _teacher(place: str, input_dim: int) -> str:
    """Where the teacher looks: along the leading eigendirection, or evenly in the lower half of them."""
    if place != "low":
        return place
    return "weights:" + ",".join("0" if k < input_dim // 2 else "1" for k in range(input_dim))
