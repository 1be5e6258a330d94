"""What float32 changes: ``python benchmarks/precision.py``.

The same problems at the same seeds with float32 and with float64 products; the largest relative difference over the
seeds. Beside them the rounding unit of float32 times the root of the condition number ``1 + |F|^2/(n ridge)``, which is
what the perturbation theory of the ridge fit says of the train loss: independent roundings of relative size u move
it by at most ``2 u |F|/sqrt(n ridge)``, to first order, for every rounding that an entry of F goes through. The train
error of a fit that nearly interpolates is small and loses the digits that it is smaller by.
"""

import argparse
import statistics
import sys

import numpy as np
from report_tables import table

from polyspike import Measurement, Problem, simulate

UNIT = float(np.finfo(np.float32).eps)


def problems(n: int) -> dict[str, Problem]:
    base = Problem("tanh", "h1 + 0.7*h2", n, n // 2, n, step_exponent=0.3, ridge=0.01)
    tall, wide = base.replace(n_samples=4 * n, width=n // 2), base.replace(width=4 * n)
    return {
        "n = N": base,
        "n = N, relu": base.replace(activation="relu"),
        "n = N, step n^0.5": base.replace(step_exponent=0.5),
        "n = N, ridge 1e-6": base.replace(ridge=1e-6),
        "n = 8 N": tall,
        "n = 8 N, ridge 1e-6": tall.replace(ridge=1e-6),
        "N = 4 n": wide,
        "N = 4 n, ridge 1e-6": wide.replace(ridge=1e-6),
    }


def difference(pairs: list[tuple[Measurement, Measurement]], name: str) -> float:
    """Largest relative difference of a field."""
    return max(abs(getattr(rounded, name) / getattr(exact, name) - 1) for rounded, exact in pairs)


def of_top_eigenvalue(pairs: list[tuple[Measurement, Measurement]]) -> float:
    return max(abs(float(a.eigenvalues[0] / b.eigenvalues[0]) - 1) for a, b in pairs)  # type: ignore[index]


def condition(measured: Measurement) -> float:
    """``1 + |F|^2/(n ridge)``."""
    p: Problem = measured.problem
    assert measured.eigenvalues is not None
    return float(1 + measured.eigenvalues[0] * p.width / (p.n_samples * p.ridge))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--n-test", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, default=4)
    arguments = parser.parse_args()
    rows = []
    for name, problem in problems(arguments.n).items():
        print(name, file=sys.stderr)
        pairs = []
        for seed in range(arguments.seeds):
            rounded, exact = (
                simulate(problem, seed=seed, n_test=arguments.n_test, eigenvalues=1, dtype=dtype)
                for dtype in ("float32", "float64")
            )
            pairs.append((rounded, exact))
        errors = [difference(pairs, field) for field in ("train_loss", "train_error", "test_error")]
        bound = UNIT * max(condition(exact) for _, exact in pairs) ** 0.5
        seconds = statistics.median(rounded.seconds / exact.seconds for rounded, exact in pairs)
        rows.append([name, *(f"{e:.0e}" for e in (*errors, of_top_eigenvalue(pairs), bound)), f"{seconds:.2f}"])
    print(f"float32 against float64, largest relative difference over {arguments.seeds} seeds; n = {arguments.n} where")
    print("n = N, d = n/2, tanh, step n^0.3 and ridge 0.01 where nothing else is said.\n")
    header = ("problem", "train loss", "train error", "test error", "top eigenvalue", "unit x root condition", "time")
    print(table(header, rows))


if __name__ == "__main__":
    main()
