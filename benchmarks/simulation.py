"""One simulation beside the script that a reader of the paper would write: ``python benchmarks/simulation.py``.

The script draws everything, forms the gradient as printed, and solves the ridge problem with the inverse of the Gram
matrix, one step size at a time. Both are timed in turn in the same run, with the same BLAS threads; what counts is the
ratio.
"""

import argparse
import statistics

import numpy as np
from report_tables import ratio, sampled, table

from polyspike import Problem, simulate


def straightforward(problem: Problem, seed: int, n_test: int) -> tuple[float, float]:
    """Train loss and test error, written down as one reads the paper."""
    rng = np.random.default_rng(seed)
    n, d, width, ridge = problem.n_samples, problem.input_dim, problem.width, problem.ridge
    sigma, teacher = problem.activation, problem.teacher
    target = rng.standard_normal(d)
    target /= np.linalg.norm(target)
    w0 = rng.standard_normal((width, d))
    w0 /= np.linalg.norm(w0, axis=1, keepdims=True)
    a = rng.standard_normal(width) / np.sqrt(width)

    def sample(rows: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.standard_normal((rows, d))
        return x, teacher(x @ target) + problem.noise * rng.standard_normal(rows)

    x, y = sample(n)
    residual = y - sigma(x @ w0.T) @ a
    gradient = (np.outer(a, residual) * sigma.derivative(w0 @ x.T)) @ x / n
    w = w0 + problem.step * gradient
    x, y = sample(n)
    features = sigma(x @ w.T)
    fitted = np.linalg.inv(features.T @ features + ridge * n * np.eye(width)) @ features.T @ y
    loss = np.mean((y - features @ fitted) ** 2) + ridge * fitted @ fitted
    x, y = sample(n_test)
    return float(loss), float(np.mean((y - sigma(x @ w.T) @ fitted) ** 2))


def main() -> None:
    """Print the times of both and their ratio, for one step size and for eight."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--n-test", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    n, n_test = arguments.n, arguments.n_test
    base = Problem("tanh", "h1 + 0.7*h2", n_samples=n, input_dim=n // 2, width=n, step_exponent=0.3, ridge=0.1)
    rows = []
    for count in (1, 8):
        problems = [base.replace(step_exponent=alpha) for alpha in np.linspace(0.3, 0.49, count)]
        works = {
            "ours": lambda problems=problems: simulate(problems, seed=0, n_test=n_test),
            "script": lambda problems=problems: [straightforward(p, 0, n_test) for p in problems],
        }
        times = sampled(works, arguments.repeats)  # type: ignore[arg-type]
        ours, script = (statistics.median(times[name]) for name in works)
        steps = "one step size" if count == 1 else f"{count} step sizes"
        rows.append((steps, f"{ours:.2f} s", f"{script:.2f} s", f"{ratio(times, 'script', 'ours'):.2f}"))
    print(f"n = N = {n:,}, d = {n // 2:,}, {n_test:,} test points; medians over {arguments.repeats} turns.\n")
    print(table(("what", "simulate", "straightforward script", "script / simulate"), rows))


if __name__ == "__main__":
    main()
