"""Part 4: the same distances at growing n, so that the limit is seen to be approached, and how slowly."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import sqrt

import numpy as np

from polyspike.experiments.reproduce.claims import Claim, above, below, equal
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns, unique
from polyspike.experiments.reproduce.common import SHIFTED_SINE, WINDOW_EXPONENTS, average, limit, sample
from polyspike.experiments.reproduce.distances import OFFSET_WINDOW, alignments, gaps_and_losses, offsets, shared
from polyspike.experiments.reproduce.jobs import Job, Options, Part, Rows
from polyspike.problem import Problem
from polyspike.results import Estimate

__all__ = ["CONVERGENCE", "fit_rate"]

NAME = "convergence"


def draws_of(options: Options) -> dict[int, int]:
    """Draws at every n. A draw costs n^3, and the ends of the line through all sizes weigh the same: so most draws at
    the smallest. 4000 is still a matter of seconds.
    """
    usual = {500: 12, 1000: 8, 2000: 6} if options.quick else {500: 24, 1000: 16, 2000: 8, 4000: 7}
    return {n: options.seeds or draws for n, draws in usual.items()}


def problem_of(n: int) -> Problem:
    """A linear teacher, whose errors have light tails, at the ratios of figure 1."""
    return Problem(SHIFTED_SINE, "h1", n, n // 4, n // 2, step_exponent=0.0, ridge=0.1)


def plan(options: Options) -> list[Job]:
    """One job a draw at one size, on which all is measured; the alignments, which vary least, on half of them."""
    jobs = []
    for n, draws in draws_of(options).items():
        for k in range(draws):
            aligned, cost = k < max(2, draws // 2), 14 * (n / 2000) ** 3 + 0.5
            key = f"{NAME}: all on one draw, {problem_of(n)}, aligned {aligned}, seed {k}"
            jobs.append(Job(key, cost, partial(run, n, k, aligned)))
    return jobs


def run(n: int, seed: int, aligned: bool = True) -> Rows:
    """Every distance from the limit, and the constant part of the even spikes in the sign of c_2."""
    one = shared(problem_of(n), (4, seed))
    distances = gaps_and_losses(one) | (alignments(one) if aligned else {})
    predicted = published_offset(one.problem.replace(step_exponent=WINDOW_EXPONENTS[2], gradient="target"))
    left = {name: value * float(np.sign(predicted)) for name, value in offsets(one).items()}
    return {
        f"{NAME}_draws": [{"name": name, "n": n, "seed": seed, "distance": d} for name, d in distances.items()],
        f"{NAME}_offset_draws": [{"n": n, "seed": seed, "left_by_published": abs(predicted), **left}],
    }


def published_offset(problem: Problem) -> float:
    """The constant part of the even spikes that monomials miss, as :func:`polyspike.simulation.equivalence.offset`.

    ``sum_k c_k (eta c_1 |beta|)^k (E P_k - E kappa^k) cov(u^k, u^2) / sqrt(2 N^(k-1))`` over k = 2, 4, for the Gaussian
    readout and the target-only gradient, with ``E P_k = (k-1)!! (1 + Q)^(k/2)``: the second spike alone gives
    ``c_2 (eta c_1 |beta|)^2 Q sqrt(2/N)``.
    """
    sigma, q = problem.activation, limit(problem, 1).extras["Q"]
    c = sigma.coefficients(OFFSET_WINDOW)
    squared_norm = problem.teacher.coefficients(1)[1] ** 2 + problem.phi_gradient * problem.label_second_moment
    scale = problem.step * c[1] * sqrt(squared_norm)
    constant, covariance = {2: q, 4: 3 * ((1 + q) ** 2 - 1)}, {2: 2, 4: 12}
    terms = (c[k] * scale**k * constant[k] * covariance[k] / sqrt(2 * problem.width ** (k - 1)) for k in constant)
    return float(sum(terms))


def fit_rate(distances: Columns, name: str, draws: int) -> tuple[Estimate, float]:
    """Slope of ``log distance`` against ``log n`` by least squares, with the standard error that the means carry
    into it; and the prefactor of ``n^slope``.

    The degrees of freedom of that error are those of all sizes together, the draws of all less one for each size.
    """
    here = select(distances, name=name)
    log_n, log_d = np.log(here["n"]), np.log(here["distance"])
    centred = log_n - log_n.mean()
    weights = centred / float(centred @ centred)
    slope = float(weights @ log_d)
    relative = here["distance_se"] / here["distance"]
    error = float(np.sqrt(weights**2 @ relative**2))
    return Estimate(slope, error, 1 + draws - log_n.size), float(np.exp(log_d.mean() - slope * log_n.mean()))


def tables(rows: Mapping[str, Sequence[Row]]) -> dict[str, Columns]:
    """Mean distances, every draw, and the fitted rates."""
    draws = to_columns(rows[f"{NAME}_draws"])
    means = average(draws, ("name", "n"), ("distance",))
    rates: list[Row] = []
    for name in map(str, unique(means["name"].tolist())):
        slope, prefactor = fit_rate(means, name, len(select(draws, name=name)["seed"]))
        error, n = slope.standard_error, slope.replicates
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
    """The claims at the largest n; the margin is the share 1/d that |beta|^2 Q may be off at this size."""
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
