"""Part 7: inputs of four spectra, and where the learned direction leans."""

from collections.abc import Mapping, Sequence
from functools import partial

from polyspike.experiments.reproduce.claims import Claim, above, agrees, equal
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns, unique
from polyspike.experiments.reproduce.common import average, sample, with_exponent
from polyspike.experiments.reproduce.jobs import Job, Options, Part, Rows
from polyspike.experiments.statistics import estimate
from polyspike.problem import Problem
from polyspike.simulation import simulate
from polyspike.theory import predict

__all__ = ["INPUTS"]

NAME = "inputs"
SPECTRA = {
    "isotropic": "isotropic",
    "two-level": "two-level:0.3,1.7,0.5",
    "power law": "power:0.5",
    "spiked, teacher on top": "spiked:10,3; teacher=top",
}
LEANING = SPECTRA["power law"]
EXPONENTS = (0.0, 0.1, 0.2, 0.3, 0.45)
BETWEEN = (0.05, 0.15, 0.25, 0.35, 0.4, 0.5)
"""Exponents at which there is theory only, in a full run."""

JUDGED_EXPONENTS = (0.3, 0.45)
N_TEST = 4000
SEEDS, QUICK_SEEDS = 24, 6
SEEDS_SHOWN = 10
"""Seeds at most of what is drawn in the figure and not judged by any claim."""

RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Samples of the gradient over those of the fit, where the cosines are measured."""

JUDGED_RATIOS = (1.0, 4.0)
CLEAREST = 4.0
"""The ratio at which the cosines are compared with each other."""

PRECONDITION = 0.1
COSINE_RESOLUTION = 0.1
COSINES = ("cosine", "lean", "preconditioned")


def problem_of(options: Options) -> Problem:
    """Four samples a dimension, and a teacher with a linear and a quadratic part."""
    n = 400 if options.quick else 800
    return Problem("relu", "h1 + 0.5*h2", n, n // 4, n // 2, step_exponent=0.3, ridge=0.1, noise=0.5)


def curve_exponents(options: Options) -> tuple[float, ...]:
    """Exponents of the theory: those of the simulation, and between them where there is time."""
    return EXPONENTS if options.quick else tuple(sorted({*EXPONENTS, *BETWEEN}))


def plan(options: Options) -> list[Job]:
    """One job a seed, all spectra on its draw; and for the theory one job a spectrum, and one for the cosines. Steps
    and samples of the gradient that are only shown have the first few seeds.
    """
    problem, exponents = problem_of(options), curve_exponents(options)
    key, size = f"{NAME}: {problem}, {SPECTRA}", (problem.n_samples / 800) ** 3
    theory = [
        Job(f"{key}, theory {name}, {exponents}", 1.0, partial(run_theory, problem, name, exponents))
        for name in SPECTRA
    ]
    cosines = Job(f"{key}, theory of cosines, {RATIOS}", 1.0, partial(run_cosine_theory, problem))
    jobs = []
    for k in range(options.replicates(full=SEEDS, quick=QUICK_SEEDS)):
        places = (EXPONENTS, RATIOS) if k < SEEDS_SHOWN else (JUDGED_EXPONENTS, JUDGED_RATIOS)
        what, cost = f"{places}, {PRECONDITION}, {N_TEST}, seed {k}", (len(places[0]) + len(places[1])) * size
        jobs.append(Job(f"{key}, {what}", cost, partial(run, problem, k, *places)))
    return [*theory, cosines, *jobs]


def run(problem: Problem, seed: int, exponents: Sequence[float] = EXPONENTS, ratios: Sequence[float] = RATIOS) -> Rows:
    """Every spectrum at some steps, and the cosines for some numbers of samples of the gradient, at one seed."""
    places = [(name, exponent) for name in SPECTRA for exponent in exponents]
    problems = [with_exponent(problem.replace(inputs=SPECTRA[name]), exponent) for name, exponent in places]
    runs = simulate(problems, seed=(12, seed), n_test=N_TEST)
    return {
        f"{NAME}_draws": [
            {"spectrum": name, "exponent": exponent, "seed": seed, "test_error": m.test_error}
            for (name, exponent), m in zip(places, runs)
        ],
        f"{NAME}_cosine_draws": [{"seed": seed, **_cosines(problem, ratio, seed)} for ratio in ratios],
    }


def _cosines(problem: Problem, ratio: float, seed: int) -> dict[str, float]:
    """Of the plain step with ``beta*`` and ``Sigma beta*``, and of the preconditioned one with ``beta*``."""
    plain = leaning(problem, ratio)
    found, moved = simulate([plain, plain.replace(precondition=PRECONDITION)], seed=(12, seed), n_test=100)
    assert found.cosine is not None
    assert found.biased_cosine is not None
    assert moved.cosine is not None
    return {
        "ratio": ratio,
        "n_gradient": plain.gradient_samples,
        "cosine": found.cosine,
        "lean": found.biased_cosine,
        "preconditioned": moved.cosine,
    }


def leaning(problem: Problem, ratio: float) -> Problem:
    """The problem whose cosines are measured, with so many samples of the gradient for one of the fit."""
    return problem.replace(inputs=LEANING, n_gradient=int(ratio * problem.n_samples))


def run_theory(problem: Problem, name: str, exponents: Sequence[float]) -> Rows:
    """The test error of one spectrum at every step."""
    rows: list[Row] = []
    for exponent in exponents:
        found = predict(with_exponent(problem.replace(inputs=SPECTRA[name]), exponent))
        numbers = {"test_error": found.test_error, "error_estimate": found.error_estimate or 0.0}
        rows.append({"spectrum": name, "exponent": exponent, **numbers})
    return {f"{NAME}_theory": rows}


def run_cosine_theory(problem: Problem) -> Rows:
    """The cosines of the plain step with ``beta*`` and ``Sigma beta*``, of the preconditioned one with ``beta*``."""
    rows: list[Row] = []
    for ratio in RATIOS:
        here = leaning(problem, ratio)
        found = predict(here)
        assert found.biased_cosine is not None
        sizes = {"ratio": ratio, "n_gradient": here.gradient_samples, "input_dim": here.input_dim}
        moved = predict(here.replace(precondition=PRECONDITION)).cosine
        rows.append({**sizes, "cosine": found.cosine, "lean": found.biased_cosine, "preconditioned": moved})
    return {f"{NAME}_cosine_theory": rows}


def tables(rows: Mapping[str, Sequence[Row]]) -> dict[str, Columns]:
    """Mean test errors and cosines, every draw, and the theory."""
    draws, cosines = to_columns(rows[f"{NAME}_draws"]), to_columns(rows[f"{NAME}_cosine_draws"])
    return {
        NAME: average(draws, ("spectrum", "exponent"), ("test_error",)),
        f"{NAME}_draws": draws,
        f"{NAME}_theory": to_columns(rows[f"{NAME}_theory"]),
        f"{NAME}_cosines": average(cosines, ("ratio", "n_gradient"), COSINES),
        f"{NAME}_cosine_draws": cosines,
        f"{NAME}_cosine_theory": to_columns(rows[f"{NAME}_cosine_theory"]),
    }


def claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """The theory of spectra and cosines; that the lean is the larger; and that a preconditioned step takes it back."""
    names = map(str, unique(tables[NAME]["spectrum"].tolist()))
    found = [_agreement(tables, name, exponent) for name in names for exponent in JUDGED_EXPONENTS]
    return [*found, *_cosine_claims(tables), *_comparisons(tables[f"{NAME}_cosine_draws"])]


def _agreement(tables: Mapping[str, Columns], name: str, exponent: float) -> Claim:
    here: dict[str, float | str] = {"spectrum": name, "exponent": exponent}
    predicted = select(tables[f"{NAME}_theory"], **here)
    size, share = (float(predicted[column][0]) for column in ("test_error", "error_estimate"))
    words = f"{SPECTRA[name]}, alpha = {exponent:g}: test error"
    return agrees(NAME, words, sample(tables[f"{NAME}_draws"], "test_error", **here), size, share)


def _cosine_claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """Both cosines as predicted; the theory leaves out terms of order 1/d."""
    found = []
    for ratio in JUDGED_RATIOS:
        predicted = select(tables[f"{NAME}_cosine_theory"], ratio=ratio)
        margin = 1 / float(predicted["input_dim"][0])
        for name, target in (("cosine", "beta*"), ("lean", "Sigma beta*")):
            size = float(predicted[name][0])
            measured = sample(tables[f"{NAME}_cosine_draws"], name, ratio=ratio)
            words = f"{LEANING}, n_0 = {ratio:g} n: cosine of beta with {target} = theory, within 1/d"
            terms = {"resolution": COSINE_RESOLUTION * size, "margin": margin}
            found.append(equal(NAME, words, measured, size, **terms))
    return found


def _comparisons(draws: Columns) -> list[Claim]:
    """Differences of the cosines, seed by seed."""
    here = select(draws, ratio=CLEAREST)
    lean, gain = (estimate((here[name] - here["cosine"]).tolist()) for name in ("lean", "preconditioned"))
    where = f"{LEANING}, n_0 = {CLEAREST:g} n: cosine of beta with"
    words = f"{where} beta* after a step with precondition = {PRECONDITION:g} minus that after a plain one is positive"
    return [
        above(NAME, f"{where} Sigma beta* minus that with beta* is positive", lean, 0.0),
        above(NAME, words, gain, 0.0),
    ]


INPUTS = Part(NAME, "Inputs of four spectra", plan, tables, claims)
