"""Part 1: the eigenvalues of F F'/N at five steps, and the spikes that leave the bulk one by one."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from polyspike.edge import fit_edge
from polyspike.experiments.reproduce.claims import Claim, equal, every
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns
from polyspike.experiments.reproduce.common import SHIFTED_SINE, WINDOW_EXPONENTS, average, limit, sample
from polyspike.experiments.reproduce.jobs import Job, Options, Part, Rows
from polyspike.problem import Problem
from polyspike.results import Measurement
from polyspike.simulation import simulate
from polyspike.spectra import Spectrum
from polyspike.theory import predict

__all__ = ["SPECTRUM", "predicted_spectrum"]

NAME = "spectrum"
TOP = 4
CONSTANT_STEP = 2.0
RESOLUTION = 0.1
SPIKE_RESOLUTION = 0.25
CURVE_POINTS = 200
FINITE_SIZE = 10.0
"""Relative finite-size term of a predicted spike, times d: its strength is a sum over d directions."""


class Panel(NamedTuple):
    """One step, or one activation, of the figure, and the number of spikes that the paper predicts."""

    name: str
    title: str
    problem: Problem
    spikes: int


def panels(options: Options) -> list[Panel]:
    """The six panels. The teacher is three times h1, so that the third spike is clear of the bulk at this n."""
    n = 1000 if options.quick else 2000
    start = Problem(SHIFTED_SINE, "3*h1", n, n // 4, n // 2, step_size=0.0, ridge=0.01)
    constant = start.replace(step_size=CONSTANT_STEP)
    found = [
        Panel("initial", r"initialisation, $\eta = 0$", start, 0),
        Panel("constant", rf"constant step, $\eta = {CONSTANT_STEP:g}$", constant, 1),
    ]
    for window, alpha in WINDOW_EXPONENTS.items():
        title = rf"window $\ell = {window}$, $\alpha = {alpha:g}$"
        found.append(Panel(f"window {window}", title, start.replace(step_exponent=alpha), window))
    odd = start.replace(activation="tanh", step_exponent=WINDOW_EXPONENTS[2])
    title = rf"tanh ($c_2 = 0$), $\ell = 2$, $\alpha = {WINDOW_EXPONENTS[2]:g}$"
    found.append(Panel("tanh, window 2", title, odd, _existing(odd)))
    return found


def _existing(problem: Problem) -> int:
    """Spikes of a window: one for each degree k <= l with c_k != 0."""
    assert problem.window is not None
    return int(np.count_nonzero(problem.activation.coefficients(problem.window)[1:]))


def plan(options: Options) -> list[Job]:
    """One job a seed, whose draw the panels share; and one for the theory."""
    shown = panels(options)
    seeds = range(options.replicates(full=6, quick=3))
    cost = 8 * (shown[0].problem.width / 1000) ** 3
    key = f"{NAME}: {[p.problem for p in shown]}"
    jobs = [Job(f"{key}, seed {k}, edge", cost, partial(run, shown, k)) for k in seeds]
    return [Job(f"{key}, theory {CURVE_POINTS}, intervals", 0.5, partial(run_theory, shown)), *jobs]


def run(shown: Sequence[Panel], seed: int) -> Rows:
    """Simulate all panels at one seed."""
    runs = simulate([p.problem for p in shown], seed=(1, seed), n_test=2, eigenvalues="all")
    values: list[Row] = []
    if seed == 0:
        for panel, found in zip(shown, runs):
            assert found.eigenvalues is not None
            values += [{"panel": panel.name, "eigenvalue": float(v)} for v in found.eigenvalues]
    return {f"{NAME}_eigenvalues": values, f"{NAME}_draws": [_draw(p, seed, m) for p, m in zip(shown, runs)]}


def run_theory(shown: Sequence[Panel]) -> Rows:
    """Density, intervals of the bulk, its end and the spikes of every panel; the density as a share of the positive
    eigenvalues.
    """
    return {f"{NAME}_theory": [row for panel in shown for row in _theory_rows(panel)]}


def predicted_spectrum(problem: Problem) -> Spectrum:
    """The spectrum that the finite-size theory predicts."""
    return predict(problem).spectrum


def _theory_rows(panel: Panel) -> list[Row]:
    found = predicted_spectrum(panel.problem)
    x, density = found.curve(CURVE_POINTS)
    shares = density / (1 - found.atom)
    rows: list[Row] = [{"kind": "density", "x": float(a), "value": float(b)} for a, b in zip(x, shares)]
    rows += [{"kind": "interval", "x": low, "value": high} for low, high in found.edges]
    rows.append({"kind": "edge", "x": found.edges[-1][1], "value": 0.0})
    above = [spike.location for spike in found.spikes if spike.location > found.edges[-1][1]]
    rows += [{"kind": "spike", "x": x, "value": float(k)} for k, x in enumerate(above, start=1)]
    return [{"panel": panel.name, "input_dim": panel.problem.input_dim, **row} for row in rows]


def _draw(panel: Panel, seed: int, found: Measurement) -> Row:
    assert found.eigenvalues is not None
    assert found.cosine is not None
    edge = fit_edge(found.eigenvalues)
    return {
        "panel": panel.name,
        "seed": seed,
        "spikes": edge.n_spikes,
        "edge": edge.position + 4 * edge.scale,
        "bulk_end": edge.position,
        "bulk_scale": edge.scale,
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
    values = ("spikes", "edge", "bulk_end", "bulk_scale", "top1", "top2", "top3", "top4", "rank_one", "cosine")
    means = average(draws, by, values)
    first = select(draws, seed=0)
    means["edge_drawn"] = np.array([select(first, panel=p)["edge"][0] for p in means["panel"]])
    return {
        NAME: means,
        f"{NAME}_draws": draws,
        f"{NAME}_theory": to_columns(rows[f"{NAME}_theory"]),
        f"{NAME}_eigenvalues": to_columns(rows[f"{NAME}_eigenvalues"]),
    }


def claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """The number of spikes in every panel, their predicted places, and the rank-one part of the gradient."""
    draws, means = tables[f"{NAME}_draws"], tables[NAME]
    found = []
    for panel, expected in zip(means["panel"].tolist(), means["expected"].tolist()):
        statement = f"{panel}: {expected:.0f} spikes beyond the bulk, in every draw"
        found.append(every(NAME, statement, select(draws, panel=panel)["spikes"].tolist(), expected))
    found += [claim for panel in means["panel"].tolist() for claim in _place_claims(tables, panel)]
    return found + _gradient_claims(draws, means)


def _place_claims(tables: Mapping[str, Columns], panel: str) -> list[Claim]:
    """The claims about the bulk's end and every spike, against the finite-size theory."""
    draws, theory = tables[f"{NAME}_draws"], select(tables[f"{NAME}_theory"], panel=panel)
    end = float(select(theory, kind="edge")["x"][0])
    scale = sample(draws, "bulk_scale", panel=panel).mean
    words = f"{panel}: the bulk ends where predicted, within the scale of its last eigenvalues ({scale:.2g})"
    measured = sample(draws, "bulk_end", panel=panel)
    found = [equal(NAME, words, measured, end, resolution=SPIKE_RESOLUTION * end, margin=scale)]
    spikes = select(theory, kind="spike")
    for rank, place, d in zip(spikes["value"], spikes["x"], spikes["input_dim"]):
        words = f"{panel}: spike {rank:.0f} lies where predicted, within {FINITE_SIZE:g}/d of its place"
        measured = sample(draws, f"top{rank:.0f}", panel=panel)
        terms = {"resolution": SPIKE_RESOLUTION * place, "margin": FINITE_SIZE / d * place}
        found.append(equal(NAME, words, measured, float(place), **terms))
    return found


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
