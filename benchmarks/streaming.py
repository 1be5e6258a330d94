"""Streaming a million samples: ``python benchmarks/streaming.py``.

N = 2,000 neurons, d = 500 inputs, n = 10^6 samples for the gradient and as many for the ridge fit, none of them held. A
process of its own simulates one problem and reports its time and its peak memory (the whole process: interpreter,
libraries and all). Before and after, it times matrix products of the shapes that streaming works with and a large
square one, with the same threads; the best of them is the machine's rate. The rate of the simulation counts only the
multiplications and additions of the products that no way of doing it can avoid::

    2 n d N   each for X W0' and S'X (gradient), X~ W0' and X~ G' (features)
    n N^2     for F'F (half of it, by symmetry)

and divides them by all of its time: draws, elementwise maps and solution included. The same at a tenth of n with one
thread, in processor seconds, is what a machine that is shared with others shows.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from time import perf_counter, process_time

import numpy as np
from report_tables import HEADER, judged, table
from scipy import linalg

from polyspike import Problem, simulate
from polyspike.simulation.streams import BLOCK_ROWS

N_TEST = 10_000


def flops(n: int, width: int, d: int) -> float:
    return 8.0 * n * d * width + float(n) * width**2 + 4.0 * N_TEST * d * width


def machine_rate(width: int, d: int, clock: Callable[[], float]) -> float:
    """Best rate of a few products, in operations a second."""
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((BLOCK_ROWS, d)), rng.standard_normal((width, d))
    features, square = rng.standard_normal((BLOCK_ROWS, width)), rng.standard_normal((width, width))
    works: list[tuple[float, Callable[[], object]]] = [
        (2.0 * BLOCK_ROWS * d * width, lambda: x @ w.T),
        (2.0 * BLOCK_ROWS * d * width, lambda: features.T @ x),
        (1.0 * BLOCK_ROWS * width**2, lambda: linalg.blas.dsyrk(1.0, features.T, lower=1)),
        (2.0 * width**3, lambda: square @ square),
    ]
    rates = []
    for count, work in works:
        work()
        for _ in range(5):
            start = clock()
            work()
            rates.append(count / (clock() - start))
    return max(rates)


def child(n: int, width: int, d: int, on_clock: bool) -> dict[str, float]:
    """What one process finds."""
    clock = perf_counter if on_clock else process_time
    problem = Problem("tanh", "h1 + 0.7*h2", n_samples=n, input_dim=d, width=width, step_exponent=0.3, ridge=0.1)
    before = machine_rate(width, d, clock)
    start = clock()
    found = simulate(problem, seed=0, n_test=N_TEST, streaming=True)
    seconds = clock() - start
    rate = max(before, machine_rate(width, d, clock))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"seconds": seconds, "rate": rate, "peak": peak, "test_error": found.test_error}


def in_a_process(n: int, arguments: argparse.Namespace, threads: int | None) -> dict[str, float]:
    command = [sys.executable, __file__, "--child", "--n", str(n), "--width", str(arguments.width)]
    command += ["--d", str(arguments.d), *(["--processor-seconds"] if threads == 1 else [])]
    limits = {} if threads is None else dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | limits)
    return dict(json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--width", type=int, default=2000)
    parser.add_argument("--d", type=int, default=500)
    parser.add_argument("--child", action="store_true", help="measure in this process and print JSON")
    parser.add_argument("--processor-seconds", action="store_true", help="with --child: not the clock")
    arguments = parser.parse_args()
    n, width, d = arguments.n, arguments.width, arguments.d
    if arguments.child:
        print(json.dumps(child(n, width, d, not arguments.processor_seconds)))
        return
    smaller = max(n // 10, 20_000)
    whole, alone = in_a_process(n, arguments, None), in_a_process(smaller, arguments, 1)
    share = flops(n, width, d) / whole["seconds"] / whole["rate"]
    share_alone = flops(smaller, width, d) / alone["seconds"] / alone["rate"]
    print(
        f"n = {n:,}, N = {width:,}, d = {d:,}, streamed, {os.cpu_count()} cores: {flops(n, width, d):.3g} operations "
        f"in products; test error {whole['test_error']:.4f}.\n"
    )
    rows = [
        judged("time", whole["seconds"], unit="s"),
        judged("machine's matrix products", whole["rate"] / 1e9, unit="GFlop/s"),
        judged("streaming", flops(n, width, d) / whole["seconds"] / 1e9, unit="GFlop/s"),
        judged("share of the machine's rate", 100 * share, ">= 70 %", unit="%"),
        judged(f"share with one thread at n = {smaller:,}, processor seconds", 100 * share_alone, ">= 70 %", unit="%"),
        judged("peak memory of the process", whole["peak"] / 1e9, "<= 1.5 GB", unit="GB"),
        judged(f"peak memory at n = {smaller:,}, one thread", alone["peak"] / 1e9, "<= 1.5 GB", unit="GB"),
    ]
    print(table(HEADER, rows))


if __name__ == "__main__":
    main()
