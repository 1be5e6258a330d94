"""The top four outliers beside the full decomposition: ``python benchmarks/outliers.py``.

Features of a network after its step, n = N = 4,000. Two ways to the four largest eigenvalues of ``F F'/N``: a block
Krylov space, with every residual checked, and LAPACK's decomposition of the Gram matrix, with its vectors as the Krylov
space gives them, and its values alone, which is quicker. All in the same run, on the same features, with one BLAS
thread, and the first two once more with all threads on the clock. The certified count is the same space grown until no
eigenvalue above the edge can have been missed.
"""

import argparse
import statistics

import numpy as np
from report_tables import HEADER, judged, ratio, sampled, table
from scipy import linalg
from threadpoolctl import threadpool_limits

from polyspike import Problem
from polyspike.simulation.spectrum import eigenvalues, gram, outliers, top_eigenpairs


def features(problem: Problem, seed: int) -> np.ndarray:
    """``sigma(X~ W')`` of a network after one step, as one reads it in the paper."""
    rng = np.random.default_rng(seed)
    n, d, width = problem.n_samples, problem.input_dim, problem.width
    w = rng.standard_normal((width, d))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    a = rng.standard_normal(width) / np.sqrt(width)
    x = rng.standard_normal((n, d))
    y = problem.teacher(x[:, 0]) + problem.noise * rng.standard_normal(n)
    hidden = x @ w.T
    residual = y - problem.activation(hidden) @ a
    w = w + problem.step * (np.outer(a, residual) * problem.activation.derivative(hidden).T) @ x / n
    return problem.activation(rng.standard_normal((n, d)) @ w.T)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=4000, help="n = N = 2d")
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    n, k = arguments.n, arguments.count
    problem = Problem("gelu", "h1 + 0.7*h2", n_samples=n, input_dim=n // 2, width=n, step_exponent=0.5, ridge=0.01)
    matrix = features(problem, 0)
    full = eigenvalues(matrix, "all")
    edge = float(np.sqrt(full[k - 1] * full[k]))
    works = {
        "pairs": lambda: linalg.eigh(gram(matrix), overwrite_a=True, check_finite=False),
        "values": lambda: eigenvalues(matrix, "all"),
        "top": lambda: top_eigenpairs(matrix, k),
        "certified": lambda: outliers(matrix, edge),
    }
    with threadpool_limits(1):
        alone = sampled(works, arguments.repeats, "cpu")
    times = sampled({name: works[name] for name in ("pairs", "values", "top")}, arguments.repeats)
    off = float(np.max(np.abs(top_eigenpairs(matrix, k)[0] / full[:k] - 1)))
    found = outliers(matrix, edge)
    seconds = {name: statistics.median(values) for name, values in alone.items()}
    print(
        f"{problem.activation.name}, step n^0.5, n = N = {n:,}, d = {n // 2:,}; medians over {arguments.repeats} "
        "turns, processor seconds with one BLAS thread unless the clock is named. "
        f"The largest eigenvalues: {', '.join(f'{v:.4g}' for v in full[: k + 1])}.\n"
    )
    rows = [
        judged("full decomposition, with vectors", seconds["pairs"], unit="s"),
        judged("full decomposition, values alone", seconds["values"], unit="s"),
        judged(f"top {k}, with vectors", seconds["top"], unit="s"),
        judged(f"all above {edge:.3g}, count certified", seconds["certified"], unit="s"),
        judged(f"full with vectors / top {k}", ratio(alone, "pairs", "top"), ">= 10"),
        judged(f"full values alone / top {k}", ratio(alone, "values", "top"), ">= 10"),
        judged("full values alone / certified", ratio(alone, "values", "certified"), ">= 10"),
        judged(f"full with vectors / top {k}, on the clock, all threads", ratio(times, "pairs", "top"), ">= 10"),
        judged(f"full values alone / top {k}, on the clock, all threads", ratio(times, "values", "top"), ">= 10"),
        judged(f"largest relative difference of the {k} values", off, "<= 1e-8"),
        judged("outliers found by the certified count", len(found), f">= {k}"),
    ]
    print(table(HEADER, rows))


if __name__ == "__main__":
    main()
