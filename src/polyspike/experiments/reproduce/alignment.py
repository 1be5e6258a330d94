"""Part 2: what each spike has learned, degree by degree, as the step grows."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np

from polyspike.arraytypes import Array
from polyspike.experiments.reproduce.claims import Claim, above, below, equal
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns
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
from polyspike.experiments.reproduce.spectrum import predicted_spectrum
from polyspike.hermite import hermite_functions
from polyspike.problem import Problem
from polyspike.simulation.draw import Draw, GaussianDraw
from polyspike.simulation.gradient import gradient_of
from polyspike.simulation.spectrum import top_eigenpairs

__all__ = ["ALIGNMENT", "learned", "share_of", "smoothed_powers"]

NAME = "alignment"
N_VECTORS = 4
DEGREE = 4
EXPONENTS = (
    UNTRAINED,
    0.0,
    0.05,
    0.1,
    WINDOW_EXPONENTS[1],
    0.2,
    0.25,
    WINDOW_EXPONENTS[2],
    0.32,
    WINDOW_EXPONENTS[3],
    0.4,
    0.45,
)
CURVE_EXPONENTS = tuple(sorted({*EXPONENTS[1:], *np.linspace(0.0, 0.45, 19).round(3).tolist()}))
RESOLUTION = 0.25
LEAST_SHARE = 0.05
FINITE_SIZE = 10.0
"""Finite-size term of a predicted share, times the input dimension."""


def problem_of(options: Options) -> Problem:
    """The network of figure 1, with the target-only gradient: the statement on P_k is cleanest there."""
    n = 1000 if options.quick else 2000
    return Problem(SHIFTED_SINE, "3*h1", n, n // 4, n // 2, step_exponent=0.0, gradient="target", ridge=0.01)


def plan(options: Options) -> list[Job]:
    """One job a seed, all exponents on its draw; and one for the theory. Exponents that are only shown have the first
    few seeds.
    """
    problem, jobs = problem_of(options), []
    for k in range(options.replicates(full=12, quick=6)):
        exponents = EXPONENTS if k < SEEDS_SHOWN else (UNTRAINED, *WINDOW_EXPONENTS.values())
        cost = len(exponents) / 2 * (problem.width / 1000) ** 3
        jobs.append(Job(f"{NAME}: {problem}, {exponents}, seed {k}", cost, partial(run, problem, k, exponents)))
    return [Job(f"{NAME}: {problem}, theory {CURVE_EXPONENTS}", 0.5, partial(run_theory, problem)), *jobs]


def run(problem: Problem, seed: int, exponents: Sequence[float] = EXPONENTS) -> Rows:
    """The shares and the profiles at every exponent, on the draw of one seed."""
    smoothing = limit(problem, 2).extras["Q"]
    draw = GaussianDraw.of(problem, (2, seed), 2)
    shares: list[Row] = []
    profiles: list[Row] = []
    for exponent, vectors, kappa in learned(draw, problem, exponents):
        where: Row = {"seed": seed, "exponent": exponent}
        shares.append({**where, **share_of(vectors, kappa, smoothing)})
        profiles += [{**where, **row} for row in _profiles(vectors, kappa)]
    return {f"{NAME}_draws": shares, f"{NAME}_profile_draws": profiles}


def run_theory(problem: Problem) -> Rows:
    """What the outliers carry by the finite-size theory: the share of each degree, and the profile of each vector."""
    shares: list[Row] = []
    profiles: list[Row] = []
    for exponent in CURVE_EXPONENTS:
        here = with_exponent(problem, exponent)
        spikes = predicted_spectrum(here).spikes[:N_VECTORS]
        total = sum((spike.overlaps for spike in spikes), np.zeros(DEGREE + 3))
        where: Row = {"exponent": exponent, "input_dim": here.input_dim}
        shares.append({**where, **{f"h{k}": float(total[k]) for k in range(1, DEGREE + 1)}})
        profiles += [
            {**where, "vector": j, "degree": k, "overlap": float(spike.overlaps[k])}
            for j, spike in enumerate(spikes, start=1)
            for k in range(DEGREE + 1)
        ]
    return {f"{NAME}_theory": shares, f"{NAME}_profile_theory": profiles}


def learned(draw: Draw, problem: Problem, exponents: Sequence[float]) -> Iterator[tuple[float, Array, Array]]:
    """Top left singular vectors of F at every exponent, and ``kappa = beta . x / |beta|`` of the rows of F."""
    gradient = gradient_of(problem, draw)
    inputs = draw.ridge_sample.inputs
    still, moved = inputs @ draw.weights.T, inputs @ gradient.matrix.T
    kappa = inputs @ (gradient.beta / np.linalg.norm(gradient.beta))
    for exponent in exponents:
        features = problem.activation.apply(still + with_exponent(problem, exponent).step * moved, np)
        yield exponent, top_eigenpairs(features, N_VECTORS)[1], kappa


def smoothed_powers(kappa: Array, smoothing: float) -> list[Array]:
    """``P_k(kappa) = E (kappa + sqrt(Q) xi)^k``, k = 0 .. 4, by ``P_{k+1} = kappa P_k + k Q P_{k-1}``."""
    powers = [np.ones_like(kappa), kappa]
    for k in range(1, DEGREE):
        powers.append(kappa * powers[k] + k * smoothing * powers[k - 1])
    return powers


def share_of(vectors: Array, kappa: Array, smoothing: float) -> dict[str, float]:
    """Squared cosine of every function with the span of the vectors.

    ``new_k`` is the part of P_k that is orthogonal to P_1 .. P_{k-1}: what the k-th spike adds to the others.
    """
    hermite = hermite_functions(kappa, DEGREE)
    powers = np.array(smoothed_powers(kappa, smoothing)[1:])
    new = np.linalg.qr(powers.T)[0].T
    functions: dict[str, Array] = {}
    for k in range(1, DEGREE + 1):
        functions |= {f"h{k}": hermite[k], f"monomial{k}": kappa**k, f"p{k}": powers[k - 1], f"new{k}": new[k - 1]}
    return {name: float(np.sum((f @ vectors) ** 2) / (f @ f)) for name, f in functions.items()}


def _profiles(vectors: Array, kappa: Array) -> list[Row]:
    """Squared cosine of every vector with every Hermite function."""
    hermite = hermite_functions(kappa, DEGREE)
    units = hermite / np.linalg.norm(hermite, axis=1, keepdims=True)
    overlaps = (units @ vectors) ** 2
    return [
        {"vector": j + 1, "degree": k, "overlap": float(overlaps[k, j])}
        for j in range(N_VECTORS)
        for k in range(DEGREE + 1)
    ]


def tables(rows: Mapping[str, Sequence[Row]]) -> dict[str, Columns]:
    """Mean shares against the exponent, and the mean profile of each vector."""
    draws, profiles = (to_columns(rows[f"{NAME}_{name}"]) for name in ("draws", "profile_draws"))
    values = [name for name in draws if name not in ("seed", "exponent")]
    return {
        NAME: average(draws, ("exponent",), values),
        f"{NAME}_draws": draws,
        f"{NAME}_theory": to_columns(rows[f"{NAME}_theory"]),
        f"{NAME}_profile_draws": profiles,
        f"{NAME}_profile_theory": to_columns(rows[f"{NAME}_profile_theory"]),
        f"{NAME}_profiles": average(profiles, ("exponent", "vector", "degree"), ("overlap",)),
    }


def claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """Each degree enters with its window, the even spike carries P_2 and not the bare square, and each vector has
    learned what the finite-size theory says.
    """
    draws = tables[f"{NAME}_draws"]
    found = [claim for k in WINDOW_EXPONENTS for claim in _degree_claims(draws, k)]
    return [*found, _smoothed_claim(draws), *_profile_claims(tables)]


def _profile_claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """Every squared cosine of which the finite-size theory predicts more than a twentieth, inside the three windows."""
    theory, found = tables[f"{NAME}_profile_theory"], []
    for window, exponent in WINDOW_EXPONENTS.items():
        here = select(theory, exponent=exponent)
        for vector, degree, overlap, d in zip(
            *(here[n].tolist() for n in ("vector", "degree", "overlap", "input_dim"))
        ):
            if overlap < LEAST_SHARE:
                continue
            where = {"exponent": exponent, "vector": vector, "degree": degree}
            measured = sample(tables[f"{NAME}_profile_draws"], "overlap", **where)
            words = f"window {window}: squared cosine of vector {vector:.0f} with H_{degree:.0f} as predicted, within"
            words = f"{words} {FINITE_SIZE:g}/d"
            terms = {"resolution": RESOLUTION, "margin": FINITE_SIZE / d}
            found.append(equal(NAME, words, measured, overlap, **terms))
    return found


def _degree_claims(draws: Columns, k: int) -> list[Claim]:
    start, inside = sample(draws, f"new{k}", exponent=UNTRAINED), sample(draws, f"new{k}", exponent=WINDOW_EXPONENTS[k])
    found = [
        below(NAME, f"degree {k}: at initialisation most of it is outside the top {N_VECTORS} vectors", start, 0.5),
        above(NAME, f"degree {k}: in window {k} most of it is inside the top {N_VECTORS} vectors", inside, 0.5),
    ]
    if k > 1:
        gain = paired(draws, f"new{k}", {"exponent": WINDOW_EXPONENTS[k]}, {"exponent": WINDOW_EXPONENTS[k - 1]})
        found.append(above(NAME, f"degree {k}: its share in window {k} minus its share in window {k - 1}", gain, 0.0))
    return found


def _smoothed_claim(draws: Columns) -> Claim:
    here = select(draws, exponent=WINDOW_EXPONENTS[2])
    gain = {"seed": here["seed"], "gain": here["p2"] - here["monomial2"]}
    statement = "window 2: the share of P_2 = (beta.x)^2 + Q minus that of the bare square (beta.x)^2"
    return above(NAME, statement, sample(gain, "gain"), 0.0)


ALIGNMENT = Part(NAME, "What each spike has learned", plan, tables, claims)
