"""A sweep beside the direct script, and beside its own minimal arithmetic: ``python benchmarks/sweep.py``.

12 step sizes x 8 ridges x 4 replicates at n = N = 2000, d = 1000, 20,000 test points.

* The direct script draws, multiplies and inverts every point by itself, with all BLAS threads. A sample of its points
  is timed, spread over the grid, and scaled up; say ``--direct-points 384`` to time them all.
* The minimal arithmetic is the matrix products, factorisations and elementwise maps that the sweep cannot do without,
  each with its arrays laid out and nothing else around it, on as many processes and threads as the sweep uses.

What counts are the two ratios, of times on the clock; each part is timed several times in turn, and a ratio is the
median of those within a turn. Processor seconds of one replicate stand beside them: they say the same on a machine
that is shared with others. (There the direct script gets its second core for nothing: on the clock its draws and
elementwise maps use one.)
"""

import argparse
import statistics
from time import perf_counter

import numpy as np
from joblib import Parallel, delayed
from report_tables import HEADER, judged, ratio, sampled, table
from scipy import linalg
from threadpoolctl import threadpool_info, threadpool_limits

from polyspike import Problem, simulate, sweep
from polyspike.experiments.threads import BLAS_THREADS, workers_that_fit

Array = np.ndarray

EXPONENTS = np.linspace(0.0, 0.5, 12)
RIDGES = np.geomspace(1e-3, 1.0, 8)
PIECE_ROWS = 32  # rows of a piece of the features that stays in the cache


def grid(n: int) -> list[Problem]:
    base = Problem("tanh", "h1 + 0.7*h2", n, n // 2, n, step_exponent=0.0, ridge=0.01)
    return [base.replace(step_exponent=float(a), ridge=float(r)) for a in EXPONENTS for r in RIDGES]


def direct(problem: Problem, seed: int, n_test: int) -> float:
    """Test error of one point, as one writes it down from the paper."""
    rng = np.random.default_rng(seed)
    n, d, width = problem.n_samples, problem.input_dim, problem.width
    sigma, slope, teacher = problem.activation, problem.activation.derivative, problem.teacher
    w = rng.standard_normal((width, d))
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    a = rng.standard_normal(width) / np.sqrt(width)
    x = rng.standard_normal((n, d))
    y = teacher(x[:, 0]) + problem.noise * rng.standard_normal(n)
    hidden = x @ w.T
    gradient = (np.outer(y - sigma(hidden) @ a, a) * slope(hidden)).T @ x / n
    w = w + problem.step * gradient
    x = rng.standard_normal((n, d))
    y = teacher(x[:, 0]) + problem.noise * rng.standard_normal(n)
    features = sigma(x @ w.T)
    readout = np.linalg.inv(features.T @ features + problem.ridge * n * np.eye(width)) @ (features.T @ y)
    x = rng.standard_normal((n_test, d))
    y = teacher(x[:, 0]) + problem.noise * rng.standard_normal(n_test)
    return float(np.mean((y - sigma(x @ w.T) @ readout) ** 2))


def minimal(n: int, n_test: int) -> float:
    """Seconds of the arithmetic of one draw: 12 steps, 8 ridges. Numbers do not matter here, only shapes do."""
    rng = np.random.default_rng(0)
    d = n // 2
    x, w, test = rng.standard_normal((n, d)), rng.standard_normal((n, d)) / np.sqrt(d), rng.standard_normal((2048, d))
    still_block, moved_block = np.empty((2048, n)), np.empty((2048, n))
    hidden, moved, features = np.empty((n, n)), np.empty((n, n)), np.empty((n, n))
    gram, work = np.empty((n, n), order="F"), np.empty((n, n), order="F")
    readouts, outputs = rng.standard_normal((n, len(RIDGES))), np.empty((2048, len(RIDGES)))
    target = rng.standard_normal(n)
    with threadpool_limits(BLAS_THREADS):
        start = perf_counter()
        np.matmul(x, w.T, out=hidden)
        _map(hidden, hidden, 0.0, features)
        features.T @ x  # the gradient
        for out in (hidden, moved):
            np.matmul(x, w.T, out=out)
        for _ in EXPONENTS:
            _map(hidden, moved, 0.5, features)
            gram = linalg.blas.dsyrk(1.0, features.T, trans=1, lower=1, c=gram, overwrite_c=1)
            for _ in RIDGES:
                _solve(gram, work, target)
            np.matmul(features, readouts)
        for rows in _block_rows(n_test):
            for out in (still_block[:rows], moved_block[:rows]):
                np.matmul(test[:rows], w.T, out=out)
            for first in range(0, rows, PIECE_ROWS):
                piece = slice(first, min(first + PIECE_ROWS, rows))
                for _ in EXPONENTS:
                    _map(still_block[piece], moved_block[piece], 0.5, features[: piece.stop - first])
                    np.matmul(features[: piece.stop - first], readouts, out=outputs[piece])
        return perf_counter() - start


def _block_rows(n_test: int) -> list[int]:
    return [min(2048, n_test - start) for start in range(0, n_test, 2048)]


def _map(still: Array, moved: Array, step: float, out: Array) -> None:
    for first in range(0, len(still), PIECE_ROWS):
        piece = slice(first, first + PIECE_ROWS)
        np.multiply(moved[piece], step, out=out[piece])
        out[piece] += still[piece]
        np.tanh(out[piece], out=out[piece])


def _solve(gram: Array, work: Array, target: Array) -> None:
    work[...] = gram
    np.fill_diagonal(work, work.diagonal() + len(work))
    factor, info = linalg.lapack.dpotrf(work, lower=1, clean=0, overwrite_a=1)
    assert info == 0
    linalg.lapack.dpotrs(factor, target, lower=1)


def one_draw(problems: list[Problem], n: int, n_test: int, points: list[Problem]) -> dict[str, float]:
    """Processor seconds on one core, all for one replicate: the sweep, the minimal arithmetic, the direct script."""
    with threadpool_limits(BLAS_THREADS):
        works = {
            "sweep": lambda: simulate(problems, seed=(0, 0), n_test=n_test),
            "minimal": lambda: minimal(n, n_test),
            "direct": lambda: [direct(p, 0, n_test) for p in points],
        }
        found = {name: times[0] for name, times in sampled(works, 1, "cpu").items()}
    return found | {"direct": found["direct"] * len(problems) / len(points)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000, help="n = N = 2d")
    parser.add_argument("--n-test", type=int, default=20_000)
    parser.add_argument("--replicates", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--direct-points", type=int, default=8, help="points of the direct script in each repeat")
    arguments = parser.parse_args()
    n, n_test, replicates = arguments.n, arguments.n_test, arguments.replicates
    problems, workers = grid(n), workers_that_fit(None)
    points = len(problems) * replicates
    chosen = [problems[i] for i in np.linspace(0, len(problems) - 1, arguments.direct_points).round().astype(int)]
    pool = Parallel(n_jobs=workers)
    pool(delayed(minimal)(64, 64) for _ in range(2 * workers))  # the processes are there before anything is timed

    def run_sweep() -> None:
        found = sweep(problems, replicates=replicates, n_test=n_test)
        assert found.progress.failed == 0

    works = {
        "sweep": run_sweep,
        "minimal": lambda: pool(delayed(minimal)(n, n_test) for _ in range(replicates)),
        "direct": lambda: [direct(p, 0, n_test) for p in chosen],
    }
    times = sampled(works, arguments.repeats)
    times["direct"] = [seconds * points / len(chosen) for seconds in times["direct"]]
    seconds = {name: statistics.median(values) for name, values in times.items()}
    alone = one_draw(problems, n, n_test, chosen[:: max(1, len(chosen) // 4)])
    threads = max(info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas")
    print(
        f"{points} points, n = N = {n:,}, d = {n // 2:,}, {n_test:,} test points; medians over {arguments.repeats} "
        f"turns. The sweep and its minimal arithmetic on {workers} workers of {BLAS_THREADS} BLAS thread; the direct "
        f"script, from {len(chosen)} of its points, with {threads} BLAS threads.\n"
    )
    rows = [
        judged("sweep", seconds["sweep"], unit="s"),
        judged("minimal arithmetic", seconds["minimal"], unit="s"),
        judged("direct script", seconds["direct"], unit="s"),
        judged("direct / sweep", ratio(times, "direct", "sweep"), ">= 25"),
        judged("sweep / minimal", ratio(times, "sweep", "minimal"), "<= 1.25"),
        judged("direct / sweep, processor seconds of one replicate", alone["direct"] / alone["sweep"], ">= 25"),
        judged("sweep / minimal, the same", alone["sweep"] / alone["minimal"], "<= 1.25"),
    ]
    print(table(HEADER, rows))


if __name__ == "__main__":
    main()
