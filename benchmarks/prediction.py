"""Predictions by the finite-size theory, a second and beside a notebook: ``python benchmarks/prediction.py``.

Times are processor seconds of one thread; a cold start and memory are measured in fresh processes. What is compared
with the notebook is a ratio in one run, and both must agree.
"""

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from statistics import median
from time import process_time

import numpy as np
from notebook import Notebook
from report_tables import HEADER, judged, ratio, sampled, table
from threadpoolctl import threadpool_limits

from polyspike import NumericalError, Prediction, Problem, best_ridge, best_step, best_step_and_ridge, predict
from polyspike.theory.finite_size.bulk.assemble import assemble
from polyspike.theory.finite_size.bulk.newton import solve_bulk
from polyspike.theory.finite_size.conditioning import condition
from polyspike.theory.finite_size.given_kappa.grids import choose_grid
from polyspike.theory.finite_size.solve import shift_of
from polyspike.theory.finite_size.spikes.errors import Errors, errors

BASE = Problem("tanh", "h1 + 0.7*h2", n_samples=3000, input_dim=600, width=1000, step_exponent=0.4, ridge=0.01)
SIMPLE = BASE.replace(teacher="h1 + 0.5*h3", gradient="target", readout="constant", ridge=0.1)
QUADRATIC = BASE.replace(activation="softplus")
NAMES = {BASE: "tanh", QUADRATIC: "softplus"}


def steps_and_ridges(base: Problem) -> list[Problem]:
    """25 step exponents by 20 ridges."""
    grid = product(np.linspace(0, 0.5, 25), np.geomspace(1e-4, 10, 20))
    return [base.replace(step_exponent=float(alpha), ridge=float(ridge)) for alpha, ridge in grid]


def sizes_and_noises(base: Problem, count: int = 8) -> list[Problem]:
    """Sample sizes by widths by noises, all different models."""
    sizes, noises = np.geomspace(1000, 4000, count), np.linspace(0, 1, 8)
    return [
        base.replace(n_samples=round(n), width=round(width), noise=float(noise))
        for n, width, noise in product(sizes, np.geomspace(500, 4000, count), noises)
    ]


def rate(problems: list[Problem], work: Callable[[list[Problem]], object], repeats: int) -> float:
    """Problems a second."""
    return len(problems) / median(sampled({"": lambda: work(problems)}, repeats, "cpu")[""])


def one_at_a_time(problems: list[Problem]) -> list[object]:
    """As a loop of a user's own."""
    return [predict(problem) for problem in problems]


def fresh(part: str) -> dict[str, float]:
    """The numbers of a part that wants a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--part", part], capture_output=True, text=True, check=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def cold() -> dict[str, float]:
    """Milliseconds of the first prediction of all."""
    start = process_time()
    predict(QUADRATIC)
    return {"ms": 1e3 * (process_time() - start)}


def memory() -> dict[str, float]:
    """Peak memory that 10,000 different models in one call add, beside the answers of 1,000 before."""
    predict(sizes_and_noises(QUADRATIC, 11))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    problems = sizes_and_noises(QUADRATIC.replace(ridge=0.1), 35)[:10_000] + steps_and_ridges(BASE)[:200]
    problems = problems[:10_000]
    start = process_time()
    answers = predict(problems)
    seconds = process_time() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    good = sum(isinstance(answer, Prediction) for answer in answers)
    return {"rows": len(problems), "good": good, "mb": grown, "per_second": len(problems) / seconds}


PARTS = {"cold": cold, "memory": memory}


def spectrum_rows(repeats: int) -> list[tuple[str, ...]]:
    """The density at 400 points, where this version predicts spectra."""

    def density() -> None:
        spectrum = predict(BASE).spectrum
        spectrum.density(np.linspace(1e-3, spectrum.edges[-1][1], 400))

    try:
        density()
    except NumericalError as error:
        return [("spectrum with 400 points", f"none: {error.message}", "", "")]
    return [judged("spectrum with 400 points", 1e3 * median(sampled({"": density}, repeats, "cpu")[""]), "<= 50", "ms")]


def notebook_equations(problem: Problem) -> Errors:
    """Our solution of what the notebook solves: isotropic noise, equal norms, no corrections of order 1/d."""
    scalars = condition(problem)
    model = assemble(problem, choose_grid(problem, scalars), scalars, finite_dimension=False)
    moves = model.gains**2 + model.conditioning.gradient_noise_variance * model.grid.u**2
    norms = replace(
        model.norms,
        sample_covariance=0 * model.norms.sample_covariance,
        neuron_variance=0 * model.norms.neuron_variance,
    )
    model = replace(model, bulk=replace(model.bulk, weight_variance=moves), norms=norms)
    return errors(model, solve_bulk(model.bulk, shift_of(problem, model))[0])


def plain_seconds() -> float:
    """At least what the notebook takes when it remembers nothing: one of its iterations, times their number.

    All of it would take many minutes.
    """
    counted, plain = Notebook(SIMPLE), Notebook(SIMPLE, remember=False)
    counted.errors()
    start = process_time()
    plain.iterate(lambda kappa: plain.gamma, 0.5, 0.5)
    return counted.iterations * (process_time() - start)


def rows(repeats: int) -> list[tuple[str, ...]]:
    """The whole table."""
    predict(SIMPLE)
    ours_20 = lambda: [predict(SIMPLE) for _ in range(20)]  # noqa: E731
    times = sampled({"notebook": lambda: Notebook(SIMPLE).errors(), "20 times ours": ours_20}, repeats, "cpu")
    found, theirs = notebook_equations(SIMPLE), Notebook(SIMPLE).errors()
    ours = (found.train_loss, found.train_error, found.test_error)
    apart = max(abs(a / b - 1) for a, b in zip(ours, theirs, strict=True))
    out = [
        judged("largest relative difference from the notebook, by its own equations", apart, "<= 1e-6"),
        judged(
            "notebook's time (inner integrals remembered) / ours",
            20 * ratio(times, "notebook", "20 times ours"),
        ),
        judged(
            "plain notebook's time, of one iteration times all iterations / ours",
            plain_seconds() / (median(times["20 times ours"]) / 20),
            ">= 1000",
        ),
        judged("first prediction of a process, softplus", median(fresh("cold")["ms"] for _ in range(5)), "<= 50", "ms"),
    ]
    for base, name in NAMES.items():
        grid, sizes = steps_and_ridges(base), sizes_and_noises(base)
        mixed = [*grid[::10], *sizes[::10]]
        out += [
            judged(f"one at a time, {name}", rate(mixed, one_at_a_time, repeats), ">= 100", "/s"),
            judged(f"one call, 25 steps x 20 ridges, {name}", rate(grid, predict, repeats), ">= 500", "/s"),
            judged(f"one call, 512 sizes and noises, {name}", rate(sizes, predict, repeats), ">= 500", "/s"),
        ]
    large = fresh("memory")
    out += [
        judged("one call, 10,000 problems, softplus", large["per_second"], ">= 500", "/s"),
        judged("peak memory that these 10,000 add", large["mb"], "<= 100", "MB"),
    ]
    for function in (best_step, best_ridge, best_step_and_ridge):
        seconds = median(sampled({"": lambda f=function: f(BASE)}, repeats, "cpu")[""])  # type: ignore[misc]
        out.append(judged(f"`{function.__name__}`", 1e3 * seconds, "", "ms"))
    return [*out, *spectrum_rows(repeats)]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with threadpool_limits(1):
        if arguments.part:
            print(json.dumps(PARTS[arguments.part]()))
            return
        print(f"Processor seconds of one thread; medians of {arguments.repeats} runs.\n")
        print(table(HEADER, rows(arguments.repeats)))


if __name__ == "__main__":
    main()
