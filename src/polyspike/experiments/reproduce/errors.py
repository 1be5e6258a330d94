"""Part 3: train and test error against the step, beside the staircase of the limit theory."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from polyspike.experiments.reproduce.claims import Claim, below, equal
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns, unique
from polyspike.experiments.reproduce.common import (
    SEEDS_SHOWN,
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
from polyspike.experiments.statistics import with_control_variate
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.simulation import simulate
from polyspike.simulation.draw import GaussianDraw
from polyspike.theory import predict

__all__ = ["ERRORS"]

NAME = "errors"
TEACHERS = {"linear": "h1", "cubic": "h1 + 0.6*h2 + 0.3*h3"}
QUANTITIES = {"train_loss": "fitted_moment", "train_error": "fitted_moment", "test_error": "tested_moment"}
"""What is measured, each with the mean square of the labels to whose luck it is owed."""
JUDGED = ("train_loss", "test_error")
EXPONENTS = (
    UNTRAINED, 0.0, 0.1, WINDOW_EXPONENTS[1], 0.2, WINDOW_EXPONENTS[2], WINDOW_EXPONENTS[3], 0.4, 0.45, 0.5,
)  # fmt: skip
CURVE_EXPONENTS = tuple(sorted({*EXPONENTS, *np.linspace(0.0, 0.5, 51).round(3).tolist()}))
JUDGED_EXPONENTS = (*WINDOW_EXPONENTS.values(), 0.45, 0.5)
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
    """One job a seed, shared by both teachers and all exponents; and one for the theory. Exponents that are only shown
    have the first few seeds.
    """
    problems = problems_of(options)
    n_test = 5_000 if options.quick else 20_000
    first = problems["linear"]
    jobs = []
    for k in range(options.replicates(full=10, quick=6)):
        exponents = EXPONENTS if k < SEEDS_SHOWN else (UNTRAINED, *JUDGED_EXPONENTS)
        cost = 2 * len(exponents) * (n_test + 2 * first.n_samples) * first.width / 3e7
        key = f"{NAME}: {problems}, {exponents}, {n_test}, moments, seed {k}"
        jobs.append(Job(key, cost, partial(run, problems, n_test, k, exponents)))
    return [Job(f"{key}, theory {len(CURVE_EXPONENTS)}", 0.5, partial(run_theory, problems)), *jobs]


def run(problems: Mapping[str, Problem], n_test: int, seed: int, exponents: Sequence[float] = EXPONENTS) -> Rows:
    """Both teachers at every exponent, on the draw of one seed."""
    places = [(name, exponent) for name in problems for exponent in exponents]
    stepped = [with_exponent(problems[name], exponent) for name, exponent in places]
    runs = simulate(stepped, seed=(3, seed), n_test=n_test)
    luck = {name: _label_moments(problem, (3, seed), n_test) for name, problem in problems.items()}
    rows: list[Row] = [
        {"teacher": name, "exponent": exponent, "seed": seed, **luck[name], **{q: getattr(m, q) for q in QUANTITIES}}
        for (name, exponent), m in zip(places, runs)
    ]
    return {f"{NAME}_draws": rows}


def _label_moments(problem: Problem, seed: tuple[int, ...], n_test: int) -> dict[str, float]:
    """Mean squares of the labels that this draw fits and tests on, and their expectation."""
    draw = GaussianDraw.of(problem, seed, n_test)
    tested = np.concatenate([block.labels(problem) for block in draw.test_blocks()])
    return {
        "fitted_moment": float(np.mean(draw.ridge_sample.labels(problem) ** 2)),
        "tested_moment": float(np.mean(tested**2)),
        "label_moment": problem.label_second_moment,
    }


def run_theory(problems: Mapping[str, Problem]) -> Rows:
    """The theory at this size, the limit in every window by both statements of it, and the baselines."""
    rows = [row for name, problem in problems.items() for row in (*_curve(name, problem), *_stairs(name, problem))]
    sizes: list[Row] = [
        {"n_samples": p.n_samples, "input_dim": p.input_dim, "width": p.width} for p in problems.values()
    ]
    return {f"{NAME}_theory": rows, f"{NAME}_size": sizes[:1]}


def _curve(name: str, problem: Problem) -> Iterator[Row]:
    for exponent in CURVE_EXPONENTS:
        here = predict(with_exponent(problem, exponent))
        yield {"teacher": name, "curve": "finite-size", "place": exponent, **_numbers(here)}


def _stairs(name: str, problem: Problem) -> Iterator[Row]:
    for curve, published in (("window", False), ("published", True)):
        for window in range(HIGHEST_WINDOW + 1):
            here = limit(problem, window, published)
            yield {"teacher": name, "curve": curve, "place": window, **_numbers(here)}
    for curve in ("linear_error", "null_error"):
        value = float(getattr(limit(problem, 0), curve))
        yield {"teacher": name, "curve": curve, "place": 0, **dict.fromkeys(QUANTITIES, value)}


def _numbers(found: Prediction) -> dict[str, float]:
    return {name: getattr(found, name) for name in QUANTITIES}


def tables(rows: Mapping[str, Sequence[Row]]) -> dict[str, Columns]:
    """Mean errors with standard errors, every draw, and the theory."""
    draws = _with_gains(_with_control_variates(to_columns(rows[f"{NAME}_draws"])))
    return {
        NAME: average(draws, ("teacher", "exponent"), (*QUANTITIES, *(f"{q}_gain" for q in QUANTITIES))),
        f"{NAME}_draws": draws,
        f"{NAME}_theory": to_columns(rows[f"{NAME}_theory"]),
        f"{NAME}_size": to_columns(rows[f"{NAME}_size"]),
    }


def _with_control_variates(draws: Columns) -> Columns:
    """Every quantity with the luck of its labels taken out; as measured it is kept as ``..._raw``.

    Polynomial teachers have heavy tails: the mean square of a few thousand labels varies more than what the step does.
    """
    found = draws | {f"{q}_raw": draws[q] for q in QUANTITIES} | {q: draws[q].copy() for q in QUANTITIES}
    for teacher, exponent in unique(zip(draws["teacher"].tolist(), draws["exponent"].tolist())):
        here = (draws["teacher"] == teacher) & (draws["exponent"] == exponent)
        for quantity, control in QUANTITIES.items():
            moment = float(draws["label_moment"][here][0])
            found[quantity][here] = with_control_variate(draws[quantity][here], draws[control][here], moment)
    return found


def _with_gains(draws: Columns) -> Columns:
    """Every quantity minus that of the untrained network of the same draw, far less noisy than itself."""
    gains = {f"{q}_gain": np.empty_like(draws[q]) for q in QUANTITIES}
    for i, (teacher, seed) in enumerate(zip(draws["teacher"], draws["seed"])):
        untrained = select(draws, teacher=teacher, seed=seed, exponent=UNTRAINED)
        for q in QUANTITIES:
            gains[f"{q}_gain"][i] = draws[q][i] - untrained[q][0]
    return draws | gains


def claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """What one step buys, beside the theory at this size and the limit, and which line the test error crosses."""
    draws, theory = tables[f"{NAME}_draws"], tables[f"{NAME}_theory"]
    dim = float(tables[f"{NAME}_size"]["input_dim"][0])
    found = []
    for teacher in map(str, unique(draws["teacher"].tolist())):
        found += _untrained(draws, theory, teacher, dim)
        for quantity in JUDGED:
            found += _this_size(draws, theory, teacher, quantity, dim)
            for window in WINDOW_EXPONENTS:
                found += _window(draws, theory, teacher, quantity, window)
    return [*found, _beats_linear(draws, theory)]


def _untrained(draws: Columns, theory: Columns, teacher: str, dim: float) -> list[Claim]:
    """The errors before the step; the theory leaves out terms of relative order 1/d."""
    found = []
    for quantity in QUANTITIES:
        predicted = _predicted(theory, teacher, quantity, UNTRAINED)
        measured = sample(draws, quantity, teacher=teacher, exponent=UNTRAINED)
        words = f"{teacher} teacher: {_words(quantity)} of the untrained network = theory at this size"
        terms = {"resolution": RESOLUTION * predicted, "margin": predicted / dim}
        found.append(equal(NAME, words, measured, predicted, **terms))
    return found


def _this_size(draws: Columns, theory: Columns, teacher: str, quantity: str, dim: float) -> list[Claim]:
    """The gains over the untrained network; the margin is the untrained error over d, as there."""
    start = _predicted(theory, teacher, quantity, UNTRAINED)
    predicted = {a: _predicted(theory, teacher, quantity, a) - start for a in JUDGED_EXPONENTS}
    terms = {"resolution": RESOLUTION * max(map(abs, predicted.values())), "margin": start / dim}
    found = []
    for exponent, gain in predicted.items():
        words = f"{teacher} teacher, alpha = {exponent:g}: {_words(quantity)} minus that of the untrained network"
        measured = sample(draws, f"{quantity}_gain", teacher=teacher, exponent=exponent)
        found.append(equal(NAME, f"{words} = theory at this size", measured, gain, **terms))
    return found


def _window(draws: Columns, theory: Columns, teacher: str, quantity: str, window: int) -> list[Claim]:
    """The gain over the untrained network, and over the window below, beside those of the limit."""
    here: dict[str, float | str] = {"teacher": teacher, "exponent": WINDOW_EXPONENTS[window]}
    start = UNTRAINED if window == 1 else WINDOW_EXPONENTS[window - 1]
    below_here = "the untrained network" if window == 1 else f"window {window - 1}"
    limits = [_limit(theory, teacher, quantity, k) for k in (0, window - 1, window)]
    predicted = limits[2] - limits[1]
    gain = paired(draws, quantity, here, {"teacher": teacher, "exponent": start})
    words = f"{teacher} teacher: {_words(quantity)} in window {window} minus in {below_here}"
    found = [below(NAME, f"{words} is negative", gain, 0.0)] if predicted < 0 else []
    resolution = RESOLUTION * abs(limits[2] - limits[0])
    return [*found, equal(NAME, f"{words} = that of the limit", gain, predicted, resolution=resolution)]


def _words(quantity: str) -> str:
    return quantity.replace("_", " ")


def _limit(theory: Columns, teacher: str, quantity: str, window: int) -> float:
    return float(select(theory, teacher=teacher, curve="window", place=window)[quantity][0])


def _predicted(theory: Columns, teacher: str, quantity: str, exponent: float) -> float:
    return float(select(theory, teacher=teacher, curve="finite-size", place=exponent)[quantity][0])


def _beats_linear(draws: Columns, theory: Columns) -> Claim:
    """The claim that the best of the steps that all seeds have taken beats the best linear model."""
    means = {a: sample(draws, "test_error", teacher="cubic", exponent=a).mean for a in JUDGED_EXPONENTS}
    best = min(means, key=lambda a: means[a])
    linear = float(select(theory, teacher="cubic", curve="linear_error")["test_error"][0])
    words = f"cubic teacher: test error at its best step (alpha = {best:g}) is below that of the best linear model"
    return below(NAME, words, sample(draws, "test_error", teacher="cubic", exponent=best), linear)


ERRORS = Part(NAME, "Train and test error against the step", plan, tables, claims)
