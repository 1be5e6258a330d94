"""What leaving a sample out of both stages is worth: ``python benchmarks/leave_one_out.py`` (a quarter of an hour).

Three tables, written to ``leave_one_out.md`` beside this file:

- processor time against that of one fit (the step, the features, the ridge regression), at n = 2000, N = 1000;
- deviation from refits without each sample, made one after the other here, without the code of the library;
- the ridge that is chosen by it, by plain leave-one-out and by GCV, and the error that each of them claims there:
  regret is the test error at the chosen ridge over the least one of the grid, claimed the estimate there over that test
  error, both less one. Gaussian samples, and rows of real data, of which the others are the test set.

``--quick`` takes fewer draws and ridges, and prints the tables.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import numpy as np
from report_tables import table
from threadpoolctl import threadpool_limits

from polyspike import LeaveOneOut, Measurement, Problem, as_activation, leave_one_out, simulate, simulate_data
from polyspike.arraytypes import Array
from polyspike.data import fit_whitening, load
from polyspike.simulation.data_draw import DataDraw
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.gradient import gradient_step
from polyspike.simulation.ridge import fit_readouts

OUT = Path(__file__).with_suffix(".md")
METHODS = {"both stages": "test_error", "plain": "plain_error", "GCV": "gcv_error"}
RIDGES = np.geomspace(1e-4, 10, 11)
MOST_DIRECTIONS, MOST_ROWS = 50, 600
MISSED_REGRET, MISSED_CLAIM = 0.02, 0.05
SIZE = 400
SINE = as_activation(lambda x: np.sin(2 * x))


def gaussian() -> dict[str, Problem]:
    base = Problem("tanh", "h1", 500, 167, 400, step_exponent=0.3, ridge=0.01, samples="same")
    two = "h1 + 0.5*h2"
    return {
        "tanh, target, n^0.3": base.replace(gradient="target"),
        "tanh, full, n^0.5": base.replace(step_exponent=0.5),
        "relu, full, n^0.45, h1 + h2/2": base.replace(activation="relu", step_exponent=0.45, teacher=two),
        "softplus, full, n^0.3, h1 + h2/2": base.replace(activation="softplus", teacher=two),
        "erf, target, n^0.5, n = d, noise 1": base.replace(
            activation="erf", gradient="target", step_exponent=0.5, input_dim=500, noise=1.0
        ),
        "sin(2z), target, n^0.3": base.replace(activation=SINE, gradient="target"),
    }


class Case(NamedTuple):
    """The same problem at every ridge: test errors, and estimates from the training samples."""

    tested: list[Measurement]
    estimated: list[LeaveOneOut]


def with_ridges(problem: Problem, ridges: Array) -> list[Problem]:
    return [problem.replace(ridge=float(ridge)) for ridge in ridges]


def drawn(problem: Problem, seed: int, ridges: Array) -> Case:
    problems = with_ridges(problem, ridges)
    return Case(simulate(problems, seed=seed, n_test=10_000), leave_one_out(problems, seed=seed))


def real(name: str, activation: str) -> Callable[[int, Array], Case]:
    data = load(name)
    whitening = fit_whitening(data.inputs, common_unit=data.common_unit)
    inputs = whitening.leading(min(MOST_DIRECTIONS, whitening.dim))(data.inputs)
    n = min(MOST_ROWS, len(inputs) // 2)
    problem = Problem(activation, "h1", n, inputs.shape[1], 4 * n // 5, step_exponent=0.3, samples="same")

    def run(seed: int, ridges: Array) -> Case:
        problems = with_ridges(problem, ridges)
        rows = DataDraw((seed,), inputs, data.target, n, n, problem.width, n).ridge_sample
        tested = simulate_data(problems, inputs, data.target, seed=seed)
        return Case(tested, leave_one_out(problems, inputs=rows.inputs, target=rows.target, seed=seed))

    return run


def cases() -> Iterator[tuple[str, Callable[[int, Array], Case]]]:
    for name, problem in gaussian().items():
        yield name, lambda seed, ridges, problem=problem: drawn(problem, seed, ridges)
    for name in ("digits", "mnist", "diabetes", "breast_cancer"):
        for activation in ("tanh", "relu"):
            yield f"{name}, {activation}, full, n^0.3", real(name, activation)


def judged(case: Case) -> Array:
    """Regret and claim of every method, one after the other."""
    test = np.array([run.test_error for run in case.tested])
    found = []
    for field in METHODS.values():
        estimates = np.array([getattr(one, field) for one in case.estimated])
        chosen = int(np.argmin(estimates))
        found += [test[chosen] / test.min() - 1, estimates[chosen] / test[chosen] - 1]
    return np.array(found)


def percent(values: Array) -> str:
    error = np.std(values, ddof=1) / len(values) ** 0.5
    return f"{100 * np.mean(values):+.1f} ± {100 * error:.1f}"


def choices(seeds: int, ridges: Array) -> tuple[str, list[str]]:
    """The table, and the rows where leaving out both stages does not do what it is for."""
    rows, misses = [], []
    for name, run in cases():
        print(name, file=sys.stderr)
        found = np.array([judged(run(seed, ridges)) for seed in range(seeds)])
        regrets, claims = found[:, 0::2], found[:, 1::2]
        rows.append([name, *(percent(r) for r in regrets.T), *(percent(c) for c in claims.T)])
        misses += [f"{name}: {text}" for text in missed(regrets, claims)]
    header = ["regret, %: both stages", "plain", "GCV", "claimed, %: both stages", "plain", "GCV"]
    return table(("problem", *header), rows), misses


def missed(regrets: Array, claims: Array) -> list[str]:
    """In words: what is far off, beyond two standard errors."""
    regret, claim = regrets.mean(axis=0), claims.mean(axis=0)
    error = np.std(claims[:, 0], ddof=1) / len(claims) ** 0.5
    found = []
    if regret[0] > MISSED_REGRET:
        found.append(f"the ridge chosen costs {regret[0]:.1%}")
    others = min(regret[1], regret[2])
    if regret[0] > others + 0.005:
        found.append(f"another method chooses better, {others:.1%} against {regret[0]:.1%}")
    if abs(claim[0]) > MISSED_CLAIM + 2 * error:
        found.append(f"the claimed error is off by {claim[0]:+.1%}")
    return found


def refits(problem: Problem, x: Array, y: Array, w0: Array, a: Array) -> Array:
    """Residuals without each sample, one network after the other."""
    sigma, n = problem.activation, problem.n_samples
    residual = y - sigma(x @ w0.T) @ a if problem.gradient == "full" else y
    slopes = sigma.derivative(x @ w0.T) * a * (problem.step / n * residual)[:, None]
    left = np.empty(n)
    for j in range(n):
        k = np.arange(n) != j
        w = w0 + slopes[k].T @ x[k]
        f = sigma(x[k] @ w.T)
        readout = np.linalg.solve(f.T @ f + n * problem.ridge * np.eye(problem.width), f.T @ y[k])
        left[j] = y[j] - sigma(x[j] @ w.T) @ readout
    return left


def deviations() -> str:
    rows = []
    for name, large in gaussian().items():
        for ridge in (0.01, 0.1):
            scale = SIZE / large.n_samples
            dim, width = (round(scale * size) for size in (large.input_dim, large.width))
            problem = large.replace(n_samples=SIZE, input_dim=dim, width=width, ridge=ridge)
            draw = GaussianDraw.of(problem, (0,), 2)
            x, y = draw.ridge_sample.inputs, draw.ridge_sample.labels(problem)
            expected = refits(problem, x, y, draw.weights, draw.readout(problem.readout))
            size = np.mean(expected**2)
            row: list[Any] = [name, f"{ridge:g}"]
            for exact in (False, True):
                found = leave_one_out(problem, exact=exact)
                row += [] if exact else [f"{found.n_refits}"]
                row += [f"{100 * np.sqrt(np.mean((found.residuals - expected) ** 2) / size):.2g}"]
                row += [f"{100 * (found.test_error / size - 1):+.2f}"]
            rows.append([*row, f"{100 * (found.plain_error / size - 1):+.1f}"])
    header = ("problem", "ridge", "refitted", "rms, %", "mean square, %", "exact: rms, %", "mean square, %", "plain, %")
    return table(header, rows)


def times(repeats: int) -> str:
    rows = []
    for dim in (500, 250):
        for activation in ("tanh", "relu"):
            problem = Problem(activation, "h1", 2000, dim, 1000, step_exponent=0.3, ridge=0.01, samples="same")
            draw = GaussianDraw.of(problem, (0,), 2)
            x, y, w = draw.ridge_sample.inputs, draw.ridge_sample.labels(problem), draw.weights
            a = draw.readout(problem.readout)

            def fit(problem: Problem = problem, x: Any = x, y: Any = y, w: Any = w, a: Any = a) -> None:
                step = gradient_step(x, y, w, a, problem.activation)
                features = problem.activation(x @ (w + problem.step * step.matrix).T)
                fit_readouts(features, y, [problem.ridge])

            def left_out(problem: Problem = problem, x: Any = x, y: Any = y, w: Any = w, a: Any = a) -> None:
                leave_one_out(problem, inputs=x, target=y, weights=w, readout=a)

            with threadpool_limits(1):
                one, all_ = least_seconds([fit, left_out], repeats)
            rows.append([f"{activation}, d = {dim}", f"{one:.2f}", f"{all_:.2f}", f"{all_ / one:.1f}"])
    return table(("n = 2000, N = 1000", "one fit, s", "leave-one-out, s", "ratio"), rows)


def least_seconds(works: list[Callable[[], None]], repeats: int) -> list[float]:
    """The least processor time of several runs of each, in turns, so that the machine's load is the same for all."""
    least = [np.inf] * len(works)
    for _ in range(repeats):
        for k, work in enumerate(works):
            start = process_time()
            work()
            least[k] = min(least[k], process_time() - start)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    seeds, ridges = (2, RIDGES[::5]) if quick else (8, RIDGES)
    chosen, misses = choices(seeds, ridges)
    lines = [
        f"{len(ridges)} ridges from {ridges[0]:g} to {ridges[-1]:g}; means over {seeds} draws or splits with one",
        "standard error. n = 500, N = 400, d = 167 for Gaussian samples; half of the rows of real data, at most 600.",
        "",
        chosen,
        "",
        f"Misses (regret over {MISSED_REGRET:.0%}, another method better by over 0.5 %, a claim off by more than",
        f"{MISSED_CLAIM:.0%} and two standard errors): {'; '.join(misses) or 'none'}.",
        "",
        f"Deviation of the left-out residuals from refits at n = {SIZE}, relative to the root of their mean square",
        "(refitted: the samples that leave_one_out itself refits; up to n = 300 all of them):",
        "",
        deviations(),
        "",
        "Seconds of processor time, the least of several runs in turns, BLAS on one thread:",
        "",
        times(1 if quick else 5),
    ]
    print("\n".join(lines))
    if not quick:
        OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
