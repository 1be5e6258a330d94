"""Part 3: train and test error against the step, beside the staircase of the limit theory."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from polyspike.experiments.reproduce.claims import Claim, below, equal
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns, unique
from polyspike.experiments.reproduce.common import (
    SHIFTED_SINE,
    UNTRAINED,
    WINDOW_EXPONENTS,
    average,
    limit,
    paired,
    sample,
    with_exponent,
)
from polyspike.experiments.reproduce.jobs import Job, Options, Part, Rows
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.simulation import simulate_many

__all__ = ["ERRORS"]

NAME = "errors"
TEACHERS = {"linear": "h1", "cubic": "h1 + 0.6*h2 + 0.3*h3"}
QUANTITIES = ("train_loss", "train_error", "test_error")
EXPONENTS = (
    UNTRAINED, 0.0, 0.05, 0.1, WINDOW_EXPONENTS[1], 0.2, 0.25, WINDOW_EXPONENTS[2], 0.32,
    WINDOW_EXPONENTS[3], 0.39, 0.42, 0.45, 0.475, 0.5,
)  # fmt: skip
HIGHEST_WINDOW = 8
RESOLUTION = 0.25


def problems_of(options: Options) -> dict[str, Problem]:
    """A linear teacher, and one with a quadratic and a cubic part. Ten samples a dimension, and a ridge at which
    the network is not hurt by its variance, so that what it learns shows in the test error.
    """
    n = 2000 if options.quick else 4000
    return {
        name: Problem(SHIFTED_SINE, teacher, n, n // 10, n // 4, step_exponent=0.0, ridge=0.1)
        for name, teacher in TEACHERS.items()
    }


def plan(options: Options) -> list[Job]:
    """One job a seed, shared by both teachers and all exponents; and one for the theory."""
    problems = problems_of(options)
    n_test = 5_000 if options.quick else 20_000
    first = problems["linear"]
    cost = 2 * len(EXPONENTS) * (n_test + 2 * first.n_samples) * first.width / 3e7
    key = f"{NAME}: {problems}, {EXPONENTS}, {n_test}"
    seeds = range(options.replicates(full=10, quick=6))
    jobs = [Job(f"{key}, seed {k}", cost, partial(run, problems, n_test, k)) for k in seeds]
    return [Job(f"{key}, theory", 0.1, partial(run_theory, problems)), *jobs]


def run(problems: Mapping[str, Problem], n_test: int, seed: int) -> Rows:
    """Both teachers at every exponent, on the draw of one seed."""
    places = [(name, exponent) for name in problems for exponent in EXPONENTS]
    stepped = [with_exponent(problems[name], exponent) for name, exponent in places]
    runs = simulate_many(stepped, seed=(3, seed), n_test=n_test)
    rows: list[Row] = [
        {"teacher": name, "exponent": exponent, "seed": seed, **{q: getattr(m, q) for q in QUANTITIES}}
        for (name, exponent), m in zip(places, runs)
    ]
    return {f"{NAME}_draws": rows}


def run_theory(problems: Mapping[str, Problem]) -> Rows:
    """The limit in every window, by both statements of it, and the baselines."""
    rows = [row for name, problem in problems.items() for row in _levels(name, problem)]
    return {f"{NAME}_theory": rows}


def _levels(name: str, problem: Problem) -> Iterator[Row]:
    for curve, published in (("window", False), ("published", True)):
        for level in range(HIGHEST_WINDOW + 1):
            here = limit(problem, level, published)
            yield {"teacher": name, "curve": curve, "level": level, **_numbers(here)}
    for curve in ("linear_error", "null_error"):
        value = float(getattr(limit(problem, 0), curve))
        yield {"teacher": name, "curve": curve, "level": 0, **dict.fromkeys(QUANTITIES, value)}


def _numbers(found: Prediction) -> dict[str, float]:
    return {name: getattr(found, name) for name in QUANTITIES}


def tables(rows: Mapping[str, Sequence[Row]]) -> dict[str, Columns]:
    """Mean errors with standard errors, every draw, and the theory."""
    draws = _with_gains(to_columns(rows[f"{NAME}_draws"]))
    return {
        NAME: average(draws, ("teacher", "exponent"), (*QUANTITIES, *(f"{q}_gain" for q in QUANTITIES))),
        f"{NAME}_draws": draws,
        f"{NAME}_theory": to_columns(rows[f"{NAME}_theory"]),
    }


def _with_gains(draws: Columns) -> Columns:
    """Every quantity minus that of the untrained network of the same draw, far less noisy than itself."""
    gains = {f"{q}_gain": np.empty_like(draws[q]) for q in QUANTITIES}
    for i, (teacher, seed) in enumerate(zip(draws["teacher"], draws["seed"])):
        untrained = select(draws, teacher=teacher, seed=seed, exponent=UNTRAINED)
        for q in QUANTITIES:
            gains[f"{q}_gain"][i] = draws[q][i] - untrained[q][0]
    return draws | gains


def claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """What one step buys, what each window adds, and which line the test error crosses."""
    draws, theory = tables[f"{NAME}_draws"], tables[f"{NAME}_theory"]
    found = []
    for teacher in map(str, unique(draws["teacher"].tolist())):
        found += _untrained(draws, theory, teacher)
        for level in WINDOW_EXPONENTS:
            found += _window(draws, theory, teacher, level)
    return [*found, _beats_linear(draws, theory)]


def _untrained(draws: Columns, theory: Columns, teacher: str) -> list[Claim]:
    found = []
    for quantity in QUANTITIES:
        predicted = _limit(theory, teacher, quantity, 0)
        measured = sample(draws, quantity, teacher=teacher, exponent=UNTRAINED)
        words = f"{teacher} teacher: {quantity.replace('_', ' ')} of the untrained network = its limit"
        found.append(equal(NAME, words, measured, predicted, resolution=RESOLUTION * predicted))
    return found


def _window(draws: Columns, theory: Columns, teacher: str, level: int) -> list[Claim]:
    """The gain over the untrained network, and over the window below, beside those of the limit."""
    here: dict[str, float | str] = {"teacher": teacher, "exponent": WINDOW_EXPONENTS[level]}
    start = UNTRAINED if level == 1 else WINDOW_EXPONENTS[level - 1]
    below_here = "the untrained network" if level == 1 else f"window {level - 1}"
    found = []
    for quantity in ("train_loss", "test_error"):
        predicted = _limit(theory, teacher, quantity, level) - _limit(theory, teacher, quantity, level - 1)
        gain = paired(draws, quantity, here, {"teacher": teacher, "exponent": start})
        words = f"{teacher} teacher: {quantity.replace('_', ' ')} in window {level} minus in {below_here}"
        if predicted < 0:
            found.append(below(NAME, f"{words} is negative", gain, 0.0))
        scale = abs(_limit(theory, teacher, quantity, level) - _limit(theory, teacher, quantity, 0))
        found.append(equal(NAME, f"{words} = that of the limit", gain, predicted, resolution=RESOLUTION * scale))
    return found


def _limit(theory: Columns, teacher: str, quantity: str, level: int) -> float:
    return float(select(theory, teacher=teacher, curve="window", level=level)[quantity][0])


def _beats_linear(draws: Columns, theory: Columns) -> Claim:
    means = average(select(draws, teacher="cubic"), ("exponent",), ("test_error",))
    best = float(means["exponent"][int(np.argmin(means["test_error"]))])
    linear = float(select(theory, teacher="cubic", curve="linear_error")["test_error"][0])
    words = f"cubic teacher: test error at its best step (alpha = {best:g}) is below that of the best linear model"
    return below(NAME, words, sample(draws, "test_error", teacher="cubic", exponent=best), linear)


ERRORS = Part(NAME, "Train and test error against the step", plan, tables, claims)
