"""Part 4: the same distances at growing n, so that the limit is seen to be approached, and how slowly."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from polyspike.experiments.reproduce import alignment
from polyspike.experiments.reproduce.claims import Claim, below
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns, unique
from polyspike.experiments.reproduce.common import SHIFTED_SINE, WINDOW_EXPONENTS, average, limit
from polyspike.experiments.reproduce.jobs import Job, Options, Part, Rows
from polyspike.problem import Problem
from polyspike.results import Estimate
from polyspike.simulation import simulate_many
from polyspike.simulation.equivalence import equivalence

__all__ = ["CONVERGENCE", "fit_rate"]

NAME = "convergence"
LOSS_EXPONENTS = (0.15, 0.2)


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
    return {NAME: means, f"{NAME}_rates": to_columns(rates), f"{NAME}_draws": draws}


WORDS = {
    "operator": "|F - F_l|/sqrt(n) in window {} falls as n grows: its power of n",
    "train": "train error of F minus that of F_l, window {}: its power of n",
    "test": "test error of F minus that of F_l, window {}: its power of n",
    "loss": "train loss at alpha = {}: distance of its drop from the limit, its power of n",
    "alignment": "what the top vectors lack of degree {} in its window: its power of n",
}


def claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """Every distance falls as a power of n."""
    found = []
    for name, rate, error, n in zip(
        *(tables[f"{NAME}_rates"][c].tolist() for c in ("name", "rate", "rate_se", "freedom"))
    ):
        kind, where = name.split()
        found.append(below(NAME, WORDS[kind].format(where), Estimate(rate, error, int(n) + 1), 0.0))
    return found


CONVERGENCE = Part(NAME, "How the limit is approached", plan, tables, claims)
