"""Part 6: one sample for the step and the fit, beside fresh samples and beside a split."""

from collections.abc import Mapping, Sequence
from functools import partial

from polyspike.experiments.reproduce.claims import Claim, above, agrees, below, equal
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns
from polyspike.experiments.reproduce.common import UNTRAINED, average, paired, sample, with_exponent
from polyspike.experiments.reproduce.jobs import Job, Options, Part, Rows
from polyspike.experiments.sample_reuse import PROTOCOLS
from polyspike.problem import Problem
from polyspike.results import Prediction
from polyspike.simulation import leave_one_out, simulate
from polyspike.theory import predict

__all__ = ["REUSE"]

NAME = "reuse"
SAMPLES = ("fresh", "same")
RIDGES = {"small": 0.003, "good": 0.1}
"""Far below the best ridge of a fresh sample, and near it."""

GRID_RIDGES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
EXPONENTS = (0.0, 0.1, 0.2, 0.3, 0.45)
BETWEEN = (0.05, 0.15, 0.25, 0.35, 0.4, 0.5)
"""Exponents at which there is theory only, in a full run."""

JUDGED_EXPONENTS = (0.3, 0.45)
LEFT_OUT_EXPONENT = 0.45
N_TEST = 4000
SEEDS, QUICK_SEEDS = 24, 6
SEEDS_SHOWN = 10
"""Seeds at most of what is drawn in the figure and not judged by any claim."""
BIAS_RESOLUTION = 0.25


def problem_of(options: Options) -> Problem:
    """Three samples a dimension and noisy labels, where it matters much whose samples the fit has."""
    n = 450 if options.quick else 900
    return Problem("tanh", "h1", n, n // 3, 2 * n // 3, step_exponent=0.0, noise=0.5, gradient="target")


def grid_exponents(options: Options) -> tuple[float, ...]:
    """Exponents of the theory, no step among them: those of the simulation, and between them where there is time."""
    return (UNTRAINED, *sorted({*EXPONENTS, *(() if options.quick else BETWEEN)}))


def plan(options: Options) -> list[Job]:
    """The theory, a job for every step; and one job a seed for the curves, all on its draw. Exponents that are only
    shown have the first few seeds.
    """
    problem = problem_of(options)
    theory = [
        Job(f"{NAME}: {problem}, theory {exponent}, {GRID_RIDGES}", 0.6, partial(run_theory, problem, exponent))
        for exponent in grid_exponents(options)
    ]
    jobs = []
    for k in range(options.replicates(full=SEEDS, quick=QUICK_SEEDS)):
        exponents = EXPONENTS if k < SEEDS_SHOWN else JUDGED_EXPONENTS
        cost = (5 + len(exponents)) * (problem.n_samples / 900) ** 3
        key = f"{NAME}: {problem}, {RIDGES}, {exponents}, {LEFT_OUT_EXPONENT}, {N_TEST}, seed {k}"
        jobs.append(Job(key, cost, partial(run, problem, k, exponents)))
    return [*theory, *jobs]


def more(options: Options, jobs: Sequence[Job], rows: Mapping[str, Sequence[Row]]) -> list[Job]:
    """The three protocols, each at the step and ridge of its least predicted test error, one job a seed."""
    del jobs
    problem, chosen = problem_of(options), best_places(to_columns(rows[f"{NAME}_theory"]))
    problems = {str(row["protocol"]): _protocol(problem, row) for row in chosen}
    key, cost = f"{NAME}: {problems}, {N_TEST}", 2 * (problem.n_samples / 900) ** 3
    count = options.replicates(full=SEEDS, quick=QUICK_SEEDS)
    return [Job(f"{key}, protocols, seed {k}", cost, partial(run_protocols, problems, k)) for k in range(count)]


def run(problem: Problem, seed: int, exponents: Sequence[float] = EXPONENTS) -> Rows:
    """Fresh and reused samples at some steps and both ridges, and leave-one-out, on the draw of one seed."""
    places = [(s, ridge, exponent) for s in SAMPLES for ridge in RIDGES.values() for exponent in exponents]
    problems = [with_exponent(problem.replace(samples=s, ridge=ridge), exponent) for s, ridge, exponent in places]
    found = dict(zip(places, (m.test_error for m in simulate(problems, seed=(10, seed), n_test=N_TEST))))
    draws: list[Row] = [
        {"samples": s, "ridge": ridge, "exponent": exponent, "seed": seed, "test_error": error}
        for (s, ridge, exponent), error in found.items()
    ]
    reused = with_exponent(problem.replace(samples="same"), LEFT_OUT_EXPONENT)
    estimates = leave_one_out([reused.replace(ridge=ridge) for ridge in RIDGES.values()], seed=(10, seed))
    return {
        f"{NAME}_draws": draws,
        f"{NAME}_left_out_draws": [
            {"ridge": ridge, "seed": seed, "bias": one.plain_error / found["same", ridge, LEFT_OUT_EXPONENT] - 1}
            for ridge, one in zip(RIDGES.values(), estimates)
        ],
    }


def run_theory(problem: Problem, exponent: float) -> Rows:
    """Every protocol at one step, the same number for all, and every ridge of the grid."""
    rows: list[Row] = []
    biases: list[Row] = []
    step = with_exponent(problem, exponent).step
    for name, make in PROTOCOLS.items():
        problems = [make(problem).replace(step_size=step, ridge=ridge) for ridge in GRID_RIDGES]
        for ridge, found in zip(GRID_RIDGES, predict(problems)):
            assert isinstance(found, Prediction)
            where: Row = {"protocol": name, "exponent": exponent, "step": step, "ridge": ridge}
            rows.append({**where, "test_error": found.test_error, "error_estimate": found.error_estimate or 0.0})
            if name == "same":
                biases.append({"exponent": exponent, "ridge": ridge, "bias": found.extras["leave_one_out_bias"]})
    return {f"{NAME}_theory": rows, f"{NAME}_left_out_theory": biases}


def run_protocols(problems: Mapping[str, Problem], seed: int) -> Rows:
    """The test error of every protocol at its choice, at one seed that had no part in it."""
    found = simulate(list(problems.values()), seed=(11, seed), n_test=N_TEST)
    return {
        f"{NAME}_protocol_draws": [
            {"protocol": name, "seed": seed, "test_error": m.test_error} for name, m in zip(problems, found)
        ]
    }


def best_places(theory: Columns) -> list[Row]:
    """The row of the least predicted test error, of every protocol."""
    found: list[Row] = []
    for name in PROTOCOLS:
        here = select(theory, protocol=name)
        best = int(here["test_error"].argmin())
        found.append({column: values[best].item() for column, values in here.items()})
    return found


def _protocol(problem: Problem, row: Row) -> Problem:
    return PROTOCOLS[str(row["protocol"])](problem).replace(step_size=float(row["step"]), ridge=float(row["ridge"]))


def tables(rows: Mapping[str, Sequence[Row]]) -> dict[str, Columns]:
    """Mean test errors against the step, the protocols at their choices, every draw, and the theory."""
    draws, judged, left_out = (to_columns(rows[f"{NAME}_{n}"]) for n in ("draws", "protocol_draws", "left_out_draws"))
    theory = to_columns(rows[f"{NAME}_theory"])
    return {
        NAME: average(draws, ("samples", "ridge", "exponent"), ("test_error",)),
        f"{NAME}_draws": draws,
        f"{NAME}_theory": theory,
        f"{NAME}_protocols": to_columns([_judged(row, judged) for row in best_places(theory)]),
        f"{NAME}_protocol_draws": judged,
        f"{NAME}_left_out": average(left_out, ("ridge",), ("bias",)),
        f"{NAME}_left_out_draws": left_out,
        f"{NAME}_left_out_theory": to_columns(rows[f"{NAME}_left_out_theory"]),
    }


def _judged(row: Row, draws: Columns) -> Row:
    found = sample(draws, "test_error", protocol=row["protocol"])
    predicted = {"predicted_test_error": row["test_error"]}
    return {**row, **predicted, "test_error": found.mean, "test_error_se": found.standard_error}


def claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """The theory of both, where reuse helps and where it hurts, what plain leave-one-out misses, and the protocols."""
    found = [claim for name in RIDGES for exponent in JUDGED_EXPONENTS for claim in _agreement(tables, name, exponent)]
    found += [claim for exponent in JUDGED_EXPONENTS for claim in _differences(tables, exponent)]
    return [*found, *_left_out(tables), *_protocols(tables)]


def _agreement(tables: Mapping[str, Columns], name: str, exponent: float) -> list[Claim]:
    """Fresh and reused samples at one place."""
    found = []
    for samples in SAMPLES:
        here = {"ridge": RIDGES[name], "exponent": exponent}
        predicted = select(tables[f"{NAME}_theory"], protocol=samples, **here)
        measured = sample(tables[f"{NAME}_draws"], "test_error", samples=samples, **here)
        words = f"{_samples(samples)}, ridge {RIDGES[name]:g}, alpha = {exponent:g}: test error"
        found.append(agrees(NAME, words, measured, _only(predicted, "test_error"), _only(predicted, "error_estimate")))
    return found


def _differences(tables: Mapping[str, Columns], exponent: float) -> list[Claim]:
    """Reused minus fresh, seed by seed, at the small ridge and at the good one."""
    found = []
    for name, judge, word in (("small", below, "negative"), ("good", above, "positive")):
        here, there = ({"samples": s, "ridge": RIDGES[name], "exponent": exponent} for s in ("same", "fresh"))
        words = f"ridge {RIDGES[name]:g}, alpha = {exponent:g}: test error of reused samples minus that of fresh ones"
        found.append(judge(NAME, f"{words} is {word}", paired(tables[f"{NAME}_draws"], "test_error", here, there), 0.0))
    return found


def _left_out(tables: Mapping[str, Columns]) -> list[Claim]:
    """Plain leave-one-out on reused samples is too low, and by as much as predicted."""
    found = []
    for ridge in RIDGES.values():
        predicted = _only(select(tables[f"{NAME}_left_out_theory"], ridge=ridge, exponent=LEFT_OUT_EXPONENT), "bias")
        place: dict[str, float | str] = {"protocol": "same", "ridge": ridge, "exponent": LEFT_OUT_EXPONENT}
        margin = (1 + predicted) * _only(select(tables[f"{NAME}_theory"], **place), "error_estimate")
        measured = sample(tables[f"{NAME}_left_out_draws"], "bias", ridge=ridge)
        where = f"reused samples, ridge {ridge:g}, alpha = {LEFT_OUT_EXPONENT:g}"
        words = f"{where}: plain leave-one-out over test error - 1"
        terms = {"resolution": BIAS_RESOLUTION * abs(predicted), "margin": margin}
        found += [
            below(NAME, f"{words} is negative", measured, 0.0),
            equal(NAME, f"{words} = theory at this size, within its error estimate", measured, predicted, **terms),
        ]
    return found


def _protocols(tables: Mapping[str, Columns]) -> list[Claim]:
    """At its best step and ridge reuse is better than a split, worse than twice the labels, and as predicted."""
    draws, found = tables[f"{NAME}_protocol_draws"], []
    for row in best_places(tables[f"{NAME}_theory"]):
        measured = sample(draws, "test_error", protocol=row["protocol"])
        words = f"{_PROTOCOL_WORDS[str(row['protocol'])]}, at the best predicted step and ridge: test error"
        found.append(agrees(NAME, words, measured, float(row["test_error"]), float(row["error_estimate"])))
    words = "test error, each at its best predicted step and ridge:"
    split, fresh = (paired(draws, "test_error", {"protocol": p}, {"protocol": "same"}) for p in ("split", "fresh"))
    return [
        *found,
        above(NAME, f"{words} a split into n/2 + n/2 minus reuse of n is positive", split, 0.0),
        below(NAME, f"{words} n and n fresh samples minus reuse of n is negative", fresh, 0.0),
    ]


_PROTOCOL_WORDS = {"fresh": "n and n fresh samples", "same": "reuse of n", "split": "a split into n/2 + n/2"}


def _samples(name: str) -> str:
    return "fresh samples" if name == "fresh" else "reused samples"


def _only(columns: Columns, name: str) -> float:
    return float(columns[name][0])


REUSE = Part(NAME, "One sample for the step and the fit", plan, tables, claims, more)
