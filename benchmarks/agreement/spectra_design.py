"""Random problems for spectra.py, drawn by seeds before any of them was simulated or predicted.

Activations with and without a linear part, spectra of the inputs with and without single eigenvalues. On the first
seed the estimates of spectra were set; the second was looked at once, and the third had no part in it.
"""

import numpy as np

from polyspike import Problem

__all__ = ["COUNT", "SEEDS", "design"]

SEEDS, COUNT = {"first": 20261, "second": 777001, "third": 424242}, 80
ACTIVATIONS = ("tanh", "erf", "relu", "softplus", "gelu", "h2", "cos", "h4")
TEACHERS = ("h1", "h1 + h2", "h2", "h1 - 0.5*h3")
INPUTS = ("isotropic", "two-level:0.3,1.7,0.5", "power:0.5", "power:0.7", "spiked:10,1")
READOUTS = ("rademacher", "gaussian", "constant")


def design(seed: int) -> list[Problem]:
    """All problems of a seed: every activation with all inputs, twice. (The second time in another order.)"""
    rng = np.random.default_rng(seed)
    pairs = [(activation, inputs) for activation in ACTIVATIONS for inputs in INPUTS]
    order: list[tuple[str, str]] = []
    while len(order) < COUNT:
        order += [pairs[k] for k in rng.permutation(len(pairs))]
    return [_problem(rng, activation, inputs) for activation, inputs in order[:COUNT]]


def _problem(rng: np.random.Generator, activation: str, inputs: str) -> Problem:
    d, n, width = (
        int(rng.choice(sizes)) for sizes in ([200, 300, 400, 600], [400, 600, 900, 1500], [400, 700, 1000, 1500])
    )
    width += 100 * (width == n)
    n_gradient = int(rng.choice([n, n, 3 * n, max(d, n // 2)]))
    place = str(rng.choice(["", "; teacher=top"], p=[0.75, 0.25])) if inputs != "isotropic" else ""
    return Problem(
        activation,
        str(rng.choice(TEACHERS)),
        n,
        d,
        width,
        step_exponent=float(np.round(rng.uniform(0, 0.5), 2)),
        ridge=0.1,
        noise=0.3,
        gradient=str(rng.choice(["full", "target"])),
        readout=str(rng.choice(READOUTS)),
        n_gradient=n_gradient,
        inputs=inputs + place,
    )
