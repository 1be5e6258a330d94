"""Networks on fixed rows, written anew in a few lines: what the theory on data averages over."""

from typing import Any, NamedTuple

import numpy as np

from polyspike import Problem
from polyspike.arraytypes import Array
from polyspike.rows import split


class Errors(NamedTuple):
    """Mean errors over networks, and the standard errors of the means."""

    mean: Array
    standard_error: Array


def networks(problem: Problem, inputs: Array, target: Array, draws: int, seed: int = 0) -> Errors:
    """Loss, train error and test error of networks that share the split of ``seed``, in this order."""
    parts = split((seed,), len(inputs), problem.gradient_samples, problem.n_samples)
    rows = [(inputs[part], target[part]) for part in parts]
    found = np.array([_errors(problem, rows, np.random.default_rng((77, k))) for k in range(draws)])
    return Errors(found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(draws))


def _errors(problem: Problem, rows: list[tuple[Array, Array]], rng: np.random.Generator) -> tuple[float, ...]:
    (x0, y0), (x, y), (xt, yt) = rows
    sigma, width, n = problem.activation, problem.width, len(y)
    w = rng.standard_normal((width, x0.shape[1]))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    laws: dict[str, Any] = {
        "gaussian": rng.standard_normal,
        "rademacher": lambda size: rng.choice([-1.0, 1.0], size),
        "constant": np.ones,
    }
    a = laws[problem.readout](width) / np.sqrt(width)
    z = x0 @ w.T
    residual = y0 - sigma(z) @ a if problem.gradient == "full" else y0
    w = w + problem.step * a[:, None] * ((sigma.derivative(z) * residual[:, None]).T @ x0) / len(y0)
    f = sigma(x @ w.T)
    fitted = np.linalg.solve(f.T @ f + problem.ridge * n * np.eye(width), f.T @ y)
    error = float(np.mean((y - f @ fitted) ** 2))
    return float(error + problem.ridge * fitted @ fitted), error, float(np.mean((yt - sigma(xt @ w.T) @ fitted) ** 2))
