"""Part 4: the same distances at growing n, so that the limit is seen to be approached, and how slowly."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import sqrt

import numpy as np

from polyspike.experiments.reproduce import alignment
from polyspike.experiments.reproduce.claims import Claim, above, below, equal
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns, unique
from polyspike.experiments.reproduce.common import SHIFTED_SINE, WINDOW_EXPONENTS, average, limit, sample
from polyspike.experiments.reproduce.jobs import Job, Options, Part, Rows
from polyspike.problem import Problem
from polyspike.results import Estimate
from polyspike.simulation import simulate_many
from polyspike.simulation.draw import GaussianDraw
from polyspike.simulation.equivalence import equivalence, offset, spike_features
from polyspike.simulation.gradient import gradient_step

__all__ = ["CONVERGENCE", "fit_rate"]

NAME = "convergence"
LOSS_EXPONENTS = (0.15, 0.2)
OFFSET_LEVEL = 4
"""Spikes taken out before the constant part in window 2 is looked at: the even one beyond it has one too."""


def sizes_of(options: Options) -> tuple[int, ...]:
    """The values of n; dense eigenproblems of a quarter of it, so 4000 is still a matter of seconds."""
    return (500, 1000, 2000) if options.quick else (500, 1000, 2000, 4000)


def problem_of(n: int) -> Problem:
    """A linear teacher, whose errors have light tails, at the ratios of figure 1."""
    return Problem(SHIFTED_SINE, "h1", n, n // 4, n // 2, step_exponent=0.0, ridge=0.1)


def plan(options: Options) -> list[Job]:
    """Equivalence of F and F_l in pairs of draws; losses and alignments one draw at one size a job."""
    sizes, jobs = sizes_of(options), []
    pairs, draws = (3, 4) if options.quick else (5, 8)
    pairs, draws = (options.seeds or pairs, options.seeds or draws)
    for level in WINDOW_EXPONENTS:
        key = f"{NAME}: F and F_l, {problem_of(sizes[0])}, {sizes}, l = {level}"
        cost = 30 * (max(sizes) / 2000) ** 3
        jobs += [Job(f"{key}, pair {k}", cost, partial(run_pair, sizes, level, k)) for k in range(pairs)]
    for n in sizes:
        key, cost = f"{NAME}: limits, {problem_of(n)}", 8 * (n / 2000) ** 3 + 0.5
        jobs += [Job(f"{key}, seed {k}", cost, partial(run_limits, n, k)) for k in range(draws)]
        key = f"{NAME}: constant part, {problem_of(n)}"
        jobs += [Job(f"{key}, seed {k}", cost / 2, partial(run_offset, n, k)) for k in range(draws)]
    return jobs


def run_pair(sizes: Sequence[int], level: int, pair: int) -> Rows:
    """Distances between F and F_l, mean of two draws, at all sizes."""
    problem = problem_of(sizes[0]).replace(step_exponent=WINDOW_EXPONENTS[level])
    found = equivalence(problem, level, sizes, seed=(4, pair), replicates=2, n_test=4000)
    gaps = {"operator": "distance", "train": "train_gap", "test": "test_gap"}
    rows: list[Row] = [
        {"name": f"{name} {level}", "n": p.n_samples, "seed": pair, "distance": getattr(p, field).mean}
        for p in found.points
        for name, field in gaps.items()
    ]
    return {f"{NAME}_draws": rows}


def run_limits(n: int, seed: int) -> Rows:
    """Relative distance of the drop of the train loss from its limit, and what the alignment of each degree lacks."""
    problem = problem_of(n)
    untrained, *stepped = [problem.replace(step_size=0.0), *(problem.replace(step_exponent=a) for a in LOSS_EXPONENTS)]
    start, *runs = simulate_many([untrained, *stepped], seed=(5, seed), n_test=2)
    drop = limit(problem, 1).train_loss - limit(problem, 0).train_loss
    found = {f"loss {a:g}": 1 - (m.train_loss - start.train_loss) / drop for a, m in zip(LOSS_EXPONENTS, runs)}
    aligned = problem.replace(teacher="3*h1", gradient="target")
    shares = alignment.run(aligned, seed, tuple(WINDOW_EXPONENTS.values()))["alignment_draws"]
    found |= {f"alignment {k}": 1 - float(row[f"new{k}"]) for k, row in zip(WINDOW_EXPONENTS, shares)}
    rows: list[Row] = [{"name": name, "n": n, "seed": seed, "distance": d} for name, d in found.items()]
    return {f"{NAME}_draws": rows}


def run_offset(n: int, seed: int) -> Rows:
    """What F_l misses of the constant part of the even spikes in window 2, by both statements, in the sign of c_2."""
    problem = problem_of(n).replace(step_exponent=WINDOW_EXPONENTS[2], gradient="target")
    draw = GaussianDraw.of(problem, (7, seed), 2)
    step, readout = draw.gradient_sample, draw.readout(problem.readout)
    gradient = gradient_step(
        step.inputs, step.labels(problem), draw.weights, readout, problem.activation, problem.gradient
    )
    inputs = draw.ridge_sample.inputs
    still = inputs @ draw.weights.T
    moved = problem.activation.apply(still + problem.step * (inputs @ gradient.matrix.T), np)
    missed = moved - problem.activation.apply(still, np)
    predicted = published_offset(problem)
    found: Row = {"n": n, "seed": seed, "left_by_published": abs(predicted)}
    for name, corrected in (("corrected", True), ("published", False)):
        spikes = spike_features(inputs, gradient, readout, problem, OFFSET_LEVEL, corrected)
        found = {**found, name: offset(missed, spikes, readout) * float(np.sign(predicted))}
    return {f"{NAME}_offset_draws": [found]}


def published_offset(problem: Problem) -> float:
    """The constant part of the even spikes that monomials miss, as :func:`polyspike.simulation.equivalence.offset`.

    ``sum_k c_k (eta c_1 |beta|)^k (E P_k - E kappa^k) cov(u^k, u^2) / sqrt(2 N^(k-1))`` over k = 2, 4, for the Gaussian
    readout and the target-only gradient, with ``E P_k = (k-1)!! (1 + Q)^(k/2)``: the second spike alone gives
    ``c_2 (eta c_1 |beta|)^2 Q sqrt(2/N)``.
    """
    sigma, q = problem.activation, limit(problem, 1).extras["Q"]
    c = sigma.coefficients(OFFSET_LEVEL)
    squared_norm = problem.teacher.coefficients(1)[1] ** 2 + problem.phi_gradient * problem.label_second_moment
    scale = problem.step * c[1] * sqrt(squared_norm)
    constant, covariance = {2: q, 4: 3 * ((1 + q) ** 2 - 1)}, {2: 2, 4: 12}
    terms = (c[k] * scale**k * constant[k] * covariance[k] / sqrt(2 * problem.width ** (k - 1)) for k in constant)
    return float(sum(terms))


def fit_rate(distances: Columns, name: str, replicates: int) -> tuple[Estimate, float]:
    """Slope of ``log distance`` against ``log n`` by least squares, with the standard error that the means carry
    into it; and the prefactor of ``n^slope``.

    The degrees of freedom of that error are those of all sizes together, ``sizes (replicates - 1)``.
    """
    here = select(distances, name=name)
    log_n, log_d = np.log(here["n"]), np.log(here["distance"])
    centred = log_n - log_n.mean()
    weights = centred / float(centred @ centred)
    slope = float(weights @ log_d)
    relative = here["distance_se"] / here["distance"]
    error = float(np.sqrt(weights**2 @ relative**2))
    return Estimate(slope, error, 1 + log_n.size * (replicates - 1)), float(np.exp(log_d.mean() - slope * log_n.mean()))


def tables(rows: Mapping[str, Sequence[Row]]) -> dict[str, Columns]:
    """Mean distances, every draw, and the fitted rates."""
    draws = to_columns(rows[f"{NAME}_draws"])
    means = average(draws, ("name", "n"), ("distance",))
    rates: list[Row] = []
    for name in map(str, unique(means["name"].tolist())):
        replicates = len(unique(select(draws, name=name)["seed"].tolist()))
        slope, prefactor = fit_rate(means, name, replicates)
        error, n = slope.standard_error, slope.n
        rates.append({"name": name, "rate": slope.mean, "rate_se": error, "freedom": n - 1, "prefactor": prefactor})
    offsets = to_columns(rows[f"{NAME}_offset_draws"])
    return {
        NAME: means,
        f"{NAME}_rates": to_columns(rates),
        f"{NAME}_draws": draws,
        f"{NAME}_offsets": average(offsets, ("n", "left_by_published"), ("corrected", "published")),
        f"{NAME}_offset_draws": offsets,
    }


WORDS = {
    "operator": "|F - F_l|/sqrt(n) in window {} falls as n grows: its power of n",
    "train": "train error of F minus that of F_l, window {}: its power of n",
    "test": "test error of F minus that of F_l, window {}: its power of n",
    "loss": "train loss at alpha = {}: distance of its drop from the limit, its power of n",
    "alignment": "what the top vectors lack of degree {} in its window: its power of n",
}


def claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """Every distance falls as a power of n; the second spike has the constant part of P_2, not of the square."""
    found = []
    for name, rate, error, n in zip(
        *(tables[f"{NAME}_rates"][c].tolist() for c in ("name", "rate", "rate_se", "freedom"))
    ):
        kind, where = name.split()
        found.append(below(NAME, WORDS[kind].format(where), Estimate(rate, error, int(n) + 1), 0.0))
    return found + _offset_claims(tables[f"{NAME}_offset_draws"])


def _offset_claims(offsets: Columns) -> list[Claim]:
    """At the largest n; the margin is the share 1/d that |beta|^2 Q may be off at this size."""
    n = float(offsets["n"].max())
    here = select(offsets, n=n)
    predicted = float(here["left_by_published"][0])
    terms = {"resolution": predicted / 2, "margin": predicted / problem_of(int(n)).input_dim}
    where = f"window 2, n = {n:.0f}: constant part of the even spikes that"
    corrected, published = (sample(here, name, n=n) for name in ("corrected", "published"))
    return [
        equal(NAME, f"{where} P_k leave over = 0", corrected, 0.0, **terms),
        equal(NAME, f"{where} bare monomials leave over = its prediction", published, predicted, **terms),
        above(NAME, f"{where} bare monomials leave over is not 0", published, 0.0),
    ]


CONVERGENCE = Part(NAME, "How the limit is approached", plan, tables, claims)
