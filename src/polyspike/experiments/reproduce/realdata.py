"""Part 5: the same experiment on real data, MNIST or the user's own table."""

from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from polyspike.data import Dataset, load, whiten
from polyspike.data.targets import standardise
from polyspike.errors import ArgumentError
from polyspike.experiments.edge import fit_edge
from polyspike.experiments.reproduce.alignment import learned, share_of
from polyspike.experiments.reproduce.claims import Claim, above, below
from polyspike.experiments.reproduce.columns import Columns, Row, select, to_columns
from polyspike.experiments.reproduce.common import SHIFTED_SINE, UNTRAINED, average, paired, sample, with_exponent
from polyspike.experiments.reproduce.jobs import Job, Options, Part, Rows
from polyspike.problem import Problem
from polyspike.results import Measurement
from polyspike.simulation import simulate_data
from polyspike.simulation.data_draw import DataDraw
from polyspike.simulation.ridge import fit_readouts

__all__ = ["REALDATA"]

Array = NDArray[np.float64]

NAME = "realdata"
MAX_DIM = 200
MAX_ROWS = 2000
MAX_WIDTH = 1000
MIN_ROWS = 200
EXPONENTS = (UNTRAINED, 0.0, 0.1, 0.15, 0.2, 0.25, 0.29, 0.354, 0.4, 0.5)
SHOWN = 0.29
LINEAR_RIDGES = tuple(np.geomspace(1e-3, 1e3, 13).tolist())


def plan(options: Options) -> list[Job]:
    """One job a split, all exponents on it. The data are whitened once, here, so that bad ones are refused first."""
    data = options.data or load("mnist")
    inputs, target = _prepared(data)
    problem = _problem(inputs, options.quick)
    digest = sha256(inputs.tobytes() + target.tobytes()).hexdigest()[:16]
    key = f"{NAME}: {data.name}, {data.target_name}, {digest}, {problem}, {EXPONENTS}"
    title = f"{data.name}: {data.target_name} from {inputs.shape[1]} whitened inputs"
    cost = 1 + 3 * len(EXPONENTS) * (problem.width / 1000) ** 2 * problem.n_samples / 1000
    seeds = range(options.replicates(full=8, quick=4))
    return [Job(f"{key}, split {k}", cost, partial(run, problem, inputs, target, title, k)) for k in seeds]


def _prepared(data: Dataset) -> tuple[Array, Array]:
    """Whitened inputs and a standardised target."""
    rows, columns = data.shape
    if rows < MIN_ROWS or columns < 2:
        raise ArgumentError("data", data.name, f"it has {rows} rows and {columns} input columns; give {MIN_ROWS} and 2")
    rank = int(np.linalg.matrix_rank(data.inputs - data.inputs.mean(axis=0)))
    return whiten(data.inputs, min(MAX_DIM, rank)), standardise(data.target)


def _problem(inputs: Array, quick: bool) -> Problem:
    """Two fifths of the rows for the gradient, two fifths for the ridge fit, the rest is tested on."""
    rows, dim = inputs.shape
    n = min(MAX_ROWS // 2 if quick else MAX_ROWS, 2 * rows // 5)
    width = min(MAX_WIDTH // 2 if quick else MAX_WIDTH, max(n // 2, 60))
    return Problem(SHIFTED_SINE, "h1", n, dim, width, step_exponent=0.0, ridge=0.1)


def run(problem: Problem, inputs: Array, target: Array, title: str, split: int) -> Rows:
    """Errors, spectra and alignments at every exponent of one split."""
    seed = (6, split)
    others = [a for a in EXPONENTS if a not in (UNTRAINED, SHOWN)]
    runs = dict(zip(others, simulate_data([with_exponent(problem, a) for a in others], inputs, target, seed=seed)))
    shown = [with_exponent(problem, a) for a in (UNTRAINED, SHOWN)]
    before, after = simulate_data(shown, inputs, target, seed=seed, eigenvalues="all")
    runs |= {UNTRAINED: before, SHOWN: after}
    draw = DataDraw(seed, inputs, target, problem.gradient_samples, problem.n_samples, problem.width)
    linear = _linear_error(draw)
    errors: list[Row] = [
        {
            "seed": split,
            "exponent": a,
            "test_error": runs[a].test_error,
            "train_error": runs[a].train_error,
            "linear_error": linear,
        }
        for a in EXPONENTS
    ]
    shares: list[Row] = [
        {"seed": split, "exponent": a, **share_of(vectors, kappa, 0.0)}
        for a, vectors, kappa in learned(draw, problem, EXPONENTS)
    ]
    spectra = _spectrum_rows("before", before) + _spectrum_rows("after", after) if split == 0 else []
    return {
        f"{NAME}_draws": errors,
        f"{NAME}_alignment_draws": shares,
        f"{NAME}_spectra": spectra,
        f"{NAME}_spikes": [{"seed": split, "before": _spikes(before), "after": _spikes(after)}],
        f"{NAME}_data": [{"title": title}],
    }


def _linear_error(draw: DataDraw) -> float:
    """Test error of ridge on the whitened inputs; the ridge that is best on the test rows, so no harder rival is."""
    fitted = draw.ridge_sample
    readouts = fit_readouts(fitted.inputs, fitted.target, LINEAR_RIDGES)
    tested = list(draw.test_blocks())
    squares = sum(np.sum((b.target[:, None] - b.inputs @ readouts) ** 2, axis=0) for b in tested)
    return float(np.min(squares) / sum(len(b.target) for b in tested))


def _spectrum_rows(when: str, found: Measurement) -> list[Row]:
    assert found.eigenvalues is not None
    edge = fit_edge(found.eigenvalues)
    end = edge.position + 4 * edge.scale
    return [{"when": when, "eigenvalue": float(v), "edge": end} for v in found.eigenvalues]


def _spikes(found: Measurement) -> int:
    assert found.eigenvalues is not None
    return fit_edge(found.eigenvalues).n_spikes


def tables(rows: Mapping[str, Sequence[Row]]) -> dict[str, Columns]:
    """Mean errors and shares against the exponent, the spectra of one split, and every split."""
    draws, shares = to_columns(rows[f"{NAME}_draws"]), to_columns(rows[f"{NAME}_alignment_draws"])
    names = [name for name in shares if name not in ("seed", "exponent")]
    return {
        NAME: average(draws, ("exponent",), ("test_error", "train_error", "linear_error")),
        f"{NAME}_draws": draws,
        f"{NAME}_alignment": average(shares, ("exponent",), names),
        f"{NAME}_spectra": to_columns(rows[f"{NAME}_spectra"]),
        f"{NAME}_spikes": to_columns(rows[f"{NAME}_spikes"]),
        f"{NAME}_data": to_columns(rows[f"{NAME}_data"][:1]),
        f"{NAME}_alignment_draws": shares,
    }


def claims(tables: Mapping[str, Columns]) -> list[Claim]:
    """Whether the step does on these data what it does on Gaussian ones."""
    draws, shares, spikes = (tables[f"{NAME}_{name}"] for name in ("draws", "alignment_draws", "spikes"))
    means = tables[NAME]
    best = float(means["exponent"][int(np.argmin(means["test_error"]))])
    new = {"new": spikes["after"] - spikes["before"]}
    rival = {"gain": draws["test_error"] - draws["linear_error"], "exponent": draws["exponent"]}
    here: dict[str, float | str] = {"exponent": SHOWN}
    start: dict[str, float | str] = {"exponent": UNTRAINED}
    return [
        above(
            NAME, f"at alpha = {SHOWN:g} the step adds spikes: their number minus that before", sample(new, "new"), 0.0
        ),
        above(
            NAME,
            f"at alpha = {SHOWN:g} the top vectors hold most of beta . x: share > 1/2",
            sample(shares, "h1", **here),
            0.5,
        ),
        below(NAME, "before the step they do not: share < 1/2", sample(shares, "h1", **start), 0.5),
        below(
            NAME, f"one step at alpha = {SHOWN:g} lowers the test error", paired(draws, "test_error", here, start), 0.0
        ),
        below(
            NAME,
            f"test error at the best step (alpha = {best:g}) minus that of the best ridge on the inputs",
            sample(select(rival, exponent=best), "gain"),
            0.0,
        ),
    ]


REALDATA = Part(NAME, "The same on real data", plan, tables, claims)
