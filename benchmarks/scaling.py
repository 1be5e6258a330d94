"""How time grows: ``python benchmarks/scaling.py`` measures exponents and draws docs/figures/scaling.png.

One thing at a time is varied, from the same middle: samples n, width N, input dimension d, step sizes, ridges. Times
are processor seconds of one process with one BLAS thread, which other programs on the machine hardly touch; each is the
least of several runs. Workers are the exception: there the time on the clock is what counts.

An exponent is the slope of log time on log size over the largest sizes, where the leading term shows, with its standard
error from the scatter about the line. Beside it stands the same slope of the number of multiplications, counted for the
same sizes: what the time would do if every multiplication took equally long.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import numpy as np
from report_tables import table
from threadpoolctl import threadpool_limits

from polyspike import Problem, simulate, sweep
from polyspike.experiments.threads import workers_that_fit

FIGURES = Path(__file__).parents[1] / "docs" / "figures"
FITTED = 4  # points of the line, the largest sizes


@dataclass(frozen=True)
class Case:
    n: int = 1000
    width: int = 1000
    d: int = 500
    steps: int = 4
    ridges: int = 2
    n_test: int = 2048

    def problems(self) -> list[Problem]:
        base = Problem("tanh", "h1 + 0.7*h2", self.n, self.d, self.width, step_size=0.0, ridge=0.01)
        steps, ridges = np.arange(1.0, self.steps + 1), np.geomspace(1e-2, 1.0, self.ridges)
        return [base.replace(step_size=float(s), ridge=float(r)) for s in steps for r in ridges]

    def multiplications(self) -> float:
        """Products of the draw, features of every step, Gram matrices, factorisations, test set."""
        n, width, d, small = self.n, self.width, self.d, min(self.n, self.width)
        draw = 4 * n * width * d + 2 * self.n_test * width * d
        step = n * width * small / 2 + self.ridges * (small**3 / 6 + small**2) + (n + self.n_test) * width * self.ridges
        return float(draw + self.steps * step)

    def seconds(self) -> float:
        start = process_time()
        simulate(self.problems(), seed=0, n_test=self.n_test)
        return process_time() - start


AXES: dict[str, tuple[Case, str, tuple[int, ...]]] = {
    "samples n": (Case(), "n", (250, 500, 1000, 2000, 4000, 8000)),
    "width N": (Case(), "width", (250, 500, 1000, 2000, 4000, 8000)),
    "dimension d": (Case(), "d", (250, 500, 1000, 2000, 4000, 8000)),
    "n = N = 2d": (Case(), "all", (500, 1000, 2000, 3000, 4000)),
    "step sizes": (Case(), "steps", (1, 2, 4, 8, 16, 32)),
    "ridges": (Case(), "ridges", (1, 2, 4, 8, 16)),
}


def at(case: Case, field: str, size: int) -> Case:
    change = {"n": size, "width": size, "d": size // 2, "n_test": size} if field == "all" else {field: size}
    return Case(**(vars(case) | change))


def exponent(sizes: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Slope of log values on log sizes, and its standard error (infinite for two points)."""
    x, y = np.log(np.asarray(sizes, float)), np.log(np.asarray(values, float))
    x -= x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    free = len(x) - 2
    return slope, float(np.sqrt(rest @ rest / free / (x @ x))) if free else float("inf")


def least(measure: Callable[[], float], repeats: int) -> float:
    return min(measure() for _ in range(repeats))


def workers_seconds(workers: int, replicates: int) -> float:
    """A sweep of so many replicates, by the clock, with the processes there beforehand."""
    problems = Case(n=1000, width=1000, d=500).problems()
    sweep(
        [Problem(n_samples=64, input_dim=32, width=64, step_size=1.0, activation="tanh", teacher="h1", ridge=0.01)],
        replicates=workers,
        workers=workers,
        n_test=64,
    )
    start = perf_counter()
    sweep(problems, replicates=replicates, workers=workers, n_test=2048)
    return perf_counter() - start


def draw(measured: dict[str, tuple[Sequence[int], list[float]]], slopes: dict[str, float], path: Path) -> None:
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator

    figure, axes = plt.subplots(2, 3, figsize=(9, 5.4), layout="constrained")
    for one, (name, (sizes, times)) in zip(axes.flat, measured.items()):
        one.loglog(sizes, times, "o", color="#1b6ca8")
        fitted = np.asarray(sizes[-FITTED:], float)
        centre = np.exp(np.mean(np.log(times[-FITTED:])))
        one.loglog(fitted, centre * (fitted / np.exp(np.mean(np.log(fitted)))) ** slopes[name], color="#b0413e")
        one.set(xlabel=name, ylabel="processor seconds", title=f"exponent {slopes[name]:.2f}")
        one.set_xticks(sizes, [f"{size:g}" for size in sizes], fontsize=8)
        one.minorticks_off()
        one.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        one.yaxis.set_major_formatter("{x:g}")
    for suffix in (".png", ".svg"):
        figure.savefig(path.with_suffix(suffix), dpi=150, metadata={"Date": None} if suffix == ".svg" else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--largest", type=int, default=8000, help="leave out sizes above this")
    parser.add_argument("--out", type=Path, default=FIGURES, help="folder of scaling.png and scaling.svg")
    arguments = parser.parse_args()
    measured, slopes, rows = {}, {}, []
    for name, (middle, field, every) in AXES.items():
        sizes = [size for size in every if size <= arguments.largest]
        cases = [at(middle, field, size) for size in sizes]
        with threadpool_limits(1):
            times = [least(case.seconds, arguments.repeats) for case in cases]
        print(name, [f"{t:.3g}" for t in times], file=sys.stderr)
        (slope, error), (counted, _) = (
            exponent(sizes[-FITTED:], values[-FITTED:]) for values in (times, [c.multiplications() for c in cases])
        )
        measured[name], slopes[name] = (sizes, times), slope
        span = f"{sizes[-FITTED:][0]:,} to {sizes[-1]:,}"
        shown = f"{slope:.2f} ± {error:.2f}" if np.isfinite(error) else f"{slope:.2f}"
        rows.append((name, span, shown, f"{counted:.2f}", f"{times[-1]:.3g} s"))
    most = workers_that_fit(None)
    counts = sorted({1, most})
    times = [least(lambda w=w: workers_seconds(w, 2 * most), arguments.repeats) for w in counts]  # type: ignore[misc]
    if len(counts) > 1:
        slope = np.log(times[-1] / times[0]) / np.log(most)
        rows.append(("workers", f"1 to {most}", f"{slope:.2f}", "-1.00", f"{times[-1]:.3g} s"))
    print(
        "All at n = N = 1,000, d = 500, 4 step sizes, 2 ridges, 2,048 test points but for what is varied; the exponent "
        f"is over the {FITTED} largest sizes. The time is that of the largest; for workers it is of the clock.\n"
    )
    print(table(("what grows", "from, to", "exponent", "of the multiplications", "time"), rows))
    arguments.out.mkdir(parents=True, exist_ok=True)
    draw(measured, slopes, arguments.out / "scaling")


if __name__ == "__main__":
    main()
