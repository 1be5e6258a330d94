"""Part 1: the eigenvalues of F F'/N at five steps, and the spikes that leave the bulk one by one."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from polyspike.experiments.edge import fit_edge
from polyspike.experiments.reproduce.claims import Claim, equal, every
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns
from polyspike.experiments.reproduce.common import SHIFTED_SINE, WINDOW_EXPONENTS, average, limit, sample
from polyspike.experiments.reproduce.jobs import Job, Options, Part, Rows
from polyspike.problem import Problem
from polyspike.results import Measurement
from polyspike.simulation import simulate_many

__all__ = ["SPECTRUM"]

NAME = "spectrum"
TOP = 4
CONSTANT_STEP = 2.0
RESOLUTION = 0.1


class Panel(NamedTuple):
    """One step, or one activation, of the figure, and the number of spikes that the paper predicts."""

    name: str
    title: str
    problem: Problem
    spikes: int


def panels(options: Options) -> list[Panel]:
    """The six panels. The teacher is three times h1, so that the third spike is clear of the bulk at this n."""
    n = 1000 if options.quick else 2000
    start = Problem(SHIFTED_SINE, "3*h1", n, n // 4, n // 2, step_size=0.0)
    constant = start.replace(step_size=CONSTANT_STEP)
    found = [
        Panel("initial", r"initialisation, $\eta = 0$", start, 0),
        Panel("constant", rf"constant step, $\eta = {CONSTANT_STEP:g}$", constant, 1),
    ]
    for level, alpha in WINDOW_EXPONENTS.items():
        title = rf"window $\ell = {level}$, $\alpha = {alpha:g}$"
        found.append(Panel(f"window {level}", title, start.replace(step_exponent=alpha), level))
    odd = start.replace(activation="tanh", step_exponent=WINDOW_EXPONENTS[2])
    title = rf"tanh ($c_2 = 0$), $\ell = 2$, $\alpha = {WINDOW_EXPONENTS[2]:g}$"
    found.append(Panel("tanh, window 2", title, odd, _existing(odd)))
    return found


def _existing(problem: Problem) -> int:
    """Spikes of a window: one for each degree k <= l with c_k != 0."""
    assert problem.window is not None
    return int(np.count_nonzero(problem.activation.coefficients(problem.window)[1:]))


def plan(options: Options) -> list[Job]:
    """One job a seed; the panels share its draw."""
    shown = panels(options)
    seeds = range(options.replicates(full=6, quick=3))
    cost = 8 * (shown[0].problem.width / 1000) ** 3
    key = f"{NAME}: {[p.problem for p in shown]}"
    return [Job(f"{key}, seed {k}", cost, partial(run, shown, k)) for k in seeds]


def run(shown: Sequence[Panel], seed: int) -> Rows:
    """Simulate all panels at one seed."""
    runs = simulate_many([p.problem for p in shown], seed=(1, seed), n_test=2, eigenvalues="all")
    values: list[Row] = []
    if seed == 0:
        for panel, found in zip(shown, runs):
            assert found.eigenvalues is not None
            values += [{"panel": panel.name, "eigenvalue": float(v)} for v in found.eigenvalues]
    return {f"{NAME}_eigenvalues": values, f"{NAME}_draws": [_draw(p, seed, m) for p, m in zip(shown, runs)]}


def _draw(panel: Panel, seed: int, found: Measurement) -> Row:
    assert found.eigenvalues is not None
    assert found.cosine is not None
    edge = fit_edge(found.eigenvalues)
    return {
        "panel": panel.name,
        "seed": seed,
        "spikes": edge.n_spikes,
        "edge": edge.position + 4 * edge.scale,
        **{f"top{k + 1}": float(found.eigenvalues[k]) for k in range(TOP)},
        "rank_one": found.rank_one_fraction,
        "cosine": found.cosine,
        "title": panel.title,
        "step": panel.problem.step,
        "expected": panel.spikes,
        **_predicted(panel.problem),
    }


def _predicted(problem: Problem) -> dict[str, float]:
    """Limits of the rank-one share of the gradient, ``1 / (1 + Q)``, and of cos(beta, beta*)."""
    first = limit(problem, 1)
    return {"rank_one_limit": 1 / (1 + first.extras["Q"]), "cosine_limit": first.cosine}


def tables(rows: Mapping[str, Sequence[Row]]) -> dict[str, Columns]:
    """The eigenvalues of one draw, every draw's spikes, and their means."""
    draws = to_columns(rows[f"{NAME}_draws"])
    by = ("panel", "title", "step", "expected", "rank_one_limit", "cosine_limit")
    values = ("spikes", "edge", "top1", "top2", "top3", "top4", "rank_one", "cosine")
    means = average(draws, by, values)
    first = select(draws, seed=0)
    means["edge_drawn"] = np.array([select(first, panel=p)["edge"][0] for p in means["panel"]])
    return {
        NAME: means,
        f"{NAME}_draws": draws,
        f"{NAME}_eigenvalues": to_columns(rows[f"{NAME}_eigenvalues"]),
    }


def claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """The number of spikes in every panel, and the rank-one part of the gradient."""
    draws, means = tables[f"{NAME}_draws"], tables[NAME]
    found = []
    for panel, expected in zip(means["panel"].tolist(), means["expected"].tolist()):
        statement = f"{panel}: {expected:.0f} spikes beyond the bulk, in every draw"
        found.append(every(NAME, statement, select(draws, panel=panel)["spikes"].tolist(), expected))
    return found + _gradient_claims(draws, means)


def _gradient_claims(draws: Columns, means: Columns) -> list[Claim]:
    here = select(means, panel="window 1")
    rank_one, cosine = float(here["rank_one_limit"][0]), float(here["cosine_limit"][0])
    found = []
    for words, name, predicted in (
        ("share of |G|^2 that its rank-one part explains = 1/(1 + Q)", "rank_one", rank_one),
        ("cos(beta, beta*) = its limit", "cosine", cosine),
    ):
        measured = sample(draws, name, panel="window 1")
        found.append(equal(NAME, words, measured, predicted, resolution=RESOLUTION * predicted))
    return found


SPECTRUM = Part(NAME, "Spikes leave the bulk one by one", plan, tables, claims)
