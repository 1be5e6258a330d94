"""The problems on which predicted and simulated outliers are counted.

The 64 problems of the table (design.py), and a wide random set, fixed by its seed before any of it was simulated or
predicted: ten activations, polynomials among them, six teachers, the three readouts, both gradients,
N/n and d/n from 1/5 to 5, gradient samples from n/2 to 2 n, step exponents from 0 to 1/2.

In the wide set single samples of the gradient and single neurons make eigenvalues of their own where the activation is
a polynomial, whose moments are huge, or the labels are cubic and n_0 is not large against d: with every draw another
number of them. The third set, fixed by its seed after that was seen and before it was simulated or predicted, is drawn
like the second from the six activations of the table and the teachers without a cubic part.

The others are drawn like the second, from other seeds: fixed before they were simulated or predicted, and after the
theory of localised outliers was written, in which the second had a part. What the fourth showed of errors was mended
before the fifth was looked at; what the fourth and fifth showed to be missing, before the sixth was.
"""

from typing import Any

import numpy as np
from design import problems

from polyspike import Problem
from polyspike.arraytypes import Array

__all__ = ["BASE_SEED", "DRAWS", "SETS"]

BASE_SEED = 20261128
DRAWS = {"table": 2, "wide": 3, "moderate": 3, "fresh": 3, "third": 3, "held out": 3}
_COUNT, _SEED, _MODERATE_SEED, _FRESH_SEED, _THIRD_SEED, _HELD_OUT_SEED = 80, *range(28112026, 28112031)
_LARGEST = 3000
"""Of d and N: what keeps a draw at some seconds."""


def linear_and_quadratic(x: Array) -> Array:
    """``h1 + h2`` in probabilists' polynomials."""
    return x + x**2 - 1


def linear_and_cubic(x: Array) -> Array:
    """``h1 + 0.3 h3``."""
    return x + 0.3 * (x**3 - 3 * x)


ACTIVATIONS = (
    *("tanh", "erf", "relu", "gelu", "silu", "softplus", "h2", "h3"),
    linear_and_quadratic,
    linear_and_cubic,
)
TEACHERS = ("h1", "h1 + 0.7*h2", "h1 + 0.5*h2 + 0.3*h3", "relu", "tanh", "h1[0] + h1[0]*h1[1]")


def wide() -> list[Problem]:
    """The random problems."""
    rng = np.random.default_rng(_SEED)
    return [_drawn(rng) for _ in range(_COUNT)]


def fresh() -> list[Problem]:
    """Random problems that had no part in the theory when it was first held against them."""
    rng = np.random.default_rng(_FRESH_SEED)
    return [_drawn(rng) for _ in range(_COUNT)]


def third() -> list[Problem]:
    """Random problems that had no part in it, until their draws were looked at."""
    rng = np.random.default_rng(_THIRD_SEED)
    return [_drawn(rng) for _ in range(_COUNT)]


def held_out() -> list[Problem]:
    """Random problems that had no part in it at all."""
    rng = np.random.default_rng(_HELD_OUT_SEED)
    return [_drawn(rng) for _ in range(_COUNT)]


def moderate() -> list[Problem]:
    """The random problems of moderate moments."""
    rng = np.random.default_rng(_MODERATE_SEED)
    return [_drawn(rng, ACTIVATIONS[:6], tuple(t for t in TEACHERS if "h3" not in t)) for _ in range(_COUNT)]


def _drawn(
    rng: np.random.Generator, activations: tuple[Any, ...] = ACTIVATIONS, teachers: tuple[str, ...] = TEACHERS
) -> Problem:
    n = round(float(np.exp(rng.uniform(np.log(300), np.log(1500)))))
    width, dim = (min(_LARGEST, round(n * 5 ** float(rng.uniform(-1, 1)))) for _ in range(2))
    return Problem(
        activations[rng.integers(len(activations))],
        teachers[rng.integers(len(teachers))],
        n,
        dim,
        width,
        step_exponent=float(rng.uniform(0, 0.5)),
        noise=(0.0, 0.3, 1.0)[rng.integers(3)],
        ridge=0.1,
        gradient=("full", "target")[rng.integers(2)],
        readout=("gaussian", "rademacher", "constant")[rng.integers(3)],
        n_gradient=(None, n // 2, 2 * n)[rng.integers(3)],
    )


SETS = {"table": problems, "wide": wide, "moderate": moderate, "fresh": fresh, "third": third, "held out": held_out}
